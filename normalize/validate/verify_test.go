package validate_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"testing"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/normalize/validate"
	"github.com/ward-health/ward/store/storetest"
)

const headFault = "fhir_package_head: the digest over all packages does not fit: the head was changed, or a package is missing, was added or was put back"

// verified are the faults of a tenant, and how many packages were seen.
func verified(t *testing.T, r *validate.Packages, p access.Permit) (faults []string, seen int64) {
	t.Helper()
	var done []int64
	seen, err := r.Verify(ctx, validate.Verification{Decide: func(context.Context) (access.Permit, error) { return p, nil },
		Progress: func(n, total int64) { done = append(done, n, total) },
		Fault:    func(where, what string) { faults = append(faults, where+": "+what) }})
	if err != nil || len(done) != int(2*seen) || seen > 0 && !slices.Equal(done[len(done)-2:], []int64{seen, seen}) {
		t.Errorf("progress %v of %d: %v", done, seen, err)
	}
	return faults, seen
}

// TestVerify: each way to change the rows outside of Ward is found and told by the row that Ward wrote, or by its place.
func TestVerify(t *testing.T) {
	const changedRow = "fhir_package row 1 by name: the row was changed: its digest does not fit"
	const copied = "(tn, name, version, digest, body, added_us, entry, mac) SELECT tn, 'more', version, digest, body, added_us, entry, mac FROM fhir_package WHERE name = 'one'"
	changes := map[string]struct {
		change string
		want   []string
	}{
		"nothing":       {"", nil},
		"version":       {"UPDATE fhir_package SET version = '2.0.0' WHERE name = 'one'", []string{changedRow}},
		"name":          {"UPDATE fhir_package SET name = 'Kanarienvogel' WHERE name = 'one'", []string{changedRow}},
		"row's digest":  {"UPDATE fhir_package SET digest = mac WHERE name = 'one'", []string{changedRow}},
		"keyed digest":  {"UPDATE fhir_package SET mac = digest WHERE name = 'one'", []string{headFault, changedRow}},
		"body":          {"UPDATE fhir_package SET body = (SELECT p.body FROM fhir_package p WHERE p.name = 'two') WHERE name = 'one'", []string{"fhir_package one: the body was changed: it is not the one of the row's digest"}},
		"no body":       {"UPDATE fhir_package SET body = SUBSTR(body, 1, 0) WHERE name = 'two'", []string{"fhir_package two: the body was changed: it is not the one of the row's digest"}},
		"row missing":   {"DELETE FROM fhir_package WHERE name = 'two'", []string{headFault}},
		"all missing":   {"DELETE FROM fhir_package", []string{headFault}},
		"row added":     {"INSERT INTO fhir_package " + copied, []string{headFault, changedRow}},
		"head's count":  {"UPDATE fhir_package_head SET seq = 1", []string{headFault}},
		"head's digest": {"UPDATE fhir_package_head SET mac = (SELECT p.mac FROM fhir_package p WHERE p.name = 'one')", []string{headFault}},
		"head missing":  {"DELETE FROM fhir_package_head", []string{headFault}},
	}
	storetest.Each(t, func(t *testing.T, n *storetest.Running) {
		r, tn := opened(t, n), db.Tenant(n.Tenant.Number)
		add(t, n, r, "one")
		add(t, n, r, "two")
		change(t, n, db.System, "CREATE TABLE kept AS SELECT * FROM fhir_package", "CREATE TABLE kept_head AS SELECT * FROM fhir_package_head")
		for name, c := range changes {
			if c.change != "" {
				change(t, n, tn, c.change)
			}
			if got, _ := verified(t, r, n.Permit(ward.Auditor, access.StoreCheck, "")); !slices.Equal(got, c.want) {
				t.Errorf("%s: %q, want %q", name, got, c.want)
			}
			if got, seen := verified(t, r, n.OtherPermit(ward.Auditor, access.StoreCheck, "")); got != nil || seen != 0 {
				t.Errorf("%s: the other tenant: %d %q", name, seen, got)
			}
			change(t, n, db.System, "DELETE FROM fhir_package", "DELETE FROM fhir_package_head",
				"INSERT INTO fhir_package SELECT * FROM kept", "INSERT INTO fhir_package_head SELECT * FROM kept_head")
		}
	})
}

// TestVerifyPutBack: an older package with its genuine row, the packages of another tenant, and a body that fits its digest and is no package.
func TestVerifyPutBack(t *testing.T) {
	storetest.Each(t, func(t *testing.T, n *storetest.Running) {
		r, tn := opened(t, n), db.Tenant(n.Tenant.Number)
		auditor := n.Permit(ward.Auditor, access.StoreCheck, "")
		add(t, n, r, "one")
		change(t, n, db.System, "CREATE TABLE kept AS SELECT * FROM fhir_package")
		if err := r.Remove(ctx, n.Operator(n.Tenant.ID, access.PackageAdd), "one"); err != nil {
			t.Fatal(err)
		}
		if got, seen := verified(t, r, auditor); got != nil || seen != 0 {
			t.Errorf("after the last one was taken away: %d %q", seen, got)
		}
		change(t, n, db.System, "INSERT INTO fhir_package SELECT * FROM kept")
		if got, seen := verified(t, r, auditor); seen != 1 || !slices.Equal(got, []string{headFault}) {
			t.Errorf("put back: %q", got)
		}
		change(t, n, db.System, fmt.Sprintf("UPDATE fhir_package SET tn = %d", n.Other.Number), fmt.Sprintf("UPDATE fhir_package_head SET tn = %d", n.Other.Number))
		if got, _ := verified(t, r, n.OtherPermit(ward.Auditor, access.StoreCheck, "")); len(got) != 2 || got[0] != headFault {
			t.Errorf("of another tenant: %q", got)
		}
		if got, _ := verified(t, r, auditor); got != nil {
			t.Errorf("a tenant without rows: %q", got)
		}
		body := []byte("Kanarienvogel")
		if err := r.Forge(ctx, tn, "one", body, sha256.Sum256(body)); err != nil {
			t.Fatal(err)
		}
		if got, _ := verified(t, r, auditor); !slices.Equal(got, []string{"fhir_package one: the body does not read as a package any more"}) {
			t.Errorf("no package: %q", got)
		}
	})
}

// TestVerifyBesideChanges: what is added and taken away meanwhile is no fault.
func TestVerifyBesideChanges(t *testing.T) {
	storetest.Each(t, func(t *testing.T, n *storetest.Running) {
		r := opened(t, n)
		add(t, n, r, "kept")
		add(t, n, r, "zero")
		who := n.Permit(ward.Auditor, access.StoreCheck, "")
		turn := 0
		_, err := r.Verify(ctx, validate.Verification{Decide: func(context.Context) (access.Permit, error) {
			if turn++; turn == 2 { // the rows were read, and no body yet
				if err := r.Remove(ctx, n.Operator(n.Tenant.ID, access.PackageAdd), "zero"); err != nil {
					t.Fatal(err)
				}
			}
			return who, nil
		}, Progress: func(int64, int64) {}, Fault: func(where, what string) { t.Errorf("%s: %s", where, what) }})
		if err != nil || turn != 3 {
			t.Errorf("%d turns: %v", turn, err)
		}
	})
}

// TestVerifyPermits: only who may check the store does so, in one tenant, and leaves an entry.
func TestVerifyPermits(t *testing.T) {
	storetest.Each(t, func(t *testing.T, n *storetest.Running) {
		r := opened(t, n)
		add(t, n, r, "one")
		permits := func(list ...access.Permit) error {
			_, err := r.Verify(ctx, validate.Verification{Decide: func(context.Context) (access.Permit, error) {
				p := list[0]
				list = list[1:]
				return p, nil
			}, Progress: func(int64, int64) {}, Fault: func(string, string) {}})
			return err
		}
		mine, others := n.Permit(ward.Auditor, access.StoreCheck, ""), n.OtherPermit(ward.Auditor, access.StoreCheck, "")
		for _, list := range [][]access.Permit{{n.Permit(ward.Clinician, access.Read, "Patient")}, {{}}, {mine, others}, {mine, {}}} {
			if err := permits(list...); ward.KindOf(err) != ward.Denied {
				t.Errorf("%d permits: %v", len(list), err)
			}
		}
		before := entries(n)
		if err := permits(mine, mine); err != nil || entries(n) != before+1 {
			t.Errorf("%d entries, then %d: %v", before, entries(n), err)
		}
	})
}

func entries(n *storetest.Running) int { return len(n.Entries()) }

func add(t *testing.T, n *storetest.Running, r *validate.Packages, name string) {
	t.Helper()
	if _, _, err := r.Add(ctx, n.Operator(n.Tenant.ID, access.PackageAdd), tgz(t, name)); err != nil {
		t.Fatal(err)
	}
}

func change(t *testing.T, n *storetest.Running, tn db.Tenant, statements ...string) {
	t.Helper()
	if err := n.DB.Write(ctx, tn, func(tx *db.Tx) error {
		for _, s := range statements {
			if _, err := tx.Exec(ctx, s); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}
