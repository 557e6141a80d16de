package patch_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/clinical/fhir/definition"
	"github.com/ward-health/ward/clinical/fhir/format"
	"github.com/ward-health/ward/clinical/fhir/patch"
	"github.com/ward-health/ward/clinical/fhir/tree"
	"github.com/ward-health/ward/clinical/fhir/xmltree"
)

// TestFHIRPathSuite runs the public cases of FHIRPath Patch.
func TestFHIRPathSuite(t *testing.T) {
	const total = 33
	var d xmltree.Doc
	if err := d.Parse(gold(t, "patch.fhirpath", "fhir-patch-tests.xml", total), tree.Limits{}); err != nil {
		t.Fatal(err)
	}
	set := definition.R4()
	s := score{suite: "patch.fhirpath"}
	for c := d.First(d.Root); c != xmltree.None; c = d.Sibling(c) {
		if d.Nodes[c].Kind != xmltree.Element {
			continue
		}
		parts, failing := map[string][]byte{}, false
		for p := d.First(c); p != xmltree.None; p = d.Sibling(p) {
			v := d.Nodes[p]
			failing = failing || v.Local == "error"
			if v.Kind != xmltree.Element || v.Local == "error" {
				continue
			}
			text, err := format.XMLToJSON(set, bytes.TrimSpace(d.Src[v.Open:v.Close]), tree.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			parts[v.Local] = text
		}
		got, err := patch.FHIRPath(set, parts["input"], parts["diff"], patch.Limits{})
		trouble := ""
		switch {
		case failing && err == nil:
			trouble = "no error"
		case !failing && err != nil:
			trouble = err.Error()
		case !failing:
			trouble = sameResource(t, set, parts["output"], got)
		}
		s.result(t, string(d.Value(&d.AttrsOf(c)[0])), trouble)
	}
	s.print(t, total)
}

// sameResource compares two resources in JSON by their XML, in which the same narrative may be written in several ways.
func sameResource(t *testing.T, set *definition.Set, a, b []byte) string {
	t.Helper()
	var both [2][]string
	for i, text := range [][]byte{a, b} {
		x, err := format.JSONToXML(set, text, false, tree.Limits{})
		if err != nil {
			return err.Error()
		}
		if both[i], err = lines(x); err != nil {
			return err.Error()
		}
	}
	return cmp.Diff(both[0], both[1])
}

// parameters writes a FHIRPath Patch; ops are JSON lists of parts.
func parameters(ops ...string) []byte {
	var list []string
	for _, op := range ops {
		list = append(list, `{"name":"operation","part":[`+op+`]}`)
	}
	return []byte(`{"resourceType":"Parameters","parameter":[` + strings.Join(list, ",") + `]}`)
}

// op writes the parts of an operation; further parts follow the path as JSON.
func op(kind, path string, more ...string) string {
	p, err := json.Marshal(path)
	if err != nil {
		panic(err)
	}
	return strings.Join(append([]string{`{"name":"type","valueCode":"` + kind + `"},{"name":"path","valueString":` + string(p) + `}`}, more...), ",")
}

func named(name string) string   { return `{"name":"name","valueString":"` + name + `"}` }
func valued(value string) string { return `{"name":"value",` + value + `}` }

const fhirDoc = `{ "resourceType":"Patient", "id":"p",
 "name":[ {"family" : "F", "given":["A", "B"],"_given":[null,{"id":"b"}]} , {"use":"old"}],
 "birthDate":"1950", "deceasedBoolean": false, "multipleBirthInteger":1, "contact":[{"name":{"text":"t"}}],
 "contained":[{"resourceType":"Observation","id":"o","valueQuantity":{"value":1.50}}] }`

// TestFHIRPathBytes: what a patch does not name keeps its bytes; ids and extensions of primitives stay with their values.
func TestFHIRPathBytes(t *testing.T) {
	for _, c := range []struct{ op, old, new string }{
		{op("replace", "Patient.birthDate", valued(`"valueDate":"1951-02"`)), `"1950"`, `"1951-02"`},
		{op("add", "Patient.name[1]", named("given"), valued(`"valueString":"C"`)), `{"use":"old"}`, `{"use":"old","given":["C"]}`},
		{op("add", "Patient.name[0]", named("given"), valued(`"valueString":"C"`)), `"given":["A", "B"],"_given":[null,{"id":"b"}]`, `"given":["A","B","C"],"_given":[null,{"id":"b"},null]`},
		{op("insert", "Patient.name[0].given", valued(`"valueString":"C","_valueString":{"id":"c"}`), `{"name":"index","valueInteger":0}`), `"given":["A", "B"],"_given":[null,{"id":"b"}]`, `"given":["C","A","B"],"_given":[{"id":"c"},null,{"id":"b"}]`},
		{op("delete", "Patient.name[0].given[1]"), `"given":["A", "B"],"_given":[null,{"id":"b"}]`, `"given":["A"]`},
		{op("delete", "Patient.name[0].given[0]"), `"given":["A", "B"],"_given":[null,{"id":"b"}]`, `"given":["B"],"_given":[{"id":"b"}]`},
		{op("move", "Patient.name[0].given", `{"name":"source","valueInteger":1},{"name":"destination","valueInteger":0}`), `"given":["A", "B"],"_given":[null,{"id":"b"}]`, `"given":["B","A"],"_given":[{"id":"b"},null]`},
		{op("move", "Patient.name", `{"name":"source","valueInteger":0},{"name":"destination","valueInteger":1}`), `[ {"family" : "F", "given":["A", "B"],"_given":[null,{"id":"b"}]} , {"use":"old"}]`, `[{"use":"old"},{"family" : "F", "given":["A", "B"],"_given":[null,{"id":"b"}]}]`},
		{op("delete", "Patient.name.where(use = 'old')"), ` , {"use":"old"}]`, `]`},
		{op("delete", "Patient.name[1].use"), ` , {"use":"old"}]`, `]`},
		{op("delete", "Patient.contact.name.text"), `, "contact":[{"name":{"text":"t"}}]`, ``},
		{op("delete", "Patient.photo"), ``, ``},
		{op("delete", "Patient.name[0].given[1].id"), `,"_given":[null,{"id":"b"}]`, ``},
		{op("replace", "Patient.deceased", valued(`"valueDateTime":"2020"`)), `"deceasedBoolean": false, "multipleBirthInteger":1, "contact":[{"name":{"text":"t"}}],
 "contained":[{"resourceType":"Observation","id":"o","valueQuantity":{"value":1.50}}] }`, `"multipleBirthInteger":1, "contact":[{"name":{"text":"t"}}],
 "contained":[{"resourceType":"Observation","id":"o","valueQuantity":{"value":1.50}}],"deceasedDateTime":"2020" }`},
		{op("add", "Patient.birthDate", named("extension"), valued(`"part":[{"name":"url","valueUri":"u"},{"name":"value","valueDateTime":"1950"}]`)), `1.50}}] }`, `1.50}}],"_birthDate":{"extension":[{"url":"u","valueDateTime":"1950"}]} }`},
		{op("add", "Patient.name[0].given[0]", named("id"), valued(`"valueString":"a"`)), `"given":["A", "B"],"_given":[null,{"id":"b"}]`, `"given":["A","B"],"_given":[{"id":"a"},{"id":"b"}]`},
		{op("insert", "Patient.telecom", valued(`"valueContactPoint":{"system":"phone"}`), `{"name":"index","valueInteger":0}`), `1.50}}] }`, `1.50}}],"telecom":[{"system":"phone"}] }`},
		{op("insert", "Patient.birthDate.extension", valued(`"part":[{"name":"url","valueUri":"u"},{"name":"value","valueDateTime":"1950"}]`), `{"name":"index","valueInteger":0}`), `1.50}}] }`, `1.50}}],"_birthDate":{"extension":[{"url":"u","valueDateTime":"1950"}]} }`},
		{op("insert", "Patient.name[0].given[0].extension", valued(`"part":[{"name":"url","valueUri":"u"},{"name":"value","valueDateTime":"1950"}]`), `{"name":"index","valueInteger":0}`), `"given":["A", "B"],"_given":[null,{"id":"b"}]`, `"given":["A","B"],"_given":[{"extension":[{"url":"u","valueDateTime":"1950"}]},{"id":"b"}]`},
		{op("insert", "Patient.name[0].given[1].extension", valued(`"part":[{"name":"url","valueUri":"u"},{"name":"value","valueDateTime":"1950"}]`), `{"name":"index","valueInteger":0}`), `{"id":"b"}`, `{"id":"b","extension":[{"url":"u","valueDateTime":"1950"}]}`},
		{op("add", "Patient.contained[0]", named("component"), valued(`"part":[{"name":"code","valueCodeableConcept":{"text":"c"}},{"name":"value","valueQuantity":{"value":2.0}}]`)), `{"value":1.50}}`, `{"value":1.50},"component":[{"code":{"text":"c"},"valueQuantity":{"value":2.0}}]}`},
		{op("replace", "Patient.contained.value", valued(`"valueString":"s"`)), `"valueQuantity":{"value":1.50}`, `"valueString":"s"`},
		{op("add", "Patient", named("contained"), valued(`"resource":{"resourceType":"Basic","id":"x"}`)), `1.50}}] }`, `1.50}},{"resourceType":"Basic","id":"x"}] }`},
		{op("delete", "Patient.multipleBirth"), `, "multipleBirthInteger":1`, ``},
	} {
		got, err := patch.FHIRPath(definition.R4(), []byte(fhirDoc), parameters(c.op), patch.Limits{})
		if want := strings.Replace(fhirDoc, c.old, c.new, 1); err != nil || string(got) != want {
			t.Errorf("%s: %v %s", c.op, err, cmp.Diff(want, string(got)))
		}
	}
	// An item that is an id or extensions only goes with the last of them.
	for before, want := range map[string]string{
		`"given":[null,"B"],"_given":[{"id":"a"},null]`:       `"given":["B"]`,
		`"given":[null,"B"],"_given":[{"id":"a"},{"id":"b"}]`: `"given":["B"],"_given":[{"id":"b"}]`,
		`"given":["B",null],"_given":[null,{"id":"a"}]`:       `"given":["B"]`,
		`"_given":[{"id":"a"},{"id":"b"}]`:                    `"_given":[{"id":"b"}]`,
		`"family":"F","_given":[{"id":"a"}]`:                  `"family":"F"`,
		`"given":["A","B"],"_given":[{"id":"a"},{"id":"b"}]`:  `"given":["A","B"],"_given":[null,{"id":"b"}]`,
	} {
		got, err := patch.FHIRPath(definition.R4(), []byte(`{"resourceType":"Patient","name":[{`+before+`}]}`), parameters(op("delete", "Patient.name.given.where(id = 'a').id")), patch.Limits{})
		if want = `{"resourceType":"Patient","name":[{` + want + `}]}`; err != nil || string(got) != want {
			t.Errorf("%s: %v %s", before, err, got)
		}
	}
	if got, err := patch.FHIRPath(definition.R4(), []byte(fhirDoc), []byte(`{"resourceType":"Parameters"}`), patch.Limits{}); err != nil || string(got) != fhirDoc {
		t.Error(err, string(got))
	}
}

// TestFHIRPathRefused: the error says which operation, where and why, with its kind, and nothing of the values.
func TestFHIRPathRefused(t *testing.T) {
	index := `{"name":"index","valueInteger":0}`
	for _, c := range []struct {
		op, want string
		kind     ward.ErrorKind
	}{
		{`{"name":"type","valueCode":"swap"}`, "operation 1: the part type is the code add,", ward.Invalid},
		{`{"name":"path","valueString":"Patient"}`, "operation 1: the part type", ward.Invalid},
		{`{"name":"type","valueCode":"delete"}`, "operation 1 (delete): the operation needs the part path", ward.Invalid},
		{op("delete", "Patient", valued(`"valueString":"secret"`)), "has the parts type, path and no others", ward.Invalid},
		{op("delete", "Patient") + "," + op("delete", "Patient"), "each part has a name of its own", ward.Invalid},
		{`{"name":"type","valueCode":"delete"},{"name":"path","valueUri":"x"}`, "the part path has a valueString", ward.Invalid},
		{op("delete", "Patient.name.where("), "path is not FHIRPath at byte", ward.Invalid},
		{op("delete", "Patient.name.family + 'secret'"), "path names a value that is no element of the resource", ward.Unprocessable},
		{op("delete", "Patient.name.single()"), "path cannot be evaluated on this resource", ward.Unprocessable},
		{op("delete", "Patient"), "operation 1 (delete): the whole resource cannot be deleted (at Patient)", ward.Unprocessable},
		{op("replace", "Patient", valued(`"resource":{"resourceType":"Patient"}`)), "the whole resource cannot be replaced", ward.Unprocessable},
		{op("delete", "Patient.name"), "path names several elements; it has to name one (at Patient.name[0])", ward.Unprocessable},
		{op("replace", "Patient.gender", valued(`"valueCode":"secret"`)), "path names nothing in the resource", ward.Unprocessable},
		{op("add", "Patient.period", named("end"), valued(`"valueDateTime":"2020"`)), "path names nothing in the resource", ward.Unprocessable},
		{op("add", "Patient", named("birthDate"), valued(`"valueDate":"secret"`)), "the element birthDate is there already", ward.Unprocessable},
		{op("add", "Patient", named("deceased"), valued(`"valueDateTime":"2020"`)), "the element deceased is there already", ward.Unprocessable},
		{op("add", "Patient", named("secret"), valued(`"valueDate":"2020"`)), "there is no element of this name in Patient", ward.Unprocessable},
		{op("add", "Patient", named("gender"), valued(`"valueString":"secret"`)), "the value is not of a type that the element gender takes (at Patient.gender)", ward.Unprocessable},
		{op("replace", "Patient.deceased", valued(`"valueString":"secret"`)), "not of a type that the element deceased takes", ward.Unprocessable},
		{op("add", "Patient", named("gender"), valued(`"valueCode":"secret","valueString":"x"`)), "a part has one value", ward.Invalid},
		{op("add", "Patient", named("gender"), `{"name":"value"}`), "the part value has a value, parts or a resource", ward.Invalid},
		{op("add", "Patient", named("contact"), valued(`"part":[{"name":"secret","valueString":"x"}]`)), "there is no element of this name in Patient.contact", ward.Unprocessable},
		{op("add", "Patient", named("contact"), valued(`"part":[{"name":"gender","valueCode":"x"},{"name":"gender","valueCode":"y"}]`)), "the element gender is given twice", ward.Unprocessable},
		{op("add", "Patient", named("contact"), valued(`"part":[]`)), "the part value has a value, parts or a resource", ward.Invalid},
		{op("add", "Patient.birthDate", named("id"), valued(`"_valueString":{"id":"secret"}`)), "the element id has neither an id nor extensions", ward.Unprocessable},
		{op("add", "Patient.birthDate", named("id"), valued(`"valueString":"x","_valueString":{"id":"secret"}`)), "the element id has neither an id nor extensions", ward.Unprocessable},
		{op("add", "Patient", named("extension"), valued(`"part":[{"name":"url","valueUri":"u","_valueUri":{"id":"secret"}}]`)), "the element url has neither an id nor extensions", ward.Unprocessable},
		{op("insert", "Patient.name", valued(`"valueHumanName":{"text":"x"}`), `{"name":"index","valueInteger":3}`), "index is larger than the length of the list", ward.Unprocessable},
		{op("insert", "Patient.name", valued(`"valueHumanName":{"text":"x"}`), `{"name":"index","valueInteger":-1}`), "the part index has a valueInteger of at least 0", ward.Invalid},
		{op("insert", "Patient.name.where(use='old')", valued(`"valueHumanName":{"text":"x"}`), index), "path has to name one list, all of it", ward.Unprocessable},
		{op("insert", "Patient.birthDate", valued(`"valueDate":"2020"`), index), "path names an element that is no list", ward.Unprocessable},
		{op("insert", "Patient.gender", valued(`"valueCode":"x"`), index), "path names no list in the resource", ward.Unprocessable},
		{op("move", "Patient.name", `{"name":"source","valueInteger":0},{"name":"destination","valueInteger":2}`), "source and destination are positions in the list", ward.Unprocessable},
	} {
		got, err := patch.FHIRPath(definition.R4(), []byte(fhirDoc), parameters(c.op), patch.Limits{})
		if err == nil || !strings.Contains(err.Error(), c.want) || ward.KindOf(err) != c.kind || strings.Contains(err.Error(), "secret") || got != nil {
			t.Errorf("%s: %v, want %s", c.op, err, c.want)
		}
	}
	for p, want := range map[string]string{`[]`: "is a Parameters resource", `{"resourceType":"Patient"}`: "is a Parameters resource", `{"resourceType":"Parameters","parameter":{}}`: "parameter is an array",
		`{"resourceType":"Parameters","parameter":[{"name":"x"}]}`: "with the name operation", `{"resourceType":"Parameters","parameter":[{"name":"operation"}]}`: "a list of parts"} {
		if _, err := patch.FHIRPath(definition.R4(), []byte(fhirDoc), []byte(p), patch.Limits{}); ward.KindOf(err) != ward.Invalid || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", p, err)
		}
	}
}

// TestFHIRPathForms: a value that has not the form of its type is no place for another operation, and is left to whoever reads the result.
func TestFHIRPathForms(t *testing.T) {
	index := `{"name":"index","valueInteger":0}`
	for _, ops := range [][]string{
		{op("add", "Patient", named("communication"), valued(`"part":[{"name":"language","valueCodeableConcept":"secret"}]`)), op("add", "Patient.communication.language", named("text"), valued(`"valueString":"x"`))},
		{op("add", "Patient", named("photo"), valued(`"valueAttachment":["secret"]`)), op("add", "Patient.photo", named("title"), valued(`"valueString":"x"`))},
		{op("add", "Patient", named("maritalStatus"), valued(`"valueCodeableConcept":"secret"`)), op("insert", "Patient.maritalStatus.coding", valued(`"valueCoding":{"code":"x"}`), index)},
	} {
		_, err := patch.FHIRPath(definition.R4(), []byte(fhirDoc), parameters(ops...), patch.Limits{})
		if ward.KindOf(err) != ward.Unprocessable || !strings.Contains(err.Error(), "): path names what is not an object of ") || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", ops[1], err)
		}
		if _, err := patch.FHIRPath(definition.R4(), []byte(fhirDoc), parameters(ops[0]), patch.Limits{}); err != nil {
			t.Error(err)
		}
	}
}

// TestFHIRPathBounds: operations and their work are bounded.
func TestFHIRPathBounds(t *testing.T) {
	many := make([]string, 100)
	for i := range many {
		many[i] = op("replace", "Patient.birthDate", valued(`"valueDate":"1951"`))
	}
	slow := op("delete", "Patient.descendants()"+strings.Repeat(".select(%resource.descendants())", 5))
	for name, c := range map[string]struct {
		p []byte
		l patch.Limits
	}{
		"many": {parameters(many...), patch.Limits{Operations: 99}}, "work": {parameters(many[:20]...), patch.Limits{Work: 10 << 20}},
		"slow": {parameters(slow), patch.Limits{}}, "size": {parameters(op("delete", "Patient.name[1]")), patch.Limits{Bytes: 300}},
	} {
		if _, err := patch.FHIRPath(definition.R4(), []byte(fhirDoc), c.p, c.l); ward.KindOf(err) != ward.TooLarge {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestFHIRPathPackages: a set with profiles, extensions and value sets of a package gives what R4 gives, results and errors, for every kind of operation.
func TestFHIRPathPackages(t *testing.T) {
	own := &definition.Package{Name: "own", Version: "1"}
	for _, d := range []string{
		`{"resourceType":"StructureDefinition","url":"http://e/p","name":"P","status":"active","kind":"resource","abstract":false,"type":"Patient","baseDefinition":"http://hl7.org/fhir/StructureDefinition/Patient","derivation":"constraint",
		  "differential":{"element":[{"id":"Patient.name","path":"Patient.name","max":"1"},{"id":"Patient.deceased[x]","path":"Patient.deceased[x]","type":[{"code":"boolean"}]},{"id":"Patient.contact","path":"Patient.contact","max":"0"}]}}`,
		`{"resourceType":"StructureDefinition","url":"http://e/x","name":"X","status":"active","kind":"complex-type","abstract":false,"type":"Extension","context":[{"type":"element","expression":"Patient"}],
		  "baseDefinition":"http://hl7.org/fhir/StructureDefinition/Extension","derivation":"constraint","differential":{"element":[{"id":"Extension.value[x]","path":"Extension.value[x]","type":[{"code":"boolean"}]}]}}`,
		`{"resourceType":"ValueSet","url":"http://e/v","status":"active","compose":{"include":[{"system":"http://hl7.org/fhir/administrative-gender","concept":[{"code":"male"}]}]}}`,
	} {
		if err := own.Add([]byte(d)); err != nil {
			t.Fatal(err)
		}
	}
	with, missing := definition.R4().With(own)
	if with.Structure("http://e/p") == nil || with.Structure("http://e/x") == nil || with.ValueSet("http://e/v") == nil || len(missing) > 0 {
		t.Fatal("the package is not there: ", missing)
	}
	const resource = `{"resourceType":"Patient","gender":"male","name":[{"given":["A","B"]}],"extension":[{"url":"http://e/x","valueBoolean":true}]}`
	for _, c := range []struct {
		operation, want string // of the error, "" = none
	}{
		{op("add", "Patient", named("name"), valued(`"valueHumanName":{"text":"x"}`)), ""}, // more than the profile takes
		{op("add", "Patient", named("deceased"), valued(`"valueDateTime":"2020"`)), ""},
		{op("add", "Patient", named("contact"), valued(`"part":[{"name":"name","valueHumanName":{"text":"x"}}]`)), ""},
		{op("add", "Patient", named("extension"), valued(`"part":[{"name":"url","valueUri":"http://e/x"},{"name":"value","valueString":"no boolean"}]`)), ""},
		{op("replace", "Patient.extension('http://e/x').value", valued(`"valueBoolean":false`)), ""},
		{op("delete", "Patient.extension.where(url = 'http://e/x')"), ""},
		{op("insert", "Patient.name[0].given", valued(`"valueString":"C"`), `{"name":"index","valueInteger":1}`), ""},
		{op("move", "Patient.name[0].given", `{"name":"source","valueInteger":0},{"name":"destination","valueInteger":1}`), ""},
		{op("add", "Patient", named("x"), valued(`"valueBoolean":true`)), "there is no element of this name in Patient"},
		{op("delete", "Patient.where(conformsTo('http://hl7.org/fhir/StructureDefinition/Patient')).gender"), ""},
		{op("delete", "Patient.where(conformsTo('http://e/p')).gender"), "path cannot be evaluated on this resource"},
		{op("delete", "Patient.gender.where($this.memberOf('http://e/v'))"), "name the codes themselves"},
		{op("delete", "Patient.where(gender.memberOf('http://hl7.org/fhir/ValueSet/administrative-gender')).gender"), "name the codes themselves"},
	} {
		base, baseErr := patch.FHIRPath(definition.R4(), []byte(resource), parameters(c.operation), patch.Limits{})
		got, err := patch.FHIRPath(with, []byte(resource), parameters(c.operation), patch.Limits{})
		if !bytes.Equal(base, got) || fmt.Sprint(baseErr) != fmt.Sprint(err) {
			t.Errorf("%s: R4 %s %v, with the package %s %v", c.operation, base, baseErr, got, err)
		}
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.operation, err, c.want)
		}
		if err == nil && string(got) == resource {
			t.Errorf("%s: nothing changed", c.operation)
		}
	}
}

// FuzzFHIRPath: no panic, and what comes out is JSON without empty objects or arrays that were not there.
func FuzzFHIRPath(f *testing.F) {
	f.Add([]byte(fhirDoc), parameters(op("delete", "Patient.contact.name.text"), op("move", "Patient.name", `{"name":"source","valueInteger":0},{"name":"destination","valueInteger":1}`)))
	f.Add([]byte(fhirDoc), parameters(op("add", "Patient", named("contact"), valued(`"part":[{"name":"name","valueHumanName":{"text":"x"}}]`)), op("delete", "Patient.name[0].given[1].id")))
	f.Add([]byte(fhirDoc), parameters(op("insert", "Patient.name[0].given", valued(`"valueString":"C"`), `{"name":"index","valueInteger":1}`), op("replace", "Patient.deceased", valued(`"valueDateTime":"2020"`))))
	set := definition.R4()
	f.Fuzz(func(t *testing.T, doc, p []byte) {
		got, err := patch.FHIRPath(set, doc, p, patch.Limits{Bytes: 1 << 16, Work: 1 << 24})
		if err == nil && !json.Valid(got) {
			t.Fatalf("%q", got)
		}
		if err != nil && ward.KindOf(err) == ward.Internal {
			t.Fatal(err)
		}
	})
}
