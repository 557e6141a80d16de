package store_test

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/audit"
	"github.com/ward-health/ward/store"
	"github.com/ward-health/ward/store/storetest"
)

// state is what a model knows of one observation.
type state struct {
	patient string
	values  []float64 // by version; -1: deleted
}

// TestModel runs random writes, deletions, corrections of the subject, reads and erasures against a model in memory.
func TestModel(t *testing.T) {
	n := storetest.Node(t, storetest.SQLite)
	run := 0
	rapid.Check(t, func(rt *rapid.T) {
		run++
		all, erased := map[string]*state{}, map[string]bool{}
		id := rapid.Custom(func(t *rapid.T) string { return fmt.Sprintf("r%d-%d", run, rapid.IntRange(0, 3).Draw(t, "id")) })
		who := rapid.Custom(func(t *rapid.T) string { return fmt.Sprintf("p%d-%d", run, rapid.IntRange(0, 2).Draw(t, "patient")) })
		check := func(err error, kind ward.ErrorKind, want bool) {
			if want && (err == nil || ward.KindOf(err) != kind) || !want && err != nil {
				rt.Fatalf("error %v", err)
			}
		}
		rt.Repeat(map[string]func(*rapid.T){
			"put": func(rt *rapid.T) {
				id, p, value := id.Draw(rt, "id"), who.Draw(rt, "patient"), float64(rapid.IntRange(1, 3).Draw(rt, "value"))
				s := all[id]
				got, err := one(n, n.Permit(ward.Clinician, access.Update, "Observation"), store.OpUpdate, "Observation/"+id, observation(id, p, "a", "2026", value))
				gone := erased[p] || s != nil && erased[s.patient]
				check(err, ward.Gone, gone)
				if gone {
					// An unchanged update of an erased record is refused too.
					return
				}
				if s == nil {
					s = &state{}
					all[id] = s
				}
				last := len(s.values) - 1
				kept := last >= 0 && s.values[last] == value && s.patient == p
				if !kept {
					s.values, s.patient = append(s.values, value), p
				}
				if got.Kept != kept || got.Version.Number != int64(len(s.values)) {
					rt.Fatalf("%+v, the model has %d versions, kept %v", got, len(s.values), kept)
				}
			},
			"delete": func(rt *rapid.T) {
				id := id.Draw(rt, "id")
				s := all[id]
				_, err := one(n, n.Permit(ward.Clinician, access.Delete, "Observation"), store.OpDelete, "Observation/"+id, "")
				switch {
				case s == nil:
					check(err, ward.NotFound, true)
				case erased[s.patient]:
					check(err, ward.Gone, true)
				default:
					check(err, 0, false)
					if s.values[len(s.values)-1] != -1 {
						s.values = append(s.values, -1)
					}
				}
			},
			"get": func(rt *rapid.T) {
				id := id.Draw(rt, "id")
				s := all[id]
				v, err := get(n, ward.Clinician, "Observation/"+id)
				switch {
				case s == nil:
					check(err, ward.NotFound, true)
				case erased[s.patient] || s.values[len(s.values)-1] == -1:
					check(err, ward.Gone, true)
				default:
					check(err, 0, false)
					if v.Number != int64(len(s.values)) {
						rt.Fatalf("version %d of %d", v.Number, len(s.values))
					}
				}
			},
			"search": func(rt *rapid.T) {
				p := who.Draw(rt, "patient")
				var want []string
				for id, s := range all {
					if s.patient == p && !erased[p] && s.values[len(s.values)-1] != -1 {
						want = append(want, id)
					}
				}
				got := find(t, n, ward.Clinician, "Observation", "_count=2&patient="+p)
				slices.Sort(got)
				slices.Sort(want)
				if d := cmp.Diff(want, got); d != "" {
					rt.Fatal(d)
				}
			},
			"shred": func(rt *rapid.T) {
				if rapid.IntRange(0, 5).Draw(rt, "seldom") == 0 {
					p := who.Draw(rt, "patient")
					shred(t, n, p)
					erased[p] = true
				}
			},
		})
	})
	n.Clean()
}

// Check may run beside writers, erasures and purges: it reports nothing that is only on its way.
func TestCheckBesideWriters(t *testing.T) {
	storetest.Each(t, func(t *testing.T, n *storetest.Running) {
		var stop atomic.Bool
		var wg sync.WaitGroup
		for w := range 3 {
			wg.Go(func() {
				for i := 0; !stop.Load(); i++ {
					p := fmt.Sprintf("p%d-%d", w, i/20)
					id := fmt.Sprintf("o%d-%d", w, i%30+i/20*30)
					permit, err := n.Access.Decide(ctx, access.Request{Principal: n.Principal(ward.Clinician), Action: access.Update, Type: "Observation", Purpose: ward.Treatment, ID: ward.NewID()})
					if err == nil {
						_, err = one(n, permit, store.OpUpdate, "Observation/"+id, observation(id, p, "a", "2026", float64(i+1)))
					}
					if err != nil {
						t.Error(err)
						return
					}
					if i%20 == 19 {
						permit, err := n.Access.Decide(ctx, access.Request{Principal: n.Principal(ward.Privacy), Action: access.Shred, Purpose: ward.Operations, ID: ward.NewID()})
						if err == nil {
							_, err = n.Store.Shred(ctx, permit, p)
						}
						if err != nil {
							t.Error(err)
							return
						}
					}
				}
			})
		}
		for range 8 {
			for _, f := range n.Check().Faults {
				t.Errorf("%s %s: %s", f.Class, f.Where, f.What)
			}
		}
		stop.Store(true)
		wg.Wait()
		n.Clean()
	})
}

// Two nodes over one database: unique keys and row locks decide their races.
func TestTwoNodes(t *testing.T) {
	n := storetest.Node(t, storetest.PostgreSQL)
	stores := []*store.Store{n.Store, n.Second()}
	n.Put("Patient/p", patient("p"))
	n.Put("Observation/o", observation("o", "p", "a", "2026", 1))
	for round := range 5 {
		id := fmt.Sprintf("x%d", round)
		q := search(t, "Patient", "identifier=urn:mrn|mrn-"+id)
		var created, won atomic.Int64
		var wg sync.WaitGroup
		for i := range 16 {
			create, update := n.Permit(ward.Integration, access.Create, "Patient"), n.Permit(ward.Clinician, access.Update, "Observation")
			s := stores[i%2]
			wg.Go(func() {
				got, err := s.Apply(ctx, audit.ActCreate, []store.Change{{Permit: create, Op: store.OpCreate, IfNoneExist: &q,
					Resource: ward.Resource{Ref: ward.Reference{Type: "Patient"}, Body: ward.Protected(patient(id))}}})
				if err != nil {
					t.Error(err)
				} else if got[0].Created {
					created.Add(1)
				}
				body := observation("o", "p", "a", "2026", float64(100*(round+1)+i))
				_, err = s.Apply(ctx, audit.ActUpdate, []store.Change{{Permit: update, Op: store.OpUpdate, IfMatch: int64(round + 1),
					Resource: ward.Resource{Ref: ref("Observation/o"), Body: ward.Protected(body)}}})
				if err == nil {
					won.Add(1)
				} else if ward.KindOf(err) != ward.Precondition {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if created.Load() != 1 || won.Load() != 1 {
			t.Fatalf("round %d: %d created, %d updates won", round, created.Load(), won.Load())
		}
	}
	n.Clean()
}
