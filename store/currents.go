package store

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/audit"
	"github.com/ward-health/ward/engine/db"
)

// Want names one resource to read, under a permit for access.Read of its type.
type Want struct {
	Permit access.Permit
	Ref    ward.Reference
}

// maxWants bounds one Currents.
const maxWants = 1_000

// deniedAtOnce is how many denials are made durable side by side.
const deniedAtOnce = 16

// current is one Want on its way.
type current struct {
	Want
	rk      []byte
	row     *row // nil: there is none
	version *ward.Version
}

// Currents returns the current versions of several resources, at most 1,000, in the order of wants, from one snapshot and under one
// entry that names all of them and is durable before the first is opened; when there is nothing to open, the entry stands all the same. All
// permits are of one principal, tenant and request.
//
// nil: there is none, or the permit does not show it; each hidden one is recorded as a denial, as Get does. A deletion has Deleted set, no
// Body, and its Number; an erased one has Deleted set and Number 0, and nothing else but Ref. ward.TooLarge: bodies of more than 32 MiB.
func (s *Store) Currents(ctx context.Context, wants []Want) ([]*ward.Version, error) {
	if len(wants) == 0 {
		return nil, nil
	}
	n, list, err := s.currents(ctx, wants)
	if err != nil {
		return nil, err
	}
	if err := s.findCurrents(ctx, n, list); err != nil {
		return nil, err
	}
	if err := s.denyHidden(ctx, list); err != nil {
		return nil, err
	}
	p := wants[0].Permit
	rc, err := s.begin(ctx, p, audit.ActRead, "currents "+strconv.Itoa(len(wants)), toOpen(list)...)
	if err != nil {
		return nil, err
	}
	var size atomic.Int64
	err = parallel(list, func(c *current) error { return s.openCurrent(ctx, n, rc, c, &size) })
	if err != nil {
		return nil, s.failed(ctx, p, audit.ActRead, err)
	}
	out := make([]*ward.Version, len(list))
	for i, c := range list {
		out[i] = c.version
	}
	return out, nil
}

// currents checks the permits and makes the keyed names.
func (s *Store) currents(ctx context.Context, wants []Want) (n names, list []*current, err error) {
	const op = "store.currents"
	if len(wants) > maxWants {
		return n, nil, ward.E(ward.TooLarge, op, fmt.Sprintf("at most %d records can be read at once", maxWants), nil)
	}
	first := wants[0].Permit
	var patients []string
	for _, w := range wants {
		if err := w.Permit.Allows(access.Read, w.Ref.Type); err != nil {
			return n, nil, err
		}
		if w.Permit.Tenant() != first.Tenant() || w.Permit.Principal().ID != first.Principal().ID || w.Permit.Request() != first.Request() {
			return n, nil, ward.E(ward.Denied, op, "the permits of one read must be of one principal, tenant and request", nil)
		}
		patients = append(patients, named(w.Permit.Filter().Node)...)
	}
	if n, err = s.namesFor(ctx, first, patients...); err != nil {
		return n, nil, err
	}
	list = make([]*current, len(wants))
	for i, w := range wants {
		list[i] = &current{Want: w, rk: n.ref(w.Ref)}
	}
	return n, list, nil
}

// findCurrents finds the rows in one snapshot, hidden or not: one query for each filter and readChunk records.
func (s *Store) findCurrents(ctx context.Context, n names, list []*current) error {
	groups := map[string][]*current{} // by filter: mostly one
	var order []string
	known := filters{}
	for _, c := range list {
		key := known.of(c.Permit)
		if groups[key] == nil {
			order = append(order, key)
		}
		groups[key] = append(groups[key], c)
	}
	return s.db.Read(ctx, n.tn, func(tx *db.Tx) error {
		for _, key := range order {
			for part := range slices.Chunk(groups[key], readChunk) {
				if err := n.findPart(ctx, tx, part); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// findPart finds the rows of records whose permits have one filter.
func (n names) findPart(ctx context.Context, tx *db.Tx, list []*current) error {
	var q query
	byRef := make(map[ward.Reference][]*current, len(list))
	keys := make([][]byte, len(list))
	for i, c := range list {
		keys[i] = c.rk
		byRef[c.Ref] = append(byRef[c.Ref], c)
	}
	sees := n.filter(&q, list[0].Permit.Filter(), aliasR)
	seesVersion := n.filter(&q, list[0].Permit.Filter(), aliasV)
	// A pointer whose version is missing is shown to those who may see it, as the fault that it is.
	q.add("SELECT ", verColumns, ", ", erasedR, ", CASE WHEN ", sees, " AND (v.seq IS NULL OR ", seesVersion, ") THEN 1 ELSE 0 END ",
		"FROM res r LEFT JOIN ver v ON v.tn = r.tn AND v.seq = r.seq WHERE r.tn = ", q.arg(int64(n.tn)), " AND r.rk16 IN (", q.list(keys), ")")
	rows, err := tx.Query(ctx, q.String(), q.args...)
	return each(rows, err, func(scan scanner) error {
		r := &row{tn: n.tn}
		if err := scan.Scan(r.verDest(&r.erased, &r.visible)...); err != nil {
			return err
		}
		of := byRef[r.ref()]
		if len(of) == 0 {
			return broken("a pointer row was changed: it names another resource than its digest")
		}
		for _, c := range of {
			c.row = r
		}
		return nil
	})
}

// denyHidden makes the entries of what the filter hides.
func (s *Store) denyHidden(ctx context.Context, list []*current) error {
	var g errgroup.Group
	g.SetLimit(deniedAtOnce)
	for _, c := range list {
		if r := c.row; r != nil && !r.visible {
			c.row = nil
			g.Go(func() error { return s.hidden(ctx, c.Permit, audit.ActRead, r.subject(), nil) })
		}
	}
	return g.Wait()
}

// toOpen lists the rows that are opened, once each.
func toOpen(list []*current) (rows []*row) {
	seen := map[int64]bool{}
	for _, c := range list {
		if r := c.row; r != nil && !r.gone() && Op(r.op) != OpDelete && !seen[r.rid] {
			seen[r.rid] = true
			rows = append(rows, r)
		}
	}
	return rows
}

// openCurrent fills in the version.
func (s *Store) openCurrent(ctx context.Context, n names, rc audit.Receipt, c *current, size *atomic.Int64) error {
	erased := &ward.Version{Ref: c.Ref, Deleted: true}
	switch {
	case c.row == nil:
		return nil
	case c.row.gone():
		c.version = erased
		return nil
	case Op(c.row.op) == OpDelete:
		v := c.row.version()
		c.version = &v
		return nil
	}
	o, err := s.open(ctx, n, c.Permit, access.Read, rc, c.row)
	switch ward.KindOf(err) {
	case ward.Gone:
		c.version = erased
		return nil
	case ward.NotFound:
		return nil
	}
	if err != nil {
		return err
	}
	v, err := o.stamp(c.row)
	if err == nil && size.Add(int64(len(v.Body))) > maxPageBytes {
		return ward.E(ward.TooLarge, "store.currents", "the records have more than 32 MiB together; ask for fewer at once", nil)
	}
	c.version = &v
	return err
}

// gone reports whether the row is of an erased resource.
func (r *row) gone() bool { return r.erased || r.flags&flagErased != 0 }
