package registry

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/audit"
	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/engine/keys"
)

// Push signs and stores an artefact as the active version of its name. See PushSigned.
func (r *Registry) Push(ctx context.Context, p access.Permit, a Artefact, s keys.Signer, public []byte) error {
	if err := p.Allows(access.ModelPush, ""); err != nil {
		return err
	}
	bundle, err := Sign(a, s, public)
	if err != nil {
		return err
	}
	return r.push(ctx, p, a, bundle, public, Active)
}

// PushSigned stores an artefact that its owner signed (see Sign) and gives it a stage, under a permit for model.push, with
// its audit entry in the same transaction. The key that the bundle names must be trusted already; everything is verified
// before anything is written. Pushing what is in that stage already is no error and writes nothing; other bytes under a
// version that exists are ward.Conflict.
func (r *Registry) PushSigned(ctx context.Context, p access.Permit, a Artefact, bundle []byte, stage Stage) error {
	if err := p.Allows(access.ModelPush, ""); err != nil {
		return err
	}
	if stage != Active && stage != Shadow {
		return ward.E(ward.Invalid, "registry.push", "a version is pushed as active or as shadow", nil).At("stage")
	}
	_, kid, err := readBundle(bundle)
	if err != nil {
		return err
	}
	mac, err := r.macs(ctx, p.Tenant())
	if err != nil {
		return err
	}
	var k keyRow
	err = r.db.Read(ctx, p.Tenant(), func(tx *db.Tx) (err error) {
		var found bool
		if k, found, err = readKey(ctx, tx, mac, p.Tenant(), kid); err == nil && !found {
			err = distrusted()
		}
		return err
	})
	if err != nil {
		return err
	}
	return r.push(ctx, p, a, bundle, k.public, stage)
}

func distrusted() error {
	return ward.E(ward.Precondition, "registry.push", "the tenant does not trust this key; add it first", nil)
}

func (r *Registry) push(ctx context.Context, p access.Permit, a Artefact, bundle, public []byte, stage Stage) error {
	manifest, err := a.read()
	if err != nil {
		return err
	}
	_, kid, err := parseKey(public)
	if err != nil {
		return err
	}
	digest := sha256.Sum256(a.Manifest)
	row := modelRow{tn: p.Tenant(), digest: digest[:], name: manifest.Name, version: manifest.Version, manifest: bytes.Clone(a.Manifest),
		bundle: bundle, pushedUS: time.Now().UnixMicro()}
	// What was signed must hold under the public key that goes with it, and must compile: a signer of another key and a file
	// that this build cannot read are found before anything is written.
	if _, err := examine(stored{row, keyRow{tn: row.tn, kid: kid, public: public}, a.Files}); err != nil {
		return err
	}
	mac, err := r.macs(ctx, row.tn)
	if err != nil {
		return err
	}
	var now found
	if err := r.db.Read(ctx, row.tn, func(tx *db.Tx) (err error) { now, err = inspect(ctx, tx, mac, row, kid); return err }); err != nil || now.stage == stage {
		return err
	}
	intent := p.Intent(audit.ActModelPush)
	intent.Note = "model " + row.name + "@" + row.version + " sha256 " + hex.EncodeToString(digest[:]) + " signed by " + kid + " as " + string(stage)
	prepared, err := r.log.Prepare(ctx, intent)
	if err != nil {
		return err
	}
	return r.db.Write(ctx, row.tn, func(tx *db.Tx) error {
		if err := tx.Lock(ctx, "registry.push"); err != nil {
			return err
		}
		now, err := inspect(ctx, tx, mac, row, kid)
		if err != nil || now.stage == stage {
			return err
		}
		receipt, err := r.log.Enter(ctx, tx, prepared)
		if err != nil {
			return err
		}
		if now.absent {
			if err := row.write(ctx, tx, mac, a.Files, receipt.ID()); err != nil {
				return err
			}
		}
		return now.history.add(ctx, tx, mac, row.staged(stage, receipt.ID()))
	})
}

// found is what a push finds.
type found struct {
	absent  bool
	stage   Stage // of the artefact now
	history history
}

// inspect decides what is left to write, from rows whose keyed digests hold.
func inspect(ctx context.Context, tx *db.Tx, mac keys.MAC, row modelRow, kid string) (f found, err error) {
	if _, trusted, err := readKey(ctx, tx, mac, row.tn, kid); err != nil {
		return f, err
	} else if !trusted {
		return f, distrusted()
	}
	if f.history, err = readHistory(ctx, tx, mac, row.tn); err != nil {
		return f, err
	}
	have, there, err := versionDigest(ctx, tx, row.tn, row.name, row.version)
	if err != nil {
		return f, err
	}
	if !there {
		f.absent = true
		return f, nil
	}
	if !bytes.Equal(have, row.digest) {
		return f, ward.E(ward.Conflict, "registry.push", "this version of the model exists with other bytes; a version never changes, push a new one", nil)
	}
	if _, _, err := readModel(ctx, tx, mac, row.tn, row.digest); err != nil {
		return f, err
	}
	f.stage = f.history.stage(row.digest)
	return f, nil
}

// write adds the rows of a new artefact.
func (r modelRow) write(ctx context.Context, tx *db.Tx, mac keys.MAC, files map[string][]byte, entry ward.ID) error {
	r.entry = entry[:]
	if err := r.insert(ctx, tx, mac); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := (fileRow{r.tn, r.digest, name, files[name]}).insert(ctx, tx, mac); err != nil {
			return err
		}
	}
	return nil
}

func (r modelRow) staged(stage Stage, entry ward.ID) stageRow {
	return stageRow{tn: r.tn, name: r.name, digest: r.digest, stage: stage, atUS: time.Now().UnixMicro(), entry: entry[:]}
}

// SetStage changes what a version is used for, under a permit for model.push, with its entry. A version that must answer is
// verified first. Setting the stage that it has is no error and writes nothing.
func (r *Registry) SetStage(ctx context.Context, p access.Permit, digest [32]byte, stage Stage) error {
	if err := p.Allows(access.ModelPush, ""); err != nil {
		return err
	}
	if !stage.valid() {
		return ward.E(ward.Invalid, "registry.stage", "a stage is shadow, active or retired", nil).At("stage")
	}
	tn := p.Tenant()
	if stage != Retired {
		if _, err := r.ByDigest(ctx, tn, digest); err != nil {
			return err
		}
	}
	mac, err := r.macs(ctx, tn)
	if err != nil {
		return err
	}
	intent := p.Intent(audit.ActModelStage)
	intent.Note = "model sha256 " + hex.EncodeToString(digest[:]) + " to " + string(stage)
	prepared, err := r.log.Prepare(ctx, intent)
	if err != nil {
		return err
	}
	return r.db.Write(ctx, tn, func(tx *db.Tx) error {
		if err := tx.Lock(ctx, "registry.push"); err != nil {
			return err
		}
		row, there, err := readModel(ctx, tx, mac, tn, digest[:])
		if err != nil {
			return err
		}
		if !there {
			return ward.E(ward.NotFound, "registry.stage", "there is no such model", nil)
		}
		h, err := readHistory(ctx, tx, mac, tn)
		if err != nil || h.stage(digest[:]) == stage {
			return err
		}
		receipt, err := r.log.Enter(ctx, tx, prepared)
		if err != nil {
			return err
		}
		return h.add(ctx, tx, mac, row.staged(stage, receipt.ID()))
	})
}
