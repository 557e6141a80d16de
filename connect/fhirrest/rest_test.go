package fhirrest_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/clinical/fhir"
	"github.com/ward-health/ward/connect/fhirrest"
	"github.com/ward-health/ward/store/storetest"
)

func TestInteractions(t *testing.T) {
	w := newWorld(t, storetest.SQLite)
	doctor := ward.Clinician

	res := w.want(w.do(doctor, "POST", "/Patient", patient("mine", "m1")), 201)
	made := res.bundle(t).ID
	if made == "mine" || made == "" {
		t.Fatalf("a create keeps the client's id: %q", made)
	}
	at := w.base + "/Patient/" + made
	if res.header.Get("Location") != at+"/_history/1" || res.header.Get("ETag") != `W/"1"` || res.header.Get("Content-Type") != "application/fhir+json; charset=utf-8" ||
		res.header.Get("Cache-Control") != "no-store" {
		t.Fatal(res.header)
	}
	if _, err := http.ParseTime(res.header.Get("Last-Modified")); err != nil {
		t.Fatal(err)
	}
	read := w.want(w.do(doctor, "GET", at, ""), 200)
	if read.body != res.body || !strings.Contains(read.body, `"meta":{"versionId":"1","lastUpdated":"`) {
		t.Fatalf("what was read is not what the create answered:\n%s\n%s", read.body, res.body)
	}
	if got := w.want(w.do(doctor, "GET", at, "", "If-None-Match", `W/"9", W/"1"`), 304); got.body != "" || got.header.Get("ETag") != `W/"1"` {
		t.Fatal(got)
	}
	w.want(w.do(doctor, "GET", at, "", "If-None-Match", `W/"2"`), 200)

	body := patient(made, "m2")
	res = w.want(w.do(doctor, "PUT", at, body, "If-Match", `W/"1"`), 200)
	if res.header.Get("ETag") != `W/"2"` {
		t.Fatal(res.header)
	}
	w.want(w.do(doctor, "PUT", at, body, "If-Match", `W/"1"`), 412)
	for _, tag := range []string{`W/"02"`, `W/"+2"`, `"0"`, `W/"2`, "2", "*"} {
		w.want(w.do(doctor, "PUT", at, body, "If-Match", tag), 400)
	}
	if res = w.want(w.do(doctor, "PUT", at, body), 200); res.header.Get("ETag") != `W/"2"` {
		t.Fatalf("the same content made a new version: %v", res.header)
	}
	if res = w.want(w.do(doctor, "PUT", "/Patient/chosen.by-client", patient("chosen.by-client", "m3"), "Prefer", "return=minimal"), 201); res.body != "" {
		t.Fatal(res.body)
	}
	if res = w.want(w.do(doctor, "POST", "/Patient", bare, "Prefer", "return=OperationOutcome"), 201); res.bundle(t).ResourceType != "OperationOutcome" {
		t.Fatal(res.body)
	}

	if got := w.want(w.do(doctor, "GET", at+"/_history/1", ""), 200); !strings.Contains(got.body, `"m1"`) || got.header.Get("ETag") != `W/"1"` {
		t.Fatal(got)
	}
	for _, vid := range []string{"0", "01", "3", "x", "-1", "99999999999999999999"} {
		w.want(w.do(doctor, "GET", at+"/_history/"+vid, ""), 404)
	}
	if got := w.want(w.do(doctor, "DELETE", at, "", "If-Match", `W/"1"`), 412); got.bundle(t).Issue[0].Code != "conflict" {
		t.Fatal(got.body)
	}
	if got := w.want(w.do(doctor, "DELETE", at, ""), 204); got.header.Get("ETag") != `W/"3"` || got.body != "" {
		t.Fatal(got)
	}
	w.want(w.do(doctor, "DELETE", at, ""), 204)
	if got := w.want(w.do(doctor, "GET", at, ""), 410); got.bundle(t).Issue[0].Code != "deleted" {
		t.Fatal(got.body)
	}
	w.want(w.do(doctor, "GET", at+"/_history/2", ""), 200)
	w.want(w.do(doctor, "GET", at+"/_history/3", ""), 410)
	w.want(w.do(doctor, "GET", "/Patient/nobody", ""), 404)

	var rows []string
	for next := at + "/_history?_count=2"; next != ""; {
		b := w.want(w.do(doctor, "GET", next, ""), 200).bundle(t)
		if b.Type != "history" || b.link("self") != next {
			t.Fatal(b)
		}
		for _, e := range b.Entry {
			rows = append(rows, e.Request.Method+" "+e.Request.URL+" "+e.Response.Status+" "+e.Response.ETag)
		}
		next = b.link("next")
	}
	ref := "Patient/" + made
	want := []string{"DELETE " + ref + ` 204 No Content W/"3"`, "PUT " + ref + ` 200 OK W/"2"`, "PUT " + ref + ` 201 Created W/"1"`}
	if d := cmp.Diff(want, rows); d != "" {
		t.Fatal(d)
	}
	if res = w.want(w.do(doctor, "PUT", at, body), 201); res.header.Get("ETag") != `W/"4"` {
		t.Fatal(res.header)
	}
	w.Clean()
}

func TestRefusals(t *testing.T) {
	w := newWorld(t, storetest.SQLite)
	w.want(w.do(ward.Clinician, "PUT", "/Patient/p", patient("p", "m")), 201)
	form := []string{"Content-Type", "application/x-www-form-urlencoded"}
	for _, c := range []struct {
		name, method, path, body string
		headers                  []string
		status                   int
		code, text               string
	}{
		{"unknown type", "GET", "/Basic/1", "", nil, 404, "not-found", "AllergyIntolerance, Condition"},
		{"unknown type search", "GET", "/patient?x=1", "", nil, 404, "not-found", "Patient"},
		{"unknown type create", "POST", "/Bundle", `{}`, nil, 404, "not-found", "Patient"},
		{"bad id", "GET", "/Patient/a_b", "", nil, 404, "not-found", "id"},
		{"unknown path", "GET", "/Patient/1/$everything", "", nil, 404, "not-found", ""},
		{"method", "PATCH", "/Patient", `[]`, nil, 405, "not-supported", "Allow"},
		{"method on history", "DELETE", "/Patient/1/_history", "", nil, 405, "not-supported", ""},
		{"turtle wanted", "GET", "/Patient/p", "", []string{"Accept", "application/fhir+turtle"}, 406, "not-supported", "json"},
		{"turtle wanted by parameter", "GET", "/Patient/p?_format=ttl", "", nil, 406, "not-supported", "json"},
		{"two formats wanted by parameter", "GET", "/Patient/p?_format=xml&_format=json", "", nil, 406, "not-supported", "json"},
		{"json refused", "GET", "/Patient/p", "", []string{"Accept", "application/fhir+json;q=0"}, 406, "not-supported", "json"},
		{"R5 wanted", "GET", "/Patient/p", "", []string{"Accept", "application/fhir+json; fhirVersion=5.0"}, 406, "not-supported", "4.0"},
		{"turtle sent", "POST", "/Patient", `<p>`, []string{"Content-Type", "application/fhir+turtle"}, 415, "not-supported", "application/fhir+json"},
		{"xml of R5 sent", "POST", "/Patient", `<Patient/>`, []string{"Content-Type", "application/fhir+xml; fhirVersion=5.0"}, 415, "not-supported", "4.0"},
		{"json said to be xml", "POST", "/Patient", `{"resourceType":"Patient"}`, []string{"Content-Type", "application/fhir+xml"}, 400, "invalid", "line 1, column 1"},
		{"no content type", "POST", "/Patient", `{}`, []string{"Content-Type", ""}, 415, "not-supported", "Content-Type"},
		{"latin1", "POST", "/Patient", `{}`, []string{"Content-Type", "application/json; charset=latin1"}, 415, "not-supported", "UTF-8"},
		{"gzip", "POST", "/Patient", `{}`, []string{"Content-Encoding", "gzip"}, 415, "not-supported", "Content-Encoding"},
		{"form for a create", "POST", "/Patient", `a=b`, form, 415, "not-supported", ""},
		{"json for a search", "POST", "/Patient/_search", `{}`, nil, 415, "not-supported", "form"},
		{"no body", "POST", "/Patient", "", []string{"Content-Type", "application/json"}, 400, "invalid", "body"},
		{"broken JSON", "POST", "/Patient", `{"resourceType":"Patient",`, nil, 400, "structure", "JSON"},
		{"duplicate key", "POST", "/Patient", `{"resourceType":"Patient","gender":"male","gender":"female"}`, nil, 400, "structure", "once"},
		{"other type", "POST", "/Patient", `{"resourceType":"Organization"}`, nil, 400, "invalid", "type of the URL"},
		{"type not kept", "POST", "/Patient", `{"resourceType":"Basic"}`, nil, 422, "business-rule", "keeps"},
		{"no subject", "POST", "/Condition", `{"resourceType":"Condition"}`, nil, 400, "required", "subject is required"},
		{"urn outside a transaction", "POST", "/Observation", observation("x", "urn:uuid:1", "x"), nil, 422, "business-rule", "transactions only"},
		{"conditional reference outside a transaction", "POST", "/Observation", observation("x", "Patient?identifier=urn:mrn|m", "x"), nil, 422, "business-rule", "transactions only"},
		{"absolute subject", "POST", "/Observation", observation("x", "http://elsewhere/fhir/Patient/1", "x"), nil, 422, "business-rule", "literal reference"},
		{"id missing", "PUT", "/Patient/p", `{"resourceType":"Patient"}`, nil, 400, "invalid", "id"},
		{"id differs", "PUT", "/Patient/p", patient("q", "m"), nil, 400, "invalid", "id"},
		{"If-Match form", "PUT", "/Patient/p", patient("p", "m"), []string{"If-Match", "7"}, 400, "invalid", `W/"3"`},
		{"If-Match star", "PUT", "/Patient/p", patient("p", "m"), []string{"If-Match", "*"}, 400, "invalid", `W/"3"`},
		{"If-Match of nothing", "PUT", "/Patient/new", patient("new", "m"), []string{"If-Match", `W/"1"`}, 412, "conflict", "If-Match"},
		{"If-None-Match on update", "PUT", "/Patient/p", patient("p", "m"), []string{"If-None-Match", "*"}, 400, "not-supported", "If-None-Match"},
		{"If-None-Exist empty", "POST", "/Patient", bare, []string{"If-None-Exist", "_count=1"}, 400, "not-supported", "identifier and _id only"},
		{"If-None-Exist unknown", "POST", "/Patient", bare, []string{"If-None-Exist", "name=x"}, 400, "not-supported", "identifier and _id only"},
		{"If-None-Exist by value", "POST", "/Observation", observation("x", "Patient/p", "x"), []string{"If-None-Exist", "identifier=a&patient=p&code=x"}, 400, "not-supported", "identifier and _id only"},
		{"If-None-Exist without a value", "POST", "/Patient", bare, []string{"If-None-Exist", "identifier="}, 400, "invalid", "value"},
		{"delete of nothing", "DELETE", "/Patient/never", "", nil, 404, "not-found", ""},
		{"unknown parameter", "GET", "/Patient?name=x", "", nil, 400, "invalid", "offered are"},
		{"modifier", "GET", "/Patient?gender:not=male", "", nil, 400, "not-supported", "modifier"},
		{"sort", "GET", "/Patient?_sort=birthdate", "", nil, 400, "not-supported", "-_lastUpdated"},
		{"cursor", "GET", "/Patient?_cursor=AAAA", "", nil, 400, "invalid", "cursor"},
		{"parameter on read", "GET", "/Patient/p?_summary=true", "", nil, 400, "invalid", "_format"},
		{"bad query", "GET", "/Patient?gender=%zz", "", nil, 400, "invalid", "encoded"},
		{"history parameter", "GET", "/Patient/p/_history?_since=2020", "", nil, 400, "invalid", "_count"},
		{"history count", "GET", "/Patient/p/_history?_count=0", "", nil, 400, "invalid", "_count"},
		{"conditional update", "PUT", "/Patient?identifier=x", patient("p", "m"), nil, 405, "not-supported", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			res := w.do(ward.Clinician, c.method, c.path, c.body, c.headers...)
			b := res.bundle(t)
			if res.status != c.status || b.ResourceType != "OperationOutcome" || len(b.Issue) != 1 || b.Issue[0].Code != c.code || !strings.Contains(b.Issue[0].Diagnostics, c.text) {
				t.Fatalf("status %d: %s", res.status, res.body)
			}
			if res.header.Get("Content-Type") != "application/fhir+json; charset=utf-8" || res.header.Get("Cache-Control") != "no-store" {
				t.Fatal(res.header)
			}
			if c.status == 405 && res.header.Get("Allow") == "" {
				t.Fatal("405 without Allow")
			}
		})
	}
	big := `{"resourceType":"Patient","text":{"div":"` + strings.Repeat("x", fhir.MaxBytes) + `"}}`
	w.want(w.do(ward.Clinician, "POST", "/Patient", big), 413)
	if res := w.want(w.do("", "GET", "/Patient/p", ""), 401); res.header.Get("WWW-Authenticate") == "" || res.bundle(t).Issue[0].Code != "login" {
		t.Fatal(res)
	}
	w.want(w.with("not-a-token", "GET", "/Patient/p", ""), 401)
	w.want(w.do(ward.Admin, "GET", "/Patient/p", ""), 403)
	w.want(w.do(ward.Clinician, "GET", "/Patient/p?_format=application/fhir%2Bjson", "", "Accept", "application/fhir+xml"), 200)
	w.want(w.do(ward.Clinician, "GET", "/Patient/p", "", "Accept", "text/html, */*;q=0.1"), 200)
}

func TestSearch(t *testing.T) {
	w := newWorld(t, storetest.SQLite)
	doctor := ward.Clinician
	w.want(w.do(doctor, "PUT", "/Patient/"+storetest.OwnPatient, patient(storetest.OwnPatient, "Kanarie|1,2")), 201)
	w.want(w.do(doctor, "PUT", "/Patient/b", patient("b", "m2")), 201)
	for _, id := range []string{"o1", "o2", "o3", "o4", "o5"} {
		w.want(w.do(doctor, "PUT", "/Observation/"+id, observation(id, "Patient/"+storetest.OwnPatient, "2160-0")), 201)
	}
	w.want(w.do(doctor, "PUT", "/Observation/ob", observation("ob", w.base+"/Patient/b", "2160-0")), 201)

	find := func(role ward.Role, query string) []string {
		t.Helper()
		return w.want(w.do(role, "GET", query, ""), 200).bundle(t).ids(t)
	}
	for query, want := range map[string][]string{
		"/Patient?identifier=urn:mrn|" + url.QueryEscape(`Kanarie\|1\,2`):            {storetest.OwnPatient},
		"/Patient?identifier=m2&gender=female":                                       {"b"},
		"/Patient?identifier=urn:other|m2":                                           {},
		"/Patient?_id=b,zz":                                                          {"b"},
		"/Observation?patient=b":                                                     {"ob"},
		"/Observation?subject=Patient/b&code=http://loinc.org|2160-0&date=ge2026":    {"ob"},
		"/Observation?patient=b&date=lt2026":                                         {},
		"/Observation?patient=" + storetest.OwnPatient + "&status=final&_count=1000": {"o5", "o4", "o3", "o2", "o1"},
		"/Observation?_lastUpdated=gt2999":                                           {},
	} {
		if d := cmp.Diff(want, find(doctor, query)); d != "" {
			t.Errorf("%s: %s", query, d)
		}
	}

	// Paging: "self" is what was sent, "next" holds no value of the query.
	var ids []string
	next := "/Observation?patient=" + storetest.OwnPatient + "&_count=2&_total=accurate"
	for pages := 0; next != ""; pages++ {
		b := w.want(w.do(doctor, "GET", next, ""), 200).bundle(t)
		if pages == 0 && (b.link("self") != w.base+next || b.Total == nil || *b.Total != 5) {
			t.Fatalf("self %s total %v", b.link("self"), b.Total)
		}
		ids = append(ids, b.ids(t)...)
		next = b.link("next")
		u, err := url.Parse(next)
		if err != nil || next != "" && (len(u.Query()) != 1 || !u.Query().Has("_cursor") || strings.Contains(next, storetest.OwnPatient)) {
			t.Fatalf("next link: %s", next)
		}
	}
	if d := cmp.Diff([]string{"o5", "o4", "o3", "o2", "o1"}, ids); d != "" {
		t.Fatal(d)
	}
	first := w.do(doctor, "GET", "/Observation?_count=1", "").bundle(t).link("next")
	w.want(w.do(ward.Integration, "GET", strings.Replace(first, "Observation", "Patient", 1), ""), 400) // of another type and asker
	w.want(w.do(doctor, "GET", first+"&code=x", ""), 400)

	// POST: values of the form stand in no URL of the answer.
	res := w.want(w.do(doctor, "POST", "/Observation/_search?_count=1", "patient=Patient/"+storetest.OwnPatient+"&code=2160-0", "Content-Type", "application/x-www-form-urlencoded"), 200)
	b := res.bundle(t)
	if len(b.Entry) != 1 || b.link("self") != w.base+"/Observation/_search?_count=1" || b.Entry[0].Search.Mode != "match" || b.Entry[0].FullURL != w.base+"/Observation/o5" || b.link("next") == "" {
		t.Fatal(res.body)
	}
	for _, l := range b.Link {
		if strings.Contains(l.URL, "2160") || strings.Contains(l.URL, storetest.OwnPatient) {
			t.Fatalf("a search value in a link: %s", l.URL)
		}
	}
	b = w.want(w.do(doctor, "GET", "/Observation?_summary=count", ""), 200).bundle(t)
	if b.Total == nil || *b.Total != 6 || len(b.Entry) != 0 {
		t.Fatal(b)
	}

	// Who sees what.
	if got := find(ward.PatientRole, "/Observation?_count=10"); len(got) != 5 || slices.Contains(got, "ob") {
		t.Errorf("a patient finds %v", got)
	}
	w.want(w.do(ward.PatientRole, "GET", "/Observation/ob", ""), 404)
	w.want(w.do(ward.PatientRole, "GET", "/Observation/o1", ""), 200)
	w.want(w.do(ward.Registrar, "GET", "/Observation?_count=1", ""), 403)
	if got := find(ward.Registrar, "/Patient?_count=10"); len(got) != 2 {
		t.Errorf("a registrar finds %v", got)
	}
}

func TestConditionalCreateRace(t *testing.T) {
	onBoth(t, func(w *world) {
		w.token(ward.Clinician)
		const n = 64
		var wg sync.WaitGroup
		results := make([]response, n)
		errs := make([]error, n)
		start := make(chan struct{})
		for i := range n {
			wg.Go(func() {
				<-start
				results[i], errs[i] = w.send(w.tokens[ward.Clinician], "POST", "/Patient", `{"resourceType":"Patient","identifier":[{"system":"urn:mrn","value":"race"}]}`, "If-None-Exist", "identifier=urn:mrn|race")
			})
		}
		close(start)
		wg.Wait()
		created, ids := 0, map[string]bool{}
		for i, res := range results {
			w.must(errs[i])
			switch res.status {
			case 201:
				created++
				fallthrough
			case 200: // of what is found, the answer says only where it is
				id := strings.TrimPrefix(res.header.Get("Location"), w.base+"/Patient/")
				ids[strings.TrimSuffix(id, "/_history/1")] = true
			default:
				w.t.Errorf("status %d: %s", res.status, res.body)
			}
		}
		found := w.want(w.do(ward.Clinician, "GET", "/Patient?identifier=race", ""), 200).bundle(w.t).ids(w.t)
		if created != 1 || len(ids) != 1 || len(found) != 1 || !ids[found[0]] {
			w.t.Fatalf("%d created, ids %v, found %v", created, ids, found)
		}
		w.want(w.do(ward.Clinician, "PUT", "/Patient/second", patient("second", "race")), 201)
		w.want(w.do(ward.Clinician, "POST", "/Patient", `{"resourceType":"Patient"}`, "If-None-Exist", "identifier=race"), 412)
		w.Clean()
	})
}

func TestCapabilityStatement(t *testing.T) {
	w := newWorld(t, storetest.SQLite)
	res := w.want(w.do("", "GET", "/metadata", ""), 200)
	got := strings.ReplaceAll(res.body, w.base, "https://ward.example/fhir/R4") + "\n"
	golden := filepath.Join("testdata", "capability.json")
	if os.Getenv("WARD_UPDATE_GOLDEN") == "1" {
		w.must(os.MkdirAll("testdata", 0o755))
		w.must(os.WriteFile(golden, []byte(got), 0o644))
	}
	want, err := os.ReadFile(golden)
	w.must(err)
	if d := cmp.Diff(string(want), got); d != "" {
		t.Fatalf("the statement changed; if that is meant, run with WARD_UPDATE_GOLDEN=1: %s", d)
	}
	w.want(w.do("", "GET", "/metadata", "", "Accept", "application/fhir+turtle"), 406)
}

// TestRoutesAreDecided holds that every route but metadata needs a token and a permit.
func TestRoutesAreDecided(t *testing.T) {
	w := newWorld(t, storetest.SQLite)
	for _, rt := range fhirrest.New(fhirrest.Deps{Store: w.Store, Base: w.base}).Routes() {
		method, path, _ := strings.Cut(rt.Pattern, " ")
		path = strings.NewReplacer("/fhir/R4", "", "{type}", "Patient", "{id}", "p", "{vid}", "1", "{$}", "").Replace(path)
		if strings.Contains(path, "metadata") {
			continue
		}
		w.want(w.do("", method, path, `{}`), 401)
		w.want(w.do(ward.Auditor, method, path, `{}`), 403)
	}
}

func TestErrorsTable(t *testing.T) {
	want := map[ward.ErrorKind]int{ward.Internal: 500, ward.Invalid: 400, ward.Unauthentic: 401, ward.Denied: 403, ward.NotFound: 404, ward.Gone: 410, ward.Conflict: 409,
		ward.Precondition: 412, ward.TooLarge: 413, ward.Unsupported: 400, ward.Unprocessable: 422, ward.Unavailable: 503}
	for kind := ward.Internal; kind <= ward.Unavailable; kind++ {
		rec := newRecorder()
		fhirrest.Errors(rec, httptest.NewRequest("GET", "/fhir/R4/Patient/p", nil), ward.E(kind, "op", "public text", nil).At("Patient.id"))
		if rec.status != want[kind] {
			t.Errorf("%v: %d, want %d", kind, rec.status, want[kind])
		}
		if secret := kind == ward.Internal && strings.Contains(rec.body, "public text"); secret {
			t.Errorf("an internal text went out: %s", rec.body)
		}
		if kind == ward.Unavailable && rec.Header().Get("Retry-After") == "" || kind == ward.Unauthentic && rec.Header().Get("WWW-Authenticate") == "" {
			t.Errorf("%v: %v", kind, rec.Header())
		}
	}
}

type recorder struct {
	header http.Header
	status int
	body   string
}

func newRecorder() *recorder { return &recorder{header: http.Header{}} }

func (r *recorder) Header() http.Header         { return r.header }
func (r *recorder) WriteHeader(status int)      { r.status = status }
func (r *recorder) Write(b []byte) (int, error) { r.body += string(b); return len(b), nil }

func TestLastModifiedIsTheVersions(t *testing.T) {
	w := newWorld(t, storetest.SQLite)
	before := time.Now().Add(-2 * time.Second)
	res := w.want(w.do(ward.Clinician, "POST", "/Organization", `{"resourceType":"Organization","name":"x"}`), 201)
	at, err := http.ParseTime(res.header.Get("Last-Modified"))
	if err != nil || at.Before(before) || at.After(time.Now().Add(time.Second)) {
		t.Fatal(at, err)
	}
}
