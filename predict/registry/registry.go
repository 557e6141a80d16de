package registry

import (
	"context"
	"crypto/sha256"
	"embed"
	"io/fs"
	"sync"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/audit"
	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/engine/keys"
)

//go:embed schema/*.sql
var schema embed.FS

// Migrations returns the registry's tables.
func Migrations() db.Migrations {
	files, err := fs.Sub(schema, "schema")
	if err != nil {
		panic(err) // the embedded folder is part of the program
	}
	return db.Migrations{Owner: "registry", Files: files}
}

// MACs gives the keyed digest that protects a tenant's registry rows.
type MACs func(ctx context.Context, tn db.Tenant) (keys.MAC, error)

// Registry serves verified artefacts only. Safe for concurrent use.
type Registry struct {
	db   *db.DB
	log  *audit.Log
	macs MACs

	mu       sync.Mutex
	events   map[string]bool       // by digest: whether its manifest wants events; as many as of verified
	verified map[[32]byte]Verified // by SHA-256 over tenant, manifest, bundle and key: what a check depends on
}

// maxVerified bounds the cache of checked artefacts; it is emptied when full.
const maxVerified = 256

// Open makes a registry over migrated tables.
func Open(d *db.DB, l *audit.Log, m MACs) *Registry {
	return &Registry{db: d, log: l, macs: m, events: map[string]bool{}, verified: map[[32]byte]Verified{}}
}

// Trust adds a public key (PKIX DER, ECDSA P-256) whose signatures the tenant accepts, inside tx. The tenant's keys must be
// committed. Adding it again is no error.
func (r *Registry) Trust(ctx context.Context, tx *db.Tx, tn db.Tenant, public []byte) error {
	key, kid, err := parseKey(public)
	if err != nil {
		return err
	}
	if key.Curve.Params().BitSize != 256 {
		return ward.E(ward.Unsupported, "registry.trust", "a model key that signs here must be ECDSA on P-256", nil)
	}
	mac, err := r.macs(ctx, tn)
	if err != nil {
		return err
	}
	_, found, err := readKey(ctx, tx, mac, tn, kid)
	if err != nil || found {
		return err
	}
	k := keyRow{tn: tn, kid: kid, public: public, addedUS: time.Now().UnixMicro()}
	return k.insert(ctx, tx, mac)
}

// Active returns the tenant's active artefact of a name after verifying digest and signature against a trusted key; any
// doubt is an error and no artefact: ward.NotFound when there is none, ward.Unprocessable when a check fails.
func (r *Registry) Active(ctx context.Context, tn db.Tenant, name string) (Verified, error) {
	if !slug.MatchString(name) {
		return Verified{}, notFound()
	}
	return r.load(ctx, tn, func(h history) []byte { return h.active(name) }, name)
}

// ByDigest returns a given artefact, verified likewise, whatever its stage.
func (r *Registry) ByDigest(ctx context.Context, tn db.Tenant, digest [32]byte) (Verified, error) {
	return r.load(ctx, tn, func(history) []byte { return digest[:] }, "")
}

// Standing is what answers under a name now.
type Standing struct {
	Active  Verified
	Shadows []Verified
	Faults  []error // of shadow versions that do not verify; they do not keep the active one from answering
}

// Standing returns the active artefact of a name as Active does, with its shadow versions, from one look at the tables.
func (r *Registry) Standing(ctx context.Context, tn db.Tenant, name string) (out Standing, err error) {
	if !slug.MatchString(name) {
		return out, notFound()
	}
	err = r.look(ctx, tn, func(tx *db.Tx, mac keys.MAC, h history) error {
		digest := h.active(name)
		if digest == nil {
			return notFound()
		}
		out, err = r.standing(ctx, tx, mac, h, stageRow{tn: tn, name: name, digest: digest})
		return err
	})
	if err != nil {
		return Standing{}, err
	}
	return out, nil
}

// Standings returns what answers under every name now, in the order in which the active artefacts came to it, from one look at
// the tables. An active one that does not verify is an error.
func (r *Registry) Standings(ctx context.Context, tn db.Tenant) (out []Standing, err error) {
	err = r.look(ctx, tn, func(tx *db.Tx, mac keys.MAC, h history) error {
		out = nil
		for _, s := range h.standing(Active, "") {
			now, err := r.standing(ctx, tx, mac, h, s)
			if err != nil {
				return err
			}
			out = append(out, now)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// look reads the history of stages and runs fn in the same snapshot.
func (r *Registry) look(ctx context.Context, tn db.Tenant, fn func(tx *db.Tx, mac keys.MAC, h history) error) error {
	mac, err := r.macs(ctx, tn)
	if err != nil {
		return err
	}
	return r.db.Read(ctx, tn, func(tx *db.Tx) error {
		h, err := readHistory(ctx, tx, mac, tn)
		if err != nil {
			return err
		}
		return fn(tx, mac, h)
	})
}

// standing verifies the active artefact that a line of the history names, and the shadow versions of its name.
func (r *Registry) standing(ctx context.Context, tx *db.Tx, mac keys.MAC, h history, active stageRow) (out Standing, err error) {
	if out.Active, err = r.verify(ctx, tx, mac, active.tn, active.digest, active.name); err != nil {
		return Standing{}, err
	}
	for _, s := range h.standing(Shadow, active.name) {
		v, err := r.verify(ctx, tx, mac, active.tn, s.digest, active.name)
		switch k := ward.KindOf(err); {
		case err == nil:
			out.Shadows = append(out.Shadows, v)
		case k == ward.Internal || k == ward.Unavailable:
			return Standing{}, err
		default:
			out.Faults = append(out.Faults, err)
		}
	}
	return out, nil
}

// In returns the artefacts of a tenant that are in a stage now, of one name if given, verified, from one look at the tables.
// One that does not verify is an error: nothing is left out silently.
func (r *Registry) In(ctx context.Context, tn db.Tenant, stage Stage, name string) (out []Verified, err error) {
	err = r.look(ctx, tn, func(tx *db.Tx, mac keys.MAC, h history) error {
		out = nil
		for _, s := range h.standing(stage, name) {
			v, err := r.verify(ctx, tx, mac, tn, s.digest, s.name)
			if err != nil {
				return err
			}
			out = append(out, v)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (r *Registry) history(ctx context.Context, tn db.Tenant) (h history, err error) {
	err = r.look(ctx, tn, func(_ *db.Tx, _ keys.MAC, now history) error { h = now; return nil })
	return h, err
}

func notFound() error {
	return ward.E(ward.NotFound, "registry.load", "there is no such active model", nil)
}

// stored is what one snapshot says of an artefact.
type stored struct {
	model modelRow
	key   keyRow
	files map[string][]byte // nil: these very bytes were verified before
}

// load chooses one artefact and verifies it in one snapshot.
func (r *Registry) load(ctx context.Context, tn db.Tenant, choose func(history) []byte, name string) (v Verified, err error) {
	err = r.look(ctx, tn, func(tx *db.Tx, mac keys.MAC, h history) error {
		digest := choose(h)
		if digest == nil {
			return notFound()
		}
		v, err = r.verify(ctx, tx, mac, tn, digest, name)
		return err
	})
	if err != nil {
		return Verified{}, err
	}
	return v, nil
}

// verify reads one artefact and the key that its bundle names and verifies them; name is what the history calls it, empty
// where it was not asked.
func (r *Registry) verify(ctx context.Context, tx *db.Tx, mac keys.MAC, tn db.Tenant, digest []byte, name string) (Verified, error) {
	s, err := r.stored(ctx, tx, mac, tn, digest)
	if err != nil {
		return Verified{}, err
	}
	v, ok := r.remembered(tn, s)
	if !ok {
		if s.files, err = readFiles(ctx, tx, mac, tn, digest); err != nil {
			return Verified{}, err
		}
		if v, err = examine(s); err != nil {
			return Verified{}, err
		}
		r.remember(tn, s, v)
	}
	if name != "" && v.manifest.Name != name {
		return Verified{}, unsigned("the stage history names another model than the artefact", nil)
	}
	return v, nil
}

// stored reads model and key.
func (r *Registry) stored(ctx context.Context, tx *db.Tx, mac keys.MAC, tn db.Tenant, digest []byte) (s stored, err error) {
	var found bool
	if s.model, found, err = readModel(ctx, tx, mac, tn, digest); err != nil {
		return s, err
	}
	if !found {
		return s, notFound()
	}
	_, kid, err := readBundle(s.model.bundle)
	if err != nil {
		return s, err
	}
	if s.key, found, err = readKey(ctx, tx, mac, tn, kid); err == nil && !found {
		err = unsigned("the model is not signed by a key that the tenant trusts", nil)
	}
	return s, err
}

// mark is what a check depends on.
func mark(tn db.Tenant, s stored) [32]byte {
	h := sha256.New()
	m := s.model
	for _, part := range [][]byte{be8(int64(tn)), be8(int64(len(m.manifest))), m.manifest, be8(int64(len(m.bundle))), m.bundle, s.key.public, m.digest, []byte(m.name + "@" + m.version)} {
		h.Write(part)
	}
	return [32]byte(h.Sum(nil))
}

// remembered returns the artefact if these very bytes were verified in this process under this very key. The manifest names
// the digests of the files, so what was compiled from them then is what was signed.
func (r *Registry) remembered(tn db.Tenant, s stored) (Verified, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	v, ok := r.verified[mark(tn, s)]
	return v, ok
}

func (r *Registry) remember(tn db.Tenant, s stored, v Verified) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.verified) >= maxVerified {
		clear(r.verified)
	}
	r.verified[mark(tn, s)] = v
}

// examine is the one maker of a Verified.
func examine(s stored) (Verified, error) {
	m := s.model
	digest := sha256.Sum256(m.manifest)
	if string(digest[:]) != string(m.digest) {
		return Verified{}, unsigned("the artefact's bytes are not those of its digest", nil)
	}
	a := Artefact{Manifest: m.manifest, Files: s.files}
	name, err := verify(m.bundle, s.key.public, a.digests())
	if err != nil {
		return Verified{}, err
	}
	manifest, err := a.read()
	if err != nil {
		return Verified{}, err
	}
	if manifest.Name != name || manifest.Name != m.name || manifest.Version != m.version {
		return Verified{}, unsigned("the signature or the row names another model than the manifest", nil)
	}
	v, err := compile(a, manifest)
	if err != nil {
		return Verified{}, err
	}
	v.key = s.key.kid
	return v, nil
}
