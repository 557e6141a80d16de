package e2e

import (
	"encoding/json"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ward-health/ward/engine/db/dbtest"
	"github.com/ward-health/ward/server"
)

// own adds a person who signs in itself and returns the token of that sign-in.
func (n *node) own(id, role string) string {
	n.t.Helper()
	_, code, found := strings.Cut(strings.TrimSpace(n.ward("principal", "add", id, "--role", role)), "#")
	if !found {
		n.t.Fatal("the one-time link has no code")
	}
	form := url.Values{"grant_type": {"urn:ward:params:oauth:grant-type:one-time-code"}, "code": {code}}.Encode()
	a := n.must(200, "", "POST", "/oauth/token", []byte(form), "Content-Type", "application/x-www-form-urlencoded")
	var got struct {
		Token string `json:"access_token"`
	}
	if err := json.Unmarshal(a.body, &got); err != nil || got.Token == "" {
		n.t.Fatalf("%s: %v", id, err)
	}
	return got.Token
}

// TestUnitsOfASenderSQLite and TestUnitsOfASenderPostgres follow a result whose unit nothing confirms: it is stored, no model reads it, two
// persons say what the sender means, and after a replay the model answers. What comes with another range is not covered; who takes it back
// needs nobody else.
func TestUnitsOfASenderSQLite(t *testing.T) { unitsOfASender(t, nil) }

// TestUnitsOfASenderPostgres is the same with the data in PostgreSQL.
func TestUnitsOfASenderPostgres(t *testing.T) {
	unitsOfASender(t, []string{"WARD_TEST_DSN=" + dbtest.Postgres(t)}, "--dsn", "env:WARD_TEST_DSN")
}

// sender is a laboratory at a node.
type sender struct {
	*node
	address, doc, aud string
	serial            int
}

// result sends one creatinine of a patient, in the text given, and waits until it is understood.
func (s *sender) result(number, value, unit, between string) {
	s.t.Helper()
	s.serial++
	at := time.Now().UTC().Add(-time.Hour).Format("20060102150405") + "+0000"
	file := filepath.Join(s.t.TempDir(), "result.hl7")
	write(s.t, file, strings.Join([]string{fmt.Sprintf(`MSH|^~\&|LAB|GOODHEALTH|WARD|WARD|%s||ORU^R01|U%d|P|2.5.1`, at, s.serial),
		fmt.Sprintf("PID|1||%s^^^GOODHEALTH^MR||Grey^Anna||19600501|F", number), fmt.Sprintf("OBR|1||U%d^LAB|24323-8^Panel^LN|||%s", s.serial, at),
		fmt.Sprintf("OBX|1|NM|2160-0^Creatinine^LN||%s|%s|%s||||F", value, unit, between)}, "\r")+"\r")
	s.ward("send", "--to", s.address, file)
	s.understood(s.aud)
}

// ask asks the model and returns the summary and detail of its card.
func (s *sender) card(number string) (text string) {
	s.t.Helper()
	body := fmt.Sprintf(`{"hook":"patient-view","hookInstance":"d1577c69-dfbe-44ad-ba6d-3e05e953b2ea","context":{"userId":"Practitioner/x","patientId":%q}}`, s.patientOf(s.doc, number))
	a := s.must(200, s.doc, "POST", "/cds-services/egfr-ckd-epi-2021", []byte(body))
	var got struct {
		Cards []struct{ Summary, Detail string }
	}
	if err := json.Unmarshal(a.body, &got); err != nil || len(got.Cards) != 1 {
		s.t.Fatalf("%v %s", err, a)
	}
	return got.Cards[0].Summary + "\n" + got.Cards[0].Detail
}

// wants looks for a text in the model's card.
func (s *sender) wants(number, text string) {
	s.t.Helper()
	if card := s.card(number); !strings.Contains(card, text) {
		s.t.Errorf("patient %s: no %q in\n%s", number, text, card)
	}
}

// again replays every message that is applied.
func (s *sender) again() {
	s.t.Helper()
	for _, m := range s.messages(s.aud, "applied") {
		s.ward("message", "replay", m.ID.String())
	}
	s.understood(s.aud)
}

func unitsOfASender(t *testing.T, env []string, args ...string) {
	n := newNode(t, env, args...)
	n.people()
	n.start()
	s := &sender{node: n, doc: n.token("doc"), aud: n.token("aud")}
	s.address = n.channel("lab")
	s.listens(s.address)
	bert := n.own("bert", "steward")
	n.ward("principal", "add", "anna", "--role", "steward")
	const unconfirmed, answered = "is in a unit that its sender has not confirmed", "eGFR 6"
	s.result("4711", "1.0", "mg/dL", "")
	s.wants("4711", unconfirmed)
	s.result("4712", "1.0", "mg/dL", "0.6-1.1") // its own range says which unit it is
	s.wants("4712", answered)
	s.result("4713", "1.0", "mg per decilitre", "0.6-1.1")
	if held := n.ward("quarantine", "list", "--as", "anna"); !strings.Contains(held, "unit-unknown") {
		t.Errorf("a text that is no unit was taken: %s", held)
	}

	// One person alone changes nothing, however often; what contradicts the code cannot be said.
	say := func(sent string) string {
		n.ward("channel", "unit", "propose", "lab", "--code", "2160-0", "--sent", sent, "--means", "mg/dL", "--range", "0.6-1.1", "--as", "anna", "--reason", "telephone, Dr Grey of the laboratory")
		var shown server.UnitsShown
		if err := json.Unmarshal([]byte(n.ward("channel", "unit", "list", "lab", "--as", "anna", "--json")), &shown); err != nil {
			t.Fatal(err)
		}
		for _, u := range shown.Said {
			if u.Source == sent && u.State == "proposed" {
				return u.Digest
			}
		}
		t.Fatalf("the proposal is not shown: %+v", shown)
		return ""
	}
	digest := say("mg/dL")
	s.again()
	s.wants("4711", unconfirmed)
	if _, errs, code := n.run("ward", "channel", "unit", "confirm", "lab", "--code", "2160-0", "--sent", "mg/dL", "--digest", digest, "--as", "anna"); code == 0 || !strings.Contains(errs, "second person") {
		t.Errorf("anna confirmed alone: %d %s", code, errs)
	}
	if _, errs, code := n.run("ward", "channel", "unit", "propose", "lab", "--code", "2160-0", "--sent", "x", "--means", "mmol/L", "--as", "anna", "--reason", "x"); code == 0 || !strings.Contains(errs, "another kind than the code") {
		t.Errorf("a unit of another kind was said: %d %s", code, errs)
	}
	n.ward("channel", "unit", "confirm", "lab", "--code", "2160-0", "--sent", "mg/dL", "--digest", digest, "--token", bert)
	n.ward("channel", "unit", "confirm", "lab", "--code", "2160-0", "--sent", "mg per decilitre", "--digest", say("mg per decilitre"), "--token", bert)
	s.again()
	s.wants("4711", answered)
	s.wants("4713", answered)

	// The statement is of the ranges that were named.
	s.result("4714", "8.0", "mg/dL", "0.6-1.2")
	s.wants("4714", unconfirmed)
	n.ward("channel", "unit", "withdraw", "lab", "--code", "2160-0", "--sent", "mg/dL", "--as", "anna")
	s.again()
	s.wants("4711", unconfirmed)
	s.wants("4712", unconfirmed)
	s.wants("4713", answered)
	list := n.ward("channel", "unit", "list", "lab", "--token", bert)
	for _, want := range []string{"withdrawn", "confirmed", "mg per decilitre", "2160-0", "MEDIAN"} {
		if !strings.Contains(list, want) {
			t.Errorf("no %q in\n%s", want, list)
		}
	}
	log := n.ward("audit", "tail", "-n", "1000")
	for _, want := range []string{"unit.propose", "unit.confirm", "unit.withdraw"} {
		if !strings.Contains(log, want) {
			t.Errorf("no entry of %s", want)
		}
	}
	n.must(403, s.doc, "GET", "/v1/channels/lab/units", nil)
	n.stop()
	n.ward("store", "check")
	n.ward("audit", "verify")
}
