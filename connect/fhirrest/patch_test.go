package fhirrest_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/store/storetest"
)

var asJSONPatch = []string{"Content-Type", "application/json-patch+json"}

// TestPatch: a patch makes the next version, which search finds, under the conditions of an update.
func TestPatch(t *testing.T) {
	onBoth(t, func(w *world) {
		const doctor = ward.Clinician
		w.want(w.do(doctor, "PUT", "/Patient/p", patient("p", "m")), 201)
		w.want(w.do(doctor, "PUT", "/Observation/o", observation("o", "Patient/p", "718-7")), 201)
		res := w.want(w.do(doctor, "PATCH", "/Observation/o", `[{"op":"test","path":"/valueQuantity/value","value":1.5},{"op":"replace","path":"/code/coding/0/code","value":"777-3"}]`, asJSONPatch...), 200)
		if res.header.Get("ETag") != `W/"2"` || !strings.HasSuffix(res.header.Get("Location"), "/Observation/o/_history/2") || !strings.Contains(res.body, `"value":1.50`) {
			t.Fatal(res.header, res.body)
		}
		if got := w.want(w.do(doctor, "GET", "/Observation/o", ""), 200); got.body != res.body {
			t.Fatal(got.body, res.body)
		}
		for code, want := range map[string]int{"718-7": 0, "777-3": 1} {
			if got := w.want(w.do(doctor, "GET", "/Observation?code="+code, ""), 200).bundle(t); len(got.Entry) != want {
				t.Fatalf("%s: %d", code, len(got.Entry))
			}
		}
		parameters := `{"resourceType":"Parameters","parameter":[{"name":"operation","part":[{"name":"type","valueCode":"add"},{"name":"path","valueString":"Observation"},{"name":"name","valueString":"method"},
			{"name":"value","valueCodeableConcept":{"text":"m"}}]}]}`
		res = w.want(w.do(doctor, "PATCH", "/Observation/o", parameters), 200)
		if res.header.Get("ETag") != `W/"3"` || !strings.Contains(res.body, `,"method":{"text":"m"}}`) {
			t.Fatal(res.header, res.body)
		}
		gender := `[{"op":"replace","path":"/gender","value":"male"}]`
		w.want(w.do(doctor, "PATCH", "/Patient/p", gender, append(asJSONPatch, "If-Match", `W/"2"`)...), 412)
		res = w.want(w.do(doctor, "PATCH", "/Patient/p", gender, append(asJSONPatch, "If-Match", `W/"1"`, "Prefer", "return=minimal")...), 200)
		if res.body != "" || res.header.Get("ETag") != `W/"2"` {
			t.Fatal(res)
		}
		w.want(w.do(doctor, "DELETE", "/Observation/o", ""), 204)
		w.want(w.do(doctor, "PATCH", "/Observation/o", `[]`, asJSONPatch...), 410)
		w.Clean()
	})
}

// TestPatchRefused: a patch that cannot be applied, or would leave what is not valid, changes nothing and says why.
func TestPatchRefused(t *testing.T) {
	w := newWorld(t, storetest.SQLite)
	const doctor = ward.Clinician
	w.want(w.do(doctor, "PUT", "/Patient/p", patient("p", "m")), 201)
	w.want(w.do(doctor, "PUT", "/Condition/c", `{"resourceType":"Condition","id":"c","subject":{"reference":"Patient/p"}}`), 201)
	for _, c := range []struct {
		path, body, medium string
		status             int
		code, text         string
	}{
		{"/Patient/none", `[]`, "", 404, "not-found", ""},
		{"/Patient/p", `[{"op":"remove","path":"/name"}]`, "", 422, "business-rule", "operation 1 (remove): there is nothing at this place"},
		{"/Patient/p", `[{"op":"test","path":"/gender","value":"male"}]`, "", 422, "business-rule", "operation 1 (test): the test failed"},
		{"/Patient/p", `{"op":"add"}`, "", 400, "invalid", "array of operations"},
		{"/Patient/p", `[{"op":"add"`, "", 400, "invalid", "the patch: line 1"},
		{"/Patient/p", ``, "", 400, "invalid", "needs a body"},
		{"/Patient/p", `[{"op":"replace","path":"/id","value":"q"}]`, "", 422, "business-rule", "may not change or remove the id"},
		{"/Patient/p", `[{"op":"remove","path":"/id"}]`, "", 422, "business-rule", "may not change or remove the id"},
		{"/Patient/p", `[{"op":"replace","path":"/resourceType","value":"Practitioner"}]`, "", 422, "business-rule", "not valid"},
		{"/Patient/p", `[{"op":"replace","path":"/identifier","value":{"value":"x"}}]`, "", 422, "structure", "an array was expected"},
		{"/Patient/p", `[{"op":"add","path":"/extension","value":` + strings.Repeat(`[{"url":"u","extension":`, 40) + `[]` + strings.Repeat(`}]`, 40) + `}]`, "", 413, "too-costly", "at most 64"},
		{"/Patient/p", `[{"op":"replace","path":"","value":[]}]`, "", 422, "business-rule", "not valid"},
		{"/Condition/c", `[{"op":"remove","path":"/subject"}]`, "", 422, "required", "subject is required"},
		{"/Condition/c", `[{"op":"replace","path":"/subject/reference","value":"urn:uuid:1"}]`, "", 422, "business-rule", "transactions only"},
		{"/Patient/p", `[` + strings.TrimSuffix(strings.Repeat(`{"op":"test","path":"","value":1},`, 501), ",") + `]`, "", 413, "too-costly", "at most 500 operations"},
		{"/Patient/p", `{"resourceType":"Parameters","parameter":[{"name":"operation","part":[{"name":"type","valueCode":"delete"},{"name":"path","valueString":"Patient.id"}]}]}`, "application/fhir+json", 422, "business-rule", "may not change or remove the id"},
		{"/Patient/p", `{"resourceType":"Parameters","parameter":[{"name":"operation","part":[{"name":"type","valueCode":"delete"},{"name":"path","valueString":"Patient.("}]}]}`, "application/fhir+json", 400, "invalid", "operation 1 (delete): path is not FHIRPath at byte"},
		{"/Patient/p", `{"resourceType":"Patient"}`, "application/fhir+json", 400, "invalid", "a FHIRPath Patch is a Parameters resource"},
		{"/Patient/p", `{}`, "application/fhir+json; fhirVersion=5.0", 415, "not-supported", "FHIRPath Patch"},
		{"/Patient/p", `{}`, "application/json", 415, "not-supported", "FHIRPath Patch"},
		{"/Patient/p", `{}`, "application/merge-patch+json", 415, "not-supported", "application/json-patch+json"},
		{"/Patient/p", `[]`, "application/json-patch+json; charset=latin1", 415, "not-supported", "UTF-8"},
		{"/Patient/p?x=1", `[]`, "", 400, "invalid", "query parameters"},
	} {
		medium := c.medium
		if medium == "" {
			medium = asJSONPatch[1]
		}
		res := w.do(doctor, "PATCH", c.path, c.body, "Content-Type", medium)
		issue := res.bundle(t).Issue
		if res.status != c.status || len(issue) != 1 || issue[0].Code != c.code || !strings.Contains(issue[0].Diagnostics, c.text) || strings.Contains(res.body, "issue-line") || c.status > 400 && strings.Contains(res.body, "column") {
			t.Errorf("%s %.80s: %d %s", c.path, c.body, res.status, res.body)
		}
	}
	if res := w.want(w.do(doctor, "GET", "/Patient/p", ""), 200); res.header.Get("ETag") != `W/"1"` {
		t.Error(res.header)
	}
}

// TestPatchRace: patches without If-Match that meet are all applied, one after another; what is refused was not applied.
func TestPatchRace(t *testing.T) {
	w := newWorld(t, storetest.SQLite)
	const doctor = ward.Clinician
	w.want(w.do(doctor, "PUT", "/Patient/p", `{"resourceType":"Patient","id":"p","name":[{"family":"f"}]}`), 201)
	token := w.token(doctor)
	var group sync.WaitGroup
	statuses := make([]int, 8)
	for i := range statuses {
		group.Go(func() {
			res, err := w.send(token, "PATCH", "/Patient/p", fmt.Sprintf(`[{"op":"add","path":"/name/-","value":{"family":"f%d"}}]`, i), asJSONPatch...)
			if err != nil {
				t.Error(err)
			}
			statuses[i] = res.status
		})
	}
	group.Wait()
	done := 0
	res := w.want(w.do(doctor, "GET", "/Patient/p", ""), 200)
	for i, status := range statuses {
		there := strings.Contains(res.body, fmt.Sprintf(`"f%d"`, i))
		if status != 200 && status != 409 || there != (status == 200) {
			t.Errorf("patch %d: status %d, stored %v", i, status, there)
		}
		if there {
			done++
		}
	}
	if want := fmt.Sprintf(`W/"%d"`, done+1); res.header.Get("ETag") != want || done == 0 {
		t.Errorf("%s, want %s", res.header.Get("ETag"), want)
	}
}

// TestPatchReads: who may update but not read a resource cannot patch it, so that no test and no error tells what is in it.
func TestPatchReads(t *testing.T) {
	w := newWorld(t, storetest.SQLite)
	w.want(w.do(ward.Clinician, "PUT", "/Patient/p", patient("p", "m")), 201)
	request := `{"resourceType":"MedicationRequest","id":"r","status":"active","intent":"order","medicationCodeableConcept":{"text":"x"},"subject":{"reference":"Patient/p"}}`
	w.want(w.do(ward.Integration, "PUT", "/MedicationRequest/r", request), 201)
	w.want(w.do(ward.Integration, "PUT", "/MedicationRequest/r", strings.Replace(request, "order", "plan", 1)), 200)
	for _, status := range []string{"active", "stopped"} {
		res := w.want(w.do(ward.Integration, "PATCH", "/MedicationRequest/r", `[{"op":"test","path":"/status","value":"`+status+`"}]`, asJSONPatch...), 403)
		if strings.Contains(res.body, "test") {
			t.Error(res.body)
		}
	}
	w.want(w.do(ward.Clinician, "PATCH", "/MedicationRequest/r", `[{"op":"replace","path":"/status","value":"stopped"}]`, asJSONPatch...), 200)
}
