package server

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/connect/delivery"
	"github.com/ward-health/ward/connect/mllp"
	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/predict/predicttest"
	"github.com/ward-health/ward/predict/registry"
)

// own gives a person of a tenant its own token, not one that the operator borrowed, and a session of a browser.
func (w *world) own(tenant ward.TenantID, id ward.PrincipalID) {
	w.t.Helper()
	code := func() string {
		g, err := w.node.operator(context.Background(), tenant, access.AdminPrincipal)
		if err != nil {
			w.t.Fatal(err)
		}
		c, err := w.node.access.NewOneTime(context.Background(), g.Permit, id)
		if err != nil {
			w.t.Fatal(err)
		}
		return c.Reveal()
	}
	who := string(tenant) + "/" + string(id)
	rec := w.must(http.StatusSeeOther, "", "POST", "/console/session", url.Values{"code": {code()}}.Encode())
	w.cookies[who], _, _ = strings.Cut(rec.Header().Get("Set-Cookie"), ";")
	rec = w.must(200, "", "POST", "/oauth/token", url.Values{"grant_type": {"urn:ward:params:oauth:grant-type:one-time-code"}, "code": {code()}}.Encode())
	var got struct {
		Token string `json:"access_token"`
	}
	if err := json.Unmarshal(rec.Body.Bytes(), &got); err != nil || got.Token == "" {
		w.t.Fatalf("%s: %v", rec.Body, err)
	}
	w.tokens[who] = got.Token
}

// sessions signs in whoever has pages to see.
func (w *world) sessions(tenant ward.TenantID) {
	w.t.Helper()
	for _, p := range people {
		if p.Kind == ward.Human && p.ID != "desk" {
			w.own(tenant, p.ID)
		}
	}
}

// noSession wants a page to lead to the sign-in without a session and with a false one; what follows the counters hears 401.
func (w *world) noSession(method string, c call) {
	w.t.Helper()
	at, status := w.size(), http.StatusSeeOther
	if c.path == "/console/live" {
		status = 401
	}
	w.must(status, "", method, c.path, c.body)
	w.cookies["false"] = w.cookies["main/doc"][:40]
	w.must(status, "false", method, c.path, c.body)
	if got := names(w.since(at)); got != "" {
		w.t.Errorf("entries without a principal: %q", got)
	}
}

// scene is what the rows of messages, held facts and models speak of.
type scene struct {
	w       *world
	message string   // understood, with a held fact
	refused []string // held as wholes
	held    []string // facts
	digest  []string // of proposals by ste on the first two of them
	unit    string   // digest of a proposal by ste about a unit
	key     string   // JSON of a key's public half
	model   string   // its digest
	push    string   // JSON of a signed model
}

// scene brings messages over a channel as an inbox does, and signs a model.
func (w *world) scene() *scene {
	w.t.Helper()
	s := &scene{w: w}
	w.must(200, "main/boss", "POST", "/v1/channels", `{"id":"zzlab","principal":"feed","listen":"127.0.0.1:18181"}`)
	for i := range 6 {
		s.message = w.arrive(strings.Join([]string{fmt.Sprintf(`MSH|^~\&|LAB|N|WARD|WARD|2026110509%02d00||ORU^R01|C%d|P|2.5.1`, i, i), `PID|1||m9^^^WARD^MR||Zzmain^Zoe||19700101|F`,
			fmt.Sprintf("OBR|1||O%d^LAB|24323-8^Panel^LN|||2026110509%02d00|||||||||||||||2026110509%02d00|||F", i, i, i),
			"OBX|1|NM|2951-2^Sodium^LN||140|mg/dL|135-145|N|||F"}, "\r") + "\r")
	}
	for i := range 4 {
		s.refused = append(s.refused, w.arrive(fmt.Sprintf("MSH|^~\\&|LAB|N|WARD|WARD|20261105100000||ORU^R01|N%d|P|2.5.1\rPID|1||||Zzmain\r", i)))
	}
	var page HeldPage
	w.read(&page, w.must(200, "main/ste", "POST", "/v1/quarantine/search", `{"class":"unit"}`).Body.Bytes())
	for _, h := range page.Facts {
		s.held = append(s.held, h.ID.String())
	}
	if len(s.held) != 6 {
		w.t.Fatalf("%d facts are held: %+v", len(s.held), page)
	}
	for _, id := range s.held[:2] {
		w.must(200, "main/ste", "POST", "/v1/quarantine/"+id+"/propose", correction)
		var h HeldShown
		w.read(&h, w.must(200, "main/ste", "GET", "/v1/quarantine/"+id, "").Body.Bytes())
		s.digest = append(s.digest, h.Digest)
	}
	w.must(200, "main/ste", "POST", "/v1/channels/zzlab/units/propose", `{"code":"NA",`+unitSaid)
	var u Unit
	w.read(&u, w.must(200, "main/ste", "POST", "/v1/channels/zzlab/units/propose", `{"code":"MG",`+unitSaid).Body.Bytes())
	s.unit = u.Digest
	s.models()
	return s
}

const unitSaid = `"source":"mg/dL","unit":"mg/dL","ranges":["1.7-2.2"],"reason":"the laboratory says so"}`

// packageBody is the addition of a FHIR package that defines nothing.
func packageBody(t *testing.T) string {
	t.Helper()
	const text = `{"name":"made.up","version":"1.0.0"}`
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	err := w.WriteHeader(&tar.Header{Name: "package/package.json", Mode: 0o600, Size: int64(len(text)), Typeflag: tar.TypeReg})
	if _, werr := w.Write([]byte(text)); errors.Join(err, werr, w.Close(), z.Close()) != nil {
		t.Fatal("no package could be made")
	}
	out, err := json.Marshal(map[string][]byte{"package": b.Bytes()})
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

const correction = `{"unit":"mmol/L","reason":"the analyser reports mmol/L"}`

func (w *world) read(v any, b []byte) {
	w.t.Helper()
	if err := json.Unmarshal(b, v); err != nil {
		w.t.Fatal(err)
	}
}

// models signs a model under a key that the tenant trusts.
func (s *scene) models() {
	w := s.w
	w.t.Helper()
	key, a := predicttest.NewKey(w.t), predicttest.MortalityArtefact(w.t)
	bundle, err := registry.Sign(a, key, key.Public)
	if err != nil {
		w.t.Fatal(err)
	}
	b, err := json.Marshal(ModelPush{Manifest: a.Manifest, Files: a.Files, Bundle: bundle, Stage: registry.Shadow})
	if err != nil {
		w.t.Fatal(err)
	}
	s.push = string(b)
	s.key = `{"public":"` + base64.StdEncoding.EncodeToString(key.Public) + `"}`
	w.must(200, "main/boss", "POST", "/v1/model-keys", s.key)
	another := predicttest.NewKey(w.t)
	s.key = `{"public":"` + base64.StdEncoding.EncodeToString(another.Public) + `"}`
	var have []Model
	w.read(&have, w.must(200, "main/boss", "GET", "/v1/models", "").Body.Bytes())
	s.model = have[0].Digest
	if d, err := hex.DecodeString(s.model); err != nil || len(d) != 32 {
		w.t.Fatalf("%+v", have)
	}
}

// arrive hands a frame to the channel's inbox and waits until the node has done with it.
func (w *world) arrive(frame string) string {
	w.t.Helper()
	ctx, n := context.Background(), w.node
	cs, err := n.access.ActiveChannels(ctx)
	if err != nil || len(cs) != 1 {
		w.t.Fatalf("%d channels, %v", len(cs), err)
	}
	in := delivery.NewInbox(delivery.Deps{Store: n.store, Access: n.access, Rules: n.rules, Failed: n.failed},
		delivery.Channel{Tenant: cs[0].Tenant, ID: cs[0].ID, Processing: cs[0].Processing, Charset: cs[0].Charset, Systems: cs[0].Systems})
	answered := make(chan error, 1)
	in.Serve(ctx, mllp.Peer{Conn: 1}, []byte(frame), func(_ []byte, err error) { answered <- err })
	if err := <-answered; err != nil {
		w.t.Fatal(err)
	}
	var page MessagePage
	w.read(&page, w.must(200, "main/ste", "GET", "/v1/messages?count=1", "").Body.Bytes())
	id := page.Messages[0].ID.String()
	w.settle(id)
	return id
}

// settle waits until a message is no longer worked on. It looks into the table, because to ask the node leaves entries.
func (w *world) settle(id string) {
	w.t.Helper()
	key, err := ward.ParseID(id)
	if err != nil {
		w.t.Fatal(err)
	}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for end := time.After(20 * time.Second); ; {
		var state string
		err := w.node.db.Read(context.Background(), 1, func(tx *db.Tx) error {
			_, err := tx.Get(context.Background(), "SELECT state FROM message WHERE tn = 1 AND id = $1", []any{key[:]}, &state)
			return err
		})
		if err != nil {
			w.t.Fatal(err)
		}
		if state != "" && state != "received" {
			return
		}
		select {
		case <-end:
			w.t.Fatalf("message %s is not settled", id)
		case <-tick.C:
		}
	}
}

// calls are the rows of feedback, messages, held facts, channels and models.
func (s *scene) calls(decision, entry string) map[string]call {
	feedback := `{"feedback":[{"card":"` + decision + `","outcome":"accepted","outcomeTimestamp":"2026-11-03T08:30:00Z"}]}`
	first, second := s.held[2], s.held[0]
	return map[string]call{
		"POST /cds-services/{id}/feedback": {who: "doc", path: "/cds-services/egfr-ckd-epi-2021/feedback", body: feedback, status: 200, entries: "feedback done",
			refused: "desk", refusal: "feedback denied", other: 404, otherEntries: "feedback done"},
		"GET /v1/decisions/{id}/feedback": {who: "doc", path: "/v1/decisions/" + decision + "/feedback", status: 200, entries: "decision.read done",
			refused: "desk", refusal: "decision.read denied", other: 404, otherEntries: "decision.read done"},

		"GET /v1/messages": {who: "ste", path: "/v1/messages", status: 200, entries: "message.list done", refused: "doc", refusal: "message.read denied",
			other: 200, otherEntries: "message.list done"},
		"GET /v1/messages/{id}": {who: "ste", path: "/v1/messages/" + s.message, status: 200, entries: "message.read done", refused: "doc", refusal: "message.read denied",
			other: 404, otherEntries: "message.read done"},
		"GET /v1/messages/{id}/raw": {who: "ste", path: "/v1/messages/" + s.message + "/raw", status: 200, entries: "message.read done", refused: "doc", refusal: "message.read denied",
			other: 404, otherEntries: "message.read done"},
		"POST /v1/messages/{id}/replay": {who: "ste", path: "/v1/messages/" + s.refused[0] + "/replay", status: 204, entries: "message.apply done, message.read done, message.replay done", settled: func() { s.w.settle(s.refused[0]) },
			refused: "doc", refusal: "message.replay denied", other: 404, otherEntries: "message.replay done"},
		"POST /v1/messages/{id}/reject": {who: "ste", path: "/v1/messages/" + s.refused[1] + "/reject", body: `{"note":"noise"}`, status: 204, entries: "message.reject done",
			refused: "doc", refusal: "hold.reject denied", other: 404, otherEntries: "message.reject done"},

		"POST /v1/quarantine/search": {who: "ste", path: "/v1/quarantine/search", body: `{}`, status: 200, entries: "hold.list done", refused: "doc", refusal: "hold.read denied",
			other: 200, otherEntries: "hold.list done"},
		"GET /v1/quarantine/{id}": {who: "ste", path: "/v1/quarantine/" + first, status: 200, entries: "hold.read done", refused: "doc", refusal: "hold.read denied",
			other: 404, otherEntries: "hold.read done"},
		"POST /v1/quarantine/{id}/preview": {who: "ste", path: "/v1/quarantine/" + first + "/preview", body: correction, status: 200, entries: "hold.read done, read done",
			refused: "doc", refusal: "hold.release denied", other: 404, otherEntries: "hold.read done"},
		"POST /v1/quarantine/{id}/propose": {who: "ste", path: "/v1/quarantine/" + first + "/propose", body: correction, status: 200, entries: "hold.propose done, hold.read done, read done",
			refused: "doc", refusal: "hold.release denied", other: 404, otherEntries: "hold.read done"},
		"POST /v1/quarantine/{id}/release": {who: "bea", path: "/v1/quarantine/" + second + "/release", body: `{"digest":"` + s.digest[0] + `"}`, status: 200,
			entries: "hold.read done, hold.release done, read done", refused: "doc", refusal: "hold.release denied", other: 404, otherEntries: "hold.read done"},
		"POST /v1/quarantine/{id}/reject": {who: "ste", path: "/v1/quarantine/" + s.held[4] + "/reject", body: `{"note":"noise"}`, status: 204, entries: "hold.read done, hold.reject done, read done",
			refused: "doc", refusal: "hold.reject denied", other: 404, otherEntries: "hold.read done"},

		"GET /v1/channels": {who: "boss", path: "/v1/channels", status: 200, entries: "admin.read done", refused: "doc", refusal: "admin.read denied",
			other: 200, otherEntries: "admin.read done"},
		"POST /v1/channels": {who: "boss", path: "/v1/channels", body: `{"id":"zznew","principal":"feed","listen":"127.0.0.1:18182"}`, status: 200, entries: "channel.add done",
			refused: "doc", refusal: "admin.read denied", other: 409},
		"POST /v1/channels/{id}/disable": {who: "boss", path: "/v1/channels/zzlab/disable", status: 204, entries: "channel.disable done",
			refused: "doc", refusal: "admin.read denied", other: 404},

		"GET /v1/channels/{id}/units": {who: "ste", path: "/v1/channels/zzlab/units", status: 200, entries: "admin.read done", refused: "doc", refusal: "hold.read denied",
			other: 404, otherEntries: "admin.read done"},
		"POST /v1/channels/{id}/units/propose": {who: "ste", path: "/v1/channels/zzlab/units/propose", body: `{"code":"K",` + unitSaid, status: 200, entries: "unit.propose done",
			refused: "doc", refusal: "hold.release denied", other: 404},
		"POST /v1/channels/{id}/units/confirm": {who: "bea", path: "/v1/channels/zzlab/units/confirm", body: `{"code":"MG","source":"mg/dL","digest":"` + s.unit + `"}`, status: 200,
			entries: "unit.confirm done", refused: "doc", refusal: "hold.release denied", other: 404},
		"POST /v1/channels/{id}/units/withdraw": {who: "ste", path: "/v1/channels/zzlab/units/withdraw", body: `{"code":"NA","source":"mg/dL"}`, status: 204, entries: "unit.withdraw done",
			refused: "doc", refusal: "hold.release denied", other: 404},

		"GET /v1/models": {who: "boss", path: "/v1/models", status: 200, entries: "admin.read done", refused: "desk", refusal: "admin.read denied",
			other: 200, otherEntries: "admin.read done"},
		"GET /v1/models/{digest}": {who: "boss", path: "/v1/models/" + s.model, status: 200, entries: "admin.read done", refused: "desk", refusal: "admin.read denied",
			other: 200, otherEntries: "admin.read done"},
		"POST /v1/models": {who: "boss", path: "/v1/models", body: s.push, status: 204, entries: "model.push done", refused: "doc", refusal: "model.push denied",
			other: 412},
		"POST /v1/models/{digest}/stage": {who: "boss", path: "/v1/models/" + s.model + "/stage", body: `{"stage":"retired"}`, status: 204, entries: "model.stage done",
			refused: "doc", refusal: "model.push denied", other: 204, otherEntries: "model.stage done"},
		"GET /v1/model-keys": {who: "boss", path: "/v1/model-keys", status: 200, entries: "admin.read done", refused: "desk", refusal: "admin.read denied",
			other: 200, otherEntries: "admin.read done"},
		"GET /v1/packages": {who: "boss", path: "/v1/packages", status: 200, entries: "admin.read done", refused: "doc", refusal: "admin.read denied",
			other: 200, otherEntries: "admin.read done"},
		"POST /v1/packages": {who: "boss", path: "/v1/packages", body: packageBody(s.w.t), status: 200, entries: "package.add done", refused: "doc", refusal: "package.add denied",
			other: 200, otherEntries: "package.add done"},
		"DELETE /v1/packages/{name}": {who: "boss", path: "/v1/packages/made.up", status: 204, entries: "package.remove done", refused: "doc", refusal: "package.add denied",
			other: 204, otherEntries: "package.remove done"}, // the addition before has made one there
		"POST /v1/model-keys": {who: "boss", path: "/v1/model-keys", body: s.key, status: 200, entries: "model.trust done", refused: "doc", refusal: "model.trust denied",
			other: 200, otherEntries: "model.trust done"},
	}
}

// pages are the rows of the console: each asks with the session of a browser.
func (s *scene) pages(decision, entry string) map[string]call {
	form := func(kv ...string) string {
		v := url.Values{}
		for i := 0; i+1 < len(kv); i += 2 {
			v.Set(kv[i], kv[i+1])
		}
		return v.Encode()
	}
	fix := form("way", "unit", "unit", "mmol/L", "reason", "the analyser reports mmol/L")
	const counted = "hold.list done, hold.list done, message.list done, message.list done"
	return map[string]call{
		"GET /console/{$}":  {who: "doc", path: "/console/", status: 200, entries: "decision.list done, search done", other: 200, otherEntries: "decision.list done, search done"},
		"GET /console/live": {who: "ste", path: "/console/live", status: 200, entries: counted, other: 200, otherEntries: counted},
		"GET /console/patients": {who: "doc", path: "/console/patients", status: 200, entries: "search done", refused: "aud", refusal: "search denied",
			other: 200, otherEntries: "search done"},
		"POST /console/patients": {who: "doc", path: "/console/patients", body: form("identifier", "http://ward.example/mrn|m1"), status: 303, entries: "search done",
			refused: "aud", refusal: "search denied", other: 200, otherEntries: "search done"},
		"GET /console/patients/{id}": {who: "doc", path: "/console/patients/ph", status: 200, entries: "decision.list done, read done, search done, search done", refused: "aud", refusal: "read denied",
			other: 404, otherEntries: "read done"},
		"POST /console/patients/{id}/ask": {who: "doc", path: "/console/patients/ph/ask", body: form("model", "egfr-ckd-epi-2021"), status: 303,
			entries: "predict done, read done, search done", refused: "aud", refusal: "predict denied",
			other: 404, otherEntries: "read done, search done"},
		"GET /console/records/{type}/{id}/{version}": {who: "doc", path: "/console/records/Observation/o1/1", status: 200, entries: "vread done", refused: "aud", refusal: "read denied",
			other: 404, otherEntries: "vread done"},
		"GET /console/decisions": {who: "doc", path: "/console/decisions", status: 200, entries: "decision.list done", refused: "ste", refusal: "decision.read denied",
			other: 200, otherEntries: "decision.list done"},
		"GET /console/decisions/{id}": {who: "doc", path: "/console/decisions/" + decision, status: 200, entries: "decision.read done", refused: "ste", refusal: "decision.read denied",
			other: 404, otherEntries: "decision.read done"},
		"GET /console/decisions/{id}/proof": {who: "doc", path: "/console/decisions/" + decision + "/proof", status: 200, entries: "decision.read done", refused: "ste", refusal: "decision.read denied",
			other: 404, otherEntries: "decision.read done"},
		"POST /console/decisions/{id}/replay": {who: "doc", path: "/console/decisions/" + decision + "/replay", status: 200,
			entries: "decision.read done, " + thrice("decision.replay done"),
			refused: "ste", refusal: "decision.replay denied", other: 404, otherEntries: "decision.replay done"},
		"GET /console/quarantine": {who: "ste", path: "/console/quarantine", status: 200, entries: "hold.list done", refused: "doc", refusal: "hold.read denied",
			other: 200, otherEntries: "hold.list done"},
		"GET /console/quarantine/{id}": {who: "ste", path: "/console/quarantine/" + s.held[3], status: 200, entries: "hold.read done", refused: "doc", refusal: "hold.read denied",
			other: 404, otherEntries: "hold.read done"},
		"POST /console/quarantine/{id}/preview": {who: "ste", path: "/console/quarantine/" + s.held[3] + "/preview", body: fix, status: 200, entries: "hold.read done, hold.read done, read done",
			refused: "doc", refusal: "hold.read denied", other: 404, otherEntries: "hold.read done"},
		"POST /console/quarantine/{id}/propose": {who: "ste", path: "/console/quarantine/" + s.held[3] + "/propose", body: fix, status: 303, entries: "hold.propose done, hold.read done, read done",
			refused: "doc", refusal: "hold.release denied", other: 404, otherEntries: "hold.read done"},
		"POST /console/quarantine/{id}/release": {who: "bea", path: "/console/quarantine/" + s.held[1] + "/release", body: form("digest", s.digest[1]), status: 303,
			entries: "hold.read done, hold.release done, read done", refused: "doc", refusal: "hold.release denied", other: 404, otherEntries: "hold.read done"},
		"POST /console/quarantine/{id}/reject": {who: "ste", path: "/console/quarantine/" + s.held[5] + "/reject", body: form("note", "noise"), status: 303, entries: "hold.read done, hold.reject done, read done",
			refused: "doc", refusal: "hold.reject denied", other: 404, otherEntries: "hold.read done"},
		"GET /console/messages": {who: "ste", path: "/console/messages", status: 200, entries: "message.list done", refused: "doc", refusal: "message.read denied",
			other: 200, otherEntries: "message.list done"},
		"GET /console/messages/{id}": {who: "ste", path: "/console/messages/" + s.message, status: 200, entries: "hold.list done, message.read done", refused: "doc", refusal: "message.read denied",
			other: 404, otherEntries: "message.read done"},
		"GET /console/messages/{id}/raw": {who: "ste", path: "/console/messages/" + s.message + "/raw", status: 200, entries: "message.read done", refused: "doc", refusal: "message.read denied",
			other: 404, otherEntries: "message.read done"},
		"POST /console/messages/{id}/replay": {who: "ste", path: "/console/messages/" + s.refused[2] + "/replay", status: 303, entries: "message.apply done, message.read done, message.replay done",
			settled: func() { s.w.settle(s.refused[2]) }, refused: "doc", refusal: "message.replay denied", other: 404, otherEntries: "message.replay done"},
		"POST /console/messages/{id}/reject": {who: "ste", path: "/console/messages/" + s.refused[3] + "/reject", body: form("note", "noise"), status: 303, entries: "message.reject done",
			refused: "doc", refusal: "hold.reject denied", other: 404, otherEntries: "message.reject done"},
		"GET /console/log": {who: "aud", path: "/console/log", status: 200, entries: "log.read done", refused: "doc", refusal: "log.read denied", other: 200, otherEntries: "log.read done"},
		"GET /console/log/{id}": {who: "aud", path: "/console/log/" + entry, status: 200, entries: "log.read done", refused: "doc", refusal: "log.read denied",
			other: 404, otherEntries: "log.read done"},
		"GET /console/log/{id}/proof": {who: "aud", path: "/console/log/" + entry + "/proof", status: 200, entries: "log.read done", refused: "doc", refusal: "log.read denied",
			other: 404, otherEntries: "log.read done"},
		"POST /console/log/verify": {who: "aud", path: "/console/log/verify", status: 200, entries: "log.read done, log.read done", refused: "doc", refusal: "log.read denied",
			other: 200, otherEntries: "log.read done, log.read done"},
	}
}
