package store_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/audit"
	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/engine/queue"
	"github.com/ward-health/ward/store"
	"github.com/ward-health/ward/store/storetest"
)

// deliver takes the jobs of received messages, in order, without running them.
func deliver(t testing.TB, n *storetest.Running) []queue.Job {
	t.Helper()
	jobs, err := n.Queue.List(ctx, db.Tenant(n.Tenant.Number), store.DeliverQueue, queue.Ready, ward.ID{}, 1000)
	must(t, err)
	return jobs
}

// finish ends the jobs of a message, as the pipeline does when its handler returns.
func finish(t testing.TB, n *storetest.Running, id ward.ID) {
	t.Helper()
	for _, j := range deliver(t, n) {
		if d, err := store.ReadDelivery(j.Ref); err == nil && d.Message == id {
			alter(t, n, "DELETE FROM job WHERE id = $1", j.ID)
		}
	}
}

func raw(n *storetest.Running, role ward.Role, action access.Action, id ward.ID) (ward.Message, error) {
	return n.Store.Raw(ctx, n.Permit(role, action, ""), id)
}

func info(t testing.TB, n *storetest.Running, id ward.ID) store.MessageInfo {
	t.Helper()
	m, err := n.Store.Message(ctx, n.Permit(ward.Steward, access.MessageRead, ""), id)
	must(t, err)
	return m
}

func steps(m store.MessageInfo) (out []string) {
	for _, h := range m.Hops {
		out = append(out, h.Step)
	}
	return out
}

func glucose(id, patient string) string { return observation(id, patient, "2345-7", "2026-01-02", 5.4) }

// understood receives a message and applies one observation of the patient.
func understood(t testing.TB, n *storetest.Running, control, patient string, holds ...store.Hold) (ward.ID, []store.Result) {
	t.Helper()
	id := n.Receive(storetest.ORU(control, patient)).ID
	p, e := n.Effects(id, []ward.Reference{ref("Observation/o-" + control)}, []string{glucose("o-"+control, patient)}, patient)
	e.Holds = holds
	got, err := n.Store.ApplyMessage(ctx, p, e)
	must(t, err)
	finish(t, n, id)
	return id, got
}

func TestRepeatsAndReusedKeys(t *testing.T) {
	storetest.Each(t, func(t *testing.T, n *storetest.Running) {
		in := storetest.ORU("c1", "p")
		first := n.Receive(in)
		if first.Repeat || first.Reused || !bytes.Equal(first.Reply, in.Reply) {
			t.Fatalf("%+v", first)
		}
		again := storetest.ORU("c1", "p")
		again.Reply = ward.Protected("another acknowledgement")
		got := n.Receive(again)
		if !got.Repeat || got.Reused || got.ID != first.ID || !bytes.Equal(got.Reply, in.Reply) {
			t.Fatalf("%+v with %q", got, []byte(got.Reply))
		}
		other := storetest.ORU("c1", "p")
		other.Message.Body = append(other.Message.Body, "NTE|1||late\r"...)
		if got = n.Receive(other); got.Repeat || !got.Reused || got.ID == first.ID {
			t.Fatalf("%+v", got)
		}
		elsewhere := storetest.ORU("c1", "p")
		elsewhere.Message.Source = "lab2"
		if got = n.Receive(elsewhere); got.Repeat || got.Reused {
			t.Fatalf("the key of another channel counts: %+v", got)
		}
		keyless := storetest.ORU("c2", "p")
		keyless.Key = nil
		n.Receive(keyless)
		if got = n.Receive(keyless); !got.Repeat {
			t.Fatal("without a key the body is the key")
		}
		m := info(t, n, first.ID)
		if m.Repeats != 1 || m.State != store.MessageReceived || m.Kind != "ORU^R01" || m.Channel != storetest.Channel || m.Size != int64(len(in.Message.Body)) ||
			!slices.Equal(steps(m), []string{"received", "repeat"}) {
			t.Fatalf("%+v", m)
		}
		back, err := raw(n, ward.Integration, access.Receive, first.ID)
		must(t, err)
		if !bytes.Equal(back.Body, in.Message.Body) || back.ContentType != in.Message.ContentType || back.Source != storetest.Channel {
			t.Fatal("the message came back as another")
		}
		if back, err = raw(n, ward.Steward, access.MessageOpen, first.ID); err != nil || len(back.Body) == 0 {
			t.Fatal(err)
		}
		if jobs := deliver(t, n); len(jobs) != 4 {
			t.Fatalf("%d jobs", len(jobs))
		}
		n.Clean()
	})
}

// Sixteen deliveries of one message at the same time: one is kept, everybody hears the same.
func TestRepeatRace(t *testing.T) {
	storetest.Each(t, func(t *testing.T, n *storetest.Running) {
		const many = 16
		var wg sync.WaitGroup
		got := make([]store.Received, many)
		start := make(chan struct{})
		for i := range many {
			in := storetest.ORU("c1", "p")
			p := n.Permit(ward.Integration, access.Receive, "")
			s := n.Store
			if i%2 == 1 && n.DB.Engine() == storetest.PostgreSQL && i < 3 {
				s = n.Second()
			}
			wg.Go(func() {
				<-start
				var err error
				if got[i], err = s.Receive(ctx, p, in); err != nil {
					t.Error(err)
				}
			})
		}
		close(start)
		wg.Wait()
		fresh := 0
		for _, g := range got {
			if !g.Repeat {
				fresh++
			}
			if g.ID != got[0].ID || g.Reused || !bytes.Equal(g.Reply, got[0].Reply) {
				t.Errorf("%+v", g)
			}
		}
		if m := info(t, n, got[0].ID); fresh != 1 || m.Repeats != many-1 {
			t.Errorf("%d are the first, %d repeats", fresh, m.Repeats)
		}
		if jobs := deliver(t, n); len(jobs) != 1 {
			t.Errorf("%d jobs", len(jobs))
		}
		if r := n.Clean(); r.Raw != 1 {
			t.Errorf("%d messages", r.Raw)
		}
	})
}

func TestArrivalsThatAreNotUnderstood(t *testing.T) {
	storetest.Each(t, func(t *testing.T, n *storetest.Running) {
		for _, state := range []store.MessageState{store.MessageApart, store.MessageHeld, store.MessageKept} {
			in := storetest.ORU(string(state), "p")
			in.State, in.Reason = state, "a-reason"
			if m := info(t, n, n.Receive(in).ID); m.State != state || m.Reason != "a-reason" {
				t.Errorf("%+v", m)
			}
		}
		if len(deliver(t, n)) != 0 {
			t.Error("a message that is not to be understood was enqueued")
		}
		for name, change := range map[string]func(*store.Inbound){
			"state":   func(in *store.Inbound) { in.State = store.MessageApplied },
			"kind":    func(in *store.Inbound) { in.Kind = "oru^r01" },
			"lanes":   func(in *store.Inbound) { in.Lanes = [][]byte{{1}, {2}, {3}} },
			"channel": func(in *store.Inbound) { in.Message.Source = "" },
			"reason":  func(in *store.Inbound) { in.Reason = "two\nlines" },
		} {
			in := storetest.ORU("bad", "p")
			change(&in)
			if _, err := n.Store.Receive(ctx, n.Permit(ward.Integration, access.Receive, ""), in); ward.KindOf(err) != ward.Invalid {
				t.Errorf("%s: %v", name, err)
			}
		}
		var held []store.MessageInfo
		held, _, err := n.Store.Messages(ctx, n.Permit(ward.Steward, access.MessageRead, ""), store.MessageQuery{State: store.MessageHeld})
		must(t, err)
		if len(held) != 1 {
			t.Fatalf("%d held", len(held))
		}
		reject := n.Permit(ward.Steward, access.HoldReject, "")
		wantKind(t, n.Store.RejectMessage(ctx, reject, held[0].ID, strings.Repeat("é", 201)), ward.Invalid)
		must(t, n.Store.RejectMessage(ctx, reject, held[0].ID, strings.Repeat("é", 200)))
		wantKind(t, n.Store.RejectMessage(ctx, reject, held[0].ID, ""), ward.Conflict)
		note, err := n.Store.Rejection(ctx, n.Permit(ward.Steward, access.MessageOpen, ""), held[0].ID)
		must(t, err)
		if m := info(t, n, held[0].ID); m.State != store.MessageRejected || string(note) != strings.Repeat("é", 200) {
			t.Fatalf("%+v", m)
		}
		wantKind(t, n.Store.ReplayMessage(ctx, n.Permit(ward.Steward, access.MessageReplay, ""), held[0].ID), ward.Conflict)
		n.Clean()
	})
}

func TestMessagesArePaged(t *testing.T) {
	storetest.Each(t, func(t *testing.T, n *storetest.Running) {
		var want []ward.ID
		for i := range 7 {
			in := storetest.ORU(fmt.Sprint("c", i), "p")
			in.Message.Source = []string{"lab", "ward"}[i%2]
			if id := n.Receive(in).ID; i%2 == 0 {
				want = append([]ward.ID{id}, want...)
			}
		}
		var got []ward.ID
		q := store.MessageQuery{Channel: "lab", Count: 3, State: store.MessageReceived}
		for {
			page, next, err := n.Store.Messages(ctx, n.Permit(ward.Steward, access.MessageRead, ""), q)
			must(t, err)
			for _, m := range page {
				got = append(got, m.ID)
			}
			if q.Cursor = next; next == "" {
				break
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatal(diff)
		}
		other, _, err := n.Store.Messages(ctx, n.OtherPermit(ward.Steward, access.MessageRead, ""), store.MessageQuery{})
		must(t, err)
		if len(other) != 0 {
			t.Fatal("another tenant sees messages")
		}
		_, err = n.Store.Message(ctx, n.OtherPermit(ward.Steward, access.MessageRead, ""), want[0])
		wantKind(t, err, ward.NotFound)
	})
}

// A merge is in two lanes; it is worked on when it is at the head of both.
func TestArrivedInBothLanes(t *testing.T) {
	storetest.Each(t, func(t *testing.T, n *storetest.Running) {
		in := storetest.ORU("a40", "p")
		in.Kind, in.Lanes = "ADT^A40", [][]byte{[]byte("MRN|p"), []byte("MRN|q")}
		id := n.Receive(in).ID
		jobs := deliver(t, n)
		if len(jobs) != 2 || jobs[0].Key == jobs[1].Key {
			t.Fatalf("%d jobs", len(jobs))
		}
		for i, want := range []bool{false, true, true} {
			a, err := n.Store.Arrived(ctx, jobs[min(i, 1)])
			must(t, err)
			if a.All != want || a.Done {
				t.Fatalf("step %d: all %v, done %v", i, a.All, a.Done)
			}
			_, err = n.Store.RawArrived(ctx, n.OtherPermit(ward.Integration, access.Receive, ""), a)
			wantKind(t, err, ward.Denied)
			m, err := n.Store.RawArrived(ctx, n.Permit(ward.Integration, access.Receive, ""), a)
			if want != (err == nil) || want && string(m.Body) != string(in.Message.Body) {
				t.Fatalf("step %d: %d bytes, %v", i, len(m.Body), err)
			}
		}
		p, e := n.Effects(id, nil, nil)
		e.State = store.MessageKept
		_, err := n.Store.ApplyMessage(ctx, p, e)
		must(t, err)
		a, err := n.Store.Arrived(ctx, jobs[0])
		if a.All || !a.Done || err != nil {
			t.Fatal(a.All, a.Done, err)
		}
		if _, err := n.Store.RawArrived(ctx, n.Permit(ward.Integration, access.Receive, ""), a); err == nil {
			t.Fatal("a message that is done was opened by its job")
		}
		if _, err := n.Store.Arrived(ctx, queue.Job{Tenant: jobs[0].Tenant, Ref: []byte("x")}); err == nil {
			t.Fatal("a job that names no message")
		}
		n.Clean()
	})
}

func TestApplyMessage(t *testing.T) {
	storetest.Each(t, func(t *testing.T, n *storetest.Running) {
		id, got := understood(t, n, "c1", "p")
		if len(got) != 1 || got[0].Version.Number != 1 {
			t.Fatalf("%+v", got)
		}
		m := info(t, n, id)
		want := []store.Hop{{At: m.Received, Step: "received", Entry: m.Entry}, {Step: "normalized", Entry: got[0].Version.Entry},
			{Step: "applied", Entry: got[0].Version.Entry, Refs: []string{"Observation/o-c1/_history/1"}, Rules: []string{"rule/1"}}}
		want[1].At, want[2].At = m.Hops[1].At, m.Hops[2].At
		if diff := cmp.Diff(want, m.Hops); diff != "" || m.State != store.MessageApplied || m.Facts != 1 {
			t.Fatalf("%+v\n%s", m, diff)
		}
		p, e := n.Effects(id, []ward.Reference{ref("Observation/o-c1")}, []string{glucose("o-c1", "p")}, "p")
		before := len(n.Entries())
		if again, err := n.Store.ApplyMessage(ctx, p, e); again != nil || err != nil || len(n.Entries()) != before {
			t.Fatalf("%+v, %v", again, err)
		}
		// A replay is an upsert.
		replay := n.Permit(ward.Steward, access.MessageReplay, "")
		must(t, n.Store.ReplayMessage(ctx, replay, id))
		wantKind(t, n.Store.ReplayMessage(ctx, replay, id), ward.Conflict)
		p, e = n.Effects(id, []ward.Reference{ref("Observation/o-c1")}, []string{glucose("o-c1", "p")}, "p")
		again, err := n.Store.ApplyMessage(ctx, p, e)
		must(t, err)
		finish(t, n, id)
		if len(again) != 1 || !again[0].Kept {
			t.Fatalf("%+v", again)
		}
		if m := info(t, n, id); m.State != store.MessageApplied || !slices.Equal(steps(m), []string{"received", "normalized", "applied", "replayed", "normalized", "applied"}) {
			t.Fatalf("%+v", m)
		}
		// No change, another state; an unknown message.
		kept := n.Receive(storetest.ORU("c2", "p")).ID
		p, e = n.Effects(kept, nil, nil)
		e.State, e.Reason = store.MessageKept, "no-rule"
		if out, err := n.Store.ApplyMessage(ctx, p, e); err != nil || out == nil || len(out) != 0 {
			t.Fatalf("%+v, %v", out, err)
		}
		finish(t, n, kept)
		if _, err := raw(n, ward.Integration, access.Receive, kept); err != nil {
			t.Fatal(err)
		}
		p, e = n.Effects(ward.NewID(), nil, nil)
		_, err = n.Store.ApplyMessage(ctx, p, e)
		wantKind(t, err, ward.NotFound)
		// A patient who was erased: nothing is written, and the caller may then hold the message.
		shred(t, n, "gone")
		late := n.Receive(storetest.ORU("c3", "gone")).ID
		p, e = n.Effects(late, []ward.Reference{ref("Observation/late")}, []string{glucose("late", "gone")}, "gone")
		_, err = n.Store.ApplyMessage(ctx, p, e)
		wantKind(t, err, ward.Gone)
		p, e = n.Effects(late, nil, nil)
		e.State, e.Reason = store.MessageHeld, "erased"
		_, err = n.Store.ApplyMessage(ctx, p, e)
		must(t, err)
		finish(t, n, late)
		n.Clean()
	})
}

func hold(position, patient, fact string) store.Hold {
	return store.Hold{Patient: patient, Class: "unit", Reason: "unit-unknown", Position: position, Fact: fact, Rule: "units/1",
		Evidence: ward.Protected(`{"sent":"` + position + `"}`)}
}

func holds(t testing.TB, n *storetest.Running, q store.HoldQuery) []store.HeldFact {
	t.Helper()
	out, _, err := n.Store.Holds(ctx, n.Permit(ward.Steward, access.HoldRead, ""), q)
	must(t, err)
	return out
}

func heldFact(t testing.TB, n *storetest.Running, id ward.ID) store.HeldFact {
	t.Helper()
	h, err := n.Store.Held(ctx, n.Permit(ward.Steward, access.HoldRead, ""), id)
	must(t, err)
	return h
}

// releaseAs releases with one observation as the change.
func releaseAs(t testing.TB, n *storetest.Running, who ward.PrincipalID, id ward.ID, proposal string, o string) ([]store.Result, error) {
	t.Helper()
	person, request := n.Person(who, ward.Steward), ward.NewID()
	decide := func(a access.Action, rt string) access.Permit {
		p, err := n.Access.Decide(ctx, access.Request{Principal: person, Action: a, Type: rt, Purpose: ward.Treatment, ID: request})
		must(t, err)
		return p
	}
	p := decide(access.HoldRelease, "")
	c := store.Change{Permit: decide(access.Update, "Observation"), Op: store.OpUpdate, Resource: ward.Resource{Ref: ref("Observation/" + o), Body: ward.Protected(glucose(o, "p"))}}
	return n.Store.Release(ctx, p, id, sha256.Sum256([]byte(proposal)), []store.Change{c})
}

func TestTwoPersonRelease(t *testing.T) {
	storetest.Each(t, func(t *testing.T, n *storetest.Running) {
		id, _ := understood(t, n, "c1", "p", hold("OBX[1]-6", "p", "Observation/h1"), hold("OBX[2]-6", "p", "Observation/h2"), hold("OBX[2]-6", "p", ""))
		all := holds(t, n, store.HoldQuery{Message: id})
		if len(all) != 3 || info(t, n, id).Held != 3 {
			t.Fatalf("%d holds", len(all))
		}
		first := all[0].ID
		h := heldFact(t, n, first)
		if string(h.Hold.Evidence) != `{"sent":"OBX[1]-6"}` || h.State != store.HoldHeld || h.Message != id || h.Hold.Fact != "Observation/h1" {
			t.Fatalf("%+v", h)
		}
		propose := func(who ward.PrincipalID, text string) {
			p := n.PermitOf(n.Person(who, ward.Steward), ward.Treatment, access.HoldRelease, "")
			must(t, n.Store.Propose(ctx, p, first, ward.Protected(text)))
		}
		_, err := releaseAs(t, n, "bea", first, "one", "h1")
		wantKind(t, err, ward.Conflict)
		propose("ann", "one")
		_, err = releaseAs(t, n, "ann", first, "one", "h1")
		wantKind(t, err, ward.Denied)
		_, err = releaseAs(t, n, "bea", first, "two", "h1")
		wantKind(t, err, ward.Precondition)
		propose("bea", "two")
		_, err = releaseAs(t, n, "bea", first, "two", "h1")
		wantKind(t, err, ward.Denied)
		out, err := releaseAs(t, n, "ann", first, "two", "h1")
		must(t, err)
		if h = heldFact(t, n, first); h.State != store.HoldReleased || h.First != "bea" || h.Second != "ann" || string(h.Proposal) != "two" || len(out) != 1 {
			t.Fatalf("%+v", h)
		}
		if _, err := get(n, ward.Clinician, "Observation/h1"); err != nil {
			t.Fatal(err)
		}
		m := info(t, n, id)
		if last := m.Hops[len(m.Hops)-1]; last.Step != "released" || !slices.Equal(last.Refs, []string{"hold/" + first.String(), "Observation/h1/_history/1"}) {
			t.Fatalf("%+v", last)
		}
		_, err = releaseAs(t, n, "ann", first, "two", "h1")
		wantKind(t, err, ward.Conflict)
		reject := n.Permit(ward.Steward, access.HoldReject, "")
		must(t, n.Store.Reject(ctx, reject, all[1].ID, "not a unit"))
		wantKind(t, n.Store.Reject(ctx, reject, all[1].ID, ""), ward.Conflict)
		if h = heldFact(t, n, all[1].ID); h.State != store.HoldRejected || h.Note != "not a unit" || h.Second != "steward" || len(h.Hold.Evidence) == 0 {
			t.Fatalf("%+v", h)
		}
		if got := holds(t, n, store.HoldQuery{State: store.HoldHeld, Class: "unit", Patient: "p"}); len(got) != 1 || got[0].ID != all[2].ID {
			t.Fatalf("%+v", got)
		}
		n.Clean()
	})
}

// Two second persons at the same time: one releases.
func TestReleaseRace(t *testing.T) {
	storetest.Each(t, func(t *testing.T, n *storetest.Running) {
		id, _ := understood(t, n, "c1", "p", hold("OBX[1]-6", "p", "Observation/h1"))
		h := holds(t, n, store.HoldQuery{Message: id})[0].ID
		must(t, n.Store.Propose(ctx, n.Permit(ward.Steward, access.HoldRelease, ""), h, ward.Protected("one")))
		var wg sync.WaitGroup
		errs := make([]error, 8)
		for i := range errs {
			wg.Go(func() { _, errs[i] = releaseAs(t, n, ward.PrincipalID(fmt.Sprint("p", i)), h, "one", "h1") })
		}
		wg.Wait()
		won := 0
		for _, err := range errs {
			if err == nil {
				won++
			} else if ward.KindOf(err) != ward.Conflict {
				t.Error(err)
			}
		}
		if v, err := get(n, ward.Clinician, "Observation/h1"); won != 1 || err != nil || v.Number != 1 {
			t.Fatalf("%d released it, version %d, %v", won, v.Number, err)
		}
		n.Clean()
	})
}

// A replay finds its holds again by position: the open one takes the new evidence, what is not held any more is superseded.
func TestReplayOfHolds(t *testing.T) {
	storetest.Each(t, func(t *testing.T, n *storetest.Running) {
		id, _ := understood(t, n, "c1", "p", hold("OBX[1]", "p", "Observation/h1"), hold("OBX[2]", "p", "Observation/h2"), hold("OBX[3]", "p", "Observation/h3"))
		all := holds(t, n, store.HoldQuery{Message: id})
		must(t, n.Store.Propose(ctx, n.Permit(ward.Steward, access.HoldRelease, ""), all[0].ID, ward.Protected("one")))
		must(t, n.Store.Reject(ctx, n.Permit(ward.Steward, access.HoldReject, ""), all[2].ID, "no"))
		must(t, n.Store.ReplayMessage(ctx, n.Permit(ward.Steward, access.MessageReplay, ""), id))
		p, e := n.Effects(id, []ward.Reference{ref("Observation/h2")}, []string{glucose("h2", "p")}, "p")
		changed := hold("OBX[1]", "p", "Observation/h1")
		changed.Evidence = ward.Protected(`{"sent":"again"}`)
		e.Holds = []store.Hold{changed, hold("OBX[3]", "p", "Observation/h3")}
		_, err := n.Store.ApplyMessage(ctx, p, e)
		must(t, err)
		finish(t, n, id)
		for i, want := range []store.HoldState{store.HoldHeld, store.HoldSuperseded, store.HoldRejected} {
			h := heldFact(t, n, all[i].ID)
			if h.State != want || i == 0 && (string(h.Hold.Evidence) != `{"sent":"again"}` || len(h.Proposal) != 0 || h.First != "") {
				t.Errorf("hold %d: %+v", i, h)
			}
		}
		// A later message that stores the same fact ends what was held of it.
		later := n.Receive(storetest.ORU("c2", "p")).ID
		p, e = n.Effects(later, []ward.Reference{ref("Observation/h1")}, []string{glucose("h1", "p")}, "p")
		_, err = n.Store.ApplyMessage(ctx, p, e)
		must(t, err)
		finish(t, n, later)
		if h := heldFact(t, n, all[0].ID); h.State != store.HoldSuperseded {
			t.Errorf("%+v", h)
		}
		n.Clean()
	})
}

func TestDeadMessages(t *testing.T) {
	storetest.Each(t, func(t *testing.T, n *storetest.Running) {
		id := n.Receive(storetest.ORU("c1", "p")).ID
		n.Receive(storetest.ORU("c2", "p"))
		job := deliver(t, n)[0]
		alter(t, n, "UPDATE job SET state = 3, due_us = 9223372036854775807, reason = 'it broke' WHERE id = $1", job.ID)
		list := func(state store.MessageState) []store.MessageInfo {
			ms, _, err := n.Store.Messages(ctx, n.Permit(ward.Steward, access.MessageRead, ""), store.MessageQuery{State: state})
			must(t, err)
			return ms
		}
		d, err := store.ReadDelivery(job.Ref)
		must(t, err)
		if d.Message != id && len(list(store.MessageDead)) == 1 {
			id = d.Message
		}
		dead := list(store.MessageDead)
		if len(dead) != 1 || dead[0].ID != id || dead[0].Reason != "it broke" || dead[0].State != store.MessageDead || len(list(store.MessageReceived)) != 1 || len(list("")) != 2 {
			t.Fatalf("%+v", dead)
		}
		replay := n.Permit(ward.Steward, access.MessageReplay, "")
		must(t, n.Store.ReplayMessage(ctx, replay, id))
		if len(list(store.MessageDead)) != 0 || len(deliver(t, n)) != 2 {
			t.Fatal("it is dead still")
		}
		wantKind(t, n.Store.ReplayMessage(ctx, replay, id), ward.Conflict)
		n.Clean()
	})
}

func TestFeed(t *testing.T) {
	storetest.Each(t, func(t *testing.T, n *storetest.Running) {
		n.Halt()
		asked, followed := 0, false
		when := func(ctx context.Context, tx *db.Tx) (bool, error) {
			var seen int64
			_, err := tx.Get(ctx, "SELECT COUNT(*) FROM res WHERE tn = $1", []any{int64(tx.Tenant())}, &seen)
			if asked++; seen == 0 {
				t.Error("asked outside of the transaction that writes")
			}
			return followed, err
		}
		n.Store.Feed("watch", nil, "Observation", "Condition")
		n.Store.Feed("alone", when, "Observation")
		refs, bodies := []ward.Reference{ref("Patient/p")}, []string{patient("p")}
		for i := range 90 {
			id := fmt.Sprintf("%s-%d", strings.Repeat("x", 40), i)
			refs, bodies = append(refs, ref("Observation/"+id)), append(bodies, glucose(id, []string{"p", "q", ""}[i%3]))
		}
		_, err := n.Store.Apply(ctx, audit.ActTransaction, n.Changes(ward.Integration, refs, bodies))
		must(t, err)
		remove(t, n, refs[1].String())
		remove(t, n, refs[2].String()) // of q, who is not stored
		jobs, err := n.Queue.List(ctx, db.Tenant(n.Tenant.Number), "watch", queue.Ready, ward.ID{}, 100)
		must(t, err)
		seen := map[string]int{}
		keys := map[string]string{}
		for _, j := range jobs {
			e, err := store.ReadEvent(j.Ref)
			must(t, err)
			seen[e.Patient] += len(e.Refs)
			if k := keys[e.Patient]; k != "" && k != j.Key {
				t.Error("the jobs of a patient have two keys")
			}
			keys[e.Patient] = j.Key
		}
		if diff := cmp.Diff(map[string]int{"p": 31, "q": 30}, seen); diff != "" || len(jobs) != 3 {
			t.Fatalf("%d jobs: %s", len(jobs), diff)
		}
		alone := func() int {
			jobs, err := n.Queue.List(ctx, db.Tenant(n.Tenant.Number), "alone", queue.Ready, ward.ID{}, 100)
			must(t, err)
			return len(jobs)
		}
		if alone() != 0 || asked == 0 {
			t.Fatalf("%d jobs that nobody wants, asked %d times", alone(), asked)
		}
		followed = true
		_, err = n.Store.Apply(ctx, audit.ActTransaction, n.Changes(ward.Integration, []ward.Reference{ref("Observation/late")}, []string{glucose("late", "p")}))
		must(t, err)
		if alone() != 1 {
			t.Fatalf("%d jobs for one patient", alone())
		}
		if _, err := store.ReadEvent([]byte("{}")); err == nil {
			t.Fatal("an event without a patient")
		}
	})
}

func TestDerive(t *testing.T) {
	n := storetest.Node(t, storetest.SQLite)
	id := func(p access.Permit, system string, key ...string) string {
		out, err := n.Store.Derive(ctx, p, system, key...)
		must(t, err)
		return out
	}
	p := func() access.Permit { return n.Permit(ward.Integration, access.Receive, "") }
	one := id(p(), "urn:mrn", "a", "bc")
	parsed, err := ward.ParseID(one)
	must(t, err)
	if parsed[6]>>4 != 8 || !ward.ValidID(one) || one != id(p(), "urn:mrn", "a", "bc") {
		t.Fatal(one)
	}
	for _, other := range []string{id(p(), "urn:mrn", "ab", "c"), id(p(), "urn:mrn", "a", "bc", ""), id(p(), "urn:mr", "na", "bc"),
		id(n.OtherPermit(ward.Integration, access.Receive, ""), "urn:mrn", "a", "bc")} {
		if other == one {
			t.Fatal("two keys gave one id")
		}
	}
	n.Reopen()
	if one != id(p(), "urn:mrn", "a", "bc") {
		t.Fatal("the id changed with a restart")
	}
}

// TestMessageMovesBeforeItsCommit: what happens to a message between the reading of its row and the commit of its effects is neither lost
// nor done over, and its effects are written once.
func TestMessageMovesBeforeItsCommit(t *testing.T) {
	storetest.Each(t, func(t *testing.T, n *storetest.Running) {
		apply := func(id ward.ID, control string) ([]store.Result, error) {
			p, e := n.Effects(id, []ward.Reference{ref("Observation/o-" + control)}, []string{glucose("o-"+control, "p")}, "p")
			return n.Store.ApplyMessage(ctx, p, e)
		}
		repeated := n.Receive(storetest.ORU("c1", "p")).ID
		between(n, func() { n.Receive(storetest.ORU("c1", "p")) })
		if got, err := apply(repeated, "c1"); err != nil || len(got) != 1 || !got[0].Created {
			t.Fatalf("%+v, %v", got, err)
		}
		m := info(t, n, repeated)
		if m.Repeats != 1 || m.State != store.MessageApplied || !slices.Equal(steps(m), []string{"received", "repeat", "normalized", "applied"}) {
			t.Errorf("%+v", m)
		}
		twice := n.Receive(storetest.ORU("c2", "p")).ID
		between(n, func() {
			if got, err := apply(twice, "c2"); err != nil || len(got) != 1 {
				t.Errorf("%+v, %v", got, err)
			}
		})
		if got, err := apply(twice, "c2"); got != nil || err != nil {
			t.Errorf("%+v, %v", got, err)
		}
		if m := info(t, n, twice); !slices.Equal(steps(m), []string{"received", "normalized", "applied"}) {
			t.Errorf("%v", steps(m))
		}
		finish(t, n, repeated)
		finish(t, n, twice)
		n.Clean()
	})
}

// TestCreateMeetsWhatIsThere: what is to be created and is there is refused by name, and nothing of the message is written.
func TestCreateMeetsWhatIsThere(t *testing.T) {
	storetest.Each(t, func(t *testing.T, n *storetest.Running) {
		n.Put("Patient/p", patient("p"))
		n.Put("Observation/o", glucose("o", "p"))
		id := n.Receive(storetest.ORU("c1", "p")).ID
		p, e := n.Effects(id, []ward.Reference{ref("Observation/fresh"), ref("Observation/o")}, []string{glucose("fresh", "p"), glucose("o", "p")}, "p")
		create, err := n.Access.Decide(ctx, access.Request{Principal: n.Principal(ward.Integration), Action: access.Create, Type: "Observation",
			Purpose: storetest.PurposeOf(ward.Integration), ID: p.Request()})
		must(t, err)
		for i := range e.Changes {
			e.Changes[i].Op, e.Changes[i].Permit = store.OpCreate, create
		}
		_, err = n.Store.ApplyMessage(ctx, p, e)
		wantKind(t, err, ward.Conflict)
		var at *ward.Error
		if !errors.As(err, &at) || at.Path != "changes[1]" {
			t.Errorf("%v", err)
		}
		if m := info(t, n, id); m.State != store.MessageReceived {
			t.Errorf("%+v", m)
		}
		if number(t, n, "SELECT COUNT(*) FROM res") != 2 || number(t, n, "SELECT COUNT(*) FROM ver") != 2 {
			t.Error("something was written")
		}
		n.Clean()
	})
}
