package store

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/clinical/fhir"
)

// maxAlternatives bounds the values of one query over all its clauses.
const maxAlternatives = 1000

// maxArms bounds the arms of one compound SELECT; SQLite takes 500.
const maxArms = 250

// plan is a search as SQL. The driver is chosen by a fixed preference, never by statistics: _id, identifier, references,
// the patient to whom the filter confines, code, other tokens, bounded dates, type. All other clauses are probed by rid.
//
// CROSS JOIN fixes the order of the joins for SQLite; PostgreSQL reads it as a plain join. What no index is to serve stands
// in a CASE and what is to be probed in an EXISTS with OFFSET: neither engine takes those for a way into a table or makes a
// join of them, whatever it believes about the number of rows.
type plan struct {
	n      names
	search fhir.Search
	filter access.Filter
	last   int64 // rows below this one only

	driver   int // index of the clause that drives, -1: the table res itself
	patients []string
}

func (n names) plan(q fhir.Search, f access.Filter, last int64) (plan, error) {
	alternatives := len(q.IDs)
	for _, c := range q.Clauses {
		alternatives += len(c.Any)
	}
	if alternatives > maxAlternatives {
		return plan{}, ward.E(ward.TooLarge, "store.search", fmt.Sprintf("a query must not have more than %d values", maxAlternatives), nil)
	}
	p := plan{n: n, search: q, filter: f, last: last, driver: -1}
	best := 0
	if p.patients = onlyPatients(n.widen(f).Simplify().Node); p.patients != nil {
		best = 3
	}
	for i, c := range q.Clauses {
		if w := weight(c); len(q.IDs) == 0 && w > best {
			p.driver, best = i, w
		}
	}
	return p, nil
}

// weight says how narrow a clause is expected to be.
func weight(c fhir.Clause) int {
	switch {
	case len(c.Any) == 0 || c.OrMissing || c.Param == fhir.ParamLastUpdated:
		return 0
	case c.Kind == fhir.Token && c.Name == "identifier":
		return 5
	case c.Kind == fhir.Ref:
		return 4
	case c.Kind == fhir.Token && c.Name == "code":
		return 2
	case c.Kind == fhir.Token && len(c.Any) == 1 && c.Any[0].System == "" && !c.Any[0].AnySystem:
		return 1
	case c.Kind == fhir.Date && len(c.Any) == 1 && c.Any[0].Prefix == "eq":
		return 1
	}
	return 0
}

// count selects the number of matches.
func (p plan) count() *query {
	q := &query{}
	p.from(q, "SELECT COUNT(*)", "")
	return q
}

// candidates selects up to limit rows, newest first, with their sealed texts.
func (p plan) candidates(limit int) *query {
	q := &query{}
	order := p.from(q, "SELECT "+verColumns+", "+erasedR, " CROSS JOIN ver v")
	q.add(" ORDER BY ", order, " DESC LIMIT ", strconv.Itoa(limit))
	return q
}

// rids selects up to limit row numbers, newest first: what candidates would select, without the texts.
func (p plan) rids(limit int) *query {
	q := &query{}
	order := p.from(q, "SELECT r.rid", "")
	q.add(" ORDER BY ", order, " DESC LIMIT ", strconv.Itoa(limit))
	return q
}

// from writes everything between the columns and the order, and returns the column to order by.
func (p plan) from(q *query, head, join string) string {
	q.add(head, " FROM ")
	tn := q.arg(int64(p.n.tn))
	order := "r.rid"
	if p.driver >= 0 {
		order = "d.rid"
		p.drive(q, tn)
		q.add(" CROSS JOIN res r", join, " WHERE r.tn = ", tn, " AND r.rid = d.rid")
	} else {
		q.add("res r", join, " WHERE r.tn = ", tn)
		p.table(q)
	}
	if join != "" {
		q.add(" AND v.tn = r.tn AND v.seq = r.seq")
	}
	q.add(" AND CASE WHEN r.rt = ", q.arg(p.search.Type), " AND r.flags = 0 AND ", p.n.filter(q, p.filter, aliasR))
	if p.driver < 0 && len(p.search.IDs) > 0 && p.last != math.MaxInt64 {
		q.add(" AND r.rid < ", q.arg(p.last))
	}
	if join != "" {
		q.add(" AND ", p.n.filter(q, p.filter, aliasV))
	}
	q.add(" THEN 1 ELSE 0 END <> 0", " AND NOT EXISTS (SELECT 1 FROM erased e WHERE e.tn = r.tn AND e.pat = r.pat", probed, ")")
	for i, c := range p.search.Clauses {
		if i != p.driver {
			p.probe(q, c, i)
		}
	}
	return order
}

// probed ends a subquery that is asked per row. PostgreSQL keeps one with an OFFSET as it is.
const probed = " LIMIT 1 OFFSET 0"

// table writes the condition by which the table res drives itself.
func (p plan) table(q *query) {
	if len(p.search.IDs) > 0 {
		p.ids(q)
		return
	}
	if p.last != math.MaxInt64 {
		q.add(" AND r.rid < ", q.arg(p.last))
	}
	if p.patients != nil {
		p.confine(q)
		return
	}
	q.add(" AND r.rt = ", q.arg(p.search.Type))
}

// confine writes the patients of the filter as a condition that an index serves.
func (p plan) confine(q *query) {
	for i, patient := range p.patients {
		q.add([]string{" AND r.pat IN (", ", "}[min(i, 1)], q.arg(p.n.patient(patient)))
	}
	q.add(")")
}

func (p plan) ids(q *query) {
	q.add(" AND r.rk16 IN (")
	for i, id := range p.search.IDs {
		if i > 0 {
			q.add(", ")
		}
		q.add(q.arg(p.n.ref(ward.Reference{Type: p.search.Type, ID: id})))
	}
	q.add(")")
}

// drive writes the driving source d with its column rid.
func (p plan) drive(q *query, tn string) {
	c := p.search.Clauses[p.driver]
	if c.Kind == fhir.Date {
		// The parameter is written as the index ix_date_from has it.
		q.add("(SELECT DISTINCT rid FROM ix_date WHERE tn = ", tn, " AND COALESCE(sp, 0) = ", param(c), " AND ", dates(q, c, "lo", "hi"))
		p.below(q)
		q.add(") d")
		return
	}
	table, column, values := p.values(q, c)
	all := slices.Collect(slices.Chunk(values, maxArms))
	for i, arms := range all {
		q.add([]string{"(", " UNION "}[min(i, 1)])
		if len(all) > 1 {
			q.add("SELECT rid FROM (")
		}
		for k, v := range arms {
			q.add([]string{"", " UNION "}[min(k, 1)], "SELECT rid FROM ", table, " WHERE tn = ", tn, " AND sp = ", param(c), " AND ", column, " = ", v)
			p.below(q)
		}
		if len(all) > 1 {
			q.add(") u", strconv.Itoa(i))
		}
	}
	q.add(") d")
}

func (p plan) below(q *query) {
	if p.last != math.MaxInt64 {
		q.add(" AND rid < ", q.arg(p.last))
	}
}

// probe writes a clause as a condition on r.
func (p plan) probe(q *query, c fhir.Clause, i int) {
	if c.Param == fhir.ParamLastUpdated {
		q.add(" AND ", dates(q, c, "r.upd_us", "(r.upd_us + 1)")) // an instant of one microsecond
		return
	}
	x := "x" + strconv.Itoa(i)
	ask := func(table, condition string) string {
		return "SELECT 1 FROM " + table + " " + x + " WHERE " + x + ".tn = r.tn AND " + x + ".sp = " + param(c) + " AND " + x + ".rid = r.rid AND " + condition
	}
	if c.Kind == fhir.Date {
		q.add(" AND (EXISTS (", ask("ix_date", dates(q, c, x+".lo", x+".hi")), probed, ")")
		if c.OrMissing {
			q.add(" OR NOT EXISTS (", ask("ix_date", "1 = 1"), probed, ")")
		}
		q.add(")")
		return
	}
	// One arm per value: of a list PostgreSQL may make a filter and read all of a parameter for each row.
	table, column, values := p.values(q, c)
	q.add(" AND (1 = 0")
	for arms := range slices.Chunk(values, maxArms) {
		for k, v := range arms {
			q.add([]string{" OR EXISTS (", " UNION ALL "}[min(k, 1)], ask(table, x+"."+column+" = "+v))
		}
		q.add(probed, ")")
	}
	q.add(")")
}

func param(c fhir.Clause) string { return strconv.Itoa(int(c.Param)) }

// values returns table and column of a clause on tokens or references, and the values of its alternatives.
func (p plan) values(q *query, c fhir.Clause) (table, column string, values []string) {
	table, column = "ix_tok", "v8"
	for _, m := range c.Any {
		switch {
		case c.Kind == fhir.Token && m.AnySystem:
			values = append(values, q.arg(p.n.code(c.Param, m.Code)))
		case c.Kind == fhir.Token:
			values = append(values, q.arg(p.n.token(c.Param, m.System, m.Code)))
		case c.Kind == fhir.Ref:
			table, column = "ix_ref", "rk16"
			types := []string{m.System}
			if m.System == "" {
				types = fhir.Types()
			}
			for _, t := range types {
				values = append(values, q.arg(p.n.ref(ward.Reference{Type: t, ID: m.Code})))
			}
		}
	}
	return table, column, values
}

// dates compares a stored range with any alternative of a clause on dates.
func dates(q *query, c fhir.Clause, lo, hi string) string {
	conditions := make([]string, len(c.Any))
	for i, m := range c.Any {
		conditions[i] = dateCondition(q, m, lo, hi)
	}
	if len(conditions) == 0 {
		return "1 = 0"
	}
	return "(" + strings.Join(conditions, " OR ") + ")"
}

// dateCondition compares a stored range [lo, hi) with the range [Lo, Hi) of the given value.
//
// SPEC(FHIR R4 3.1.1.4.5): prefixes compare the range of the value with the range of the target.
func dateCondition(q *query, m fhir.Match, lo, hi string) string {
	within := func() string {
		return "(" + lo + " >= " + q.arg(m.Lo) + " AND " + lo + " < " + q.arg(m.Hi) + " AND " + hi + " <= " + q.arg(m.Hi) + ")"
	}
	switch m.Prefix {
	case "eq":
		return within()
	case "ne":
		return "(NOT " + within() + ")"
	case "gt":
		return "(" + hi + " > " + q.arg(m.Hi) + ")"
	case "lt":
		return "(" + lo + " < " + q.arg(m.Lo) + ")"
	case "ge":
		return "(" + hi + " > " + q.arg(m.Hi) + " OR " + within() + ")"
	case "le":
		return "(" + lo + " < " + q.arg(m.Lo) + " OR " + within() + ")"
	case "sa":
		return "(" + lo + " >= " + q.arg(m.Hi) + ")"
	case "eb":
		return "(" + hi + " <= " + q.arg(m.Lo) + ")"
	case "ap":
		return "(" + lo + " < " + q.arg(m.Hi) + " AND " + hi + " > " + q.arg(m.Lo) + ")"
	}
	return "(1 = 0)"
}
