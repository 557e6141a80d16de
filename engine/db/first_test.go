package db_test

import (
	"context"
	"path/filepath"
	"sync"
	"testing"

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
