package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// buildWard builds the product's binary the way a release does, once a run: it stands beside the measurements' folders.
func buildWard(ctx context.Context, dir string) (string, error) {
	out := filepath.Join(filepath.Dir(dir), "ward")
	if _, err := os.Stat(out); err == nil {
		return out, nil
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", out, "./cmd/ward")
	cmd.Dir = ".."
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w: %s", err, text)
	}
	return out, nil
}

func binarySize(ctx context.Context, dir string) error {
	bin, err := buildWard(ctx, dir)
	if err != nil {
		return err
	}
	info, err := os.Stat(bin)
	if err != nil {
		return err
	}
	figure("binary.size", float64(info.Size())/1e6, "MB")
	return nil
}

// node is a running ward process on loopback.
type node struct {
	bin, dir, url string
	cmd           *exec.Cmd
	ready         time.Duration // from exec to the first 200 of /readyz
}

func startNode(ctx context.Context, bin, dir string) (*node, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	address := l.Addr().String()
	l.Close()
	init := exec.CommandContext(ctx, bin, "init", "--dir", dir, "--loopback-only", "--listen", address)
	if text, err := init.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("ward init: %w: %s", err, text)
	}
	n := &node{bin: bin, dir: dir, url: "http://" + address}
	return n, n.serve(ctx)
}

func (n *node) serve(ctx context.Context) error {
	n.cmd = exec.CommandContext(ctx, n.bin, "serve", "--dir", n.dir)
	start := time.Now()
	if err := n.cmd.Start(); err != nil {
		return err
	}
	for time.Since(start) < 30*time.Second {
		resp, err := http.Get(n.url + "/readyz")
		if err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				n.ready = time.Since(start)
				return nil
			}
		}
		time.Sleep(time.Millisecond)
	}
	n.stop()
	return fmt.Errorf("ward serve was not ready within 30 s")
}

// stop ends the process in order. Stopping a stopped node does nothing.
func (n *node) stop() error {
	if n.cmd == nil || n.cmd.ProcessState != nil {
		return nil
	}
	n.cmd.Process.Signal(syscall.SIGTERM)
	return n.cmd.Wait()
}

// memory returns the resident set of the process in MiB.
func (n *node) memory() (float64, error) { return n.status("VmRSS:") }

// status returns a size from /proc/PID/status in MiB.
func (n *node) status(key string) (float64, error) {
	f, err := os.Open(fmt.Sprintf("/proc/%d/status", n.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if v, ok := strings.CutPrefix(s.Text(), key); ok {
			kib, err := strconv.ParseFloat(strings.Fields(v)[0], 64)
			return kib / 1024, err
		}
	}
	return 0, fmt.Errorf("no %s in /proc", key)
}

// startAndMemory measures start-up on an initialised, empty directory, a restart, and the memory of the idle node.
func startAndMemory(ctx context.Context, dir string) error {
	bin, err := buildWard(ctx, dir)
	if err != nil {
		return err
	}
	n, err := startNode(ctx, bin, filepath.Join(dir, "data"))
	if err != nil {
		return err
	}
	figure("start.empty", float64(n.ready.Microseconds())/1000, "ms")
	time.Sleep(3 * time.Second) // what is measured is the node at rest
	rss, err := n.memory()
	if err != nil {
		return err
	}
	figure("memory.idle", rss, "MiB")
	if err := n.stop(); err != nil {
		return err
	}
	if err := n.serve(ctx); err != nil {
		return err
	}
	figure("start.again", float64(n.ready.Microseconds())/1000, "ms")
	return n.stop()
}
