package validate_test

import (
	"strings"
	"testing"

	"github.com/ward-health/ward/clinical/fhir/definition"
	"github.com/ward-health/ward/clinical/fhir/issue"
	"github.com/ward-health/ward/clinical/fhir/validate"
	"github.com/ward-health/ward/clinical/fhirpath"
)

// answer evaluates an expression with what a Validator knows.
func answer(t testing.TB, v *validate.Validator, src, expression string) string {
	t.Helper()
	d := parse(t, []byte(src))
	root, err := fhirpath.Root(d, v.Set())
	if err != nil {
		t.Fatal(err)
	}
	got, err := fhirpath.MustCompile(expression).Eval(v.Context(root), root)
	if err != nil {
		return "error: " + err.Error()
	}
	var out []string
	for _, g := range got {
		out = append(out, g.String())
	}
	return strings.Join(out, " ")
}

const patients = "http://ward.test/p"

// TestSliceFunction: slice() has what the validator puts into a slice.
func TestSliceFunction(t *testing.T) {
	within := sliced("open", false) + `,{"id":"Patient.identifier:b.extension","path":"Patient.identifier.extension","slicing":{"discriminator":[{"type":"value","path":"url"}],"rules":"open"}},
		{"id":"Patient.identifier:b.extension:e","path":"Patient.identifier.extension","sliceName":"e"},
		{"id":"Patient.identifier:b.extension:e.url","path":"Patient.identifier.extension.url","fixedUri":"http://e"},
		{"id":"Patient.identifier:b","path":"Patient.identifier","sliceName":"b","slicing":{"discriminator":[{"type":"value","path":"value"}],"rules":"open"}},
		{"id":"Patient.identifier:b/c","path":"Patient.identifier","sliceName":"b/c"},
		{"id":"Patient.identifier:b/c.system","path":"Patient.identifier.system","fixedUri":"http://b"},
		{"id":"Patient.identifier:b/c.value","path":"Patient.identifier.value","min":1,"fixedString":"2"},
		{"id":"Patient.contact","path":"Patient.contact","slicing":{"discriminator":[{"type":"value","path":"nothing"}],"rules":"open"}},
		{"id":"Patient.contact:lost","path":"Patient.contact","sliceName":"lost"}`
	v := validate.New(setOf(t, profile("p", "Patient", within)), validate.Options{})
	const src = `{"resourceType":"Patient","contact":[{"gender":"male"}],"identifier":[{"system":"http://a","value":"1"},{"system":"http://b","value":"2","extension":[{"url":"http://e","valueString":"y"},
		{"url":"http://f","valueString":"n"}]},{"system":"http://b","value":"3"},{"value":"4","extension":[{"url":"http://e","valueString":"not in b"}]}]}`
	for expression, want := range map[string]string{
		"identifier.slice('" + patients + "', 'a').value":                                          "1",
		"identifier.slice('" + patients + "', 'b').value":                                          "2 3",
		"identifier.slice('" + patients + "', 'b/c').value":                                        "2",
		"identifier.slice('" + patients + "|9', 'b').value":                                        "error",
		"identifier.slice('" + patients + "', 'e').value":                                          "", // the slice is one of its extensions
		"identifier.extension.slice('" + patients + "', 'e').value":                                "y",
		"identifier.slice('" + patients + "', 'x')":                                                "error",
		"identifier.slice('http://ward.test/q', 'a')":                                              "error",
		"contact.slice('" + patients + "', 'lost')":                                                "error",
		"name.slice('" + patients + "', 'x')":                                                      "",
		"slice('" + patients + "', 'a')":                                                           "",
		"identifier.slice('" + patients + "', 'a').count() = 1 and conformsTo('" + patients + "')": "true",
		"conformsTo('http://ward.test/q')":                                                         "error",
		"identifier.first().conformsTo('http://hl7.org/fhir/StructureDefinition/Identifier')":      "true",
		"gender.memberOf('http://hl7.org/fhir/ValueSet/administrative-gender')":                    "",
		"contact.gender.memberOf('http://hl7.org/fhir/ValueSet/administrative-gender')":            "true",
	} {
		got := answer(t, v, src, expression)
		if strings.HasPrefix(got, "error: ") {
			got = "error"
		}
		if got != want {
			t.Errorf("%s is %q, not %q", expression, got, want)
		}
	}
}

// TestSliceInContained: references of a discriminator are resolved in the resource that an item stands in.
func TestSliceInContained(t *testing.T) {
	const elements = `{"id":"Observation.performer","path":"Observation.performer","slicing":{"discriminator":[{"type":"type","path":"resolve()"}],"rules":"open"}},
		{"id":"Observation.performer:who","path":"Observation.performer","sliceName":"who","type":[{"code":"Reference","targetProfile":["http://hl7.org/fhir/StructureDefinition/Practitioner"]}]}`
	v := validate.New(setOf(t, profile("o", "Observation", elements)), validate.Options{})
	const src = `{"resourceType":"Bundle","type":"collection","entry":[{"fullUrl":"urn:uuid:3f4b7f8c-9c5b-4b53-8f1e-5f7a2b6a1c01","resource":{"resourceType":"Observation","status":"final",
		"code":{"text":"x"},"contained":[{"resourceType":"Practitioner","id":"a"},{"resourceType":"Organization","id":"b"}],"performer":[{"reference":"#b"},{"reference":"#a"}]}}]}`
	if got := answer(t, v, src, "entry.resource.performer.slice('http://ward.test/o', 'who').reference"); got != "#a" {
		t.Errorf("got %q", got)
	}
}

// TestSliceInvariant: a constraint of a profile may ask for a slice.
func TestSliceInvariant(t *testing.T) {
	set := setOf(t, profile("p", "Patient", `{"id":"Patient","path":"Patient","constraint":[{"key":"one","severity":"error","human":"One of slice b.","expression":"identifier.slice('`+patients+`', 'b').count() = 1"}]},`+
		strings.ReplaceAll(sliced("open", false), `"min":1,"max":"1"`, `"min":0,"max":"1"`)))
	v := validate.New(set, validate.Options{})
	for text, want := range map[string]string{patient("a", "b"): "", patient("a"): "invariant Patient", patient("b", "b"): "invariant Patient"} {
		if got := found(v.Validate(parse(t, []byte(text)), patients)); got != want {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
	}
}

// TestContextSteps: questions beyond the bound have no answer, and never a wrong one.
func TestContextSteps(t *testing.T) {
	set := setOf(t, profile("p", "Patient", sliced("open", false)))
	src := patient(strings.Split(strings.Repeat("b,", 500)+"a", ",")...)
	expression := "identifier.slice('" + patients + "', 'a').count()"
	if got := answer(t, validate.New(set, validate.Options{}), src, expression); got != "1" {
		t.Errorf("got %q", got)
	}
	if got := answer(t, validate.New(set, validate.Options{Steps: 500}), src, expression); !strings.HasPrefix(got, "error: ") {
		t.Errorf("with few steps: %q", got)
	}
}

// TestNoElements: a profile that says nothing of its elements is not passed over.
func TestNoElements(t *testing.T) {
	set := setOf(t, `{"resourceType":"StructureDefinition","url":"`+patients+`","name":"P","status":"active","kind":"resource","abstract":false,"type":"Patient",
		"baseDefinition":"http://ward.test/nowhere","derivation":"constraint"}`)
	all := validate.New(set, validate.Options{}).Validate(parse(t, []byte(patient("a"))), patients)
	if len(all) != 1 || all[0].ID != validate.IDProfileUnknown || all[0].Severity != issue.Warning {
		t.Errorf("%v", all)
	}
}

// TestSlicesOfUSCore: slices of published profiles, on the examples of their package.
func TestSlicesOfUSCore(t *testing.T) {
	p, all := usCore(t, "610")
	set, _ := definition.R4().With(p)
	v := validate.New(set, validate.Options{})
	const base = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-"
	for _, c := range []struct{ file, expression, want string }{
		{"Observation-blood-pressure.json", "component.slice('" + base + "blood-pressure', 'systolic').value.value", "109"},
		{"Observation-blood-pressure.json", "component.slice('" + base + "blood-pressure', 'diastolic').value.value", "44"},
		{"Observation-blood-pressure.json", "category.slice('" + base + "blood-pressure', 'VSCat').coding.code", "vital-signs"},
		{"Patient-example.json", "extension.slice('" + base + "patient', 'race').extension.slice('" + base + "race', 'ombCategory').value.code", "2106-3 1002-5 2028-9"},
		{"Patient-example.json", "extension.extension.slice('" + base + "race', 'text').value", "Mixed"},
	} {
		if all[c.file] == nil {
			t.Errorf("no %s", c.file)
			continue
		}
		if got := answer(t, v, string(all[c.file]), c.expression); got != c.want {
			t.Errorf("%s: %s is %q, not %q", c.file, c.expression, got, c.want)
		}
	}
	for name, body := range all { // it asks nothing that makes it fail
		d := parse(t, body)
		root, err := fhirpath.Root(d, set)
		if err != nil {
			continue
		}
		if _, err := fhirpath.MustCompile("descendants().elementDefinition().count()").Eval(v.Context(root), root); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
