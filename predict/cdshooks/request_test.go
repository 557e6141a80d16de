package cdshooks

import (
	"strings"
	"testing"

	"github.com/ward-health/ward"
)

const call = `{"hook":"patient-view","hookInstance":"d1577c69-dfbe-44ad-ba6d-3e05e953b2ea","context":{"userId":"Practitioner/example","patientId":"1288992"}}`

func TestParse(t *testing.T) {
	for _, body := range []string{
		call,
		strings.Replace(call, `{"hook"`, `{"fhirServer":"https://ehr.example","fhirAuthorization":{"access_token":"x","token_type":"Bearer","expires_in":300,"scope":"s","subject":"c"},"prefetch":{"p":{"resourceType":"Patient"}},"extension":{},"hook"`, 1),
		strings.Replace(call, `"patientId"`, `"encounterId":"89284","patientId"`, 1),
		strings.Replace(call, "Practitioner/", "PractitionerRole/", 1),
	} {
		if q, err := parse([]byte(body)); err != nil || q.Context.PatientID != "1288992" {
			t.Errorf("%s: %v", body, err)
		}
	}
	for _, c := range [][2]string{
		{`"patient-view"`, `"order-select"`},
		{`"patient-view"`, `7`},
		{`"d1577c69-dfbe-44ad-ba6d-3e05e953b2ea"`, `"1"`},
		{`"hookInstance":"d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",`, ``},
		{`"Practitioner/example"`, `"example"`},
		{`"Practitioner/example"`, `"Device/example"`},
		{`"Practitioner/example"`, `"Practitioner/"`},
		{`"Practitioner/example"`, `"Practitioner/a/b"`},
		{`"1288992"`, `"Patient/1288992"`},
		{`"1288992"`, `"../x"`},
		{`"1288992"`, `""`},
		{`"1288992"`, `1288992`},
		{`,"patientId":"1288992"`, ``},
		{`"patientId":"1288992"`, `"patientId":"1","patientId":"2"`},
		{`"patientId"`, `"patientid"`},
		{`{"userId"`, `[{"userId"`},
		{`"context":{`, `"context":null,"x":{`},
		{`}}`, `}} {}`},
		{`}}`, `}`},
		{`"1288992"`, "\"\xff\""},
	} {
		body := strings.Replace(call, c[0], c[1], 1)
		if body == call {
			t.Fatalf("%s is not in the call", c[0])
		}
		if q, err := parse([]byte(body)); ward.KindOf(err) != ward.Invalid {
			t.Errorf("%s: %+v, %v", body, q, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(call))
	f.Add([]byte(`{"context":{}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if q, err := parse(b); err == nil && (q.Hook != hook || !ward.ValidID(q.Context.PatientID)) {
			t.Fatalf("%+v", q)
		}
	})
}

func TestCut(t *testing.T) {
	if s := cut(strings.Repeat("é", 300)); len([]rune(s)) >= maxSummary {
		t.Errorf("%d characters", len([]rune(s)))
	}
	if s := strings.Repeat("é", maxSummary-1); cut(s) != s {
		t.Error("a summary that fits is cut")
	}
}
