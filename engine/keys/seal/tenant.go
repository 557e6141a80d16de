package seal

import (
	"cmp"
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/engine/keys"
)

// purposesMax bounds the digests kept per tenant; the product uses about ten.
const purposesMax = 64

// tenant holds a tenant's unwrapped MAC key and tenant key versions.
type tenant struct {
	tn      db.Tenant
	rows    keys.MAC                // digests of key rows
	keks    map[int64]*keys.Wrapper // by version
	current int64

	mu   sync.Mutex
	key  []byte // MAC key
	macs map[string]keys.MAC
}

// Format implements fmt.Formatter for every verb.
func (t *tenant) Format(f fmt.State, _ rune) { fmt.Fprint(f, "[key]") }

func (t *tenant) purpose(name string) (keys.MAC, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if m := t.macs[name]; m != nil {
		return m, nil
	}
	if len(t.macs) >= purposesMax {
		return nil, ward.E(ward.Internal, "seal.mac", "too many purposes of keyed digests", nil)
	}
	m, err := keys.NewMAC(t.key, name)
	if err == nil {
		t.macs[name] = m
	}
	return m, err
}

// AddTenant makes the tenant's key, MAC keys and shared data and audit keys inside tx. Calling it twice is an error
// (ward.Conflict).
func (r *Ring) AddTenant(ctx context.Context, tx *db.Tx, tn db.Tenant) error {
	if tn <= db.System {
		return ward.E(ward.Internal, "seal.tenant", "a tenant's number must be positive", nil)
	}
	added, err := r.addTenant(ctx, tx, tn)
	if err == nil && !added {
		err = ward.E(ward.Conflict, "seal.tenant", "the tenant has keys already", nil)
	}
	return err
}

// addTenant reports false, and does nothing, if the tenant has keys. The row of the MAC key decides between two nodes.
func (r *Ring) addTenant(ctx context.Context, tx *db.Tx, tn db.Tenant) (bool, error) {
	now := time.Now().UnixMicro()
	t := &tenant{tn: tn, key: keys.NewKey(), current: 1, keks: map[int64]*keys.Wrapper{}, macs: map[string]keys.MAC{}}
	m := macRow{tn: tn, root: r.root.ID(), created: now}
	var err error
	if m.wrapped, err = r.root.Wrap(ctx, m.aad(), t.key); err != nil {
		return false, err
	}
	if t.rows, err = keys.NewMAC(t.key, rowPurpose); err != nil {
		return false, err
	}
	n, err := tx.Exec(ctx, "INSERT INTO key_mac (tn, root, wrapped, created_us, mac) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
		int64(tn), m.root, m.wrapped, m.created, digest(t.rows, m.parts()))
	if err != nil || n == 0 {
		return false, err
	}
	kek := keys.NewKey()
	k := tenantRow{tn: tn, version: t.current, root: m.root, state: live, created: now}
	if k.wrapped, err = r.root.Wrap(ctx, k.aad(), kek); err != nil {
		return false, err
	}
	if t.keks[k.version], err = keys.NewWrapper(kek, kekLabel); err != nil {
		return false, err
	}
	clear(kek)
	if _, err = tx.Exec(ctx, "INSERT INTO key_tenant (tn, version, root, wrapped, state, created_us, mac) VALUES ($1, $2, $3, $4, $5, $6, $7)",
		int64(tn), k.version, k.root, k.wrapped, k.state, k.created, digest(t.rows, k.parts())); err != nil {
		return false, err
	}
	shared, err := t.fresh(subjectOf{tn, Subject{}, Data}, subjectOf{tn, Subject{}, Audit})
	if err != nil {
		return false, err
	}
	if tn == db.System {
		if err := insertSigning(ctx, tx, newIndex(t.rows, nil)); err != nil {
			return false, err
		}
	}
	return true, insertSubjects(ctx, tx, shared)
}

// kekLabel separates tenant keys from other wrapping keys.
const kekLabel = "ward/tenant/v1"

// tenant returns the tenant's keys; ward.NotFound if it has none. With a tx they are read through it and remembered only
// when it commits.
func (r *Ring) tenant(ctx context.Context, tx *db.Tx, tn db.Tenant) (*tenant, error) {
	r.mu.Lock()
	t := r.tenants[tn]
	r.mu.Unlock()
	if t != nil {
		return t, nil
	}
	var m macRow
	var ks []tenantRow
	err := r.in(ctx, tx, tn, func(tx *db.Tx) error {
		ms, err := readMACs(ctx, tx, " WHERE tn = $1", int64(tn))
		if err != nil {
			return err
		}
		if len(ms) == 0 {
			return ward.E(ward.NotFound, "seal.tenant", "the tenant has no keys", nil)
		}
		m = ms[0]
		ks, err = readTenants(ctx, tx, " WHERE tn = $1", int64(tn))
		return err
	})
	if err != nil {
		return nil, err
	}
	if t, err = r.openTenant(ctx, m); err != nil {
		return nil, err
	}
	for _, k := range ks {
		if err := r.openKEK(ctx, t, k); err != nil {
			return nil, err
		}
	}
	if t.current == 0 {
		return nil, ward.E(ward.Internal, "seal.tenant", "the tenant has no live tenant key; run `ward store check`", nil)
	}
	if tx != nil {
		tx.AfterCommit(func() { r.remember(t) })
	} else {
		r.remember(t)
	}
	return t, nil
}

func (r *Ring) remember(t *tenant) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.tenants) >= tenantsMax {
		for old := range r.tenants { // any will do; they are read again
			delete(r.tenants, old)
			break
		}
	}
	r.tenants[t.tn] = t
}

// openTenant unwraps and checks the MAC key; the digest of its row is made with the key itself.
func (r *Ring) openTenant(ctx context.Context, m macRow) (*tenant, error) {
	key, err := r.unwrap(ctx, m.root, m.aad(), m.wrapped)
	if err != nil {
		return nil, err
	}
	t := &tenant{tn: m.tn, key: key, keks: map[int64]*keys.Wrapper{}, macs: map[string]keys.MAC{}}
	if t.rows, err = keys.NewMAC(key, rowPurpose); err != nil {
		return nil, err
	}
	return t, genuine(t.rows, m.parts(), m.mac)
}

func (r *Ring) openKEK(ctx context.Context, t *tenant, k tenantRow) error {
	if err := genuine(t.rows, k.parts(), k.mac); err != nil {
		return err
	}
	if k.state != live {
		return nil
	}
	kek, err := r.unwrap(ctx, k.root, k.aad(), k.wrapped)
	if err != nil {
		return err
	}
	defer clear(kek)
	if t.keks[k.version], err = keys.NewWrapper(kek, kekLabel); err != nil {
		return err
	}
	t.current = max(t.current, k.version)
	return nil
}

// unwrap opens what the root wrapped and says so plainly when it is another root.
func (r *Ring) unwrap(ctx context.Context, root string, aad, wrapped []byte) ([]byte, error) {
	if root != r.root.ID() {
		return nil, ward.E(ward.Unauthentic, "seal.unwrap", "the database's keys were wrapped under another root key than the one given; use the root key file that belongs to this data directory", nil)
	}
	return r.root.Unwrap(ctx, aad, wrapped)
}

func readMACs(ctx context.Context, tx *db.Tx, where string, args ...any) ([]macRow, error) {
	rows, err := tx.Query(ctx, "SELECT tn, root, wrapped, created_us, mac FROM key_mac"+where+" ORDER BY tn", args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []macRow
	for rows.Next() {
		var m macRow
		if err := rows.Scan(&m.tn, &m.root, &m.wrapped, &m.created, &m.mac); err != nil {
			return nil, unscanned(ctx, rows, "key_mac", err)
		}
		out = append(out, m)
	}
	return out, rows.Err()
}

func readTenants(ctx context.Context, tx *db.Tx, where string, args ...any) ([]tenantRow, error) {
	rows, err := tx.Query(ctx, "SELECT tn, version, root, wrapped, state, created_us, mac FROM key_tenant"+where+" ORDER BY tn, version", args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []tenantRow
	for rows.Next() {
		var k tenantRow
		if err := rows.Scan(&k.tn, &k.version, &k.root, &k.wrapped, &k.state, &k.created, &k.mac); err != nil {
			return nil, unscanned(ctx, rows, "key_tenant", err)
		}
		out = append(out, k)
	}
	return out, rows.Err()
}

// unscanned is the error of a Scan. When the rows ended with the request, nothing is wrong with them.
func unscanned(ctx context.Context, rows interface{ Err() error }, table string, err error) error {
	if end := cmp.Or(ctx.Err(), rows.Err()); end != nil {
		return end
	}
	return unreadable(table, err)
}

func unreadable(table string, err error) error {
	return ward.E(ward.Internal, "seal.read", "a row of "+table+" cannot be read", err)
}
