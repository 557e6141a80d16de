package queue_test

import (
	"testing"

	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/engine/db/dbtest"
	"github.com/ward-health/ward/engine/queue"
)

// The numbers that the metrics show, on each database.
func TestCount(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, open func() *db.DB) {
		d := open()
		if err := d.Migrate(t.Context(), queue.Migrations()); err != nil {
			t.Fatal(err)
		}
		q := queue.New(d, "one")
		if c, err := q.Count(t.Context()); err != nil || c != (queue.Counts{}) {
			t.Fatalf("of an empty queue: %+v, %v", c, err)
		}
		jobs := []queue.Job{{Queue: "q", Key: "k", Ref: []byte("1")}, {Queue: "q", Key: "k", Ref: []byte("2")}, {Queue: "q", Key: "other", Ref: []byte("3")}}
		if err := d.Write(t.Context(), 1, func(tx *db.Tx) error { return queue.Enqueue(t.Context(), tx, jobs...) }); err != nil {
			t.Fatal(err)
		}
		if c, err := q.Count(t.Context()); err != nil || c.Ready != 2 || c.Delayed != 1 || c.Running != 0 || c.Dead != 0 {
			t.Errorf("two of one key and one of another: %+v, %v", c, err)
		}
	})
}
