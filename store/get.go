package store

import (
	"context"
	"strconv"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/audit"
	"github.com/ward-health/ward/engine/db"
)

// Get returns the current version. Unseen and unknown are both ward.NotFound; deleted and erased are ward.Gone.
func (s *Store) Get(ctx context.Context, p access.Permit, ref ward.Reference) (ward.Version, error) {
	return s.one(ctx, p, audit.ActRead, ref, 0)
}

// VRead returns one version. It is seen only where both that version and the current one are. A deletion is ward.Gone.
func (s *Store) VRead(ctx context.Context, p access.Permit, ref ward.Reference, version int64) (ward.Version, error) {
	if version < 1 {
		version = -1 // no such version, without a query of its own
	}
	return s.one(ctx, p, audit.ActVRead, ref, version)
}

// one looks up, records and opens one version; version 0 is the current one.
func (s *Store) one(ctx context.Context, p access.Permit, act audit.Act, ref ward.Reference, version int64) (ward.Version, error) {
	var none ward.Version
	if err := p.Allows(access.Read, ref.Type); err != nil {
		return none, err
	}
	n, err := s.namesFor(ctx, p)
	if err != nil {
		return none, err
	}
	r, err := s.lookup(ctx, n, p, ref, version)
	switch {
	case err != nil:
		return none, err
	case r == nil:
		return none, s.nothing(ctx, p, act, errNotFound)
	case !r.visible:
		return none, s.hidden(ctx, p, act, r.subject(), errNotFound)
	case r.erased || r.flags&flagErased != 0 || Op(r.op) == OpDelete:
		return none, s.nothing(ctx, p, act, errGone)
	}
	rc, err := s.begin(ctx, p, act, "", r)
	if err != nil {
		return none, err
	}
	o, err := s.open(ctx, n, p, access.Read, rc, r)
	if err != nil {
		return none, s.opening(ctx, p, act, err)
	}
	return o.stamp(r)
}

// nothing records a permitted act that opens nothing, and returns its answer.
func (s *Store) nothing(ctx context.Context, p access.Permit, act audit.Act, answer error) error {
	if _, err := s.begin(ctx, p, act, ward.KindOf(answer).String()); err != nil {
		return err
	}
	return answer
}

// opening turns a failure to open into the answer. What is broken or could not be read is an outcome of its own in the log.
func (s *Store) opening(ctx context.Context, p access.Permit, act audit.Act, err error) error {
	switch ward.KindOf(err) {
	case ward.Gone:
		return errGone
	case ward.NotFound:
		return errNotFound
	}
	return s.failed(ctx, p, act, err)
}

// lookup finds the row of a version in one query, hidden or not; nil if there is none.
func (s *Store) lookup(ctx context.Context, n names, p access.Permit, ref ward.Reference, version int64) (*row, error) {
	var q query
	tn, rk := q.arg(int64(n.tn)), q.arg(n.ref(ref))
	on := "v.seq = r.seq"
	if version != 0 {
		on = "v.rid = r.rid AND v.ver = " + q.arg(version)
	}
	sees := n.filter(&q, p.Filter(), aliasR)
	seesVersion := n.filter(&q, p.Filter(), aliasV)
	// A pointer whose version is missing is shown to those who may see it, as the fault that it is.
	q.add("SELECT ", verColumns, ", ", erasedR, ", CASE WHEN ", sees, " AND (v.seq IS NULL OR ", seesVersion, ") THEN 1 ELSE 0 END ",
		"FROM res r LEFT JOIN ver v ON v.tn = r.tn AND ", on, " WHERE r.tn = ", tn, " AND r.rk16 = ", rk)
	r := &row{tn: n.tn}
	var found bool
	err := s.db.Read(ctx, n.tn, func(tx *db.Tx) error {
		var err error
		found, err = tx.Get(ctx, q.String(), q.args, r.verDest(&r.erased, &r.visible)...)
		return err
	})
	if err != nil || !found {
		return nil, err
	}
	if r.ver == 0 && version != 0 {
		return nil, nil
	}
	return r, nil
}

// History returns versions of one resource, newest first. Versions that the filter hides are left out: those of another
// patient, from before the subject was corrected, among them.
func (s *Store) History(ctx context.Context, p access.Permit, ref ward.Reference, cursor string, count int) (Page, error) {
	page := Page{Total: -1}
	if err := p.Allows(access.Read, ref.Type); err != nil {
		return page, err
	}
	n, err := s.namesFor(ctx, p)
	if err != nil {
		return page, err
	}
	before := int64(1) << 62
	if cursor != "" {
		c, err := s.openCursor(ctx, p, cursorHistory, ref.String(), cursor)
		if err != nil {
			return page, err
		}
		before = c.Last
	}
	current, err := s.lookup(ctx, n, p, ref, 0)
	switch {
	case err != nil:
		return page, err
	case current == nil:
		return page, s.nothing(ctx, p, audit.ActHistory, errNotFound)
	case !current.visible:
		return page, s.hidden(ctx, p, audit.ActHistory, current.subject(), errNotFound)
	case current.erased || current.flags&flagErased != 0:
		return page, s.nothing(ctx, p, audit.ActHistory, errGone)
	}
	return s.historyPage(ctx, n, p, current, before, bound(count))
}

func (s *Store) historyPage(ctx context.Context, n names, p access.Permit, current *row, before int64, count int) (Page, error) {
	page := Page{Total: -1}
	var q query
	sees := n.filter(&q, p.Filter(), aliasR)
	seesVersion := n.filter(&q, p.Filter(), aliasV)
	q.add("SELECT ", verColumns, ", ", erasedR, " FROM ver v CROSS JOIN res r WHERE v.tn = ", q.arg(int64(n.tn)),
		" AND v.rid = ", q.arg(current.rid), " AND v.ver < ", q.arg(before), " AND r.tn = v.tn AND r.rid = v.rid AND ",
		sees, " AND ", seesVersion, " ORDER BY v.ver DESC LIMIT ", strconv.Itoa(count+1))
	rows, err := s.rows(ctx, n, &q)
	if err != nil {
		return page, err
	}
	rows, more := cut(rows, count)
	rc, err := s.begin(ctx, p, audit.ActHistory, "", rows...)
	if err != nil {
		return page, err
	}
	last, err := s.openPage(ctx, n, p, access.Read, audit.ActHistory, rc, rows, nil, &page)
	if err != nil || (!more && last == nil) {
		return page, err
	}
	if last == nil {
		last = rows[len(rows)-1]
	}
	page.Next, err = s.sealCursor(ctx, p, cursorBody{Kind: cursorHistory, About: current.ref().String(), Last: last.ver})
	return page, err
}

// rows runs a query of verColumns and erased.
func (s *Store) rows(ctx context.Context, n names, q *query) ([]*row, error) {
	var out []*row
	err := s.db.Read(ctx, n.tn, func(tx *db.Tx) error {
		var err error
		out, err = scanRows(ctx, tx, n, q)
		return err
	})
	return out, err
}

// The bounds of a page.
const (
	defaultCount = 50
	maxCount     = 1000
	maxPageBytes = 32 << 20 // of bodies; a page that would be larger ends early
)

func bound(count int) int {
	if count <= 0 {
		return defaultCount
	}
	return min(count, maxCount)
}

func cut(rows []*row, count int) ([]*row, bool) {
	if len(rows) > count {
		return rows[:count], true
	}
	return rows, false
}
