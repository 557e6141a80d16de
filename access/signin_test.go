package access

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/audit"
)

func TestParallelSignIn(t *testing.T) {
	each(t, func(w *world) {
		w.tenant("north")
		b := w.browse()
		code := w.human("north", "nora", ward.Clinician).Reveal()
		codes := make([]int, 60)
		start := make(chan struct{})
		var wg sync.WaitGroup
		for i := range codes {
			wg.Go(func() {
				r := form(sessionPath, url.Values{"code": {code}})
				r.RemoteAddr = fmt.Sprintf("10.0.0.%d:1", i)
				<-start
				codes[i] = b.do(r).Code
			})
		}
		close(start)
		wg.Wait()
		ok := 0
		for _, c := range codes {
			switch c {
			case 303:
				ok++
			case 401:
			default:
				t.Errorf("status %d", c)
			}
		}
		if ok != 1 || w.rows()["access_session"] != 1 || len(w.entries(audit.ActSignIn, audit.Done)) != 1 {
			t.Errorf("%d sign-ins, %d sessions, %d entries by one code", ok, w.rows()["access_session"], len(w.entries(audit.ActSignIn, audit.Done)))
		}
	})
}

func TestRefusedSignIns(t *testing.T) {
	w := onSQLite(t)
	w.tenant("north")
	b := w.browse()
	gone := w.human("north", "gone", ward.Clinician)
	must(t, w.DisablePrincipal(w.ctx, w.operator("north", AdminPrincipal), "gone"))
	late := w.human("north", "late", ward.Clinician)
	for name, c := range map[string]struct {
		media, body string
		shift       time.Duration
		status      int
	}{
		"unknown":   {"", "code=" + newOneTime().Reveal(), 0, 401},
		"no code":   {"", "", 0, 401},
		"no form":   {"application/json", `{"code":"x"}`, 0, 400},
		"two codes": {"", "code=" + late.Reveal() + "&code=" + late.Reveal(), 0, 400},
		"large":     {"", "code=" + strings.Repeat("x", maxForm), 0, 400},
		"disabled":  {"", "code=" + gone.Reveal(), 0, 401},
		"upper":     {"", "code=" + strings.ToUpper(late.Reveal()), 0, 401},
		"too old":   {"", "code=" + late.Reveal(), codeLife + time.Second, 401},
	} {
		w.now = func() time.Time { return time.Now().Add(c.shift) }
		r := form(sessionPath, nil)
		if c.media != "" {
			r.Header.Set("Content-Type", c.media)
		}
		r = r.Clone(r.Context())
		body := httptest.NewRequest("POST", sessionPath, strings.NewReader(c.body))
		body.Header = r.Header
		if rec := b.do(body); rec.Code != c.status || len(rec.Result().Cookies()) != 0 {
			t.Errorf("%s: %d %s", name, rec.Code, rec.Body)
		}
		w.now = time.Now
	}
	b.signIn(late)
	if n := w.rows()["access_session"]; n != 1 {
		t.Errorf("%d sessions", n)
	}
}

func TestSignInIsLimitedBySource(t *testing.T) {
	w := onSQLite(t)
	w.tenant("north")
	b := w.browse()
	code := w.human("north", "nora", ward.Clinician)
	now := time.Now()
	w.now = func() time.Time { return now }
	try := func(source, code string) *httptest.ResponseRecorder {
		r := form(sessionPath, url.Values{"code": {code}})
		r.RemoteAddr = source
		return b.do(r)
	}
	for range failureBurst {
		if got := try("192.0.2.1:1000", "x").Code; got != 401 {
			t.Fatal(got)
		}
	}
	if rec := try("192.0.2.1:2000", code.Reveal()); rec.Code != http.StatusTooManyRequests || rec.Header().Get("Retry-After") == "" {
		t.Fatalf("after %d failures the source gets %d", failureBurst, rec.Code)
	}
	token := form(tokenPath, codeForm2(code))
	token.RemoteAddr = "192.0.2.1:3000"
	if rec := b.do(token); rec.Code != http.StatusTooManyRequests {
		t.Fatalf("the endpoint of tokens does not count the same: %d", rec.Code)
	}
	now = now.Add(failureEvery)
	if rec := try("192.0.2.1:2000", code.Reveal()); rec.Code != http.StatusSeeOther {
		t.Fatalf("after waiting, the source gets %d", rec.Code)
	}
}

// Who has no right to the console learns it before the code is used up; the denial is an entry.
func TestSignInNeedsTheConsole(t *testing.T) {
	w := onSQLite(t)
	w.tenant("north")
	b := w.browse()
	for _, role := range []ward.Role{ward.Registrar, ward.PatientRole} {
		code := w.human("north", ward.PrincipalID(role), role)
		before := len(w.entries(audit.ActAdminRead, audit.Denied))
		rec := b.do(form(sessionPath, url.Values{"code": {code.Reveal()}}))
		if rec.Code != 403 || !strings.Contains(rec.Body.String(), testIssuer+linkPath) || len(rec.Result().Cookies()) != 0 {
			t.Errorf("%s: %d %s", role, rec.Code, rec.Body)
		}
		if n := len(w.entries(audit.ActAdminRead, audit.Denied)) - before; n != 1 {
			t.Errorf("%s: %d denials", role, n)
		}
		if rec, body := w.post(codeForm2(code)); rec.Code != 200 {
			t.Errorf("%s: the code does not work any more: %v", role, body)
		}
	}
	for _, role := range []ward.Role{ward.Clinician, ward.Steward, ward.Auditor, ward.Privacy, ward.Admin} {
		c := b.signIn(w.human("north", ward.PrincipalID(role), role))
		if rec := b.get("/console/", c); rec.Code != 200 {
			t.Errorf("%s: %d", role, rec.Code)
		}
	}
}

var returns = map[string]string{
	"":                                     consoleHome,
	"/console/":                            "/console/",
	"/console/patients/0190-ab":            "/console/patients/0190-ab",
	"/console/log?after=12&act=read":       "/console/log?after=12&act=read",
	"/console":                             consoleHome,
	"/consolex":                            consoleHome,
	"/v1/tenants":                          consoleHome,
	"console/":                             consoleHome,
	"//evil.test/console/":                 consoleHome,
	"/console//evil.test":                  consoleHome,
	"/console/../oauth/link":               consoleHome,
	`/console/\evil.test`:                  consoleHome,
	"/console/x\r\nSet-Cookie: a=b":        consoleHome,
	"/console/<script>":                    consoleHome,
	"/console/#x":                          consoleHome,
	"/console/ü":                           consoleHome,
	"/console/%2e%2E/oauth/link":           consoleHome,
	"https://evil.test/console/":           consoleHome,
	signInPage:                             consoleHome,
	signOutPath:                            consoleHome,
	sessionPath + "?x=1":                   consoleHome,
	"/console/" + strings.Repeat("a", 600): consoleHome,
}

func TestReturnPath(t *testing.T) {
	for to, want := range returns {
		if got := returnPath(to); got != want {
			t.Errorf("%q: %q, want %q", to, got, want)
		}
	}
	w := onSQLite(t)
	w.tenant("north")
	rec := w.browse().do(form(sessionPath, url.Values{"code": {w.human("north", "nora", ward.Clinician).Reveal()}, "to": {"/console/log"}}))
	if rec.Code != 303 || rec.Header().Get("Location") != "/console/log" {
		t.Errorf("%d %v", rec.Code, rec.Header())
	}
}

// FuzzReturnPath: a browser that resolves the answer as it stands stays on the node and in the console.
func FuzzReturnPath(f *testing.F) {
	for to := range returns {
		f.Add(to)
	}
	base, err := url.Parse(testIssuer + sessionPath)
	must(f, err)
	f.Fuzz(func(t *testing.T, to string) {
		got := returnPath(to)
		u, err := base.Parse(got)
		if err != nil {
			return // a browser that cannot read it either stays where it is
		}
		if u.Scheme != "https" || u.Host != "ward.test" || u.User != nil || !strings.HasPrefix(u.EscapedPath(), consoleHome) || strings.ContainsAny(got, "\r\n\\<>\"'") {
			t.Fatalf("%q leads to %q", to, u)
		}
	})
}
