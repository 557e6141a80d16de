package store

import (
	"bytes"
	"context"
	"errors"
	"slices"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/audit"
	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/engine/keys"
	"github.com/ward-health/ward/engine/keys/seal"
)

// messageKind is the kind of a message in sealed records and in entries.
const messageKind = "message"

// message is one row of message.
type message struct {
	tn                             db.Tenant
	rid                            int64
	id                             []byte
	channel, kind                  string
	key, body16, lanes             []byte
	receivedUS, size               int64
	reused                         int64
	state, reason                  string
	arrived, repeats, facts, holds int64
	hops                           int64
	merges                         string
	pats, wrap, reply              []byte
	entry, body, blob, digest, mac []byte
}

const messageColumns = "m.rid, m.id, m.channel, m.kind, m.key16, m.body16, m.lanes, m.received_us, m.size, m.reused, m.state, m.reason, m.arrived, " +
	"m.repeats, m.facts, m.held, m.hops, m.merges, m.pats, m.wrap, m.reply, m.entry, m.blob, m.digest, m.mac"

// dest scans messageColumns: everything but the body, which the digest stands for.
func (m *message) dest(more ...any) []any {
	return append([]any{&m.rid, &m.id, &m.channel, &m.kind, &m.key, &m.body16, &m.lanes, &m.receivedUS, &m.size, &m.reused, &m.state, &m.reason, &m.arrived,
		&m.repeats, &m.facts, &m.holds, &m.hops, &m.merges, &m.pats, &m.wrap, &m.reply, &m.entry, &m.blob, &m.digest, &m.mac}, more...)
}

func (m *message) wantMAC(k keys.MAC) []byte {
	return rowMAC(k, "message", int64(m.tn), m.rid, m.id, m.channel, m.kind, m.key, m.body16, m.lanes, m.receivedUS, m.size, m.reused, m.state, m.reason,
		m.arrived, m.repeats, m.facts, m.holds, m.hops, m.merges, m.pats, m.wrap, m.reply, m.entry, m.blob, m.digest)
}

var messageInsert = []string{"tn", "rid", "id", "channel", "kind", "key16", "body16", "lanes", "received_us", "size", "reused", "state", "reason", "arrived",
	"repeats", "facts", "held", "hops", "merges", "pats", "wrap", "reply", "entry", "body", "blob", "digest", "mac"}

// columns are the row's, in the order of messageInsert.
func (m *message) columns(n names) []any {
	m.mac = m.wantMAC(n.row)
	return []any{int64(m.tn), m.rid, m.id, m.channel, m.kind, m.key, m.body16, m.lanes, m.receivedUS, m.size,
		m.reused, m.state, m.reason, m.arrived, m.repeats, m.facts, m.holds, m.hops, m.merges, m.pats, m.wrap, m.reply, m.entry, orNull(m.body),
		orNull(m.blob), m.digest, m.mac}
}

// update writes the columns that change, of a row that this transaction has read under its lock.
func (m *message) update(ctx context.Context, tx *db.Tx, n names) error {
	m.mac = m.wantMAC(n.row)
	count, err := tx.Exec(ctx, "UPDATE message SET state = $1, reason = $2, arrived = $3, repeats = $4, facts = $5, held = $6, hops = $7, merges = $8, "+
		"pats = $9, wrap = $10, mac = $11 WHERE tn = $12 AND rid = $13", m.state, m.reason, m.arrived, m.repeats, m.facts, m.holds, m.hops, m.merges,
		full(m.pats), m.wrap, m.mac, int64(m.tn), m.rid)
	if err == nil && count != 1 {
		return errMoved
	}
	return err
}

// full is a value for a column that is never NULL: drivers give an empty one back as nil.
func full(b []byte) []byte { return append([]byte{}, b...) }

// rewrap brings the row's wrap to a new one, if the row is still the one that was read: its digest covers every column, and the row count
// is the check. The zeros come first and have the length of what they cover, so that SQLite overwrites the bytes in place.
func (m *message) rewrap(ctx context.Context, tx *db.Tx, wrap, pats []byte) error {
	tn := int64(m.tn)
	count, err := tx.Exec(ctx, "UPDATE message SET wrap = $1 WHERE tn = $2 AND rid = $3 AND mac = $4", make([]byte, len(m.wrap)), tn, m.rid, m.mac)
	if err == nil && count != 1 {
		err = errMoved
	}
	if err != nil {
		return err
	}
	if len(m.pats) > 0 {
		if _, err := tx.Exec(ctx, "DELETE FROM about WHERE tn = $1 AND rid = $2", tn, m.rid); err != nil {
			return err
		}
	}
	m.wrap, m.pats = wrap, pats
	var rows [][]any
	for _, pat := range m.patients() {
		rows = append(rows, []any{tn, pat, m.rid})
	}
	return tx.Insert(ctx, "about", []string{"tn", "pat", "rid"}, rows)
}

// patients are those whom the message is about; none while nobody is known.
func (m *message) patients() [][]byte { return slices.Collect(slices.Chunk(m.pats, 16)) }

// subjects are how entries name the message: once for each of its patients.
func (m *message) subjects() []audit.Subject {
	one := audit.Subject{Kind: messageKind, RID: m.id, Version: 1}
	if len(m.pats) == 0 {
		return []audit.Subject{one}
	}
	var out []audit.Subject
	for _, pat := range m.patients() {
		one.Patient = subjectOf(pat)
		out = append(out, one)
	}
	return out
}

func (m *message) wrapRecord() seal.Record {
	return seal.Record{Kind: "wrap", RID: m.id, Schema: schemaVersion}
}

func (m *message) record(kind string) seal.Record {
	return seal.Record{Kind: kind, RID: m.id, Version: 1, Schema: schemaVersion}
}

// content unwraps the message's key. ward.Gone: a patient whom it is about was erased.
func (s *Store) content(ctx context.Context, m *message) (seal.Content, error) {
	return s.ring.Unwrap(ctx, m.tn, m.wrapRecord(), m.wrap, max(len(m.pats)/16, 1))
}

// info is what may be told of a message without opening it.
func (m *message) info() MessageInfo {
	return MessageInfo{ID: ward.ID(m.id), Channel: m.channel, Kind: m.kind, Received: micros(m.receivedUS), State: MessageState(m.state), Reason: m.reason,
		Reused: m.reused != 0, Repeats: m.repeats, Facts: m.facts, Held: m.holds, Size: m.size, Entry: ward.ID(m.entry)}
}

// genuine refuses a row that was changed outside Ward.
func (m *message) genuine(n names) error {
	if len(m.id) != 16 || len(m.entry) != 16 || !sameMAC(m.mac, m.wantMAC(n.row)) {
		return broken("the row of a message was changed: its digest does not fit")
	}
	return nil
}

// loadMessage reads one row; nil if there is none. lock keeps others from changing it until the transaction ends.
func loadMessage(ctx context.Context, tx *db.Tx, n names, lock bool, where string, args ...any) (*message, error) {
	m := &message{tn: n.tn}
	q := "SELECT " + messageColumns + " FROM message m WHERE m.tn = $1 AND " + where
	if lock && tx.Engine() == "postgres" {
		q += " FOR UPDATE"
	}
	found, err := tx.Get(ctx, q, append([]any{int64(n.tn)}, args...), m.dest()...)
	if err != nil || !found {
		return nil, err
	}
	return m, m.genuine(n)
}

const (
	byID  = "m.id = $2"
	byRID = "m.rid = $2"
)

// message reads one message; nil if there is none.
func (s *Store) message(ctx context.Context, n names, where string, args ...any) (m *message, err error) {
	err = s.db.Read(ctx, n.tn, func(tx *db.Tx) error {
		m, err = loadMessage(ctx, tx, n, false, where, args...)
		return err
	})
	return m, err
}

// changeMessage runs change on the message as it stands, under its lock, and writes it with the entry that in begins. change may be run
// again. It returns the row as written and the receipt of the entry.
func (s *Store) changeMessage(ctx context.Context, n names, in audit.Intent, m *message, change func(tx *db.Tx, m *message, entry ward.ID) error) (*message, audit.Receipt, error) {
	for range maxTries {
		in.Subjects = m.subjects()
		entry, err := s.log.Prepare(ctx, in)
		if err != nil {
			return nil, audit.Receipt{}, err
		}
		var fresh *message
		var rc audit.Receipt
		err = s.commit(ctx, n.tn, func(tx *db.Tx) error {
			if fresh, err = loadMessage(ctx, tx, n, true, byRID, m.rid); err != nil {
				return err
			}
			if fresh == nil || !bytes.Equal(fresh.pats, m.pats) {
				return errMoved
			}
			if rc, err = s.log.Enter(ctx, tx, entry); err != nil {
				return err
			}
			if err := change(tx, fresh, rc.ID()); err != nil {
				return err
			}
			return fresh.update(ctx, tx, n)
		})
		if !errors.Is(err, errMoved) {
			return fresh, rc, err
		}
		if err := s.settled(ctx, n); err != nil {
			return nil, audit.Receipt{}, err
		}
		if m, err = s.message(ctx, n, byRID, m.rid); err != nil {
			return nil, audit.Receipt{}, err
		}
		if m == nil {
			return nil, audit.Receipt{}, errNotFound
		}
	}
	return nil, audit.Receipt{}, errConflict
}

// messageBody reads one message with its sealed body; nil if there is none.
func (s *Store) messageBody(ctx context.Context, n names, id ward.ID) (*message, error) {
	m := &message{tn: n.tn}
	var found bool
	err := s.db.Read(ctx, n.tn, func(tx *db.Tx) (err error) {
		found, err = tx.Get(ctx, "SELECT "+messageColumns+", m.body FROM message m WHERE m.tn = $1 AND m.id = $2", []any{int64(n.tn), id[:]}, m.dest(&m.body)...)
		return err
	})
	if err != nil || !found {
		return nil, err
	}
	return m, m.genuine(n)
}
