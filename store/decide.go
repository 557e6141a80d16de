package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/engine/db"
)

// errHidden says that a record exists which the filter hides; the answer never tells.
var errHidden = errors.New("store: hidden")

// readChunk bounds the records that one query looks up.
const readChunk = 512

// read looks up the current row of every change and, for conditions, claims and candidates, in one snapshot. Each row
// comes with the verdict of the filter of its change's permit. What stands beside the versions may read along.
//
// The first attempt does not look whether what is to be created is there: if it is, the key of its pointer row says so when it is written,
// and the next attempt looks.
func (b *batch) read(ctx context.Context) error {
	groups := map[string][]*item{} // by filter: mostly one
	var order []string
	known := filters{}
	for _, it := range b.items {
		it.old, it.result = nil, nil
		if it.change.Op == OpCreate && (!b.moved || it.change.Resource.Ref.ID == "") {
			continue // an id that was made here is random
		}
		key := known.of(it.change.Permit)
		if groups[key] == nil {
			order = append(order, key)
		}
		groups[key] = append(groups[key], it)
	}
	return b.s.db.Read(ctx, b.n.tn, func(tx *db.Tx) error {
		for _, key := range order {
			for part := range slices.Chunk(groups[key], readChunk) {
				if err := b.pointers(ctx, tx, part); err != nil {
					return err
				}
			}
		}
		for _, it := range b.items {
			if it.claim != nil {
				if err := b.candidates(ctx, tx, it); err != nil {
					return err
				}
			}
		}
		if beside, ok := b.side.(along); ok {
			return beside.read(ctx, tx, b)
		}
		return nil
	})
}

// filters are the texts by which filters are compared: one per permit, as a call has few.
type filters map[access.Permit]string

func (f filters) of(p access.Permit) string {
	text, ok := f[p]
	if !ok {
		text = fmt.Sprintf("%#v", p.Filter().Simplify().Node)
		f[p] = text
	}
	return text
}

// pointers reads the current rows of items whose permits have one filter.
func (b *batch) pointers(ctx context.Context, tx *db.Tx, items []*item) error {
	var q query
	byKey := make(map[string]*item, len(items))
	sees := b.n.filter(&q, items[0].change.Permit.Filter(), aliasR)
	q.add("SELECT ", resColumns, ", ", erasedR, ", CASE WHEN ", sees, " THEN 1 ELSE 0 END, v.kid, v.digest, v.entry ",
		"FROM res r LEFT JOIN ver v ON v.tn = r.tn AND v.seq = r.seq WHERE r.tn = ", q.arg(int64(b.n.tn)), " AND r.rk16 IN (")
	keys := make([][]byte, len(items))
	for i, it := range items {
		keys[i], byKey[string(it.rk)] = it.rk, it
	}
	q.add(q.list(keys), ")")
	rows, err := tx.Query(ctx, q.String(), q.args...)
	return each(rows, err, func(scan scanner) error {
		p := &pointer{tn: b.n.tn}
		if err := scan.Scan(p.dest(&p.erased, &p.visible, &p.kid, &p.digest, &p.entry)...); err != nil {
			return err
		}
		if !sameMAC(p.mac, p.wantMAC(b.n.row)) || p.kid == nil {
			return broken("a pointer row was changed: its digest does not fit")
		}
		it := byKey[string(p.rk)]
		it.old = p
		return nil
	})
}

// decide says what becomes of one change: a result at once, or the version to write.
func (b *batch) decide(it *item) error {
	old := it.old
	if old != nil && !old.visible {
		return errHidden
	}
	if old != nil && old.gone() {
		return errGone
	}
	if it.change.Op == OpDelete && old == nil {
		return errNotFound
	}
	if m := it.change.IfMatch; m != 0 && (old == nil || old.ver != m || old.deleted() && it.change.Op == OpUpdate) {
		return errNoMatch
	}
	switch {
	case it.change.Op == OpCreate && old != nil:
		return ward.E(ward.Conflict, "store.apply", "a record with this id exists", nil)
	case it.change.Op == OpDelete && old.deleted():
		it.keep(old)
		return nil
	case it.change.Op == OpUpdate && old != nil && !old.deleted() && bytes.Equal(old.bh, it.bh):
		it.keep(old)
		return nil
	}
	b.plan(it)
	return nil
}

// keep answers with the version that stands.
func (it *item) keep(old *pointer) {
	v := ward.Version{Ref: it.ref, Number: old.ver, Updated: micros(old.updUS), Deleted: old.deleted()}
	copy(v.Digest[:], old.digest)
	copy(v.Entry[:], old.entry)
	it.result = &Result{Version: v, Kept: true}
}

// plan fixes row number and version, as preconditions of what is sealed.
func (b *batch) plan(it *item) {
	at := now()
	r := row{tn: b.n.tn, rt: it.ref.Type, id: it.ref.ID, ver: 1, op: int64(it.change.Op), updUS: at.UnixMicro(), pat: it.pat, conf: it.conf}
	if old := it.old; old != nil {
		r.rid, r.ver, r.updUS = old.rid, old.ver+1, max(r.updUS, old.updUS)
	} else {
		r.rid = b.s.rids.next(at)
	}
	if Op(r.op) == OpDelete {
		r.pat, r.conf = it.old.pat, it.old.conf
	}
	it.next = r
}
