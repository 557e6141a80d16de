package db_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/engine/db/dbtest"
	"github.com/ward-health/ward/engine/telemetry"
)

// TestCauseInTheLog holds that the operator's log says why a database cannot be used, by a code of the engine's and without
// a text of the statement.
func TestCauseInTheLog(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, open func() *db.DB) {
		ctx := t.Context()
		d := open()
		attribute, want, statements := "sqlite", "SQLITE_FULL", []string{"CREATE TABLE full_zz (b BLOB) STRICT", "PRAGMA max_page_count = 30", "INSERT INTO full_zz VALUES (zeroblob(4000000))"}
		if d.Engine() == dbtest.PostgreSQL {
			attribute, want, statements = "sqlstate", "57014", []string{"SET LOCAL statement_timeout = 20", "SELECT pg_sleep(20) AS full_zz"}
		}
		err := d.Write(ctx, db.System, func(tx *db.Tx) error {
			for _, s := range statements {
				if _, err := tx.Exec(ctx, s); err != nil {
					return err
				}
			}
			return nil
		})
		if ward.KindOf(err) != ward.Unavailable {
			t.Fatalf("got %v, want that the database cannot be used now", err)
		}
		var out bytes.Buffer
		telemetry.NewLogger(&out, slog.LevelInfo).Error("operation failed", "error", err)
		var line struct{ Error map[string]string }
		if err := json.Unmarshal(out.Bytes(), &line); err != nil {
			t.Fatal(err)
		}
		if line.Error[attribute] != want || strings.Contains(out.String(), "full_zz") {
			t.Errorf("the log says %s, want %s %s", &out, attribute, want)
		}
	})
}
