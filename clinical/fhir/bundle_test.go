package fhir

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/ward-health/ward"
)

func TestWriteBundle(t *testing.T) {
	at := time.Unix(0, 0)
	got := WriteBundle("searchset", 2, at, []Link{{"self", `http://h/Patient?name="x"`}}, []Entry{
		{FullURL: "http://h/Patient/1", Resource: ward.Protected(`{"resourceType":"Patient","x":1.00}`), Search: "match"},
		{Status: "201 Created", Location: "Patient/1/_history/1", ETag: `W/"1"`, Modified: at, Outcome: Done("ok")},
		{Method: "DELETE", URL: "Patient/1", Status: "204"},
	})
	want := `{"resourceType":"Bundle","type":"searchset","timestamp":"1970-01-01T00:00:00.000000Z","total":2,"link":[{"relation":"self","url":"http://h/Patient?name=\"x\""}],"entry":[` +
		`{"fullUrl":"http://h/Patient/1","resource":{"resourceType":"Patient","x":1.00},"search":{"mode":"match"}},` +
		`{"response":{"status":"201 Created","location":"Patient/1/_history/1","etag":"W/\"1\"","lastModified":"1970-01-01T00:00:00.000000Z","outcome":{"resourceType":"OperationOutcome","issue":[{"severity":"information","code":"informational","diagnostics":"ok"}]}}},` +
		`{"request":{"method":"DELETE","url":"Patient/1"},"response":{"status":"204"}}]}`
	if string(got) != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := string(WriteBundle("history", -1, at, nil, nil)); got != `{"resourceType":"Bundle","type":"history","timestamp":"1970-01-01T00:00:00.000000Z"}` {
		t.Error(got)
	}
}

func TestOutcome(t *testing.T) {
	for kind := ward.Internal; kind <= ward.Unavailable; kind++ {
		var o operationOutcome
		if err := json.Unmarshal(Outcome(kind, "text", "Patient.id"), &o); err != nil || len(o.Issue) != 1 || o.Issue[0].Code == "processing" || o.Issue[0].Expression[0] != "Patient.id" {
			t.Errorf("%v: %+v %v", kind, o, err)
		}
	}
}
