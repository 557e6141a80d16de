package store_test

import (
	"bytes"
	"sync"
	"testing"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/audit"
	"github.com/ward-health/ward/store"
	"github.com/ward-health/ward/store/storetest"
)

// eventually waits for a condition that the queue brings about.
func eventually(t testing.TB, what string, done func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.After(10 * time.Second); !done(); {
		select {
		case <-end:
			t.Fatalf("%s did not come about", what)
		case <-tick.C:
		}
	}
}

func shred(t testing.TB, n *storetest.Running, patient string) store.Erasure {
	t.Helper()
	e, err := n.Store.Shred(ctx, n.Permit(ward.Privacy, access.Shred, ""), patient)
	must(t, err)
	return e
}

// indexRows counts what the index holds of a resource.
func indexRows(t testing.TB, n *storetest.Running, id string) int64 {
	t.Helper()
	return number(t, n, `SELECT (SELECT COUNT(*) FROM ix_tok x, res r WHERE r.tn = $1 AND r.id = $2 AND x.tn = r.tn AND x.rid = r.rid) +
		(SELECT COUNT(*) FROM ix_ref x, res r WHERE r.tn = $1 AND r.id = $2 AND x.tn = r.tn AND x.rid = r.rid) +
		(SELECT COUNT(*) FROM ix_date x, res r WHERE r.tn = $1 AND r.id = $2 AND x.tn = r.tn AND x.rid = r.rid)`, n.Tenant.Number, id)
}

func decision(patient string) ward.Decision {
	return ward.Decision{ID: ward.NewID(), At: time.Now().UTC().Truncate(time.Second), Patient: patient, Asked: "patient-view", Model: "egfr@1", Reasons: []string{"because"}}
}

func putDecision(t testing.TB, n *storetest.Running, d ward.Decision) ward.ID {
	t.Helper()
	entry, err := n.Store.PutDecision(ctx, n.Permit(ward.Clinician, access.Predict, ""), d, [32]byte{1, 2, 3})
	must(t, err)
	return entry
}

func TestShred(t *testing.T) {
	storetest.Each(t, func(t *testing.T, n *storetest.Running) {
		small(n)
		n.Put("Observation/o1", observation("o1", "p", "2160-0", "2025-12-30", 2))
		n.Put("Observation/big", string(bytes.Replace([]byte(observation("big", "p", "a", "2026", 1)), []byte(`"status"`), append([]byte(`"note":[{"text":"`), append(bytes.Repeat([]byte("x"), 20<<10), []byte(`"}],"status"`)...)...), 1)))
		d := decision("p")
		putDecision(t, n, d)
		n.Clean()
		e := shred(t, n, "p")
		if e.Versions != 8 || e.Entry.IsZero() || !bytes.Contains([]byte(e.Text), []byte("Backups")) {
			t.Fatalf("erasure: %+v", e)
		}
		for _, r := range []string{"Patient/p", "Observation/o1", "Observation/o3", "Observation/big"} {
			_, err := get(n, ward.Clinician, r)
			wantKind(t, err, ward.Gone)
			_, err = n.Store.VRead(ctx, n.Permit(ward.Clinician, access.Read, ref(r).Type), ref(r), 1)
			wantKind(t, err, ward.Gone)
			_, err = n.Store.History(ctx, n.Permit(ward.Clinician, access.Read, ref(r).Type), ref(r), "", 5)
			wantKind(t, err, ward.Gone)
		}
		if got := find(t, n, ward.Clinician, "Observation", ""); len(got) != 2 {
			t.Fatalf("a search finds %v", got)
		}
		_, _, err := n.Store.Decision(ctx, n.Permit(ward.Clinician, access.DecisionRead, ""), d.ID)
		wantKind(t, err, ward.Gone)
		ds, _, err := n.Store.Decisions(ctx, n.Permit(ward.Clinician, access.DecisionRead, ""), "p", "", 5)
		must(t, err)
		if len(ds) != 0 {
			t.Fatal("decisions of an erased patient are listed")
		}
		refuseErased(t, n)
		again := shred(t, n, "p")
		if again.Versions != e.Versions || !again.At.Equal(e.At) || again.Entry != e.Entry {
			t.Fatalf("second erasure: %+v", again)
		}
		eventually(t, "the purge", func() bool {
			return number(t, n, "SELECT COUNT(*) FROM res WHERE tn = $1 AND flags >= 2", n.Tenant.Number) == 6
		})
		for _, id := range []string{"p", "o1", "o3", "o4", "o5", "big"} {
			if rows := indexRows(t, n, id); rows != 0 {
				t.Errorf("%s has %d index rows", id, rows)
			}
		}
		eventually(t, "the entry of the purge", func() bool { return acts(n)[audit.ActPurge] == 1 })
		if r := n.Clean(); r.Erased != 1 || r.Blobs != 0 || r.Orphans != 0 {
			t.Fatalf("%d erased, %d blobs, %d orphans", r.Erased, r.Blobs, r.Orphans)
		}
		n.Reopen()
		_, err = get(n, ward.Clinician, "Observation/o1")
		wantKind(t, err, ward.Gone)
		refuseErased(t, n)
		n.Clean()
	})
}

// refuseErased tries every write for the erased patient p.
func refuseErased(t *testing.T, n *storetest.Running) {
	t.Helper()
	for r, body := range map[string]string{
		"Observation/o1":  observation("o1", "p", "2160-0", "2026", 3),
		"Observation/new": observation("new", "p", "2160-0", "2026", 3),
		"Patient/p":       patient("p"),
	} {
		_, err := one(n, n.Permit(ward.Clinician, access.Update, ref(r).Type), store.OpUpdate, r, body)
		wantKind(t, err, ward.Gone)
	}
	// A record of the erased patient cannot be taken over for another one, nor deleted.
	_, err := one(n, n.Permit(ward.Clinician, access.Update, "Observation"), store.OpUpdate, "Observation/o1", observation("o1", "q", "2160-0", "2026", 3))
	wantKind(t, err, ward.Gone)
	_, err = one(n, n.Permit(ward.Clinician, access.Delete, "Observation"), store.OpDelete, "Observation/o1", "")
	wantKind(t, err, ward.Gone)
	_, err = n.Store.PutDecision(ctx, n.Permit(ward.Clinician, access.Predict, ""), decision("p"), [32]byte{1})
	wantKind(t, err, ward.Gone)
}

func TestShredOfSomebodyUnknown(t *testing.T) {
	storetest.Each(t, func(t *testing.T, n *storetest.Running) {
		if e := shred(t, n, "stranger"); e.Versions != 0 {
			t.Fatalf("%+v", e)
		}
		_, err := one(n, n.Permit(ward.Clinician, access.Update, "Patient"), store.OpUpdate, "Patient/stranger", patient("stranger"))
		wantKind(t, err, ward.Gone)
		n.Clean()
	})
}

// The job of the purge is written with the erasure: a node that dies in between does it at its next start.
func TestPurgeAfterRestart(t *testing.T) {
	storetest.Each(t, func(t *testing.T, n *storetest.Running) {
		small(n)
		n.Halt()
		shred(t, n, "p")
		if indexRows(t, n, "o1") == 0 {
			t.Fatal("the index was cleared without the queue")
		}
		if got := find(t, n, ward.Clinician, "Observation", "patient=p"); len(got) != 0 {
			t.Fatalf("before the purge a search finds %v", got)
		}
		_, err := get(n, ward.Clinician, "Observation/o1")
		wantKind(t, err, ward.Gone)
		n.Reopen()
		eventually(t, "the purge", func() bool { return indexRows(t, n, "o1") == 0 && acts(n)[audit.ActPurge] == 1 })
		n.Clean()
	})
}

// Writers race with the erasure: what is acknowledged came before it, and nothing opens after it.
func TestShredRace(t *testing.T) {
	storetest.Each(t, func(t *testing.T, n *storetest.Running) {
		n.Put("Patient/p", patient("p"))
		var wg sync.WaitGroup
		var mu sync.Mutex
		var acknowledged []string
		start := make(chan struct{})
		for w := range 4 {
			for i := range 6 {
				id := string(rune('a'+w)) + string(rune('a'+i))
				p := n.Permit(ward.Clinician, access.Update, "Observation")
				wg.Go(func() {
					<-start
					_, err := one(n, p, store.OpUpdate, "Observation/"+id, observation(id, "p", "a", "2026", 1))
					if err == nil {
						mu.Lock()
						acknowledged = append(acknowledged, id)
						mu.Unlock()
					} else if ward.KindOf(err) != ward.Gone {
						t.Error(err)
					}
				})
			}
		}
		var e store.Erasure
		permit := n.Permit(ward.Privacy, access.Shred, "")
		wg.Go(func() {
			<-start
			var err error
			if e, err = n.Store.Shred(ctx, permit, "p"); err != nil {
				t.Error(err)
			}
		})
		close(start)
		wg.Wait()
		if e.Versions != int64(len(acknowledged))+1 {
			t.Fatalf("%d writes were acknowledged, the erasure counted %d texts", len(acknowledged), e.Versions)
		}
		for _, id := range acknowledged {
			_, err := get(n, ward.Clinician, "Observation/"+id)
			wantKind(t, err, ward.Gone)
		}
		eventually(t, "the purge", func() bool { return acts(n)[audit.ActPurge] == 1 })
		n.Clean()
	})
}
