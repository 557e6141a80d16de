package db_test

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/engine/db/dbtest"
)

func statement(t *testing.T, d *db.DB, query string) {
	t.Helper()
	err := d.Write(t.Context(), db.System, func(tx *db.Tx) error { _, err := tx.Exec(t.Context(), query); return err })
	if err != nil {
		t.Fatal(err)
	}
}

// TestScrub overwrites one row and deletes another; after Scrub no live file holds their bytes.
func TestScrub(t *testing.T) {
	c := dbtest.Open(t, dbtest.SQLite)
	d := withRows(t, c)
	holds := func() bool {
		for _, name := range []string{c.Path, c.Path + "-wal"} {
			b, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			if bytes.Contains(b, []byte("NEEDLE")) {
				return true
			}
		}
		return false
	}
	for id, size := range []int{100, 100, 20_000} { // the last one has pages of its own, which become free
		if err := addRow(t.Context(), d, strings.Repeat("NEEDLE", size/6), id); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Checkpoint(d); err != nil {
		t.Fatal(err)
	}
	statement(t, d, "UPDATE row SET s = 'short' WHERE id = 0")
	statement(t, d, "DELETE FROM row WHERE id > 0")
	if !holds() {
		t.Fatal("the bytes are gone before Scrub: this test shows nothing")
	}
	err := d.Read(t.Context(), db.System, func(*db.Tx) error {
		statement(t, d, "INSERT INTO row (id, s) VALUES (9, 'later')") // the snapshot is older than this
		return d.Scrub(t.Context(), "row")
	})
	if err == nil || ward.KindOf(err) != ward.Unavailable {
		t.Errorf("with a reader: %v", err)
	}
	if err := d.Scrub(t.Context(), "row"); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(c.Path + "-wal"); err != nil || info.Size() != 0 {
		t.Errorf("log: %v, %v", info, err)
	}
	if holds() {
		t.Error("the bytes are still there")
	}
	if got := rowIDs(t, d); got != "[0 9]" {
		t.Errorf("kept %s", got)
	}
}

// TestScrubPostgres deletes rows and wants their pages back, which only a vacuum gives.
func TestScrubPostgres(t *testing.T) {
	d := withRows(t, dbtest.Open(t, dbtest.PostgreSQL))
	size := func() (n int64) {
		err := d.Read(t.Context(), db.System, func(tx *db.Tx) error {
			_, err := tx.Get(t.Context(), "SELECT pg_relation_size('row')", nil, &n)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	for i := range 50 {
		if err := addRow(t.Context(), d, strings.Repeat("x", 1000), i); err != nil {
			t.Fatal(err)
		}
	}
	statement(t, d, "DELETE FROM row")
	if size() == 0 {
		t.Fatal("the rows are gone before Scrub: this test shows nothing")
	}
	if err := d.Scrub(t.Context(), "row"); err != nil {
		t.Fatal(err)
	}
	if n := size(); n != 0 {
		t.Errorf("%d bytes of deleted rows are left", n)
	}
	if err := d.Scrub(t.Context(), "no_such_table"); err == nil {
		t.Error("a table that is not there was vacuumed")
	}
	if err := addRow(t.Context(), d, "after", 1); err != nil {
		t.Error(err)
	}
}
