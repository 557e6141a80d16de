package db_test

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/engine/db/dbtest"
)

// grouped runs the functions in one group: it holds the writer until all of them wait.
func grouped(t *testing.T, d *db.DB, fns ...func(tx *db.Tx) error) []error {
	t.Helper()
	held, release := make(chan struct{}), make(chan struct{})
	var wait sync.WaitGroup
	var once sync.Once // it may be run again, with the others
	wait.Go(func() {
		if err := d.Write(t.Context(), 1, func(*db.Tx) error { once.Do(func() { close(held) }); <-release; return nil }); err != nil {
			t.Error(err)
		}
	})
	<-held
	errs := make([]error, len(fns))
	for i, fn := range fns {
		wait.Go(func() {
			defer func() {
				if p := recover(); p != nil {
					errs[i] = fmt.Errorf("panic: %v", p)
				}
			}()
			errs[i] = d.Write(t.Context(), 1, fn)
		})
		waitFor(t, func() bool { return d.Waiting() == i+1 })
	}
	close(release)
	wait.Wait()
	return errs
}

// waitFor waits for a condition that another goroutine brings about.
func waitFor(t *testing.T, done func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for end := time.After(10 * time.Second); !done(); {
		select {
		case <-end:
			t.Fatal("it did not come about")
		case <-tick.C:
		}
	}
}

var members = db.Migrations{Owner: "member", Files: fstest.MapFS{"0001_member.sql": {Data: []byte("CREATE TABLE member (n {{int}} NOT NULL PRIMARY KEY) {{strict}};")}}}

// TestGroupOfMany: whatever becomes of one in a group, its own work is undone, that of the others is kept, and each that is kept
// has its effect once.
func TestGroupOfMany(t *testing.T) {
	refused := errors.New("refused")
	for name, last := range map[string]func(tx *db.Tx, insert func(*db.Tx, int) error) error{
		"all well":                func(tx *db.Tx, insert func(*db.Tx, int) error) error { return insert(tx, 99) },
		"refused before it wrote": func(*db.Tx, func(*db.Tx, int) error) error { return refused },
		"refused after it wrote":  func(tx *db.Tx, insert func(*db.Tx, int) error) error { return errors.Join(insert(tx, 98), refused) },
		"a duplicate": func(tx *db.Tx, insert func(*db.Tx, int) error) error {
			return errors.Join(insert(tx, 98), insert(tx, 0))
		},
		"a duplicate that it hides": func(tx *db.Tx, insert func(*db.Tx, int) error) error { _ = insert(tx, 0); return nil },
		"a panic":                   func(tx *db.Tx, insert func(*db.Tx, int) error) error { _ = insert(tx, 98); panic("broken") },
		"rows that half fit": func(tx *db.Tx, _ func(*db.Tx, int) error) error {
			return tx.Insert(t.Context(), "member", []string{"n"}, [][]any{{97}, {98}, {0}, {96}})
		},
	} {
		t.Run(name, func(t *testing.T) {
			dbtest.Each(t, func(t *testing.T, open func() *db.DB) {
				d := open()
				if err := d.Migrate(t.Context(), members); err != nil {
					t.Fatal(err)
				}
				insert := func(tx *db.Tx, n int) error { return tx.Insert(t.Context(), "member", []string{"n"}, [][]any{{n}}) }
				var committed, runs atomic.Int64
				good := func(n int) func(tx *db.Tx) error {
					return func(tx *db.Tx) error {
						tx.AfterCommit(func() { committed.Add(1) })
						return insert(tx, n)
					}
				}
				odd := func(tx *db.Tx) error { runs.Add(1); return last(tx, insert) }
				errs := grouped(t, d, good(0), good(1), odd, good(2), good(3))
				for i, err := range errs {
					if i != 2 && err != nil {
						t.Errorf("member %d: %v", i, err)
					}
				}
				want := "0 1 2 3"
				if name == "all well" {
					want += " 99"
				}
				if (errs[2] == nil) != (name == "all well") {
					t.Errorf("the odd one: %v", errs[2])
				}
				if got := numbers(t, d); got != want || committed.Load() != 4 {
					t.Errorf("kept %q, want %q, %d committed", got, want, committed.Load())
				}
				if name == "refused before it wrote" && runs.Load() != 1 {
					t.Errorf("it ran %d times", runs.Load())
				}
			})
		})
	}
}

// numbers lists what the table member holds.
func numbers(t *testing.T, d *db.DB) (out string) {
	t.Helper()
	err := d.Read(t.Context(), 1, func(tx *db.Tx) error {
		rows, err := tx.Query(t.Context(), "SELECT n FROM member ORDER BY n")
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var n int
			if err := rows.Scan(&n); err != nil {
				return err
			}
			if out != "" {
				out += " "
			}
			out += fmt.Sprint(n)
		}
		return rows.Err()
	})
	if err != nil {
		t.Error(err)
	}
	return out
}

// TestGroupFailureIsAnsweredWithTheCommit: a failure that rests on what another of the same group wrote is heard of only when that can be read.
func TestGroupFailureIsAnsweredWithTheCommit(t *testing.T) {
	taken := errors.New("taken")
	for name, second := range map[string]func(tx *db.Tx) error{
		"a duplicate": func(tx *db.Tx) error {
			return tx.Insert(t.Context(), "member", []string{"n"}, [][]any{{5}})
		},
		"refused after a look": func(tx *db.Tx) error {
			var n int
			if found, err := tx.Get(t.Context(), "SELECT n FROM member WHERE n = 5", nil, &n); err != nil || !found {
				return err
			}
			return taken
		},
	} {
		t.Run(name, func(t *testing.T) {
			dbtest.Each(t, func(t *testing.T, open func() *db.DB) {
				d := open()
				if err := d.Migrate(t.Context(), members); err != nil {
					t.Fatal(err)
				}
				held, release := make(chan struct{}), make(chan struct{})
				var wait sync.WaitGroup
				var once sync.Once // a closure may be run again
				wait.Go(func() {
					if err := d.Write(t.Context(), 1, func(*db.Tx) error { once.Do(func() { close(held) }); <-release; return nil }); err != nil {
						t.Error(err)
					}
				})
				<-held
				wait.Go(func() {
					if err := d.Write(t.Context(), 1, func(tx *db.Tx) error { return tx.Insert(t.Context(), "member", []string{"n"}, [][]any{{5}}) }); err != nil {
						t.Error(err)
					}
				})
				waitFor(t, func() bool { return d.Waiting() == 1 })
				wait.Go(func() {
					if err := d.Write(t.Context(), 1, second); !db.IsUnique(err) && !errors.Is(err, taken) {
						t.Errorf("%v", err)
					}
					if got := numbers(t, d); got != "5" {
						t.Errorf("heard of the failure, but %q is to be read", got)
					}
				})
				waitFor(t, func() bool { return d.Waiting() == 2 })
				// Work behind the failure keeps the transaction open while others get their turn.
				wait.Go(func() {
					err := d.Write(t.Context(), 1, func(*db.Tx) error {
						for range 10_000 {
							runtime.Gosched()
						}
						return nil
					})
					if err != nil {
						t.Error(err)
					}
				})
				waitFor(t, func() bool { return d.Waiting() == 3 })
				close(release)
				wait.Wait()
			})
		})
	}
}
