package access

import (
	"context"
	"fmt"
	"os"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/audit"
	"github.com/ward-health/ward/engine/db"
)

// tenantCounter numbers tenants.
const tenantCounter = "access.tenant"

// nodeOnly refuses a tenant's own administrator: tenants are added and ended by the operator of the node.
func nodeOnly(p Permit) error {
	if err := p.Allows(AdminTenant, ""); err != nil {
		return err
	}
	if who := p.Principal(); who.Kind != ward.Operator || p.Tenant() != db.System {
		return ward.E(ward.Denied, "access.tenant", "tenants are added and disabled by the node's operator, at the node's own socket and without naming a tenant", nil)
	}
	return nil
}

// AddTenant makes a tenant with its keys. It needs a permit of the node's operator; a slug that exists is ward.Conflict.
func (a *Authority) AddTenant(ctx context.Context, p Permit, id ward.TenantID, name string) (ward.Tenant, error) {
	if err := nodeOnly(p); err != nil {
		return ward.Tenant{}, err
	}
	if err := checkTenant(id, name); err != nil {
		return ward.Tenant{}, err
	}
	entry, err := a.administer(ctx, p, AdminTenant, audit.ActTenantAdd, "tenant "+string(id))
	if err != nil {
		return ward.Tenant{}, err
	}
	var t ward.Tenant
	err = a.write(ctx, db.System, entry, func(tx *db.Tx) error {
		t, err = a.insertTenant(ctx, tx, id, name)
		return err
	})
	if err != nil {
		return ward.Tenant{}, unique(err, "a tenant of this name exists already")
	}
	return t, nil
}

func checkTenant(id ward.TenantID, name string) error {
	if !id.Valid() {
		return ward.E(ward.Invalid, "access.tenant", "a tenant is named by 1 to 40 of a-z, 0-9 and -, a letter first", nil).At("tenant")
	}
	return checkName(name)
}

// insertTenant makes row and keys.
func (a *Authority) insertTenant(ctx context.Context, tx *db.Tx, id ward.TenantID, name string) (ward.Tenant, error) {
	n, err := tx.Allocate(ctx, tenantCounter, 1)
	if err != nil {
		return ward.Tenant{}, err
	}
	err = tx.Insert(ctx, "access_tenant", []string{"tn", "id", "name", "state", "made_us"},
		[][]any{{n, string(id), name, int64(active), a.now().UnixMicro()}})
	if err != nil {
		return ward.Tenant{}, err
	}
	if err := a.ring.AddTenant(ctx, tx, db.Tenant(n)); err != nil {
		return ward.Tenant{}, err
	}
	return ward.Tenant{ID: id, Number: n, Name: name}, nil
}

// Tenants lists tenants in order of number: all for the node's operator, the own one for everybody else.
func (a *Authority) Tenants(ctx context.Context, p Permit) ([]ward.Tenant, error) {
	if err := a.list(ctx, p, AdminTenant, "tenants"); err != nil {
		return nil, err
	}
	all, err := a.readTenants(ctx)
	if err != nil || nodeOnly(p) == nil {
		return all, err
	}
	for _, t := range all {
		if db.Tenant(t.Number) == p.Tenant() {
			return []ward.Tenant{t}, nil
		}
	}
	return nil, nil
}

func (a *Authority) readTenants(ctx context.Context) (out []ward.Tenant, err error) {
	err = a.db.Read(ctx, db.System, func(tx *db.Tx) error {
		rows, err := tx.Query(ctx, `SELECT tn, id, name, state FROM access_tenant ORDER BY tn`)
		if err != nil {
			return err
		}
		defer rows.Close()
		out = nil
		for rows.Next() {
			var t ward.Tenant
			var id string
			var state int64
			if err := rows.Scan(&t.Number, &id, &t.Name, &state); err != nil {
				return err
			}
			t.ID, t.Disabled = ward.TenantID(id), state != active
			out = append(out, t)
		}
		return rows.Err()
	})
	return out, err
}

// TenantByID returns a tenant by its slug, disabled or not; an unknown one is ward.NotFound. It is for the node's own
// work and asks no permit: a tenant's name is no patient data.
func (a *Authority) TenantByID(ctx context.Context, id ward.TenantID) (ward.Tenant, error) {
	return a.dir.tenant(ctx, id)
}

// TenantNumbers returns the numbers of all tenants, disabled ones included, in order.
func (a *Authority) TenantNumbers(ctx context.Context) ([]db.Tenant, error) {
	all, err := a.readTenants(ctx)
	out := make([]db.Tenant, len(all))
	for i, t := range all {
		out[i] = db.Tenant(t.Number)
	}
	return out, err
}

// DisableTenant stops every principal of a tenant: tokens, sessions and channels end at once, no new ones are made. It needs a permit of the
// node's operator. Disabling twice is no error.
func (a *Authority) DisableTenant(ctx context.Context, p Permit, id ward.TenantID) error {
	if err := nodeOnly(p); err != nil {
		return err
	}
	if _, err := a.dir.tenant(ctx, id); err != nil {
		return err
	}
	entry, err := a.administer(ctx, p, AdminTenant, audit.ActTenantDisable, "tenant "+string(id))
	if err != nil {
		return err
	}
	return a.write(ctx, db.System, entry, func(tx *db.Tx) error {
		tx.Notify(channelTopic)
		_, err := tx.Exec(ctx, `UPDATE access_tenant SET state = $1 WHERE id = $2`, int64(disabled), string(id))
		return err
	})
}

// Bootstrap makes the first tenant and its first principal, a human administrator, and returns the one-time code of the
// first sign-in. It works only while no tenant exists (else ward.Conflict) and leaves the entries ActNode, ActTenantAdd and
// ActPrincipalAdd of the local user in the same transaction.
func (a *Authority) Bootstrap(ctx context.Context, tenant ward.TenantID, name string, admin ward.Principal) (OneTime, error) {
	if err := checkTenant(tenant, name); err != nil {
		return OneTime{}, err
	}
	if err := checkPrincipal(admin); err != nil {
		return OneTime{}, err
	}
	if admin.Kind != ward.Human || !admin.Has(ward.Admin) {
		return OneTime{}, ward.E(ward.Invalid, "access.bootstrap", "the first principal must be a human with the role admin", nil)
	}
	entries, err := a.bootstrapEntries(ctx, tenant, admin.ID)
	if err != nil {
		return OneTime{}, err
	}
	code := newOneTime()
	err = a.db.Write(ctx, db.System, func(tx *db.Tx) error {
		if err := tx.Lock(ctx, tenantCounter); err != nil {
			return err
		}
		var n int64
		if _, err := tx.Get(ctx, `SELECT COUNT(*) FROM access_tenant`, nil, &n); err != nil {
			return err
		}
		if n != 0 {
			return ward.E(ward.Conflict, "access.bootstrap", "the node has tenants already; use ward tenant add and ward principal add", nil)
		}
		t, err := a.insertTenant(ctx, tx, tenant, name)
		if err != nil {
			return err
		}
		if err := a.insertPrincipal(ctx, tx, db.Tenant(t.Number), admin, code); err != nil {
			return err
		}
		for _, e := range entries {
			if _, err := a.log.Enter(ctx, tx, e); err != nil {
				return err
			}
		}
		tx.AfterCommit(a.dir.forget)
		return nil
	})
	if err != nil {
		return OneTime{}, err
	}
	return code, nil
}

// bootstrapEntries prepares the three entries. They belong to the node, because the tenant's keys do not exist yet.
func (a *Authority) bootstrapEntries(ctx context.Context, tenant ward.TenantID, admin ward.PrincipalID) ([]audit.Prepared, error) {
	request := ward.NewID()
	var out []audit.Prepared
	for _, e := range []struct {
		act  audit.Act
		note string
	}{
		{audit.ActNode, "init"},
		{audit.ActTenantAdd, "tenant " + string(tenant)},
		{audit.ActPrincipalAdd, fmt.Sprintf("principal %s of tenant %s, first administrator", admin, tenant)},
	} {
		p, err := a.log.Prepare(ctx, audit.Intent{Tenant: db.System, Actor: operatorID(os.Getuid()), Act: e.act,
			Purpose: ward.SystemAdmin, Outcome: audit.Done, Request: request, Policy: a.policies.Hash(), Note: e.note})
		if err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, nil
}
