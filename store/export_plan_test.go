package store

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/clinical/fhir"
	"github.com/ward-health/ward/engine/db"
)

// Name makes the keys by which a test writes index rows of its own.
type Name struct{ n names }

// Name returns the maker of keys of a tenant.
func (s *Store) Name(ctx context.Context, tn db.Tenant) (Name, error) {
	n, err := s.names(ctx, tn)
	return Name{n}, err
}

// Patient is the column pat of a patient's rows.
func (n Name) Patient(id string) []byte { return n.n.patient(id) }

// Keys are the index rows of a body: table, parameter, and the columns of the value in their order.
func (n Name) Keys(f fhir.Facts) (tok, ref, date [][]any, err error) {
	ks, err := n.n.keys(f)
	for _, k := range ks {
		switch k.table() {
		case tokTable:
			tok = append(tok, []any{k.sp(), k.v8()})
		case refTable:
			ref = append(ref, []any{k.sp(), k.rk()})
		case dateTable:
			date = append(date, []any{k.sp(), k.lo(), k.hi()})
		}
	}
	return tok, ref, date, err
}

// Query names one of the three texts that a plan has.
type Query int

// The texts.
const (
	Candidates Query = iota
	Count
	RIDs
)

// Plan returns the text that a search is on this engine, as EXPLAIN shows its plan: lines of SQLite, JSON of PostgreSQL after
// running it.
func (s *Store) Plan(ctx context.Context, p access.Permit, q fhir.Search, last int64, which Query) (lines []string, sql string, err error) {
	n, err := s.namesFor(ctx, p, sought(q)...)
	if err != nil {
		return nil, "", err
	}
	pl, err := n.plan(n.widenSearch(q), p.Filter(), last)
	if err != nil {
		return nil, "", err
	}
	text := map[Query]func() *query{Candidates: func() *query { return pl.candidates(11) }, Count: pl.count, RIDs: func() *query { return pl.rids(several) }}[which]()
	explain := "EXPLAIN QUERY PLAN "
	if s.db.Engine() != "sqlite" {
		explain = "EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) "
	}
	err = s.db.Read(ctx, n.tn, func(tx *db.Tx) error {
		rows, err := tx.Query(ctx, explain+text.String(), text.args...)
		return each(rows, err, func(scan scanner) error {
			var id, parent, unused int64
			var line string
			dest := []any{&line}
			if s.db.Engine() == "sqlite" {
				dest = []any{&id, &parent, &unused, &line}
			}
			err := scan.Scan(dest...)
			lines = append(lines, line)
			return err
		})
	})
	return lines, text.String(), err
}

// Node is a step of PostgreSQL's plan, after it has run.
type Node struct {
	Kind    string  `json:"Node Type"`
	Table   string  `json:"Relation Name"`
	Alias   string  `json:"Alias"`
	Index   string  `json:"Index Name"`
	Cond    string  `json:"Index Cond"`
	Rows    float64 `json:"Actual Rows"`
	Loops   float64 `json:"Actual Loops"`
	Removed float64 `json:"Rows Removed by Filter"`
	Joined  float64 `json:"Rows Removed by Join Filter"`
	Hit     int64   `json:"Shared Hit Blocks"`
	Read    int64   `json:"Shared Read Blocks"`
	Plans   []Node  `json:"Plans"`
}

// ParsePlan reads what Plan returns on PostgreSQL.
func ParsePlan(lines []string) (Node, error) {
	var out []struct{ Plan Node }
	err := json.Unmarshal([]byte(strings.Join(lines, "\n")), &out)
	if err != nil || len(out) != 1 {
		return Node{}, err
	}
	return out[0].Plan, nil
}

// Walk visits a step and all below it.
func (n Node) Walk(visit func(Node)) {
	visit(n)
	for _, p := range n.Plans {
		p.Walk(visit)
	}
}
