package fhirrest_test

import (
	"strings"
	"testing"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/store/storetest"
)

const xmlPatchType = "application/xml-patch+xml"

var asXMLPatch = []string{"Content-Type", xmlPatchType}

func diff(operations string) string {
	return `<?xml version="1.0" encoding="UTF-8"?><diff xmlns="http://hl7.org/fhir">` + operations + `</diff>`
}

// TestXMLPatch: an XML Patch makes the next version, which search finds, under the conditions of an update, with the entries of a JSON Patch.
func TestXMLPatch(t *testing.T) {
	onBoth(t, func(w *world) {
		const doctor = ward.Clinician
		w.want(w.do(doctor, "PUT", "/Patient/p", patient("p", "m")), 201)
		w.want(w.do(doctor, "PUT", "/Observation/o", observation("o", "Patient/p", "718-7")), 201)
		before := len(w.Entries())
		res := w.want(w.do(doctor, "PATCH", "/Observation/o", diff(`<replace sel="Observation/code/coding[code/@value='718-7']/code/@value">777-3</replace>`+
			`<add sel="Observation/valueQuantity/value" pos="after"><unit value="g &amp; h"/></add>`), "Content-Type", xmlPatchType+"; charset=UTF-8"), 200)
		if res.header.Get("ETag") != `W/"2"` || !strings.HasSuffix(res.header.Get("Location"), "/Observation/o/_history/2") || !strings.Contains(res.body, `"valueQuantity":{"value":1.50,"unit":"g & h"}`) {
			t.Fatal(res.header, res.body)
		}
		if got := w.acts(before); got["read done"] != 1 || got["update done"] != 1 || len(got) != 2 {
			t.Errorf("entries: %v", got)
		}
		if got := w.want(w.do(doctor, "GET", "/Observation/o", ""), 200); got.body != res.body {
			t.Fatal(got.body, res.body)
		}
		for code, want := range map[string]int{"718-7": 0, "777-3": 1} {
			if got := w.want(w.do(doctor, "GET", "/Observation?code="+code, ""), 200).bundle(t); len(got.Entry) != want {
				t.Fatalf("%s: %d", code, len(got.Entry))
			}
		}
		gender := diff(`<replace sel="f:Patient/f:gender/@value">male</replace>`)
		w.want(w.do(doctor, "PATCH", "/Patient/p", gender, append(asXMLPatch, "If-Match", `W/"2"`)...), 412)
		res = w.want(w.do(doctor, "PATCH", "/Patient/p", gender, append(asXMLPatch, "If-Match", `W/"1"`, "Prefer", "return=minimal")...), 200)
		if res.body != "" || res.header.Get("ETag") != `W/"2"` {
			t.Fatal(res)
		}
		w.want(w.do(doctor, "PATCH", "/Patient/p", gender, append(asXMLPatch, "If-Match", `W/"1"`)...), 412)
		// An absolute reference to this server becomes relative, as in every write.
		res = w.want(w.do(doctor, "PATCH", "/Observation/o", diff(`<replace sel="Observation/subject/reference/@value">`+w.base+`/Patient/p</replace>`), asXMLPatch...), 200)
		if !strings.Contains(res.body, `"subject":{"reference":"Patient/p"}`) {
			t.Error(res.body)
		}
		w.want(w.do(doctor, "DELETE", "/Observation/o", ""), 204)
		w.want(w.do(doctor, "PATCH", "/Observation/o", diff(`<remove sel="*/method"/>`), asXMLPatch...), 410)
		w.Clean()
	})
}

// TestXMLPatchRefused: what cannot be applied, or would leave what is not valid, changes nothing, and says why without a value or a place in an XML that
// nobody has seen.
func TestXMLPatchRefused(t *testing.T) {
	w := newWorld(t, storetest.SQLite)
	const doctor = ward.Clinician
	w.want(w.do(doctor, "PUT", "/Patient/p", patient("p", "m")), 201)
	w.want(w.do(doctor, "PUT", "/Condition/c", `{"resourceType":"Condition","id":"c","subject":{"reference":"Patient/p"}}`), 201)
	w.want(w.do(doctor, "PUT", "/Patient/u", `{"resourceType":"Patient","id":"u","name":[{"family":"a"},{"text":"secret\ufffe"}]}`), 201)
	const dtd = `<!DOCTYPE diff [<!ENTITY a SYSTEM "file:///secret">]>`
	active := `<add sel="Patient/identifier" pos="after"><active value="secret"/></add>`
	for _, c := range []struct {
		path, body, medium string
		status             int
		code, text, place  string
	}{
		{"/Patient/none", diff(`<remove sel="*/name"/>`), "", 404, "not-found", "", ""},
		{"/Patient/p", diff(`<remove sel="Patient/name"/>`), "", 422, "business-rule", "operation 1 (remove): sel names nothing in the resource", ""},
		{"/Patient/p", diff(`<remove sel="Patient/gender"/><remove sel="Patient/gender"/>`), "", 422, "business-rule", "operation 2 (remove): sel names nothing", ""},
		{"/Patient/p", diff(`<remove sel="Patient["/>`), "", 400, "invalid", "operation 1 (remove): sel, character 9", ""},
		{"/Patient/p", diff(``), "", 400, "invalid", "there is no operation in it", ""},
		{"/Patient/p", patient("p", "m"), "", 400, "invalid", "the patch: line 1", ""},
		{"/Patient/p", xmlOf(t, patient("p", "secret")), "", 400, "invalid", "the root element of an XML Patch is diff or patch", ""},
		{"/Patient/p", `<diff><remove sel="f:Patient/f:gender">`, "", 400, "invalid", "the patch: line 1", ""},
		{"/Patient/p", dtd + diff(`<replace sel="*/gender/@value">&a;</replace>`), "", 400, "invalid", "no document type and no entity declaration", ""},
		{"/Patient/p", diff(`<replace sel="*/gender/@value">&secret;</replace>`), "", 400, "invalid", "other entities are not defined in XML", ""},
		{"/Patient/p", `<?xml version="1.0" encoding="latin1"?>` + diff(``), "", 400, "invalid", "encoding utf-8", ""},
		{"/Patient/p", ``, "", 400, "invalid", "needs a body", ""},
		{"/Patient/p", diff(`<replace sel="Patient/id/@value">q</replace>`), "", 422, "business-rule", "may not change or remove the id", "Patient.id"},
		{"/Patient/p", diff(`<remove sel="Patient/id"/>`), "", 422, "business-rule", "may not change or remove the id", "Patient.id"},
		{"/Patient/p", diff(`<replace sel="Patient"><Practitioner><id value="p"/></Practitioner></replace>`), "", 422, "business-rule", "not valid", ""},
		{"/Patient/p", diff(`<replace sel="Patient"><Nothing/></replace>`), "", 422, "business-rule", "not valid: expected the name of a resource type", ""},
		{"/Patient/p", diff(`<replace sel="Patient/gender/@value">secret</replace>`), "", 422, "code-invalid", "required here", "Patient.gender"},
		{"/Patient/p", diff(active), "", 422, "business-rule", "not valid: expected true or false", "Patient.active"},
		{"/Patient/p", diff(`<add sel="Patient/gender" pos="after"><gendr value="secret"/></add>`), "", 422, "business-rule", "not valid: expected an element that is defined in Patient", "Patient"},
		{"/Patient/p", `<diff><add sel="f:Patient"><birthDate value="2001-01-01"/></add></diff>`, "", 422, "business-rule", "namespace http://hl7.org/fhir", ""},
		{"/Patient/p", diff(`<add sel="Patient"><active value="true"/></add>`), "", 422, "business-rule", "not valid: expected ", "Patient"},
		{"/Condition/c", diff(`<remove sel="Condition/subject"/>`), "", 422, "required", "subject is required", "Condition"},
		{"/Condition/c", diff(`<replace sel="Condition/subject/reference/@value">urn:uuid:1</replace>`), "", 422, "business-rule", "transactions only", ""},
		{"/Patient/u", diff(`<remove sel="Patient/name[1]"/>`), "", 422, "business-rule", "the resource has no form in XML, which an XML Patch is applied to; send a JSON Patch or a FHIRPath Patch: expected ", "Patient.name[1].text"},
		{"/Patient/p", diff(`<add sel="Patient/identifier" pos="before">` + strings.Repeat(`<extension url="u">`, 40) + strings.Repeat(`</extension>`, 40) + `</add>`), "", 413, "too-costly", "at most 64", ""},
		{"/Patient/p", diff(strings.Repeat(`<remove sel="*/id/@x"/>`, 501)), "", 422, "business-rule", "operation 1", ""},
		{"/Patient/p", diff(strings.Repeat(`<replace sel="*/gender/@value">male</replace>`, 501)), "", 413, "too-costly", "at most 500 operations", ""},
		{"/Patient/p", diff(`<remove sel="*/gender"/>`), xmlPatchType + "; charset=latin1", 415, "not-supported", "UTF-8", ""},
		{"/Patient/p", diff(`<remove sel="*/gender"/>`), xmlPatchType + "; fhirVersion=5.0", 415, "not-supported", xmlPatchType, ""},
		{"/Patient/p?x=1", diff(`<remove sel="*/gender"/>`), "", 400, "invalid", "query parameters", ""},
	} {
		medium := c.medium
		if medium == "" {
			medium = xmlPatchType
		}
		res := w.do(doctor, "PATCH", c.path, c.body, "Content-Type", medium, "Accept", xmlType).asJSON(t)
		issue := res.bundle(t).Issue
		switch {
		case res.status != c.status || len(issue) != 1 || issue[0].Code != c.code || !strings.Contains(issue[0].Diagnostics, c.text):
			t.Errorf("%s %.120s: %d %s", c.path, c.body, res.status, res.body)
		case c.place != "" && (len(issue[0].Expression) != 1 || issue[0].Expression[0] != c.place):
			t.Errorf("%s %.120s: %v, want %s", c.path, c.body, issue[0].Expression, c.place)
		case (c.status == 422 || c.status == 413) && (strings.Contains(res.body, "issue-line") || strings.Contains(res.body, "column")) || strings.Contains(strings.ToLower(res.body), "secret"):
			t.Errorf("%s %.120s: a place or a value: %s", c.path, c.body, res.body)
		}
	}
	for _, path := range []string{"/Patient/p", "/Patient/u", "/Condition/c"} {
		if res := w.want(w.do(doctor, "GET", path, ""), 200); res.header.Get("ETag") != `W/"1"` {
			t.Error(path, res.header)
		}
	}
	w.Clean()
}

// TestXMLPatchOfLarge: a resource whose XML is over the bound is refused as such, and still takes the other patches.
func TestXMLPatchOfLarge(t *testing.T) {
	w := newWorld(t, storetest.SQLite)
	const doctor = ward.Clinician
	name := `{"given":["a","b","c","d","e","f","g","h"]},`
	large := `{"resourceType":"Patient","id":"p","active":true,"name":[` + strings.TrimSuffix(strings.Repeat(name, 110_000), ",") + `]}`
	w.want(w.do(doctor, "PUT", "/Patient/p", large, "Prefer", "return=minimal"), 201)
	res := w.want(w.do(doctor, "PATCH", "/Patient/p", diff(`<remove sel="*/active"/>`), asXMLPatch...), 413)
	if !strings.Contains(res.body, "in XML the resource has more than 16777216 bytes; send a JSON Patch") {
		t.Error(res.body)
	}
	w.want(w.do(doctor, "PATCH", "/Patient/p", `[{"op":"remove","path":"/active"}]`, append(asJSONPatch, "Prefer", "return=minimal")...), 200)
}

// TestXMLPatchLeave: who may not read a resource, or not change it, or is nobody, cannot patch it, and learns nothing of it.
func TestXMLPatchLeave(t *testing.T) {
	w := newWorld(t, storetest.SQLite)
	w.want(w.do(ward.Clinician, "PUT", "/Patient/p", patient("p", "m")), 201)
	request := `{"resourceType":"MedicationRequest","id":"r","status":"active","intent":"order","medicationCodeableConcept":{"text":"x"},"subject":{"reference":"Patient/p"}}`
	w.want(w.do(ward.Integration, "PUT", "/MedicationRequest/r", request), 201)
	w.want(w.do(ward.Integration, "PUT", "/MedicationRequest/r", strings.Replace(request, "order", "plan", 1)), 200)
	answers := map[string]bool{}
	for _, status := range []string{"active", "stopped"} {
		before := len(w.Entries())
		res := w.want(w.do(ward.Integration, "PATCH", "/MedicationRequest/r", diff(`<remove sel="*/status[@value='`+status+`']"/>`), asXMLPatch...), 403)
		answers[res.body] = true
		if got := w.acts(before); got["read denied"] != 1 || len(got) != 1 {
			t.Errorf("entries: %v", got)
		}
	}
	if len(answers) != 1 {
		t.Error(answers)
	}
	stop := diff(`<replace sel="*/status/@value">stopped</replace>`)
	w.want(w.do(ward.Auditor, "PATCH", "/MedicationRequest/r", stop, asXMLPatch...), 403)
	w.want(w.do("", "PATCH", "/MedicationRequest/r", stop, asXMLPatch...), 401)
	w.want(w.do(ward.Clinician, "PATCH", "/MedicationRequest/r", stop, append(asXMLPatch, "If-Match", `W/"2"`)...), 200)
}
