// Package dbtest gives tests fresh databases on both engines, and holds the conformance suite that both pass.
//
// PostgreSQL is a private cluster, started once per test binary from the programs found in PATH or in
// /usr/lib/postgresql, reached only through a socket in a private folder, with fsync on and an ordinary role, so that
// row-level security bites. A package that uses it calls Main from TestMain, which stops the cluster; if the test binary
// dies, the kernel stops it. Without the programs tests say so loudly, and fail if WARD_REQUIRE_ALL=1.
//
// Read dbtest.go, cluster.go, then suite.go.
package dbtest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/ward-health/ward/engine/db"
)

// The engines.
const (
	SQLite     = "sqlite"
	PostgreSQL = "postgres"
)

// Main runs the tests of a package and stops what they started. Use: func TestMain(m *testing.M) { dbtest.Main(m) }.
func Main(m *testing.M) {
	code := m.Run()
	if err := shared.stop(); err != nil {
		fmt.Fprintln(os.Stderr, "dbtest: PostgreSQL did not stop:", err)
		code = 1
	}
	os.Exit(code)
}

// Each runs a subtest on each engine with a fresh, empty database. open opens it; further calls open it again, as a
// further node would. Handles are closed at the end of the subtest.
func Each(t *testing.T, test func(t *testing.T, open func() *db.DB)) {
	t.Helper()
	for _, engine := range []string{SQLite, PostgreSQL} {
		t.Run(engine, func(t *testing.T) {
			c := Open(t, engine)
			test(t, func() *db.DB { return OpenDB(t, c) })
		})
	}
}

// OpenDB opens a database for the length of a test.
func OpenDB(t testing.TB, c db.Config) *db.DB {
	t.Helper()
	d, err := db.Open(context.Background(), c)
	if err != nil {
		t.Fatalf("open %s: %v", c, err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return d
}

// Open makes a fresh, empty database of an engine ("sqlite" or "postgres") and returns how to open it.
func Open(t testing.TB, engine string) db.Config {
	t.Helper()
	if engine == SQLite {
		return db.Config{Path: filepath.Join(t.TempDir(), "ward.db")}
	}
	return db.Config{DSN: Postgres(t)}
}

// Postgres makes a fresh, empty PostgreSQL database that an ordinary role owns and returns its connection string. The
// programs missing, the test ends, loudly, and fails if WARD_REQUIRE_ALL=1.
func Postgres(t testing.TB) (dsn string) {
	t.Helper()
	dsn, err := shared.database()
	if err == nil {
		return dsn
	}
	if missing(err) && os.Getenv("WARD_REQUIRE_ALL") != "1" {
		fmt.Printf("\nNOT RUN: %s on PostgreSQL: %v\n\n", t.Name(), err)
		t.Skipf("NOT RUN on PostgreSQL: %v", err)
	}
	t.Fatalf("PostgreSQL: %v", err)
	return ""
}
