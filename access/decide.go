package access

import (
	"context"
	"fmt"
	"strings"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access/policy"
	"github.com/ward-health/ward/audit"
	"github.com/ward-health/ward/engine/db"
)

// Action is what a request wants to do; one Cedar action each.
type Action string

// The actions.
const (
	Read           Action = "read" // read, vread, history of one resource
	Search         Action = "search"
	Create         Action = "create"
	Update         Action = "update"
	Delete         Action = "delete"
	Transaction    Action = "transaction" // the envelope; every entry is decided again
	Receive        Action = "receive"
	Predict        Action = "predict"
	DecisionRead   Action = "decision.read"
	DecisionReplay Action = "decision.replay"
	Shred          Action = "shred"
	TokenIssue     Action = "token.issue"
	AdminTenant    Action = "admin.tenant"
	AdminPrincipal Action = "admin.principal"
	AdminClient    Action = "admin.client"
	LogRead        Action = "log.read"
	LogExport      Action = "log.export"
	StoreCheck     Action = "store.check"
	ModelPush      Action = "model.push"
	ModelRead      Action = "model.read"  // list and show artefacts and their history
	ModelTrust     Action = "model.trust" // keys whose signatures the tenant accepts
	MessageRead    Action = "message.read"
	MessageOpen    Action = "message.open" // the raw bytes
	MessageReplay  Action = "message.replay"
	HoldRead       Action = "hold.read"
	HoldRelease    Action = "hold.release" // propose and, by a second person, release; so what a sender means by a unit
	HoldReject     Action = "hold.reject"
	AdminChannel   Action = "admin.channel"
	Feedback       Action = "feedback"
	PackageRead    Action = "package.read" // FHIR packages of the tenant
	PackageAdd     Action = "package.add"  // load, replace and remove them
	Console        Action = "console"      // pages that hold no data of their own
)

// acts says under which act the denial of an action is recorded.
var acts = map[Action]audit.Act{
	Read: audit.ActRead, Search: audit.ActSearch, Create: audit.ActCreate, Update: audit.ActUpdate, Delete: audit.ActDelete,
	Transaction: audit.ActTransaction, Receive: audit.ActReceive, Predict: audit.ActPredict, DecisionRead: audit.ActDecisionRead,
	DecisionReplay: audit.ActDecisionReplay, Shred: audit.ActShred, TokenIssue: audit.ActTokenIssue,
	AdminTenant: audit.ActAdminRead, AdminPrincipal: audit.ActAdminRead, AdminClient: audit.ActAdminRead,
	LogRead: audit.ActLogRead, LogExport: audit.ActLogExport, StoreCheck: audit.ActStoreCheck, ModelPush: audit.ActModelPush,
	ModelRead: audit.ActAdminRead, ModelTrust: audit.ActModelTrust, MessageRead: audit.ActMessageRead, MessageOpen: audit.ActMessageRead,
	MessageReplay: audit.ActMessageReplay, HoldRead: audit.ActHoldRead, HoldRelease: audit.ActHoldRelease, HoldReject: audit.ActHoldReject,
	AdminChannel: audit.ActAdminRead, Feedback: audit.ActFeedback, Console: audit.ActAdminRead,
	PackageRead: audit.ActAdminRead, PackageAdd: audit.ActPackageAdd,
}

// Actions lists every action in a fixed order.
func Actions() []Action {
	return []Action{Read, Search, Create, Update, Delete, Transaction, Receive, Predict, DecisionRead, DecisionReplay, Shred,
		TokenIssue, AdminTenant, AdminPrincipal, AdminClient, LogRead, LogExport, StoreCheck, ModelPush,
		ModelRead, ModelTrust, MessageRead, MessageOpen, MessageReplay, HoldRead, HoldRelease, HoldReject, AdminChannel, Feedback, Console,
		PackageRead, PackageAdd}
}

// Request asks for a decision.
type Request struct {
	Principal ward.Principal
	Action    Action
	Type      string // resource type, or "" for actions that have none
	Purpose   ward.Purpose
	ID        ward.ID // of the client's request; zero: Decide makes one
}

// Decide returns a Permit, or ward.Denied after a durable entry of the denial. Any error in evaluation is a denial (I11).
// If the denial cannot be recorded, the error is ward.Unavailable. Permits live for two minutes; long work decides again.
func (a *Authority) Decide(ctx context.Context, r Request) (Permit, error) {
	if r.ID.IsZero() {
		r.ID = ward.NewID()
	}
	f, err := a.evaluate(r)
	if err == nil {
		return newPermit(r, f, a.policies.Hash(), a.now()), nil
	}
	return Permit{}, a.deny(ctx, r, err)
}

// evaluate returns the filter of a permitted request; every other outcome is an error.
func (a *Authority) evaluate(r Request) (Filter, error) {
	if err := sound(r); err != nil {
		return Filter{}, err
	}
	roles := make([]string, len(r.Principal.Roles))
	for i, role := range r.Principal.Roles {
		roles[i] = string(role)
	}
	q := policy.Query{Kind: string(r.Principal.Kind), Roles: roles, Patient: r.Principal.Patient,
		Action: string(r.Action), Type: r.Type, Purpose: string(r.Purpose)}
	key := planKey{q.Kind, strings.Join(roles, ","), q.Patient, q.Action, q.Type, q.Purpose}
	f, err := a.plans.get(key, func() (Filter, error) { return a.policies.Compile(q) })
	if err != nil {
		return Filter{}, err
	}
	if _, none := f.Node.(None); none {
		return Filter{}, fmt.Errorf("no policy permits it")
	}
	return f, nil
}

// sound refuses requests that no policy should be asked about.
func sound(r Request) error {
	p := r.Principal
	switch {
	case p.ID == "":
		return fmt.Errorf("the principal has no id")
	case p.Kind != ward.Human && p.Kind != ward.Service && p.Kind != ward.Operator:
		return fmt.Errorf("the principal has no known kind")
	case p.Kind != ward.Operator && p.Tenant.Number <= 0:
		return fmt.Errorf("the principal has no tenant")
	case p.Kind != ward.Operator && p.Tenant.Disabled:
		return fmt.Errorf("the tenant is disabled")
	case r.Type != "" && !plainType(r.Type):
		return fmt.Errorf("the resource type is no name")
	case !r.Purpose.Valid():
		return fmt.Errorf("no known purpose of use is stated")
	}
	if likeEngine(p.ID) && !isEngine(p) {
		return fmt.Errorf("the name is the engine's, the principal is not")
	}
	for _, role := range p.Roles {
		if !knownRole(role) && !isEngine(p) {
			return fmt.Errorf("the principal holds a role that does not exist")
		}
	}
	return nil
}

// plainType reports whether s could be a resource type: 1 to 64 ASCII letters and digits, a letter first.
func plainType(s string) bool {
	if len(s) == 0 || len(s) > 64 || s[0] >= '0' && s[0] <= '9' {
		return false
	}
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}

// deny records the denial and says so to the caller.
func (a *Authority) deny(ctx context.Context, r Request, why error) error {
	what := string(r.Action)
	if plainType(r.Type) {
		what += " " + r.Type
	}
	act, ok := acts[r.Action]
	if !ok {
		act, what = audit.ActAdminRead, "an unknown action"
	}
	purpose := r.Purpose
	if !purpose.Valid() {
		purpose = ward.PurposeUnstated
	}
	in := audit.Intent{Tenant: db.Tenant(max(r.Principal.Tenant.Number, 0)), Actor: r.Principal.ID, Act: act, Purpose: purpose,
		Outcome: audit.Denied, Request: r.ID, Policy: a.policies.Hash(), Note: "denied: " + what}
	if _, err := a.log.Begin(ctx, in); err != nil {
		return err
	}
	return ward.E(ward.Denied, "access.decide",
		fmt.Sprintf("the policies do not allow %q for this principal and purpose %q; another role or a token for another purpose may", what, purpose), why)
}

// Hidden records, as a denial, that a principal asked for a record which its filter hides; store calls it and answers
// NotFound. An error means that the entry is not durable.
func (a *Authority) Hidden(ctx context.Context, p Permit, act audit.Act, s audit.Subject) error {
	in := p.Intent(act)
	in.Outcome = audit.Denied
	in.Subjects = []audit.Subject{s}
	in.Note = "hidden by the filter"
	_, err := a.log.Begin(ctx, in)
	return err
}
