package e2e

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ward-health/ward/clinical/simulate"
	"github.com/ward-health/ward/engine/db/dbtest"
)

// decided is how many decisions are recomputed.
const decided = 200

// TestReplaySQLite and TestReplayPostgres: decisions that a node answered, refusals among them, are recomputed equal by the
// next process on the same directory, though some of what they were made from has changed since (I12).
func TestReplaySQLite(t *testing.T) { replayAfterRestart(t, 100, nil) }

// TestReplayPostgres is the same with the data in PostgreSQL, of a smaller hospital that is asked about more often.
func TestReplayPostgres(t *testing.T) {
	dsn := dbtest.Postgres(t)
	replayAfterRestart(t, 12, []string{"WARD_TEST_DSN=" + dsn}, "--dsn", "env:WARD_TEST_DSN")
}

func replayAfterRestart(t *testing.T, patients int, env []string, args ...string) {
	n := newNode(t, env, args...)
	n.people()
	n.start()
	doc := n.token("doc")
	h := simulate.New(7, time.Now().Add(-time.Hour)).Hospital(patients)
	for _, g := range h.Groups {
		n.must(200, doc, "POST", "/fhir/R4", g.Bundle())
	}
	cards := map[string]simulate.Truth{}
	for i := range decided {
		one := h.Truth[i%patients]
		id, summary := n.card(doc, one.Patient)
		if strings.Contains(summary, "not computed") == answerable(one.Case) {
			t.Errorf("%s: %q", one.Case, summary)
		}
		cards[id] = one
	}
	if len(cards) != decided {
		t.Fatalf("%d decisions, want %d", len(cards), decided)
	}
	n.changeSources(doc, h.Truth)
	before := n.ward("decision", "list", "-n", "1000", "--json")
	n.stop()

	n.start()
	if after := n.ward("decision", "list", "-n", "1000", "--json"); after != before {
		t.Errorf("the decisions are not the same after the restart:\n%.2000s\nbefore:\n%.2000s", after, before)
	}
	n.replayed(cards)
	n.stop()
	n.ward("audit", "verify")
}

// answerable: the model has what it needs.
func answerable(c simulate.Case) bool {
	return c == simulate.MassUnit || c == simulate.MolarUnit || c == simulate.Confidential || c == simulate.Corrected
}

// card asks the patient-view hook and returns the decision and what the card says.
func (n *node) card(token, patient string) (decision, summary string) {
	n.t.Helper()
	a := n.must(200, token, "POST", "/cds-services/"+service(n), fmt.Appendf(nil,
		`{"hook":"patient-view","hookInstance":"d1577c69-dfbe-44ad-ba6d-3e05e953b2ea","context":{"userId":"Practitioner/x","patientId":%q}}`, patient))
	var got struct {
		Cards []struct{ UUID, Summary string }
	}
	if err := json.Unmarshal(a.body, &got); err != nil || len(got.Cards) != 1 {
		n.t.Fatalf("want one card: %v %s", err, a)
	}
	return got.Cards[0].UUID, got.Cards[0].Summary
}

// changeSources gives some judged results and patients a newer version, and deletes one result: what a decision stands on is
// the version that it read.
func (n *node) changeSources(token string, truth []simulate.Truth) {
	n.t.Helper()
	deleted := false
	for i, one := range truth {
		if one.Creatinine == "" || !answerable(one.Case) || i%5 != 0 {
			continue
		}
		at := "/fhir/R4/Observation/" + one.Creatinine
		if !deleted {
			a, err := n.ask(token, "DELETE", at, nil)
			if err != nil || a.status/100 != 2 {
				n.t.Fatalf("DELETE: %s %v", a, err)
			}
			deleted = true
			continue
		}
		n.must(200, token, "PUT", at, canaryObservation(one.Creatinine, one.Patient, "mg/dL"))
		n.must(200, token, "PUT", "/fhir/R4/Patient/"+one.Patient, fmt.Appendf(nil,
			`{"resourceType":"Patient","id":%q,"gender":"other","birthDate":"2020-02-02"}`, one.Patient))
	}
	if !deleted {
		n.t.Fatal("no source was changed")
	}
}

// replayed wants every decision recomputed equal, and no other.
func (n *node) replayed(cards map[string]simulate.Truth) {
	n.t.Helper()
	out, errs, code := n.run("ward", "decision", "replay", "--all", "--json")
	var all []struct {
		Decision, Why string
		Equal, Erased bool
	}
	if err := json.Unmarshal([]byte(out), &all); err != nil || code != 0 {
		n.t.Fatalf("exit %d, %v\n%.3000s%s", code, err, out, errs)
	}
	equal := 0
	for _, r := range all {
		one, known := cards[r.Decision]
		if !known || !r.Equal || r.Erased || r.Why != "" {
			n.t.Errorf("decision %s (%s, known %t): equal %t, erased %t, %s", r.Decision, one.Case, known, r.Equal, r.Erased, r.Why)
			continue
		}
		delete(cards, r.Decision)
		equal++
	}
	n.t.Logf("%d decisions recomputed equal", equal)
	if equal != decided || len(all) != decided {
		n.t.Errorf("%d of %d decisions were recomputed equal, want %d", equal, len(all), decided)
	}
}
