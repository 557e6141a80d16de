package store

import (
	"context"
	"crypto/sha256"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/engine/blob"
	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/engine/keys"
	"github.com/ward-health/ward/engine/keys/seal"
)

// The kinds of a text beside a message; each is also the kind of its sealed record.
const (
	evidenceText = "evidence"
	proposalText = "proposal"
	noteText     = "note"
)

// maxSide bounds one evidence and one proposal.
const maxSide = 1 << 20

// sideText is one row of side_text: a text sealed under the key of a message, never changed.
type sideText struct {
	tn                db.Tenant
	rid               int64
	kind              string
	owner             []byte // id of the hold, or of the message
	message           int64
	atUS              int64
	entry, body, blob []byte
	digest, mac       []byte
}

const sideColumns = "x.rid, x.kind, x.owner, x.message, x.at_us, x.entry, x.body, x.blob, x.digest, x.mac"

func (t *sideText) dest(more ...any) []any {
	return append([]any{&t.rid, &t.kind, &t.owner, &t.message, &t.atUS, &t.entry, &t.body, &t.blob, &t.digest, &t.mac}, more...)
}

func (t *sideText) wantMAC(k keys.MAC) []byte {
	return rowMAC(k, "side_text", int64(t.tn), t.rid, t.kind, t.owner, t.message, t.atUS, t.entry, t.blob, t.digest)
}

func (t *sideText) record() seal.Record {
	return seal.Record{Kind: t.kind, RID: be8(t.rid), Version: 1, Schema: schemaVersion}
}

// sideOf seals a text beside a message.
func (s *Store) sideOf(ctx context.Context, content seal.Content, m *message, kind string, owner, text []byte) (*sideText, error) {
	at := now()
	t := &sideText{tn: m.tn, rid: s.rids.next(at), kind: kind, owner: owner, message: m.rid, atUS: at.UnixMicro()}
	sealed, err := content.Seal(t.record(), text)
	if err != nil {
		return nil, err
	}
	digest := sha256.Sum256(sealed)
	t.digest = digest[:]
	t.body, t.blob, err = s.placed(ctx, sealed)
	return t, err
}

func insertSides(ctx context.Context, tx *db.Tx, n names, entry ward.ID, texts ...*sideText) error {
	rows := make([][]any, len(texts))
	for i, t := range texts {
		t.entry = entry[:]
		t.mac = t.wantMAC(n.row)
		rows[i] = []any{int64(t.tn), t.rid, t.kind, t.owner, t.message, t.atUS, t.entry, orNull(t.body), orNull(t.blob), t.digest, t.mac}
	}
	return tx.Insert(ctx, "side_text", []string{"tn", "rid", "kind", "owner", "message", "at_us", "entry", "body", "blob", "digest", "mac"}, rows)
}

// dropSides removes the blobs of texts that certainly were not kept.
func (s *Store) dropSides(ctx context.Context, texts ...*sideText) {
	for _, t := range texts {
		if t.blob != nil {
			_ = s.blobs.Delete(ctx, blob.Digest(t.blob))
		}
	}
}

func digestsOf(texts []*sideText) (out [][32]byte) {
	for _, t := range texts {
		out = append(out, [32]byte(t.digest))
	}
	return out
}

func loadSide(ctx context.Context, tx *db.Tx, n names, rid int64) (*sideText, error) {
	t := &sideText{tn: n.tn}
	found, err := tx.Get(ctx, "SELECT "+sideColumns+" FROM side_text x WHERE x.tn = $1 AND x.rid = $2", []any{int64(n.tn), rid}, t.dest()...)
	if err == nil && !found {
		err = broken("a text beside a message is missing")
	}
	return t, err
}

// newestSide returns the newest text of a kind that belongs to an owner; nil if there is none.
func (s *Store) newestSide(ctx context.Context, n names, m *message, kind string, owner []byte) (*sideText, error) {
	t := &sideText{tn: n.tn}
	var found bool
	err := s.db.Read(ctx, n.tn, func(tx *db.Tx) (err error) {
		found, err = tx.Get(ctx, "SELECT "+sideColumns+" FROM side_text x WHERE x.tn = $1 AND x.owner = $2 AND x.kind = $3 AND x.message = $4 ORDER BY x.rid DESC LIMIT 1",
			[]any{int64(n.tn), owner, kind, m.rid}, t.dest()...)
		return err
	})
	if err != nil || !found {
		return nil, err
	}
	return t, nil
}
