package store

import (
	"context"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/audit"
	"github.com/ward-health/ward/clinical/fhir"
	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/engine/keys/seal"
)

// The bridge to tests outside the package: storetest imports store, so tests that use it cannot be inside.

// OnCommit puts fn in the place of db.Write; next is what was there.
func (s *Store) OnCommit(fn func(next func() error) error) {
	real := s.db.Write
	s.commit = func(ctx context.Context, tn db.Tenant, work func(*db.Tx) error) error {
		return fn(func() error { return real(ctx, tn, work) })
	}
}

// Visible returns the ids of the resources of a tenant that a filter's SQL lets through, on both aliases.
func (s *Store) Visible(ctx context.Context, tn db.Tenant, f access.Filter) (ids map[string]bool, err error) {
	n, err := s.names(ctx, tn)
	if err != nil {
		return nil, err
	}
	ids = map[string]bool{}
	err = s.db.Read(ctx, tn, func(tx *db.Tx) error {
		var q query
		q.add("SELECT r.id FROM res r CROSS JOIN ver v WHERE v.tn = r.tn AND v.seq = r.seq AND r.tn = ", q.arg(int64(tn)), " AND ",
			n.filter(&q, f, aliasR), " AND ", n.filter(&q, f, aliasV))
		rows, err := tx.Query(ctx, q.String(), q.args...)
		return each(rows, err, func(scan scanner) error {
			var id string
			err := scan.Scan(&id)
			ids[id] = true
			return err
		})
	})
	return ids, err
}

// Explain returns SQLite's plan of a search page.
func (s *Store) Explain(ctx context.Context, p access.Permit, q fhir.Search) (plan []string, err error) {
	n, err := s.names(ctx, p.Tenant())
	if err != nil {
		return nil, err
	}
	pl, err := n.plan(q, p.Filter(), 1<<60)
	if err != nil {
		return nil, err
	}
	c := pl.candidates(11)
	err = s.db.Read(ctx, n.tn, func(tx *db.Tx) error {
		rows, err := tx.Query(ctx, "EXPLAIN QUERY PLAN "+c.String(), c.args...)
		return each(rows, err, func(scan scanner) error {
			var id, parent, unused int64
			var line string
			err := scan.Scan(&id, &parent, &unused, &line)
			plan = append(plan, line)
			return err
		})
	})
	return plan, err
}

// OpenAs finds the current version of ref under one permit and opens it under another: what open itself refuses.
func (s *Store) OpenAs(ctx context.Context, look, p access.Permit, a access.Action, rc audit.Receipt, ref ward.Reference) ([]byte, error) {
	n, err := s.names(ctx, look.Tenant())
	if err != nil {
		return nil, err
	}
	r, err := s.lookup(ctx, n, look, ref, 0)
	if err != nil || r == nil {
		return nil, err
	}
	o, err := s.open(ctx, n, p, a, rc, r)
	return o.body, err
}

// SubjectOf is how an entry names the current version of ref.
func (s *Store) SubjectOf(ctx context.Context, look access.Permit, ref ward.Reference) (audit.Subject, error) {
	n, err := s.names(ctx, look.Tenant())
	if err != nil {
		return audit.Subject{}, err
	}
	r, err := s.lookup(ctx, n, look, ref, 0)
	if err != nil {
		return audit.Subject{}, err
	}
	return r.subject(), nil
}

// Arriving returns how many messages of a tenant wait to be kept.
func Arriving(s *Store, tn db.Tenant) int {
	s.arrive.mu.Lock()
	defer s.arrive.mu.Unlock()
	return len(s.arrive.waiting[tn])
}

// MisnameSeries seals a series as Ward would, with another name inside than that of its row.
func MisnameSeries(ctx context.Context, s *Store, tn db.Tenant, name, inside string) error {
	n, err := s.names(ctx, tn)
	if err != nil {
		return err
	}
	key, err := s.ring.Current(ctx, tn, seal.Subject{}, seal.Data)
	if err != nil {
		return err
	}
	body, err := key.Seal(seriesRecord(n.seriesKey(name), 1), append(appendText(nil, inside), "good"...))
	if err != nil {
		return err
	}
	return s.db.Write(ctx, tn, func(tx *db.Tx) error {
		_, err := tx.Exec(ctx, "UPDATE series SET body = $1 WHERE tn = $2 AND name16 = $3", body, int64(tn), n.seriesKey(name))
		return err
	})
}
