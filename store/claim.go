package store

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/audit"
	"github.com/ward-health/ward/clinical/fhir"
	"github.com/ward-health/ward/engine/db"
)

// several is how many candidates of a condition are looked at: enough to know one from more.
const several = 3

// claim is the condition of one create. The rows are read and, inside the writing transaction, compared: two creates under
// one condition both want the claim's row, and the one that finds it changed reads again and finds the winner.
type claim struct {
	h16    []byte
	search fhir.Search
	before int64 // row that holds the claim, 0: none
	rows   []*row
}

// prepareClaim checks the condition of a create.
func (b *batch) prepareClaim(it *item) error {
	q := it.change.IfNoneExist
	if q == nil {
		return nil
	}
	const op = "store.apply"
	if it.change.Op != OpCreate || q.Type != it.ref.Type {
		return ward.E(ward.Invalid, op, "If-None-Exist belongs to a create of the type it searches", nil)
	}
	if len(q.Clauses)+len(q.IDs) == 0 {
		return ward.E(ward.Invalid, op, "If-None-Exist needs at least one search parameter", nil)
	}
	sum := b.n.index.Sum([]byte("claim"), []byte(criteria(*q)))
	it.claim = &claim{h16: sum[:16], search: b.n.widenSearch(fhir.Search{Type: q.Type, Clauses: q.Clauses, IDs: q.IDs})}
	return nil
}

// candidates reads, in the snapshot of the attempt, who holds the claim and what may match.
func (b *batch) candidates(ctx context.Context, tx *db.Tx, it *item) error {
	c := it.claim
	c.before, c.rows = 0, nil
	if _, err := tx.Get(ctx, "SELECT rid FROM claim WHERE tn = $1 AND h16 = $2", []any{int64(b.n.tn), c.h16}, &c.before); err != nil {
		return err
	}
	pl, err := b.n.plan(c.search, it.change.Permit.Filter(), newest)
	if err != nil {
		return err
	}
	c.rows, err = scanRows(ctx, tx, b.n, pl.candidates(several))
	return err
}

// conditions opens the candidates of every condition under one entry and settles which creates have nothing to do.
//
// SPEC(FHIR R4 3.1.0.8.1 conditional create): no match creates, one match is returned, several are a failed precondition.
func (b *batch) conditions(ctx context.Context) error {
	var rows []*row
	for _, it := range b.items {
		if it.claim != nil {
			rows = append(rows, it.claim.rows...)
		}
	}
	if len(rows) == 0 {
		return nil
	}
	rc, err := b.s.begin(ctx, b.p, b.act, "if-none-exist", rows...)
	if err != nil {
		return err
	}
	b.began = true
	for _, it := range b.items {
		if it.claim == nil {
			continue
		}
		page := Page{}
		if _, err := b.s.openPage(ctx, b.n, it.change.Permit, access.Create, b.act, rc, it.claim.rows, it.claim.search.Holds, &page); err != nil {
			return err
		}
		switch found := len(page.Versions); {
		case found == 0:
		case found == 1 && it.change.NoMatch:
			return b.at(it.at, ward.E(ward.Conflict, "store.apply", "a record that matches If-None-Exist was made meanwhile; plan the write again", nil))
		case found == 1:
			v := page.Versions[0]
			v.Body = nil // leave to create is no leave to read
			it.result = &Result{Version: v, Kept: true}
		default:
			return b.at(it.at, ward.E(ward.Precondition, "store.apply", "several records match If-None-Exist", nil))
		}
	}
	return nil
}

// take holds the claim inside the transaction, if nothing has changed since it was read.
func (b *batch) take(ctx context.Context, tx *db.Tx, it *item) error {
	c := it.claim
	pl, err := b.n.plan(c.search, it.change.Permit.Filter(), newest)
	if err != nil {
		return err
	}
	q := pl.rids(several)
	var seen []int64
	rows, err := tx.Query(ctx, q.String(), q.args...)
	if err := each(rows, err, func(scan scanner) error {
		seen = append(seen, 0)
		return scan.Scan(&seen[len(seen)-1])
	}); err != nil {
		return err
	}
	if !slices.EqualFunc(seen, c.rows, func(rid int64, r *row) bool { return rid == r.rid }) {
		return errMoved
	}
	tn, rid := int64(b.n.tn), it.next.rid
	mac := claimMAC(b.n, c.h16, rid)
	if c.before == 0 {
		return tx.Insert(ctx, "claim", []string{"tn", "h16", "rid", "mac"}, [][]any{{tn, c.h16, rid, mac}})
	}
	n, err := tx.Exec(ctx, "UPDATE claim SET rid = $1, mac = $2 WHERE tn = $3 AND h16 = $4 AND rid = $5", rid, mac, tn, c.h16, c.before)
	if err == nil && n != 1 {
		return errMoved
	}
	return err
}

func claimMAC(n names, h16 []byte, rid int64) []byte {
	return rowMAC(n.row, "claim", int64(n.tn), h16, rid)
}

// maxQueries bounds one Resolve.
const maxQueries = 1000

// Resolve finds the one visible resource that each query matches (conditional references of a transaction), under one
// entry. p is for access.Search and covers the type of every query. No match and several matches are ward.Precondition,
// with "queries[i]" as Path.
func (s *Store) Resolve(ctx context.Context, p access.Permit, queries []fhir.Search) ([]ward.Reference, error) {
	if err := p.Allows(access.Search, ""); err != nil {
		return nil, err
	}
	if len(queries) > maxQueries {
		return nil, ward.E(ward.TooLarge, "store.resolve", fmt.Sprintf("at most %d conditional references can be resolved at once", maxQueries), nil)
	}
	var patients []string
	for _, q := range queries {
		if err := p.Allows(access.Search, q.Type); err != nil {
			return nil, err
		}
		patients = append(patients, sought(q)...)
	}
	n, err := s.namesFor(ctx, p, patients...)
	if err != nil {
		return nil, err
	}
	queries = slices.Clone(queries)
	for i, q := range queries {
		queries[i] = n.widenSearch(q)
	}
	found := make([][]*row, len(queries))
	var all []*row
	err = s.db.Read(ctx, n.tn, func(tx *db.Tx) error {
		for i, q := range queries {
			pl, err := n.plan(q, p.Filter(), newest)
			if err != nil {
				return err
			}
			if found[i], err = scanRows(ctx, tx, n, pl.candidates(several)); err != nil {
				return err
			}
			all = append(all, found[i]...)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	rc, err := s.begin(ctx, p, audit.ActSearch, "resolve "+strconv.Itoa(len(queries)), all...)
	if err != nil {
		return nil, err
	}
	out := make([]ward.Reference, len(queries))
	for i, q := range queries {
		page := Page{}
		if _, err := s.openPage(ctx, n, p, access.Search, audit.ActSearch, rc, found[i], q.Holds, &page); err != nil {
			return nil, err
		}
		if len(page.Versions) != 1 {
			return nil, ward.E(ward.Precondition, "store.resolve", "a conditional reference must match exactly one record", nil).At(fmt.Sprintf("queries[%d]", i))
		}
		out[i] = page.Versions[0].Ref
	}
	return out, nil
}
