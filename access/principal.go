package access

import (
	"context"
	"slices"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/audit"
	"github.com/ward-health/ward/engine/db"
)

func knownRole(r ward.Role) bool { return slices.Contains(ward.Roles(), r) }

// DefaultPurpose returns the purpose of use that a human's sign-in carries: that of the first role.
func DefaultPurpose(p ward.Principal) ward.Purpose {
	if p.Kind == ward.Operator {
		return ward.SystemAdmin
	}
	if len(p.Roles) == 0 {
		return ward.PurposeUnstated
	}
	switch p.Roles[0] {
	case ward.Clinician, ward.Registrar, ward.Integration:
		return ward.Treatment
	case ward.PatientRole:
		return ward.PatientRequest
	case ward.Privacy, ward.Auditor, ward.Admin, ward.Steward:
		return ward.Operations
	}
	return ward.PurposeUnstated
}

// checkPrincipal accepts what AddPrincipal may store.
func checkPrincipal(n ward.Principal) error {
	bad := func(path, what string) error { return ward.E(ward.Invalid, "access.principal", what, nil).At(path) }
	if !plainID(string(n.ID)) {
		return bad("id", "a principal is named by 1 to 64 of letters, digits and . _ @ -, a letter or digit first")
	}
	if likeEngine(n.ID) {
		return bad("id", "the name "+string(engineID)+" is the node's own; choose another")
	}
	if n.Kind != ward.Human && n.Kind != ward.Service {
		return bad("kind", "a principal is human or service; operators are the local users of the node and are not added")
	}
	if err := checkName(n.Name); err != nil {
		return err
	}
	if len(n.Roles) == 0 {
		return bad("roles", "a principal needs at least one role")
	}
	for i, r := range n.Roles {
		if !knownRole(r) || slices.Contains(n.Roles[:i], r) {
			return bad("roles", "roles are clinician, registrar, integration, privacy, auditor, admin, patient and steward, each at most once")
		}
		if r == ward.Integration && n.Kind != ward.Service {
			return bad("roles", "the role integration is for services")
		}
		if n.Kind == ward.Service && slices.Contains([]ward.Role{ward.Privacy, ward.Auditor, ward.Admin, ward.PatientRole, ward.Steward}, r) {
			return bad("roles", "the roles privacy, auditor, admin, patient and steward are for humans")
		}
	}
	if n.Has(ward.PatientRole) && (len(n.Roles) != 1 || !ward.ValidID(n.Patient)) {
		return bad("patient", "a patient holds no other role and names the id of the own Patient resource")
	}
	if !n.Has(ward.PatientRole) && n.Patient != "" {
		return bad("patient", "only a principal with the role patient names a Patient resource")
	}
	return nil
}

// AddPrincipal adds a human or service to the permit's tenant. For a human it returns the one-time code of the first
// sign-in, for a service the zero OneTime. An id that exists, disabled or not, is ward.Conflict: ids are never reused,
// because the log names them.
func (a *Authority) AddPrincipal(ctx context.Context, p Permit, n ward.Principal) (code OneTime, err error) {
	if err := p.Allows(AdminPrincipal, ""); err != nil {
		return OneTime{}, err
	}
	if err := inTenant(p); err != nil {
		return OneTime{}, err
	}
	if n.Tenant.ID != "" && n.Tenant.ID != p.TenantID() {
		return OneTime{}, ward.E(ward.Denied, "access.principal", "the permit is for another tenant", nil)
	}
	if err := checkPrincipal(n); err != nil {
		return OneTime{}, err
	}
	entry, err := a.administer(ctx, p, AdminPrincipal, audit.ActPrincipalAdd, "principal "+string(n.ID)+" roles "+joinRoles(n.Roles))
	if err != nil {
		return OneTime{}, err
	}
	if n.Kind == ward.Human {
		code = newOneTime()
	}
	err = a.write(ctx, p.Tenant(), entry, func(tx *db.Tx) error {
		return a.insertPrincipal(ctx, tx, p.Tenant(), n, code)
	})
	if err != nil {
		return OneTime{}, unique(err, "a principal of this name exists or existed; choose another")
	}
	return code, nil
}

func (a *Authority) insertPrincipal(ctx context.Context, tx *db.Tx, tn db.Tenant, n ward.Principal, code OneTime) error {
	err := tx.Insert(ctx, "access_principal", []string{"tn", "id", "kind", "name", "roles", "patient", "state", "epoch", "made_us"},
		[][]any{{int64(tn), string(n.ID), string(n.Kind), n.Name, joinRoles(n.Roles), n.Patient, int64(active), int64(1), a.now().UnixMicro()}})
	if err != nil || code.code == "" {
		return err
	}
	return a.insertCode(ctx, tx, tn, n.ID, code)
}

// Principals lists the tenant's active principals by id, after the one given, at most n (1,000 if n is not in 1..1000).
// Disabled ones stay in the log only.
func (a *Authority) Principals(ctx context.Context, p Permit, after ward.PrincipalID, n int) ([]ward.Principal, error) {
	if err := a.list(ctx, p, AdminPrincipal, "principals"); err != nil {
		return nil, err
	}
	if err := inTenant(p); err != nil {
		return nil, err
	}
	t := p.Principal().Tenant
	var out []ward.Principal
	err := a.db.Read(ctx, p.Tenant(), func(tx *db.Tx) error {
		rows, err := tx.Query(ctx, `SELECT id, kind, name, roles, patient FROM access_principal
			WHERE tn = $1 AND id > $2 AND state = $3 ORDER BY id LIMIT $4`, int64(p.Tenant()), string(after), int64(active), pageSize(n))
		if err != nil {
			return err
		}
		defer rows.Close()
		out = nil
		for rows.Next() {
			var id, kind, roles string
			who := ward.Principal{Tenant: t}
			if err := rows.Scan(&id, &kind, &who.Name, &roles, &who.Patient); err != nil {
				return err
			}
			who.ID, who.Kind, who.Roles = ward.PrincipalID(id), ward.Kind(kind), splitRoles(roles)
			out = append(out, who)
		}
		return rows.Err()
	})
	return out, err
}

// DisablePrincipal ends a principal, all its tokens and sessions, its channels and its unused sign-in codes at once. Disabling twice is no error.
func (a *Authority) DisablePrincipal(ctx context.Context, p Permit, id ward.PrincipalID) error {
	if err := p.Allows(AdminPrincipal, ""); err != nil {
		return err
	}
	if err := inTenant(p); err != nil {
		return err
	}
	if !plainID(string(id)) {
		return missing(nil, noPrincipal)
	}
	entry, err := a.administer(ctx, p, AdminPrincipal, audit.ActPrincipalDisable, "principal "+string(id))
	if err != nil {
		return err
	}
	return a.write(ctx, p.Tenant(), entry, func(tx *db.Tx) error {
		n, err := tx.Exec(ctx, `UPDATE access_principal SET state = $1, epoch = epoch + 1 WHERE tn = $2 AND id = $3`,
			int64(disabled), int64(p.Tenant()), string(id))
		if err != nil {
			return err
		}
		if n == 0 {
			return missing(nil, noPrincipal)
		}
		tx.Notify(channelTopic)
		if _, err = tx.Exec(ctx, `DELETE FROM access_session WHERE tn = $1 AND principal = $2`, int64(p.Tenant()), string(id)); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `DELETE FROM access_one_time WHERE tn = $1 AND principal = $2`, int64(p.Tenant()), string(id))
		return err
	})
}

// IssueToken makes an access token for an active principal of the permit's tenant on behalf of an operator (ward token);
// 15 minutes human, 5 minutes service. An unstated purpose is the principal's default one.
func (a *Authority) IssueToken(ctx context.Context, p Permit, id ward.PrincipalID, purpose ward.Purpose) (token string, expires time.Time, err error) {
	if err := p.Allows(TokenIssue, ""); err != nil {
		return "", time.Time{}, err
	}
	if err := inTenant(p); err != nil {
		return "", time.Time{}, err
	}
	if purpose != ward.PurposeUnstated && !purpose.Valid() {
		return "", time.Time{}, ward.E(ward.Invalid, "access.token", "the purpose of use is not one that Ward knows, such as TREAT or HOPERAT", nil).At("purpose")
	}
	var g grantee
	err = a.db.Read(ctx, p.Tenant(), func(tx *db.Tx) error {
		g, err = activeGrantee(ctx, tx, p.Tenant(), id)
		return err
	})
	if err != nil {
		return "", time.Time{}, err
	}
	g.purpose, g.client = purpose, operatorClient
	if purpose == ward.PurposeUnstated {
		g.purpose = DefaultPurpose(g.who)
	}
	in := p.Intent(audit.ActTokenIssue)
	in.Note = "token for principal " + string(id) + " purpose " + string(g.purpose)
	if _, err := a.log.Begin(ctx, in); err != nil {
		return "", time.Time{}, err
	}
	return a.tokens.sign(g, a.now())
}
