package db_test

import (
	"context"
	"database/sql"
	"errors"
	"math/rand/v2"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/engine/db/dbtest"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// readOften reads more often than there are readers.
func readOften(t *testing.T, d *db.DB) {
	t.Helper()
	for range 100 {
		if err := d.Read(t.Context(), db.System, func(*db.Tx) error { return nil }); err != nil {
			t.Fatalf("a fresh read: %v", err)
		}
	}
}

// TestBrokenReaders gives readers back in the two states in which a session is of no use to the next one: inside a
// transaction, and beyond repair.
func TestBrokenReaders(t *testing.T) {
	for name, harm := range map[string]func(c *sql.Conn) error{
		"in a transaction": func(c *sql.Conn) error {
			_, err := c.ExecContext(t.Context(), "BEGIN; SELECT 1 FROM counter LIMIT 1")
			return err
		},
		"beyond repair": func(c *sql.Conn) error {
			_, err := sqlite.Limit(c, sqlite3.SQLITE_LIMIT_SQL_LENGTH, 3) // no statement is short enough
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := dbtest.OpenDB(t, dbtest.Open(t, dbtest.SQLite))
			if err := db.Readers(t.Context(), d, harm); err != nil {
				t.Fatal(err)
			}
			readOften(t, d)
		})
	}
}

// TestBeginIsWhole: the end of a request must not come between the beginning of a snapshot and the news of it.
func TestBeginIsWhole(t *testing.T) {
	d := dbtest.OpenDB(t, dbtest.Open(t, dbtest.SQLite))
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := db.BeginRead(ended, d); err != nil {
		t.Error(err)
	}
	if err := d.Read(ended, db.System, func(tx *db.Tx) error { _, err := tx.ID(t.Context()); return err }); !errors.Is(err, context.Canceled) {
		t.Errorf("a read of a request that ended: %v", err)
	}
}

// TestCancelledReads ends requests at every moment of a read. Readers must serve afterwards, and hold no snapshot.
func TestCancelledReads(t *testing.T) {
	c := dbtest.Open(t, dbtest.SQLite)
	d := withRows(t, c)
	if err := addRow(t.Context(), d, "s", 1, 2, 3); err != nil {
		t.Fatal(err)
	}
	end := time.Now().Add(2 * time.Second)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for time.Now().Before(end) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(rand.IntN(60_000)))
				err := d.Read(ctx, db.System, func(tx *db.Tx) error {
					var n int
					_, err := tx.Get(ctx, "SELECT COUNT(*) FROM row", nil, &n)
					return err
				})
				cancel()
				if err != nil && !errors.Is(err, context.DeadlineExceeded) && ward.KindOf(err) != ward.Unavailable {
					t.Errorf("a read whose request ended: %v", err)
					return
				}
			}
		})
	}
	all.Wait()
	readOften(t, d)
	if err := addRow(t.Context(), d, "s", 4); err != nil {
		t.Fatal(err)
	}
	if err := d.Scrub(t.Context(), "row"); err != nil {
		t.Error("a reader still holds a snapshot:", err)
	}
	if info, err := os.Stat(c.Path + "-wal"); err != nil || info.Size() != 0 {
		t.Errorf("log: %v, %v", info, err)
	}
}

// ending is a scan destination that ends the request and then refuses the value.
type ending func()

func (e ending) Scan(any) error {
	e()
	return errors.New("closed")
}

// TestEndedIsNoDamage: rows that end with the request are not called wrong.
func TestEndedIsNoDamage(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, open func() *db.DB) {
		d := open()
		for name, fn := range map[string]func(ctx context.Context, cancel func(), tx *db.Tx) error{
			"scan": func(ctx context.Context, cancel func(), tx *db.Tx) error {
				_, err := tx.Get(ctx, "SELECT 1", nil, ending(cancel))
				return err
			},
			"rows": func(ctx context.Context, cancel func(), tx *db.Tx) error {
				cancel()
				return ctx.Err()
			},
		} {
			ctx, cancel := context.WithCancel(t.Context())
			err := d.Read(ctx, db.System, func(tx *db.Tx) error { return fn(ctx, cancel, tx) })
			if !errors.Is(err, context.Canceled) || ward.KindOf(err) != ward.Unavailable {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

// TestCheckHasNoReadLimit: the check of a large database takes longer than any read.
func TestCheckHasNoReadLimit(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, open func() *db.DB) {
		d := open()
		db.SetReadLimit(d, time.Nanosecond)
		if err := d.Read(t.Context(), db.System, func(tx *db.Tx) error { _, err := tx.ID(t.Context()); return err }); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a read is not limited: %v", err)
		}
		if err := d.Check(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
