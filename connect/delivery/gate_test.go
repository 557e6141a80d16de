package delivery

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/store/storetest"
)

// When too many messages wait, a sender that sends on waits too; when they are understood it goes on, and nothing is lost.
func TestBacklogHoldsBack(t *testing.T) {
	storetest.Each(t, func(t *testing.T, n *storetest.Running) {
		g := NewGate(n.Dir, n.Queue, db.Tenant(n.Tenant.Number))
		g.most, g.every = 10, 5*time.Millisecond
		w := open(t, n, g)
		c := w.dial()
		acks := make(chan error, 1)
		const sent = 150
		go func() {
			acks <- c.Start(ctx, func() error {
				for i := range sent {
					if err := c.Write(oru(fmt.Sprintf("c%03d", i), fmt.Sprintf("p%d", i%7), "5")); err != nil {
						return err
					}
				}
				return nil
			}, func() error {
				for range sent {
					if _, err := c.Read(); err != nil {
						return err
					}
				}
				return nil
			})
		}()
		until(t, "the gate is shut", g.shut)
		const inFlight = 64 // the default of mllp.Limits.Pipeline
		if kept := w.settled(); kept < g.most || kept > g.most+inFlight {
			t.Errorf("%d messages were taken before the gate shut", kept)
		}
		w.work(3)
		must(t, <-acks)
		w.idle()
		if all := w.messages(""); len(all) != sent || len(w.errs) != 0 {
			t.Errorf("%d messages, %v", len(all), w.errs)
		}
	})
}

func (g *Gate) shut() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return !g.backlog.until.IsZero() && !g.backlog.open
}

// settled waits until no more messages come, and returns how many were kept.
func (w *world) settled() int {
	last, since := -1, time.Now()
	until(w.t, "no more messages come", func() bool {
		if n := len(w.messages("")); n != last {
			last, since = n, time.Now()
		}
		return time.Since(since) > 2*lookEvery
	})
	return last
}

// With too little space on the disk no message is read; one that waits then ends with its connection.
func TestDiskReserve(t *testing.T) {
	n := storetest.Node(t, storetest.SQLite)
	g := NewGate(n.Dir, n.Queue, db.Tenant(n.Tenant.Number))
	if err := g.Wait(ctx); err != nil {
		t.Fatal(err)
	}
	g = NewGate(n.Dir, n.Queue, db.Tenant(n.Tenant.Number))
	g.reserve = 1 << 62
	ended, cancel := context.WithCancel(ctx)
	got := make(chan error, 1)
	go func() { got <- g.Wait(ended) }()
	until(t, "the gate has looked", func() bool {
		g.mu.Lock()
		defer g.mu.Unlock()
		return !g.disk.until.IsZero()
	})
	if len(got) != 0 {
		t.Error("the gate is open")
	}
	cancel()
	if err := <-got; ward.KindOf(err) != ward.Unavailable {
		t.Errorf("%v", err)
	}
	if free(n.Dir+"/nothing") != ^uint64(0) {
		t.Error("a disk that cannot be asked is taken for full")
	}
}

// What cannot be counted is as it was.
func TestGateWithoutDatabase(t *testing.T) {
	n := storetest.Node(t, storetest.SQLite)
	g := NewGate(n.Dir, n.Queue, db.Tenant(n.Tenant.Number))
	must(t, g.Wait(ctx))
	n.Halt()
	must(t, n.DB.Close())
	g.backlog.until = time.Time{}
	if !g.pass(ctx) {
		t.Error("the gate is shut because the database cannot be asked")
	}
	n.DB = nil
}

// A gate opens again by itself.
func TestGateLooksAgain(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		g := &Gate{dir: dir, reserve: 1 << 62, backlog: mark{open: true, left: 1, until: time.Now().Add(time.Hour)}}
		open := make(chan error, 1)
		go func() { open <- g.Wait(ctx) }()
		synctest.Wait()
		g.mu.Lock()
		g.reserve = 0
		g.mu.Unlock()
		began := time.Now()
		must(t, <-open)
		if waited := time.Since(began); waited > 2*lookEvery {
			t.Errorf("it took %v", waited)
		}
	})
}
