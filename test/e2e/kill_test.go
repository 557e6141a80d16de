package e2e

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ward-health/ward/engine/db/dbtest"
)

// TestKillSQLite and TestKillPostgres: kill -9 of ward serve at random moments under writers that resend and under readers.
// At the end every acknowledged write is there exactly once, the store is clean and the log verifies (I3).
func TestKillSQLite(t *testing.T) { killRounds(t, nil) }

// TestKillPostgres is the same with the data in PostgreSQL.
func TestKillPostgres(t *testing.T) {
	dsn := dbtest.Postgres(t)
	killRounds(t, []string{"WARD_TEST_DSN=" + dsn}, "--dsn", "env:WARD_TEST_DSN")
}

func rounds(t *testing.T) int {
	text := os.Getenv("WARD_KILLS")
	if text == "" {
		return 10
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("WARD_KILLS must be a positive number, not %q", text)
	}
	return n
}

const (
	putWriters  = 3
	postWriters = 2
	readers     = 2
)

func killRounds(t *testing.T, env []string, args ...string) {
	n := newNode(t, env, args...)
	n.ward("principal", "add", "doc", "--role", "clinician")
	n.start()
	w := newWorkload(n)
	w.renew()
	w.run()
	for round := range rounds(t) {
		want := w.acknowledged() + 20
		w.waitFor(func() bool { return w.acknowledged() >= want })
		pause(time.Duration(rand.IntN(300)) * time.Millisecond)
		n.kill()
		n.start()
		w.renew()
		if t.Failed() {
			t.Fatalf("failed in round %d", round)
		}
	}
	w.end()
	w.check()
	n.stop()
	t.Logf("%d kills, %d writes acknowledged, %d sent again, %d reads", rounds(t), w.acknowledged(), w.resent, w.reads)

	n.ward("store", "check")
	n.ward("audit", "verify")
	export := filepath.Join(t.TempDir(), "export")
	n.ward("audit", "export", export)
	if out, errs, code := n.run("ward-verify", "--key", n.init.Key, export); code != 0 {
		t.Errorf("ward-verify: exit %d\n%s%s", code, out, errs)
	}
}

// pause lets the node run for a random while before it is killed: the randomness is the test.
func pause(d time.Duration) { <-time.After(d) }

// workload writes, resends what was not acknowledged, and reads.
type workload struct {
	n     *node
	wg    sync.WaitGroup
	ended chan struct{}

	mu     sync.Mutex
	token  string
	acks   int
	resent int
	reads  int
	puts   []*putRecord
	posts  []postRecord
}

// putRecord is one resource written again and again with a counter.
type putRecord struct {
	id      string
	acked   int    // counter of the last acknowledged write
	version string // its version
}

// postRecord is one conditional create.
type postRecord struct{ key, id string }

func newWorkload(n *node) *workload {
	w := &workload{n: n, ended: make(chan struct{})}
	for i := range putWriters {
		w.puts = append(w.puts, &putRecord{id: fmt.Sprintf("kill-%d", i)})
	}
	return w
}

func (w *workload) renew() {
	token := w.n.token("doc")
	w.mu.Lock()
	defer w.mu.Unlock()
	w.token = token
}

func (w *workload) bearer() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.token
}

func (w *workload) acknowledged() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.acks
}

func (w *workload) done() bool {
	select {
	case <-w.ended:
		return true
	default:
		return false
	}
}

func (w *workload) run() {
	for _, p := range w.puts {
		w.wg.Go(func() { w.put(p) })
	}
	for i := range postWriters {
		w.wg.Go(func() { w.post(i) })
	}
	for range readers {
		w.wg.Go(w.read)
	}
}

// waitFor waits until the workload got somewhere.
func (w *workload) waitFor(ok func() bool) {
	deadline := time.Now().Add(60 * time.Second)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !ok() {
		if <-tick.C; time.Now().After(deadline) {
			w.n.t.Fatalf("the writers got nothing through in 60 s\n%s", w.n.stderr)
		}
	}
}

// persist sends until an answer comes that is no failure of the node. A refusal fails the test.
func (w *workload) persist(method, path string, body []byte, header ...string) (answer, bool) {
	for first := true; ; first = false {
		if !first {
			w.mu.Lock()
			w.resent++
			w.mu.Unlock()
			pause(5 * time.Millisecond)
		}
		a, err := w.n.ask(w.bearer(), method, path, body, header...)
		if err != nil || a.status == http.StatusServiceUnavailable {
			continue
		}
		if a.status != http.StatusOK && a.status != http.StatusCreated {
			w.n.t.Errorf("%s %s: %s", method, path, a)
			return a, false
		}
		return a, true
	}
}

func patient(id string, counter int, key string) []byte {
	p := map[string]any{"resourceType": "Patient", "active": true, "identifier": []map[string]string{{"system": "http://ward.example/kill", "value": key}},
		"name": []map[string]any{{"family": "Counter", "given": []string{strconv.Itoa(counter)}}}}
	if id != "" {
		p["id"] = id
	}
	text, err := json.Marshal(p)
	if err != nil {
		panic(err)
	}
	return text
}

func counterOf(body []byte) int {
	var p struct {
		Name []struct{ Given []string } `json:"name"`
	}
	if json.Unmarshal(body, &p) != nil || len(p.Name) != 1 || len(p.Name[0].Given) != 1 {
		return -1
	}
	n, err := strconv.Atoi(p.Name[0].Given[0])
	if err != nil {
		return -1
	}
	return n
}

// put writes counter 1, 2, 3 ... under one id.
func (w *workload) put(p *putRecord) {
	for counter := 1; !w.done(); counter++ {
		a, ok := w.persist(http.MethodPut, "/fhir/R4/Patient/"+p.id, patient(p.id, counter, p.id))
		if !ok {
			return
		}
		w.mu.Lock()
		p.acked, p.version = counter, a.header.Get("ETag")
		w.acks++
		w.mu.Unlock()
	}
}

// post creates one resource a key, unless there is one.
func (w *workload) post(writer int) {
	for i := 0; !w.done(); i++ {
		key := fmt.Sprintf("%d-%d", writer, i)
		a, ok := w.persist(http.MethodPost, "/fhir/R4/Patient", patient("", i, key), "If-None-Exist",
			"identifier="+url.QueryEscape("http://ward.example/kill|"+key))
		if !ok {
			return
		}
		id := idOf(a)
		if id == "" {
			w.n.t.Errorf("a create names no id: %v %s", a.header, a.body)
			return
		}
		w.mu.Lock()
		w.posts = append(w.posts, postRecord{key, id})
		w.acks++
		w.mu.Unlock()
	}
}

// idOf finds the id in Location or body.
func idOf(a answer) string {
	parts := strings.Split(a.header.Get("Location"), "/")
	for i, p := range parts {
		if p == "Patient" && i+1 < len(parts) {
			return parts[i+1]
		}
	}
	var r struct {
		ID string `json:"id"`
	}
	if json.Unmarshal(a.body, &r) != nil {
		return ""
	}
	return r.ID
}

// read wants never to see less than what was acknowledged before it asked.
func (w *workload) read() {
	for !w.done() {
		w.mu.Lock()
		p := w.puts[rand.IntN(len(w.puts))]
		id, least := p.id, p.acked
		w.mu.Unlock()
		if least == 0 {
			pause(time.Millisecond)
			continue
		}
		a, err := w.n.ask(w.bearer(), http.MethodGet, "/fhir/R4/Patient/"+id, nil)
		if err != nil || a.status == http.StatusServiceUnavailable {
			pause(time.Millisecond)
			continue
		}
		if a.status != http.StatusOK || counterOf(a.body) < least {
			w.n.t.Errorf("read of %s: %s, but counter %d was acknowledged", id, a, least)
			return
		}
		w.mu.Lock()
		w.reads++
		w.mu.Unlock()
	}
}

func (w *workload) end() {
	close(w.ended)
	w.wg.Wait()
}

type searchset struct {
	Total *int
	Link  []struct{ Relation, URL string }
	Entry []struct{ Resource json.RawMessage }
}

// check compares what is there with what was acknowledged.
func (w *workload) check() {
	t := w.n.t
	for _, p := range w.puts {
		a := w.n.must(200, w.token, http.MethodGet, "/fhir/R4/Patient/"+p.id, nil)
		if counterOf(a.body) != p.acked || a.header.Get("ETag") != p.version {
			t.Errorf("%s: counter %d %s, acknowledged %d %s", p.id, counterOf(a.body), a.header.Get("ETag"), p.acked, p.version)
		}
		w.checkHistory(p)
	}
	byID := map[string]bool{}
	for _, p := range w.posts {
		a := w.n.must(200, w.token, http.MethodGet, "/fhir/R4/Patient?identifier="+url.QueryEscape("http://ward.example/kill|"+p.key), nil)
		var found searchset
		if err := json.Unmarshal(a.body, &found); err != nil {
			t.Fatal(err)
		}
		if len(found.Entry) != 1 || idOf(answer{body: found.Entry[0].Resource}) != p.id || byID[p.id] {
			t.Errorf("key %s: %d resources, want exactly the acknowledged %s", p.key, len(found.Entry), p.id)
		}
		byID[p.id] = true
	}
}

// checkHistory wants every counter exactly once, newest first: a write that was sent again made no second version.
func (w *workload) checkHistory(p *putRecord) {
	want := p.acked
	for at := "/fhir/R4/Patient/" + p.id + "/_history?_count=100"; at != ""; {
		a := w.n.must(200, w.token, http.MethodGet, at, nil)
		var page searchset
		if err := json.Unmarshal(a.body, &page); err != nil {
			w.n.t.Fatal(err)
		}
		for _, e := range page.Entry {
			if got := counterOf(e.Resource); got != want {
				w.n.t.Errorf("%s: history shows counter %d where %d is due", p.id, got, want)
				return
			}
			want--
		}
		at = ""
		for _, l := range page.Link {
			if l.Relation == "next" {
				at = strings.TrimPrefix(l.URL, w.n.base)
			}
		}
	}
	if want != 0 {
		w.n.t.Errorf("%s: %d versions are missing from the history", p.id, want)
	}
}
