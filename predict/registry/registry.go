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
	"github.com/ward-health/ward/predict/engine"
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
	verified map[[32]byte]Verified // by SHA-256 over tenant, manifest, bundle and key: what a check depends on
}

// maxVerified bounds the cache of checked artefacts; it is emptied when full.
const maxVerified = 256

// Open makes a registry over migrated tables.
func Open(d *db.DB, l *audit.Log, m MACs) *Registry {
	return &Registry{db: d, log: l, macs: m, verified: map[[32]byte]Verified{}}
}

// Artefact is an unverified artefact: a manifest and nothing else yet.
type Artefact struct{ Manifest []byte }

// Verified is an artefact whose digest and signature hold. Only this package makes one; the zero Verified answers nothing.
type Verified struct {
	digest   [32]byte
	manifest Manifest
	equation *engine.Equation
}

// Digest returns the SHA-256 of the manifest's bytes, zero for the zero Verified.
func (v Verified) Digest() [32]byte { return v.digest }

// Manifest returns what was declared. Its slices are shared: callers do not change them.
func (v Verified) Manifest() Manifest { return v.manifest }

// Equation returns the compiled formula, nil for the zero Verified.
func (v Verified) Equation() *engine.Equation { return v.equation }

// Model returns name@version.
func (v Verified) Model() string { return v.manifest.Name + "@" + v.manifest.Version }

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
	return r.load(ctx, tn, func(tx *db.Tx, mac keys.MAC) ([]byte, bool, error) {
		s, found, err := newestActive(ctx, tx, mac, tn, name)
		return s.digest, found, err
	}, name)
}

// ByDigest returns a given artefact, verified likewise.
func (r *Registry) ByDigest(ctx context.Context, tn db.Tenant, digest [32]byte) (Verified, error) {
	return r.load(ctx, tn, func(*db.Tx, keys.MAC) ([]byte, bool, error) { return digest[:], true, nil }, "")
}

func notFound() error {
	return ward.E(ward.NotFound, "registry.load", "there is no such active model", nil)
}

// load reads one artefact and the key that its bundle names in one snapshot and verifies them.
func (r *Registry) load(ctx context.Context, tn db.Tenant, choose func(*db.Tx, keys.MAC) ([]byte, bool, error), name string) (Verified, error) {
	mac, err := r.macs(ctx, tn)
	if err != nil {
		return Verified{}, err
	}
	var m modelRow
	var k keyRow
	err = r.db.Read(ctx, tn, func(tx *db.Tx) error {
		digest, found, err := choose(tx, mac)
		if err != nil {
			return err
		}
		if found {
			m, found, err = readModel(ctx, tx, mac, tn, digest)
		}
		if err != nil {
			return err
		}
		if !found {
			return notFound()
		}
		_, kid, err := readBundle(m.bundle)
		if err != nil {
			return err
		}
		if k, found, err = readKey(ctx, tx, mac, tn, kid); err == nil && !found {
			err = unsigned("the model is not signed by a key that the tenant trusts", nil)
		}
		return err
	})
	if err != nil {
		return Verified{}, err
	}
	v, err := r.check(tn, m, k)
	if err == nil && name != "" && v.manifest.Name != name {
		err = unsigned("the stage history names another model than the artefact", nil)
	}
	if err != nil {
		return Verified{}, err
	}
	return v, nil
}

// check verifies content, signature and form, or remembers that these very bytes were verified under this very key.
func (r *Registry) check(tn db.Tenant, m modelRow, k keyRow) (Verified, error) {
	h := sha256.New()
	for _, part := range [][]byte{be8(int64(tn)), be8(int64(len(m.manifest))), m.manifest, be8(int64(len(m.bundle))), m.bundle, k.public, m.digest, []byte(m.name + "@" + m.version)} {
		h.Write(part)
	}
	at := [32]byte(h.Sum(nil))
	r.mu.Lock()
	v, ok := r.verified[at]
	r.mu.Unlock()
	if ok {
		return v, nil
	}
	v, err := examine(m, k.public)
	if err != nil {
		return Verified{}, err
	}
	r.mu.Lock()
	if len(r.verified) >= maxVerified {
		clear(r.verified)
	}
	r.verified[at] = v
	r.mu.Unlock()
	return v, nil
}

// examine is the one maker of a Verified.
func examine(m modelRow, public []byte) (Verified, error) {
	digest := sha256.Sum256(m.manifest)
	if string(digest[:]) != string(m.digest) {
		return Verified{}, unsigned("the artefact's bytes are not those of its digest", nil)
	}
	name, err := verify(m.bundle, public, map[string][32]byte{resourceName: digest})
	if err != nil {
		return Verified{}, err
	}
	manifest, err := Read(m.manifest)
	if err != nil {
		return Verified{}, err
	}
	if manifest.Name != name || manifest.Name != m.name || manifest.Version != m.version {
		return Verified{}, unsigned("the signature or the row names another model than the manifest", nil)
	}
	equation, err := engine.Compile(manifest.Formula)
	if err != nil {
		return Verified{}, err
	}
	return Verified{digest: digest, manifest: manifest, equation: equation}, nil
}
