package fhirpath

import (
	"testing"
	"time"

	"github.com/ward-health/ward/clinical/fhir/definition"
)

// TestContext: what the caller gives reaches the expression, and what is missing has no result or is an error.
func TestContext(t *testing.T) {
	n := parseNode(t, somebody)
	org := parseNode(t, `{"resourceType":"Organization","id":"far","name":"Far"}`)
	var traced []string
	ctx := &Context{Set: definition.R4(), Now: time.Date(2026, 3, 1, 10, 20, 30, 456e6, time.FixedZone("", -5*3600)), Vars: map[string]Collection{"two": {Integer(1), Integer(2)}},
		Resolve:  func(ref string) (Node, bool) { return org, ref == "Organization/far" },
		MemberOf: func(v Value, set string) (bool, bool) { return v.String() == "x", set == "known" },
		ConformsTo: func(_ Node, profile string) (bool, bool) {
			return profile == "yes", profile == "yes" || profile == "no"
		},
		Subsumes: func(system, a, b string) (bool, bool) { return a == "animal", system == "s" },
		Trace:    func(name string, vs Collection) { traced = append(traced, name+texts(vs)) },
	}
	for text, want := range map[string]string{
		"now()": "[2026-03-01T10:20:30.456-05:00]", "today()": "[2026-03-01]", "timeOfDay()": "[10:20:30.456]", "now() = now()": "[true]",
		"%two": "[1 2]", "%two.select($this * 10 + $index)": "[10 21]", "managingOrganization.resolve().name": "[Org]", "'Organization/far'.resolve().name": "[Far]", "'#o'.resolve().id": "[o]",
		"'x'.memberOf('known')": "[true]", "'y'.memberOf('known')": "[false]", "'x'.memberOf('other')": "[]", "conformsTo('yes')": "[true]", "conformsTo('no')": "[false]", "conformsTo('?')": "error",
		"conformsTo('http://hl7.org/fhir/StructureDefinition/Patient')": "[true]", "name.conformsTo('yes')": "error", "'a'.subsumes('a')": "[true]", "'animal'.subsumes('cat')": "[]",
		"name.given.trace('t').first()": "[B]", "contained.select(%rootResource.id & '/' & id)": "[p/o]", "contained.descendants().count()": "[2]", "%resource.id": "[p]",
		"birthDate.hasValue()": "[false]", "birthDate.extension('u').value": "[x]", "birthDate.extension('u').value is code": "[true]", "name.given.count()": "[3]", "name.given.id": "[g]",
		"deceased is dateTime": "[true]", "multipleBirth + 1": "[3]", "name.given[1] = 'C'": "[]", "name.given[2] = 'C'": "[true]", "name.given.where(hasValue())": "[B C]",
		"defineVariable('v', name.first()).select(%v.family)": "[A]", "defineVariable('v').name.where(family = 'A').select(%v.id)": "[p]", "%v": "error", "defineVariable('two')": "error",
		"defineVariable('v').defineVariable('v')": "error", "iif(defineVariable('v').exists(), %v, 1)": "error", "getResourceKey() = 'p'": "[true]",
	} {
		e, err := Compile(text, Options{})
		if err != nil {
			t.Error(text, err)
			continue
		}
		got, err := e.Eval(ctx, n)
		have := texts(got)
		if err != nil {
			have = "error"
		}
		if have != want {
			t.Errorf("%s is %s, not %s (%v)", text, have, want, err)
		}
	}
	if len(traced) != 1 || traced[0] != "t[B  C]" {
		t.Errorf("traced %q", traced)
	}
}

// TestNodes: a primitive's value and its extensions are one node, which knows where it is.
func TestNodes(t *testing.T) {
	n := parseNode(t, somebody)
	var paths []string
	for _, name := range n.Children(nil, definition.R4(), "name") {
		for _, g := range name.Children(nil, definition.R4(), "given") {
			paths = append(paths, g.Path()+"="+string(g.Text()))
		}
	}
	want := []string{"Patient.name[0].given[0]=B", "Patient.name[0].given[1]=", "Patient.name[0].given[2]=C"}
	if len(paths) != len(want) {
		t.Fatalf("%q", paths)
	}
	for i := range want {
		if paths[i] != want[i] {
			t.Errorf("%q, not %q", paths[i], want[i])
		}
	}
	if b := n.Children(nil, definition.R4(), "birthDate"); len(b) != 1 || b[0].Value != -1 || b[0].Extra < 0 || b[0].Path() != "Patient.birthDate" {
		t.Errorf("%+v", b)
	}
	for _, c := range n.Children(nil, definition.R4(), "contained") {
		if c.Type.Name != "Organization" || c.Resource(definition.R4()).Value != c.Value || c.container(definition.R4()).Value != 0 {
			t.Errorf("%+v", c)
		}
	}
}

// TestVariables: with a list of names, others do not compile.
func TestVariables(t *testing.T) {
	for text, ok := range map[string]bool{"%a": true, "%b": false, "%resource": true, "%`vs-x`": true, "defineVariable('c').select(%c)": true, "select(%c)": false} {
		if _, err := Compile(text, Options{Variables: []string{"a"}}); (err == nil) != ok {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// TestBundle: references are found in the Bundle around them, relative ones by the fullUrl of their own entry.
func TestBundle(t *testing.T) {
	n := parseNode(t, `{"resourceType":"Bundle","entry":[
		{"fullUrl":"http://a/Patient/1","resource":{"resourceType":"Patient","id":"1","managingOrganization":{"reference":"Organization/2"},"generalPractitioner":[{"reference":"urn:uuid:3"},{"reference":"Practitioner/9"}]}},
		{"fullUrl":"http://b/Organization/2","resource":{"resourceType":"Organization","name":"wrong"}},
		{"fullUrl":"http://a/Organization/2","resource":{"resourceType":"Organization","name":"right"}},
		{"fullUrl":"urn:uuid:3","resource":{"resourceType":"Practitioner","gender":"male"}}]}`)
	for text, want := range map[string]string{
		"entry.resource.ofType(Patient).managingOrganization.resolve().name":                       "[right]",
		"entry.resource.generalPractitioner.resolve().gender":                                      "[male]",
		"entry.resource.where($this is Patient).generalPractitioner.getReferenceKey(Practitioner)": "[9]",
		"entry.resource.ofType(Organization).select(%resource.entry.count())":                      "[4 4]",
	} {
		got, err := MustCompile(text).Eval(&Context{Set: definition.R4()}, n)
		if texts(got) != want || err != nil {
			t.Errorf("%s is %s, not %s (%v)", text, texts(got), want, err)
		}
	}
}

// TestCheckReferenceKey: the key that a reference points at is a text.
func TestCheckReferenceKey(t *testing.T) {
	for text, ok := range map[string]bool{"getReferenceKey(Patient).startsWith('a')": true, "getReferenceKey(Patient) and true": true, "getReferenceKey(Nothing)": false, "is(Reference).length()": false,
		"getReferenceKey().length() > 1": true} {
		err := MustCompile(text).Check(definition.R4(), definition.R4().Type("Reference"), CheckOptions{})
		if (err == nil) != ok {
			t.Errorf("%s: %v", text, err)
		}
	}
}
