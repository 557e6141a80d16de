package server

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/audit"
	"github.com/ward-health/ward/engine/db"
)

// call is one permitted request of a route, and what must come of it.
type call struct {
	who, path, body string
	header          []string
	status          int
	entries         string // exactly these entries (I2)
	refused         string // a principal of the tenant whom the policies refuse; "": whom they refuse gets no session to ask with
	refusal         string // the one entry of the refusal
	other           int    // status for the same principal of another tenant
	otherEntries    string
	settled         func() // waits for what the node does by itself afterwards; nil: it does nothing
}

const (
	patientBody = `{"resourceType":"Patient","id":"p1","gender":"female","birthDate":"1950-01-02","identifier":[{"system":"http://ward.example/mrn","value":"m1"}],"name":[{"family":"Zzmain"}]}`
	changedBody = `{"resourceType":"Patient","id":"p1","gender":"male","name":[{"family":"Changed"}]}`
	patchBody   = `[{"op":"add","path":"/birthDate","value":"1950-01-02"}]`
	newBody     = `{"resourceType":"Patient","name":[{"family":"New"}]}`
	bundleBody  = `{"resourceType":"Bundle","type":"transaction","entry":[{"resource":{"resourceType":"Condition","id":"c1","subject":{"reference":"Patient/p1"}},"request":{"method":"PUT","url":"Condition/c1"}},{"resource":{"resourceType":"Condition","id":"c2","subject":{"reference":"Patient/p1"}},"request":{"method":"PUT","url":"Condition/c2"}}]}`
	hookBody    = `{"hook":"patient-view","hookInstance":"d1577c69-dfbe-44ad-ba6d-3e05e953b2ea","context":{"userId":"Practitioner/x","patientId":"ph"}}`
	jwks        = `{"keys":[{"kty":"EC","crv":"P-384","alg":"ES384","use":"sig","kid":"k1","key_ops":["verify"],"x":"Hlhf-ioGOPH_HW9r4PY6E2NqGVOVnvqH7r5gRIn0GQUbs_GtjLTcUd9w3G8JxfnQ","y":"2z_fIhZTVs1bVgImMLEADzGowXdAjCi6JpCkjrQC9onlWC-CR_HjsnmngDNJcma5"}]}`
)

// creatinine is a result of the day before yesterday, whenever the test runs.
var creatinine = `{"resourceType":"Observation","id":"o1","status":"final","code":{"coding":[{"system":"http://loinc.org","code":"2160-0"}]},"subject":{"reference":"Patient/ph"},"effectiveDateTime":"` + time.Now().UTC().AddDate(0, 0, -2).Format(time.RFC3339) + `","valueQuantity":{"value":1.1,"unit":"mg/dL","system":"http://unitsofmeasure.org","code":"mg/dL"}}`

// calls has one row for every route of the table that needs a principal.
func calls(decision, entry string) map[string]call {
	return map[string]call{
		"GET /fhir/R4/{type}/{id}": {who: "doc", path: "/fhir/R4/Patient/p1", status: 200, entries: "read done",
			refused: "aud", refusal: "read denied", other: 404, otherEntries: "read done"},
		"GET /fhir/R4/{type}/{id}/_history": {who: "doc", path: "/fhir/R4/Patient/p1/_history", status: 200, entries: "history done",
			refused: "aud", refusal: "read denied", other: 404, otherEntries: "history done"},
		"GET /fhir/R4/{type}/{id}/_history/{vid}": {who: "doc", path: "/fhir/R4/Patient/p1/_history/1", status: 200, entries: "vread done",
			refused: "aud", refusal: "read denied", other: 404, otherEntries: "vread done"},
		"GET /fhir/R4/{type}": {who: "doc", path: "/fhir/R4/Patient?identifier=http://ward.example/mrn%7Cm1", status: 200, entries: "search done",
			refused: "aud", refusal: "search denied", other: 200, otherEntries: "search done"},
		"POST /fhir/R4/{type}/_search": {who: "doc", path: "/fhir/R4/Patient/_search", body: url.Values{"identifier": {"http://ward.example/mrn|m1"}}.Encode(), status: 200,
			entries: "search done", refused: "aud", refusal: "search denied", other: 200, otherEntries: "search done"},
		"POST /fhir/R4/{type}": {who: "doc", path: "/fhir/R4/Patient", body: newBody, status: 201, entries: "create done",
			refused: "aud", refusal: "create denied", other: 201, otherEntries: "create done"},
		"PUT /fhir/R4/{type}/{id}": {who: "doc", path: "/fhir/R4/Patient/p1", body: changedBody, status: 200, entries: "update done",
			refused: "aud", refusal: "update denied", other: 201, otherEntries: "update done"},
		"PATCH /fhir/R4/{type}/{id}": {who: "doc", path: "/fhir/R4/Patient/p1", body: patchBody, header: []string{"Content-Type", "application/json-patch+json"}, status: 200,
			entries: "read done, update done", refused: "aud", refusal: "update denied", other: 200, otherEntries: "read done, update done"}, // the PUT before has made one there
		"DELETE /fhir/R4/{type}/{id}": {who: "doc", path: "/fhir/R4/Condition/gone", status: 204, entries: "delete done",
			refused: "aud", refusal: "delete denied", other: 404, otherEntries: "delete failed"},
		"POST /fhir/R4/{type}/$validate": {who: "doc", path: "/fhir/R4/Patient/$validate", body: newBody, status: 200, entries: "validate done",
			refused: "aud", refusal: "create denied", other: 200, otherEntries: "validate done"},
		"POST /fhir/R4": {who: "doc", path: "/fhir/R4", body: bundleBody, status: 200, entries: "transaction done",
			refused: "aud", refusal: "transaction denied", other: 200, otherEntries: "transaction done"},
		"POST /fhir/R4/{$}": {who: "doc", path: "/fhir/R4/", body: bundleBody, status: 200, entries: "transaction done",
			refused: "aud", refusal: "transaction denied", other: 200, otherEntries: "transaction done"},
		"POST /cds-services/{id}": {who: "doc", path: "/cds-services/egfr-ckd-epi-2021", body: hookBody, status: 200, entries: "predict done, read done, search done",
			refused: "desk", refusal: "predict denied", other: 412, otherEntries: "read done, search done"},

		"GET /v1/tenants": {who: "boss", path: "/v1/tenants", status: 200, entries: "admin.read done", refused: "doc", refusal: "admin.read denied",
			other: 200, otherEntries: "admin.read done"},
		"POST /v1/tenants": {who: "boss", path: "/v1/tenants", body: `{"id":"third","name":"Third"}`, status: 403, entries: "",
			refused: "doc", refusal: "admin.read denied", other: 403},
		"POST /v1/tenants/{id}/disable": {who: "boss", path: "/v1/tenants/main/disable", status: 403, refused: "doc", refusal: "admin.read denied", other: 403},
		"GET /v1/principals": {who: "boss", path: "/v1/principals", status: 200, entries: "admin.read done", refused: "doc", refusal: "admin.read denied",
			other: 200, otherEntries: "admin.read done"},
		"POST /v1/principals": {who: "boss", path: "/v1/principals", body: `{"id":"zznew","kind":"human","name":"Zzmain","roles":["clinician"]}`, status: 200,
			entries: "principal.add done", refused: "doc", refusal: "admin.read denied", other: 200, otherEntries: "principal.add done"},
		"POST /v1/principals/{id}/link": {who: "boss", path: "/v1/principals/zznew/link", status: 200, entries: "token.issue done",
			refused: "doc", refusal: "admin.read denied", other: 200, otherEntries: "token.issue done"},
		"POST /v1/principals/{id}/disable": {who: "boss", path: "/v1/principals/zzonly/disable", status: 204, entries: "principal.disable done",
			refused: "doc", refusal: "admin.read denied", other: 404},
		"GET /v1/clients": {who: "boss", path: "/v1/clients", status: 200, entries: "admin.read done", refused: "doc", refusal: "admin.read denied",
			other: 200, otherEntries: "admin.read done"},
		"POST /v1/clients": {who: "boss", path: "/v1/clients", body: `{"id":"zzclient","principal":"feed","jwks":` + jwks + `,"purpose":"TREAT"}`, status: 200,
			entries: "client.add done", refused: "doc", refusal: "admin.read denied", other: 409},
		"POST /v1/clients/{id}/disable": {who: "boss", path: "/v1/clients/zzclient/disable", status: 204, entries: "client.disable done",
			refused: "doc", refusal: "admin.read denied", other: 404},
		"POST /v1/decisions/search": {who: "doc", path: "/v1/decisions/search", body: `{}`, status: 200, entries: "decision.list done",
			refused: "desk", refusal: "decision.read denied", other: 200, otherEntries: "decision.list done"},
		"GET /v1/decisions/{id}": {who: "doc", path: "/v1/decisions/" + decision, status: 200, entries: "decision.read done",
			refused: "desk", refusal: "decision.read denied", other: 404, otherEntries: "decision.read done"},
		"POST /v1/decisions/{id}/replay": {who: "doc", path: "/v1/decisions/" + decision + "/replay", status: 200,
			entries: thrice("decision.replay done"), // the decision, the patient, the observation
			refused: "desk", refusal: "decision.replay denied", other: 404, otherEntries: "decision.replay done"},
		"POST /v1/shred": {who: "dpo", path: "/v1/shred", body: `{"patient":"p2"}`, status: 200, entries: "shred done",
			refused: "doc", refusal: "shred denied", other: 200, otherEntries: "shred done"},
		"POST /v1/store/check": {who: "aud", path: "/v1/store/check", status: 200, entries: thrice("store.check done") + ", " + thrice("store.check done"), // versions, payloads, messages, texts beside them, details of the log, packages
			refused: "doc", refusal: "store.check denied", other: 200, otherEntries: thrice("store.check done")},

		"GET /v1/audit/entries": {who: "aud", path: "/v1/audit/entries?count=500", status: 200, entries: "log.read done", refused: "doc", refusal: "log.read denied",
			other: 200, otherEntries: "log.read done"},
		"GET /v1/audit/entries/{id}/proof": {who: "aud", path: "/v1/audit/entries/" + entry + "/proof", status: 200, entries: "log.read done",
			refused: "doc", refusal: "log.read denied", other: 404, otherEntries: "log.read done"},
		"POST /v1/audit/verify": {who: "aud", path: "/v1/audit/verify", status: 200, entries: "log.read done", refused: "doc", refusal: "log.read denied",
			other: 200, otherEntries: "log.read done"},
	}
}

func thrice(s string) string { return s + ", " + s + ", " + s }

// prepared is a world with a patient, a decision and an entry to prove.
func prepared(t *testing.T) (w *world, decision, entry string) {
	w = newWorld(t)
	w.must(201, "main/doc", "PUT", "/fhir/R4/Patient/p1", patientBody)
	w.must(201, "main/doc", "PUT", "/fhir/R4/Patient/ph", strings.Replace(patientBody, "p1", "ph", 1))
	w.must(201, "main/doc", "PUT", "/fhir/R4/Observation/o1", creatinine)
	w.must(201, "main/doc", "PUT", "/fhir/R4/Patient/p2", `{"resourceType":"Patient","id":"p2"}`)
	w.must(201, "main/doc", "PUT", "/fhir/R4/Condition/gone", `{"resourceType":"Condition","id":"gone","subject":{"reference":"Patient/p1"}}`)
	w.must(200, "main/boss", "POST", "/v1/principals", `{"id":"zzonly","kind":"human","name":"Zzmain","roles":["clinician"]}`)
	w.must(200, "main/doc", "POST", "/cds-services/egfr-ckd-epi-2021", hookBody)
	var page DecisionPage
	if err := json.Unmarshal(w.must(200, "main/doc", "POST", "/v1/decisions/search", `{}`).Body.Bytes(), &page); err != nil || len(page.Decisions) != 1 {
		t.Fatalf("decisions: %v %v", page, err)
	}
	if page.Decisions[0].Output == nil {
		t.Fatalf("the decision has no number: %v", page.Decisions[0].Reasons)
	}
	var shown DecisionShown
	if err := json.Unmarshal(w.must(200, "main/doc", "GET", "/v1/decisions/"+page.Decisions[0].ID.String(), "").Body.Bytes(), &shown); err != nil {
		t.Fatal(err)
	}
	return w, page.Decisions[0].ID.String(), shown.Entry.String()
}

// TestEveryRouteIsGuardedAndLogged walks the route table (I2, I11): without a token 401 and counted, a refused principal 403 with
// exactly one entry, a permitted call with exactly its entries, another tenant's principal sees nothing of this tenant.
func TestEveryRouteIsGuardedAndLogged(t *testing.T) {
	w, decision, entry := prepared(t)
	table := calls(decision, entry)
	w.sessions("main")
	w.sessions("other")
	s := w.scene()
	maps.Copy(table, s.calls(decision, entry))
	maps.Copy(table, s.pages(decision, entry))
	open, anonymous := 0, int64(0)
	for _, route := range w.node.Routes() {
		if err := access.CheckRoute(route); err != nil {
			t.Error(err)
		}
		if route.Audit == access.AuditNone {
			open++
			continue
		}
		c, ok := table[route.Pattern]
		if !ok {
			t.Errorf("the route %s has no row in this test", route.Pattern)
			continue
		}
		delete(table, route.Pattern)
		method, _, _ := strings.Cut(route.Pattern, " ")
		t.Run(route.Pattern, func(t *testing.T) {
			w := &world{t, w.node, w.report, w.tokens, w.cookies}
			w.anonymous(method, c)
			anonymous += 2
			if c.refused != "" {
				w.refused(method, c)
			}
			at := w.size()
			w.must(c.status, "main/"+c.who, method, c.path, c.body, c.header...)
			if c.settled != nil {
				c.settled()
			}
			if got := names(w.since(at)); got != c.entries {
				t.Errorf("entries %q, want %q", got, c.entries)
			}
			w.otherTenant(method, c)
		})
	}
	for pattern := range table {
		t.Errorf("there is no route %s", pattern)
	}
	if open != 20 {
		t.Errorf("%d routes need no principal; each is a decision, so name the new one here", open)
	}
	w.counted(anonymous)
}

// anonymous wants 401 without and with a bad token, and no entry of its own.
func (w *world) anonymous(method string, c call) {
	w.t.Helper()
	at := w.size()
	if strings.HasPrefix(c.path, "/console") {
		w.noSession(method, c)
		return
	}
	rec := w.must(401, "", method, c.path, c.body)
	if rec.Header().Get("WWW-Authenticate") == "" {
		w.t.Error("401 without a challenge")
	}
	w.must(401, "", method, c.path, c.body, "Authorization", "Bearer "+w.tokens["main/doc"][:40])
	if got := names(w.since(at)); got != "" {
		w.t.Errorf("entries without a principal: %q", got)
	}
}

func (w *world) refused(method string, c call) {
	w.t.Helper()
	at := w.size()
	w.must(403, "main/"+c.refused, method, c.path, c.body, c.header...)
	if got := names(w.since(at)); got != c.refusal {
		w.t.Errorf("entries of the refusal %q, want %q", got, c.refusal)
	}
}

// otherTenant wants the same principal of another tenant to learn nothing of this one.
func (w *world) otherTenant(method string, c call) {
	w.t.Helper()
	at := w.size()
	rec := w.must(c.other, "other/"+c.who, method, c.path, c.body, c.header...)
	es := w.since(at)
	if got := names(es); got != c.otherEntries {
		w.t.Errorf("entries of the other tenant's call %q, want %q", got, c.otherEntries)
	}
	main, err := w.node.log.TenantPseudonym(context.Background(), 1)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, e := range es {
		if e.Tenant == main && e.Act != audit.ActPurge {
			w.t.Error("the other tenant's call left an entry in this tenant")
		}
	}
	if method == http.MethodGet || strings.HasSuffix(c.path, "_search") {
		marks := []string{"Zzmain", "zzonly"}
		if !strings.HasPrefix(c.path, "/console") { // there it is a name of the pages' own
			marks = append(marks, `"main"`)
		}
		for _, mark := range marks {
			if contains(rec.Body, mark) {
				w.t.Errorf("the other tenant sees %s: %s", mark, rec.Body)
			}
		}
	}
}

// counted wants the refused requests without a principal to be counted when the log stops.
func (w *world) counted(want int64) {
	w.t.Helper()
	at := w.size()
	if err := w.node.quiet(context.Background()); err != nil {
		w.t.Fatal(err)
	}
	var got int64
	for _, e := range w.since(at) {
		if e.Act == audit.ActPurge {
			continue
		}
		if e.Act != audit.ActUnauthenticated {
			w.t.Errorf("unexpected entry %s", e.Act)
			continue
		}
		var n int64
		if _, err := fmt.Sscanf(w.note(db.System, e.ID), "%d requests from", &n); err != nil {
			w.t.Error(err)
		}
		got += n
	}
	if got != want {
		w.t.Errorf("%d requests without a principal were counted, want %d", got, want)
	}
}

// TestUnmappedIsRefused: what is no route is 404, a wrong method 405; neither leaves an entry nor repeats the address (I11).
func TestUnmappedIsRefused(t *testing.T) {
	w := newWorld(t)
	at := w.size()
	for _, c := range []struct {
		method, path string
		status       int
	}{
		{"GET", "/", 404}, {"GET", "/zzmark", 404}, {"GET", "/fhir/R4/Patient/p1/zzmark", 404}, {"GET", "/v1", 404}, {"GET", "/v1/zzmark", 404},
		{"GET", "/fhir/R4//Patient", 404}, {"GET", "/fhir/R4/../zzmark", 404}, {"DELETE", "/v1/tenants", 405}, {"PATCH", "/fhir/R4/Patient", 405},
		{"GET", "/debug/pprof/", 404}, {"POST", "/log/checkpoint", 405}, {"GET", "/log/journal/0", 404}, {"GET", "/log/../root.key", 404},
		{"POST", "/v1/audit/export", 404}, {"POST", "/v1/tokens", 404},
	} {
		for _, who := range []string{"", "main/doc"} {
			rec := w.as(who, c.method, c.path, "")
			if rec.Code != c.status || contains(rec.Body, "zzmark") {
				t.Errorf("%s %s as %q: %d %s, want %d", c.method, c.path, who, rec.Code, rec.Body, c.status)
			}
		}
	}
	if got := names(w.since(at)); got != "" {
		t.Errorf("entries %q, want none", got)
	}
}

// TestOwnSocket: what only the local user may do, by the uid that the kernel tells.
func TestOwnSocket(t *testing.T) {
	w := newWorld(t)
	own := []string{"POST /v1/audit/export", "POST /v1/tokens"}
	var have []string
	for _, r := range w.node.LocalRoutes() {
		have = append(have, r.Pattern)
	}
	slices.Sort(have)
	if !slices.Equal(have, own) {
		t.Errorf("rows of the own socket %v, want %v", have, own)
	}
	send := func(uid any, tenant, path, body string) *httptest.ResponseRecorder {
		r := httptest.NewRequest("POST", path, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		if tenant != "" {
			r.Header.Set("Ward-Operator-Tenant", tenant)
		}
		if uid != nil {
			r = r.WithContext(context.WithValue(r.Context(), uidKey{}, uid))
		}
		rec := httptest.NewRecorder()
		w.node.local.ServeHTTP(rec, r)
		return rec
	}
	stranger := os.Getuid() + 4711
	for _, c := range []struct {
		uid                any
		tenant, path, body string
		status             int
		entries            string
	}{
		{os.Getuid(), "main", "/v1/tokens", `{"principal":"doc"}`, 200, "token.issue done"},
		{os.Getuid(), "", "/v1/tokens", `{"principal":"doc"}`, 400, ""},
		{os.Getuid(), "nowhere", "/v1/tokens", `{"principal":"doc"}`, 404, ""},
		{os.Getuid(), "main", "/v1/tokens", `{"principal":"nobody"}`, 404, ""},
		{stranger, "main", "/v1/tokens", `{"principal":"doc"}`, 403, ""},
		{nil, "main", "/v1/tokens", `{"principal":"doc"}`, 403, ""},
		{os.Getuid(), "main", "/fhir/R4/Patient", newBody, 403, "create denied"},
		{os.Getuid(), "", "/v1/tenants", `{"id":"fourth","name":"Fourth"}`, 200, "model.push done, tenant.add done"},
		{stranger, "", "/v1/tenants", `{"id":"fifth","name":"Fifth"}`, 403, ""},
	} {
		at := w.size()
		rec := send(c.uid, c.tenant, c.path, c.body)
		if got := names(w.since(at)); rec.Code != c.status || got != c.entries {
			t.Errorf("uid %v in %q %s: %d %s, entries %q, want %d and %q", c.uid, c.tenant, c.path, rec.Code, rec.Body, got, c.status, c.entries)
		}
	}
	rec := send(os.Getuid(), "", "/v1/audit/export", `{"dir":"relative"}`)
	if !contains(rec.Body, "absolute path") {
		t.Errorf("%d %s", rec.Code, rec.Body)
	}
	w.counted(3)
}
