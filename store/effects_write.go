package store

import (
	"bytes"
	"context"
	"slices"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/audit"
	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/engine/keys/seal"
	"github.com/ward-health/ward/engine/queue"
)

func (x *effects) intent(in *audit.Intent) {
	about := *x.m
	about.pats = x.pats
	in.Subjects = append(in.Subjects, about.subjects()...)
	for _, h := range x.fresh {
		in.Subjects = append(in.Subjects, h.subject())
	}
	for _, c := range x.moved {
		in.Subjects = append(in.Subjects, c.next.subject())
	}
	in.Writes = append(in.Writes, digestsOf(x.texts)...)
}

func (x *effects) kids() []seal.KeyID { return x.live }

func (x *effects) drop(ctx context.Context) { x.s.dropSides(ctx, x.texts...) }

// write is everything that a message does beside its versions, inside their transaction.
func (x *effects) write(ctx context.Context, tx *db.Tx, b *batch, entry ward.ID) error {
	m, err := x.lock(ctx, tx, b.n)
	if err != nil {
		return err
	}
	if err := x.holdRows(ctx, tx, b, entry); err != nil {
		return err
	}
	if x.e.Merge != nil {
		if err := x.s.merge(ctx, tx, b.n, *x.e.Merge, m.rid, entry); err != nil {
			return err
		}
		m.merges = x.e.Merge.From
	}
	if err := m.hop(ctx, tx, b.n, entry, x.hops(b)...); err != nil {
		return err
	}
	m.state, m.reason = string(x.e.State), x.e.Reason
	m.facts, m.holds = int64(len(b.items)), int64(len(x.e.Holds))
	if err := m.update(ctx, tx, b.n); err != nil {
		return err
	}
	return queue.End(ctx, tx)
}

// lock takes the message's row for this transaction, if it is as it was read, and brings its wrap to the new one.
func (x *effects) lock(ctx context.Context, tx *db.Tx, n names) (*message, error) {
	if x.wrap != nil {
		m := *x.m
		return &m, m.rewrap(ctx, tx, x.wrap, x.pats)
	}
	m, err := loadMessage(ctx, tx, n, true, byRID, x.m.rid)
	switch {
	case err != nil:
		return nil, err
	case m == nil || !bytes.Equal(m.wrap, x.m.wrap):
		return nil, errMoved
	case m.state != string(MessageReceived):
		return nil, errDone
	}
	return m, nil
}

// hops are the steps, of which that of what was applied names it.
func (x *effects) hops(b *batch) []Hop {
	out := slices.Clone(x.e.Hops)
	for i := range out {
		if h := &out[i]; h.Step == "applied" && h.Refs == nil {
			if h.Refs = b.refs(); h.Rules == nil {
				h.Rules = x.e.Rules
			}
		}
	}
	return out
}

func (x *effects) holdRows(ctx context.Context, tx *db.Tx, b *batch, entry ward.ID) error {
	if err := insertSides(ctx, tx, b.n, entry, x.texts...); err != nil {
		return err
	}
	for _, h := range x.fresh {
		if err := h.insert(ctx, tx, b.n); err != nil {
			return err
		}
	}
	for _, c := range x.moved {
		if err := c.next.replace(ctx, tx, b.n, c.old.mac); err != nil {
			return err
		}
	}
	return nil
}
