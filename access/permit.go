package access

import (
	"slices"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/audit"
	"github.com/ward-health/ward/engine/db"
)

// permitLife is how long a Permit allows anything; long work decides again.
const permitLife = 2 * time.Minute

// Permit is leave to act. Only Decide makes one; the zero Permit allows nothing. It is bound to tenant, principal,
// action, type, purpose, filter, client request and policy set, and lives for two minutes.
type Permit struct{ g *grant }

// grant is what a Permit is bound to. It is never changed after it is made.
type grant struct {
	principal ward.Principal
	action    Action
	rtype     string
	purpose   ward.Purpose
	filter    Filter
	request   ward.ID
	policy    [32]byte
	expires   time.Time
}

// newPermit is the only place where a Permit comes into being; decide calls it after a positive decision.
func newPermit(r Request, f Filter, policy [32]byte, now time.Time) Permit {
	r.Principal.Roles = slices.Clone(r.Principal.Roles)
	return Permit{&grant{
		principal: r.Principal, action: r.Action, rtype: r.Type, purpose: r.Purpose, filter: f,
		request: r.ID, policy: policy, expires: now.Add(permitLife),
	}}
}

// Allows returns nil only if the permit is live and of this action and type ("" matches a permit of any type). The
// error is of kind ward.Denied.
func (p Permit) Allows(a Action, rtype string) error {
	deny := func(why string) error { return ward.E(ward.Denied, "access.permit", why, nil) }
	switch {
	case p.g == nil:
		return deny("no permit was given for this act")
	case p.g.action != a:
		return deny("the permit is for another action")
	case rtype != "" && p.g.rtype != rtype:
		return deny("the permit is for another resource type")
	case !time.Now().Before(p.g.expires):
		return deny("the permit has expired; decide again")
	}
	return nil
}

// Tenant returns the tenant's number (0 for the zero permit, which no table holds; 0 too for an operator of the node).
func (p Permit) Tenant() db.Tenant {
	if p.g == nil {
		return 0
	}
	return db.Tenant(p.g.principal.Tenant.Number)
}

// TenantID returns the tenant's slug.
func (p Permit) TenantID() ward.TenantID {
	if p.g == nil {
		return ""
	}
	return p.g.principal.Tenant.ID
}

// Principal returns who acts.
func (p Permit) Principal() ward.Principal {
	if p.g == nil {
		return ward.Principal{}
	}
	who := p.g.principal
	who.Roles = slices.Clone(who.Roles)
	return who
}

// Purpose returns the purpose of use decided on.
func (p Permit) Purpose() ward.Purpose {
	if p.g == nil {
		return ward.PurposeUnstated
	}
	return p.g.purpose
}

// Filter returns the rows it covers. When the permit is of a type, the filter holds that type too: rows of another type
// never match it.
func (p Permit) Filter() Filter {
	if p.g == nil {
		return Filter{}
	}
	return p.g.filter.Clone()
}

// Request returns the id of the client's request.
func (p Permit) Request() ward.ID {
	if p.g == nil {
		return ward.ID{}
	}
	return p.g.request
}

// Policy returns the SHA-256 of the policy set that decided.
func (p Permit) Policy() [32]byte {
	if p.g == nil {
		return [32]byte{}
	}
	return p.g.policy
}

// Intent starts an audit intent for an act under this permit, with outcome Done.
func (p Permit) Intent(act audit.Act) audit.Intent {
	return audit.Intent{
		Tenant: p.Tenant(), Actor: p.Principal().ID, Act: act, Purpose: p.Purpose(),
		Outcome: audit.Done, Request: p.Request(), Policy: p.Policy(),
	}
}

// String says nothing of what the permit holds.
func (p Permit) String() string { return "[permit]" }
