package store_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/clinical/fhir"
	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/store"
	"github.com/ward-health/ward/store/storetest"
)

// A hospital of rows for plans: patients with as many resources each, one in four another type than Observation.
const (
	planPatients = 80
	planEach     = 100
)

// planRows writes the rows from the patient from up to the patient to. Nothing in them opens: plans need no bodies.
func planRows(t *testing.T, n *storetest.Running, from, to int) {
	t.Helper()
	tn := n.Tenant.Number
	name, err := n.Store.Name(ctx, db.Tenant(n.Tenant.Number))
	must(t, err)
	var res, ver, tok, ref, date [][]any
	some := make([]byte, 16)
	add := func(table *[][]any, rows [][]any, rid int64, at int) {
		for _, r := range rows {
			row := append([]any{tn}, r[:at]...)
			*table = append(*table, append(append(row, rid), r[at:]...))
		}
	}
	for i := from * planEach; i < to*planEach; i++ {
		who, rid := fmt.Sprintf("p%d", i/planEach), int64(1000+i)
		body := observation(fmt.Sprintf("o%d", i), who, fmt.Sprintf("c%d", i%10), fmt.Sprintf("2026-%02d-%02d", i%12+1, i%28+1), 1, []string{"N", "N", "N", "HIV"}[i%4])
		rt := "Observation"
		if i%4 == 1 {
			rt = "Procedure"
			body = fmt.Sprintf(`{"resourceType":"Procedure","id":"o%d","status":"completed","subject":{"reference":"Patient/%s"}}`, i, who)
		}
		facts, err := fhir.Scan([]byte(body))
		must(t, err)
		tokens, references, dates, err := name.Keys(facts)
		must(t, err)
		add(&tok, tokens, rid, 2)
		add(&ref, references, rid, 2)
		add(&date, dates, rid, 1)
		rk := fmt.Appendf(nil, "%016d", i)
		res = append(res, []any{tn, rid, rt, fmt.Sprintf("o%d", i), rk, 1, rid, 1, 0, name.Patient(who), 2, some, some, some})
		ver = append(ver, []any{tn, rid, 1, rid, 1, 1, 1, name.Patient(who), 2, some, some, make([]byte, 600), nil, some, some})
	}
	must(t, n.DB.Write(ctx, db.System, func(tx *db.Tx) error {
		for _, x := range []struct {
			table, columns string
			rows           [][]any
		}{{"res", "tn rid rt id rk16 ver seq upd_us flags pat conf bh rev mac", res}, {"ver", "tn seq txid rid ver op upd_us pat conf kid entry body blob digest mac", ver},
			{"ix_tok", "tn sp v8 rid", tok}, {"ix_ref", "tn sp rk16 rid", ref}, {"ix_date", "tn sp rid lo hi", date}} {
			if err := tx.Insert(ctx, x.table, strings.Fields(x.columns), x.rows); err != nil {
				return err
			}
		}
		return nil
	}))
}

// planQueries are searches, each with how many rows its driver has for a clinician; negative: the type drives.
var planQueries = map[string]int{
	"": -6000, "_lastUpdated=gt2020": -6000, "date=ge2026": -6000, "_security=HIV": -6000,
	"patient=p7": 75, "patient=p7,p8": 150, "patient=p7&code=c4&date=ge2026": 75, "patient=p7&code=c4,c6": 75, "patient=p7&_security=HIV": 75,
	"patient=p7&subject=p7": 75, "code=c4": 800, "code=c4&date=ge2026-06": 800, "date=2026-03-03": 96, "_id=o1,o2": 2,
	"patient=p7&code=c4,c6&date=ge2026 or none": 75, "date=2026-03-03 or none": -6000,
}

// planned is a search of planQueries: " or none" after a date means that what has none is wanted as well.
func planned(t *testing.T, text string) fhir.Search {
	text, missing := strings.CutSuffix(text, " or none")
	q := search(t, "Observation", text)
	for i := range q.Clauses {
		q.Clauses[i].OrMissing = missing && q.Clauses[i].Kind == fhir.Date
	}
	return q
}

// TestPlansOnPostgreSQL holds that a search touches pages in proportion to the rows of its driver, whatever the server
// knows or believes about the tables: nothing, what was true when they were nearly empty, or the truth.
func TestPlansOnPostgreSQL(t *testing.T) {
	start := func() *storetest.Running {
		n := storetest.Node(t, storetest.PostgreSQL)
		for _, table := range []string{"res", "ver", "ix_tok", "ix_ref", "ix_date", "erased"} {
			alter(t, n, "ALTER TABLE "+table+" SET (autovacuum_enabled = false)")
		}
		return n
	}
	n := start()
	planRows(t, n, 0, planPatients)
	plansAreBounded(t, n, "never analysed", true)
	alter(t, n, "ANALYZE")
	plansAreBounded(t, n, "analysed", false)
	n = start()
	planRows(t, n, 0, 1)
	alter(t, n, "ANALYZE")
	planRows(t, n, 1, planPatients)
	plansAreBounded(t, n, "analysed when small", true)
}

// plansAreBounded runs every query. Knowing the truth the server may choose to read a whole table instead; blind it must not.
func plansAreBounded(t *testing.T, n *storetest.Running, state string, blind bool) {
	t.Helper()
	const perRow, fixed = 16, 50 // pages: some four to step down an index, for the row, its version and each probe
	for _, role := range []ward.Role{ward.Clinician, ward.PatientRole} {
		for query, driver := range planQueries {
			byType := driver < 0 && role == ward.Clinician
			rows := max(driver, -driver)
			if role == ward.PatientRole {
				rows = max(rows, planEach) // of the patient: the filter drives where nothing narrower does
			}
			for _, which := range []store.Query{store.Candidates, store.Count, store.RIDs} {
				lines, sql, err := n.Store.Plan(ctx, n.Permit(role, access.Search, "Observation"), planned(t, query), 1<<60, which)
				must(t, err)
				plan, err := store.ParsePlan(lines)
				must(t, err)
				bad := ""
				if pages := plan.Hit + plan.Read; pages > int64(fixed+perRow*rows) {
					bad = fmt.Sprintf("%d pages for %d rows of the driver", pages, rows)
				}
				plan.Walk(func(s store.Node) {
					if blind && !byType && (s.Index == "res_rt" || s.Kind == "Seq Scan" && s.Table == "res") {
						bad = "reads res by type"
					}
				})
				if bad == "" {
					continue
				}
				t.Errorf("%s, %s, %q, text %d: %s\n%s", state, role, query, which, bad, sql)
				plan.Walk(func(s store.Node) {
					t.Log(s.Kind, s.Table, s.Alias, s.Index, s.Cond, "rows", s.Rows, "loops", s.Loops, "removed", s.Removed+s.Joined, "pages", s.Hit+s.Read)
				})
			}
		}
	}
}

// TestPlansOnSQLite holds that the driver is what the plan says and everything else is probed by its key.
func TestPlansOnSQLite(t *testing.T) {
	n := storetest.Node(t, storetest.SQLite)
	const byType, byPatient = "r USING INDEX res_rt (tn=? AND rt=? AND rid<?)", "r USING INDEX res_pat (tn=? AND pat=? AND rid<?)"
	const byRef, byToken = "ix_ref USING PRIMARY KEY (tn=? AND sp=? AND rk16=? AND rid<?)", "ix_tok USING PRIMARY KEY (tn=? AND sp=? AND v8=? AND rid<?)"
	const byDate, byID = "ix_date USING INDEX ix_date_from (tn=? AND <expr>=? AND lo>? AND lo<?)", "r USING INDEX res_rk16 (tn=? AND rk16=?)"
	for query, drivers := range map[string][2]string{ // of a clinician, of a patient
		"": {byType, byPatient}, "_security=HIV": {byType, byPatient}, "_lastUpdated=gt2020": {byType, byPatient}, "date=ge2026": {byType, byPatient},
		"patient=p7&code=c4,c6&date=ge2026": {byRef, byRef}, "patient=p7&_security=HIV": {byRef, byRef}, "code=c4&date=ge2026-06": {byToken, byPatient},
		"date=2026-03-03": {byDate, byPatient}, "_id=o1,o2": {byID, byID}, "_id=o1&code=c4": {byID, byID},
		"patient=p7&code=c4,c6&date=ge2026 or none": {byRef, byRef}, "date=2026-03-03 or none": {byType, byPatient},
	} {
		for i, role := range []ward.Role{ward.Clinician, ward.PatientRole} {
			for _, which := range []store.Query{store.Candidates, store.Count, store.RIDs} {
				lines, sql, err := n.Store.Plan(ctx, n.Permit(role, access.Search, "Observation"), planned(t, query), 1<<60, which)
				must(t, err)
				driver, bad := "", ""
				for _, line := range lines {
					table, _ := strings.CutPrefix(line, "SEARCH ")
					switch alias, _, _ := strings.Cut(table, " "); {
					case strings.HasPrefix(line, "SCAN ix_"), strings.HasPrefix(line, "SCAN r"), strings.HasPrefix(line, "SCAN v"):
						bad = line
					case table != line && driver == "":
						driver = strings.Replace(table, "COVERING ", "", 1)
					case strings.HasPrefix(table, "r USING INDEX res_rt"), strings.HasPrefix(alias, "x") && !strings.Contains(table, "rid=?"):
						bad = line
					}
				}
				if driver != drivers[i] || bad != "" {
					t.Errorf("%s, %q, text %d: driven by %s, want %s; %s\n%s\n%s", role, query, which, driver, drivers[i], bad, strings.Join(lines, "; "), sql)
				}
			}
		}
	}
}

// TestManyValues holds that a clause may have as many values as are allowed, as the driver and as a probe.
func TestManyValues(t *testing.T) {
	storetest.Each(t, func(t *testing.T, n *storetest.Running) {
		small(n)
		codes := make([]string, 390)
		for i := range codes {
			codes[i] = fmt.Sprintf("c%d", i)
		}
		for query, want := range map[string]string{
			"code=" + strings.Join(codes, ",") + ",718-7":           "o3",
			"patient=p&code=" + strings.Join(codes, ",") + ",718-7": "o3",
		} {
			if got := strings.Join(find(t, n, ward.Clinician, "Observation", query), " "); got != want {
				t.Errorf("%.20s: got %q, want %q", query, got, want)
			}
		}
	})
}
