package queuetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/engine/queue"
)

// watch checks the order of each key while jobs run.
type watch struct {
	t    *testing.T
	mu   sync.Mutex
	next map[string]int
	busy map[string]bool
}

// enter notes that a job has begun.
func (w *watch) enter(j queue.Job) (key string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	key = fmt.Sprint(j.Tenant, j.Key)
	if n := int(j.Ref[0])<<8 | int(j.Ref[1]); w.busy[key] || n != w.next[key] {
		w.t.Errorf("key %s: job %d began, due was %d, busy %v", key, n, w.next[key], w.busy[key])
	}
	w.busy[key] = true
	return key
}

func (w *watch) leave(key string, done bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.busy[key] = false
	if done {
		w.next[key]++
	}
}

// testOrder lets two nodes work on several tenants' keys while jobs are added, with handlers that fail at random.
func testOrder(t *testing.T, f *Fixture) {
	const tenants, keys, each = 2, 6, 15
	f.held = time.Minute // a slow disk must not look like a lost worker: then a job would rightly begin again
	w := &watch{t: t, next: map[string]int{}, busy: map[string]bool{}}
	handler := func(_ context.Context, j queue.Job) (queue.Finish, error) {
		key := w.enter(j)
		if rand.N(4) == 0 {
			w.leave(key, false)
			return nil, errors.New("at random")
		}
		var once sync.Once // a finish may be run again
		return func(ctx context.Context, tx *db.Tx) error {
			// The next job of the key cannot begin before the commit of this transaction.
			once.Do(func() { w.leave(key, true) })
			return effect(j)(ctx, tx)
		}, nil
	}
	other := f.Open()
	f.start(t, f.db, "a", poll, 4, 1000, handler)
	f.start(t, other, "b", poll, 4, 1000, handler)
	var all sync.WaitGroup
	for tn := range tenants {
		all.Go(func() {
			for n := range each {
				d := []*db.DB{f.db, other}[n%2] // one after the other, on changing nodes
				err := d.Write(t.Context(), db.Tenant(tn+1), func(tx *db.Tx) error {
					var jobs []queue.Job
					for k := range keys {
						jobs = append(jobs, job(fmt.Sprint("key ", k), n))
					}
					return queue.Enqueue(t.Context(), tx, jobs...)
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	eventually(t, "all jobs done", func() bool { return count(t, f.db, "job") == 0 })
	if n := count(t, f.db, "effect"); n != tenants*keys*each {
		t.Errorf("%d effects of %d jobs", n, tenants*keys*each)
	}
}

func testEnqueue(t *testing.T, f *Fixture) {
	ctx := t.Context()
	for name, j := range map[string]queue.Job{
		"no queue":       {Key: "k"},
		"bad queue":      {Queue: "Work!", Key: "k"},
		"long key":       {Queue: "work", Key: string(bytes.Repeat([]byte("k"), 201))},
		"reserved key":   {Queue: "work", Key: "~x"},
		"large ref":      {Queue: "work", Key: "k", Ref: make([]byte, 4097)},
		"another tenant": {Queue: "work", Key: "k", Tenant: 2},
	} {
		err := f.db.Write(ctx, 1, func(tx *db.Tx) error { return queue.Enqueue(ctx, tx, j) })
		if err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
	mine := errors.New("mine")
	err := f.db.Write(ctx, 1, func(tx *db.Tx) error {
		return errors.Join(queue.Enqueue(ctx, tx, job("k", 1)), mine)
	})
	if !errors.Is(err, mine) || count(t, f.db, "job") != 0 {
		t.Errorf("after a rollback (%v) there are %d jobs", err, count(t, f.db, "job"))
	}
	j := job("k", 1)
	j.ID = ward.NewID()
	enqueue(t, f.db, 1, j)
	err = f.db.Write(ctx, 1, func(tx *db.Tx) error { return queue.Enqueue(ctx, tx, j) })
	if !db.IsUnique(err) {
		t.Errorf("the same id again: %v", err)
	}
	j.ID, j.Tenant = ward.ID{}, 7
	must(t, f.db.Write(ctx, db.System, func(tx *db.Tx) error { return queue.Enqueue(ctx, tx, j) }))
	if n := count(t, f.db, "job"); n != 2 {
		t.Errorf("%d jobs, want 2", n)
	}
}

func testEnqueueTogether(t *testing.T, f *Fixture) {
	nodes := []*db.DB{f.db, f.Open(), f.Open()}
	var all sync.WaitGroup
	for w, d := range nodes {
		all.Go(func() {
			for i := range 30 {
				err := d.Write(t.Context(), 1, func(tx *db.Tx) error {
					return queue.Enqueue(t.Context(), tx, job("k", i), job("l", w))
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	f.start(t, f.db, "a", poll, 4, 1, func(_ context.Context, j queue.Job) (queue.Finish, error) { return effect(j), nil })
	eventually(t, "all jobs done", func() bool { return count(t, f.db, "job") == 0 })
	if n := count(t, f.db, "effect"); n != 180 {
		t.Errorf("%d effects of 180 jobs", n)
	}
}

// testEnqueueAtFinish adds a job while the only other one of its key is on its way out: it must neither overtake it nor
// wait for it for ever.
func testEnqueueAtFinish(t *testing.T, f *Fixture) {
	from := f.db
	if f.db.Engine() == "postgres" {
		from = f.Open() // a transaction of its own, while that of the finish is open
	}
	watcher := f.Open()
	added := make(chan error, 1)
	f.start(t, f.db, "a", poll, 2, 1, func(_ context.Context, j queue.Job) (queue.Finish, error) {
		var once sync.Once
		return func(ctx context.Context, tx *db.Tx) error {
			if j.Ref[1] == 1 {
				once.Do(func() {
					go func() {
						added <- from.Write(context.Background(), 1, func(tx *db.Tx) error { return queue.Enqueue(ctx, tx, job("k", 2)) })
					}()
					eventually(t, "the job added, or held up", func() bool { return len(added) > 0 || from.Waiting() > 0 || locked(t, watcher) })
				})
			}
			return effect(j)(ctx, tx)
		}, nil
	})
	enqueue(t, f.db, 1, job("k", 1))
	must(t, <-added)
	eventually(t, "both jobs done", func() bool { return count(t, f.db, "effect") == 2 })
}

// locked reports whether somebody waits for a lock of the server.
func locked(t *testing.T, d *db.DB) (waiting bool) {
	if d.Engine() != "postgres" {
		return false
	}
	var n int
	err := d.Read(context.Background(), db.System, func(tx *db.Tx) error {
		_, err := tx.Get(context.Background(), "SELECT COUNT(*) FROM pg_locks WHERE NOT granted", nil, &n)
		return err
	})
	if err != nil {
		t.Error(err)
	}
	return n > 0
}

func testList(t *testing.T, f *Fixture) {
	ctx := t.Context()
	q := queue.New(f.db, "a")
	for i := range 7 {
		enqueue(t, f.db, 1, job("k", i))
		enqueue(t, f.db, 2, job("", 100+i))
	}
	var got []int
	var after ward.ID
	for {
		page, err := q.List(ctx, 1, "work", queue.Ready, after, 3)
		must(t, err)
		if len(page) == 0 {
			break
		}
		for _, j := range page {
			if j.Tenant != 1 || j.State != queue.Ready || j.Queue != "work" || j.Key != "k" {
				t.Errorf("%+v", j)
			}
			got = append(got, int(j.Ref[1]))
		}
		after = page[len(page)-1].ID
	}
	if fmt.Sprint(got) != "[0 1 2 3 4 5 6]" {
		t.Errorf("listed %v", got)
	}
	for _, c := range []struct {
		tn    db.Tenant
		queue string
		state queue.State
		want  int
	}{{db.System, "work", queue.Ready, 14}, {3, "work", queue.Ready, 0}, {1, "other", queue.Ready, 0}, {1, "work", queue.Dead, 0}, {1, "work", queue.Done, 0}} {
		page, err := q.List(ctx, c.tn, c.queue, c.state, ward.ID{}, 100)
		must(t, err)
		if len(page) != c.want {
			t.Errorf("%+v: %d jobs", c, len(page))
		}
	}
}

func testOnce(t *testing.T, f *Fixture) {
	ctx := t.Context()
	nodes := []*db.DB{f.db, f.Open()}
	var mu sync.Mutex
	taken := map[int]int{}
	var all sync.WaitGroup
	for w := range 6 {
		all.Go(func() {
			for m := range 5 {
				var first bool
				err := nodes[w%2].Write(ctx, 1, func(tx *db.Tx) (err error) {
					first, err = queue.Once(ctx, tx, 1, "consumer", []byte{byte(m)})
					return err
				})
				if err != nil {
					t.Error(err)
				}
				if first {
					mu.Lock()
					taken[m]++
					mu.Unlock()
				}
			}
		})
	}
	all.Wait()
	for m := range 5 {
		if taken[m] != 1 {
			t.Errorf("message %d was taken %d times", m, taken[m])
		}
	}
	once := func(tn db.Tenant, consumer string, fail error) (first bool, err error) {
		err = f.db.Write(ctx, tn, func(tx *db.Tx) (err error) {
			if first, err = queue.Once(ctx, tx, tn, consumer, []byte{0}); err == nil {
				err = fail
			}
			return err
		})
		return first, err
	}
	for _, c := range []struct {
		tn       db.Tenant
		consumer string
		want     bool
	}{{1, "consumer", false}, {1, "another", true}, {2, "consumer", true}} {
		rolledBack := errors.New("rolled back")
		if _, err := once(c.tn, c.consumer, rolledBack); !errors.Is(err, rolledBack) {
			t.Errorf("got %v", err)
		}
		if first, err := once(c.tn, c.consumer, nil); err != nil || first != c.want {
			t.Errorf("%+v: %v %v", c, first, err)
		}
	}
	forget := func(before time.Time, n int) (gone int64) {
		must(t, f.db.Write(ctx, 1, func(tx *db.Tx) (err error) {
			gone, err = queue.Forget(ctx, tx, 1, "consumer", before, n)
			return err
		}))
		return gone
	}
	if a, b, c := forget(time.Now().Add(-time.Hour), 10), forget(time.Now().Add(time.Hour), 3), forget(time.Now().Add(time.Hour), 10); a != 0 || b != 3 || c != 2 {
		t.Errorf("forgot %d, %d, %d; want 0, 3, 2", a, b, c)
	}
}
