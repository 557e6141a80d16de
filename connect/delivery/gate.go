package delivery

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ward-health/ward"
)

// The marks of a gate.
const (
	lookEvery   = 200 * time.Millisecond
	diskReserve = 128 << 20 // bytes that messages leave to everything else on the disk
)

// Gate stops reading from sockets while the node cannot take more: its disk is nearly full, or it is about to stop. Senders
// wait, because their window closes; nothing is lost and nothing is refused.
type Gate struct {
	dir string

	mu    sync.Mutex
	until time.Time // what was found holds until then
	open  bool
}

// NewGate watches the disk of a directory.
func NewGate(dir string) *Gate { return &Gate{dir: dir} }

// Wait returns nil as soon as a message may be read.
func (g *Gate) Wait(ctx context.Context) error {
	for !g.pass() {
		t := time.NewTimer(lookEvery)
		select {
		case <-ctx.Done():
			t.Stop()
			return ward.E(ward.Unavailable, "delivery.gate", "the node takes no messages now", ctx.Err())
		case <-t.C:
		}
	}
	return nil
}

func (g *Gate) pass() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if now := time.Now(); now.After(g.until) {
		g.until, g.open = now.Add(lookEvery), free(g.dir) >= diskReserve
	}
	return g.open
}

// free returns the bytes that are left for this process; where that cannot be told, all.
func free(dir string) uint64 {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil || s.Bsize <= 0 {
		return ^uint64(0)
	}
	return s.Bavail * uint64(s.Bsize)
}
