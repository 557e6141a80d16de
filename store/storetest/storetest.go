// Package storetest builds the real core of a node (database, keys, blobs, log, access, queue, store) in a folder of a
// test, with two tenants and a principal per role, and hands out permits. Nothing in it is a stand-in.
//
// A package that uses it on PostgreSQL calls dbtest.Main from TestMain.
package storetest

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/audit"
	"github.com/ward-health/ward/engine/blob"
	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/engine/db/dbtest"
	"github.com/ward-health/ward/engine/keys"
	"github.com/ward-health/ward/engine/keys/seal"
	"github.com/ward-health/ward/engine/queue"
	"github.com/ward-health/ward/store"
)

// The engines, as dbtest names them.
const (
	SQLite     = dbtest.SQLite
	PostgreSQL = dbtest.PostgreSQL
)

// OwnPatient is the FHIR id of the patient whom the principal with ward.PatientRole is.
const OwnPatient = "pat-own"

// Issuer is the base URL of the authority.
const Issuer = "http://127.0.0.1:8080"

// Running is the open core of one node.
type Running struct {
	DB     *db.DB
	Ring   *seal.Ring
	Blobs  *blob.Dir
	Log    *audit.Log
	Access *access.Authority
	Queue  *queue.Queue
	Store  *store.Store

	Dir           string // holds root.key, blobs, log, emergency and, on SQLite, ward.db
	Config        db.Config
	Tenant, Other ward.Tenant

	t     testing.TB
	stop  func()
	noLog bool
}

// Each runs a subtest on each engine with a fresh node.
func Each(t *testing.T, test func(t *testing.T, n *Running)) {
	t.Helper()
	for _, engine := range []string{SQLite, PostgreSQL} {
		t.Run(engine, func(t *testing.T) { test(t, Node(t, engine)) })
	}
}

// Node starts a node on a fresh database with the tenants "one" and "two". It is closed at the end of the test.
func Node(t testing.TB, engine string) *Running {
	t.Helper()
	n := &Running{t: t, Dir: t.TempDir(), Config: dbtest.Open(t, engine)}
	if engine == SQLite {
		n.Config.Path = filepath.Join(n.Dir, "ward.db")
	}
	n.must(keys.CreateFile(filepath.Join(n.Dir, "root.key"), nil, credential))
	n.open()
	t.Cleanup(n.Close)
	n.Tenant, n.Other = n.tenant("one"), n.tenant("two")
	for _, tn := range []ward.Tenant{n.Tenant, n.Other} {
		for _, role := range ward.Roles() {
			_, err := n.Access.AddPrincipal(n.ctx(), n.Operator(tn.ID, access.AdminPrincipal), n.principal(tn, role))
			n.must(err)
		}
	}
	return n
}

// credential unlocks the root key of test nodes.
var credential = keys.Secret(bytes.Repeat([]byte("t"), 32))

func (n *Running) must(err error) {
	n.t.Helper()
	if err != nil {
		n.t.Fatal(err)
	}
}

func (n *Running) ctx() context.Context { return context.Background() }

func (n *Running) open() {
	n.t.Helper()
	ctx := n.ctx()
	var err error
	n.DB, err = db.Open(ctx, n.Config)
	n.must(err)
	n.must(n.DB.Migrate(ctx, seal.Migrations(), audit.Migrations(), access.Migrations(), queue.Migrations(), store.Migrations()))
	root, err := keys.OpenFile(filepath.Join(n.Dir, "root.key"), nil, credential)
	n.must(err)
	n.Ring, err = seal.Open(ctx, n.DB, root)
	n.must(err)
	n.Blobs, err = blob.OpenDir(filepath.Join(n.Dir, "blobs"))
	n.must(err)
	n.Log, err = audit.Open(ctx, audit.Config{Dir: filepath.Join(n.Dir, "log"), Emergency: filepath.Join(n.Dir, "emergency"), Origin: "ward/storetest"}, n.DB, n.Ring)
	n.must(err)
	n.noLog = false
	n.Access, err = access.New(ctx, access.Config{Issuer: Issuer}, n.DB, n.Ring, n.Log)
	n.must(err)
	n.Queue = queue.New(n.DB, "storetest")
	n.Store, err = store.New(ctx, store.Deps{DB: n.DB, Ring: n.Ring, Blobs: n.Blobs, Log: n.Log, Access: n.Access, Queue: n.Queue, Node: 1})
	n.must(err)
	n.run()
}

// run starts the queue; the log sequences when it is flushed.
func (n *Running) run() {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	q := n.Queue
	go func() { done <- q.Run(ctx) }()
	n.stop = func() {
		cancel()
		if err := <-done; err != nil && !errors.Is(err, context.Canceled) {
			n.t.Errorf("queue: %v", err)
		}
	}
}

// Second returns a store that writes through a database handle of its own, as another node's does. It shares keys, log and
// blobs with the first; PostgreSQL only. It ends with the test.
func (n *Running) Second() *store.Store {
	n.t.Helper()
	d := dbtest.OpenDB(n.t, n.Config)
	s, err := store.New(n.ctx(), store.Deps{DB: d, Ring: n.Ring, Blobs: n.Blobs, Log: n.Log, Access: n.Access, Queue: queue.New(d, "second"), Node: 2})
	n.must(err)
	return s
}

// Halt stops the queue only, as if its workers were busy; Reopen starts it again.
func (n *Running) Halt() {
	if n.stop != nil {
		n.stop()
		n.stop = nil
	}
}

// Close ends the node. Closing twice is no error.
func (n *Running) Close() {
	n.Halt()
	if n.DB == nil {
		return
	}
	n.CloseLog()
	if err := n.DB.Close(); err != nil {
		n.t.Errorf("close database: %v", err)
	}
	n.DB = nil
}

// CloseLog closes the log under the store, as if its disk were gone. Closing twice is no error.
func (n *Running) CloseLog() {
	if n.noLog {
		return
	}
	n.noLog = true
	if err := n.Log.Close(); err != nil {
		n.t.Errorf("close log: %v", err)
	}
}

// Reopen closes everything and opens it again over the same folder and database, as a restart does.
func (n *Running) Reopen() {
	n.t.Helper()
	n.Close()
	n.open()
}

func (n *Running) tenant(id ward.TenantID) ward.Tenant {
	n.t.Helper()
	t, err := n.Access.AddTenant(n.ctx(), n.Operator("", access.AdminTenant), id, "Hospital "+string(id))
	n.must(err)
	return t
}

// Operator returns a permit of the local operator in a tenant, "" for the node itself.
func (n *Running) Operator(tenant ward.TenantID, action access.Action) access.Permit {
	n.t.Helper()
	who, err := n.Access.OperatorOf(n.ctx(), os.Getuid(), tenant)
	n.must(err)
	return n.decide(access.Request{Principal: who, Action: action, Purpose: ward.SystemAdmin, ID: ward.NewID()})
}

// Principal returns the tenant "one"'s principal of a role; its id is the role's name.
func (n *Running) Principal(role ward.Role) ward.Principal { return n.principal(n.Tenant, role) }

func (n *Running) principal(tn ward.Tenant, role ward.Role) ward.Principal {
	p := ward.Principal{ID: ward.PrincipalID(role), Tenant: tn, Kind: ward.Human, Name: "The " + string(role), Roles: []ward.Role{role}}
	switch role {
	case ward.Integration:
		p.Kind = ward.Service
	case ward.PatientRole:
		p.Patient = OwnPatient
	}
	return p
}

// PurposeOf is the purpose of use under which a role mostly works.
func PurposeOf(role ward.Role) ward.Purpose {
	switch role {
	case ward.PatientRole:
		return ward.PatientRequest
	case ward.Privacy, ward.Auditor, ward.Admin:
		return ward.Operations
	}
	return ward.Treatment
}

// Permit decides for the principal of a role in the tenant "one", under a new request.
func (n *Running) Permit(role ward.Role, action access.Action, rtype string) access.Permit {
	n.t.Helper()
	return n.PermitOf(n.Principal(role), PurposeOf(role), action, rtype)
}

// OtherPermit is Permit in the tenant "two".
func (n *Running) OtherPermit(role ward.Role, action access.Action, rtype string) access.Permit {
	n.t.Helper()
	return n.PermitOf(n.principal(n.Other, role), PurposeOf(role), action, rtype)
}

// PermitOf decides for any principal, under a new request.
func (n *Running) PermitOf(who ward.Principal, purpose ward.Purpose, action access.Action, rtype string) access.Permit {
	n.t.Helper()
	return n.decide(access.Request{Principal: who, Action: action, Type: rtype, Purpose: purpose, ID: ward.NewID()})
}

func (n *Running) decide(r access.Request) access.Permit {
	n.t.Helper()
	p, err := n.Access.Decide(n.ctx(), r)
	n.must(err)
	return p
}

// Grant is what a route's handler gets: a permit, and Decide under the same principal, purpose and request.
func (n *Running) Grant(role ward.Role, action access.Action, rtype string) access.Grant {
	n.t.Helper()
	r := access.Request{Principal: n.Principal(role), Action: action, Type: rtype, Purpose: PurposeOf(role), ID: ward.NewID()}
	g := access.Grant{Permit: n.decide(r)}
	g.Decide = func(ctx context.Context, a access.Action, rtype string) (access.Permit, error) {
		r := r
		r.Action, r.Type = a, rtype
		return n.Access.Decide(ctx, r)
	}
	return g
}

// Changes makes one Change per body, all under one request of the role: an update under the id that the body carries, a
// create where it carries none. Bodies are written as JSON resources.
func (n *Running) Changes(role ward.Role, refs []ward.Reference, bodies []string) []store.Change {
	n.t.Helper()
	g := n.Grant(role, access.Transaction, "")
	out := make([]store.Change, len(bodies))
	for i, body := range bodies {
		op, action := store.OpUpdate, access.Update
		if refs[i].ID == "" {
			op, action = store.OpCreate, access.Create
		}
		p, err := g.Decide(n.ctx(), action, refs[i].Type)
		n.must(err)
		out[i] = store.Change{Permit: p, Op: op, Resource: ward.Resource{Ref: refs[i], Body: ward.Protected(body)}}
	}
	return out
}

// Put writes one resource as the integration service, under "Type/id", or "Type" for a new id, and returns its version.
func (n *Running) Put(ref, body string) ward.Version {
	n.t.Helper()
	r, err := ward.ParseReference(ref)
	if err != nil {
		r = ward.Reference{Type: ref}
	}
	act := audit.ActUpdate
	if r.ID == "" {
		act = audit.ActCreate
	}
	got, err := n.Store.Apply(n.ctx(), act, n.Changes(ward.Integration, []ward.Reference{r}, []string{body}))
	n.must(err)
	return got[0].Version
}

// Entries flushes the log and returns every sequenced entry.
func (n *Running) Entries() []audit.Entry {
	n.t.Helper()
	n.must(n.Log.Flush(n.ctx()))
	var out []audit.Entry
	for {
		part, err := n.Log.Entries(n.ctx(), int64(len(out)), 1000)
		n.must(err)
		if len(part) == 0 {
			return out
		}
		out = append(out, part...)
	}
}

// Check runs the store's check of the tenant "one" as its auditor.
func (n *Running) Check() store.CheckReport {
	n.t.Helper()
	report, err := n.Store.Check(n.ctx(), n.Permit(ward.Auditor, access.StoreCheck, ""), nil)
	n.must(err)
	return report
}

// Clean fails the test for every fault that Check and the log's own check find.
func (n *Running) Clean() store.CheckReport {
	n.t.Helper()
	report := n.Check()
	for _, f := range report.Faults {
		n.t.Errorf("store check: %s %s: %s", f.Class, f.Where, f.What)
	}
	faults, err := n.Log.Check(n.ctx())
	n.must(err)
	for _, f := range faults {
		n.t.Errorf("log check: %s %s: %s", f.Class, f.Where, f.What)
	}
	return report
}
