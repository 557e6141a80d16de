package seal

import (
	"context"
	"fmt"
	"sync"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/engine/keys"
)

// Ring gives out keys. Unwrapped keys are cached (bounded; at most 3 s on PostgreSQL, where another node may destroy one).
// Safe for concurrent use.
type Ring struct {
	d     *db.DB
	root  keys.Root
	cache *cache

	mu      sync.Mutex
	tenants map[db.Tenant]*tenant
	signing map[string]*signer
}

// tenantsMax bounds the tenants whose keys are held unwrapped.
const tenantsMax = 4096

// Open opens the ring over migrated tables and makes the node's own keys (tenant 0) if there are none. A root key that
// did not wrap what the tables hold is ward.Unauthentic.
func Open(ctx context.Context, d *db.DB, root keys.Root) (*Ring, error) {
	r := &Ring{d: d, root: root, tenants: map[db.Tenant]*tenant{}, signing: map[string]*signer{}}
	if d.Engine() == "postgres" {
		r.cache = newCache(cacheSize, sharedAge)
	} else {
		r.cache = newCache(cacheSize, 0)
	}
	_, err := r.tenant(ctx, nil, db.System)
	if ward.KindOf(err) != ward.NotFound {
		return r.opened(err)
	}
	err = d.Write(ctx, db.System, func(tx *db.Tx) error {
		_, err := r.addTenant(ctx, tx, db.System) // another node may have been first
		return err
	})
	if err == nil {
		_, err = r.tenant(ctx, nil, db.System)
	}
	return r.opened(err)
}

func (r *Ring) opened(err error) (*Ring, error) {
	if err != nil {
		return nil, err
	}
	return r, nil
}

// Format implements fmt.Formatter for every verb.
func (r *Ring) Format(f fmt.State, _ rune) { fmt.Fprint(f, "[ring]") }

// Ready reads and unwraps the node's own MAC key anew, past every cache: it fails when the database cannot be read or the
// root key cannot be used. For health checks.
func (r *Ring) Ready(ctx context.Context) error {
	var ms []macRow
	err := r.d.Read(ctx, db.System, func(tx *db.Tx) (err error) {
		ms, err = readMACs(ctx, tx, " WHERE tn = $1", int64(db.System))
		return err
	})
	if err != nil {
		return err
	}
	if len(ms) != 1 {
		return ward.E(ward.Internal, "seal.ready", "the node's own keys are missing; run `ward store check`", nil)
	}
	_, err = r.openTenant(ctx, ms[0])
	return err
}

// MAC returns a keyed digest of the tenant for one purpose ("row", "index", "ref", "id", "pseudonym"), derived from a
// random tenant MAC key that is never rotated with the data keys. Tenant db.System gives the node's own. A purpose is 1 to
// 40 characters of a-z, 0-9, '.', '/', '_' and '-'; "keyrow" is the ring's own and refused.
func (r *Ring) MAC(ctx context.Context, tn db.Tenant, purpose string) (keys.MAC, error) {
	if !validName(purpose) || purpose == rowPurpose {
		return nil, ward.E(ward.Internal, "seal.mac", "a purpose must be 1 to 40 characters of a-z, 0-9 and ./_- and not keyrow", nil)
	}
	t, err := r.tenant(ctx, nil, tn)
	if err != nil {
		return nil, err
	}
	return t.purpose(purpose)
}

func validName(s string) bool {
	if len(s) == 0 || len(s) > 40 {
		return false
	}
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '.' && c != '/' && c != '_' && c != '-' {
			return false
		}
	}
	return true
}

// in runs fn inside tx, or in a snapshot of its own when there is none.
func (r *Ring) in(ctx context.Context, tx *db.Tx, tn db.Tenant, fn func(*db.Tx) error) error {
	if tx != nil {
		return fn(tx)
	}
	return r.d.Read(ctx, tn, fn)
}
