package access

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/audit"
	"github.com/ward-health/ward/engine/db"
)

// browser is somebody at a table of routes with pages.
type browser struct {
	*world
	h http.Handler
}

// pageRoutes is a table with pages for browsers beside rows for programs.
func pageRoutes(w *world) []Route {
	say := func(rw http.ResponseWriter, _ *http.Request, g Grant) {
		fmt.Fprintf(rw, "%s %s %s", g.Permit.Principal().ID, g.Permit.TenantID(), g.Permit.Purpose())
	}
	return append(w.SessionRoutes(), append(w.Routes(),
		Route{Pattern: "GET /console/{$}", Action: Console, Audit: AuditAdmin, Handle: say, Session: true},
		Route{Pattern: "GET /console/news", Action: Console, Audit: AuditAdmin, Handle: say, Session: true, Passive: true},
		Route{Pattern: "POST /console/ask", Action: Console, Audit: AuditAdmin, Handle: say, Session: true},
		Route{Pattern: "GET /v1/tenants", Action: AdminTenant, Audit: AuditAdmin, Handle: say},
		Route{Pattern: "GET /fhir/R4/{type}/{id}", Action: Read, Audit: AuditData, Handle: say})...)
}

func (w *world) browse() browser {
	w.t.Helper()
	h, err := w.Guard(pageRoutes(w), testErrors)
	must(w.t, err)
	return browser{w, h}
}

// form is a request as a form of the node's own page makes it.
func form(path string, values url.Values, headers ...string) *http.Request {
	r := httptest.NewRequest("POST", path, strings.NewReader(values.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return r
}

func (b browser) do(r *http.Request) *httptest.ResponseRecorder {
	rec := httptest.NewRecorder()
	b.h.ServeHTTP(rec, r)
	return rec
}

// signIn redeems a code and returns the cookie.
func (b browser) signIn(code OneTime) *http.Cookie {
	b.t.Helper()
	rec := b.do(form(sessionPath, url.Values{"code": {code.Reveal()}}))
	if rec.Code != http.StatusSeeOther || rec.Header().Get("Location") != consoleHome || len(rec.Result().Cookies()) != 1 {
		b.t.Fatalf("sign-in: %d %v %s", rec.Code, rec.Header(), rec.Body)
	}
	return rec.Result().Cookies()[0]
}

// get asks for a page with the cookie's value.
func (b browser) get(path string, c *http.Cookie) *httptest.ResponseRecorder {
	r := httptest.NewRequest("GET", path, nil)
	if c != nil {
		r.AddCookie(&http.Cookie{Name: c.Name, Value: c.Value})
	}
	return b.do(r)
}

func TestSession(t *testing.T) {
	each(t, func(w *world) {
		w.tenant("north")
		code := w.human("north", "nora", ward.Clinician)
		b := w.browse()
		c := b.signIn(code)
		if c.Name != "__Host-ward-session" || !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Path != "/" || c.Domain != "" || c.MaxAge != 0 || !c.Expires.IsZero() {
			t.Errorf("the cookie is %+v", c)
		}
		if secret, err := base64.RawURLEncoding.DecodeString(c.Value); err != nil || len(secret) != 32 {
			t.Errorf("the secret has %d bytes, %v", len(secret), err)
		}
		rec := b.get("/console/", c)
		if rec.Code != 200 || rec.Body.String() != "nora north TREAT" || rec.Header().Get("Cache-Control") != "no-store" || len(rec.Result().Cookies()) != 0 {
			t.Errorf("a page: %d %s %v", rec.Code, rec.Body, rec.Header())
		}
		if rec := b.do(form(sessionPath, url.Values{"code": {code.Reveal()}})); rec.Code != 401 || len(rec.Result().Cookies()) != 0 {
			t.Errorf("the code works again: %d %v", rec.Code, rec.Header())
		}
		if rec, _ := w.post(codeForm2(code)); rec.Code != 400 {
			t.Errorf("the code gives a token too: %d", rec.Code)
		}
		out := form(signOutPath, nil)
		out.AddCookie(c)
		if rec := b.do(out); rec.Code != http.StatusSeeOther || rec.Header().Get("Location") != signInPage || rec.Result().Cookies()[0].MaxAge >= 0 || rec.Result().Cookies()[0].Value != "" {
			t.Errorf("sign-out: %d %v", rec.Code, rec.Header())
		}
		if rec := b.get("/console/", c); rec.Code != 401 || rec.Result().Cookies()[0].MaxAge >= 0 {
			t.Errorf("after the sign-out: %d %v", rec.Code, rec.Header())
		}
		again := form(signOutPath, nil)
		again.AddCookie(c)
		for _, r := range []*http.Request{again, form(signOutPath, nil)} {
			if rec := b.do(r); rec.Code != http.StatusSeeOther {
				t.Errorf("sign-out without a session: %d", rec.Code)
			}
		}
		for act, want := range map[audit.Act]int{audit.ActSignIn: 1, audit.ActSignOut: 1, audit.ActTokenIssue: 0} {
			if n := len(w.entries(act, audit.Done)); n != want {
				t.Errorf("%d entries of %v, want %d", n, act, want)
			}
		}
		if n := w.rows()["access_session"]; n != 0 {
			t.Errorf("%d sessions are kept", n)
		}
	})
}

// Plain HTTP is for loopback: browsers take no Secure cookie and no __Host- one there.
func TestSessionOnLoopback(t *testing.T) {
	w := onSQLite(t)
	w.tenant("north")
	code := w.human("north", "nora", ward.Clinician)
	a, err := New(w.ctx, Config{Issuer: "http://127.0.0.1:8080"}, w.db, w.ring, w.log)
	must(t, err)
	w.Authority = a
	b := w.browse()
	c := b.signIn(code)
	if c.Name != "ward-session" || c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Path != "/" {
		t.Errorf("the cookie is %+v", c)
	}
	if rec := b.get("/console/", c); rec.Code != 200 {
		t.Errorf("%d", rec.Code)
	}
	if rec := b.get("/console/", &http.Cookie{Name: "__Host-ward-session", Value: c.Value}); rec.Code != 401 {
		t.Errorf("another name: %d", rec.Code)
	}
}

// The row alone says which credential counts.
func TestCookieAgainstBearer(t *testing.T) {
	each(t, func(w *world) {
		w.tenant("north")
		w.tenant("south")
		b := w.browse()
		nora := b.signIn(w.human("north", "nora", ward.Clinician))
		w.human("south", "ada", ward.Admin)
		ada := w.token("south", "ada", "")
		for name, c := range map[string]struct {
			path           string
			cookie, bearer bool
			status         int
			body           string
		}{
			"page, cookie":    {"/console/", true, false, 200, "nora north TREAT"},
			"page, bearer":    {"/console/", false, true, 401, ""},
			"page, both":      {"/console/", true, true, 200, "nora north TREAT"},
			"page, neither":   {"/console/", false, false, 401, ""},
			"api, cookie":     {"/v1/tenants", true, false, 401, ""},
			"api, bearer":     {"/v1/tenants", false, true, 200, "ada south HOPERAT"},
			"api, both":       {"/v1/tenants", true, true, 200, "ada south HOPERAT"},
			"record, cookie":  {"/fhir/R4/Patient/p", true, false, 401, ""},
			"record, neither": {"/fhir/R4/Patient/p", false, false, 401, ""},
		} {
			r := httptest.NewRequest("GET", c.path, nil)
			if c.cookie {
				r.AddCookie(&http.Cookie{Name: nora.Name, Value: nora.Value})
			}
			if c.bearer {
				r.Header.Set("Authorization", "Bearer "+ada)
			}
			if rec := b.do(r); rec.Code != c.status || c.body != "" && rec.Body.String() != c.body {
				t.Errorf("%s: %d %s, want %d %s", name, rec.Code, rec.Body, c.status, c.body)
			}
		}
	})
}

// TestCrossSite has every way in which a page can send a request that changes something.
func TestCrossSite(t *testing.T) {
	w := onSQLite(t)
	w.tenant("north")
	b := w.browse()
	c := b.signIn(w.human("north", "nora", ward.Clinician))
	must(t, w.log.Flush(w.ctx))
	for _, tc := range []struct {
		site, origin string // "-": absent
		status       int
	}{
		{"same-origin", "-", 200}, {"none", "-", 200}, {"same-origin", "null", 200}, {"same-origin", testIssuer, 200},
		{"-", testIssuer, 200},
		{"same-site", "-", 403}, {"cross-site", "-", 403}, {"cross-site", testIssuer, 403}, {"same-site", testIssuer, 403},
		{"", testIssuer, 403}, {"Same-Origin", "-", 403}, {"same-origin, cross-site", "-", 403}, {"sideways", testIssuer, 403},
		{"-", "-", 403}, {"-", "", 403}, {"-", "null", 403}, {"-", "https://evil.test", 403}, {"-", "http://ward.test", 403},
		{"-", testIssuer + ":444", 403}, {"-", testIssuer + ".evil.test", 403}, {"-", testIssuer + "/", 403}, {"-", "https://WARD.test", 403},
	} {
		for _, path := range []string{"/console/ask", sessionPath, signOutPath} {
			r := form(path, url.Values{"code": {newOneTime().Reveal()}})
			r.Header.Del("Sec-Fetch-Site")
			r.RemoteAddr = "" // "local": not the source that the codes below are counted for
			if tc.site != "-" {
				r.Header.Set("Sec-Fetch-Site", tc.site)
			}
			if tc.origin != "-" {
				r.Header.Set("Origin", tc.origin)
			}
			want := tc.status
			if path == "/console/ask" {
				r.AddCookie(c)
			} else if want == 200 {
				want = map[string]int{sessionPath: 401, signOutPath: 303}[path]
			}
			if rec := b.do(r); rec.Code != want {
				t.Errorf("%s from %q, %q: %d, want %d", path, tc.site, tc.origin, rec.Code, want)
			}
		}
		w.limit = newLimiter()
	}
	twice := form("/console/ask", nil)
	twice.Header.Add("Sec-Fetch-Site", "cross-site")
	twice.AddCookie(c)
	if rec := b.do(twice); rec.Code != 403 {
		t.Errorf("two headers: %d", rec.Code)
	}
	// Another site's page makes no entry in the name of the person whose browser sent it, and its link still shows the page.
	if n := len(w.entries(audit.ActAdminRead, audit.Denied)); n != 0 {
		t.Errorf("%d denials in the person's name", n)
	}
	r := httptest.NewRequest("GET", "/console/", nil)
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	r.AddCookie(c)
	if rec := b.do(r); rec.Code != 200 {
		t.Errorf("reading: %d", rec.Code)
	}
}

func TestSessionEndsByItself(t *testing.T) {
	each(t, func(w *world) {
		w.tenant("north")
		b := w.browse()
		now := time.Now()
		w.now = func() time.Time { return now }
		alive := func(path string, c *http.Cookie) bool { return b.get(path, c).Code == 200 }

		idle := b.signIn(w.human("north", "idle", ward.Clinician))
		now = now.Add(sessionIdle - time.Second)
		if !alive("/console/", idle) {
			t.Error("ended before its idle time")
		}
		now = now.Add(sessionIdle - time.Second)
		if !alive("/console/", idle) {
			t.Error("a request did not put off the end")
		}
		now = now.Add(sessionIdle)
		for range 2 { // the end is no matter of the first look
			if alive("/console/", idle) {
				t.Error("an idle session lasts")
			}
		}

		polled := b.signIn(w.human("north", "polled", ward.Clinician))
		for range 10 {
			now = now.Add(sessionIdle/10 - time.Second)
			if !alive("/console/news", polled) {
				t.Error("a passive row ended the session")
			}
		}
		now = now.Add(10 * time.Second)
		if alive("/console/news", polled) {
			t.Error("asking for news kept an idle session")
		}

		busy := b.signIn(w.human("north", "busy", ward.Clinician))
		for start := now; now.Before(start.Add(sessionLife - 20*time.Minute)); now = now.Add(20 * time.Minute) {
			if !alive("/console/", busy) {
				t.Fatalf("a busy session ended after %v", now.Sub(start))
			}
		}
		if !alive("/console/", busy) {
			t.Error("ended before its time")
		}
		now = now.Add(20 * time.Minute)
		if alive("/console/", busy) {
			t.Error("a session outlives twelve hours")
		}
		b.signIn(w.human("north", "next", ward.Clinician))
		if n := w.rows()["access_session"]; n != 1 {
			t.Errorf("%d rows: sessions that ended are kept", n)
		}
	})
}

// What ends a principal or tenant ends the session for the next request, and for a stream at its next decision.
func TestSessionEndsWithItsPrincipal(t *testing.T) {
	each(t, func(w *world) {
		for _, tenant := range []ward.TenantID{"north", "south"} {
			w.tenant(tenant)
		}
		var during func()
		var decided error
		h, err := w.Guard(append(w.SessionRoutes(), Route{Pattern: "GET /console/{$}", Action: Console, Audit: AuditAdmin, Session: true,
			Handle: func(rw http.ResponseWriter, r *http.Request, g Grant) {
				during()
				_, decided = g.Decide(r.Context(), Read, "Patient")
			}}), testErrors)
		must(t, err)
		b := browser{w, h}
		nora, tom := b.signIn(w.human("north", "nora", ward.Clinician)), b.signIn(w.human("north", "tom", ward.Clinician))
		sam, sue := b.signIn(w.human("south", "sam", ward.Clinician)), b.signIn(w.human("south", "sue", ward.Clinician))
		during = func() {}
		for _, c := range []*http.Cookie{nora, tom, sam} {
			if rec := b.get("/console/", c); rec.Code != 200 || decided != nil {
				t.Fatalf("%d %v", rec.Code, decided)
			}
		}
		during = func() { must(t, w.DisablePrincipal(w.ctx, w.operator("north", AdminPrincipal), "nora")) }
		b.get("/console/", nora)
		wantKind(t, decided, ward.Unauthentic)
		during = func() {
			out := form(signOutPath, nil)
			out.AddCookie(sue)
			b.do(out)
		}
		b.get("/console/", sue)
		wantKind(t, decided, ward.Unauthentic)
		during = func() { must(t, w.DisableTenant(w.ctx, w.operator("", AdminTenant), "south")) }
		b.get("/console/", sam)
		wantKind(t, decided, ward.Unauthentic)
		during = func() { t.Error("the handler ran") }
		for _, c := range []*http.Cookie{nora, sam, sue} {
			if rec := b.get("/console/", c); rec.Code != 401 {
				t.Errorf("%d", rec.Code)
			}
		}
		during = func() {}
		if rec := b.get("/console/", tom); rec.Code != 200 || decided != nil {
			t.Errorf("a colleague: %d %v", rec.Code, decided)
		}
		// Another node, or somebody at the database, ended the person: nothing remembered here may count.
		must(t, w.db.Write(w.ctx, db.System, func(tx *db.Tx) error {
			_, err := tx.Exec(w.ctx, `UPDATE access_principal SET epoch = epoch + 1 WHERE id = $1`, "tom")
			return err
		}))
		if rec := b.get("/console/", tom); rec.Code != 401 {
			t.Errorf("ended elsewhere: %d", rec.Code)
		}
	})
}

// A cookie that somebody else chose is never taken over, and a sign-in ends the session that the browser had.
func TestSessionFixation(t *testing.T) {
	each(t, func(w *world) {
		w.tenant("north")
		b := w.browse()
		chosen := base64.RawURLEncoding.EncodeToString(make([]byte, 32))
		name := w.cookieName()
		r := form(sessionPath, url.Values{"code": {w.human("north", "nora", ward.Clinician).Reveal()}})
		r.AddCookie(&http.Cookie{Name: name, Value: chosen})
		rec := b.do(r)
		nora := rec.Result().Cookies()[0]
		if nora.Value == chosen || b.get("/console/", &http.Cookie{Name: name, Value: chosen}).Code != 401 {
			t.Error("a chosen secret is believed")
		}
		r = form(sessionPath, url.Values{"code": {w.human("north", "ada", ward.Admin).Reveal()}})
		r.AddCookie(nora)
		ada := b.do(r).Result().Cookies()[0]
		if rec := b.get("/console/", ada); rec.Body.String() != "ada north HOPERAT" {
			t.Errorf("%d %s", rec.Code, rec.Body)
		}
		if b.get("/console/", nora).Code != 401 || len(w.entries(audit.ActSignOut, audit.Done)) != 1 || len(w.entries(audit.ActSignIn, audit.Done)) != 2 {
			t.Error("the session that the browser had lasts")
		}
	})
}

func TestSessionCookieForms(t *testing.T) {
	w := onSQLite(t)
	w.tenant("north")
	b := w.browse()
	c := b.signIn(w.human("north", "nora", ward.Clinician))
	secret, err := base64.RawURLEncoding.DecodeString(c.Value)
	must(t, err)
	digest := w.sessions.Sum(secret)
	last := strings.IndexByte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", c.Value[42])
	for name, header := range map[string]string{
		"empty":          c.Name + "=",
		"quoted":         c.Name + `="` + c.Value + `"`,
		"padded":         c.Name + "=" + c.Value + "=",
		"short":          c.Name + "=" + c.Value[:42],
		"long":           c.Name + "=" + c.Value + "AA",
		"twice":          c.Name + "=" + c.Value + "; " + c.Name + "=" + c.Value,
		"and a stranger": c.Name + "=" + base64.RawURLEncoding.EncodeToString(make([]byte, 32)) + "; " + c.Name + "=" + c.Value,
		"its digest":     c.Name + "=" + base64.RawURLEncoding.EncodeToString(digest[:]),
		"stray bits":     c.Name + "=" + c.Value[:42] + string("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"[last^1]),
		"another name":   "ward-session=" + c.Value,
		"lower case":     strings.ToLower(c.Name) + "=" + c.Value,
		"a token":        c.Name + "=" + w.token("north", "nora", ""),
	} {
		r := httptest.NewRequest("GET", "/console/", nil)
		r.Header.Set("Cookie", header)
		if rec := b.do(r); rec.Code != 401 {
			t.Errorf("%s: %d", name, rec.Code)
		}
	}
	for i := range secret {
		changed := bytes.Clone(secret)
		changed[i] ^= 1
		if rec := b.get("/console/", &http.Cookie{Name: c.Name, Value: base64.RawURLEncoding.EncodeToString(changed)}); rec.Code != 401 {
			t.Fatalf("byte %d changed: %d", i, rec.Code)
		}
	}
	r := httptest.NewRequest("GET", "/console/", nil)
	r.Header.Set("Cookie", "theme=dark; "+c.Name+"="+c.Value)
	if rec := b.do(r); rec.Code != 200 {
		t.Errorf("beside another cookie: %d", rec.Code)
	}
}

// The database has nothing of which a cookie could be made, and no digest that somebody without the node's key could make.
func TestSessionSecretIsNotKept(t *testing.T) {
	each(t, func(w *world) {
		w.tenant("north")
		c := w.browse().signIn(w.human("north", "nora", ward.Clinician))
		secret, err := base64.RawURLEncoding.DecodeString(c.Value)
		must(t, err)
		plain, text := sha256.Sum256(secret), sha256.Sum256([]byte(c.Value))
		must(t, w.db.Read(w.ctx, db.System, func(tx *db.Tx) error {
			var digest []byte
			ok, err := tx.Get(w.ctx, `SELECT digest FROM access_session`, nil, &digest)
			if !ok || len(digest) != 32 || bytes.Equal(digest, secret) || bytes.Equal(digest, plain[:]) || bytes.Equal(digest, text[:]) {
				t.Errorf("the row has %d bytes that anybody can make", len(digest))
			}
			return err
		}))
	})
}

// The node's own socket has no pages: whoever holds it is the operator, and no cookie counts there.
func TestLocalGuardHasNoSessions(t *testing.T) {
	w := onSQLite(t)
	w.tenant("north")
	code := w.human("north", "nora", ward.Clinician)
	h, err := w.GuardLocal(pageRoutes(w), testErrors, func(*http.Request) (int, bool) { return 0, true })
	must(t, err)
	b := browser{w, h}
	if rec := b.do(form(sessionPath, url.Values{"code": {code.Reveal()}})); rec.Code != 404 {
		t.Errorf("sign-in: %d", rec.Code)
	}
	c := w.browse().signIn(code)
	for _, path := range []string{"/console/", "/console/news"} {
		if rec := b.get(path, c); rec.Code != 404 {
			t.Errorf("%s: %d", path, rec.Code)
		}
	}
	if rec := b.get("/v1/tenants", c); rec.Code != 200 || strings.Contains(rec.Body.String(), "nora") {
		t.Errorf("%d %s", rec.Code, rec.Body)
	}
}

func TestSessionRowsAreChecked(t *testing.T) {
	handle := func(http.ResponseWriter, *http.Request, Grant) {}
	for name, r := range map[string]Route{
		"no action":           {Pattern: "GET /x", Audit: AuditData, Handle: handle, Session: true},
		"passive, no session": {Pattern: "GET /x", Action: Console, Audit: AuditAdmin, Handle: handle, Passive: true},
		"passive, open":       {Pattern: "GET /x", Audit: AuditNone, Why: "y", Open: http.NotFoundHandler(), Session: true, Passive: true},
	} {
		if CheckRoute(r) == nil {
			t.Errorf("%s: the row mounts", name)
		}
	}
}
