package store

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/clinical/fhir"
	"github.com/ward-health/ward/engine/db"
)

// maxLooks bounds the second looks of one check, each of which walks a table.
const maxLooks = 200

func asError(err error, e **ward.Error) bool { return errors.As(err, e) }

// indexes walks the three index tables and compares, per resource, what is there with what the bodies ask for. Writers may
// have been at work between the two walks, so a difference is looked at again in one snapshot.
func (c *checker) indexes(ctx context.Context) error {
	odd, err := c.odd(ctx)
	if err == nil && len(odd) > maxLooks {
		odd, err = c.settled(ctx, odd)
	}
	if err == nil && len(odd) > maxLooks { // what was purged during the first walk is gone in the second
		rows := c.report.IndexRows
		var again []int64
		again, err = c.odd(ctx)
		c.report.IndexRows = rows
		odd = slices.DeleteFunc(odd, func(rid int64) bool { _, still := slices.BinarySearch(again, rid); return !still })
	}
	if err == nil && len(odd) > maxLooks {
		odd, err = c.settled(ctx, odd)
	}
	if err != nil {
		return err
	}
	for i, rid := range odd {
		if i == maxLooks {
			c.fault("index", "", fmt.Sprintf("%d more resources have index rows that differ from their bodies", len(odd)-i))
			break
		}
		if err := c.look(ctx, rid); err != nil {
			return err
		}
	}
	return nil
}

// odd walks the index tables and returns, in order, the resources whose rows there are not those that their bodies ask for.
func (c *checker) odd(ctx context.Context) ([]int64, error) {
	have := map[int64]print{}
	for _, t := range ixTables {
		if err := c.walk(ctx, t, have); err != nil {
			return nil, err
		}
	}
	var odd []int64
	for rid, w := range c.want {
		if have[rid] != w.print {
			odd = append(odd, rid)
		}
	}
	for rid := range have {
		if _, ok := c.want[rid]; !ok {
			odd = append(odd, rid)
		}
	}
	slices.Sort(odd)
	return odd, nil
}

// settled leaves out the resources that were written since their bodies were read, and those whose patient was erased since
// then or so lately that the purge may still be at work: what was read of them no longer says what their index rows should be.
func (c *checker) settled(ctx context.Context, odd []int64) ([]int64, error) {
	var out []int64
	for chunk := range slices.Chunk(odd, 500) {
		args := []any{c.tn(), flagErased, time.Now().Add(-purgeTime).UnixMicro()}
		for _, rid := range chunk {
			args = append(args, rid)
		}
		moved := map[int64]bool{}
		err := c.read(ctx, "SELECT r.rid, r.seq, CASE WHEN r.flags >= $2 THEN 1 ELSE 0 END, CASE WHEN e.at_us > $3 THEN 1 ELSE 0 END "+
			"FROM res r LEFT JOIN erased e ON e.tn = r.tn AND e.pat = r.pat WHERE r.tn = $1 AND r.rid IN ("+
			db.Placeholders(4, len(chunk))+") ORDER BY r.rid", args, func(s scanner) error {
			var rid, seq, erased, lately int64
			err := s.Scan(&rid, &seq, &erased, &lately)
			w, seen := c.want[rid]
			moved[rid] = seen && (w.seq != seq || erased != 0) || !seen && seq > c.lastVer || lately != 0 && erased == 0
			return err
		})
		if err != nil {
			return nil, err
		}
		for _, rid := range chunk {
			if !moved[rid] {
				out = append(out, rid)
			}
		}
	}
	return out, nil
}

// ixTable is how one index table is walked in the order of its key.
type ixTable struct {
	name  string
	first string // first page: columns and conditions
	next  string // further pages
	width int    // columns of the key behind tn
	key   func(vals []any) (rid int64, k ixKey, ok bool)
}

var ixTables = []ixTable{
	{"ix_tok", "SELECT sp, v8, rid FROM ix_tok WHERE tn = $1 ORDER BY sp, v8, rid LIMIT $2",
		"SELECT sp, v8, rid FROM ix_tok WHERE tn = $1 AND (sp, v8, rid) > ($3, $4, $5) ORDER BY sp, v8, rid LIMIT $2", 3,
		func(v []any) (int64, ixKey, bool) {
			return v[2].(int64), tokKey(fhir.Param(v[0].(int64)), v[1].(int64)), narrow(v[0].(int64))
		}},
	{"ix_ref", "SELECT sp, rk16, rid FROM ix_ref WHERE tn = $1 ORDER BY sp, rk16, rid LIMIT $2",
		"SELECT sp, rk16, rid FROM ix_ref WHERE tn = $1 AND (sp, rk16, rid) > ($3, $4, $5) ORDER BY sp, rk16, rid LIMIT $2", 3,
		func(v []any) (int64, ixKey, bool) {
			return v[2].(int64), refKey(fhir.Param(v[0].(int64)), v[1].([]byte)), narrow(v[0].(int64)) && len(v[1].([]byte)) == 16
		}},
	{"ix_date", "SELECT sp, rid, lo, hi FROM ix_date WHERE tn = $1 ORDER BY sp, rid, lo, hi LIMIT $2",
		"SELECT sp, rid, lo, hi FROM ix_date WHERE tn = $1 AND (sp, rid, lo, hi) > ($3, $4, $5, $6) ORDER BY sp, rid, lo, hi LIMIT $2", 4,
		func(v []any) (int64, ixKey, bool) {
			return v[1].(int64), dateKey(fhir.Param(v[0].(int64)), v[2].(int64), v[3].(int64)), narrow(v[0].(int64))
		}},
}

// narrow reports whether a stored parameter is one at all.
func narrow(sp int64) bool { return sp >= math.MinInt16 && sp <= math.MaxInt16 }

const ixChunk = 20_000

func (c *checker) walk(ctx context.Context, t ixTable, have map[int64]print) error {
	q, args := t.first, []any{c.tn(), int64(ixChunk)}
	for {
		n := 0
		var last []any
		err := c.read(ctx, q, args, func(s scanner) error {
			vals, err := t.scan(s)
			if err != nil {
				return err
			}
			n++
			last = vals
			rid, k, ok := t.key(vals)
			if !ok {
				c.fault("index", fmt.Sprintf("%s rid %d", t.name, rid), "an index row has values of the wrong form")
			}
			p := have[rid]
			c.add(&p, k)
			have[rid] = p
			return nil
		})
		if err != nil {
			return err
		}
		c.report.IndexRows += int64(n)
		if n < ixChunk {
			return nil
		}
		q, args = t.next, append([]any{c.tn(), int64(ixChunk)}, last...)
	}
}

func (t ixTable) scan(s scanner) ([]any, error) {
	vals, dest := make([]any, t.width), make([]any, t.width)
	for i := range vals {
		dest[i] = &vals[i]
	}
	err := s.Scan(dest...)
	return vals, err
}

// look compares the index rows of one resource with its pointer's packed keys in one snapshot, and those with the body
// that was opened, if it is still the current one.
func (c *checker) look(ctx context.Context, rid int64) error {
	bad := func(what string) { c.fault("index", fmt.Sprintf("rid %d", rid), what) }
	return c.s.db.Read(ctx, c.n.tn, func(tx *db.Tx) error {
		p := &pointer{tn: c.n.tn}
		found, err := tx.Get(ctx, "SELECT "+resColumns+" FROM res r WHERE r.tn = $1 AND r.rid = $2", []any{c.tn(), rid}, p.dest()...)
		if err != nil {
			return err
		}
		have, err := c.rowsOf(ctx, tx, rid)
		if err != nil {
			return err
		}
		if !found {
			bad("there are index rows without a resource")
			return nil
		}
		if p.flags&flagErased != 0 {
			if len(have) > 0 {
				bad("index rows of an erased patient are still there")
			}
			return nil
		}
		if at, erased := c.erased[subjectOf(p.pat)]; erased {
			if time.Since(at) > purgeTime {
				bad("index rows of an erased patient are still there")
			}
			return nil
		}
		if rev, err := unpack(p.rev); err != nil || !slices.Equal(rev, have) {
			bad("the index rows are not those of the resource")
			return nil //nolint:nilerr // it is a finding
		}
		if w, ok := c.want[rid]; ok && w.seq == p.seq && c.print(have) != w.print {
			bad("the index rows are not those of the body")
		}
		return nil
	})
}

// rowsOf reads the index rows of one resource, in order.
func (c *checker) rowsOf(ctx context.Context, tx *db.Tx, rid int64) ([]ixKey, error) {
	var out []ixKey
	for _, q := range []string{"SELECT sp, v8, rid FROM ix_tok WHERE tn = $1 AND rid = $2 ORDER BY sp, v8",
		"SELECT sp, rk16, rid FROM ix_ref WHERE tn = $1 AND rid = $2 ORDER BY sp, rk16",
		"SELECT sp, rid, lo, hi FROM ix_date WHERE tn = $1 AND rid = $2 ORDER BY sp, lo, hi"} {
		t := ixTables[slices.IndexFunc(ixTables, func(t ixTable) bool { return t.first[:20] == q[:20] })]
		rows, err := tx.Query(ctx, q, c.tn(), rid)
		err = each(rows, err, func(s scanner) error {
			vals, err := t.scan(s)
			if err == nil {
				_, k, _ := t.key(vals)
				out = append(out, k)
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	slices.SortFunc(out, compare)
	return out, nil
}
