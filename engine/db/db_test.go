package db_test

import (
	"testing"

	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/engine/db/dbtest"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

func TestConformance(t *testing.T) {
	for _, engine := range []string{dbtest.SQLite, dbtest.PostgreSQL} {
		t.Run(engine, func(t *testing.T) {
			dbtest.Run(t, func(t *testing.T) db.Config { return dbtest.Open(t, engine) })
		})
	}
}
