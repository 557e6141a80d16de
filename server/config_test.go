package server

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ward-health/ward"
)

func TestConfigContradictions(t *testing.T) {
	good := Config{NodeSet: strings.Repeat("a", 26), Listen: "127.0.0.1:8080", LoopbackOnly: true, Root: RootConfig{Credential: "file:root.cred"}}
	if err := good.check(); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []struct {
		at     string
		change func(*Config)
	}{
		{"node_set", func(c *Config) { c.NodeSet = "A B" }},
		{"listen", func(c *Config) { c.Listen = "0.0.0.0:8080" }},
		{"listen", func(c *Config) { c.Listen = "nonsense" }},
		{"url", func(c *Config) { c.LoopbackOnly, c.URL = false, "http://ward.example" }},
		{"root", func(c *Config) { c.Root.Passphrase = "prompt" }},
		{"audit.every", func(c *Config) { c.Audit.Every = time.Hour }},
		{"log.level", func(c *Config) { c.Log.Level = "loud" }},
		{"log.format", func(c *Config) { c.Log.Format = "xml" }},
	} {
		c := good
		bad.change(&c)
		err := c.check()
		var e *ward.Error
		if !errors.As(err, &e) || e.Kind != ward.Invalid || e.Path != bad.at {
			t.Errorf("%s: %v", bad.at, err)
		}
	}
}

func TestBaseURL(t *testing.T) {
	for _, c := range []struct {
		config Config
		want   string
	}{
		{Config{Listen: "127.0.0.1:8080", LoopbackOnly: true}, "http://127.0.0.1:8080"},
		{Config{Listen: "[::1]:8080"}, "https://[::1]:8080"},
		{Config{Listen: ":8443"}, "https://localhost:8443"},
		{Config{Listen: "0.0.0.0:8443"}, "https://localhost:8443"},
		{Config{Listen: "0.0.0.0:8443", URL: "https://ward.example/"}, "https://ward.example"},
	} {
		if got := c.config.BaseURL(); got != c.want {
			t.Errorf("%s: %s, want %s", c.config.Listen, got, c.want)
		}
	}
}

// TestLock: two holders of one directory exclude each other, also inside one process.
func TestLock(t *testing.T) {
	l := Layout{t.TempDir()}
	release, err := l.lockDir()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.lockDir(); ward.KindOf(err) != ward.Unavailable {
		t.Errorf("a second lock: %v", err)
	}
	release()
	again, err := l.lockDir()
	if err != nil {
		t.Fatal(err)
	}
	again()
}

// TestSocketInDeepDirectory: the socket works however long its path is.
func TestSocketInDeepDirectory(t *testing.T) {
	dir := t.TempDir()
	for range 6 {
		dir = filepath.Join(dir, strings.Repeat("d", 40))
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "ward.sock")
	l, err := listenSocket(path)
	if err != nil {
		t.Fatal(err)
	}
	uids := make(chan any, 1)
	s := &http.Server{ConnContext: credentialed, Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		uid, ok := peerUID(r)
		uids <- map[bool]any{true: uid}[ok]
	})}
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	client := clientOf(func(ctx context.Context) (net.Conn, error) { return dialSocket(ctx, path) })
	answer, err := client.Get("http://ward/")
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if got := <-uids; got != os.Getuid() {
		t.Errorf("the peer is %v, want %d", got, os.Getuid())
	}
	client.CloseIdleConnections()
	s.Close()
	<-done
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket is left behind: %v", err)
	}
}

// TestTLS: the local authority signs the server's certificate, TLS 1.3 is the floor, no private key stands in the
// directory, and certificates are renewed only when they must be.
func TestTLS(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	dir := filepath.Join(t.TempDir(), "data")
	r, err := Init(ctx, dir, InitOptions{Listen: "127.0.0.1:0", Names: []string{"ward.example"}, Log: LogConfig{Level: "error"}})
	if err != nil {
		t.Fatal(err)
	}
	ca, err := os.ReadFile(r.CACert)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := os.ReadFile(Layout{dir}.ServerCert())
	if err != nil {
		t.Fatal(err)
	}
	c, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Bind(); err != nil {
		t.Fatal(err)
	}
	n, err := Open(ctx, c)
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- n.Serve(ctx) }()
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	for _, name := range []string{"127.0.0.1", "ward.example", "localhost"} {
		dial(t, n, &tls.Config{RootCAs: pool, ServerName: name}, "")
	}
	dial(t, n, &tls.Config{RootCAs: pool, ServerName: "elsewhere.example"}, "certificate is valid for")
	dial(t, n, &tls.Config{RootCAs: pool, ServerName: "localhost", MaxVersion: tls.VersionTLS12}, "protocol version")
	dial(t, n, &tls.Config{ServerName: "localhost"}, "unknown authority")
	cancel()
	if err := <-served; err != nil {
		t.Fatal(err)
	}
	for path, was := range map[string][]byte{r.CACert: ca, Layout{dir}.ServerCert(): leaf} {
		now, err := os.ReadFile(path)
		if err != nil || !bytes.Equal(now, was) {
			t.Errorf("%s was made anew without need: %v", filepath.Base(path), err)
		}
		if bytes.Contains(now, []byte("PRIVATE")) {
			t.Errorf("%s holds a private key", path)
		}
	}
}

func dial(t *testing.T, n *Node, c *tls.Config, want string) {
	t.Helper()
	conn, err := tls.Dial("tcp", n.config.Listener.Addr().String(), c)
	if err == nil {
		conn.Close()
	}
	if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
		t.Errorf("dial %s: %v, want %q", c.ServerName, err, want)
	}
}

// TestCertificatesAreRenewed when a third of their life remains, under the same authority key.
func TestCertificatesAreRenewed(t *testing.T) {
	w := newWorld(t)
	a := &authority{node: w.node}
	first, err := a.current(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	old := *first.Leaf
	old.NotBefore, old.NotAfter = time.Now().Add(-61*24*time.Hour), time.Now().Add(29*24*time.Hour)
	if fresh(&old) {
		t.Error("a certificate with less than a third of its life left counts as fresh")
	}
	ca, key, err := a.ca(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	expiring := template(time.Hour, ca.Subject)
	expiring.NotBefore = time.Now().Add(-100 * time.Hour)
	expiring.IsCA, expiring.BasicConstraintsValid, expiring.KeyUsage = true, true, x509.KeyUsageCertSign
	if _, err := sign(expiring, expiring, key.Public(), key, w.node.layout.CACert()); err != nil {
		t.Fatal(err)
	}
	renewed, _, err := a.ca(context.Background())
	if err != nil || renewed.SerialNumber.Cmp(expiring.SerialNumber) == 0 || !fresh(renewed) {
		t.Fatalf("the authority was not renewed: %v", err)
	}
	if err := first.Leaf.CheckSignatureFrom(renewed); err != nil {
		t.Errorf("what was signed before the renewal does not verify after it: %v", err)
	}
}

// TestInitLeavesNothingBehind: a failed init removes what it made and nothing else.
func TestInitLeavesNothingBehind(t *testing.T) {
	dir := t.TempDir()
	if _, err := Init(context.Background(), dir, InitOptions{Tenant: "main", Admin: "no such id!", LoopbackOnly: true}); ward.KindOf(err) != ward.Invalid {
		t.Fatalf("%v", err)
	}
	have, err := os.ReadDir(dir)
	if err != nil || len(have) != 0 {
		t.Errorf("left behind: %v %v", have, err)
	}
}

// TestHealth: not ready before Serve and once the shutdown begins, and no id in what monitors read.
func TestHealth(t *testing.T) {
	w := newWorld(t)
	rec := w.as("", "GET", "/readyz", "")
	if rec.Code != 503 || !contains(rec.Body, `{"name":"serving","status":"failed","kind":"unavailable"}`) || !contains(rec.Body, `{"name":"log","status":"ok"}`) {
		t.Errorf("readyz before Serve: %d %s", rec.Code, rec.Body)
	}
	w.must(200, "", "GET", "/livez", "")
	w.must(404, "main/doc", "GET", "/fhir/R4/Patient/zzid", "")
	m := w.must(200, "", "GET", "/metrics", "")
	if !contains(m.Body, `ward_http_requests_total{class="4xx",route="GET /fhir/R4/{type}/{id}"} 1`) || contains(m.Body, "zzid") {
		t.Errorf("metrics:\n%s", m.Body)
	}
	w.node.checks.Drain()
	w.must(503, "", "GET", "/readyz", "")
	w.must(200, "", "GET", "/livez", "")
}

// TestOpenAPI: the description is whole JSON, names every operation of /v1 that has a row, and has no $schema links.
func TestOpenAPI(t *testing.T) {
	w := newWorld(t)
	var spec struct {
		OpenAPI string
		Paths   map[string]map[string]struct{ OperationID string }
	}
	rec := w.must(200, "", "GET", "/v1/openapi.json", "")
	if err := json.Unmarshal(rec.Body.Bytes(), &spec); err != nil || !strings.HasPrefix(spec.OpenAPI, "3.1") {
		t.Fatalf("%v %s", err, spec.OpenAPI)
	}
	for _, r := range w.node.Routes() {
		method, path, _ := strings.Cut(r.Pattern, " ")
		if !strings.HasPrefix(path, "/v1/") || r.Handle == nil {
			continue
		}
		if spec.Paths[path][strings.ToLower(method)].OperationID == "" {
			t.Errorf("%s is not described", r.Pattern)
		}
	}
	answer := w.must(200, "main/boss", "GET", "/v1/principals", "")
	if contains(answer.Body, "$schema") || answer.Header().Get("Link") != "" || answer.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("%v %s", answer.Header(), answer.Body)
	}
}

// TestProblems: every refusal of /v1 is a problem document that says what was expected and does not repeat values.
func TestProblems(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct {
		who, method, path, body string
		status                  int
	}{
		{"", "GET", "/v1/principals", "", 401}, {"main/doc", "GET", "/v1/principals", "", 403},
		{"main/boss", "POST", "/v1/principals", `{"id":"zzvalue","kind":"zzvalue","roles":["admin"]}`, 422},
		{"main/boss", "POST", "/v1/principals", `{"id":"x","kind":"human","roles":["zzvalue"],"name":"x"}`, 400},
		{"main/boss", "POST", "/v1/principals", `zzvalue`, 400},
		{"main/boss", "POST", "/v1/principals", `{"id":"x","kind":"human","roles":["admin"],"name":"` + strings.Repeat("x", 2<<20) + `"}`, 413},
		{"main/boss", "GET", "/v1/principals?count=zzvalue", "", 422}, {"main/boss", "GET", "/v1/principals?nothing=zzvalue", "", 422},
		{"main/boss", "POST", "/v1/principals/zznobody/disable", "", 404},
		{"main/doc", "GET", "/v1/decisions/zzvalue", "", 422},
	} {
		rec := w.as(c.who, c.method, c.path, c.body)
		var p Problem
		if err := json.Unmarshal(rec.Body.Bytes(), &p); err != nil || rec.Code != c.status || p.Status != c.status || p.Title == "" || p.Kind == "" ||
			rec.Header().Get("Content-Type") != "application/problem+json" || contains(rec.Body, "zzvalue") {
			t.Errorf("%s %s: %d %s %s", c.method, c.path, rec.Code, rec.Header().Get("Content-Type"), rec.Body)
		}
	}
}
