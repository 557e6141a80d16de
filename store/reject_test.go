package store_test

import (
	"context"
	"slices"
	"sync"
	"testing"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/engine/queue"
	"github.com/ward-health/ward/store"
	"github.com/ward-health/ward/store/storetest"
)

// kill makes the jobs of a message dead, from the lane given on.
func kill(t testing.TB, n *storetest.Running, id ward.ID, lane int) {
	t.Helper()
	for _, j := range deliver(t, n) {
		if d, err := store.ReadDelivery(j.Ref); err == nil && d.Message == id && d.Lane >= lane {
			alter(t, n, "UPDATE job SET state = 3, due_us = 9223372036854775807, reason = 'it broke' WHERE id = $1", j.ID)
		}
	}
}

// work runs the queue until no message waits, and returns those that were understood, in order.
func work(t *testing.T, n *storetest.Running) (done []ward.ID) {
	t.Helper()
	var mu sync.Mutex
	q := queue.New(n.DB, "worker")
	q.Handle(store.DeliverQueue, 2, 3, func(ctx context.Context, j queue.Job) (queue.Finish, error) {
		a, err := n.Store.Arrived(ctx, j)
		if err != nil || a.Done {
			return nil, err
		}
		if !a.All {
			return nil, queue.Wait(0)
		}
		d, err := store.ReadDelivery(j.Ref)
		if err != nil {
			return nil, err
		}
		mu.Lock()
		defer mu.Unlock()
		done = append(done, d.Message)
		p, e := n.Effects(d.Message, nil, nil)
		e.State = store.MessageKept
		_, err = n.Store.ApplyMessage(ctx, p, e)
		return nil, err
	})
	run, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- q.Run(run) }()
	eventually(t, "the end of all jobs", func() bool { return number(t, n, "SELECT COUNT(*) FROM job WHERE queue = 'deliver'") == 0 })
	cancel()
	must(t, <-ended)
	return done
}

// TestRejectDeadMessage: a dead message can be ended, and what waited behind it in its lanes goes on.
func TestRejectDeadMessage(t *testing.T) {
	storetest.Each(t, func(t *testing.T, n *storetest.Running) {
		in := storetest.ORU("a40", "p")
		in.Kind, in.Lanes = "ADT^A40", [][]byte{[]byte("MRN|p"), []byte("MRN|q")}
		dead := n.Receive(in).ID
		behind := []ward.ID{n.Receive(storetest.ORU("c1", "p")).ID, n.Receive(storetest.ORU("c2", "q")).ID}
		kill(t, n, dead, 1)
		reject := n.Permit(ward.Steward, access.HoldReject, "")
		wantKind(t, n.Store.RejectMessage(ctx, reject, behind[0], "waits"), ward.Conflict)
		must(t, n.Store.RejectMessage(ctx, reject, dead, "nobody understands it"))
		wantKind(t, n.Store.RejectMessage(ctx, reject, dead, "again"), ward.Conflict)
		m := info(t, n, dead)
		if last := m.Hops[len(m.Hops)-1]; m.State != store.MessageRejected || last.Step != "rejected" {
			t.Fatalf("%+v", m)
		}
		note, err := n.Store.Rejection(ctx, n.Permit(ward.Steward, access.MessageOpen, ""), dead)
		if err != nil || string(note) != "nobody understands it" {
			t.Fatalf("%q, %v", []byte(note), err)
		}
		wantKind(t, n.Store.ReplayMessage(ctx, n.Permit(ward.Steward, access.MessageReplay, ""), dead), ward.Conflict)
		n.Clean()
		done := work(t, n)
		if len(done) != 2 || !slices.Contains(done, behind[0]) || !slices.Contains(done, behind[1]) {
			t.Fatalf("%d messages were worked on", len(done))
		}
		n.Clean()
	})
}

// TestRejectDeadMessageOfErased: it must not hold its lane for ever because nobody can open it.
func TestRejectDeadMessageOfErased(t *testing.T) {
	storetest.Each(t, func(t *testing.T, n *storetest.Running) {
		id, _ := understood(t, n, "c1", "p")
		must(t, n.Store.ReplayMessage(ctx, n.Permit(ward.Steward, access.MessageReplay, ""), id))
		kill(t, n, id, 0)
		shred(t, n, "p")
		wantKind(t, n.Store.ReplayMessage(ctx, n.Permit(ward.Steward, access.MessageReplay, ""), id), ward.Gone)
		must(t, n.Store.RejectMessage(ctx, n.Permit(ward.Steward, access.HoldReject, ""), id, "of somebody erased"))
		_, err := n.Store.Rejection(ctx, n.Permit(ward.Steward, access.MessageOpen, ""), id)
		wantKind(t, err, ward.NotFound)
		if done := work(t, n); len(done) != 0 || info(t, n, id).State != store.MessageRejected {
			t.Fatalf("%d messages were worked on", len(done))
		}
		n.Clean()
	})
}
