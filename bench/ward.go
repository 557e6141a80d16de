package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/ward-health/ward/clinical/simulate"
)

// ward runs a verb on the node's directory and returns what it printed on stdout.
func (n *node) ward(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, n.bin, append(args, "--dir", n.dir)...)
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("ward %s: %w: %s", args[0], err, said.Bytes())
	}
	return strings.TrimSpace(string(out)), nil
}

func (n *node) principal(ctx context.Context, id, kind, role string) error {
	_, err := n.ward(ctx, "principal", "add", id, "--kind", kind, "--role", role)
	return err
}

// token issues an access token: 15 minutes for humans, 5 for services.
func (n *node) token(ctx context.Context, id string) (string, error) { return n.ward(ctx, "token", id) }

// laboratory opens a channel for messages and returns its address.
func (n *node) laboratory(ctx context.Context) (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	address := l.Addr().String()
	l.Close()
	if err := n.principal(ctx, "lab", "service", "integration"); err != nil {
		return "", err
	}
	if _, err := n.ward(ctx, "channel", "add", "lab", "--principal", "lab", "--listen", address,
		"--system", simulate.Authority+"=http://goodhealth.example/mrn"); err != nil {
		return "", err
	}
	return address, listens(ctx, address)
}

// listens waits until somebody listens on the address.
func listens(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	for {
		c, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
		if err == nil {
			return c.Close()
		}
		if ctx.Err() != nil {
			return fmt.Errorf("nobody listens on %s: %w", address, err)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// call speaks JSON with the node's HTTP port; in and out may be nil.
func (n *node) call(ctx context.Context, token, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		text, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(text)
	}
	r, err := http.NewRequestWithContext(ctx, method, n.url+path, body)
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+token)
	if in != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	answer, err := client.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	switch {
	case err != nil:
		return err
	case answer.StatusCode >= 300:
		return fmt.Errorf("%s %s: %s: %.300s", method, path, answer.Status, text)
	case out == nil:
		return nil
	}
	return json.Unmarshal(text, out)
}

// message is what the node tells of a message (GET /v1/messages).
type message struct {
	ID    string `json:"id"`
	State string `json:"state"`
	Hops  []struct {
		At   time.Time `json:"at"`
		Step string    `json:"step"`
	} `json:"hops"`
}

// messages lists up to 1,000 messages of a state ("": any), newest first.
func (n *node) messages(ctx context.Context, token, state string) ([]message, error) {
	var page struct {
		Messages []message `json:"messages"`
	}
	err := n.call(ctx, token, http.MethodGet, "/v1/messages?count=1000&channel=lab&state="+state, nil, &page)
	return page.Messages, err
}

// understood waits until no message is waiting, and fails if one came to another end than being applied.
func (n *node) understood(ctx context.Context, token string, within time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	for {
		waiting, err := n.messages(ctx, token, "received")
		if err != nil {
			return fmt.Errorf("waiting for messages to be understood: %w", err)
		}
		if len(waiting) == 0 {
			return nil
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// applied fails if messages ended otherwise than as applied.
func (n *node) applied(ctx context.Context, token string) error {
	for _, state := range []string{"held", "dead", "apart", "kept", "rejected"} {
		bad, err := n.messages(ctx, token, state)
		if err != nil {
			return err
		}
		if len(bad) > 0 {
			return fmt.Errorf("%d messages or more are %s; all should have been applied", len(bad), state)
		}
	}
	return nil
}

// cpu returns the processor time that the process has used.
func (n *node) cpu() (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", n.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	// proc(5): the fields behind the name in parentheses; utime and stime are the 14th and 15th, in ticks of 10 ms.
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	var ticks int64
	for _, f := range fields[11:13] {
		v, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return 0, err
		}
		ticks += v
	}
	return time.Duration(ticks) * 10 * time.Millisecond, nil
}

// settle waits until the node has nothing to do: it uses less than a twentieth of a processor for a second.
func (n *node) settle(within time.Duration) error {
	end := time.Now().Add(within)
	for last := time.Duration(-1 << 62); time.Now().Before(end); time.Sleep(time.Second) {
		now, err := n.cpu()
		if err != nil {
			return err
		}
		if now-last < 50*time.Millisecond {
			return nil
		}
		last = now
	}
	return fmt.Errorf("the node did not come to rest within %s", within)
}
