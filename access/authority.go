package access

import (
	"context"
	"embed"
	"io/fs"
	"net/url"
	"sync"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access/policy"
	"github.com/ward-health/ward/audit"
	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/engine/keys"
)

//go:embed schema/*.sql
var schemaFiles embed.FS

// Migrations returns the tables of tenants, principals, clients, tokens.
func Migrations() db.Migrations {
	files, err := fs.Sub(schemaFiles, "schema")
	if err != nil {
		panic("access: the embedded schema is missing: " + err.Error())
	}
	return db.Migrations{Owner: "access", Files: files}
}

// Config of the authority.
type Config struct {
	Issuer string // base URL of this node as clients see it, without a path; audience of assertions and tokens
}

// Authority authenticates and decides. Safe for concurrent use.
type Authority struct {
	issuer   string
	db       *db.DB
	ring     Keyring
	log      *audit.Log
	policies *policy.Set
	plans    plans
	dir      *directory
	tokens   *tokens
	sessions keys.MAC // digest of a session's secret
	limit    *limiter
	now      func() time.Time
}

// Keyring is what access needs of the node's keys: a new tenant's, the signer of tokens, and the digest of sessions. Data keys
// are not its business.
type Keyring interface {
	AddTenant(ctx context.Context, tx *db.Tx, tn db.Tenant) error
	Signer(ctx context.Context, name, algorithm string) (keys.Signer, []byte, error)
	MAC(ctx context.Context, tn db.Tenant, purpose string) (keys.MAC, error)
}

// New loads policies, validates them strictly against the schema (an invalid set does not start). The log may be nil only
// in a command that decides nothing and writes nothing.
func New(ctx context.Context, c Config, d *db.DB, r Keyring, l *audit.Log) (*Authority, error) {
	issuer, err := checkIssuer(c.Issuer)
	if err != nil {
		return nil, err
	}
	set, err := policy.Default()
	if err != nil {
		return nil, err
	}
	for _, action := range Actions() {
		if !set.Knows(string(action)) {
			return nil, ward.E(ward.Internal, "access.new", "the policy schema does not declare the action "+string(action), nil)
		}
	}
	tokens, err := newTokens(ctx, r, issuer)
	if err != nil {
		return nil, err
	}
	sessions, err := r.MAC(ctx, db.System, "access/session")
	if err != nil {
		return nil, err
	}
	a := &Authority{issuer: issuer, db: d, ring: r, log: l, policies: set, tokens: tokens, sessions: sessions, limit: newLimiter(), now: time.Now}
	a.dir = newDirectory(d)
	return a, nil
}

// checkIssuer accepts an http or https origin.
//
// SPEC(RFC 8414 2): an issuer identifier is a URL without query and fragment.
func checkIssuer(s string) (string, error) {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil ||
		u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.Fragment != "" || u.Opaque != "" {
		return "", ward.E(ward.Invalid, "access.new", "the issuer must be the node's base URL as clients see it, such as https://ward.example, without a path", nil)
	}
	return u.Scheme + "://" + u.Host, nil
}

// Issuer returns the base URL in the form in which tokens and metadata carry it.
func (a *Authority) Issuer() string { return a.issuer }

// Policy returns the SHA-256 of the policy set in force.
func (a *Authority) Policy() [32]byte { return a.policies.Hash() }

// maxPlans bounds the compiled filters that are kept.
const maxPlans = 4096

// plans keeps compiled filters. The policy set of an Authority never changes, so a plan never goes stale.
type plans struct {
	mu sync.Mutex
	m  map[planKey]Filter
}

// planKey is everything a compiled filter depends on; roles are joined by commas, which no role holds.
type planKey struct{ kind, roles, patient, action, rtype, purpose string }

// get returns the kept plan or compiles it. Errors are not kept.
func (p *plans) get(k planKey, compile func() (Filter, error)) (Filter, error) {
	p.mu.Lock()
	f, ok := p.m[k]
	p.mu.Unlock()
	if ok {
		return f, nil
	}
	f, err := compile()
	if err != nil {
		return Filter{}, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.m == nil || len(p.m) >= maxPlans {
		p.m = make(map[planKey]Filter)
	}
	p.m[k] = f
	return f, nil
}
