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

// The kinds of payload; each is also the kind of its sealed record.
const (
	decisionKind = "decision"
	rawKind      = "raw"
)

// maxRaw bounds one raw message.
const maxRaw = 16 << 20

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
	in.Subjects, in.Writes = []audit.Subject{r.subject()}, [][32]byte{digest}
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

// Receive seals a raw message under its channel's key, durably, under a permit for access.Receive. The id is the
// message's own, or a new one. A second message with the same id is ward.Conflict.
func (s *Store) Receive(ctx context.Context, p access.Permit, m ward.Message) (ward.ID, error) {
	const op = "store.receive"
	if err := p.Allows(access.Receive, ""); err != nil {
		return ward.ID{}, err
	}
	if m.Source == "" || len(m.Source) > 200 || len(m.ContentType) > 200 {
		return ward.ID{}, ward.E(ward.Invalid, op, "a message names its channel and content type in at most 200 bytes each", nil)
	}
	if len(m.Body) > maxRaw {
		return ward.ID{}, ward.E(ward.TooLarge, op, "a message may have at most 16 MiB", nil)
	}
	n, err := s.names(ctx, p.Tenant())
	if err != nil {
		return ward.ID{}, err
	}
	if m.ID.IsZero() {
		m.ID = ward.NewID()
	}
	if m.Received.IsZero() {
		m.Received = now()
	}
	channel := n.channel(m.Source)
	r := &row{tn: n.tn, rt: rawKind, id: m.Source, key: m.ID[:], pat: channel, topic: channel, updUS: m.Received.UnixMicro()}
	if !p.Filter().Match(access.Attributes{Type: messageType, Conf: defaultConf}) {
		return ward.ID{}, s.hidden(ctx, p, audit.ActReceive, r.subject(), errForbidden)
	}
	text := append(appendText(nil, m.ContentType), m.Body...)
	if err := s.putPayload(ctx, n, p.Intent(audit.ActReceive), r, text); err != nil {
		return ward.ID{}, s.notPut(ctx, p, audit.ActReceive, err)
	}
	return m.ID, nil
}

// Raw opens a raw message again, under a permit for access.Receive.
func (s *Store) Raw(ctx context.Context, p access.Permit, id ward.ID) (ward.Message, error) {
	var none ward.Message
	if err := p.Allows(access.Receive, ""); err != nil {
		return none, err
	}
	n, err := s.names(ctx, p.Tenant())
	if err != nil {
		return none, err
	}
	var q query
	q.add("SELECT ", payloadColumns, ", ", erasedY, " FROM payload y WHERE y.tn = ", q.arg(int64(n.tn)), " AND y.kind = ", q.arg(rawKind), " AND y.id = ", q.arg(id[:]))
	r, err := s.payload(ctx, n, &q)
	switch {
	case err != nil:
		return none, err
	case r == nil:
		return none, s.nothing(ctx, p, audit.ActRead, errNotFound)
	case !p.Filter().Match(access.Attributes{Type: messageType, Conf: defaultConf}):
		return none, s.hidden(ctx, p, audit.ActRead, r.subject(), errNotFound)
	}
	rc, err := s.begin(ctx, p, audit.ActRead, "raw message", r)
	if err != nil {
		return none, err
	}
	o, err := s.open(ctx, n, p, access.Receive, rc, r)
	if err != nil {
		return none, s.opening(ctx, p, audit.ActRead, err)
	}
	kind, body, ok := cutText(o.body)
	if !ok {
		return none, s.failed(ctx, p, audit.ActRead, broken("a raw message has no content type"))
	}
	return ward.Message{ID: id, Source: o.head.id, ContentType: kind, Received: micros(r.updUS), Body: body}, nil
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
