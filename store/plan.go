package store

import (
	"fmt"
	"math"
	"strconv"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/clinical/fhir"
)

// maxAlternatives bounds the values of one query over all its clauses.
const maxAlternatives = 1000

// plan is a search as SQL. The driver is chosen by a fixed preference, never by statistics: _id, identifier, references,
// the patient to whom the filter confines, code, other tokens, bounded dates, type. All other clauses are probed by rid.
// CROSS JOIN fixes the order of the joins for SQLite; PostgreSQL reads it as a plain join.
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
	case len(c.Any) == 0 || c.Param == fhir.ParamLastUpdated:
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
	rt := "r.rt" // an expression over the column keeps the type's index out where a better driver is there
	if p.driver >= 0 {
		order = "d.rid"
		p.drive(q, tn)
		q.add(" CROSS JOIN res r", join, " WHERE r.tn = ", tn, " AND r.rid = d.rid")
	} else {
		q.add("res r", join, " WHERE r.tn = ", tn)
		if p.last != math.MaxInt64 {
			q.add(" AND r.rid < ", q.arg(p.last))
		}
		if len(p.search.IDs) > 0 || p.patients != nil {
			rt = "(r.rt || '')"
		}
		if len(p.search.IDs) == 0 && p.patients != nil {
			p.confine(q)
		}
	}
	if join != "" {
		q.add(" AND v.tn = r.tn AND v.seq = r.seq")
	}
	q.add(" AND ", rt, " = ", q.arg(p.search.Type), " AND r.flags = 0",
		" AND NOT EXISTS (SELECT 1 FROM erased e WHERE e.tn = r.tn AND e.pat = r.pat)",
		" AND ", p.n.filter(q, p.filter, aliasR))
	if join != "" {
		q.add(" AND ", p.n.filter(q, p.filter, aliasV))
	}
	p.ids(q)
	for i, c := range p.search.Clauses {
		if i != p.driver {
			p.probe(q, c, i)
		}
	}
	return order
}

// confine writes the patients of the filter as a condition that an index serves.
func (p plan) confine(q *query) {
	for i, patient := range p.patients {
		q.add([]string{" AND r.pat IN (", ", "}[min(i, 1)], q.arg(p.n.patient(patient)))
	}
	q.add(")")
}

func (p plan) ids(q *query) {
	if len(p.search.IDs) == 0 {
		return
	}
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
	table, conditions := p.values(q, c, "")
	if c.Kind == fhir.Date {
		q.add("(SELECT DISTINCT rid FROM ", table, " WHERE tn = ", tn, " AND sp = ", param(c), " AND (")
		for i, cond := range conditions {
			if i > 0 {
				q.add(" OR ")
			}
			q.add(cond)
		}
		q.add(")")
		p.below(q)
		q.add(") d")
		return
	}
	q.add("(")
	for i, cond := range conditions {
		if i > 0 {
			q.add(" UNION ")
		}
		q.add("SELECT rid FROM ", table, " WHERE tn = ", tn, " AND sp = ", param(c), " AND ", cond)
		p.below(q)
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
		p.updated(q, c)
		return
	}
	x := "x" + strconv.Itoa(i)
	table, conditions := p.values(q, c, x+".")
	q.add(" AND EXISTS (SELECT 1 FROM ", table, " ", x, " WHERE ", x, ".tn = r.tn AND ", x, ".sp = ", param(c), " AND ", x, ".rid = r.rid AND (")
	for i, cond := range conditions {
		if i > 0 {
			q.add(" OR ")
		}
		q.add(cond)
	}
	if len(conditions) == 0 {
		q.add("1 = 0")
	}
	q.add("))")
}

// updated serves _lastUpdated from the pointer row: an instant of one microsecond.
func (p plan) updated(q *query, c fhir.Clause) {
	q.add(" AND (")
	for i, m := range c.Any {
		if i > 0 {
			q.add(" OR ")
		}
		q.add(dateCondition(q, m, "r.upd_us", "(r.upd_us + 1)"))
	}
	if len(c.Any) == 0 {
		q.add("1 = 0")
	}
	q.add(")")
}

func param(c fhir.Clause) string { return strconv.Itoa(int(c.Param)) }

// values returns the table of a clause and one condition per alternative.
func (p plan) values(q *query, c fhir.Clause, x string) (table string, conditions []string) {
	for _, m := range c.Any {
		switch c.Kind {
		case fhir.Token:
			v8 := p.n.token(c.Param, m.System, m.Code)
			if m.AnySystem {
				v8 = p.n.code(c.Param, m.Code)
			}
			conditions = append(conditions, x+"v8 = "+q.arg(v8))
		case fhir.Ref:
			types := []string{m.System}
			if m.System == "" {
				types = fhir.Types()
			}
			for _, t := range types {
				conditions = append(conditions, x+"rk16 = "+q.arg(p.n.ref(ward.Reference{Type: t, ID: m.Code})))
			}
		case fhir.Date:
			conditions = append(conditions, dateCondition(q, m, x+"lo", x+"hi"))
		}
	}
	switch c.Kind {
	case fhir.Ref:
		return "ix_ref", conditions
	case fhir.Date:
		return "ix_date", conditions
	}
	return "ix_tok", conditions
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
