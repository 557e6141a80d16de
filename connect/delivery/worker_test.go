package delivery

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/store"
	"github.com/ward-health/ward/store/storetest"
)

func (w *world) replay(id ward.ID) {
	w.t.Helper()
	must(w.t, w.Store.ReplayMessage(ctx, w.Permit(ward.Steward, access.MessageReplay, ""), id))
}

// A merge comes after what was sent of either patient before it, and before what comes after it.
func TestMergeWaitsForBothLanes(t *testing.T) {
	storetest.Each(t, func(t *testing.T, n *storetest.Running) {
		w := open(t, n, nil)
		var want []string
		for i := range 5 {
			w.send(oru(fmt.Sprintf("c-old-%d", i), "old", "1"))
			w.send(oru(fmt.Sprintf("c-new-%d", i), "new", "1"))
		}
		w.send(a40("c-merge", "old", "new"))
		w.send(oru("c-new-after", "new", "2"))
		w.work(3)
		w.idle()
		seen := w.order("c-")
		at := slices.Index(seen, "c-merge")
		for i := range 5 {
			for _, who := range []string{"old", "new"} {
				if x := slices.Index(seen, fmt.Sprintf("c-%s-%d", who, i)); x < 0 || x > at {
					t.Errorf("%v", seen)
				}
			}
		}
		if slices.Index(seen, "c-new-after") < at {
			t.Errorf("%v", seen)
		}
		survivor, err := n.Store.Survivor(ctx, n.Permit(ward.Integration, access.Receive, ""), "old")
		if err != nil || survivor != "new" {
			t.Errorf("%q %v, %v", survivor, err, want)
		}
		n.Clean()
	})
}

// How soon a merge looks for its other lane again.
func TestMergePause(t *testing.T) {
	w := &Worker{since: map[ward.ID]time.Time{}}
	id, at := ward.NewID(), time.Now()
	for _, c := range []struct{ waited, want time.Duration }{{0, soonest}, {100 * time.Millisecond, soonest}, {8 * time.Second, time.Second}, {time.Hour, latest}} {
		if got := w.pause(id, at.Add(c.waited)); got != c.want {
			t.Errorf("after %v: %v, want %v", c.waited, got, c.want)
		}
	}
	w.came(id)
	for range maxMerges + 5 {
		w.pause(ward.NewID(), at)
	}
	if len(w.since) > maxMerges {
		t.Errorf("%d merges are remembered", len(w.since))
	}
}

// A message that the stage cannot work on is dead after its attempts and holds its own lane; replayed, it comes first.
func TestDeadAndReplayed(t *testing.T) {
	storetest.Each(t, func(t *testing.T, n *storetest.Running) {
		w := open(t, n, nil)
		w.broken = true
		w.work(1)
		w.send(oru("c1", "p1", "5"))
		until(t, "the message is dead", func() bool { return len(w.dead()) == 1 })
		w.mu.Lock()
		w.broken = false
		w.mu.Unlock()
		w.send(oru("c2", "p1", "6"))
		w.send(oru("d1", "p2", "7"))
		until(t, "the other patient's message is worked on", func() bool { return len(w.order("d")) == 1 })
		dead := w.messages(store.MessageDead)
		if len(dead) != 1 || dead[0].Reason == "" {
			t.Fatalf("%+v", dead)
		}
		if seen := w.order("c"); !slices.Equal(seen, []string{"c1"}) {
			t.Fatalf("%v", seen)
		}
		w.replay(dead[0].ID)
		w.idle()
		if seen := w.order("c"); !slices.Equal(seen, []string{"c1", "c1", "c2"}) {
			t.Errorf("%v", seen)
		}
		w.replay(dead[0].ID) // applied by now: once more
		w.idle()
		if seen := w.order("c"); len(seen) != 4 || len(w.messages(store.MessageApplied)) != 3 {
			t.Errorf("%v", seen)
		}
		n.Clean()
	})
}

// What a channel took before it was disabled is still worked on; what its principal took waits until the principal is back.
func TestDisabled(t *testing.T) {
	w := open(t, storetest.Node(t, storetest.SQLite), nil)
	w.send(oru("c1", "p1", "5"))
	must(t, w.Access.DisableChannel(ctx, w.Operator(w.Tenant.ID, access.AdminChannel), storetest.Channel))
	w.work(1)
	w.idle()
	if m := w.only(); m.State != store.MessageApplied {
		t.Fatalf("%+v", m)
	}
	must(t, w.Access.DisablePrincipal(ctx, w.Operator(w.Tenant.ID, access.AdminPrincipal), ward.PrincipalID(ward.Integration)))
	w.replay(w.only().ID)
	until(t, "the message is dead", func() bool { return len(w.dead()) == 1 })
	if jobs := w.dead(); jobs[0].Reason == "" {
		t.Errorf("%+v", jobs)
	}
	if len(w.order("c")) != 1 {
		t.Error("the stage got a message of a principal that is disabled")
	}
}

// A message about a patient who was erased while it waited ends, and nothing of it is stored.
func TestErasedWhileWaiting(t *testing.T) {
	storetest.Each(t, func(t *testing.T, n *storetest.Running) {
		w := open(t, n, nil)
		stop := w.work(1)
		w.send(oru("c1", "p1", "5"))
		w.idle()
		stop()
		w.replay(w.only().ID)
		_, err := n.Store.Shred(ctx, n.Permit(ward.Privacy, access.Shred, ""), "p1")
		must(t, err)
		w.work(1)
		until(t, "the message ends", func() bool {
			m := w.only()
			return m.State == store.MessageHeld && m.Reason == "patient-erased"
		})
		if len(w.order("c")) != 1 || len(w.dead()) != 0 {
			t.Errorf("%v, %d dead", w.order("c"), len(w.dead()))
		}
	})
}
