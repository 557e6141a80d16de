package db_test

import (
	"context"
	"path/filepath"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/ward-health/ward/engine/db"
)

// What came with First does not wait for everything before it, and lets the rest go by turns.
func TestFirst(t *testing.T) {
	d, err := db.Open(t.Context(), db.Config{Path: filepath.Join(t.TempDir(), "ward.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	var mu sync.Mutex
	var order []string
	note := func(s string) func(*db.Tx) error {
		return func(*db.Tx) error {
			mu.Lock()
			defer mu.Unlock()
			order = append(order, s)
			return nil
		}
	}
	hold, held := make(chan struct{}), make(chan struct{})
	var all sync.WaitGroup
	write := func(ctx context.Context, fn func(*db.Tx) error) {
		all.Go(func() {
			if err := d.Write(ctx, db.System, fn); err != nil {
				t.Error(err)
			}
		})
	}
	write(t.Context(), func(*db.Tx) error { close(held); <-hold; return nil })
	<-held
	for i := range 6 {
		write(t.Context(), note("rest"))
		for d.Waiting() != i+1 {
		}
	}
	for i := range 3 {
		write(db.First(t.Context()), note("first"))
		for d.Waiting() != 7+i {
		}
	}
	close(hold)
	all.Wait()
	want := []string{"first", "rest", "first", "rest", "first", "rest", "rest", "rest", "rest"}
	for i := range want {
		if order[i] != want[i] {
			t.Fatalf("%v", order)
		}
	}
}

// What came with First is committed with what the writer is at, and nothing more is taken in before.
func TestFirstJoins(t *testing.T) {
	d, err := db.Open(t.Context(), db.Config{Path: filepath.Join(t.TempDir(), "ward.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Error(err)
		}
	}
	must(d.Migrate(t.Context(), db.Migrations{Owner: "first", Files: fstest.MapFS{"0001_n.sql": {Data: []byte("CREATE TABLE n (i {{int}} NOT NULL) {{strict}}")}}}))
	insert := func(tx *db.Tx) error { return tx.Insert(t.Context(), "n", []string{"i"}, [][]any{{1}}) }
	count := func() (n int) {
		must(d.Read(t.Context(), db.System, func(tx *db.Tx) error {
			_, err := tx.Get(t.Context(), "SELECT COUNT(*) FROM n", nil, &n)
			return err
		}))
		return n
	}
	hold, held := make(chan struct{}), make(chan struct{})
	var all sync.WaitGroup
	all.Go(func() {
		must(d.Write(t.Context(), db.System, func(tx *db.Tx) error { close(held); <-hold; return insert(tx) }))
		if n := count(); n < 2 {
			t.Errorf("%d rows were there when the writer before was answered: the two are not one commit", n)
		}
	})
	<-held
	third, seen := make(chan struct{}), 0
	all.Go(func() {
		for d.Waiting() != 1 {
		}
		all.Go(func() {
			must(d.Write(t.Context(), db.System, func(tx *db.Tx) error { <-third; return insert(tx) }))
		})
		for d.Waiting() != 2 {
		}
		close(hold)
	})
	must(d.Write(db.First(t.Context()), db.System, insert))
	seen = count()
	close(third)
	all.Wait()
	if seen != 2 || count() != 3 {
		t.Errorf("%d rows were there when the one that came first was answered, %d in the end", seen, count())
	}
}
