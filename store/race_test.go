package store_test

import (
	"strings"
	"testing"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/store"
	"github.com/ward-health/ward/store/storetest"
)

// between runs other once, after a write has read what it rests on and before it commits.
func between(n *storetest.Running, other func()) {
	fired := false
	n.Store.OnCommit(func(next func() error) error {
		if !fired {
			fired = true
			other()
		}
		return next()
	})
}

// Each thing that may happen between the reading and the commit of a write, at exactly that moment.
func TestBetweenReadAndCommit(t *testing.T) {
	setups := map[string]func(t *testing.T, n *storetest.Running){
		"the patient is erased": func(t *testing.T, n *storetest.Running) {
			between(n, func() { shred(t, n, "p") })
			_, err := one(n, n.Permit(ward.Clinician, access.Update, "Observation"), store.OpUpdate, "Observation/o1", observation("o1", "p", "a", "2026", 9))
			wantKind(t, err, ward.Gone)
		},
		"the patient of the old version is erased": func(t *testing.T, n *storetest.Running) {
			between(n, func() { shred(t, n, "p") })
			_, err := one(n, n.Permit(ward.Clinician, access.Update, "Observation"), store.OpUpdate, "Observation/o1", observation("o1", "q", "a", "2026", 9))
			wantKind(t, err, ward.Gone)
		},
		"the patient of a deletion is erased": func(t *testing.T, n *storetest.Running) {
			between(n, func() { shred(t, n, "p") })
			_, err := one(n, n.Permit(ward.Clinician, access.Delete, "Observation"), store.OpDelete, "Observation/o1", "")
			wantKind(t, err, ward.Gone)
		},
		"the patient of a decision is erased": func(t *testing.T, n *storetest.Running) {
			between(n, func() { shred(t, n, "p") })
			_, err := n.Store.PutDecision(ctx, n.Permit(ward.Clinician, access.Predict, ""), decision("p"), [32]byte{1})
			wantKind(t, err, ward.Gone)
		},
		"a match is created without a condition": func(t *testing.T, n *storetest.Running) {
			between(n, func() { n.Put("Patient/x", patient("x")) })
			got, err := one(n, n.Permit(ward.Integration, access.Create, "Patient"), store.OpCreate, "Patient", patient("y"), ifNoneExist(search(t, "Patient", "identifier=mrn-x")))
			must(t, err)
			if got.Created || got.Version.Ref.ID != "x" {
				t.Fatalf("%+v", got.Version.Ref)
			}
		},
		"a match is planned by another": func(t *testing.T, n *storetest.Running) {
			between(n, func() { n.Put("Patient/x", patient("x")) })
			_, err := one(n, n.Permit(ward.Integration, access.Create, "Patient"), store.OpCreate, "Patient/y", patient("y"), ifNoneExist(search(t, "Patient", "identifier=mrn-x")),
				func(c *store.Change) { c.NoMatch = true })
			wantKind(t, err, ward.Conflict)
		},
		"the same id is created": func(t *testing.T, n *storetest.Running) {
			between(n, func() { n.Put("Patient/x", patient("x")) })
			got, err := one(n, n.Permit(ward.Clinician, access.Update, "Patient"), store.OpUpdate, "Patient/x", strings.Replace(patient("x"), "female", "male", 1))
			must(t, err)
			if got.Created || got.Version.Number != 2 {
				t.Fatalf("version %d, created %v", got.Version.Number, got.Created)
			}
		},
		"the resource is deleted": func(t *testing.T, n *storetest.Running) {
			between(n, func() { remove(t, n, "Observation/o1") })
			_, err := one(n, n.Permit(ward.Clinician, access.Update, "Observation"), store.OpUpdate, "Observation/o1", observation("o1", "p", "a", "2026", 9), ifMatch(1))
			wantKind(t, err, ward.Precondition)
		},
		"a kept resource is changed": func(t *testing.T, n *storetest.Running) {
			same := observation("o1", "p", "2160-0", "2025-12-31", 1)
			between(n, func() { n.Put("Observation/o1", observation("o1", "p", "a", "2026", 9)) })
			got, err := n.Store.Apply(ctx, 1, n.Changes(ward.Integration, []ward.Reference{ref("Observation/o1"), ref("Patient/new")}, []string{same, patient("new")}))
			must(t, err)
			if got[0].Kept || got[0].Version.Number != 3 {
				t.Fatalf("it was kept at version %d", got[0].Version.Number)
			}
		},
		"the resource is hidden": func(t *testing.T, n *storetest.Running) {
			n.Put("Encounter/e", encounter("e", "p", "N"))
			between(n, func() { n.Put("Encounter/e", encounter("e", "p", "V")) })
			_, err := one(n, n.Permit(ward.Registrar, access.Update, "Encounter"), store.OpUpdate, "Encounter/e", encounter("e", "q", "N"))
			wantKind(t, err, ward.Denied)
		},
	}
	for name, setup := range setups {
		t.Run(name, func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, n *storetest.Running) {
				small(n)
				setup(t, n)
				n.Clean()
			})
		})
	}
}
