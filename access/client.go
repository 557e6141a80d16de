package access

import (
	"context"
	"strings"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/audit"
	"github.com/ward-health/ward/engine/db"
)

// Client is a registered OAuth client of a service principal (private_key_jwt).
type Client struct {
	ID        string
	Principal ward.PrincipalID
	JWKS      []byte // public keys only, RS384 or ES384
	Purpose   ward.Purpose
	Disabled  bool
}

// AddClient registers a client of an active service principal of the permit's tenant. Ids are unique in the node and never
// reused (else ward.Conflict). An unstated purpose is the principal's default one.
func (a *Authority) AddClient(ctx context.Context, p Permit, c Client) error {
	if err := p.Allows(AdminClient, ""); err != nil {
		return err
	}
	if err := inTenant(p); err != nil {
		return err
	}
	if !plainID(c.ID) || strings.HasPrefix(c.ID, reservedClient) {
		return ward.E(ward.Invalid, "access.client", "a client is named by 1 to 64 of letters, digits and . _ @ -, a letter or digit first, not beginning with ward-", nil).At("id")
	}
	if _, err := parseJWKS(c.JWKS); err != nil {
		return err
	}
	if c.Purpose != ward.PurposeUnstated && !c.Purpose.Valid() {
		return ward.E(ward.Invalid, "access.client", "the purpose of use is not one that Ward knows, such as TREAT or HOPERAT", nil).At("purpose")
	}
	entry, err := a.administer(ctx, p, AdminClient, audit.ActClientAdd, "client "+c.ID)
	if err != nil {
		return err
	}
	err = a.write(ctx, p.Tenant(), entry, func(tx *db.Tx) error { return a.insertClient(ctx, tx, p.Tenant(), c) })
	return unique(err, "a client of this name exists or existed; choose another")
}

func (a *Authority) insertClient(ctx context.Context, tx *db.Tx, tn db.Tenant, c Client) error {
	g, err := activeGrantee(ctx, tx, tn, c.Principal)
	if err != nil {
		return err
	}
	if g.who.Kind != ward.Service {
		return ward.E(ward.Invalid, "access.client", "a client belongs to a service principal; humans sign in themselves", nil).At("principal")
	}
	purpose := c.Purpose
	if purpose == ward.PurposeUnstated {
		purpose = DefaultPurpose(g.who)
	}
	return tx.Insert(ctx, "access_client", []string{"tn", "id", "principal", "jwks", "purpose", "state", "epoch", "made_us"},
		[][]any{{int64(tn), c.ID, string(c.Principal), c.JWKS, string(purpose), int64(active), int64(1), a.now().UnixMicro()}})
}

// Clients lists the tenant's clients by id, disabled ones too, after the one given, at most n (1,000 if n is not in 1..1000).
func (a *Authority) Clients(ctx context.Context, p Permit, after string, n int) ([]Client, error) {
	if err := a.list(ctx, p, AdminClient, "clients"); err != nil {
		return nil, err
	}
	if err := inTenant(p); err != nil {
		return nil, err
	}
	var out []Client
	err := a.db.Read(ctx, p.Tenant(), func(tx *db.Tx) error {
		rows, err := tx.Query(ctx, `SELECT id, principal, jwks, purpose, state FROM access_client
			WHERE tn = $1 AND id > $2 ORDER BY id LIMIT $3`, int64(p.Tenant()), after, pageSize(n))
		if err != nil {
			return err
		}
		defer rows.Close()
		out = nil
		for rows.Next() {
			var c Client
			var principal, purpose string
			var state int64
			if err := rows.Scan(&c.ID, &principal, &c.JWKS, &purpose, &state); err != nil {
				return err
			}
			c.Principal, c.Purpose, c.Disabled = ward.PrincipalID(principal), ward.Purpose(purpose), state != active
			out = append(out, c)
		}
		return rows.Err()
	})
	return out, err
}

// DisableClient ends a client and its tokens. Disabling twice is no error.
func (a *Authority) DisableClient(ctx context.Context, p Permit, id string) error {
	if err := p.Allows(AdminClient, ""); err != nil {
		return err
	}
	if err := inTenant(p); err != nil {
		return err
	}
	if !plainID(id) {
		return missing(nil, noClient)
	}
	entry, err := a.administer(ctx, p, AdminClient, audit.ActClientDisable, "client "+id)
	if err != nil {
		return err
	}
	return a.write(ctx, p.Tenant(), entry, func(tx *db.Tx) error {
		n, err := tx.Exec(ctx, `UPDATE access_client SET state = $1, epoch = epoch + 1 WHERE tn = $2 AND id = $3`,
			int64(disabled), int64(p.Tenant()), id)
		if err == nil && n == 0 {
			return missing(nil, noClient)
		}
		return err
	})
}
