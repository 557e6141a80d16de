package registry

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/audit"
	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/engine/keys"
)

// Push signs and stores an artefact as the active version of its name, under a permit for model.push, with its audit entry
// in the same transaction. The key (public is PKIX DER) must be trusted already. Pushing the bytes that are active again is
// no error and writes nothing; other bytes under a version that exists are ward.Conflict.
func (r *Registry) Push(ctx context.Context, p access.Permit, a Artefact, s keys.Signer, public []byte) error {
	if err := p.Allows(access.ModelPush, ""); err != nil {
		return err
	}
	manifest, err := Read(a.Manifest)
	if err != nil {
		return err
	}
	_, kid, err := parseKey(public)
	if err != nil {
		return err
	}
	bundle, err := sign(manifest.Name, a.Manifest, s, kid)
	if err != nil {
		return err
	}
	digest := sha256.Sum256(a.Manifest)
	row := modelRow{tn: p.Tenant(), digest: digest[:], name: manifest.Name, version: manifest.Version, manifest: bytes.Clone(a.Manifest),
		bundle: bundle, pushedUS: time.Now().UnixMicro()}
	// What was just signed must hold under the public key that goes with it: a signer of another key is found before anything is written.
	if _, err := examine(row, public); err != nil {
		return err
	}
	mac, err := r.macs(ctx, row.tn)
	if err != nil {
		return err
	}
	var state pushState
	if err := r.db.Read(ctx, row.tn, func(tx *db.Tx) (err error) { state, err = inspect(ctx, tx, mac, row, kid); return err }); err != nil || state == alreadyActive {
		return err
	}
	intent := p.Intent(audit.ActModelPush)
	intent.Outcome = audit.Done
	intent.Note = "model " + row.name + "@" + row.version + " sha256 " + hex.EncodeToString(digest[:]) + " signed by " + kid
	prepared, err := r.log.Prepare(ctx, intent)
	if err != nil {
		return err
	}
	return r.db.Write(ctx, row.tn, func(tx *db.Tx) error {
		if err := tx.Lock(ctx, "registry.push"); err != nil {
			return err
		}
		state, err := inspect(ctx, tx, mac, row, kid)
		if err != nil || state == alreadyActive {
			return err
		}
		receipt, err := r.log.Enter(ctx, tx, prepared)
		if err != nil {
			return err
		}
		return r.write(ctx, tx, mac, row, state, receipt.ID())
	})
}

// pushState says what a push finds.
type pushState int

const (
	absent pushState = iota
	inactive
	alreadyActive
)

// inspect decides what is left to write, from rows whose keyed digests hold.
func inspect(ctx context.Context, tx *db.Tx, mac keys.MAC, row modelRow, kid string) (pushState, error) {
	if _, found, err := readKey(ctx, tx, mac, row.tn, kid); err != nil {
		return absent, err
	} else if !found {
		return absent, ward.E(ward.Precondition, "registry.push", "the tenant does not trust this key; add it first", nil)
	}
	have, found, err := versionDigest(ctx, tx, row.tn, row.name, row.version)
	if err != nil || !found {
		return absent, err
	}
	if !bytes.Equal(have, row.digest) {
		return absent, ward.E(ward.Conflict, "registry.push", "this version of the model exists with other bytes; a version never changes, push a new one", nil)
	}
	if _, _, err := readModel(ctx, tx, mac, row.tn, row.digest); err != nil {
		return absent, err
	}
	s, active, err := newestActive(ctx, tx, mac, row.tn, row.name)
	if err == nil && active && bytes.Equal(s.digest, row.digest) {
		return alreadyActive, nil
	}
	return inactive, err
}

// write adds the rows of a push.
func (r *Registry) write(ctx context.Context, tx *db.Tx, mac keys.MAC, row modelRow, state pushState, entry ward.ID) error {
	row.entry = entry[:]
	if state == absent {
		if err := row.insert(ctx, tx, mac); err != nil {
			return err
		}
	}
	seq, err := nextSeq(ctx, tx, row.tn)
	if err != nil {
		return err
	}
	s := stageRow{tn: row.tn, seq: seq, name: row.name, digest: row.digest, stage: stageActive, atUS: row.pushedUS, entry: entry[:]}
	return s.insert(ctx, tx, mac)
}
