package store_test

import (
	"fmt"
	"testing"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/audit"
	"github.com/ward-health/ward/store"
	"github.com/ward-health/ward/store/storetest"
)

// TestCheckBesideManyWrites: what is written and rewritten while a check runs is no fault, however much it is.
func TestCheckBesideManyWrites(t *testing.T) {
	storetest.Each(t, func(t *testing.T, n *storetest.Running) {
		const many = 300
		write := func(value float64, ids ...string) {
			var changes []store.Change
			for _, id := range ids {
				changes = append(changes, store.Change{Op: store.OpUpdate, Resource: ward.Resource{
					Ref: ward.Reference{Type: "Observation", ID: id}, Body: ward.Protected(observation(id, "p", "2160-0", fmt.Sprintf("2026-0%d-01", int(value)), value))}})
			}
			p := n.Permit(ward.Clinician, access.Update, "Observation")
			for i := range changes {
				changes[i].Permit = p
			}
			_, err := n.Store.Apply(ctx, audit.ActTransaction, changes)
			must(t, err)
		}
		var old, fresh []string
		for i := range many {
			old, fresh = append(old, fmt.Sprintf("old-%d", i)), append(fresh, fmt.Sprintf("new-%d", i))
		}
		n.Put("Patient/p", patient("p"))
		write(1, old...)
		wrote := false
		report, err := n.Store.Check(ctx, n.Permit(ward.Auditor, access.StoreCheck, ""), func(int64, int64) {
			if !wrote {
				wrote = true
				write(2, old...)
				write(3, fresh...)
			}
		})
		must(t, err)
		for _, f := range report.Faults {
			t.Errorf("fault %s at %s: %s", f.Class, f.Where, f.What)
		}
		n.Clean()
	})
}

// TestIfMatchTellsNothingOfTheHidden: with If-Match a hidden record answers as one that does not exist.
func TestIfMatchTellsNothingOfTheHidden(t *testing.T) {
	storetest.Each(t, func(t *testing.T, n *storetest.Running) {
		n.Put("Patient/p", patient("p"))
		n.Put("Encounter/hidden", `{"resourceType":"Encounter","id":"hidden","status":"planned","class":{"code":"AMB"},"subject":{"reference":"Patient/p"},`+
			`"meta":{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"HIV"}]}}`)
		body := func(id string) string {
			return fmt.Sprintf(`{"resourceType":"Encounter","id":%q,"status":"planned","class":{"code":"AMB"},"subject":{"reference":"Patient/p"}}`, id)
		}
		p := n.Permit(ward.Registrar, access.Update, "Encounter")
		_, hidden := one(n, p, store.OpUpdate, "Encounter/hidden", body("hidden"), ifMatch(999))
		_, missing := one(n, p, store.OpUpdate, "Encounter/missing", body("missing"), ifMatch(999))
		if ward.KindOf(hidden) != ward.Precondition || ward.PublicText(hidden) != ward.PublicText(missing) {
			t.Fatalf("hidden: %v, missing: %v", hidden, missing)
		}
	})
}
