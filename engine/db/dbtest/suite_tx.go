package dbtest

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/engine/db"
)

func testSnapshot(t *testing.T, f *fixture) {
	ctx := t.Context()
	f.must(t, put(ctx, f.db, 1))
	f.must(t, f.db.Read(ctx, 1, func(tx *db.Tx) error {
		// Written after the snapshot began, although nothing was read yet.
		written := make(chan error)
		go func() { written <- put(ctx, f.db, 2) }()
		if err := <-written; err != nil {
			return err
		}
		for i := range 2 {
			got, err := columnIn[int64](ctx, tx, "SELECT id FROM item ORDER BY id")
			if err != nil {
				return err
			}
			same(t, "snapshot", got, 1)
			go func() { written <- put(ctx, f.db, 3+i) }()
			if err := <-written; err != nil {
				return err
			}
		}
		return nil
	}))
	same(t, "after it", ids(t, f.db, 1), 1, 2, 3, 4)
}

func testReadOnly(t *testing.T, f *fixture) {
	ctx := t.Context()
	err := f.db.Read(ctx, 1, func(tx *db.Tx) error { return putIn(ctx, tx, 1) })
	wantKind(t, "write in a read", err, ward.Unavailable)
	err = f.db.Read(ctx, 1, func(tx *db.Tx) error { return errMine })
	if !errors.Is(err, errMine) {
		t.Errorf("got %v, want the closure's error", err)
	}
	same(t, "items", ids(t, f.db, 1))
	ended, cancel := context.WithCancel(ctx)
	cancel()
	err = f.db.Read(ended, 1, func(tx *db.Tx) error { return nil })
	wantKind(t, "ended context", err, ward.Unavailable)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled in it", err)
	}
}

func testOpenRows(t *testing.T, f *fixture) {
	ctx := t.Context()
	f.must(t, put(ctx, f.db, 1, 2))
	err := f.db.Write(ctx, 1, func(tx *db.Tx) error {
		rows, err := tx.Query(ctx, "SELECT id FROM item ORDER BY id")
		if err != nil {
			return err
		}
		rows.Next()
		return putIn(ctx, tx, 3)
	})
	wantKind(t, "statement while rows are open", err, ward.Internal)
	var kept *db.Tx
	f.must(t, f.db.Write(ctx, 1, func(tx *db.Tx) error {
		kept = tx
		rows, err := tx.Query(ctx, "SELECT id FROM item ORDER BY id")
		if err == nil {
			rows.Next() // left open: the transaction closes it
		}
		return err
	}))
	wantKind(t, "use after the end", putIn(ctx, kept, 4), ward.Internal)
	f.must(t, put(ctx, f.db, 5))
	same(t, "items", ids(t, f.db, 1), 1, 2, 5)
}

func testFailedStatement(t *testing.T, f *fixture) {
	ctx := t.Context()
	f.must(t, put(ctx, f.db, 1))
	err := f.db.Write(ctx, 1, func(tx *db.Tx) error {
		first := putIn(ctx, tx, 2)
		second := putIn(ctx, tx, 1)
		third := putIn(ctx, tx, 3)
		if first != nil || !db.IsUnique(second) || !errors.Is(third, second) {
			t.Errorf("got %v, %v, %v; want none, a duplicate, the same", first, second, third)
		}
		return nil // ignoring the error must not commit
	})
	if !db.IsUnique(err) {
		t.Errorf("got %v, want the duplicate", err)
	}
	err = f.db.Write(ctx, 1, func(tx *db.Tx) error {
		if err := putIn(ctx, tx, 4); err != nil {
			return err
		}
		// The first row is sound; the second one is too large for PostgreSQL's integers.
		rows, err := tx.Query(ctx, "SELECT id FROM item WHERE id = 1 UNION ALL SELECT 9223372036854775807 + id FROM item WHERE id = 4")
		if err != nil {
			t.Errorf("the error came too early for this test: %v", err)
			return err
		}
		defer rows.Close()
		for rows.Next() {
		}
		return nil // ignoring rows.Err must not be told as done
	})
	want := []int64{1, 4}
	if f.db.Engine() == PostgreSQL {
		want = want[:1]
		if err == nil {
			t.Error("Write returned nil for a transaction that the server had given up")
		}
	}
	same(t, "items", ids(t, f.db, 1), want...)
}

// block holds the writer of a tenant until the returned function is called, so that other calls of Write queue up.
func block(t *testing.T, d *db.DB, tn db.Tenant) (release func() error) {
	t.Helper()
	held, free, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		var once sync.Once
		done <- d.Write(context.Background(), tn, func(*db.Tx) error {
			once.Do(func() { close(held) })
			<-free
			return nil
		})
	}()
	<-held
	return func() error {
		close(free)
		return <-done
	}
}

// queued waits until n calls wait behind the writer.
func queued(d *db.DB, n int) {
	for d.Waiting() < n {
		runtime.Gosched()
	}
}

func testGroup(t *testing.T, f *fixture) {
	ctx := t.Context()
	f.must(t, put(ctx, f.db, 1000))
	release := block(t, f.db, 1)
	const n = 120
	results := make([]error, n)
	var hooks [n]atomic.Int32
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			results[i] = f.db.Write(ctx, 1, func(tx *db.Tx) error {
				tx.AfterCommit(func() { hooks[i].Add(1) })
				if err := putIn(ctx, tx, i); err != nil {
					return err
				}
				switch i % 4 {
				case 1:
					return errMine
				case 2:
					return putIn(ctx, tx, 1000) // a duplicate
				}
				return nil
			})
		})
	}
	queued(f.db, n)
	f.must(t, release())
	all.Wait()
	var want []int64
	for i, err := range results {
		switch i % 4 {
		case 1:
			if !errors.Is(err, errMine) {
				t.Errorf("%d: %v", i, err)
			}
		case 2:
			if !db.IsUnique(err) {
				t.Errorf("%d: %v", i, err)
			}
		default:
			want = append(want, int64(i))
			if err != nil {
				t.Errorf("%d: %v", i, err)
			}
		}
		wantHooks := int32(0)
		if err == nil {
			wantHooks = 1
		}
		if got := hooks[i].Load(); got != wantHooks {
			t.Errorf("%d: hook ran %d times, want %d", i, got, wantHooks)
		}
	}
	same(t, "items", ids(t, f.db, 1), append(want, 1000)...)
}

func testCommitFailure(t *testing.T, f *fixture) {
	ctx := t.Context()
	f.must(t, put(ctx, f.db, 1))
	release := block(t, f.db, 1)
	const n = 6
	results := make([]error, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			results[i] = f.db.Write(ctx, 1, func(tx *db.Tx) error {
				tx.AfterCommit(func() { t.Errorf("hook of %d ran", i) })
				return tx.Insert(ctx, "child", []string{"tn", "id", "parent"}, [][]any{{1, i, 77}})
			})
		})
	}
	queued(f.db, n)
	release() // it may be a member of the group that fails
	all.Wait()
	for i, err := range results {
		if err == nil {
			t.Errorf("%d: a child without a parent was committed", i)
		}
	}
	count, err := column[int64](ctx, f.db, 1, "SELECT COUNT(*) FROM child")
	f.must(t, err)
	same(t, "children", count, 0)
	f.must(t, put(ctx, f.db, 2))
}

func testAfterCommit(t *testing.T, f *fixture) {
	ctx := t.Context()
	var order []string
	f.must(t, f.db.Write(ctx, 1, func(tx *db.Tx) error {
		order = nil
		tx.AfterCommit(func() { order = append(order, fmt.Sprint("first ", ids(t, f.db, 1))) })
		tx.AfterCommit(func() { order = append(order, "second") })
		order = append(order, "closure")
		return putIn(ctx, tx, 1)
	}))
	same(t, "order", order, "closure", "first [1]", "second")
}

func testPanic(t *testing.T, f *fixture) {
	ctx := t.Context()
	release := block(t, f.db, 1)
	var all sync.WaitGroup
	var panicked, exited atomic.Bool
	all.Go(func() {
		defer func() { panicked.Store(recover() == "boom") }()
		f.db.Write(ctx, 1, func(tx *db.Tx) error {
			f.must(t, putIn(ctx, tx, 1))
			panic("boom")
		})
	})
	all.Go(func() {
		exited.Store(true)
		defer func() { exited.Store(exited.Load() && recover() == nil) }()
		f.db.Write(ctx, 1, func(tx *db.Tx) error {
			putIn(ctx, tx, 2)
			runtime.Goexit()
			return nil
		})
		exited.Store(false)
	})
	all.Go(func() { f.must(t, put(ctx, f.db, 3)) })
	queued(f.db, 3)
	f.must(t, release())
	all.Wait()
	if !panicked.Load() || !exited.Load() {
		t.Errorf("panic reached its caller: %v, goexit: %v", panicked.Load(), exited.Load())
	}
	func() {
		defer func() {
			if p := recover(); p != "alone" {
				t.Errorf("panic of a lone write: %v", p)
			}
		}()
		f.db.Write(ctx, 1, func(tx *db.Tx) error {
			f.must(t, putIn(ctx, tx, 4))
			panic("alone")
		})
	}()
	for range 20 { // more often than there are connections
		func() {
			defer func() { recover() }()
			f.db.Read(ctx, 1, func(*db.Tx) error { panic("in a read") })
		}()
	}
	same(t, "items", ids(t, f.db, 1), 3)
}

func testDropped(t *testing.T, f *fixture) {
	release := block(t, f.db, 1)
	ctx, cancel := context.WithCancel(t.Context())
	result := make(chan error)
	go func() {
		result <- f.db.Write(ctx, 1, func(tx *db.Tx) error {
			t.Error("a dropped call ran")
			return nil
		})
	}()
	queued(f.db, 1)
	cancel()
	err := <-result // before the writer is free
	wantKind(t, "dropped", err, ward.Unavailable)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled in it", err)
	}
	f.must(t, release())
	// A call that has begun ends with its outcome, whatever its context does.
	ctx, cancel = context.WithCancel(t.Context())
	f.must(t, f.db.Write(ctx, 1, func(tx *db.Tx) error {
		err := putIn(ctx, tx, 1)
		cancel()
		return err
	}))
	same(t, "items", ids(t, f.db, 1), 1)
}

func testClose(t *testing.T, f *fixture) {
	ctx := t.Context()
	d := f.open(t)
	entered, free, written, closed := make(chan struct{}), make(chan struct{}), make(chan error, 1), make(chan error, 1)
	go func() {
		var once sync.Once
		written <- d.Write(ctx, 1, func(tx *db.Tx) error {
			once.Do(func() { close(entered) })
			<-free
			return putIn(ctx, tx, 1)
		})
	}()
	<-entered
	go func() { closed <- d.Close() }()
	for d.Read(ctx, 1, func(*db.Tx) error { return nil }) == nil {
		runtime.Gosched() // until Close has begun
	}
	select {
	case err := <-closed:
		t.Fatalf("Close returned (%v) while a write ran", err)
	default:
	}
	close(free)
	f.must(t, <-written)
	f.must(t, <-closed)
	f.must(t, d.Close())
	wantKind(t, "read after close", d.Read(ctx, 1, func(*db.Tx) error { return nil }), ward.Unavailable)
	wantKind(t, "write after close", put(ctx, d, 3), ward.Unavailable)
	same(t, "items", ids(t, f.db, 1), 1)
}
