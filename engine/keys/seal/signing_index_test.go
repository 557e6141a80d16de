package seal_test

import (
	"strings"
	"testing"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/engine/db/dbtest"
	"github.com/ward-health/ward/engine/keys"
	"github.com/ward-health/ward/engine/keys/keystest"
)

// TestRemovedSigner: a signing key that was removed is reported, and never made anew.
func TestRemovedSigner(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, openDB func() *db.DB) {
		d, root := openDB(), keystest.Root(t)
		r := open(t, d, root)
		for _, name := range []string{"token", "log", "model"} {
			if _, _, err := r.Signer(ctx, name, keys.ES256); err != nil {
				t.Fatal(err)
			}
		}
		clean(t, r)
		write(t, d, "DELETE FROM key_signing WHERE name = 'token'")
		if faults := check(t, r); len(faults) != 1 || !strings.HasPrefix(faults[0], "key_signing token: ") {
			t.Errorf("faults: %v", faults)
		}
		fresh := open(t, openDB(), root)
		_, _, err := fresh.Signer(ctx, "token", keys.ES256)
		wantKind(t, "a removed signing key", err, ward.Internal)
		for _, name := range []string{"model", "further"} {
			if _, _, err := fresh.Signer(ctx, name, keys.ES256); err != nil {
				t.Error(err)
			}
		}
		write(t, d, "DELETE FROM key_signing WHERE name = '(index)'")
		if len(check(t, r)) == 0 {
			t.Error("the index was removed and it was not found")
		}
		_, _, err = fresh.Signer(ctx, "another", keys.ES256)
		wantKind(t, "a new signing key without the index", err, ward.Internal)
		if _, _, err := open(t, openDB(), root).Signer(ctx, "model", keys.ES256); err != nil {
			t.Error("a signing key that is there:", err)
		}
	})
}
