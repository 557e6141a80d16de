package server

import (
	"bytes"
	"context"
	"io"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/audit"
	"github.com/ward-health/ward/engine/db"
)

// world is an opened node with two tenants and people in them.
type world struct {
	t      *testing.T
	node   *Node
	report Report
	tokens map[string]string // "tenant/principal"
	// Sessions of browsers, by "tenant/principal"; pages of the console are asked for with them.
	cookies map[string]string
}

var people = []ward.Principal{
	{ID: "doc", Kind: ward.Human, Name: "Doc", Roles: []ward.Role{ward.Clinician}},
	{ID: "desk", Kind: ward.Human, Name: "Desk", Roles: []ward.Role{ward.Registrar}},
	{ID: "dpo", Kind: ward.Human, Name: "Dpo", Roles: []ward.Role{ward.Privacy}},
	{ID: "aud", Kind: ward.Human, Name: "Aud", Roles: []ward.Role{ward.Auditor}},
	{ID: "boss", Kind: ward.Human, Name: "Boss", Roles: []ward.Role{ward.Admin}},
	{ID: "ste", Kind: ward.Human, Name: "Ste", Roles: []ward.Role{ward.Steward}},
	{ID: "bea", Kind: ward.Human, Name: "Bea", Roles: []ward.Role{ward.Steward}},
	{ID: "feed", Kind: ward.Service, Name: "Feed", Roles: []ward.Role{ward.Integration}},
}

func newWorld(t *testing.T) *world {
	t.Helper()
	ctx := context.Background()
	dir := filepath.Join(t.TempDir(), "data")
	w := &world{t: t, tokens: map[string]string{}, cookies: map[string]string{}}
	var err error
	if w.report, err = Init(ctx, dir, InitOptions{Listen: "127.0.0.1:18180", LoopbackOnly: true, Log: LogConfig{Level: "error"}}); err != nil {
		t.Fatal(err)
	}
	c, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if w.node, err = Open(ctx, c); err != nil {
		t.Fatal(err)
	}
	w.node.start(false)
	t.Cleanup(func() {
		if err := w.node.Close(); err != nil {
			t.Error(err)
		}
	})
	g, err := w.node.operator(ctx, "", access.AdminTenant)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.node.addTenant(ctx, g, "other", "Other"); err != nil {
		t.Fatal(err)
	}
	w.people("main")
	w.people("other")
	return w
}

func (w *world) people(tenant ward.TenantID) {
	w.t.Helper()
	ctx := context.Background()
	for _, p := range people {
		g, err := w.node.operator(ctx, tenant, access.AdminPrincipal)
		if err != nil {
			w.t.Fatal(err)
		}
		if _, err := w.node.access.AddPrincipal(ctx, g.Permit, p); err != nil {
			w.t.Fatal(err)
		}
		issue, err := g.Decide(ctx, access.TokenIssue, "")
		if err != nil {
			w.t.Fatal(err)
		}
		token, _, err := w.node.access.IssueToken(ctx, issue, p.ID, "")
		if err != nil {
			w.t.Fatal(err)
		}
		w.tokens[string(tenant)+"/"+string(p.ID)] = token
	}
}

// as sends a request through the node's handler as a principal ("" for none).
func (w *world) as(who, method, path, body string, header ...string) *httptest.ResponseRecorder {
	w.t.Helper()
	var in io.Reader
	if body != "" {
		in = strings.NewReader(body)
	}
	r := httptest.NewRequest(method, path, in)
	if strings.HasPrefix(path, "/console") {
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		r.Header.Set("Cookie", w.cookies[who])
	} else if who != "" {
		token, ok := w.tokens[who]
		if !ok {
			w.t.Fatalf("no such principal: %s", who)
		}
		r.Header.Set("Authorization", "Bearer "+token)
	}
	r.Header.Set("Content-Type", medium(path))
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	ctx, leave := context.WithCancel(r.Context())
	defer leave()
	rec := httptest.NewRecorder()
	if path == "/console/live" { // it goes on until the browser has gone
		w.node.Handler().ServeHTTP(impatient{rec, leave}, r.WithContext(ctx))
		return rec
	}
	w.node.Handler().ServeHTTP(rec, r)
	return rec
}

// impatient is a browser that leaves after the first it is told.
type impatient struct {
	*httptest.ResponseRecorder
	leave func()
}

func (i impatient) Write(b []byte) (int, error) {
	defer i.leave()
	return i.ResponseRecorder.Write(b)
}

func medium(path string) string {
	switch {
	case strings.HasPrefix(path, "/oauth") || strings.HasPrefix(path, "/console") || strings.HasSuffix(path, "_search"):
		return "application/x-www-form-urlencoded"
	case strings.HasPrefix(path, "/fhir"):
		return "application/fhir+json"
	}
	return "application/json"
}

// must wants a status.
func (w *world) must(status int, who, method, path, body string, header ...string) *httptest.ResponseRecorder {
	w.t.Helper()
	rec := w.as(who, method, path, body, header...)
	if rec.Code != status {
		w.t.Fatalf("%s %s as %q: %d %s, want %d", method, path, who, rec.Code, rec.Body, status)
	}
	return rec
}

// size is the number of entries made so far.
func (w *world) size() int64 {
	w.t.Helper()
	if err := w.node.log.Flush(context.Background()); err != nil {
		w.t.Fatal(err)
	}
	return w.node.log.Size()
}

// since lists the entries from an index on.
func (w *world) since(index int64) []audit.Entry {
	w.t.Helper()
	n := w.size() - index
	es, err := w.node.log.Entries(context.Background(), index, int(n))
	if err != nil || int64(len(es)) != n {
		w.t.Fatalf("%d entries, want %d: %v", len(es), n, err)
	}
	return es
}

// names puts entries into words, sorted: "create denied, read done". (Two sources feed the log, so its order is not that of
// the acts.) The purge after an erasure is a job of the node and comes
// when it comes.
func names(es []audit.Entry) string {
	var out []string
	for _, e := range es {
		if e.Act == audit.ActPurge {
			continue
		}
		out = append(out, e.Act.String()+" "+outcomeName(e.Outcome))
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}

// note opens the note of an entry.
func (w *world) note(tn db.Tenant, id ward.ID) string {
	w.t.Helper()
	ctx := context.Background()
	r, err := w.node.log.Begin(ctx, audit.Intent{Tenant: tn, Act: audit.ActLogRead, Outcome: audit.Done, Purpose: ward.SystemAdmin, Request: ward.NewID()})
	if err != nil {
		w.t.Fatal(err)
	}
	d, err := w.node.log.Detail(ctx, r, tn, id)
	if err != nil {
		w.t.Fatal(err)
	}
	return d.Note
}

func contains(b *bytes.Buffer, s string) bool { return strings.Contains(b.String(), s) }
