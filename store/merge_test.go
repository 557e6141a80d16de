package store_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/audit"
	"github.com/ward-health/ward/store"
	"github.com/ward-health/ward/store/storetest"
)

// mergeInto lets a message merge one patient into another.
func mergeInto(n *storetest.Running, from, into string) error {
	in := storetest.ORU("a40-"+from+"-"+into, from)
	in.Kind, in.Lanes = "ADT^A40", [][]byte{[]byte("MRN|" + from), []byte("MRN|" + into)}
	id := n.Receive(in).ID
	p, e := n.Effects(id, nil, nil)
	e.Merge = &store.Merge{From: from, Into: into}
	_, err := n.Store.ApplyMessage(ctx, p, e)
	return err
}

func survivor(t testing.TB, n *storetest.Running, id string) string {
	t.Helper()
	out, err := n.Store.Survivor(ctx, n.Permit(ward.Integration, access.Receive, ""), id)
	must(t, err)
	return out
}

func TestMergeSearch(t *testing.T) {
	storetest.Each(t, func(t *testing.T, n *storetest.Running) {
		const own = storetest.OwnPatient
		for _, id := range []string{own, "old", "older", "other"} {
			n.Put("Patient/"+id, patient(id))
			n.Put("Observation/o-"+id, glucose("o-"+id, id))
		}
		putDecision(t, n, decision("older"))
		if got := find(t, n, ward.PatientRole, "Observation", ""); len(got) != 1 {
			t.Fatalf("before the merge: %v", got)
		}
		must(t, mergeInto(n, "older", "old"))
		must(t, mergeInto(n, "old", own))
		must(t, mergeInto(n, "old", own)) // again
		for _, c := range []struct{ from, into string }{{own, "older"}, {"older", "other"}} {
			wantKind(t, mergeInto(n, c.from, c.into), ward.Conflict)
		}
		if survivor(t, n, "older") != own || survivor(t, n, "old") != own || survivor(t, n, own) != own || survivor(t, n, "other") != "other" {
			t.Fatal("the survivor is another")
		}
		same := func(role ward.Role, rt, query string, want ...string) {
			t.Helper()
			got := find(t, n, role, rt, query)
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Errorf("%s %s?%s: %v, want %v", role, rt, query, got, want)
			}
		}
		kin := []string{"o-" + own, "o-old", "o-older"}
		same(ward.Clinician, "Observation", "patient="+own, kin...)
		same(ward.Clinician, "Observation", "subject=Patient/"+own, kin...)
		same(ward.Clinician, "Observation", "patient=old", "o-old", "o-older")
		same(ward.Clinician, "Observation", "patient=other", "o-other")
		same(ward.Clinician, "Observation", "code=2345-7&patient="+own+"&_count=1", kin...)
		same(ward.PatientRole, "Observation", "", kin...)
		same(ward.PatientRole, "Observation", "_id=o-old,o-other", "o-old")
		same(ward.PatientRole, "Observation", "code=2345-7&_count=2", kin...)
		same(ward.PatientRole, "Patient", "", own, "old", "older")
		if _, err := get(n, ward.PatientRole, "Observation/o-older"); err != nil {
			t.Error(err)
		}
		_, err := get(n, ward.PatientRole, "Observation/o-other")
		wantKind(t, err, ward.NotFound)
		page, err := n.Store.History(ctx, n.Permit(ward.PatientRole, access.Read, "Observation"), ref("Observation/o-old"), "", 5)
		must(t, err)
		if len(page.Versions) != 1 {
			t.Error("the history of a merged record is hidden")
		}
		ds, _, err := n.Store.Decisions(ctx, n.Permit(ward.Clinician, access.DecisionRead, ""), own, "", 5)
		must(t, err)
		if len(ds) != 1 {
			t.Errorf("%d decisions", len(ds))
		}
		count, err := n.Store.Search(ctx, n.Permit(ward.Clinician, access.Search, "Observation"), search(t, "Observation", "_summary=count&patient="+own))
		must(t, err)
		if count.Total != 3 {
			t.Errorf("%d are counted", count.Total)
		}
		if n.DB.Engine() == storetest.PostgreSQL {
			second, err := n.Second().Search(ctx, n.Permit(ward.PatientRole, access.Search, "Observation"), search(t, "Observation", ""))
			must(t, err)
			if len(second.Versions) != 3 {
				t.Errorf("another node finds %d", len(second.Versions))
			}
		}
		for _, j := range deliver(t, n) {
			alter(t, n, "DELETE FROM job WHERE id = $1", j.ID)
		}
		alter(t, n, "DELETE FROM job WHERE queue = 'deliver'")
		unfinished(t, n)
		n.Clean()
	})
}

// unfinished ends messages whose effects were refused, so that Check finds none that waits without a job.
func unfinished(t testing.TB, n *storetest.Running) {
	t.Helper()
	for {
		ms, _, err := n.Store.Messages(ctx, n.Permit(ward.Steward, access.MessageRead, ""), store.MessageQuery{State: store.MessageReceived})
		must(t, err)
		if len(ms) == 0 {
			return
		}
		for _, m := range ms {
			p, e := n.Effects(m.ID, nil, nil)
			e.State = store.MessageHeld
			_, err := n.Store.ApplyMessage(ctx, p, e)
			must(t, err)
		}
	}
}

func TestShredOfMergedPatients(t *testing.T) {
	storetest.Each(t, func(t *testing.T, n *storetest.Running) {
		for _, id := range []string{"p", "old", "other"} {
			n.Put("Patient/"+id, patient(id))
		}
		understood(t, n, "c-old", "old")
		must(t, mergeInto(n, "old", "p"))
		finishAll(t, n)
		e := shred(t, n, "p")
		// two patients, one observation, the message of it and the merge, each with an acknowledgement
		if !slices.Equal(e.Merged, []string{"old"}) || e.Versions != 3+4 || !strings.Contains(e.Text, "Patient/old") {
			t.Fatalf("%+v", e)
		}
		for _, r := range []string{"Patient/p", "Patient/old", "Observation/o-c-old"} {
			_, err := get(n, ward.Clinician, r)
			wantKind(t, err, ward.Gone)
		}
		if _, err := get(n, ward.Clinician, "Patient/other"); err != nil {
			t.Fatal(err)
		}
		if again := shred(t, n, "p"); again.Versions != e.Versions || again.Entry != e.Entry {
			t.Fatalf("%+v", again)
		}
		wantKind(t, mergeInto(n, "other", "p"), ward.Gone)
		unfinished(t, n)
		finishAll(t, n)
		eventually(t, "the purge", func() bool { return acts(n)[audit.ActPurge] == 2 })
		n.Clean()
	})
}

func finishAll(t testing.TB, n *storetest.Running) {
	t.Helper()
	alter(t, n, "DELETE FROM job WHERE queue = 'deliver'")
}

func TestShredOfMessages(t *testing.T) {
	storetest.Each(t, func(t *testing.T, n *storetest.Running) {
		big := storetest.ORU("big", "p")
		big.Message.Body = append(big.Message.Body, strings.Repeat("x", 40<<10)...)
		id := n.Receive(big).ID
		p, e := n.Effects(id, []ward.Reference{ref("Observation/o1")}, []string{glucose("o1", "p")}, "p")
		h := hold("OBX[1]", "p", "Observation/h1")
		h.Evidence = ward.Protected(strings.Repeat("e", 30<<10))
		e.Holds = []store.Hold{h}
		_, err := n.Store.ApplyMessage(ctx, p, e)
		must(t, err)
		both := n.Receive(storetest.ORU("both", "q")).ID
		p, e = n.Effects(both, nil, nil, "p", "q")
		e.State = store.MessageKept
		_, err = n.Store.ApplyMessage(ctx, p, e)
		must(t, err)
		mine, _ := understood(t, n, "mine", "q")
		waits := n.Receive(storetest.ORU("waits", "p")).ID
		unknown := holds(t, n, store.HoldQuery{Message: id})[0].ID
		for _, m := range []ward.ID{id, both, mine, waits} {
			if _, err := raw(n, ward.Steward, access.MessageOpen, m); err != nil {
				t.Fatal(err)
			}
		}
		finish(t, n, id)
		finish(t, n, both)
		n.Clean()
		erased := shred(t, n, "p")
		if erased.Versions != 1+3+2 { // the observation; body, acknowledgement, evidence; body, acknowledgement
			t.Errorf("%+v", erased)
		}
		for _, m := range []ward.ID{id, both} {
			for role, a := range map[ward.Role]access.Action{ward.Steward: access.MessageOpen, ward.Integration: access.Receive} {
				_, err := raw(n, role, a, m)
				wantKind(t, err, ward.Gone)
			}
			wantKind(t, n.Store.ReplayMessage(ctx, n.Permit(ward.Steward, access.MessageReplay, ""), m), ward.Gone)
		}
		_, err = n.Store.Held(ctx, n.Permit(ward.Steward, access.HoldRead, ""), unknown)
		wantKind(t, err, ward.Gone)
		wantKind(t, n.Store.Propose(ctx, n.Permit(ward.Steward, access.HoldRelease, ""), unknown, ward.Protected("x")), ward.Gone)
		wantKind(t, n.Store.Reject(ctx, n.Permit(ward.Steward, access.HoldReject, ""), unknown, "x"), ward.Gone)
		if len(holds(t, n, store.HoldQuery{})) != 0 {
			t.Error("held facts of an erased patient are listed")
		}
		for _, m := range []ward.ID{mine, waits} {
			if _, err := raw(n, ward.Steward, access.MessageOpen, m); err != nil {
				t.Error(err)
			}
		}
		again := big
		again.Reply = ward.Protected("late")
		if got := n.Receive(again); !got.Repeat || string(got.Reply) != "late" {
			t.Errorf("%+v", got)
		}
		eventually(t, "the purge", func() bool { return acts(n)[audit.ActPurge] == 1 })
		if r := n.Clean(); r.Blobs != 0 || r.Orphans != 0 {
			t.Errorf("%+v", r)
		}
		n.Reopen()
		_, err = raw(n, ward.Steward, access.MessageOpen, both)
		wantKind(t, err, ward.Gone)
		n.Clean()
	})
}

// TestMergeBounds: a merge that would make more patients one than an erasure or a search can treat as one is refused for good, wherever
// below the root it comes in, and the message can then be held.
func TestMergeBounds(t *testing.T) {
	n := storetest.Node(t, storetest.SQLite)
	n.Halt()
	for i := range 15 { // a chain
		must(t, mergeInto(n, fmt.Sprint("l", i), fmt.Sprint("l", i+1)))
	}
	wantKind(t, mergeInto(n, "l15", "l16"), ward.Unprocessable)
	wantKind(t, mergeInto(n, "below", "l0"), ward.Unprocessable)
	must(t, mergeInto(n, "b1", "b0"))
	for i := range 499 {
		must(t, mergeInto(n, fmt.Sprint("k", i), "root"))
	}
	wantKind(t, mergeInto(n, "b0", "root"), ward.Unprocessable)
	must(t, mergeInto(n, "last", "k7"))
	for _, into := range []string{"root", "k3", "last"} {
		wantKind(t, mergeInto(n, "more", into), ward.Unprocessable)
	}
	wantKind(t, mergeInto(n, "root", "last"), ward.Conflict)
	if survivor(t, n, "more") != "more" || survivor(t, n, "last") != "root" {
		t.Fatal("a refused merge was written, or one that is in bounds was not")
	}
	unfinished(t, n)
	n.Put("Observation/o", glucose("o", "last"))
	if got := find(t, n, ward.Clinician, "Observation", "patient=root"); len(got) != 1 {
		t.Fatalf("found %v", got)
	}
	if e := shred(t, n, "k3"); len(e.Merged) != 500 {
		t.Fatalf("%d were erased with it", len(e.Merged))
	}
	_, err := get(n, ward.Clinician, "Observation/o")
	wantKind(t, err, ward.Gone)
}
