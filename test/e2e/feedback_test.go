package e2e

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/ward-health/ward/engine/db/dbtest"
)

// TestFeedbackSQLite and TestFeedbackPostgres post what a clinician makes of a card to the node that showed it: it is kept once, is shown
// with the decision to those who may see it, outlasts a restart, and closes with its patient.
func TestFeedbackSQLite(t *testing.T) { feedback(t, nil) }

// TestFeedbackPostgres is the same with the data in PostgreSQL.
func TestFeedbackPostgres(t *testing.T) {
	feedback(t, []string{"WARD_TEST_DSN=" + dbtest.Postgres(t)}, "--dsn", "env:WARD_TEST_DSN")
}

func feedback(t *testing.T, env []string, args ...string) {
	const comment = "canary comment 4711"
	n := newNode(t, env, args...)
	n.people()
	n.start()
	doc, desk := n.token("doc"), n.token("desk")
	n.must(201, doc, "PUT", "/fhir/R4/Patient/p1", []byte(`{"resourceType":"Patient","id":"p1","gender":"female","birthDate":"1960-05-01"}`))
	n.must(201, doc, "PUT", "/fhir/R4/Observation/o1", []byte(fmt.Sprintf(`{"resourceType":"Observation","id":"o1","status":"final","code":{"coding":[{"system":"http://loinc.org","code":"2160-0"}]},
		"subject":{"reference":"Patient/p1"},"effectiveDateTime":%q,"valueQuantity":{"value":1.1,"unit":"mg/dL","system":"http://unitsofmeasure.org","code":"mg/dL"}}`, today())))
	hook := []byte(`{"hook":"patient-view","hookInstance":"d1577c69-dfbe-44ad-ba6d-3e05e953b2ea","context":{"userId":"Practitioner/x","patientId":"p1"}}`)
	var shown struct {
		Cards []struct {
			UUID            string `json:"uuid"`
			OverrideReasons []struct{ System, Code string }
		}
	}
	a := n.must(200, doc, "POST", "/cds-services/egfr-ckd-epi-2021", hook)
	if err := json.Unmarshal(a.body, &shown); err != nil || len(shown.Cards) != 1 || len(shown.Cards[0].OverrideReasons) == 0 {
		t.Fatalf("%v %s", err, a)
	}
	card := shown.Cards[0]
	body := []byte(fmt.Sprintf(`{"feedback":[{"card":%q,"outcome":"overridden","outcomeTimestamp":"2026-11-10T09:00:00Z","overrideReason":{"reason":{"system":%q,"code":%q},"userComment":%q}}]}`,
		card.UUID, card.OverrideReasons[0].System, card.OverrideReasons[0].Code, comment))
	const path = "/cds-services/egfr-ckd-epi-2021/feedback"
	for range 2 { // SPEC(CDS Hooks 2.0, Feedback): a client may send it again
		n.must(200, doc, "POST", path, body)
	}
	n.must(401, "", "POST", path, body)
	n.must(403, desk, "POST", path, body)
	n.must(404, doc, "POST", "/cds-services/none/feedback", body)
	if a := n.must(400, doc, "POST", path, []byte(strings.Replace(string(body), "overridden", "ignored", 1))); !strings.Contains(string(a.body), "feedback[0].outcome") || strings.Contains(string(a.body), comment) {
		t.Errorf("%s", a)
	}

	kept := func() {
		t.Helper()
		var list []struct {
			Outcome, By string
			Body        json.RawMessage
		}
		a := n.must(200, doc, "GET", "/v1/decisions/"+card.UUID+"/feedback", nil)
		if err := json.Unmarshal(a.body, &list); err != nil || len(list) != 1 || list[0].Outcome != "overridden" || list[0].By != "doc" || !strings.Contains(string(a.body), comment) {
			t.Errorf("%v %s", err, a)
		}
		n.must(403, desk, "GET", "/v1/decisions/"+card.UUID+"/feedback", nil)
	}
	kept()
	if out := n.ward("decision", "show", card.UUID); !strings.Contains(out, "overridden") {
		t.Errorf("ward decision show: %s", out)
	}
	log := n.ward("audit", "tail", "-n", "1000")
	if strings.Count(log, "feedback") < 3 || strings.Contains(log, comment) {
		t.Errorf("the log:\n%s", log)
	}
	n.stop()
	n.start()
	doc, desk = n.token("doc"), n.token("desk")
	dpo := n.token("dpo")
	kept()
	n.must(200, dpo, "POST", "/v1/shred", []byte(`{"patient":"p1"}`))
	n.must(410, doc, "POST", path, body)
	if a, err := n.ask(doc, "GET", "/v1/decisions/"+card.UUID+"/feedback", nil); err != nil || a.status < 400 || strings.Contains(string(a.body), comment) {
		t.Errorf("after the erasure: %s %v", a, err)
	}
	n.stop()
	n.ward("store", "check")
	n.ward("audit", "verify")
	if strings.Contains(n.stderr.String(), comment) {
		t.Error("the comment stands in the operator's log")
	}
}
