package server

import (
	"context"
	"crypto/sha256"
	"errors"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/engine/keys"
	"github.com/ward-health/ward/predict/registry"
)

// addTenant adds a tenant and gives it the built-in model. A tenant whose model could not be stored gets it at the next start.
func (n *Node) addTenant(ctx context.Context, g access.Grant, id ward.TenantID, name string) (ward.Tenant, error) {
	t, err := n.access.AddTenant(ctx, g.Permit, id, name)
	if err != nil {
		return t, err
	}
	return t, n.furnish(ctx, t)
}

// furnish makes the tenant trust the node's model key and pushes the built-in models whose bytes it never had: a model that
// was taken back stays so.
func (n *Node) furnish(ctx context.Context, t ward.Tenant) error {
	tn := db.Tenant(t.Number)
	for _, m := range registry.Builtin() {
		_, err := n.registry.ByDigest(ctx, tn, sha256.Sum256(m.Manifest))
		if err == nil {
			continue
		}
		switch ward.KindOf(err) {
		case ward.NotFound:
		case ward.Unprocessable, ward.Conflict:
			// A stored model that was tampered with answers nobody; the node and its other tenants go on.
			n.logger.ErrorContext(ctx, "a stored model does not verify", "error", err)
			continue
		default:
			return err
		}
		signer, public, err := n.ring.Signer(ctx, "model", keys.ES256)
		if err != nil {
			return err
		}
		if err := n.db.Write(ctx, tn, func(tx *db.Tx) error { return n.registry.Trust(ctx, tx, tn, public) }); err != nil {
			return err
		}
		g, err := n.operator(ctx, t.ID, access.ModelPush)
		if err != nil {
			return err
		}
		if err := n.registry.Push(ctx, g.Permit, m, signer, public); err != nil {
			return err
		}
	}
	return nil
}

// furnishAll does so for every tenant that is not disabled: an interrupted addTenant is completed, and a new release brings its models.
func (n *Node) furnishAll(ctx context.Context) error {
	g, err := n.operator(ctx, "", access.AdminTenant)
	if err != nil {
		return err
	}
	have, err := n.access.Tenants(ctx, g.Permit)
	if err != nil {
		return err
	}
	var errs []error
	for _, t := range have {
		if !t.Disabled && t.Number > 0 {
			errs = append(errs, n.furnish(ctx, t))
		}
	}
	return errors.Join(errs...)
}
