package e2e

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/ward-health/ward/clinical/hl7v2"
	"github.com/ward-health/ward/connect/mllp"
	"github.com/ward-health/ward/engine/db/dbtest"
	"github.com/ward-health/ward/server"
	"github.com/ward-health/ward/store"
)

// What the canary patient's messages are made of, beside what the canary patient is made of.
const (
	feedBirth   = "19310829"
	feedValue   = "187.4711"
	feedSodium  = "139.4711"
	feedSegment = "ZZSEGMENT4711"
	feedControl = "ZZCTRL4711"
	feedOrder   = "ZZORDER4711"
	feedOld     = "ZZOLDMRN4711"
	feedNote    = "Zznote of the steward"
	feedLatin   = "Zzkan\xe1ri"
	feedLocal   = "ZZLOCAL4711"
)

var feedCanaries = append([]string{feedBirth, feedValue, feedSodium, feedSegment, feedControl, feedOrder, feedOld, feedNote, feedLatin, "Zzkanári", feedLocal}, canaries...)

// seekFeed reports every canary of messages in text, as it stands, escaped for a URL, in hexadecimal and in Base64.
func seekFeed(text []byte) (found []string) {
	lower := bytes.ToLower(text)
	for _, c := range feedCanaries {
		b := base64.StdEncoding.EncodeToString([]byte(c))
		switch {
		case bytes.Contains(lower, bytes.ToLower([]byte(c))), bytes.Contains(lower, []byte(strings.ToLower(url.QueryEscape(c)))),
			bytes.Contains(lower, []byte(hex.EncodeToString([]byte(c)))), bytes.Contains(text, []byte(b[:len(b)/4*4-4])):
			found = append(found, c)
		}
	}
	return found
}

// TestMessageCanary pushes a canary patient through MLLP, in every part of a message and in everything that can be wrong with
// one, and searches for it in what others see: the operator's log, metrics, refusals, acknowledgements, the operator's verbs and
// the clear bytes of the data directory, before and after the patient's erasure (I8).
func TestMessageCanary(t *testing.T) { messageCanary(t, "") }

// TestMessageCanaryPostgres is the same with the data in PostgreSQL, every column of every row of which is searched too.
func TestMessageCanaryPostgres(t *testing.T) {
	messageCanary(t, dbtest.Postgres(t), "--dsn", "env:WARD_TEST_DSN")
}

func messageCanary(t *testing.T, dsn string, args ...string) {
	n := newNode(t, []string{"WARD_LOG_LEVEL=debug", "WARD_TEST_DSN=" + dsn}, args...)
	n.people()
	n.ward("principal", "add", "stew", "--role", "steward")
	n.start()
	c := &feedCanary{node: n, dsn: dsn, address: n.channel("lab"), doc: n.token("doc"), aud: n.token("aud"), stew: n.token("stew"), dpo: n.token("dpo")}
	c.listens(c.address)
	c.speak()
	c.stammer()
	c.understood(c.aud)
	c.arrived()
	c.desk()
	c.refusals()
	c.operators()
	c.clean("metrics", c.must(200, "", "GET", "/metrics", nil).body)
	n.stop()
	c.directory("before the erasure")

	n.start()
	c.doc, c.dpo = n.token("doc"), n.token("dpo")
	c.listens(c.address)
	for _, id := range c.patients {
		c.clean("erasure", c.must(200, c.dpo, "POST", "/v1/shred", []byte(`{"patient":"`+id+`"}`)).body)
	}
	c.send(c.oru("after", "P", obx("NM", "2093-3^Cholesterol^LN", feedValue, "mg/dL")))
	c.aud = n.token("aud")
	c.understood(c.aud)
	c.operators()
	c.clean("metrics", c.must(200, "", "GET", "/metrics", nil).body)
	n.stop()
	n.ward("store", "check")
	n.ward("audit", "verify")
	export := filepath.Join(t.TempDir(), "export")
	n.ward("audit", "export", export)
	c.tree("exported log", export)
	c.directory("after the erasure")
	c.clean("what processes wrote to stderr", []byte(n.stderr.String()))
}

type feedCanary struct {
	*node
	dsn                 string // "": the data are in the directory
	address             string
	doc, aud, stew, dpo string
	serial              int
	sent                int // messages that have to be kept
	patients            []string
}

func (c *feedCanary) clean(what string, text []byte) {
	c.t.Helper()
	if found := seekFeed(text); len(found) > 0 {
		c.t.Errorf("%s holds %q:\n%.2000s", what, found, text)
	}
}

// head is MSH; control ids carry a canary and differ.
func (c *feedCanary) head(kind, control, processing string) string {
	c.serial++
	return fmt.Sprintf("MSH|^~\\&|LAB|NORTH|WARD|HIS|%s||%s|%s-%s-%d|%s|2.5.1\r", time.Now().UTC().Format("20060102150405")+"+0000", kind, feedControl, control, c.serial, processing)
}

func pid(number string) string {
	return fmt.Sprintf("PID|1||%s^^^GOODHEALTH^MR||%s^%s||%s|F|||%s^^TOWN||%s\r", number, canaryName, canaryGiven, feedBirth, canaryStreet, canaryMRN)
}

// rest is what the rules know nothing of.
func rest() string {
	return "NTE|1||" + canaryText + "\rZPI|1|" + feedSegment + "|" + canaryName + "^" + canaryGiven + "\r"
}

// obx is one result: kind, code, value, unit.
func obx(kind, code, value, unit string) string {
	return fmt.Sprintf("OBX|1|%s|%s||%s|%s^^UCUM|||||F\r", kind, code, value, unit)
}

func (c *feedCanary) oru(control, processing string, results ...string) string {
	text := c.head("ORU^R01^ORU_R01", control, processing) + pid(canaryMRN) + fmt.Sprintf("OBR|1||%s-%d^GOODHEALTH|PANEL^%s^99LAB|||20260102\r", feedOrder, c.serial, canaryText)
	for _, r := range results {
		text += r + "NTE|1||" + canaryText + "\r"
	}
	return text + rest()
}

// send sends one message; what is answered holds nothing of it but what names the sender, and the control id.
func (c *feedCanary) send(text string) {
	c.t.Helper()
	client, err := mllp.Dial(context.Background(), c.address, mllp.ClientOptions{})
	if err != nil {
		c.t.Fatal(err)
	}
	defer client.Close()
	ack, err := client.Send(context.Background(), []byte(text))
	if err != nil {
		c.t.Errorf("%.60q: %v", text, err)
		return
	}
	a, err := hl7v2.Parse(ack, hl7v2.Options{})
	if err != nil {
		c.t.Fatal(err)
	}
	if code := a.Get("MSA-1").Text(); code == "AA" || code == "AE" {
		c.sent++
	}
	// The header turns the sender's own names round, and MSA-2 repeats the control id.
	for s := range a.Segments() {
		text := bytes.ReplaceAll(s.Raw(), a.First("MSA").Field(2).Raw(), nil)
		if s.Is("MSH") {
			text = s.Field(11).Raw()
			text = append(bytes.Clone(text), s.Field(12).Raw()...)
		}
		c.clean("acknowledgement", text)
	}
}

// speak sends what is well formed, and what is wrong inside.
func (c *feedCanary) speak() {
	fine := obx("NM", "2093-3^Cholesterol^LN", feedValue, "mg/dL")
	c.send(c.head("ADT^A01^ADT_A01", "admit", "P") + "EVN|A01|20260102\r" + pid(canaryMRN) + rest())
	c.send(c.oru("fine", "P", fine, obx("ST", feedLocal+"^"+canaryText+"^99LAB", canaryText, ""), obx("TX", "11502-2^Report^LN", canaryText+" "+canaryName, "")))
	c.send(c.oru("unit", "P", obx("NM", "2951-2^Sodium^LN", feedSodium, "mg/dL"), obx("NM", "2951-2^Sodium^LN", feedSodium, canaryText)))
	c.send(c.oru("number", "P", obx("NM", "2093-3^Cholesterol^LN", canaryText, "mg/dL"), obx("NM", "2093-3^Cholesterol^LN", "9999"+feedValue, "mg/dL")))
	c.send(c.oru("test", "T", fine))
	c.send(c.oru("processing", canaryName, fine))
	c.send(strings.Replace(c.oru("version", "P", fine), "|2.5.1\r", "|"+canaryName+"\r", 1))
	c.send(strings.Replace(c.oru("nobody", "P", fine), canaryMRN+"^^^GOODHEALTH^MR", "", 1))
	c.send(c.head("SIU^S12", "kept", "P") + pid(canaryMRN) + rest())
	c.send(c.head("ADT^A01^ADT_A01", "old", "P") + "EVN|A01|20260102\r" + pid(feedOld) + rest())
	c.send(c.head("ADT^A40^ADT_A39", "merge", "P") + "EVN|A40|20260102\r" + pid(canaryMRN) + "MRG|" + feedOld + "^^^GOODHEALTH^MR\r")
	c.send(strings.Replace(c.oru("order", "P", fine), canaryText, strings.Repeat(canaryText+" ", 20_000), 1)) // becomes a blob
	reused := c.oru("reused", "P", fine)
	c.send(reused)
	c.send(reused)
	c.sent--
	c.send(reused + "NTE|9||" + canaryStreet + "\r")
	c.send(strings.Replace(c.oru("latin", "P", fine), canaryGiven, feedLatin, 1))
	c.send(strings.Replace(strings.Replace(c.oru("utf8", "P", fine), canaryGiven, feedLatin+"\xff", 1), "|2.5.1\r", "|2.5.1||||||UNICODE UTF-8\r", 1))
	c.send(strings.Replace(strings.Replace(c.oru("gb", "P", fine), canaryGiven, feedLatin, 1), "|2.5.1\r", "|2.5.1||||||GB 18030-2000\r", 1))
	c.send(strings.Replace(c.oru("birth", "P", fine), feedBirth, canaryName+feedBirth, 1))
	c.send(strings.Replace(c.oru("long", "P", fine), "|LAB|", "|"+strings.Repeat(canaryName, 10_000)+"|", 1))
}

// stammer sends what is no message, and what is no frame.
func (c *feedCanary) stammer() {
	c.send(pid(canaryMRN) + rest())
	c.send("MSH|" + canaryName + "\r" + pid(canaryMRN))
	c.send("MSH^~|\\&^" + canaryMRN)
	c.send(c.head("ORU^R01", "segment", "P") + canaryName + " " + canaryText + "\r")
	for _, text := range []string{
		pid(canaryMRN), "\x0b" + pid(canaryMRN), "\x0b" + pid(canaryMRN) + "\x0b" + pid(canaryMRN) + "\x1c\r", "\x0b\x1c\r" + canaryText,
		strings.Repeat(canaryName, 20_000), "\x0b" + c.oru("cut", "P"), "GET /" + canaryName + " HTTP/1.1\r\nHost: " + canaryMRN + "\r\n\r\n",
		"\x16\x03\x01" + canaryText,
	} {
		conn, err := net.Dial("tcp", c.address)
		if err != nil {
			c.t.Fatal(err)
		}
		// The node may have ended the connection already: whether all of it was taken does not matter.
		_, _ = conn.Write([]byte(text))
		if err := conn.(*net.TCPConn).CloseWrite(); err == nil {
			answer := new(bytes.Buffer)
			_, _ = answer.ReadFrom(conn)
			c.clean("answer to what is no frame", answer.Bytes())
		}
		conn.Close()
	}
	if out, _, code := c.run("ward", "send", "--to", c.address, "--tries", "1", filepath.Join(c.dir, "nothing.hl7")); code == 0 {
		c.t.Errorf("ward send of nothing: %s", out)
	}
}

// arrived shows that the canary is in what was kept, in every state, and that the search can find it.
func (c *feedCanary) arrived() {
	states := map[store.MessageState]int{}
	held := int64(0)
	all := c.messages(c.aud, "")
	for _, m := range all {
		states[m.State]++
		held += m.Held
		var raw server.RawMessage
		c.read(c.stew, "/v1/messages/"+m.ID.String()+"/raw", &raw)
		if len(seekFeed(raw.Body)) == 0 {
			c.t.Errorf("a message came without a canary: %.100q", raw.Body)
		}
	}
	if len(all) < c.sent || held < 3 || states[store.MessageApplied] < 8 || states[store.MessageHeld] < 5 || states[store.MessageApart] != 1 || states[store.MessageKept] != 1 {
		c.t.Errorf("%d messages are kept, at least %d were sent: %v, %d held facts", len(all), c.sent, states, held)
	}
	for _, number := range []string{canaryMRN, feedOld} {
		for _, id := range c.patientsOf(c.doc, number) {
			c.patients = append(c.patients, id)
			c.clean("address of a patient", []byte(id))
		}
	}
	if len(c.patients) == 0 || len(c.observations(c.doc, c.patients[0])) == 0 {
		c.t.Error("nothing of the canary patient is stored")
	}
}

// desk lets stewards look at what is held, and reject some of it with a note.
func (c *feedCanary) desk() {
	var page server.HeldPage
	a := c.must(200, c.stew, "POST", "/v1/quarantine/search", []byte(`{"state":"held"}`))
	if err := json.Unmarshal(a.body, &page); err != nil || len(page.Facts) == 0 {
		c.t.Fatalf("%v %s", err, a)
	}
	c.clean("list of held facts", a.body)
	shown := false
	for _, f := range page.Facts {
		a := c.must(200, c.stew, "GET", "/v1/quarantine/"+f.ID.String(), nil)
		shown = shown || len(seekFeed(a.body)) > 0
		note, err := json.Marshal(map[string]string{"note": feedNote + " " + canaryName})
		if err != nil {
			c.t.Fatal(err)
		}
		preview, err := c.ask(c.stew, "POST", "/v1/quarantine/"+f.ID.String()+"/preview", []byte(`{"unit":"`+canaryText+`","reason":"`+canaryName+`"}`))
		if err != nil {
			c.t.Fatal(err)
		}
		if preview.status >= 400 {
			c.clean("refused correction", preview.body)
		}
		if a, err = c.ask(c.stew, "POST", "/v1/quarantine/"+f.ID.String()+"/reject", note); err != nil || a.status >= 300 {
			c.t.Errorf("reject: %s %v", a, err)
		}
		c.clean("answer to a rejection", a.body)
	}
	if !shown {
		c.t.Error("no held fact shows what was sent: the search looks at nothing")
	}
	rejected := 0
	for _, m := range c.messages(c.aud, "held") {
		c.clean("ward message reject", []byte(c.ward("message", "reject", m.ID.String(), "--as", "stew", "--reason", feedNote+" "+canaryMRN)))
		rejected++
	}
	if rejected == 0 {
		c.t.Error("no message was rejected")
	}
}

// refusals sends the canary into the errors of the routes of messages.
func (c *feedCanary) refusals() {
	id := c.messages(c.aud, "")[0].ID.String()
	for _, y := range []struct {
		token, method, path, body string
	}{
		{c.aud, "GET", "/v1/messages/" + canaryName, ""}, {c.aud, "GET", "/v1/messages?state=" + canaryName, ""}, {c.aud, "GET", "/v1/messages?cursor=" + canaryMRN, ""},
		{c.aud, "GET", "/v1/messages?count=" + canaryMRN, ""}, {c.doc, "GET", "/v1/messages/" + id + "/raw", ""}, {c.aud, "GET", "/v1/messages/" + id + "/raw", ""},
		{c.doc, "POST", "/v1/messages/" + id + "/replay", ""}, {c.stew, "POST", "/v1/messages/" + id + "/reject", `{"note":"` + feedNote + strings.Repeat("x", 200) + `"}`},
		{c.stew, "POST", "/v1/messages/" + id + "/reject", `{"note":1,"x":"` + canaryName + `"}`}, {c.stew, "POST", "/v1/quarantine/search", `{"state":"` + canaryName + `"}`},
		{c.stew, "POST", "/v1/quarantine/search", `{"count":"` + canaryMRN + `"}`}, {c.stew, "GET", "/v1/quarantine/" + canaryName, ""},
		{c.stew, "GET", "/v1/quarantine/" + id, ""}, {c.stew, "POST", "/v1/quarantine/" + id + "/reject", `{"note":"` + canaryName + `"}`},
		{c.doc, "POST", "/v1/quarantine/search", `{"class":"` + canaryName + `"}`},
	} {
		var body []byte
		if y.method == "POST" {
			body = []byte(y.body)
		}
		a, err := c.ask(y.token, y.method, y.path, body)
		if err != nil || a.status < 400 {
			c.t.Errorf("%s %s was not refused: %s %v", y.method, y.path, a, err)
		}
		c.clean("refusal", a.body)
		for name, values := range a.header {
			c.clean("header "+name, []byte(strings.Join(values, " ")))
		}
	}
}

// operators looks at what auditor and operator see.
func (c *feedCanary) operators() {
	for _, args := range [][]string{{"message", "list", "-n", "1000"}, {"message", "list", "-n", "1000", "--json"}, {"channel", "list"}, {"audit", "tail", "-n", "1000"}} {
		c.clean("ward "+strings.Join(args, " "), []byte(c.ward(args...)))
	}
	for _, m := range c.messages(c.aud, "") {
		c.clean("message", c.must(200, c.aud, "GET", "/v1/messages/"+m.ID.String(), nil).body)
	}
	all := c.messages(c.aud, "")
	c.clean("ward message show", []byte(c.ward("message", "show", all[0].ID.String())))
	c.clean("ward message show", []byte(c.ward("message", "show", "--json", all[len(all)-1].ID.String())))
	if out, errs, code := c.run("ward", "message", "show", "--raw", all[0].ID.String()); code == 0 || len(seekFeed([]byte(out+errs))) > 0 {
		c.t.Errorf("the operator opened a message: exit %d %s %s", code, out, errs)
	}
	c.clean("entries", c.must(200, c.aud, "GET", "/v1/audit/entries?count=1000", nil).body)
	c.clean("store check", c.must(200, c.aud, "POST", "/v1/store/check", nil).body)
}

// directory searches every byte of the stopped node's data directory: database, queue, blobs, log.
func (c *feedCanary) directory(when string) {
	c.t.Helper()
	c.tree("data directory "+when, c.dir)
	if c.dsn != "" {
		c.database(when)
	}
}

// database searches every row of every table, as PostgreSQL writes rows: bytes in hexadecimal.
func (c *feedCanary) database(when string) {
	c.t.Helper()
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, c.dsn)
	if err != nil {
		c.t.Fatal(err)
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, "SELECT set_config('ward.tenant', '0', false)"); err != nil {
		c.t.Fatal(err)
	}
	names, err := conn.Query(ctx, "SELECT quote_ident(table_schema) || '.' || quote_ident(table_name) FROM information_schema.tables WHERE table_type = 'BASE TABLE' AND table_schema NOT IN ('pg_catalog', 'information_schema')")
	if err != nil {
		c.t.Fatal(err)
	}
	tables, err := pgx.CollectRows(names, pgx.RowTo[string])
	if err != nil {
		c.t.Fatal(err)
	}
	seen := map[string]int{}
	for _, table := range tables {
		rows, err := conn.Query(ctx, "SELECT t::text FROM "+table+" t")
		if err != nil {
			c.t.Fatal(err)
		}
		texts, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			c.t.Fatal(err)
		}
		for _, text := range texts {
			if found := seekFeed([]byte(text)); len(found) > 0 {
				c.t.Errorf("%s: a row of %s holds %q", when, table, found)
			}
		}
		_, name, _ := strings.Cut(table, ".")
		seen[name] = len(texts)
	}
	for _, name := range []string{"message", "side_text", "hold", "ver", "series", "access_principal", "audit_row"} {
		if seen[name] == 0 {
			c.t.Errorf("%s: no row of %s was searched, of %v", when, name, seen)
		}
	}
}

func (c *feedCanary) tree(what, root string) {
	c.t.Helper()
	files := 0
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		text, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		files++
		if found := seekFeed(append(text, p...)); len(found) > 0 {
			c.t.Errorf("%s: %s holds %q", what, p, found)
		}
		return nil
	})
	if err != nil || files == 0 {
		c.t.Fatalf("%s: %d files, %v", what, files, err)
	}
}

// TestMessageCanaryIsFound shows that the search can fail.
func TestMessageCanaryIsFound(t *testing.T) {
	for _, text := range []string{"x zzctrl4711", hex.EncodeToString([]byte(feedSegment)), url.QueryEscape(feedNote), base64.StdEncoding.EncodeToString([]byte(feedValue)), "Zzkan\xe1ri"} {
		if len(seekFeed([]byte(text))) == 0 {
			t.Errorf("the search does not find %q", text)
		}
	}
}
