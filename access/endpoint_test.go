package access

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/audit"
)

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func timeText(t time.Time) string { return strconv.FormatInt(t.Unix(), 10) }

func codeForm2(code OneTime) url.Values {
	return url.Values{"grant_type": {grantOneTime}, "code": {code.Reveal()}}
}

func TestOneTimeCode(t *testing.T) {
	each(t, func(w *world) {
		w.tenant("north")
		code := w.human("north", "pat", ward.PatientRole)
		rec, body := w.post(codeForm2(code))
		if rec.Code != 200 {
			t.Fatalf("%d %v", rec.Code, body)
		}
		who, purpose, err := w.Authenticate(w.ctx, body["access_token"].(string))
		must(t, err)
		if who.ID != "pat" || who.Patient != "pat-pat" || purpose != ward.PatientRequest {
			t.Fatalf("%+v %s", who, purpose)
		}
		if rec, body = w.post(codeForm2(code)); rec.Code != 400 || body["error"] != "invalid_grant" {
			t.Fatalf("second use: %d %v", rec.Code, body)
		}
		if n := len(w.entries(audit.ActTokenIssue, audit.Done)); n != 1 {
			t.Fatalf("%d entries of one token", n)
		}
	})
}

func TestParallelRedemptionOfOneCode(t *testing.T) {
	each(t, func(w *world) {
		w.tenant("north")
		code := w.human("north", "nora", ward.Clinician)
		if n := w.race(codeForm2(code)); n != 1 {
			t.Fatalf("%d of 100 parallel redemptions succeeded", n)
		}
		if n := len(w.entries(audit.ActTokenIssue, audit.Done)); n != 1 {
			t.Fatalf("%d entries of one token", n)
		}
	})
}

func TestRefusedCodes(t *testing.T) {
	w := onSQLite(t)
	w.tenant("north")
	disabledCode := w.human("north", "gone", ward.Clinician)
	must(t, w.DisablePrincipal(w.ctx, w.operator("north", AdminPrincipal), "gone"))
	late := w.human("north", "late", ward.Clinician)
	for name, c := range map[string]struct {
		code  string
		shift time.Duration
	}{
		"unknown":  {newOneTime().Reveal(), 0},
		"empty":    {"", 0},
		"form":     {"ABC", 0},
		"upper":    {strings.ToUpper(late.Reveal()), 0},
		"disabled": {disabledCode.Reveal(), 0},
		"too old":  {late.Reveal(), codeLife + time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			w.now = func() time.Time { return time.Now().Add(c.shift) }
			defer func() { w.now = time.Now }()
			rec, body := w.post(url.Values{"grant_type": {grantOneTime}, "code": {c.code}})
			if rec.Code != 400 || body["error"] != "invalid_grant" {
				t.Fatalf("%d %v", rec.Code, body)
			}
		})
	}
	if rec, body := w.post(codeForm2(late)); rec.Code != 200 {
		t.Fatalf("in time: %d %v", rec.Code, body)
	}
}

func TestTokenEndpointForm(t *testing.T) {
	w := onSQLite(t)
	send := func(media, body string) (int, any) {
		r := httptest.NewRequest("POST", tokenPath+"?grant_type="+grantClient, strings.NewReader(body))
		r.Header.Set("Content-Type", media)
		rec, got := w.send(r)
		return rec.Code, got["error"]
	}
	const form = "application/x-www-form-urlencoded"
	for name, c := range map[string]struct{ media, body, want string }{
		"JSON":            {"application/json", `{"grant_type":"client_credentials"}`, "invalid_request"},
		"no media":        {"", "grant_type=client_credentials", "invalid_request"},
		"query only":      {form, "", "invalid_request"},
		"repeated":        {form, "grant_type=client_credentials&grant_type=client_credentials", "invalid_request"},
		"password":        {form, "grant_type=password&username=a&password=b", "unsupported_grant_type"},
		"refresh":         {form, "grant_type=refresh_token&refresh_token=x", "unsupported_grant_type"},
		"scope":           {form, "grant_type=client_credentials&scope=system/*.rs", "invalid_scope"},
		"no assertion":    {form, "grant_type=client_credentials", "invalid_client"},
		"wrong assertion": {form, "grant_type=client_credentials&client_assertion_type=x&client_assertion=y", "invalid_client"},
		"broken":          {form, "%zz", "invalid_request"},
		"large":           {form, "grant_type=" + strings.Repeat("x", maxForm), "invalid_request"},
	} {
		t.Run(name, func(t *testing.T) {
			code, got := send(c.media, c.body)
			want := http.StatusBadRequest
			if c.want == "invalid_client" {
				want = http.StatusUnauthorized
			}
			if got != c.want || code != want {
				t.Fatalf("%d %v, want %d %s", code, got, want, c.want)
			}
		})
	}
}

func TestFailuresAreLimitedBySource(t *testing.T) {
	w := onSQLite(t)
	w.tenant("north")
	code := w.human("north", "nora", ward.Clinician)
	try := func(source, code string) int {
		r := httptest.NewRequest("POST", tokenPath, strings.NewReader(url.Values{"grant_type": {grantOneTime}, "code": {code}}.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.RemoteAddr = source
		rec := httptest.NewRecorder()
		w.serveToken(rec, r)
		return rec.Code
	}
	now := time.Now()
	w.now = func() time.Time { return now }
	for range failureBurst {
		if got := try("192.0.2.1:1000", "x"); got != 400 {
			t.Fatal(got)
		}
	}
	if got := try("192.0.2.1:2000", code.Reveal()); got != http.StatusTooManyRequests {
		t.Fatalf("after %d failures the source gets %d", failureBurst, got)
	}
	if got := try("192.0.2.2:1000", "x"); got != 400 {
		t.Fatalf("another source gets %d", got)
	}
	now = now.Add(failureEvery)
	if got := try("192.0.2.1:2000", code.Reveal()); got != 200 {
		t.Fatalf("after waiting, the source gets %d", got)
	}
}

func TestLimiterIsBounded(t *testing.T) {
	l := newLimiter()
	now := time.Now()
	for i := range 3 * maxSources {
		l.failed(strconv.Itoa(i), now)
	}
	if len(l.m) > maxSources {
		t.Fatalf("%d sources are kept", len(l.m))
	}
}

func TestSourceOf(t *testing.T) {
	for addr, want := range map[string]string{"192.0.2.7:99": "192.0.2.7", "[2001:db8:1:2:3:4:5:6]:99": "2001:db8:1:2::/64", "[::ffff:192.0.2.7]:99": "192.0.2.7", "@": "local", "": "local"} {
		if got := sourceOf(&http.Request{RemoteAddr: addr}); got != want {
			t.Errorf("%q: %q, want %q", addr, got, want)
		}
	}
}

func TestDocuments(t *testing.T) {
	w := onSQLite(t)
	h, err := w.Guard(w.Routes(), testErrors)
	must(t, err)
	get := func(path string) *httptest.ResponseRecorder {
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, httptest.NewRequest("GET", path, nil))
		if rec.Code != 200 {
			t.Fatalf("%s: %d", path, rec.Code)
		}
		return rec
	}
	var meta map[string]any
	must(t, json.Unmarshal(get(metadataPath).Body.Bytes(), &meta))
	if meta["issuer"] != testIssuer || meta["token_endpoint"] != testIssuer+tokenPath || meta["jwks_uri"] != testIssuer+keysPath {
		t.Errorf("metadata %v", meta)
	}
	var keys struct{ Keys []map[string]any }
	must(t, json.Unmarshal(get(keysPath).Body.Bytes(), &keys))
	if len(keys.Keys) != 1 || keys.Keys[0]["kty"] != "EC" || keys.Keys[0]["kid"] != w.tokens.public.KeyID || keys.Keys[0]["d"] != nil {
		t.Errorf("jwks %v", keys)
	}
	page := get(linkPath)
	text := page.Body.String()
	for _, bad := range []string{"<script>", "<style", "style=", "onclick", "onload", "javascript:", "http://", "https://"} {
		if strings.Contains(text, bad) {
			t.Errorf("the page holds %q", bad)
		}
	}
	csp := page.Header().Get("Content-Security-Policy")
	if strings.Contains(csp, "unsafe") || !strings.Contains(csp, "default-src 'none'") || page.Header().Get("Referrer-Policy") != "no-referrer" {
		t.Errorf("headers %v", page.Header())
	}
	for _, m := range regexp.MustCompile(`(?:src|href)="([^"]*)"`).FindAllStringSubmatch(text, -1) {
		get(m[1])
	}
}
