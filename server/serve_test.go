package server

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/ward-health/ward"
)

// serving is a node under Serve, and what ends it.
type serving struct {
	node *Node
	base string
	end  context.CancelFunc
	done chan error
}

func serve(t *testing.T) (*serving, Report) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "data")
	r, err := Init(context.Background(), dir, InitOptions{Listen: "127.0.0.1:0", LoopbackOnly: true, Log: LogConfig{Level: "error"}})
	if err != nil {
		t.Fatal(err)
	}
	return reopen(t, dir), r
}

func reopen(t *testing.T, dir string) *serving {
	t.Helper()
	c, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Bind(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	n, err := Open(ctx, c)
	if err != nil {
		t.Fatal(err)
	}
	s := &serving{node: n, base: n.config.BaseURL(), end: cancel, done: make(chan error, 1)}
	go func() { s.done <- n.Serve(ctx) }()
	return s
}

// call goes through the node's own socket, as the command line does.
func (s *serving) call(t *testing.T, method, path, body string, out any) int {
	t.Helper()
	l, err := Connect(context.Background(), s.node.config.Dir)
	if err != nil {
		t.Fatal(err)
	}
	if !l.Running {
		t.Error("the running node was not found")
	}
	r, err := http.NewRequest(method, "http://ward"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Ward-Operator-Tenant", "main")
	r.Header.Set("Content-Type", "application/json")
	answer, err := l.Client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Client.CloseIdleConnections()
	defer answer.Body.Close()
	if out != nil {
		if err := json.NewDecoder(answer.Body).Decode(out); err != nil {
			t.Fatal(err)
		}
	}
	return answer.StatusCode
}

// until waits for a condition.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !ok() {
		if <-tick.C; time.Now().After(deadline) {
			t.Fatalf("waited 20 s for: %s", what)
		}
	}
}

// TestShutdownDrains: a request under way when the end comes is answered and kept; new ones are not taken; nothing is left
// running; the next start is clean (I3).
func TestShutdownDrains(t *testing.T) {
	ignore := goleak.IgnoreCurrent()
	s, r := serve(t)
	until(t, "ready", func() bool { return s.node.serving.Load() })
	if code := s.call(t, "POST", "/v1/principals", `{"id":"doc","kind":"human","name":"Doc","roles":["clinician"]}`, nil); code != 200 {
		t.Fatalf("principal: %d", code)
	}
	var token Token
	if code := s.call(t, "POST", "/v1/tokens", `{"principal":"doc"}`, &token); code != 200 {
		t.Fatalf("token: %d", code)
	}
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.base, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	const body = `{"resourceType":"Patient","id":"slow"}`
	fmt.Fprintf(conn, "PUT /fhir/R4/Patient/slow HTTP/1.1\r\nHost: ward\r\nAuthorization: Bearer %s\r\nContent-Type: application/fhir+json\r\nContent-Length: %d\r\n\r\n%s",
		token.Token, len(body), body[:10])
	until(t, "the request is being served", func() bool { return inFlight(t, s) > 0 })
	s.end()
	until(t, "no new connections", func() bool {
		c, err := net.Dial("tcp", strings.TrimPrefix(s.base, "http://"))
		if err == nil {
			c.Close()
		}
		return err != nil
	})
	io.WriteString(conn, body[10:])
	answer, err := io.ReadAll(conn)
	if err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 201") {
		t.Errorf("the request under way: %v %s", err, answer)
	}
	if err := <-s.done; err != nil {
		t.Errorf("Serve: %v", err)
	}
	if _, err := os.Stat(Layout{r.Dir}.Socket()); !os.IsNotExist(err) {
		t.Errorf("the socket is left behind: %v", err)
	}
	again := reopen(t, r.Dir)
	until(t, "ready again", func() bool { return again.node.serving.Load() })
	q, err := http.NewRequest("GET", again.base+"/fhir/R4/Patient/slow", nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{}}
	// The port is another one after the restart, and with it the issuer: the old token is of another node.
	q.Header.Set("Authorization", "Bearer "+token.Token)
	old, err := client.Do(q)
	if err != nil || old.StatusCode != 401 {
		t.Errorf("the old token: %v %v", old, err)
	}
	if old != nil {
		old.Body.Close()
	}
	if code := again.call(t, "POST", "/v1/tokens", `{"principal":"doc"}`, &token); code != 200 {
		t.Fatalf("token: %d", code)
	}
	q.Header.Set("Authorization", "Bearer "+token.Token)
	kept, err := client.Do(q)
	if err != nil || kept.StatusCode != 200 {
		t.Errorf("what was acknowledged during the shutdown: %v %v", kept, err)
	}
	if kept != nil {
		kept.Body.Close()
	}
	client.CloseIdleConnections()
	again.end()
	if err := <-again.done; err != nil {
		t.Errorf("Serve: %v", err)
	}
	goleak.VerifyNone(t, ignore)
}

// inFlight reads the gauge of requests being served; the reading itself is one.
func inFlight(t *testing.T, s *serving) int {
	t.Helper()
	answer, err := http.Get(s.base + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(string(text), "\n") {
		if rest, ok := strings.CutPrefix(line, "ward_http_in_flight "); ok {
			var n int
			fmt.Sscan(rest, &n)
			http.DefaultClient.CloseIdleConnections()
			return n - 1
		}
	}
	t.Fatalf("no gauge: %s", text)
	return 0
}

// TestConnectWithoutRunningNode: the same routes and guards in this process; the directory is free afterwards.
func TestConnectWithoutRunningNode(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	ctx := context.Background()
	if _, err := Connect(ctx, dir); ward.KindOf(err) != ward.NotFound {
		t.Errorf("no node: %v", err)
	}
	if _, err := Init(ctx, dir, InitOptions{LoopbackOnly: true, Log: LogConfig{Level: "error"}}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		l, err := Connect(ctx, dir)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := l.Client.Get("http://ward/v1/tenants")
		if err != nil || l.Running || answer.StatusCode != 200 {
			t.Errorf("%v %v", answer, err)
		}
		if answer != nil {
			answer.Body.Close()
		}
		if _, err := Connect(ctx, dir); ward.KindOf(err) != ward.Unavailable {
			t.Errorf("a second holder of the directory: %v", err)
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestPortInUse is told at once, with what to do.
func TestPortInUse(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c := Config{Listen: l.Addr().String()}
	if err := c.Bind(); ward.KindOf(err) != ward.Unavailable || !strings.Contains(err.Error(), "WARD_LISTEN") {
		t.Errorf("%v", err)
	}
}
