package queue_test

import (
	"testing"
	"testing/fstest"

	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/engine/db/dbtest"
	"github.com/ward-health/ward/engine/queue"
)

// lateFailure lets every transaction that changes a job fail when it commits.
var lateFailure = db.Migrations{Owner: "late", Files: fstest.MapFS{"0001_late.sql": {Data: []byte(
	`CREATE TABLE late_parent (id INTEGER PRIMARY KEY);
	CREATE TABLE late_child (id INTEGER REFERENCES late_parent (id) DEFERRABLE INITIALLY DEFERRED);
	CREATE TRIGGER late AFTER UPDATE ON job BEGIN INSERT INTO late_child (id) VALUES (1); END;`)}}}

// TestClaimThatFailed: jobs whose lease was not committed are not handed to workers.
func TestClaimThatFailed(t *testing.T) {
	d := dbtest.OpenDB(t, dbtest.Open(t, dbtest.SQLite))
	if err := d.Migrate(t.Context(), queue.Migrations(), lateFailure); err != nil {
		t.Fatal(err)
	}
	err := d.Write(t.Context(), 1, func(tx *db.Tx) error { return queue.Enqueue(t.Context(), tx, queue.Job{Queue: "work"}) })
	if err != nil {
		t.Fatal(err)
	}
	leases, err := queue.New(d, "a").Claim(t.Context(), "work", 5)
	if err == nil || len(leases) != 0 {
		t.Errorf("%d leases, %v", len(leases), err)
	}
}
