package db_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/engine/db/dbtest"
)

// TestPlans holds that a page of rows comes out of an index in its order, without statistics and behind row-level
// security, instead of a whole range being read and sorted.
func TestPlans(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, open func() *db.DB) {
		ctx := t.Context()
		d := open()
		err := d.Migrate(ctx, db.Migrations{Owner: "plans", Files: fstest.MapFS{"0001_plan.sql": {Data: []byte(`
			CREATE TABLE plan (tn {{int}} NOT NULL, id {{int}} NOT NULL, s {{text}} NOT NULL, b {{blob}} NOT NULL, PRIMARY KEY (tn, id)) {{strict}};
			CREATE INDEX plan_s ON plan (tn, s, id); CREATE INDEX plan_b ON plan (tn, b, id); {{rls plan}}`)}}})
		if err != nil {
			t.Fatal(err)
		}
		var rows [][]any
		for i := range 6000 {
			rows = append(rows, []any{i%3 + 1, i, strings.Repeat("s", i%7), []byte{byte(i), byte(i >> 8)}})
		}
		if err := d.Write(ctx, db.System, func(tx *db.Tx) error { return tx.Insert(ctx, "plan", []string{"tn", "id", "s", "b"}, rows) }); err != nil {
			t.Fatal(err)
		}
		explain := "EXPLAIN (COSTS OFF) "
		if d.Engine() == dbtest.SQLite {
			explain = "EXPLAIN QUERY PLAN "
		}
		for _, query := range []string{
			"SELECT id FROM plan WHERE tn = 1 AND id > 100 ORDER BY id LIMIT 10",
			"SELECT b FROM plan WHERE tn = 1 AND s > 'ss' ORDER BY s, id LIMIT 10",
			"SELECT s FROM plan WHERE tn = 1 AND s = 'ss' AND id > 4 ORDER BY id LIMIT 10",
			"SELECT s FROM plan WHERE tn = 1 AND (b, id) > (CAST('a' AS " + map[string]string{dbtest.SQLite: "BLOB", dbtest.PostgreSQL: "BYTEA"}[d.Engine()] + "), 4) ORDER BY b, id LIMIT 10",
		} {
			plan := ""
			err := d.Read(ctx, 1, func(tx *db.Tx) error {
				rows, err := tx.Query(ctx, explain+query)
				if err != nil {
					return err
				}
				defer rows.Close()
				columns, err := rows.Columns()
				if err != nil {
					return err
				}
				line := make([]any, len(columns))
				for i := range line {
					line[i] = new(any)
				}
				var text string
				line[len(line)-1] = &text
				for rows.Next() {
					if err := rows.Scan(line...); err != nil {
						return err
					}
					plan += text + "\n"
				}
				return rows.Err()
			})
			if err != nil {
				t.Fatal(err)
			}
			for _, bad := range []string{"Sort", "Seq Scan", "Bitmap", "TEMP B-TREE", "SCAN plan"} {
				if plan == "" || strings.Contains(plan, bad) {
					t.Errorf("%s\n%s", query, plan)
					break
				}
			}
		}
	})
}
