package fhirrest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/connect/fhirrest"
	"github.com/ward-health/ward/engine/db/dbtest"
	"github.com/ward-health/ward/store/storetest"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

// world is a real node core behind a real HTTP server, guard and tokens included.
type world struct {
	t testing.TB
	*storetest.Running
	base   string // ".../fhir/R4"
	tokens map[ward.Role]string
	api    *fhirrest.API

	mu   sync.Mutex
	seen []error // what Observe was told
}

// observed returns what Observe was told since the last call.
func (w *world) observed() []error {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := w.seen
	w.seen = nil
	return out
}

func newWorld(t testing.TB, engine string) *world {
	t.Helper()
	return serve(t, storetest.Node(t, engine))
}

// onBoth runs a test on both databases.
func onBoth(t *testing.T, test func(w *world)) {
	storetest.Each(t, func(t *testing.T, n *storetest.Running) { test(serve(t, n)) })
}

func serve(t testing.TB, n *storetest.Running) *world {
	t.Helper()
	w := &world{t: t, Running: n, tokens: map[ward.Role]string{}}
	srv := httptest.NewUnstartedServer(nil)
	w.base = "http://" + srv.Listener.Addr().String() + "/fhir/R4"
	w.api = fhirrest.New(fhirrest.Deps{Store: n.Store, Base: w.base, Observe: func(_ context.Context, err error) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.seen = append(w.seen, err)
	}})
	h, err := n.Access.Guard(w.api.Routes(), fhirrest.Errors)
	w.must(err)
	srv.Config.MaxHeaderBytes = 32 << 10 // as the node's
	srv.Config.Handler = h
	srv.Start()
	t.Cleanup(srv.Close)
	return w
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// token returns an access token of the role's principal; "" gives none.
func (w *world) token(role ward.Role) string {
	w.t.Helper()
	if role == "" {
		return ""
	}
	if w.tokens[role] == "" {
		text, _, err := w.Access.IssueToken(context.Background(), w.Operator(w.Tenant.ID, access.TokenIssue), ward.PrincipalID(role), storetest.PurposeOf(role))
		w.must(err)
		w.tokens[role] = text
	}
	return w.tokens[role]
}

// response is an answer, read to its end.
type response struct {
	status int
	header http.Header
	body   string
}

// do sends a request as a role; headers are name, value pairs.
func (w *world) do(role ward.Role, method, path, body string, headers ...string) response {
	w.t.Helper()
	return w.with(w.token(role), method, path, body, headers...)
}

func (w *world) with(token, method, path, body string, headers ...string) response {
	w.t.Helper()
	out, err := w.send(token, method, path, body, headers...)
	w.must(err)
	return out
}

// send is do for goroutines: it never ends the test.
func (w *world) send(token, method, path, body string, headers ...string) (response, error) {
	if !strings.HasPrefix(path, "http") {
		path = w.base + path
	}
	var in io.Reader
	if body != "" {
		in = strings.NewReader(body)
	}
	r, err := http.NewRequest(method, path, in)
	if err != nil {
		return response{}, err
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/fhir+json")
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
		if headers[i+1] == "" {
			r.Header.Del(headers[i])
		}
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return response{}, err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	return response{res.StatusCode, res.Header, string(b)}, err
}

// want fails unless the status is the expected one.
func (w *world) want(res response, status int) response {
	w.t.Helper()
	if res.status != status {
		w.t.Fatalf("status %d, want %d: %s", res.status, status, res.body)
	}
	return res
}

// bundle is what the tests look at in answers.
type bundle struct {
	ResourceType, Type, ID string
	Total                  *int
	Link                   []struct{ Relation, URL string }
	Entry                  []struct {
		FullURL  string
		Resource json.RawMessage
		Search   struct{ Mode string }
		Request  struct{ Method, URL string }
		Response struct {
			Status, Location, ETag, LastModified string
			Outcome                              json.RawMessage
		}
	}
	Issue []struct {
		Severity, Code, Diagnostics string
		Expression                  []string
	}
}

func (r response) bundle(t testing.TB) bundle {
	t.Helper()
	var b bundle
	if err := json.Unmarshal([]byte(r.body), &b); err != nil {
		t.Fatalf("%v: %.500s", err, r.body)
	}
	return b
}

func (b bundle) link(relation string) string {
	for _, l := range b.Link {
		if l.Relation == relation {
			return l.URL
		}
	}
	return ""
}

// ids are the ids of the resources in a bundle.
func (b bundle) ids(t testing.TB) []string {
	t.Helper()
	ids := []string{}
	for _, e := range b.Entry {
		var r struct{ ID string }
		if err := json.Unmarshal(e.Resource, &r); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, r.ID)
	}
	return ids
}

// bare is the smallest patient.
const bare = `{"resourceType":"Patient"}`

func patient(id, mrn string) string {
	return fmt.Sprintf(`{"resourceType":"Patient","id":%q,"identifier":[{"system":"urn:mrn","value":%q}],"gender":"female"}`, id, mrn)
}

func observation(id, subject, code string) string {
	return fmt.Sprintf(`{"resourceType":"Observation","id":%q,"status":"final","code":{"coding":[{"system":"http://loinc.org","code":%q}]},"subject":{"reference":%q},"effectiveDateTime":"2026-01-02","valueQuantity":{"value":1.50}}`, id, code, subject)
}

// entryJSON is one entry of a request bundle.
func entryJSON(method, url, fullURL, resource string, more ...string) string {
	var b bytes.Buffer
	b.WriteString("{")
	if fullURL != "" {
		fmt.Fprintf(&b, `"fullUrl":%q,`, fullURL)
	}
	if resource != "" {
		b.WriteString(`"resource":` + resource + `,`)
	}
	fmt.Fprintf(&b, `"request":{"method":%q,"url":%q`, method, url)
	for i := 0; i < len(more); i += 2 {
		fmt.Fprintf(&b, `,%q:%q`, more[i], more[i+1])
	}
	b.WriteString("}}")
	return b.String()
}

func bundleJSON(kind string, entries ...string) string {
	return `{"resourceType":"Bundle","type":"` + kind + `","entry":[` + strings.Join(entries, ",") + `]}`
}
