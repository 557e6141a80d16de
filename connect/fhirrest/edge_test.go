package fhirrest_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/audit"
	"github.com/ward-health/ward/connect/fhirrest"
	"github.com/ward-health/ward/store/storetest"
)

// acts counts the entries since from, by act and outcome.
func (w *world) acts(from int) map[string]int {
	w.t.Helper()
	out := map[string]int{}
	for _, e := range w.Entries()[from:] {
		out[fmt.Sprint(e.Act, " ", e.Outcome)]++
	}
	return out
}

// TestFoundIsNotRead holds that leave to create shows nothing of what a condition finds.
func TestFoundIsNotRead(t *testing.T) {
	w := newWorld(t, storetest.SQLite)
	feed := ward.Integration
	w.want(w.do(feed, "PUT", "/Patient/p", patient("p", "m1")), 201)
	labelled := func(rt, rest string) string {
		return `{"resourceType":"` + rt + `","id":"secret","identifier":[{"system":"urn:lab","value":"hiv-1"}],
			"meta":{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-Confidentiality","code":"V"},{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"HIV"}]}` + rest + `}`
	}
	secret := labelled("Observation", `,"status":"final","code":{"text":"Kanarienvogel"},"subject":{"reference":"Patient/p"}`)
	hidden := labelled("Patient", `,"gender":"male","name":[{"family":"Kanarienvogel"}]`)
	w.want(w.do(feed, "PUT", "/Observation/secret", secret), 201)
	w.want(w.do(feed, "PUT", "/Patient/secret", hidden), 201)
	observe := func(prefer string) response {
		return w.want(w.do(feed, "POST", "/Observation", observation("x", "Patient/p", "1"), "If-None-Exist", "identifier=urn:lab|hiv-1", "Prefer", prefer), 200)
	}
	for _, prefer := range []string{"", "return=minimal", "return=representation", "return=OperationOutcome"} {
		res := observe(prefer)
		if res.body != "" || res.header.Get("Location") != w.base+"/Observation/secret/_history/1" || res.header.Get("ETag") != `W/"1"` || res.header.Get("Last-Modified") != "" {
			t.Errorf("Prefer %q: %v %s", prefer, res.header, res.body)
		}
	}
	// Asking is denied once, and only when the body is wanted.
	before := len(w.Entries())
	observe("")
	if got := w.acts(before); got["read denied"] != 0 {
		t.Errorf("entries without Prefer: %v", got)
	}
	for _, kind := range []string{"transaction", "batch"} {
		before := len(w.Entries())
		res := w.want(w.do(feed, "POST", "", bundleJSON(kind,
			entryJSON("POST", "Observation", "", observation("x", "Patient/p", "1"), "ifNoneExist", "identifier=urn:lab|hiv-1"),
			entryJSON("POST", "Observation", "", observation("x", "Patient/p", "1"), "ifNoneExist", "_id=secret"),
			entryJSON("POST", "Patient", "", patient("x", "m1"), "ifNoneExist", "identifier=urn:lab|hiv-1"),
			entryJSON("POST", "Patient", "", patient("x", "m1"), "ifNoneExist", "identifier=urn:mrn|m1")), "Prefer", "return=representation"), 200)
		b := res.bundle(t)
		for i, e := range b.Entry {
			if readable := i == 3; (len(e.Resource) > 0) != readable || e.Response.Status != "200 OK" || e.Response.ETag != `W/"1"` || !strings.HasSuffix(e.Response.Location, "/_history/1") {
				t.Errorf("%s, entry %d: %+v %s", kind, i, e.Response, e.Resource)
			}
		}
		if strings.Contains(res.body, "Kanarienvogel") {
			t.Errorf("%s: %s", kind, res.body)
		}
		// Three records hidden by the filter, each with its denial, and one read: a feed may read results, but none with such labels.
		if got := w.acts(before); got["read denied"] != 3 || got["read done"] != 1 {
			t.Errorf("%s: entries %v", kind, got)
		}
	}
	before = len(w.Entries())
	res := w.want(w.do(feed, "POST", "/Patient", patient("x", "m1"), "If-None-Exist", "identifier=urn:mrn|m1", "Prefer", "return=representation"), 200)
	if got := w.want(w.do(feed, "GET", "/Patient/p", ""), 200); res.body != got.body || w.acts(before)["read done"] != 2 {
		t.Errorf("what may be read is not given: %s %v", res.body, w.acts(before))
	}
	if res := w.want(w.do(feed, "POST", "/Patient", patient("x", "m1"), "If-None-Exist", "identifier=urn:mrn|m1"), 200); res.body != "" {
		t.Errorf("a body that nobody asked for: %s", res.body)
	}
	w.Clean()
}

// TestErrorsAreObserved holds that what is answered as an error reaches who runs the node.
func TestErrorsAreObserved(t *testing.T) {
	w := newWorld(t, storetest.SQLite)
	kinds := func() (out []ward.ErrorKind) {
		for _, err := range w.observed() {
			out = append(out, ward.KindOf(err))
		}
		return out
	}
	expect := func(want ...ward.ErrorKind) {
		t.Helper()
		if got := kinds(); !slices.Equal(got, want) {
			t.Fatalf("observed %v, want %v", got, want)
		}
	}
	w.want(w.do(ward.Clinician, "PUT", "/Patient/p", patient("p", "m")), 201)
	expect()
	w.want(w.do(ward.Clinician, "GET", "/Patient/nobody", ""), 404)
	expect(ward.NotFound)
	w.want(w.do("", "GET", "/metadata?_format=ttl", ""), 406)
	w.want(w.do("", "GET", "/metadata?%zz", ""), 400)
	expect(ward.Unsupported, ward.Invalid)
	w.want(w.do(ward.Clinician, "POST", "", bundleJSON("batch", entryJSON("GET", "Patient/p", "", ""), entryJSON("GET", "Patient/nobody", "", ""))), 200)
	expect(ward.NotFound)
	w.CloseLog()
	w.want(w.do(ward.Clinician, "GET", "/Patient/p", ""), 503)
	expect(ward.Unavailable)
}

// TestLongQueries holds that a query is refused before it is run or has pages that can be followed.
func TestLongQueries(t *testing.T) {
	w := newWorld(t, storetest.SQLite)
	doctor := ward.Clinician
	w.want(w.do(doctor, "PUT", "/Patient/p", patient("p", "m")), 201)
	for _, id := range []string{"o1", "o2", "o3"} {
		w.want(w.do(doctor, "PUT", "/Observation/"+id, observation(id, "Patient/p", "2160-0")), 201)
	}
	form := func(f url.Values) response {
		return w.do(doctor, "POST", "/Observation/_search", f.Encode(), "Content-Type", "application/x-www-form-urlencoded")
	}
	query := func(values int) url.Values {
		codes := []string{"http://loinc.org|2160-0"}
		for i := range values - 1 {
			codes = append(codes, fmt.Sprintf("http://loinc.org|%d-0", i))
		}
		return url.Values{"code": {strings.Join(codes, ",")}, "_count": {"1"}}
	}
	longest := 0
	for n := 5; n < 1000; n += 5 {
		before := len(w.Entries())
		res := form(query(n))
		if res.status != 200 {
			w.want(res, 413)
			if text := res.bundle(t).Issue[0].Diagnostics; !strings.Contains(text, "too long for paging") || !strings.Contains(text, fmt.Sprint(fhirrest.MaxNext)) {
				t.Fatal(text)
			}
			if got := w.acts(before); len(got) != 0 {
				t.Fatalf("a refused query was run: %v", got)
			}
			break
		}
		longest = n
	}
	if longest < 80 || longest > 500 {
		t.Fatalf("%d values are taken", longest)
	}
	b := form(query(longest)).bundle(t)
	next := b.link("next")
	if len(next) > fhirrest.MaxNext+len(w.base) || len(next) < fhirrest.MaxNext/2 {
		t.Fatalf("the link has %d characters", len(next))
	}
	got := b.ids(t)
	u, err := url.Parse(next)
	w.must(err)
	byForm := w.want(form(url.Values{"_cursor": {u.Query().Get("_cursor")}}), 200).bundle(t).ids(t)
	for page := 0; next != ""; page++ {
		b := w.want(w.do(doctor, "GET", next, ""), 200).bundle(t)
		if page == 0 && !slices.Equal(byForm, b.ids(t)) {
			t.Fatalf("the page by form is %v, by link %v", byForm, b.ids(t))
		}
		got, next = append(got, b.ids(t)...), b.link("next")
	}
	if !slices.Equal(got, []string{"o3", "o2", "o1"}) {
		t.Fatal(got)
	}
	count := query(400)
	count.Set("_summary", "count")
	count.Del("_count")
	if b := w.want(form(count), 200).bundle(t); b.Total == nil || *b.Total != 3 {
		t.Fatal(b)
	}
	count.Set("code", query(401).Get("code"))
	w.want(form(count), 413)
}

// TestBundlesAreBounded holds that bundles beyond what the node works on at once are turned away, and that none keeps what it took.
func TestBundlesAreBounded(t *testing.T) {
	w := newWorld(t, storetest.SQLite)
	one := bundleJSON("transaction", entryJSON("PUT", "Patient/p", "", patient("p", "m")))
	for _, bytes := range []bool{false, true} {
		leave := w.api.Crowd(bytes)
		res := w.want(w.do(ward.Clinician, "POST", "", one), 503)
		if res.header.Get("Retry-After") == "" || !strings.Contains(res.bundle(t).Issue[0].Diagnostics, "too many bundles") {
			t.Fatal(res)
		}
		w.want(w.do(ward.Clinician, "GET", "/Patient/p", ""), 404) // nothing was done, and others are served
		leave()
	}
	w.want(w.do(ward.Clinician, "POST", "", one), 200)
	w.want(w.do(ward.Clinician, "POST", "", bundleJSON("batch", entryJSON("GET", "Patient/p", "", ""))), 200)
	w.want(w.do(ward.Clinician, "POST", "", `{`), 400)
	big := strings.Repeat(" ", 32<<20+1)
	w.want(w.do(ward.Clinician, "POST", "", big), 413)
	r, err := http.NewRequest("POST", w.base, io.MultiReader(strings.NewReader(big))) // of a length that nobody knows before
	w.must(err)
	r.Header.Set("Content-Type", "application/fhir+json")
	r.Header.Set("Authorization", "Bearer "+w.token(ward.Clinician))
	res, err := http.DefaultClient.Do(r)
	w.must(err)
	res.Body.Close()
	if res.StatusCode != 413 {
		t.Fatal(res.StatusCode)
	}
	if !w.api.Idle() {
		t.Fatal("a bundle that is answered still holds its share")
	}
}

// upload is a body during which the clock moves on.
type upload struct {
	io.Reader
	during func()
}

func (u upload) Read(b []byte) (int, error) {
	u.during()
	return u.Reader.Read(b)
}

// TestSlowUpload holds that a body that took long is decided about anew, once; the zero permit stands for an expired one.
func TestSlowUpload(t *testing.T) {
	w := newWorld(t, storetest.SQLite)
	clock := time.Now()
	w.api.At(func() time.Time { return clock })
	routes := w.api.Routes()
	send := func(pattern string, action access.Action, rt, body, form string, took time.Duration, role ward.Role) (*httptest.ResponseRecorder, int) {
		t.Helper()
		rt0 := routes[slices.IndexFunc(routes, func(r access.Route) bool { return r.Pattern == pattern })]
		began := clock
		r := httptest.NewRequest("POST", "/", upload{strings.NewReader(body), func() { clock = began.Add(took) }})
		r.Pattern = pattern
		r.SetPathValue("type", rt)
		r.Header.Set("Content-Type", form)
		r.ContentLength = -1
		g, asked := w.Grant(ward.Clinician, action, rt), 0
		if role != ward.Clinician { // taken away meanwhile
			g.Decide = func(ctx context.Context, a access.Action, rt string) (access.Permit, error) {
				return w.Access.Decide(ctx, access.Request{Principal: w.Principal(role), Action: a, Type: rt, Purpose: storetest.PurposeOf(role), ID: ward.NewID()})
			}
		}
		g.Permit = access.Permit{}
		decide := g.Decide
		g.Decide = func(ctx context.Context, a access.Action, rt string) (access.Permit, error) {
			asked++
			return decide(ctx, a, rt)
		}
		rec := httptest.NewRecorder()
		rt0.Handle(rec, r, g)
		return rec, asked
	}
	const json, urlencoded = "application/fhir+json", "application/x-www-form-urlencoded"
	for _, c := range []struct {
		pattern string
		action  access.Action
		rt      string
		body    string
		form    string
		took    time.Duration
		role    ward.Role
		status  int
		asked   int
	}{
		{"POST /fhir/R4/{type}", access.Create, "Patient", bare, json, time.Second, ward.Clinician, 403, 0},
		{"POST /fhir/R4/{type}", access.Create, "Patient", bare, json, 3 * time.Minute, ward.Clinician, 201, 1},
		{"POST /fhir/R4/{type}/_search", access.Search, "Patient", "_count=1", urlencoded, 3 * time.Minute, ward.Clinician, 200, 1},
		{"POST /fhir/R4/{type}", access.Create, "Patient", bare, json, 3 * time.Minute, ward.Auditor, 403, 1},
	} {
		before := len(w.Entries())
		rec, asked := send(c.pattern, c.action, c.rt, c.body, c.form, c.took, c.role)
		if rec.Code != c.status || asked != c.asked {
			t.Errorf("%s after %v as %s: status %d, decided %d times: %s", c.pattern, c.took, c.role, rec.Code, asked, rec.Body)
		}
		denials := 0
		for _, e := range w.Entries()[before:] {
			if e.Outcome == audit.Denied {
				denials++
			}
		}
		if want := c.role != ward.Clinician; (denials == 1) != want || denials > 1 {
			t.Errorf("%s as %s: %d denials", c.pattern, c.role, denials)
		}
	}
}
