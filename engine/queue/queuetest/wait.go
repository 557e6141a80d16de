package queuetest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/engine/queue"
)

// testWait lets the first job of a key wait more often than it has attempts. It stays the first one, and is not dead.
func testWait(t *testing.T, f *Fixture) {
	const times = 6
	var mu sync.Mutex
	var seen []string
	waited := 0
	enqueue(t, f.db, 1, job("k", 1), job("k", 2))
	f.start(t, f.db, "a", poll, 2, 2, func(ctx context.Context, j queue.Job) (queue.Finish, error) {
		mu.Lock()
		defer mu.Unlock()
		if j.Attempt != 1 {
			t.Errorf("attempt %d", j.Attempt)
		}
		if j.Ref[1] == 1 && waited < times {
			waited++
			return nil, fmt.Errorf("not yet: %w", queue.Wait(time.Millisecond))
		}
		seen = append(seen, fmt.Sprint(j.Ref[1]))
		return effect(j), nil
	})
	eventually(t, "both jobs", func() bool { return count(t, f.db, "effect") == 2 })
	mu.Lock()
	defer mu.Unlock()
	if waited != times || !slices.Equal(seen, []string{"1", "2"}) {
		t.Errorf("waited %d times, then ran %v", waited, seen)
	}
	if n := count(t, f.db, "job"); n != 0 {
		t.Errorf("%d jobs are left", n)
	}
}

func testLook(t *testing.T, f *Fixture) {
	a, b := job("k", 1), job("k", 2)
	a.ID, b.ID = ward.NewID(), ward.NewID()
	enqueue(t, f.db, 1, a, b)
	look := func(tn db.Tenant, ids ...ward.ID) (out []ward.ID) {
		must(t, f.db.Read(t.Context(), tn, func(tx *db.Tx) error {
			jobs, err := queue.Look(t.Context(), tx, ids...)
			for _, j := range jobs {
				if j.State != queue.Ready {
					t.Errorf("job is %s", j.State)
				}
				out = append(out, j.ID)
			}
			return err
		}))
		return out
	}
	if got := look(1, b.ID, ward.NewID(), a.ID); !slices.Equal(got, []ward.ID{a.ID, b.ID}) {
		t.Errorf("found %v", got)
	}
	if got := look(2, a.ID); len(got) != 0 {
		t.Errorf("another tenant found %v", got)
	}
	if got := look(1); len(got) != 0 {
		t.Errorf("nothing was asked for, found %v", got)
	}
}
