package store_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/store"
	"github.com/ward-health/ward/store/storetest"
)

var errDisk = ward.E(ward.Unavailable, "test", "the disk is gone", errors.New("EIO"))

// TestWritesThatFail: every write fails two ways, not persisted, and persisted though it reported an error. After each
// the caller repeats it, as a caller does, and everything is there once and whole.
func TestWritesThatFail(t *testing.T) {
	storetest.Each(t, func(t *testing.T, n *storetest.Running) {
		n.Put("Patient/p", patient("p"))
		n.Put("Patient/gone", patient("gone"))
		n.Put("Observation/d", observation("d", "p", "a", "2026", 1))
		d := decision("p")
		raw := ward.Message{ID: ward.NewID(), Source: "lab", ContentType: "x", Body: ward.Protected("m")}
		held, _ := understood(t, n, "held", "p", hold("OBX[1]", "p", ""))
		released := holds(t, n, store.HoldQuery{Message: held})[0].ID
		must(t, n.Store.Propose(ctx, n.Permit(ward.Steward, access.HoldRelease, ""), released, ward.Protected("one")))
		applied := n.Receive(storetest.ORU("applied", "p")).ID
		large := strings.Replace(observation("big", "p", "a", "2026", 1), `"status"`, `"note":[{"text":"`+strings.Repeat("x", 20<<10)+`"}],"status"`, 1)
		writes := map[string]func() error{
			"update": func() error {
				_, err := one(n, n.Permit(ward.Clinician, access.Update, "Observation"), store.OpUpdate, "Observation/o", observation("o", "p", "a", "2026", 1))
				return err
			},
			"update with a blob": func() error {
				_, err := one(n, n.Permit(ward.Clinician, access.Update, "Observation"), store.OpUpdate, "Observation/big", large)
				return err
			},
			"conditional create": func() error {
				_, err := one(n, n.Permit(ward.Integration, access.Create, "Patient"), store.OpCreate, "Patient", patient("c"), ifNoneExist(search(t, "Patient", "identifier=mrn-c")))
				return err
			},
			"delete": func() error {
				_, err := one(n, n.Permit(ward.Clinician, access.Delete, "Observation"), store.OpDelete, "Observation/d", "")
				return err
			},
			"decision": func() error {
				_, err := n.Store.PutDecision(ctx, n.Permit(ward.Clinician, access.Predict, ""), d, [32]byte{1})
				return err
			},
			"receive": func() error {
				_, err := n.Store.Receive(ctx, n.Permit(ward.Integration, access.Receive, ""), store.Inbound{Message: raw})
				return err
			},
			"apply message": func() error {
				p, e := n.Effects(applied, []ward.Reference{ref("Observation/applied")}, []string{observation("applied", "p", "a", "2026", 1)}, "p")
				e.Holds = []store.Hold{hold("OBX[1]", "p", "")}
				_, err := n.Store.ApplyMessage(ctx, p, e)
				return err
			},
			"release": func() error { _, err := releaseAs(t, n, "bea", released, "one", "h1"); return err },
			"replay": func() error {
				return n.Store.ReplayMessage(ctx, n.Permit(ward.Steward, access.MessageReplay, ""), held)
			},
			"shred": func() error {
				_, err := n.Store.Shred(ctx, n.Permit(ward.Privacy, access.Shred, ""), "gone")
				return err
			},
		}
		for name, write := range writes {
			for _, persisted := range []bool{false, true} {
				fired := false
				n.Store.OnCommit(func(next func() error) error {
					if fired {
						return next()
					}
					fired = true
					if persisted {
						if err := next(); err != nil {
							return err
						}
					}
					return errDisk
				})
				if err := write(); !errors.Is(err, errDisk) || !fired {
					t.Errorf("%s, persisted %v: %v", name, persisted, err)
				}
				n.Clean()
			}
			if err := write(); err != nil && ward.KindOf(err) != ward.Conflict {
				t.Errorf("%s, repeated: %v", name, err)
			}
		}
		r := n.Clean()
		if r.Decisions != 1 || r.Raw != 3 || r.Holds != 2 || r.Erased != 1 || r.Resources != 9 || r.Blobs != 1 {
			t.Errorf("%+v", r)
		}
		if got := find(t, n, ward.Clinician, "Patient", "identifier=mrn-c"); len(got) != 1 {
			t.Errorf("the conditional create made %v", got)
		}
	})
}

// A database that is closed under the store answers with ward.Unavailable, and what was acknowledged is there afterwards.
func TestClosedDatabase(t *testing.T) {
	n := storetest.Node(t, storetest.SQLite)
	n.Put("Patient/p", patient("p"))
	read, write := n.Permit(ward.Clinician, access.Read, "Patient"), n.Permit(ward.Clinician, access.Update, "Patient")
	n.Halt()
	must(t, n.DB.Close())
	_, err := n.Store.Get(ctx, read, ref("Patient/p"))
	wantKind(t, err, ward.Unavailable)
	_, err = one(n, write, store.OpUpdate, "Patient/p", strings.Replace(patient("p"), "female", "male", 1))
	wantKind(t, err, ward.Unavailable)
	n.Reopen()
	v, err := get(n, ward.Clinician, "Patient/p")
	must(t, err)
	if v.Number != 1 {
		t.Fatalf("version %d", v.Number)
	}
	n.Clean()
}
