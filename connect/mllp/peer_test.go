package mllp

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// TestMLLPSend: a sender that others wrote, mllp_send of Debian's python3-hl7, delivers files, framed and not, and takes
// what it is answered.
func TestMLLPSend(t *testing.T) {
	program, err := exec.LookPath("mllp_send")
	if err != nil {
		text := "NOT RUN: mllp_send is missing, no sender that others wrote was tried (Debian: apt-get install python3-hl7)"
		if os.Getenv("WARD_REQUIRE_ALL") == "1" {
			t.Fatal(text)
		}
		fmt.Printf("\n%s\n\n", text)
		t.Skip(text)
	}
	var mu sync.Mutex
	var got []string
	n := serve(t, Sync(func(_ context.Context, _ Peer, frame []byte) ([]byte, error) {
		mu.Lock()
		defer mu.Unlock()
		got = append(got, string(frame))
		return fmt.Appendf(nil, "MSH|^~\\&|ACK\rMSA|AA|%d\r", len(got)), nil
	}), Limits{})
	host, port, _ := net.SplitHostPort(n.addr)
	messages := []string{"MSH|^~\\&|LAB|1\rPID|1||4711\rOBX|1|NM|2160-0||88", "MSH|^~\\&|LAB|2\rOBX|1|TX|||" + strings.Repeat("x", 3000), "MSH|^~\\&|LAB|3"}
	dir := t.TempDir()
	for name, c := range map[string]struct {
		content string
		flags   []string
	}{
		"framed.hl7": {framed(messages...), nil},
		"loose.hl7":  {strings.ReplaceAll(strings.Join(messages, "\n"), "\r", "\r\n"), []string{"--loose"}},
	} {
		t.Run(name, func(t *testing.T) {
			got = nil
			file := filepath.Join(dir, name)
			if err := os.WriteFile(file, []byte(c.content), 0o600); err != nil {
				t.Fatal(err)
			}
			out, err := exec.CommandContext(t.Context(), program, append(c.flags, "-p", port, "-f", file, host)...).CombinedOutput()
			if err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			mu.Lock()
			defer mu.Unlock()
			if !slices.Equal(got, messages) {
				t.Errorf("served %q", got)
			}
			for i := range messages {
				if !bytes.Contains(out, fmt.Appendf(nil, "\vMSH|^~\\&|ACK\rMSA|AA|%d\r\x1c\r", i+1)) {
					t.Errorf("acknowledgement %d is not in %q", i+1, out)
				}
			}
		})
	}
}
