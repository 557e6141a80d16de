package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ward-health/ward/clinical/hl7v2"
	"github.com/ward-health/ward/clinical/simulate"
	"github.com/ward-health/ward/connect/mllp"
	"github.com/ward-health/ward/engine/db/dbtest"
	"github.com/ward-health/ward/server"
	"github.com/ward-health/ward/store"
)

// numbers is the system that the tests' channels give to the simulator's authority.
const numbers = "http://goodhealth.example/mrn"

// channel opens a channel of a running or stopped node and returns its address.
func (n *node) channel(id string) (address string) {
	n.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		n.t.Fatal(err)
	}
	address = l.Addr().String()
	l.Close()
	n.ward("principal", "add", id, "--kind", "service", "--role", "integration")
	n.ward("channel", "add", id, "--principal", id, "--listen", address, "--system", simulate.Authority+"="+numbers)
	return address
}

// messages lists what the node kept, oldest first.
func (n *node) messages(token, state string) (all []server.Message) {
	n.t.Helper()
	for cursor := ""; ; {
		var page server.MessagePage
		n.read(token, "/v1/messages?count=1000&state="+state+"&cursor="+url.QueryEscape(cursor), &page)
		all = append(all, page.Messages...)
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	slices.Reverse(all)
	return all
}

// read asks for JSON.
func (n *node) read(token, path string, v any) {
	n.t.Helper()
	a := n.must(200, token, "GET", path, nil)
	if err := json.Unmarshal(a.body, v); err != nil {
		n.t.Fatalf("GET %s: %v %s", path, err, a)
	}
}

// understood waits until no message waits.
func (n *node) understood(token string) {
	n.t.Helper()
	n.until("all messages are understood", func() bool { return len(n.messages(token, "received")) == 0 })
}

// until waits for a condition.
func (n *node) until(what string, ok func() bool) {
	n.t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(60 * time.Second); !ok(); <-tick.C {
		if time.Now().After(end) {
			n.t.Fatalf("not in 60 s: %s\n%s", what, n.stderr)
		}
	}
}

// listens waits until somebody listens there.
func (n *node) listens(address string) {
	n.t.Helper()
	n.until("the channel listens", func() bool {
		c, err := net.Dial("tcp", address)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
}

// stored is a result as FHIR search gives it.
type stored struct {
	ID   string
	Meta struct{ VersionID string }
	Code struct {
		Coding []struct{ System, Code string }
	}
	Status        string
	Subject       struct{ Reference string }
	ValueQuantity struct {
		Value              json.Number
		Unit, System, Code string
	}
}

func (o stored) loinc() string {
	for _, c := range o.Code.Coding {
		if c.System == "http://loinc.org" {
			return c.Code
		}
	}
	return ""
}

// observations searches a patient's results.
func (n *node) observations(token, patient string) (all []stored) {
	n.t.Helper()
	for at := "/fhir/R4/Observation?_count=100&patient=" + patient; at != ""; {
		var page searchset
		n.read(token, at, &page)
		for _, e := range page.Entry {
			var o stored
			if err := json.Unmarshal(e.Resource, &o); err != nil {
				n.t.Fatal(err)
			}
			all = append(all, o)
		}
		at = nextOf(n, page)
	}
	return all
}

// patientOf finds a patient by number.
func (n *node) patientOf(token, number string) string {
	n.t.Helper()
	found := n.patientsOf(token, number)
	if len(found) != 1 {
		n.t.Fatalf("%d patients have the number %s", len(found), number)
	}
	return found[0]
}

func (n *node) patientsOf(token, number string) (ids []string) {
	n.t.Helper()
	var found searchset
	n.read(token, "/fhir/R4/Patient?identifier="+url.QueryEscape(numbers+"|"+number), &found)
	for _, e := range found.Entry {
		ids = append(ids, idOf(answer{body: e.Resource}))
	}
	return ids
}

// sentResult is one OBX.
type sentResult struct{ code, value, unit, status string }

// ucum is what the simulator's units are in UCUM, those that are written otherwise.
var ucum = map[string]string{"mEq/L": "meq/L", "MG/DL": "mg/dL", "gm/dL": "g/dL", "mcg/dL": "ug/dL", "K/uL": "10*3/uL", "mm/hr": "mm/h", "mmHg": "mm[Hg]"}

func resultsOf(t testing.TB, m simulate.Message) (out []sentResult) {
	t.Helper()
	x, err := hl7v2.Parse(m.Bytes, hl7v2.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for s := range x.All("OBX") {
		unit := s.Field(6).First().Component(1).Text()
		if u, ok := ucum[unit]; ok {
			unit = u
		}
		status := map[string]string{"F": "final", "C": "corrected"}[s.Field(11).First().Text()]
		out = append(out, sentResult{s.Field(3).First().Component(1).Text(), s.Field(5).First().Text(), unit, status})
	}
	return out
}

// TestMessagesSQLite and TestMessagesPostgres send a day of a laboratory through the node's own MLLP port and look at what
// became of it: in the list of messages, by FHIR search, and after a replay.
func TestMessagesSQLite(t *testing.T) { messagesOfADay(t, nil) }

// TestMessagesPostgres is the same with the data in PostgreSQL.
func TestMessagesPostgres(t *testing.T) {
	messagesOfADay(t, []string{"WARD_TEST_DSN=" + dbtest.Postgres(t)}, "--dsn", "env:WARD_TEST_DSN")
}

// theDay is a node that got the messages of a day.
type theDay struct {
	*node
	doc, aud, address string
	sent              []simulate.Message
	kept              []server.Message // in the order of sent, without the duplicate
	dir               string
}

func messagesOfADay(t *testing.T, env []string, args ...string) {
	d := &theDay{node: newNode(t, env, args...), dir: t.TempDir(), sent: simulate.New(11, time.Now().Add(-time.Hour)).Day(8)}
	d.people()
	d.ward("principal", "add", "stew", "--role", "steward")
	d.start()
	d.doc, d.aud = d.token("doc"), d.token("aud")
	d.address = d.channel("lab")
	d.listens(d.address)
	d.sendAll()
	d.states()
	before := d.facts(1)
	for range 2 {
		// What came under a number that was merged since is of the record that lives on now: one new version, and no other after it.
		d.replayed()
		if after := d.facts(2); !slices.Equal(before, after) {
			t.Errorf("a replay changed what is stored:\n%v\n%v", before, after)
		}
	}
	d.shown()
	d.debian()
	d.stop()
	d.ward("store", "check")
	d.ward("audit", "verify")
}

// sendAll sends the day in order; each is acknowledged.
func (d *theDay) sendAll() {
	var all []byte
	for _, m := range d.sent {
		all = append(all, m.Bytes...)
	}
	file := filepath.Join(d.dir, "day.hl7")
	if err := os.WriteFile(file, all, 0o600); err != nil {
		d.t.Fatal(err)
	}
	var answers []struct{ Message, Answer, Text string }
	out := d.ward("send", "--to", d.address, "--json", file)
	if err := json.Unmarshal([]byte(out), &answers); err != nil || len(answers) != len(d.sent) {
		d.t.Fatalf("%d answers to %d messages: %v\n%s", len(answers), len(d.sent), err, out)
	}
	for i, a := range answers {
		if a.Answer != "AA" {
			d.t.Errorf("%s of %s: %s %s", d.sent[i].Kind, d.sent[i].Twist, a.Answer, a.Text)
		}
	}
	d.understood(d.aud)
	d.kept = d.messages(d.aud, "")
}

// states compares the list of messages with what was sent.
func (d *theDay) states() {
	i := -1
	for _, m := range d.sent {
		if m.Twist == simulate.Duplicate {
			if d.kept[i].Repeats != 1 {
				d.t.Errorf("the message that was sent twice counts %d repetitions", d.kept[i].Repeats)
			}
			continue
		}
		if i++; i >= len(d.kept) {
			d.t.Fatalf("%d messages are kept of %d sent", len(d.kept), len(d.sent))
		}
		k := d.kept[i]
		state, reason := store.MessageApplied, ""
		switch m.Twist {
		case simulate.TestTraffic:
			state, reason = store.MessageApart, "test-or-debug"
		case simulate.WithoutNumber:
			state, reason = store.MessageHeld, "no-patient-id"
		}
		if k.State != state || k.Reason != reason || k.Kind != m.Kind || k.Size != int64(len(m.Bytes)) || k.Channel != "lab" {
			d.t.Errorf("%s %s: %+v", m.Kind, m.Twist, k)
		}
		if state == store.MessageApplied && k.Held != int64(m.Doubtful) {
			d.t.Errorf("%s %s: %d facts are held, want %d", m.Kind, m.Twist, k.Held, m.Doubtful)
		}
	}
	if i+1 != len(d.kept) {
		d.t.Errorf("%d messages are kept, want %d", len(d.kept), i+1)
	}
	if out := d.ward("message", "list", "--state", "apart"); strings.Count(out, "test-or-debug") != 1 {
		d.t.Errorf("ward message list: %s", out)
	}
}

// facts compares, for each patient, what FHIR search finds with what was sent, and returns all of it. Results of a record that
// was merged are of the given version, all others of the first.
func (d *theDay) facts(merges int) (all []string) {
	d.t.Helper()
	byNumber := map[string][]sentResult{}
	merged := map[string]string{} // survivor's number by the one that ended
	for _, m := range d.sent {
		switch m.Twist {
		case simulate.Duplicate, simulate.TestTraffic, simulate.WithoutNumber, simulate.LateOriginal:
			continue
		case simulate.Merging:
			merged["T"+m.Number] = m.Number
		}
		for _, r := range resultsOf(d.t, m) {
			if m.Twist != simulate.WrongSodium || r.code != "2951-2" {
				byNumber[m.Number] = append(byNumber[m.Number], r)
			}
		}
	}
	if len(merged) != 1 {
		d.t.Fatalf("%d merges", len(merged))
	}
	for number, want := range byNumber {
		if _, ended := merged[number]; ended {
			continue
		}
		id := d.patientOf(d.doc, number)
		for from, into := range merged {
			if into != number {
				continue
			}
			want = append(slices.Clone(want), byNumber[from]...)
			// The number that ended leads to the record that lives on, and to the one that was.
			if both := d.patientsOf(d.doc, from); len(both) != 2 || !slices.Contains(both, id) {
				d.t.Errorf("the number that ended is that of %v, the survivor is %s", both, id)
			}
		}
		var got []sentResult
		moved := 0
		for _, o := range d.observations(d.doc, id) {
			got = append(got, sentResult{o.loinc(), o.ValueQuantity.Value.String(), o.ValueQuantity.Code, o.Status})
			if o.Meta.VersionID != "1" {
				moved++
			}
			if o.ValueQuantity.System != "http://unitsofmeasure.org" || o.Meta.VersionID != "1" && o.Meta.VersionID != fmt.Sprint(merges) {
				d.t.Errorf("%s: %+v", number, o)
			}
			all = append(all, fmt.Sprint(number, o.ID, o.Code, o.Status, o.ValueQuantity))
		}
		if most := len(byNumber["T"+number]) * (merges - 1); moved != most {
			d.t.Errorf("%s: %d results have a second version, want %d", number, moved, most)
		}
		if one, other := sorted(got), sorted(want); !slices.Equal(one, other) {
			d.t.Errorf("patient %s: stored\n%v, sent\n%v", number, one, other)
		}
	}
	slices.Sort(all)
	return all
}

func sorted(rs []sentResult) (out []string) {
	for _, r := range rs {
		out = append(out, strings.Join([]string{r.code, r.value, r.unit, r.status}, " "))
	}
	slices.Sort(out)
	return out
}

// replayed has every applied message understood again, in the order in which they came.
func (d *theDay) replayed() {
	n := 0
	for _, k := range d.kept {
		if k.State == store.MessageApplied {
			d.ward("message", "replay", k.ID.String())
			d.understood(d.aud)
			n++
		}
	}
	if again := d.messages(d.aud, "applied"); len(again) != n || n == 0 {
		d.t.Errorf("%d messages are applied after the replay of %d", len(again), n)
	}
	if _, errs, code := d.run("ward", "message", "replay", d.kept[len(d.kept)-1].Entry.String()); code == 0 {
		d.t.Errorf("a message that is not there was replayed: %s", errs)
	}
}

// shown looks at one message's way, and at the message itself, which the operator alone may not open.
func (d *theDay) shown() {
	k := d.kept[1]
	out := d.ward("message", "show", k.ID.String())
	for _, step := range []string{"received", "normalized", "applied", "replayed", "Observation/"} {
		if !strings.Contains(out, step) {
			d.t.Errorf("ward message show tells nothing of %q:\n%s", step, out)
		}
	}
	if out, _, code := d.run("ward", "message", "show", "--raw", k.ID.String()); code == 0 || strings.Contains(out, "MSH") {
		d.t.Errorf("the operator opened a message: %s", out)
	}
	raw := d.ward("message", "show", "--raw", "--as", "stew", "--json", k.ID.String())
	var m server.RawMessage
	if err := json.Unmarshal([]byte(raw), &m); err != nil || !bytes.Equal(m.Body, d.sent[1].Bytes) {
		d.t.Errorf("the message came back as %s (%v)", raw, err)
	}
}

// debian sends a message with the mllp_send of Debian's package python3-hl7.
func (d *theDay) debian() {
	program, err := exec.LookPath("mllp_send")
	if err != nil {
		missing(d.t.(*testing.T), "mllp_send is not installed (Debian package python3-hl7): it was not tried")
	}
	var m simulate.Message
	simulate.New(12, time.Now().Add(-time.Hour)).Load(1, func(one simulate.Message) bool { m = one; return false })
	file := filepath.Join(d.dir, "debian.hl7")
	if err := os.WriteFile(file, mllp.Append(nil, m.Bytes), 0o600); err != nil {
		d.t.Fatal(err)
	}
	host, port, err := net.SplitHostPort(d.address)
	if err != nil {
		d.t.Fatal(err)
	}
	out, err := exec.Command(program, "--file", file, "--port", port, host).CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("MSA|AA|"+m.ControlID)) {
		d.t.Errorf("mllp_send: %v\n%s", err, out)
	}
	d.understood(d.aud)
	if all := d.messages(d.aud, ""); len(all) != len(d.kept)+1 || all[len(all)-1].State != store.MessageApplied {
		d.t.Errorf("%d messages are kept after mllp_send", len(all))
	}
}
