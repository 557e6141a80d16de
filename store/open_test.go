package store_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/audit"
	"github.com/ward-health/ward/store"
	"github.com/ward-health/ward/store/storetest"
)

// receipt makes the entry of a reading under p that names the current version of r as look sees it.
func receipt(t testing.TB, n *storetest.Running, look, p access.Permit, r string) audit.Receipt {
	t.Helper()
	sub, err := n.Store.SubjectOf(ctx, look, ref(r))
	must(t, err)
	in := p.Intent(audit.ActRead)
	in.Subjects = []audit.Subject{sub}
	rc, err := n.Log.Begin(ctx, in)
	must(t, err)
	return rc
}

// TestReceiptsAndPermits: what compiles is refused at run time unless permit and receipt are live, belong together, and
// belong to the record (I2).
func TestReceiptsAndPermits(t *testing.T) {
	storetest.Each(t, func(t *testing.T, n *storetest.Running) {
		n.Put("Observation/o", observation("o", "p", "a", "2026", 1))
		n.Put("Observation/o2", observation("o2", "p", "a", "2026", 1))
		n.Put("Observation/v", observation("v", "p", "a", "2026", 1, "V"))
		p := n.Permit(ward.Clinician, access.Read, "Observation")
		check := n.Operator(n.Tenant.ID, access.StoreCheck) // sees all, to look up with
		good := receipt(t, n, check, p, "Observation/o")
		denial := p.Intent(audit.ActRead)
		denial.Outcome = audit.Denied
		sub, err := n.Store.SubjectOf(ctx, check, ref("Observation/o"))
		must(t, err)
		denial.Subjects = []audit.Subject{sub}
		denied, err := n.Log.Begin(ctx, denial)
		must(t, err)
		again := p.Intent(audit.ActRead)
		sub.Version++
		again.Subjects = []audit.Subject{sub}
		otherVersion, err := n.Log.Begin(ctx, again)
		must(t, err)
		foreign := n.OtherPermit(ward.Clinician, access.Read, "Observation")
		fresh := n.Permit(ward.Clinician, access.Read, "Observation")
		open := func(p access.Permit, a access.Action, rc audit.Receipt, r string) error {
			body, err := n.Store.OpenAs(ctx, check, p, a, rc, ref(r))
			if err != nil && body != nil {
				t.Error("a body came with an error")
			}
			return err
		}
		must(t, open(p, access.Read, good, "Observation/o"))
		for name, err := range map[string]error{
			"zero permit":               open(access.Permit{}, access.Read, good, "Observation/o"),
			"zero receipt":              open(p, access.Read, audit.Receipt{}, "Observation/o"),
			"receipt of a denial":       open(p, access.Read, denied, "Observation/o"),
			"receipt of another record": open(p, access.Read, receipt(t, n, check, p, "Observation/o2"), "Observation/o"),
			"receipt of a version":      open(p, access.Read, otherVersion, "Observation/o"),
			"receipt of a request":      open(fresh, access.Read, good, "Observation/o"),
			"another action":            open(p, access.Search, good, "Observation/o"),
			"another type":              open(n.Permit(ward.Clinician, access.Read, "Patient"), access.Read, good, "Observation/o"),
			"another tenant":            open(foreign, access.Read, receipt(t, n, check, foreign, "Observation/o"), "Observation/o"),
			"outside the filter":        open(p, access.Read, receipt(t, n, check, p, "Observation/v"), "Observation/v"),
		} {
			if err == nil {
				t.Errorf("%s: it opened", name)
			}
		}
		n.Clean()
	})
}

// Permits and receipts die after two minutes; the call then opens nothing.
func TestExpiry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := storetest.Node(t, storetest.SQLite)
		n.Halt() // its timers would keep the clock from going on
		n.Put("Observation/o", observation("o", "p", "a", "2026", 1))
		p := n.Permit(ward.Clinician, access.Read, "Observation")
		rc := receipt(t, n, p, p, "Observation/o")
		<-time.After(time.Minute)
		_, err := n.Store.OpenAs(ctx, p, p, access.Read, rc, ref("Observation/o"))
		must(t, err)
		_, err = n.Store.Get(ctx, p, ref("Observation/o"))
		must(t, err)
		<-time.After(61 * time.Second)
		for name, call := range calls(n) {
			if err := call(p); ward.KindOf(err) != ward.Denied || err == nil {
				t.Errorf("%s with an expired permit: %v", name, err)
			}
		}
		fresh := n.Permit(ward.Clinician, access.Read, "Observation")
		if _, err = n.Store.OpenAs(ctx, fresh, fresh, access.Read, rc, ref("Observation/o")); err == nil {
			t.Error("an expired receipt opened a record")
		}
		n.Close()
	})
}

// A changed row is never given out, whatever column was changed.
func TestChangedRowsDoNotOpen(t *testing.T) {
	n := storetest.Node(t, storetest.SQLite)
	n.Put("Observation/o", observation("o", "p", "a", "2026", 1))
	n.Put("Observation/o", observation("o", "p", "a", "2026", 2))
	one := fmt.Sprintf("tn = %d AND ver = 2", n.Tenant.Number)
	restore := save(t, n)
	for _, h := range flips(storetest.SQLite, "ver", one, "txid op upd_us conf", "pat kid entry body digest mac", "") {
		for _, q := range h.do {
			alter(t, n, q)
		}
		v, err := get(n, ward.Clinician, "Observation/o")
		if err == nil || len(v.Body) > 0 {
			t.Errorf("%s was changed and the version was given out", h.name)
		}
		if _, err := n.Store.Search(ctx, n.Permit(ward.Clinician, access.Search, "Observation"), search(t, "Observation", "patient=p")); err == nil && h.name != "ver.pat" && h.name != "ver.conf" {
			t.Errorf("%s was changed and the search took no offence", h.name)
		}
		restore()
	}
	// An altered pointer is not written over: the new version would rest on it.
	for _, h := range flips(storetest.SQLite, "res", "id = 'o'", "ver upd_us flags conf", "pat bh rev mac", "") {
		for _, q := range h.do {
			alter(t, n, q)
		}
		_, err := n.Store.Apply(ctx, audit.ActUpdate, []store.Change{{Permit: n.Permit(ward.Clinician, access.Update, "Observation"), Op: store.OpUpdate,
			Resource: ward.Resource{Ref: ref("Observation/o"), Body: ward.Protected(observation("o", "p", "a", "2026", 3))}}})
		if err == nil {
			t.Errorf("%s was changed and a version was written over it", h.name)
		}
		restore()
	}
	n.Clean()
}
