package store

import (
	"context"
	"encoding/json"
	"math"
	"strconv"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/audit"
	"github.com/ward-health/ward/clinical/fhir"
	"github.com/ward-health/ward/engine/db"
)

// Page is one page of versions; Next is a sealed cursor, empty on the last page.
type Page struct {
	Versions []ward.Version
	Next     string
	Total    int64 // -1: not asked for
}

// Search returns one page of matches, newest first. The permit's filter is on every alias and is evaluated again on each
// opened body; both speak of the patients, too, that were merged into one whom they name. A page is shorter than asked for when it would grow beyond 32 MiB or when a hit did not hold on its body;
// Next tells whether there is more. A cursor carries its query; clauses given beside it must be the same.
func (s *Store) Search(ctx context.Context, p access.Permit, q fhir.Search) (Page, error) {
	page := Page{Total: -1}
	if err := p.Allows(access.Search, q.Type); err != nil {
		return page, err
	}
	if q.Type == "" {
		return page, ward.E(ward.Invalid, "store.search", "a search needs a resource type", nil)
	}
	q, last, err := s.resume(ctx, p, q)
	if err != nil {
		return page, err
	}
	n, err := s.namesFor(ctx, p, sought(q)...)
	if err != nil {
		return page, err
	}
	wide := n.widenSearch(q)
	rows, more, err := s.find(ctx, n, p, wide, last, &page)
	if err != nil {
		return page, err
	}
	rc, err := s.begin(ctx, p, audit.ActSearch, "candidates "+strconv.Itoa(len(rows)), rows...)
	if err != nil {
		return page, err
	}
	stop, err := s.openPage(ctx, n, p, access.Search, audit.ActSearch, rc, rows, wide.Holds, &page)
	if err != nil {
		return Page{Total: -1}, err
	}
	if stop == nil && more {
		stop = rows[len(rows)-1]
	}
	if stop == nil {
		return page, nil
	}
	page.Next, err = s.sealCursor(ctx, p, cursorBody{Kind: cursorSearch, About: q.Type, Query: &q, Last: stop.rid})
	return page, err
}

// resume takes the query out of the cursor, if there is one.
func (s *Store) resume(ctx context.Context, p access.Permit, q fhir.Search) (fhir.Search, int64, error) {
	if q.Cursor == "" {
		return q, math.MaxInt64, nil
	}
	c, err := s.openCursor(ctx, p, cursorSearch, q.Type, q.Cursor)
	if err != nil {
		return q, 0, err
	}
	if c.Query == nil || len(q.Clauses)+len(q.IDs) > 0 && criteria(q) != criteria(*c.Query) {
		return q, 0, errCursor
	}
	return *c.Query, c.Last, nil
}

// criteria is the canonical text of what a query selects, without paging.
func criteria(q fhir.Search) string {
	b, err := json.Marshal(struct {
		T string
		C []fhir.Clause
		I []string
	}{q.Type, q.Clauses, q.IDs})
	if err != nil {
		panic(err) // plain strings and numbers
	}
	return string(b)
}

// find chooses the candidates of a page and counts, in one snapshot.
func (s *Store) find(ctx context.Context, n names, p access.Permit, q fhir.Search, last int64, page *Page) (rows []*row, more bool, err error) {
	pl, err := n.plan(q, p.Filter(), last)
	if err != nil {
		return nil, false, err
	}
	count := bound(q.Count)
	err = s.db.Read(ctx, n.tn, func(tx *db.Tx) error {
		if q.Total || q.Only {
			all := pl
			all.last = math.MaxInt64
			c := all.count()
			if _, err := tx.Get(ctx, c.String(), c.args, &page.Total); err != nil {
				return err
			}
		}
		if q.Only {
			return nil
		}
		rows, err = scanRows(ctx, tx, n, pl.candidates(count+1))
		return err
	})
	rows, more = cut(rows, count)
	return rows, more, err
}

func scanRows(ctx context.Context, tx *db.Tx, n names, q *query) ([]*row, error) {
	var out []*row
	rows, err := tx.Query(ctx, q.String(), q.args...)
	err = each(rows, err, func(scan scanner) error {
		r := &row{tn: n.tn}
		out = append(out, r)
		return scan.Scan(r.verDest(&r.erased)...)
	})
	return out, err
}

// openPage opens the rows into the page and leaves out what was erased meanwhile, is outside the filter or does not hold.
// stop is the last row considered if the page became too large before the end.
func (s *Store) openPage(ctx context.Context, n names, p access.Permit, a access.Action, act audit.Act, rc audit.Receipt,
	rows []*row, holds func(fhir.Facts) bool, page *Page) (stop *row, err error) {
	size := 0
	for i, r := range rows {
		o, err := s.open(ctx, n, p, a, rc, r)
		switch kind := ward.KindOf(err); {
		case err != nil && (kind == ward.Gone || kind == ward.NotFound):
			continue
		case err != nil:
			return nil, s.failed(ctx, p, act, err)
		case holds != nil && !holds(o.facts):
			continue
		}
		v, err := o.stamp(r)
		if err != nil {
			return nil, s.failed(ctx, p, act, err)
		}
		page.Versions = append(page.Versions, v)
		if size += len(v.Body); size > maxPageBytes && i < len(rows)-1 {
			return r, nil
		}
	}
	return nil, nil
}

// scanner is what each hands to its function.
type scanner interface{ Scan(dest ...any) error }
