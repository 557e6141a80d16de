package store

import (
	"context"
	"crypto/sha256"
	"strconv"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/audit"
	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/engine/keys/seal"
)

// decisionKind is the kind of payload, and of its sealed record.
const decisionKind = "decision"

const payloadColumns = "y.kind, y.id, y.seq, y.txid, y.subj, y.topic, y.created_us, y.kid, y.entry, y.body, y.blob, y.digest, y.mac"

const erasedY = `CASE WHEN EXISTS (SELECT 1 FROM erased e WHERE e.tn = y.tn AND e.pat = y.subj) THEN 1 ELSE 0 END`

// aliasY is a payload row that holds a decision.
var aliasY = alias{rt: "CAST('" + decisionType + "' AS TEXT)", pat: "y.subj", conf: "CAST(" + strconv.Itoa(defaultConf) + " AS BIGINT)"}

func (r *row) payloadDest(more ...any) []any {
	return append([]any{&r.rt, &r.key, &r.seq, &r.txid, &r.pat, &r.topic, &r.updUS, &r.kid, &r.entry, &r.body, &r.blob, &r.digest, &r.mac}, more...)
}

var payloadInsert = []string{"tn", "kind", "id", "seq", "txid", "subj", "topic", "created_us", "kid", "entry", "body", "blob", "digest", "mac"}

// putPayload seals text under the row's subject and writes the row with the entry of in, in one transaction. r carries
// tn, rt, id, key, pat, topic and updUS.
func (s *Store) putPayload(ctx context.Context, n names, in audit.Intent, r *row, text []byte) error {
	sub := subjectOf(r.pat)
	if err := s.ring.Ensure(ctx, n.tn, sub); err != nil {
		return err
	}
	key, err := s.ring.Current(ctx, n.tn, sub, seal.Data)
	if err != nil {
		return err
	}
	h := header{updUS: r.updUS, conf: defaultConf, patient: sub, rt: r.rt, id: r.id, topic: [16]byte(r.topic)}
	sealed, err := key.Seal(r.record(), append(h.append(make([]byte, 0, 160+len(text))), text...))
	if err != nil {
		return err
	}
	kid, digest := key.ID(), sha256.Sum256(sealed)
	r.kid, r.digest = kid[:], digest[:]
	if err := s.place(ctx, r, sealed); err != nil {
		return err
	}
	in.Subjects, in.Writes = append(in.Subjects, r.subject()), [][32]byte{digest}
	entry, err := s.log.Prepare(ctx, in)
	if err != nil {
		return err
	}
	return s.commit(ctx, n.tn, func(tx *db.Tx) error {
		if err := s.ring.Live(ctx, tx, n.tn, kid); err != nil {
			return err
		}
		rc, err := s.log.Enter(ctx, tx, entry)
		if err != nil {
			return err
		}
		if r.seq, err = tx.Allocate(ctx, "payload", 1); err != nil {
			return err
		}
		if r.txid, err = tx.ID(ctx); err != nil {
			return err
		}
		id := rc.ID()
		r.entry = id[:]
		return tx.Insert(ctx, "payload", payloadInsert, [][]any{{int64(r.tn), r.rt, r.key, r.seq, r.txid, r.pat, r.topic, r.updUS, r.kid,
			r.entry, orNull(r.body), orNull(r.blob), r.digest, r.wantMAC(n.row)}})
	})
}

// notPut records why a payload was not kept.
func (s *Store) notPut(ctx context.Context, p access.Permit, act audit.Act, err error) error {
	switch {
	case db.IsUnique(err):
		return s.failed(ctx, p, act, ward.E(ward.Conflict, "store.payload", "a record with this id exists", nil))
	case ward.KindOf(err) == ward.Gone:
		return s.failed(ctx, p, act, ward.E(ward.Gone, "store.payload", "the patient was erased; nothing can be written for them again", nil))
	}
	return err
}

// payload runs a query of payloadColumns and erased for at most one row; nil if there is none.
func (s *Store) payload(ctx context.Context, n names, q *query, more ...any) (*row, error) {
	r := &row{tn: n.tn}
	found := false
	err := s.db.Read(ctx, n.tn, func(tx *db.Tx) error {
		var err error
		found, err = tx.Get(ctx, q.String(), q.args, r.payloadDest(append([]any{&r.erased}, more...)...)...)
		return err
	})
	if err != nil || !found {
		return nil, err
	}
	return r, nil
}
