package validate_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/engine/keys"
	"github.com/ward-health/ward/normalize/validate"
	"github.com/ward-health/ward/store/storetest"
)

var ctx = context.Background()

func opened(t *testing.T, n *storetest.Running) *validate.Packages {
	t.Helper()
	if err := n.DB.Migrate(ctx, validate.Migrations()); err != nil {
		t.Fatal(err)
	}
	return again(n)
}

// again is the same over the tables with nothing in memory.
func again(n *storetest.Running) *validate.Packages {
	return validate.Open(n.DB, n.Log, func(ctx context.Context, tn db.Tenant) (keys.MAC, error) { return n.Ring.MAC(ctx, tn, "package") })
}

func tgz(t *testing.T, name string, resources ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	write := func(file, text string) {
		err := w.WriteHeader(&tar.Header{Name: "package/" + file, Mode: 0o600, Size: int64(len(text)), Typeflag: tar.TypeReg})
		if _, werr := w.Write([]byte(text)); errors.Join(err, werr) != nil {
			t.Fatal("no package could be made")
		}
	}
	write("package.json", fmt.Sprintf(`{"name":%q,"version":"1.0.0"}`, name))
	for i, text := range resources {
		write(fmt.Sprintf("%d.json", i), text)
	}
	if errors.Join(w.Close(), z.Close()) != nil {
		t.Fatal("no package could be made")
	}
	return b.Bytes()
}

// TestChangedRows: a package that was changed, swapped, put back or cut off outside of Ward judges nothing any more.
func TestChangedRows(t *testing.T) {
	for name, change := range map[string]string{
		"version": "UPDATE fhir_package SET version = '2.0.0' WHERE name = 'one'",
		"body":    "UPDATE fhir_package SET body = (SELECT p.body FROM fhir_package p WHERE p.name = 'two') WHERE name = 'one'",
		"row":     "DELETE FROM fhir_package WHERE name = 'two'",
		"all":     "DELETE FROM fhir_package",
		"head":    "UPDATE fhir_package_head SET seq = 1",
		"no head": "DELETE FROM fhir_package_head",
	} {
		t.Run(name, func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, n *storetest.Running) {
				r := opened(t, n)
				p := n.Operator(n.Tenant.ID, access.PackageAdd)
				for _, one := range []string{"one", "two"} {
					if _, _, err := r.Add(ctx, p, tgz(t, one)); err != nil {
						t.Fatal(err)
					}
				}
				tn := p.Tenant()
				if _, err := again(n).Validator(ctx, tn); err != nil {
					t.Fatal(err)
				}
				if err := n.DB.Write(ctx, tn, func(tx *db.Tx) error { _, err := tx.Exec(ctx, change); return err }); err != nil {
					t.Fatal(err)
				}
				if _, err := again(n).Validator(ctx, tn); ward.KindOf(err) != ward.Internal {
					t.Errorf("it judges on: %v", err)
				}
				if _, _, err := again(n).Add(ctx, p, tgz(t, "three")); ward.KindOf(err) != ward.Internal {
					t.Errorf("it takes another: %v", err)
				}
			})
		})
	}
}

// TestAtOnce: additions that come together are all there, each once, and only who may changes them.
func TestAtOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, n *storetest.Running) {
		r := opened(t, n)
		p := n.Operator(n.Tenant.ID, access.PackageAdd)
		var wg sync.WaitGroup
		for i := range 8 {
			body := tgz(t, fmt.Sprintf("p%d", i/2))
			wg.Go(func() {
				if _, _, err := r.Add(ctx, p, body); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		have, err := r.List(ctx, n.Operator(n.Tenant.ID, access.PackageRead))
		if err != nil || len(have) != 4 {
			t.Errorf("%+v %v", have, err)
		}
		if _, _, err := r.Add(ctx, n.Permit(ward.Clinician, access.Read, "Patient"), tgz(t, "x")); ward.KindOf(err) != ward.Denied {
			t.Errorf("a reader adds: %v", err)
		}
		for _, name := range []string{"x", "\xff", string(make([]byte, 5000))} {
			if err := r.Remove(ctx, p, name); ward.KindOf(err) != ward.NotFound {
				t.Errorf("%.5q: %v", name, err)
			}
		}
	})
}

// TestChangeBesideReader: once a change has been answered, every later call judges by it, also if a slower reader has made the set of the time before.
func TestChangeBesideReader(t *testing.T) {
	var sets []string // making its set takes longer than taking the package away
	for i := range 2000 {
		sets = append(sets, fmt.Sprintf(`{"resourceType":"CodeSystem","url":"urn:example:%d","status":"active","content":"complete","concept":[{"code":"a"}]}`, i))
	}
	slow := tgz(t, "slow", sets...)
	storetest.Each(t, func(t *testing.T, n *storetest.Running) {
		p := n.Operator(n.Tenant.ID, access.PackageAdd)
		tn := p.Tenant()
		without, err := opened(t, n).Validator(ctx, tn)
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if _, _, err := again(n).Add(ctx, p, slow); err != nil {
				t.Fatal(err)
			}
			cold := again(n)
			var wg sync.WaitGroup
			for i := range 4 {
				wg.Go(func() {
					if _, err := cold.Validator(ctx, tn); err != nil {
						t.Errorf("reader %d: %v", i, err)
					}
				})
			}
			if err := cold.Remove(ctx, p, "slow"); err != nil {
				t.Fatal(err)
			}
			wg.Wait()
			if v, err := cold.Validator(ctx, tn); err != nil || v != without {
				t.Fatalf("it judges by a package that was removed before: %v", err)
			}
		}
	})
}

// TestWarm: after it the sets of the tenants with packages are there, and of no others; a tenant whose rows were changed is told and stops nobody.
func TestWarm(t *testing.T) {
	storetest.Each(t, func(t *testing.T, n *storetest.Running) {
		r := opened(t, n)
		other, err := n.Access.AddTenant(ctx, n.Operator("", access.AdminTenant), "other", "Other")
		if err != nil {
			t.Fatal(err)
		}
		third, err := n.Access.AddTenant(ctx, n.Operator("", access.AdminTenant), "third", "Third")
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range []ward.TenantID{n.Tenant.ID, other.ID} {
			if _, _, err := r.Add(ctx, n.Operator(id, access.PackageAdd), tgz(t, "one")); err != nil {
				t.Fatal(err)
			}
		}
		first, second := db.Tenant(n.Tenant.Number), db.Tenant(other.Number)
		cold := again(n)
		if err := cold.Warm(ctx); err != nil {
			t.Fatal(err)
		}
		if !cold.Held(first) || !cold.Held(second) || cold.Held(db.Tenant(third.Number)) {
			t.Error("what is held is not what has packages")
		}
		stopped, stop := context.WithCancel(ctx)
		stop()
		if cold = again(n); cold.Warm(stopped) == nil || cold.Held(first) {
			t.Error("it went on after it was stopped")
		}
		if err := n.DB.Write(ctx, first, func(tx *db.Tx) error {
			_, err := tx.Exec(ctx, "UPDATE fhir_package SET version = '2.0.0' WHERE tn = $1", int64(first))
			return err
		}); err != nil {
			t.Fatal(err)
		}
		cold = again(n)
		if err := cold.Warm(ctx); ward.KindOf(err) != ward.Internal {
			t.Errorf("changed rows: %v", err)
		}
		if cold.Held(first) || !cold.Held(second) {
			t.Error("the tenant after the changed one was left out, or the changed one is held")
		}
	})
}
