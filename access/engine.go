package access

import (
	"context"
	"strings"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/engine/db"
)

// engineID names the node's own work on a tenant's events. It is no row: nobody can add, disable or sign in as it.
const engineID ward.PrincipalID = "ward-engine"

// EngineOf returns the principal under which the node works on a tenant's events by itself: a service that holds the role
// engine and nothing else. It has no row and no token; Decide asks the policies about it as about everybody. An unknown
// tenant is ward.NotFound, a disabled one ward.Denied.
func (a *Authority) EngineOf(ctx context.Context, tn db.Tenant) (ward.Principal, error) {
	t, err := a.dir.numbered(ctx, tn)
	if err != nil {
		return ward.Principal{}, err
	}
	if t.Disabled {
		return ward.Principal{}, ward.E(ward.Denied, "access.engine", "the tenant is disabled", nil)
	}
	return ward.Principal{ID: engineID, Kind: ward.Service, Tenant: t, Name: "Ward's own engine", Roles: []ward.Role{ward.Engine}}, nil
}

// isEngine reports whether the principal is the engine's, whole.
func isEngine(p ward.Principal) bool {
	return p.ID == engineID && p.Kind == ward.Service && p.Patient == "" && len(p.Roles) == 1 && p.Roles[0] == ward.Engine
}

// likeEngine reports whether a name could be taken for the engine's.
func likeEngine(id ward.PrincipalID) bool { return strings.EqualFold(string(id), string(engineID)) }
