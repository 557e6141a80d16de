package registry

import (
	"context"
	"encoding/hex"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/audit"
	"github.com/ward-health/ward/engine/db"
)

// Key is a public key whose signatures a tenant accepts.
type Key struct {
	ID     string // see KeyID
	Public []byte // PKIX DER
	Added  time.Time
}

// Listed is one version as a list shows it.
type Listed struct {
	Name, Version string
	Digest        [32]byte
	Stage         Stage
	Pushed        time.Time
	Entry         ward.ID
}

// Shown is all that is known of one version.
type Shown struct {
	Listed
	Title    string
	Manifest []byte // empty when Fault is set
	Key      string // id of the key that signed
	Fault    string // why it does not verify, and does not answer; empty: it does
	History  []Event
}

// TrustKey adds a public key (PKIX DER, ECDSA P-256) whose signatures the tenant accepts, under a permit for model.trust,
// with its entry. Adding it again is no error.
func (r *Registry) TrustKey(ctx context.Context, p access.Permit, public []byte) error {
	if err := p.Allows(access.ModelTrust, ""); err != nil {
		return err
	}
	_, kid, err := parseKey(public)
	if err != nil {
		return err
	}
	intent := p.Intent(audit.ActModelTrust)
	intent.Note = "key " + kid
	prepared, err := r.log.Prepare(ctx, intent)
	if err != nil {
		return err
	}
	return r.db.Write(ctx, p.Tenant(), func(tx *db.Tx) error {
		if _, err := r.log.Enter(ctx, tx, prepared); err != nil {
			return err
		}
		return r.Trust(ctx, tx, p.Tenant(), public)
	})
}

// seen leaves the entry of a look at the registry.
func (r *Registry) seen(ctx context.Context, p access.Permit, note string) error {
	if err := p.Allows(access.ModelRead, ""); err != nil {
		return err
	}
	in := p.Intent(audit.ActAdminRead)
	in.Note = note
	_, err := r.log.Begin(ctx, in)
	return err
}

// Keys lists the keys that the tenant trusts, oldest first, under a permit for model.read.
func (r *Registry) Keys(ctx context.Context, p access.Permit) (out []Key, err error) {
	if err := r.seen(ctx, p, "model keys"); err != nil {
		return nil, err
	}
	mac, err := r.macs(ctx, p.Tenant())
	if err != nil {
		return nil, err
	}
	err = r.db.Read(ctx, p.Tenant(), func(tx *db.Tx) error {
		out = nil
		rows, err := tx.Query(ctx, `SELECT kid, public, added_us, mac FROM model_key WHERE tn = $1 ORDER BY added_us, kid`, int64(p.Tenant()))
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			k := keyRow{tn: p.Tenant()}
			var sum []byte
			if err := rows.Scan(&k.kid, &k.public, &k.addedUS, &sum); err != nil {
				return err
			}
			if err := same(sum, k.mac(mac)); err != nil {
				return err
			}
			out = append(out, Key{k.kid, k.public, time.UnixMicro(k.addedUS).UTC()})
		}
		return rows.Err()
	})
	return out, err
}

// Models lists the tenant's versions by name and time of push, under a permit for model.read.
func (r *Registry) Models(ctx context.Context, p access.Permit) (out []Listed, err error) {
	if err := r.seen(ctx, p, "models"); err != nil {
		return nil, err
	}
	h, err := r.history(ctx, p.Tenant())
	if err != nil {
		return nil, err
	}
	err = r.db.Read(ctx, p.Tenant(), func(tx *db.Tx) error {
		out = nil
		rows, err := tx.Query(ctx, `SELECT name, version, digest, pushed_us, entry FROM model WHERE tn = $1 ORDER BY name, pushed_us, version`, int64(p.Tenant()))
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var l Listed
			var us int64
			if err := rows.Scan(&l.Name, &l.Version, db.Fixed(l.Digest[:]), &us, db.Fixed(l.Entry[:])); err != nil {
				return err
			}
			l.Pushed, l.Stage = time.UnixMicro(us).UTC(), h.stage(l.Digest[:])
			out = append(out, l)
		}
		return rows.Err()
	})
	return out, err
}

// Show returns one version with the history of its name, and verifies it anew, under a permit for model.read. A version that
// does not verify is no error but says so.
func (r *Registry) Show(ctx context.Context, p access.Permit, digest [32]byte) (Shown, error) {
	if err := r.seen(ctx, p, "model sha256 "+hex.EncodeToString(digest[:])); err != nil {
		return Shown{}, err
	}
	tn := p.Tenant()
	s := Shown{Listed: Listed{Digest: digest}}
	h, err := r.history(ctx, tn)
	if err != nil {
		return Shown{}, err
	}
	err = r.db.Read(ctx, tn, func(tx *db.Tx) error {
		var us int64
		there, err := tx.Get(ctx, `SELECT name, version, pushed_us, entry FROM model WHERE tn = $1 AND digest = $2`, []any{int64(tn), digest[:]},
			&s.Name, &s.Version, &us, db.Fixed(s.Entry[:]))
		if err == nil && !there {
			err = ward.E(ward.NotFound, "registry.show", "there is no such model", nil)
		}
		s.Pushed = time.UnixMicro(us).UTC()
		return err
	})
	if err != nil {
		return Shown{}, err
	}
	s.Stage = h.stage(digest[:])
	for _, row := range h.rows {
		if row.name == s.Name {
			s.History = append(s.History, row.event())
		}
	}
	v, manifest, err := r.again(ctx, tn, digest)
	if k := ward.KindOf(err); err != nil && (k == ward.Internal || k == ward.Unavailable) {
		return Shown{}, err
	}
	if err != nil {
		s.Fault = ward.PublicText(err)
		return s, nil
	}
	s.Manifest, s.Key, s.Title = manifest, v.key, v.manifest.Title
	return s, nil
}

// again verifies an artefact from its rows, whatever was verified before.
func (r *Registry) again(ctx context.Context, tn db.Tenant, digest [32]byte) (v Verified, manifest []byte, err error) {
	mac, err := r.macs(ctx, tn)
	if err != nil {
		return v, nil, err
	}
	err = r.db.Read(ctx, tn, func(tx *db.Tx) error {
		s, err := r.stored(ctx, tx, mac, tn, digest[:])
		if err != nil {
			return err
		}
		if s.files, err = readFiles(ctx, tx, mac, tn, digest[:]); err != nil {
			return err
		}
		manifest = s.model.manifest
		v, err = examine(s)
		return err
	})
	return v, manifest, err
}
