package validate_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/ward-health/ward/clinical/fhir/issue"
	"github.com/ward-health/ward/clinical/fhir/validate"
)

// constrained is a profile of Task with one invariant.
func constrained(expression string) string {
	return profile("p", "Task", fmt.Sprintf(`{"id":"Task","path":"Task","constraint":[{"key":"x-1","severity":"error","human":"h","expression":%q}]}`, expression))
}

// TestUnknownIsNotHeldAgainst: an invariant that is not true because it asks for what is not known here says that it was not checked; one that is not true
// by what is known refuses, and so does one that asks for something contained that is not there.
func TestUnknownIsNotHeldAgainst(t *testing.T) {
	const known = `{"resourceType":"ValueSet","url":"http://ward.test/vs","status":"active","compose":{"include":[{"system":"http://ward.test/cs","concept":[{"code":"a"}]}]}}`
	task := func(more string) string {
		return `{"resourceType":"Task","status":"draft","intent":"order","code":{"coding":[{"system":"http://ward.test/cs","code":"b"}]}` + more + `}`
	}
	const unchecked, refused = "invariant-not-checked x-1", "invariant x-1"
	for _, c := range []struct{ name, expression, text, want string }{
		{"a value set that is not loaded", "code.memberOf('http://ward.test/other')", task(""), unchecked},
		{"a value set that is loaded", "code.memberOf('http://ward.test/vs')", task(""), refused},
		{"all of a value set that is not loaded", "code.coding.all(memberOf('http://ward.test/other'))", task(""), unchecked},
		{"a target that is not there", "focus.resolve() is ServiceRequest", task(`,"focus":{"reference":"ServiceRequest/1"}`), unchecked},
		{"a target that is contained", "focus.resolve() is ServiceRequest", task(`,"contained":[{"resourceType":"Patient","id":"a"}],"focus":{"reference":"#a"}`), refused},
		{"no target", "focus.resolve() is ServiceRequest", task(""), refused},
		{"a profile that is not loaded", "code.conformsTo('http://ward.test/q')", task(""), unchecked},
		{"what is known is enough", "status = 'draft' or code.memberOf('http://ward.test/other')", task(""), ""},
		{"what is unknown does not come into it", "code.memberOf('http://ward.test/other') or true", task(""), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := validate.New(setOf(t, constrained(c.expression), known), validate.Options{})
			d := parse(t, []byte(c.text))
			var got []string
			all := v.Validate(d, "http://ward.test/p")
			for _, i := range all {
				if i.Rule == "x-1" {
					got = append(got, i.ID+" "+i.Rule)
				}
			}
			if strings.Join(got, ", ") != c.want || issue.Valid(all) == (c.want == refused) {
				t.Errorf("got %q, want %q: %+v", got, c.want, all)
			}
			for _, i := range all {
				if i.ID == "invariant-not-checked" && !strings.Contains(i.Text, "x-1") {
					t.Errorf("the warning does not name the invariant: %s", i.Text)
				}
			}
		})
	}
}

// TestTypeAmongItsProfiles: of several profiles of a type one is enough, and the type itself may be one of them.
func TestTypeAmongItsProfiles(t *testing.T) {
	address := `{"resourceType":"StructureDefinition","url":"http://ward.test/address","name":"A","status":"active","kind":"complex-type","abstract":false,"type":"Address",
		"baseDefinition":"http://hl7.org/fhir/StructureDefinition/Address","derivation":"constraint","differential":{"element":[{"path":"Address.country","min":1}]}}`
	text := parse(t, []byte(`{"resourceType":"Patient","address":[{"city":"x"}]}`))
	for profiles, want := range map[string]string{
		`"http://ward.test/address"`: "profile-cardinality-min Patient.address[0]",
		`"http://ward.test/address","http://hl7.org/fhir/StructureDefinition/Address"`: "",
		`"http://hl7.org/fhir/StructureDefinition/Address","http://ward.test/address"`: "",
	} {
		set := setOf(t, address, profile("p", "Patient", `{"path":"Patient.address","type":[{"code":"Address","profile":[`+profiles+`]}]}`))
		if got := found(validate.New(set, validate.Options{}).Validate(text, "http://ward.test/p")); got != want {
			t.Errorf("%s: got %q, want %q", profiles, got, want)
		}
	}
}

// TestContextOfNestedItem: what may extend Questionnaire.item may extend the items of items, which are defined by it.
func TestContextOfNestedItem(t *testing.T) {
	extension := `{"resourceType":"StructureDefinition","url":"http://ward.test/x","name":"X","status":"active","kind":"complex-type","abstract":false,
		"context":[{"type":"element","expression":"Questionnaire.item"}],"type":"Extension","baseDefinition":"http://hl7.org/fhir/StructureDefinition/Extension","derivation":"constraint",
		"differential":{"element":[{"path":"Extension.url","fixedUri":"http://ward.test/x"},{"path":"Extension.value[x]","min":1,"type":[{"code":"boolean"}]}]}}`
	v := validate.New(setOf(t, extension), validate.Options{})
	const x = `"extension":[{"url":"http://ward.test/x","valueBoolean":true}]`
	text := `{"resourceType":"Questionnaire","status":"draft",%s"item":[{"linkId":"1","type":"group",%[2]s,"item":[{"linkId":"2","type":"group",%[2]s,"item":[{"linkId":"3","type":"string","text":"a",%[2]s}]}]}]}`
	if got := found(v.Validate(parse(t, fmt.Appendf(nil, text, "", x)))); got != "" {
		t.Errorf("on items: %s", got)
	}
	if got := found(v.Validate(parse(t, fmt.Appendf(nil, text, x+",", x)))); got != "extension-context Questionnaire.extension[0]" {
		t.Errorf("on the Questionnaire: %q", got)
	}
}

// TestOneBindingOnce: a snapshot that names the value set of R4 by its version says nothing new.
func TestOneBindingOnce(t *testing.T) {
	set := setOf(t, profile("p", "Patient", `{"path":"Patient.maritalStatus","binding":{"strength":"extensible","valueSet":"http://hl7.org/fhir/ValueSet/marital-status|4.0.1"}}`))
	all := validate.New(set, validate.Options{}).Validate(parse(t, []byte(`{"resourceType":"Patient","maritalStatus":{"coding":[{"system":"http://ward.test/cs","code":"b"}]}}`)), "http://ward.test/p")
	if len(all) != 1 || all[0].ID != "code-not-in-value-set" {
		t.Errorf("%+v", all)
	}
}

// TestPartsOfExtensions: the parts of a complex extension are those that its definition names.
func TestPartsOfExtensions(t *testing.T) {
	extension := `{"resourceType":"StructureDefinition","url":"http://ward.test/x","name":"X","status":"active","kind":"complex-type","abstract":false,
		"context":[{"type":"element","expression":"Patient"}],"type":"Extension","baseDefinition":"http://hl7.org/fhir/StructureDefinition/Extension","derivation":"constraint",
		"differential":{"element":[{"id":"Extension.extension:a","path":"Extension.extension","sliceName":"a"},{"id":"Extension.extension:a.url","path":"Extension.extension.url","fixedUri":"a"},
		{"path":"Extension.url","fixedUri":"http://ward.test/x"},{"path":"Extension.value[x]","max":"0"}]}}`
	v := validate.New(setOf(t, extension), validate.Options{})
	for url, want := range map[string]string{
		"a":                  "",
		"b":                  "extension-unknown Patient.extension[0].extension[0]",
		"http://ward.test/y": "", // a definition of its own, which is not known
	} {
		text := `{"resourceType":"Patient","extension":[{"url":"http://ward.test/x","extension":[{"url":"` + url + `","valueBoolean":true}]}]}`
		if got := found(v.Validate(parse(t, []byte(text)))); got != want {
			t.Errorf("%s: got %q, want %q", url, got, want)
		}
	}
}

// TestSlicesOfUnknownTargets: a reference whose target is not here may be in a slice that goes by the target; that it is in none is not said of it.
func TestSlicesOfUnknownTargets(t *testing.T) {
	const closed = `"rules":"closed"}},{"path":"Observation.focus","sliceName":"a","min":1,"type":[{"code":"Reference","targetProfile":[`
	byType := profile("p", "Observation", `{"path":"Observation.focus","slicing":{"discriminator":[{"type":"type","path":"resolve()"}],`+closed+`"http://hl7.org/fhir/StructureDefinition/Patient"]}]}`)
	byProfile := profile("p", "Observation", `{"path":"Observation.focus","slicing":{"discriminator":[{"type":"profile","path":"resolve()"}],`+closed+`"http://ward.test/named"]}]}`)
	none, unmatched := "profile-cardinality-min Observation", "profile-cardinality-min Observation, slice-unmatched Observation.focus[0]"
	for _, c := range []struct{ profile, focus, want string }{
		{byType, `{"reference":"Patient/1"}`, ""},
		{byType, `{"reference":"Group/1"}`, unmatched},
		{byType, `{"type":"Patient","identifier":{"value":"1"}}`, ""},
		{byType, `{"type":"Group","identifier":{"value":"1"}}`, unmatched},
		{byType, `{"reference":"urn:uuid:c757873d-ec9a-4326-a141-556f43239520","type":"Patient"}`, ""},
		{byType, `{"reference":"urn:uuid:c757873d-ec9a-4326-a141-556f43239520"}`, ""},
		{byProfile, `{"reference":"#named"}`, ""},
		{byProfile, `{"reference":"#other"}`, unmatched},
		{byProfile, `{"reference":"Group/1"}`, unmatched},
		{byProfile, `{"reference":"Patient/1"}`, ""},
		{byProfile, `{"type":"Patient","identifier":{"value":"1"}}`, ""},
		{byProfile, ``, none},
	} {
		v := validate.New(setOf(t, c.profile, profile("named", "Patient", `{"path":"Patient.name","min":1}`)), validate.Options{})
		text := `{"resourceType":"Observation","contained":[{"resourceType":"Patient","id":"named","name":[{"text":"x"}]},{"resourceType":"Patient","id":"other"}],
			"status":"final","code":{"text":"x"},"performer":[{"reference":"#named"},{"reference":"#other"}],"focus":[` + c.focus + `]}`
		if got := found(v.Validate(parse(t, []byte(strings.Replace(text, `,"focus":[]`, "", 1))), "http://ward.test/p")); got != c.want {
			t.Errorf("%s: %q, want %q", c.focus, got, c.want)
		}
	}
}
