package store_test

import (
	"testing"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/store"
	"github.com/ward-health/ward/store/storetest"
)

// sentAt is a time of sending, so many minutes after a first one; zero minutes is one that is not known.
func sentAt(minutes int) time.Time {
	if minutes == 0 {
		return time.Time{}
	}
	return time.Date(2026, 1, 2, 3, minutes, 0, 5000, time.UTC)
}

// told applies a message that stores Observation/h1 as sent, if it is not held, or holds it.
func told(t testing.TB, n *storetest.Running, control string, sent int, isHeld bool) ward.ID {
	t.Helper()
	id := n.Receive(storetest.ORU(control, "p")).ID
	refs, bodies := []ward.Reference{ref("Observation/h1")}, []string{glucose("h1", "p")}
	if isHeld {
		refs, bodies = nil, nil
	}
	p, e := n.Effects(id, refs, bodies, "p")
	e.Sent = sentAt(sent)
	if isHeld {
		h := hold("OBX["+control+"]", "p", "Observation/h1")
		h.Sent = sentAt(sent)
		e.Holds, e.State = []store.Hold{h}, store.MessageHeld
	}
	_, err := n.Store.ApplyMessage(ctx, p, e)
	if contested := newerHeld(t, n, e.Sent); !isHeld && contested {
		wantKind(t, err, ward.Precondition) // nothing is stored over what is held and newer by who does not know of it
		e.Contested = []string{"Observation/h1"}
		_, err = n.Store.ApplyMessage(ctx, p, e)
	}
	must(t, err)
	finish(t, n, id)
	return id
}

// newerHeld reports whether a version of Observation/h1 is held that was sent after the time, as far as both are known.
func newerHeld(t testing.TB, n *storetest.Running, sent time.Time) bool {
	t.Helper()
	open, err := n.Store.OpenHolds(ctx, n.Permit(ward.Integration, access.Receive, ""), "Observation/h1")
	must(t, err)
	for _, h := range open {
		if !sent.IsZero() && h.Sent.After(sent) {
			return true
		}
	}
	return false
}

// TestHoldIsNotEndedByOlder: what was sent before a held fact and comes after it does not take its place.
func TestHoldIsNotEndedByOlder(t *testing.T) {
	storetest.Each(t, func(t *testing.T, n *storetest.Running) {
		for i, c := range []struct {
			held, then int
			isHeld     bool
			want       store.HoldState
		}{
			{20, 10, false, store.HoldHeld}, {20, 10, true, store.HoldHeld},
			{20, 20, false, store.HoldSuperseded}, {20, 30, false, store.HoldSuperseded}, {20, 30, true, store.HoldSuperseded},
			{20, 0, false, store.HoldSuperseded}, {0, 10, false, store.HoldSuperseded}, {0, 0, true, store.HoldSuperseded},
		} {
			control := string(rune('a' + i))
			first := holds(t, n, store.HoldQuery{Message: told(t, n, control, c.held, true)})[0]
			if !first.Hold.Sent.Equal(sentAt(c.held)) {
				t.Errorf("case %d: sent %v", i, first.Hold.Sent)
			}
			told(t, n, control+"-then", c.then, c.isHeld)
			if got := heldFact(t, n, first.ID); got.State != c.want || !got.Hold.Sent.Equal(sentAt(c.held)) {
				t.Errorf("case %d: %s, sent %v", i, got.State, got.Hold.Sent)
			}
			told(t, n, control+"-end", 0, false) // ends all for the next
			if got := holds(t, n, store.HoldQuery{State: store.HoldHeld}); len(got) != 0 {
				t.Fatalf("case %d: %d are open", i, len(got))
			}
		}
		id := n.Receive(storetest.ORU("far", "p")).ID
		p, e := n.Effects(id, nil, nil, "p")
		e.Sent = time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC)
		_, err := n.Store.ApplyMessage(ctx, p, e)
		wantKind(t, err, ward.Invalid)
		e.Sent, e.Holds = time.Time{}, []store.Hold{hold("OBX[1]", "p", "")}
		e.Holds[0].Sent = time.Date(-1, 1, 1, 0, 0, 0, 0, time.UTC)
		_, err = n.Store.ApplyMessage(ctx, p, e)
		wantKind(t, err, ward.Invalid)
		n.Clean()
	})
}

// TestReleaseOfOlderHold: a release ends other holds of the fact, but not one that was sent later.
func TestReleaseOfOlderHold(t *testing.T) {
	storetest.Each(t, func(t *testing.T, n *storetest.Running) {
		newer := holds(t, n, store.HoldQuery{Message: told(t, n, "newer", 20, true)})[0].ID
		older := holds(t, n, store.HoldQuery{Message: told(t, n, "older", 10, true)})[0].ID
		must(t, n.Store.Propose(ctx, n.Permit(ward.Steward, access.HoldRelease, ""), older, ward.Protected("one")))
		_, err := releaseAs(t, n, "bea", older, "one", "h1")
		must(t, err)
		if a, b := heldFact(t, n, older).State, heldFact(t, n, newer).State; a != store.HoldReleased || b != store.HoldHeld {
			t.Fatalf("older %s, newer %s", a, b)
		}
		n.Clean()
	})
}

// TestShredOfHeldMessages: what was held or kept as a whole opens for nobody once one of its patients was erased.
func TestShredOfHeldMessages(t *testing.T) {
	storetest.Each(t, func(t *testing.T, n *storetest.Running) {
		for i, state := range []store.MessageState{store.MessageHeld, store.MessageKept} {
			who := string(rune('p' + i))
			id := n.Receive(storetest.ORU("c-"+who, who)).ID
			p, e := n.Effects(id, nil, nil, who)
			e.State, e.Reason = state, "a-reason"
			_, err := n.Store.ApplyMessage(ctx, p, e)
			must(t, err)
			finish(t, n, id)
			if _, err := raw(n, ward.Steward, access.MessageOpen, id); err != nil {
				t.Fatal(err)
			}
			if erased := shred(t, n, who); erased.Versions != 2 { // body, acknowledgement
				t.Errorf("%s: %d texts", state, erased.Versions)
			}
			_, err = raw(n, ward.Steward, access.MessageOpen, id)
			wantKind(t, err, ward.Gone)
		}
		n.Clean()
	})
}
