package audit

import (
	"context"
	"errors"
	"slices"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/engine/keys"
)

// table is the journal of nodes on PostgreSQL: rows of a table of their own, one insert of many rows a group. What was
// published is not anchored here, because the table goes back in time together with the database; the published
// checkpoint stands against that.
type table struct {
	db   *db.DB
	mac  keys.MAC
	node int64
	feed *feed
}

func newTable(d *db.DB, m keys.MAC, node int64) *table {
	return &table{db: d, mac: m, node: node, feed: newFeed(srcTable, m)}
}

var journalColumns = []string{"tn", "node", "n", "txid", "seq", "merged", "id", "payload", "chain"}

// errNoneNew rolls a transaction back that has nothing to add.
var errNoneNew = errors.New("audit: all entries are in the journal")

// append implements journal. Merged frames whose entries the journal holds already are passed over: that they waited in
// the emergency journal may mean only that the answer to a commit was lost.
func (t *table) append(ctx context.Context, frames []outgoing) error {
	err := t.write(ctx, frames)
	if errors.Is(err, errNoneNew) {
		return nil
	}
	return err
}

func (t *table) write(ctx context.Context, all []outgoing) error {
	c := chainOf{src: srcTable, node: t.node}
	return t.db.Write(ctx, db.System, func(tx *db.Tx) error {
		frames, err := withoutKnown(ctx, tx, c, all)
		if err != nil {
			return err
		}
		n, prev, err := extend(ctx, tx, c, len(frames))
		if err != nil {
			return err
		}
		txid, err := tx.ID(ctx)
		if err != nil {
			return err
		}
		seq, err := tx.Allocate(ctx, "audit_journal", int64(len(frames)))
		if err != nil {
			return err
		}
		rows := make([][]any, len(frames))
		for i, f := range frames {
			p, err := parsePayload(f.payload)
			if err != nil {
				return ward.E(ward.Internal, "audit.journal", "an entry of an unknown form was to be written", err)
			}
			merged := int64(0)
			if f.kind == frameMerged {
				merged = 1
			}
			at := int64(i)
			prev = linkRow(t.mac, c, rowAt{n + at, txid, seq + at, merged}, prev[:], f.payload)
			own := prev
			rows[i] = []any{int64(p.tenant), t.node, n + at, txid, seq + at, merged, p.id[:], f.payload, own[:]}
		}
		if err := tx.Insert(ctx, "audit_journal", journalColumns, rows); err != nil {
			return err
		}
		return settle(ctx, tx, t.mac, c, n+int64(len(frames))-1, prev)
	})
}

// withoutKnown leaves out merged frames whose ids stand in the journal, sequenced or not.
func withoutKnown(ctx context.Context, tx *db.Tx, c chainOf, frames []outgoing) ([]outgoing, error) {
	if !slices.ContainsFunc(frames, func(f outgoing) bool { return f.kind == frameMerged }) {
		return frames, nil
	}
	// The head of the chain is locked first: an earlier transaction of this node that added the same entries has ended then.
	if _, _, err := extend(ctx, tx, c, 0); err != nil {
		return nil, err
	}
	var fresh []outgoing
	for _, f := range frames {
		if f.kind == frameMerged {
			p, err := parsePayload(f.payload)
			if err != nil {
				return nil, ward.E(ward.Internal, "audit.journal", "an entry of an unknown form was to be written", err)
			}
			var n int64
			found, err := tx.Get(ctx, "SELECT n FROM audit_journal WHERE id = $1", []any{p.id[:]}, &n)
			if err != nil {
				return nil, err
			}
			if found {
				continue
			}
		}
		fresh = append(fresh, f)
	}
	if len(fresh) == 0 {
		return nil, errNoneNew
	}
	return fresh, nil
}

// anchor implements journal.
func (*table) anchor(anchor) {}

// read implements journal.
func (t *table) read(ctx context.Context, from cursor, max int, fn func(entry) error) (cursor, error) {
	at := from
	err := t.db.Read(ctx, db.System, func(tx *db.Tx) error {
		entries, next, err := t.feed.read(ctx, tx, from, max)
		for _, e := range entries {
			if err == nil {
				err = fn(e)
			}
		}
		if err == nil {
			at = next
		}
		return err
	})
	return at, err
}

// reach implements journal.
func (t *table) reach(ctx context.Context, g *target) error {
	return t.db.Read(ctx, db.System, func(tx *db.Tx) error {
		return newest(ctx, tx, "audit_journal", &g.journal)
	})
}

// newest finds the last row in feed order, whether or not its transaction's neighbours have ended.
func newest(ctx context.Context, tx *db.Tx, table string, at *cursor) error {
	_, err := tx.Get(ctx, "SELECT txid, seq FROM "+table+" ORDER BY txid DESC, seq DESC LIMIT 1", nil, &at.a, &at.b)
	return err
}

// close implements journal.
func (*table) close() error { return nil }
