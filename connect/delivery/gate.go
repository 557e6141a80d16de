package delivery

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/engine/queue"
	"github.com/ward-health/ward/store"
)

// The marks of a gate.
const (
	lookEvery   = 200 * time.Millisecond
	diskReserve = 128 << 20 // bytes that messages leave to everything else on the disk
	mostWaiting = 20_000    // messages of a tenant that wait to be understood, on all nodes
	mostDead    = 10_000    // messages that gave up, as far as their lanes are looked at

	countEvery = time.Second
	countShare = 20   // counting takes at most one part in so many of a processor
	countPage  = 1000 // what the queue lists at once
	countBound = 10 * time.Second
)

// Gate stops reading from a tenant's sockets while the node cannot take more: its disk is nearly full, or too many of the
// tenant's messages wait to be understood. What waits behind a message that gave up does not count, for only a person ends
// that, and one lane must not close the others. Senders wait, because their window closes; nothing is lost and nothing is refused. Both marks are looked at from
// time to time: the disk's may be passed by what comes between two looks. The other is passed only by what was in flight when it was counted, at
// most the frames of the connections that await their replies, for a count lets in as many messages as there was room for: each node for itself.
type Gate struct {
	dir     string
	queue   *queue.Queue
	tenant  db.Tenant
	reserve uint64
	most    int
	every   time.Duration // between two counts

	mu      sync.Mutex
	disk    mark
	backlog mark
}

// mark is what was found last.
type mark struct {
	open  bool
	until time.Time // it holds until then
	busy  bool      // somebody is looking
	left  int       // of the backlog: messages that may still pass until it is counted again
}

// NewGate watches the disk of a directory and the queue of a tenant's messages.
func NewGate(dir string, q *queue.Queue, tn db.Tenant) *Gate {
	return &Gate{dir: dir, queue: q, tenant: tn, reserve: diskReserve, most: mostWaiting, every: countEvery}
}

// Wait returns nil as soon as a message may be read.
func (g *Gate) Wait(ctx context.Context) error {
	for !g.pass(ctx) {
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

func (g *Gate) pass(ctx context.Context) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	if !now.Before(g.disk.until) {
		g.disk.open, g.disk.until = free(g.dir) >= g.reserve, now.Add(lookEvery)
	}
	if g.disk.open && !now.Before(g.backlog.until) && !g.backlog.busy {
		g.count(ctx, now)
	}
	if !g.disk.open || !g.backlog.open || g.backlog.left <= 0 {
		return false
	}
	g.backlog.left--
	return true
}

// count looks at the backlog while others go by what was found before. g.mu is held, but not while the database is asked. Who passes meanwhile
// may not be among what was counted. What cannot be counted is as it was.
func (g *Gate) count(ctx context.Context, began time.Time) {
	g.backlog.busy = true
	before := g.backlog.left
	g.mu.Unlock()
	room, err := g.room(ctx)
	g.mu.Lock()
	g.backlog.busy = false
	if err == nil {
		g.backlog.left = room - (before - g.backlog.left)
		g.backlog.open, g.backlog.until = room > 0, time.Now().Add(max(g.every, countShare*time.Since(began)))
	}
}

// room says how many messages may still come, by counting their jobs as far as the bound; those that are worked on, that gave up, or that wait
// behind one that gave up, do not count.
func (g *Gate) room(ctx context.Context) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, countBound)
	defer cancel()
	closed := map[string]bool{}
	if err := g.each(ctx, queue.Dead, func(n int, j queue.Job) bool { closed[j.Key] = true; return n < mostDead }); err != nil {
		return 0, err
	}
	waiting := 0
	err := g.each(ctx, queue.Ready, func(_ int, j queue.Job) bool {
		if !closed[j.Key] {
			waiting++
		}
		return waiting < g.most
	})
	return g.most - waiting, err
}

// each lists the tenant's jobs in a state, oldest first, with their number from 1, until fn returns false.
func (g *Gate) each(ctx context.Context, state queue.State, fn func(n int, j queue.Job) bool) error {
	var after ward.ID
	for n := 0; ; {
		jobs, err := g.queue.List(ctx, g.tenant, store.DeliverQueue, state, after, countPage)
		if err != nil {
			return err
		}
		for _, j := range jobs {
			if n++; !fn(n, j) {
				return nil
			}
		}
		if len(jobs) < countPage {
			return nil
		}
		after = jobs[len(jobs)-1].ID
	}
}

// free returns the bytes that are left for this process; where that cannot be told, all.
func free(dir string) uint64 {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil || s.Bsize <= 0 {
		return ^uint64(0)
	}
	return s.Bavail * uint64(s.Bsize)
}
