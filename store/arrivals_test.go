package store_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/audit"
	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/engine/queue"
	"github.com/ward-health/ward/store"
	"github.com/ward-health/ward/store/storetest"
)

// arrival is what Receive came to.
type arrival struct {
	got store.Received
	err error
}

// together receives messages that wait while the writer is held, in their order, and lets those go whose index is in dropped.
func together(t *testing.T, n *storetest.Running, dropped int, ins ...store.Inbound) []arrival {
	t.Helper()
	tn := db.Tenant(n.Tenant.Number)
	n.Receive(storetest.ORU("before", "p"))
	held, release := make(chan struct{}), make(chan struct{})
	var wait sync.WaitGroup
	wait.Go(func() {
		if err := n.DB.Write(ctx, tn, func(*db.Tx) error { close(held); <-release; return nil }); err != nil {
			t.Error(err)
		}
	})
	<-held
	p := n.Permit(ward.Integration, access.Receive, "")
	out := make([]arrival, len(ins)+1)
	receive := func(ctx context.Context, i int, in store.Inbound) (ended chan struct{}) {
		ended = make(chan struct{})
		wait.Go(func() {
			defer close(ended)
			out[i].got, out[i].err = n.Store.Receive(ctx, p, in)
		})
		return ended
	}
	receive(ctx, len(ins), storetest.ORU("first", "p")) // is taken at once, and waits for the writer
	eventually(t, "the first write", func() bool { return n.DB.Waiting() == 1 && store.Arriving(n.Store, tn) == 0 })
	for i, in := range ins {
		c, cancel := context.WithCancel(ctx)
		defer cancel()
		ended := receive(c, i, in)
		eventually(t, "the arrival", func() bool { return store.Arriving(n.Store, tn) == i+1 })
		if i == dropped {
			cancel()
			<-ended
		}
	}
	close(release)
	wait.Wait()
	must(t, out[len(ins)].err)
	return out[:len(ins)]
}

// kept fails unless each message that was kept stands once, with its entry and the jobs of its lanes in their order.
func kept(t *testing.T, n *storetest.Running, want int) {
	t.Helper()
	if got := number(t, n, "SELECT COUNT(*) FROM message WHERE tn = $1", n.Tenant.Number); got != int64(want) {
		t.Errorf("%d messages, want %d", got, want)
	}
	n.Clean()
}

// TestArrivalsTogether: what waits is kept by one write, in order, with an entry each; a repetition in the same write is one.
func TestArrivalsTogether(t *testing.T) {
	storetest.Each(t, func(t *testing.T, n *storetest.Running) {
		n.Halt()
		var ins []store.Inbound
		for i := range 10 {
			ins = append(ins, storetest.ORU(fmt.Sprint("m", i), "p"))
		}
		ins = append(ins, storetest.ORU("m3", "p"))
		other := storetest.ORU("m4", "p")
		other.Message.Body = append(ward.Protected(nil), append(other.Message.Body, "NTE|1||other\r"...)...)
		ins = append(ins, other)
		var writes atomic.Int64
		n.Store.OnCommit(func(next func() error) error { writes.Add(1); return next() })
		out := together(t, n, -1, ins...)
		for i, a := range out {
			must(t, a.err)
			if a.got.Repeat != (i == 10) || a.got.Reused != (i == 11) {
				t.Errorf("%d: repeat %v, reused %v", i, a.got.Repeat, a.got.Reused)
			}
		}
		if out[10].got.ID != out[3].got.ID {
			t.Error("the repetition is of another message")
		}
		if w := writes.Load(); w > 6 { // before, first, all others; and of the repetition its wait and its count
			t.Errorf("%d writes", w)
		}
		jobs, err := n.Queue.List(ctx, db.Tenant(n.Tenant.Number), store.DeliverQueue, queue.Ready, ward.ID{}, 100)
		must(t, err)
		order := map[ward.ID]int64{}
		for _, j := range jobs {
			d, err := store.ReadDelivery(j.Ref)
			must(t, err)
			order[d.Message] = number(t, n, "SELECT seq FROM job WHERE tn = $1 AND id = $2", n.Tenant.Number, j.ID)
		}
		for i := 1; i < 10; i++ {
			if order[out[i].got.ID] != order[out[i-1].got.ID]+1 {
				t.Errorf("the job of message %d does not follow that of the one before it", i)
			}
		}
		if got := acts(n)[audit.ActReceive]; got != 14 {
			t.Errorf("%d entries", got)
		}
		kept(t, n, 13)
	})
}

// TestArrivalRefused: one that cannot be kept, and one whose request ends, do not keep out the others.
func TestArrivalRefused(t *testing.T) {
	storetest.Each(t, func(t *testing.T, n *storetest.Running) {
		n.Halt()
		known := n.Receive(storetest.ORU("known", "p"))
		clash := storetest.ORU("clash", "p")
		clash.Message.ID = known.ID
		out := together(t, n, 2, storetest.ORU("a", "p"), clash, storetest.ORU("late", "p"), storetest.ORU("b", "q"))
		must(t, out[0].err)
		must(t, out[3].err)
		wantKind(t, out[1].err, ward.Conflict)
		wantKind(t, out[2].err, ward.Unavailable)
		kept(t, n, 5)
	})
}

// TestArrivalsUnwritten: when the write fails, whether or not it was kept, every caller hears it, and sending again loses and doubles nothing.
func TestArrivalsUnwritten(t *testing.T) {
	for _, persisted := range []bool{false, true} {
		t.Run(fmt.Sprint("persisted ", persisted), func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, n *storetest.Running) {
				n.Halt()
				ins := []store.Inbound{storetest.ORU("a", "p"), storetest.ORU("b", "p"), storetest.ORU("c", "q")}
				var writes atomic.Int64
				n.Store.OnCommit(func(next func() error) error {
					if writes.Add(1) != 3 { // before, first, then those that waited
						return next()
					}
					if persisted {
						must(t, next())
					}
					return ward.E(ward.Unavailable, "db.write", "the database cannot be used now; try again later", nil)
				})
				for _, a := range together(t, n, -1, ins...) {
					wantKind(t, a.err, ward.Unavailable)
				}
				for _, in := range ins {
					if got := n.Receive(in); got.Repeat != persisted {
						t.Errorf("repeat %v", got.Repeat)
					}
				}
				kept(t, n, 5)
			})
		})
	}
}
