package access

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/audit"
)

// testErrors maps kinds as an edge does, but for what the guard decides itself.
func testErrors(w http.ResponseWriter, _ *http.Request, err error) {
	status := map[ward.ErrorKind]int{ward.Unauthentic: 401, ward.Denied: 403, ward.NotFound: 404, ward.Invalid: 400, ward.Unavailable: 503, ward.Unsupported: 422}[ward.KindOf(err)]
	if status == 0 {
		status = 500
	}
	w.WriteHeader(status)
	fmt.Fprint(w, ward.PublicText(err))
}

// tableRoutes is a small table with every kind of row.
func tableRoutes() []Route {
	say := func(w http.ResponseWriter, r *http.Request, g Grant) {
		fmt.Fprintf(w, "%s %s %v", g.Permit.Principal().ID, g.Permit.TenantID(), g.Permit.Allows(Read, r.PathValue("type")) == nil)
	}
	return []Route{
		{Pattern: "GET /fhir/R4/{type}/{id}", Action: Read, Audit: AuditData, Handle: say},
		{Pattern: "GET /fhir/R4/{type}", Action: Search, Audit: AuditData, Handle: say},
		{Pattern: "GET /v1/tenants", Action: AdminTenant, Audit: AuditAdmin, Handle: say},
		{Pattern: "POST /v1/panic", Action: AdminTenant, Audit: AuditAdmin, Handle: func(http.ResponseWriter, *http.Request, Grant) { panic("patient Müller") }},
		{Pattern: "POST /v1/late", Action: AdminTenant, Audit: AuditAdmin, Handle: func(w http.ResponseWriter, _ *http.Request, _ Grant) {
			w.Write([]byte("part"))
			panic("late")
		}},
		{Pattern: "GET /livez", Audit: AuditNone, Why: "no data", Open: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "ok") })},
	}
}

func request(h http.Handler, method, path, bearer string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, nil)
	if bearer != "" {
		r.Header.Set("Authorization", "Bearer "+bearer)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, r)
	return rec
}

func TestGuard(t *testing.T) {
	each(t, func(w *world) {
		w.tenant("north")
		w.human("north", "nora", ward.Clinician)
		w.human("north", "ada", ward.Admin)
		nora, ada := w.token("north", "nora", ""), w.token("north", "ada", "")
		h, err := w.Guard(tableRoutes(), testErrors)
		must(t, err)
		ids := map[string]bool{}
		for _, c := range []struct {
			method, path, bearer string
			status               int
			body                 string
		}{
			{"GET", "/fhir/R4/Observation/1", nora, 200, "nora north true"},
			{"HEAD", "/fhir/R4/Observation/1", nora, 200, ""},
			{"GET", "/fhir/R4/Observation", nora, 200, "nora north false"},
			{"GET", "/fhir/R4/Observation/1", ada, 403, ""},
			{"GET", "/v1/tenants", nora, 403, ""},
			{"GET", "/v1/tenants", ada, 200, "ada north false"},
			{"GET", "/fhir/R4/Observation/1", "", 401, ""},
			{"GET", "/fhir/R4/Observation/1", "bad", 401, ""},
			{"GET", "/fhir/R4/Obs%20ervation/1", nora, 404, ""},
			{"GET", "/fhir/R4/" + strings.Repeat("T", 65) + "/1", nora, 404, ""},
			{"GET", "/fhir/R4/Observation/1/2/3", nora, 404, ""},
			{"GET", "//fhir/R4/Observation", nora, 404, ""},
			{"GET", "/fhir/../v1/tenants", ada, 404, ""},
			{"GET", "/", nora, 404, ""},
			{"DELETE", "/fhir/R4/Observation/1", nora, 405, ""},
			{"POST", "/livez", "", 405, ""},
			{"GET", "/livez", "", 200, "ok"},
			{"POST", "/v1/panic", ada, 500, ""},
		} {
			rec := request(h, c.method, c.path, c.bearer)
			if rec.Code != c.status || c.body != "" && rec.Body.String() != c.body {
				t.Errorf("%s %s: %d %q, want %d %q", c.method, c.path, rec.Code, rec.Body, c.status, c.body)
			}
			id := rec.Header().Get(RequestIDHeader)
			if _, err := ward.ParseID(id); err != nil || ids[id] {
				t.Errorf("%s %s: request id %q", c.method, c.path, id)
			}
			ids[id] = true
			if strings.Contains(rec.Body.String(), "Müller") || rec.Header().Get("Location") != "" {
				t.Errorf("%s %s: tells too much: %q %v", c.method, c.path, rec.Body, rec.Header())
			}
			challenge := rec.Header().Get("WWW-Authenticate")
			if want := map[bool]string{true: `Bearer realm="ward"`, false: `Bearer realm="ward", error="invalid_token"`}[c.bearer == ""]; c.status == 401 && challenge != want {
				t.Errorf("%s %s: challenge %q", c.method, c.path, challenge)
			}
			if c.status == 405 && rec.Header().Get("Allow") == "" {
				t.Errorf("%s %s: no Allow header", c.method, c.path)
			}
		}
		denials := 0
		for _, act := range []audit.Act{audit.ActRead, audit.ActAdminRead} {
			denials += len(w.entries(act, audit.Denied))
		}
		if denials != 2 {
			t.Errorf("%d denial entries of 2 denied requests", denials)
		}
	})
}

func TestGuardCutsHalfAnswers(t *testing.T) {
	w := onSQLite(t)
	w.tenant("north")
	w.human("north", "ada", ward.Admin)
	h, err := w.Guard(tableRoutes(), testErrors)
	must(t, err)
	defer func() {
		if v := recover(); v != http.ErrAbortHandler { //nolint:errorlint // the very value
			t.Fatalf("recovered %v, want http.ErrAbortHandler", v)
		}
	}()
	request(h, "POST", "/v1/late", w.token("north", "ada", ""))
}

func TestGuardCredentialForms(t *testing.T) {
	w := onSQLite(t)
	w.tenant("north")
	w.human("north", "nora", ward.Clinician)
	token := w.token("north", "nora", "")
	h, err := w.Guard(tableRoutes(), testErrors)
	must(t, err)
	const path = "/fhir/R4/Observation/1"
	for name, c := range map[string]struct {
		headers []string
		path    string
		status  int
	}{
		"bearer":             {[]string{"Authorization", "bearer " + token}, path, 200},
		"two headers":        {[]string{"Authorization", "Bearer " + token, "Authorization", "Bearer " + token}, path, 401},
		"basic":              {[]string{"Authorization", "Basic " + token}, path, 401},
		"bare":               {[]string{"Authorization", token}, path, 401},
		"query":              {nil, path + "?access_token=" + token, 401},
		"tenant by header":   {[]string{"Authorization", "Bearer " + token, "Ward-Operator-Tenant", "south"}, path, 200},
		"operator by header": {[]string{"Ward-Operator-Tenant", "north"}, path, 401},
		"purpose by header":  {[]string{"Authorization", "Bearer " + token, "Purpose", "HOPERAT"}, path, 200},
	} {
		t.Run(name, func(t *testing.T) {
			rec := request(h, "GET", c.path, "", c.headers...)
			if rec.Code != c.status || c.status == 200 && rec.Body.String() != "nora north true" {
				t.Fatalf("%d %q", rec.Code, rec.Body)
			}
		})
	}
}

func TestGuardRefusesRows(t *testing.T) {
	w := onSQLite(t)
	handle := func(http.ResponseWriter, *http.Request, Grant) {}
	open := http.NotFoundHandler()
	good := Route{Pattern: "GET /x", Action: Read, Audit: AuditData, Handle: handle}
	for name, change := range map[string]func(*Route){
		"no action":        func(r *Route) { r.Action = "" },
		"unknown action":   func(r *Route) { r.Action = "raed" },
		"no audit":         func(r *Route) { r.Audit = "" },
		"unknown audit":    func(r *Route) { r.Audit = "some" },
		"no handler":       func(r *Route) { r.Handle = nil },
		"both handlers":    func(r *Route) { r.Open = open },
		"none, no reason":  func(r *Route) { *r = Route{Pattern: "GET /x", Audit: AuditNone, Why: " ", Open: open} },
		"none with action": func(r *Route) { *r = Route{Pattern: "GET /x", Audit: AuditNone, Why: "y", Open: open, Action: Read} },
		"none with handle": func(r *Route) { *r = Route{Pattern: "GET /x", Audit: AuditNone, Why: "y", Open: open, Handle: handle} },
		"none, no handler": func(r *Route) { *r = Route{Pattern: "GET /x", Audit: AuditNone, Why: "y"} },
		"no method":        func(r *Route) { r.Pattern = "/x" },
		"lower method":     func(r *Route) { r.Pattern = "get /x" },
		"host":             func(r *Route) { r.Pattern = "GET example.com/x" },
		"malformed":        func(r *Route) { r.Pattern = "GET /{x" },
	} {
		t.Run(name, func(t *testing.T) {
			r := good
			change(&r)
			if h, err := w.Guard([]Route{r}, testErrors); err == nil || h != nil {
				t.Fatal("the row mounts")
			}
		})
	}
	if _, err := w.Guard([]Route{good, good}, testErrors); err == nil {
		t.Error("a row mounts twice")
	}
	if _, err := w.Guard([]Route{good}, nil); err == nil {
		t.Error("a guard without errors")
	}
	if _, err := w.GuardLocal([]Route{good}, testErrors, nil); err == nil {
		t.Error("a local guard without users")
	}
	if _, err := w.Guard([]Route{good}, testErrors); err != nil {
		t.Error(err)
	}
}

func TestGuardLocal(t *testing.T) {
	each(t, func(w *world) {
		w.tenant("north")
		uid, known := os.Getuid(), true
		h, err := w.GuardLocal(tableRoutes(), testErrors, func(*http.Request) (int, bool) { return uid, known })
		must(t, err)
		me := string(operatorID(uid))
		get := func(path string, headers ...string) (int, string) {
			rec := request(h, "GET", path, "", headers...)
			return rec.Code, rec.Body.String()
		}
		if code, body := get("/v1/tenants"); code != 200 || body != me+"  false" {
			t.Errorf("node: %d %q", code, body)
		}
		if code, body := get("/v1/tenants", operatorHeader, "north"); code != 200 || body != me+" north false" {
			t.Errorf("tenant: %d %q", code, body)
		}
		if code, _ := get("/v1/tenants", operatorHeader, "nowhere"); code != 404 {
			t.Errorf("unknown tenant: %d", code)
		}
		if code, _ := get("/v1/tenants", operatorHeader, "No Where"); code != 400 {
			t.Errorf("malformed tenant: %d", code)
		}
		if code, _ := get("/fhir/R4/Patient/1", operatorHeader, "north"); code != 403 {
			t.Errorf("the operator reads care data: %d", code)
		}
		for _, c := range []struct {
			uid   int
			known bool
		}{{os.Getuid() + 12345, true}, {-1, true}, {0, false}} {
			uid, known = c.uid, c.known
			if code, _ := get("/v1/tenants"); code != 403 {
				t.Errorf("uid %v: %d", c, code)
			}
		}
	})
}

func TestGrantDecidesUnderTheSameRequest(t *testing.T) {
	w := onSQLite(t)
	w.tenant("north")
	w.human("north", "nora", ward.Clinician)
	var first, second Permit
	var decided, denied error
	h, err := w.Guard([]Route{{Pattern: "GET /fhir/R4/{type}", Action: Search, Audit: AuditData, Handle: func(_ http.ResponseWriter, r *http.Request, g Grant) {
		first = g.Permit
		second, decided = g.Decide(r.Context(), Read, "Patient")
		_, denied = g.Decide(r.Context(), Shred, "")
		if RequestID(r.Context()) != g.Permit.Request() {
			t.Error("the context knows another request")
		}
	}}}, testErrors)
	must(t, err)
	rec := request(h, "GET", "/fhir/R4/Observation", w.token("north", "nora", ward.Emergency))
	must(t, decided)
	if rec.Header().Get(RequestIDHeader) != first.Request().String() || second.Request() != first.Request() || second.Purpose() != ward.Emergency || second.Principal().ID != "nora" {
		t.Errorf("first %v second %v", first.Request(), second.Request())
	}
	if second.Allows(Read, "Patient") != nil || second.Allows(Search, "Patient") == nil {
		t.Error("the second permit is for something else")
	}
	wantKind(t, denied, ward.Denied)
}

// Hidden leaves one denial that names the record.
func TestHidden(t *testing.T) {
	w := onSQLite(t)
	north := w.tenant("north")
	p, err := w.Decide(w.ctx, Request{Principal: ward.Principal{ID: "nora", Kind: ward.Human, Tenant: north, Roles: []ward.Role{ward.Clinician}}, Action: Read, Type: "Patient", Purpose: ward.Treatment})
	must(t, err)
	must(t, w.Hidden(w.ctx, p, audit.ActVRead, audit.Subject{Kind: "ver", RID: make([]byte, 8), Version: 1}))
	if n := len(w.entries(audit.ActVRead, audit.Denied)); n != 1 {
		t.Fatalf("%d entries", n)
	}
}

// What cannot be recorded is not answered as a denial either: the caller learns that the node cannot work.
func TestDenialNeedsItsEntry(t *testing.T) {
	w := onSQLite(t)
	north := w.tenant("north")
	must(t, w.log.Close())
	_, err := w.Decide(w.ctx, Request{Principal: ward.Principal{ID: "ada", Kind: ward.Human, Tenant: north, Roles: []ward.Role{ward.Admin}}, Action: Read, Type: "Patient", Purpose: ward.Operations})
	wantKind(t, err, ward.Unavailable)
}
