package access

import (
	"context"
	"testing"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/audit"
	"github.com/ward-health/ward/audit/audittest"
	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/engine/db/dbtest"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

const testIssuer = "https://ward.test"

// world is a node's authority over real tables, keys and log.
type world struct {
	t    *testing.T
	ctx  context.Context
	db   *db.DB
	ring Keyring
	log  *audit.Log
	*Authority
}

// each runs a test on both databases.
func each(t *testing.T, test func(w *world)) {
	dbtest.Each(t, func(t *testing.T, open func() *db.DB) { test(newWorld(t, open())) })
}

// onSQLite runs a test that does not depend on the database on the embedded one.
func onSQLite(t *testing.T) *world {
	return newWorld(t, dbtest.OpenDB(t, dbtest.Open(t, dbtest.SQLite)))
}

func newWorld(t *testing.T, d *db.DB) *world {
	t.Helper()
	ctx := t.Context()
	ring, log := audittest.Open(t, d, Migrations())
	a, err := New(ctx, Config{Issuer: testIssuer}, d, ring, log)
	must(t, err)
	return &world{t: t, ctx: ctx, db: d, ring: ring, log: log, Authority: a}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// kind fails unless err is of the kind.
func wantKind(t testing.TB, err error, kind ward.ErrorKind) {
	t.Helper()
	if err == nil || ward.KindOf(err) != kind {
		t.Fatalf("got %v, want an error of kind %v", err, kind)
	}
}

// operator returns a permit of the node's operator in a tenant ("" = the node).
func (w *world) operator(tenant ward.TenantID, action Action) Permit {
	w.t.Helper()
	p, err := w.OperatorOf(w.ctx, 0, tenant)
	must(w.t, err)
	permit, err := w.Decide(w.ctx, Request{Principal: p, Action: action, Purpose: ward.SystemAdmin, ID: ward.NewID()})
	must(w.t, err)
	return permit
}

// tenant adds a tenant.
func (w *world) tenant(id ward.TenantID) ward.Tenant {
	w.t.Helper()
	t, err := w.AddTenant(w.ctx, w.operator("", AdminTenant), id, "Hospital "+string(id))
	must(w.t, err)
	return t
}

// human adds a human to a tenant and returns the sign-in code.
func (w *world) human(tenant ward.TenantID, id ward.PrincipalID, roles ...ward.Role) OneTime {
	w.t.Helper()
	n := ward.Principal{ID: id, Kind: ward.Human, Name: "Name of " + string(id), Roles: roles}
	if n.Has(ward.PatientRole) {
		n.Patient = "pat-" + string(id)
	}
	code, err := w.AddPrincipal(w.ctx, w.operator(tenant, AdminPrincipal), n)
	must(w.t, err)
	return code
}

// token issues a token through the operator.
func (w *world) token(tenant ward.TenantID, id ward.PrincipalID, purpose ward.Purpose) string {
	w.t.Helper()
	token, _, err := w.IssueToken(w.ctx, w.operator(tenant, TokenIssue), id, purpose)
	must(w.t, err)
	return token
}

// entries returns every sequenced entry of the act and outcome.
func (w *world) entries(act audit.Act, outcome audit.Outcome) (out []audit.Entry) {
	w.t.Helper()
	must(w.t, w.log.Flush(w.ctx))
	all, err := w.log.Entries(w.ctx, 0, 10_000)
	must(w.t, err)
	for _, e := range all {
		if e.Act == act && e.Outcome == outcome {
			out = append(out, e)
		}
	}
	return out
}
