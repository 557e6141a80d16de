package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// node is a data directory, and the process that serves it while one does.
type node struct {
	t       testing.TB
	dir     string
	base    string
	env     []string
	http    *http.Client
	init    initReport
	process *exec.Cmd
	exited  chan error
	stderr  *transcript
}

type initReport struct {
	URL, Tenant, Admin, Link string
	Key                      string `json:"log_key"`
}

// transcript keeps what processes wrote.
type transcript struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (t *transcript) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.buf.Write(b)
}

func (t *transcript) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.buf.String()
}

const readyBound = 60 * time.Second

// newNode makes a node on a port that is free.
func newNode(t testing.TB, env []string, args ...string) *node {
	t.Helper()
	return newNodeIn(t, filepath.Join(t.TempDir(), "data"), env, args...)
}

// newNodeIn makes it in a directory that is not there yet.
func newNodeIn(t testing.TB, dir string, env []string, args ...string) *node {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	n := &node{t: t, dir: dir, base: "http://" + address, env: env, stderr: &transcript{},
		http: &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 16}}}
	out := n.ward(append([]string{"init", "--loopback-only", "--listen", address, "--json"}, args...)...)
	if err := json.Unmarshal([]byte(out), &n.init); err != nil {
		t.Fatalf("ward init --json: %v\n%s", err, out)
	}
	t.Cleanup(func() {
		if n.process != nil {
			n.kill()
		}
	})
	return n
}

// run runs the binary on the node's directory.
func (n *node) run(name string, args ...string) (stdout, stderr string, code int) {
	n.t.Helper()
	cmd := exec.Command(filepath.Join(bin, name), args...)
	cmd.Env = append(append(os.Environ(), n.env...), "WARD_DIR="+n.dir)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, io.MultiWriter(&errs, n.stderr)
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		n.t.Fatal(err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// ward runs a verb that must succeed and returns its stdout.
func (n *node) ward(args ...string) string {
	n.t.Helper()
	out, errs, code := n.run("ward", args...)
	if code != 0 {
		n.t.Fatalf("ward %s: exit %d\n%s%s", strings.Join(args, " "), code, out, errs)
	}
	return out
}

// start serves and waits until the node is ready.
func (n *node) start() {
	n.t.Helper()
	n.process = exec.Command(filepath.Join(bin, "ward"), "serve")
	n.process.Env = append(append(os.Environ(), n.env...), "WARD_DIR="+n.dir)
	n.process.Stdout, n.process.Stderr = n.stderr, n.stderr
	if err := n.process.Start(); err != nil {
		n.t.Fatal(err)
	}
	n.exited = make(chan error, 1)
	go func(p *exec.Cmd, exited chan<- error) { exited <- p.Wait() }(n.process, n.exited)
	ctx, cancel := context.WithTimeout(context.Background(), readyBound)
	defer cancel()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		if answer, err := n.http.Get(n.base + "/readyz"); err == nil {
			answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return
			}
		}
		select {
		case err := <-n.exited:
			n.process = nil
			n.t.Fatalf("ward serve ended before it was ready: %v\n%s", err, n.stderr)
		case <-ctx.Done():
			n.t.Fatalf("ward serve was not ready in %s\n%s", readyBound, n.stderr)
		case <-tick.C:
		}
	}
}

// stop ends the node in order; it must end with 0 within the documented bound.
func (n *node) stop() {
	n.t.Helper()
	n.process.Process.Signal(syscall.SIGTERM)
	select {
	case err := <-n.exited:
		n.process = nil
		if err != nil {
			n.t.Fatalf("ward serve after SIGTERM: %v\n%s", err, n.stderr)
		}
	case <-time.After(20 * time.Second):
		n.t.Fatalf("ward serve did not stop within 20 s of SIGTERM\n%s", n.stderr)
	}
}

// kill ends the node as a crash does.
func (n *node) kill() {
	n.process.Process.Signal(syscall.SIGKILL)
	<-n.exited
	n.process = nil
	n.http.CloseIdleConnections()
}

// token issues a token.
func (n *node) token(principal string) string {
	n.t.Helper()
	return strings.TrimSpace(n.ward("token", principal))
}

// answer is what the node said.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func (a answer) String() string { return fmt.Sprintf("%d %s", a.status, a.body) }

// ask sends a request; an error means that no whole answer came.
func (n *node) ask(token, method, path string, body []byte, header ...string) (answer, error) {
	r, err := http.NewRequest(method, n.base+path, bytes.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/fhir+json")
		if strings.HasPrefix(path, "/v1/") || strings.HasPrefix(path, "/cds-services") {
			r.Header.Set("Content-Type", "application/json")
		}
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	got, err := n.http.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer got.Body.Close()
	text, err := io.ReadAll(got.Body)
	return answer{got.StatusCode, got.Header, text}, err
}

// must asks and wants the status.
func (n *node) must(status int, token, method, path string, body []byte, header ...string) answer {
	n.t.Helper()
	a, err := n.ask(token, method, path, body, header...)
	if err != nil {
		n.t.Fatalf("%s %s: %v\n%s", method, path, err, n.stderr)
	}
	if a.status != status {
		n.t.Fatalf("%s %s: %s, want %d", method, path, a, status)
	}
	return a
}

// people adds the principals of most tests.
func (n *node) people() {
	n.t.Helper()
	n.ward("principal", "add", "doc", "--role", "clinician")
	n.ward("principal", "add", "desk", "--role", "registrar")
	n.ward("principal", "add", "dpo", "--role", "privacy")
	n.ward("principal", "add", "aud", "--role", "auditor")
}
