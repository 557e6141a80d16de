package fhir

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/ward-health/ward"
)

// TestReadTakesWhatIsKept: a body that was accepted by laxer rules gives its facts, while Scan refuses it; one that cannot be kept is refused by both.
func TestReadTakesWhatIsKept(t *testing.T) {
	const old = `{"resourceType":"Observation","id":"x","subject":{"reference":"Patient/p"},"code":{"coding":[{"code":"c"}]},"foo":[]}`
	if _, err := Scan([]byte(old)); ward.KindOf(err) != ward.Invalid {
		t.Errorf("Scan: %v", err)
	}
	f, err := Read([]byte(old))
	if err != nil || f.Patient != "p" || len(f.Values) != 2 || len(f.References) != 1 {
		t.Errorf("Read: %+v, %v", f, err)
	}
	for _, bad := range []string{`{"resourceType":"Observation","id":"x","id":"y"}`, `{"resourceType":"Basic"}`, `{"resourceType":"Condition"}`, `{"resourceType":"Patient","id":"a b"}`} {
		if _, err := Read([]byte(bad)); err == nil {
			t.Errorf("%s was read", bad)
		}
	}
}

// TestOutcomeOf: all findings with their places, and a word on those that are left out.
func TestOutcomeOf(t *testing.T) {
	var b strings.Builder
	for i := range 150 {
		fmt.Fprintf(&b, `,"x%d":1`, i)
	}
	_, err := Scan([]byte(`{"resourceType":"Patient"` + b.String() + `}`))
	var found *Findings
	if !errors.As(err, &found) || len(found.Issues) != 100 || !found.More {
		t.Fatalf("%v", err)
	}
	var o struct {
		Issue []struct {
			Severity, Code string
			Expression     []string
		}
	}
	if err := json.Unmarshal(OutcomeOf(err), &o); err != nil {
		t.Fatal(err)
	}
	if len(o.Issue) != 101 || o.Issue[99].Expression[0] != "Patient.x99" || o.Issue[100].Severity != "information" || o.Issue[100].Code != "incomplete" {
		t.Errorf("%d issues, the last %+v", len(o.Issue), o.Issue[len(o.Issue)-1])
	}
	plain := ward.E(ward.Gone, "x", "it is gone", nil).At("Patient.id")
	if got := string(OutcomeOf(plain)); !strings.Contains(got, `"deleted"`) || !strings.Contains(got, `"Patient.id"`) {
		t.Error(got)
	}
}

// TestJoin: findings of several resources stand in one text; a failure of another sort comes first.
func TestJoin(t *testing.T) {
	body := []byte("{\n  \"a\": {\"resourceType\":\"Patient\",\"foo\":1}}")
	_, err := Scan(body[9 : len(body)-1])
	var found *Findings
	if !errors.As(err, &found) {
		t.Fatal(err)
	}
	moved := ward.E(ward.Invalid, "x", "", found.Within("Bundle.entry[0].resource", body, 9))
	joined := Join([]error{moved, moved})
	if !errors.As(joined, &found) || len(found.Issues) != 2 || found.Issues[0].Line != 2 || found.Issues[0].Column != 34 || found.Issues[0].Expression != "Bundle.entry[0].resource.foo" {
		t.Errorf("%+v", found)
	}
	other := errors.New("other")
	if Join(nil) != nil || Join([]error{moved, other}) != other { //nolint:errorlint // the very error
		t.Error("Join of nothing, or of what is no finding")
	}
}
