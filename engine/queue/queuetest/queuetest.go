// Package queuetest is the conformance suite of engine/queue, for every database it can stand on.
//
// Read queuetest.go, order.go, then wait.go.
package queuetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/engine/queue"
)

// Fixture is a database for one test.
type Fixture struct {
	Open func() *db.DB                                   // opens it, again as a further node
	Tune func(q *queue.Queue, lease, poll time.Duration) // shortens the times of a queue, and its pauses to milliseconds
	db   *db.DB
	held time.Duration // a lease of this length instead of the short one, for tests in which none may end
}

const (
	lease = 400 * time.Millisecond
	poll  = 20 * time.Millisecond
)

// Run runs the suite. fresh makes an empty database.
func Run(t *testing.T, fresh func(t *testing.T) *Fixture) {
	for _, test := range []struct {
		name string
		run  func(t *testing.T, f *Fixture)
	}{
		{"order and no loss on two nodes", testOrder},
		{"finish is one transaction with the job", testFinish},
		{"a handler's own transaction ends the job", testEnd},
		{"an abandoned lease is taken over", testAbandoned},
		{"a lease is renewed", testRenewed},
		{"attempts end in dead, replay revives", testDead},
		{"a panic is an error", testPanic},
		{"waiting uses up no attempt and keeps the place", testWait},
		{"look finds what is there", testLook},
		{"a lost worker counts as an attempt", testLostWorker},
		{"wake without poll", testWake},
		{"not before its time", testRunAt},
		{"enqueue", testEnqueue},
		{"enqueue on two nodes at the same time", testEnqueueTogether},
		{"enqueue while the last job of the key is finished", testEnqueueAtFinish},
		{"list", testList},
		{"once", testOnce},
		{"run ends after its handlers", testStop},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := fresh(t)
			f.db = f.Open()
			must(t, f.db.Migrate(t.Context(), queue.Migrations(), tables))
			test.run(t, f)
		})
	}
}

var tables = db.Migrations{Owner: "queuetest", Files: fstest.MapFS{"0001_effect.sql": {Data: []byte(
	`CREATE TABLE effect (tn {{int}} NOT NULL, id {{blob}} NOT NULL, PRIMARY KEY (tn, id)) {{narrow}}; {{rls effect}}`)}}}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// node is a running queue.
type node struct {
	*queue.Queue
	stop func() // ends Run and waits for it
}

// start runs a queue with one handler until the test ends.
func (f *Fixture) start(t *testing.T, d *db.DB, owner string, poll time.Duration, workers, attempts int, h queue.Handler) node {
	t.Helper()
	q := queue.New(d, owner)
	f.Tune(q, max(lease, f.held), poll)
	q.Handle("work", workers, attempts, h)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- q.Run(ctx) }()
	var once sync.Once
	stop := func() {
		once.Do(func() {
			cancel()
			if err := <-done; err != nil {
				t.Errorf("Run: %v", err)
			}
		})
	}
	t.Cleanup(stop)
	return node{q, stop}
}

func enqueue(t *testing.T, d *db.DB, tn db.Tenant, jobs ...queue.Job) {
	t.Helper()
	must(t, d.Write(t.Context(), tn, func(tx *db.Tx) error { return queue.Enqueue(t.Context(), tx, jobs...) }))
}

func job(key string, n int) queue.Job {
	return queue.Job{Queue: "work", Key: key, Ref: []byte{byte(n >> 8), byte(n)}}
}

// effect is a Finish that leaves a row; a second one of the same job fails.
func effect(j queue.Job) queue.Finish {
	return func(ctx context.Context, tx *db.Tx) error {
		return tx.Insert(ctx, "effect", []string{"tn", "id"}, [][]any{{j.Tenant, j.ID}})
	}
}

// count counts the rows of a table.
func count(t *testing.T, d *db.DB, table string) (n int) {
	t.Helper()
	must(t, d.Read(context.Background(), db.System, func(tx *db.Tx) error {
		_, err := tx.Get(context.Background(), "SELECT COUNT(*) FROM "+table, nil, &n)
		return err
	}))
	return n
}

// eventually waits for a condition.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	limit := time.After(30 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-limit:
			t.Fatalf("waited too long for: %s", what)
		case <-tick.C:
		}
	}
}

func testFinish(t *testing.T, f *Fixture) {
	var calls atomic.Int32
	f.start(t, f.db, "a", poll, 3, 10, func(ctx context.Context, j queue.Job) (queue.Finish, error) {
		if calls.Add(1)%2 == 1 {
			return func(ctx context.Context, tx *db.Tx) error {
				if err := effect(j)(ctx, tx); err != nil {
					return err
				}
				return errors.New("the finish fails after it wrote")
			}, nil
		}
		return effect(j), nil
	})
	for i := range 10 {
		enqueue(t, f.db, 1, job("", i))
	}
	eventually(t, "all jobs done", func() bool { return count(t, f.db, "job") == 0 })
	if n := count(t, f.db, "effect"); n != 10 {
		t.Errorf("%d effects of 10 jobs", n)
	}
}

// testEnd holds that a job ended in its handler's transaction is done exactly when that commits, and that who has lost the lease
// cannot commit.
func testEnd(t *testing.T, f *Fixture) {
	var calls atomic.Int32
	f.start(t, f.db, "a", poll, 3, 10, func(ctx context.Context, j queue.Job) (queue.Finish, error) {
		err := f.db.Write(ctx, j.Tenant, func(tx *db.Tx) error {
			if err := effect(j)(ctx, tx); err != nil {
				return err
			}
			if err := queue.End(ctx, tx); err != nil {
				return err
			}
			switch calls.Add(1) % 3 {
			case 1:
				return errors.New("the transaction fails after it ended the job")
			case 2:
				_, err := tx.Exec(ctx, "UPDATE job SET lease = 'other' WHERE tn = $1", j.Tenant)
				return errors.Join(err, queue.End(ctx, tx))
			}
			return nil
		})
		if err == nil && calls.Load()%2 == 0 {
			err = errors.New("a failure after the commit changes nothing")
		}
		return nil, err
	})
	for i := range 10 {
		enqueue(t, f.db, 1, job("same", i))
	}
	eventually(t, "all jobs done", func() bool { return count(t, f.db, "job") == 0 })
	if n := count(t, f.db, "effect"); n != 10 {
		t.Errorf("%d effects of 10 jobs", n)
	}
	must(t, f.db.Write(t.Context(), 1, func(tx *db.Tx) error { return queue.End(t.Context(), tx) })) // of no job
}

func testAbandoned(t *testing.T, f *Fixture) {
	dying := f.Open()
	entered, free, left := make(chan queue.Job, 1), make(chan struct{}), make(chan error, 1)
	a := f.start(t, dying, "dying", poll, 1, 5, func(ctx context.Context, j queue.Job) (queue.Finish, error) {
		entered <- j
		<-ctx.Done() // the lease is lost
		<-free
		left <- ctx.Err()
		return effect(j), nil
	})
	enqueue(t, f.db, 1, job("k", 1), job("k", 2))
	first := <-entered
	must(t, dying.Close()) // from here on the node cannot renew, as if it had been cut off
	var order []queue.Job
	var mu sync.Mutex
	f.start(t, f.db, "b", poll, 2, 5, func(ctx context.Context, j queue.Job) (queue.Finish, error) {
		mu.Lock()
		defer mu.Unlock()
		order = append(order, j)
		return effect(j), nil
	})
	eventually(t, "the other node to do the jobs", func() bool { return count(t, f.db, "job") == 0 })
	close(free)
	if err := <-left; err == nil {
		t.Error("the handler's context did not end with the lease")
	}
	a.stop()
	if n := count(t, f.db, "effect"); n != 2 {
		t.Errorf("%d effects of 2 jobs", n)
	}
	if len(order) != 2 || order[0].ID != first.ID || order[0].Attempt != 2 || order[1].Attempt != 1 {
		t.Errorf("taken over: %v", order)
	}
}

func testRenewed(t *testing.T, f *Fixture) {
	var calls atomic.Int32
	handler := func(ctx context.Context, j queue.Job) (queue.Finish, error) {
		calls.Add(1)
		select { // several leases long
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(3 * lease):
			return effect(j), nil
		}
	}
	f.start(t, f.db, "a", poll, 2, 5, handler)
	f.start(t, f.Open(), "b", poll, 2, 5, handler)
	enqueue(t, f.db, 1, job("k", 1))
	eventually(t, "the job done", func() bool { return count(t, f.db, "job") == 0 })
	if n := calls.Load(); n != 1 || count(t, f.db, "effect") != 1 {
		t.Errorf("the handler ran %d times although its lease was renewed", n)
	}
}

func testDead(t *testing.T, f *Fixture) {
	var broken atomic.Bool
	broken.Store(true)
	var calls atomic.Int32
	n := f.start(t, f.db, "a", poll, 2, 3, func(ctx context.Context, j queue.Job) (queue.Finish, error) {
		if j.Key == "k" && broken.Load() {
			calls.Add(1)
			return nil, ward.E(ward.Unprocessable, "test", "the unit is not known", errors.New("secret"))
		}
		return effect(j), nil
	})
	enqueue(t, f.db, 1, job("k", 1), job("k", 2), job("other", 3))
	var dead []queue.Job
	eventually(t, "the job dead", func() bool {
		var err error
		dead, err = n.List(t.Context(), 1, "work", queue.Dead, ward.ID{}, 10)
		must(t, err)
		return len(dead) == 1
	})
	if d := dead[0]; d.Attempt != 3 || d.Reason != "the unit is not known" || d.Key != "k" || d.Ref[1] != 1 || calls.Load() != 3 {
		t.Errorf("dead: %+v after %d calls", d, calls.Load())
	}
	eventually(t, "the other key done", func() bool { return count(t, f.db, "effect") == 1 })
	waiting, err := n.List(t.Context(), 1, "work", queue.Ready, ward.ID{}, 10)
	must(t, err)
	if len(waiting) != 1 || waiting[0].Attempt != 0 {
		t.Errorf("behind the dead one: %+v", waiting)
	}
	if err := n.Replay(t.Context(), waiting[0].ID); ward.KindOf(err) != ward.Conflict {
		t.Errorf("replay of a ready job: %v", err)
	}
	if err := n.Replay(t.Context(), ward.NewID()); ward.KindOf(err) != ward.NotFound {
		t.Errorf("replay of no job: %v", err)
	}
	other := f.db.Write(t.Context(), 2, func(tx *db.Tx) error { return queue.Replay(t.Context(), tx, dead[0].ID) })
	if ward.KindOf(other) != ward.NotFound {
		t.Errorf("replay by another tenant: %v", other)
	}
	broken.Store(false)
	must(t, n.Replay(t.Context(), dead[0].ID))
	eventually(t, "all jobs done", func() bool { return count(t, f.db, "job") == 0 })
}

func testPanic(t *testing.T, f *Fixture) {
	n := f.start(t, f.db, "a", poll, 1, 1, func(_ context.Context, j queue.Job) (queue.Finish, error) {
		if j.Key == "handler" {
			panic("ZZCANARY")
		}
		return func(ctx context.Context, tx *db.Tx) error {
			must(t, effect(j)(ctx, tx))
			panic("ZZCANARY")
		}, nil
	})
	enqueue(t, f.db, 1, job("handler", 1), job("finish", 2))
	eventually(t, "the jobs dead", func() bool {
		dead, err := n.List(t.Context(), 1, "work", queue.Dead, ward.ID{}, 10)
		must(t, err)
		return len(dead) == 2 && !strings.Contains(fmt.Sprint(dead), "ZZCANARY")
	})
	if n := count(t, f.db, "effect"); n != 0 {
		t.Errorf("%d effects of a finish that panicked", n)
	}
}

func testLostWorker(t *testing.T, f *Fixture) {
	handled := make(chan struct{}, 10)
	enqueue(t, f.db, 1, job("k", 1))
	for i := range 2 { // two nodes take the job and are cut off
		d := f.Open()
		n := f.start(t, d, fmt.Sprint(i), poll, 1, 2, func(ctx context.Context, _ queue.Job) (queue.Finish, error) {
			handled <- struct{}{}
			<-ctx.Done()
			return nil, nil
		})
		<-handled
		must(t, d.Close())
		n.stop()
	}
	last := f.start(t, f.db, "last", poll, 1, 2, func(context.Context, queue.Job) (queue.Finish, error) {
		t.Error("a third attempt of two")
		return nil, nil
	})
	eventually(t, "the job dead", func() bool {
		dead, err := last.List(t.Context(), 1, "work", queue.Dead, ward.ID{}, 10)
		must(t, err)
		return len(dead) == 1 && strings.Contains(dead[0].Reason, "lost")
	})
}

func testWake(t *testing.T, f *Fixture) {
	done := make(chan queue.Job, 100)
	f.start(t, f.db, "a", time.Hour, 1, 1, func(_ context.Context, j queue.Job) (queue.Finish, error) {
		done <- j
		return nil, nil
	})
	from := []*db.DB{f.db}
	if f.db.Engine() == "postgres" {
		from = append(from, f.Open())
	}
	for _, d := range from {
		enqueue(t, d, 1, job("k", 1), job("k", 2), job("l", 3))
		for range 3 {
			<-done
		}
	}
}

func testRunAt(t *testing.T, f *Fixture) {
	at := time.Now().Add(3 * poll).Truncate(time.Microsecond)
	ran := make(chan time.Time, 2)
	f.start(t, f.db, "a", poll, 1, 1, func(_ context.Context, j queue.Job) (queue.Finish, error) {
		if !j.RunAt.Equal(at) {
			t.Errorf("run at %v, want %v", j.RunAt, at)
		}
		ran <- time.Now()
		return nil, nil
	})
	j := job("k", 1)
	j.RunAt = at
	enqueue(t, f.db, 1, j, j) // the second one waits for the first and has its time as well
	for range 2 {
		if early := at.Sub(<-ran); early > 0 {
			t.Errorf("ran %v too early", early)
		}
	}
}

func testStop(t *testing.T, f *Fixture) {
	entered, free := make(chan struct{}), make(chan struct{})
	n := f.start(t, f.db, "a", poll, 1, 1, func(ctx context.Context, j queue.Job) (queue.Finish, error) {
		close(entered)
		<-free
		return effect(j), ctx.Err()
	})
	enqueue(t, f.db, 1, job("k", 1))
	<-entered
	stopped := make(chan struct{})
	go func() { n.stop(); close(stopped) }()
	enqueue(t, f.db, 1, job("l", 2))
	select {
	case <-stopped:
		t.Error("Run ended while a handler ran")
	case <-time.After(2 * lease): // long enough to see that the lease is still kept
	}
	close(free)
	<-stopped
	if jobs, effects := count(t, f.db, "job"), count(t, f.db, "effect"); jobs != 1 || effects != 1 {
		t.Errorf("after Run: %d jobs and %d effects, want the one that was not begun, and one", jobs, effects)
	}
}
