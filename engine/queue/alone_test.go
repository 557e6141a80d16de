package queue

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/engine/db"
)

// A node that was killed leaves leases; the next one on the same database takes the jobs at once.
func TestAlone(t *testing.T) {
	d, err := db.Open(t.Context(), db.Config{Path: filepath.Join(t.TempDir(), "ward.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if err := d.Migrate(t.Context(), Migrations()); err != nil {
		t.Fatal(err)
	}
	id := ward.NewID()
	if err := d.Write(t.Context(), 1, func(tx *db.Tx) error {
		return Enqueue(t.Context(), tx, Job{ID: id, Queue: "q", Key: "k", Ref: []byte("r")})
	}); err != nil {
		t.Fatal(err)
	}
	dead := New(d, "dead")
	if got, err := dead.claim(t.Context(), "q", 5); err != nil || len(got) != 1 {
		t.Fatalf("%d leased: %v", len(got), err)
	}
	next := New(d, "next")
	if c, err := next.Count(t.Context()); err != nil || c.Running != 1 || c.Ready+c.Delayed+c.Dead != 0 {
		t.Fatalf("%+v: %v", c, err)
	}
	if got, err := next.claim(t.Context(), "q", 5); err != nil || len(got) != 0 {
		t.Fatalf("a live lease was taken: %v", err)
	}
	if err := next.Alone(context.WithoutCancel(t.Context())); err != nil {
		t.Fatal(err)
	}
	if c, err := next.Count(t.Context()); err != nil || c.Ready != 1 || c.Running != 0 || c.Oldest < 0 || c.Oldest > time.Minute {
		t.Fatalf("%+v: %v", c, err)
	}
	got, err := next.claim(t.Context(), "q", 5)
	if err != nil || len(got) != 1 || got[0].ID != id || got[0].Attempt != 2 || time.Until(got[0].RunAt) > time.Minute {
		t.Fatalf("%+v: %v", got, err)
	}
}
