package queue_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/engine/db/dbtest"
	"github.com/ward-health/ward/engine/queue"
	"pgregory.net/rapid"
)

// modelJob is what the model knows of a job.
type modelJob struct {
	id      ward.ID
	state   queue.State
	attempt int
	due     time.Time
	lease   *queue.Lease // the newest one
}

// model is the queue as it should be: for each key its unfinished jobs in order. Only the first of a key moves.
type model struct {
	t     *rapid.T
	db    *db.DB
	q     *queue.Queue
	name  string
	now   time.Time
	keys  map[string][]*modelJob
	stale []queue.Lease // leases that have been finished, given back or taken over
	added int
	done  int
}

// due lists the jobs that a claim may take now.
func (m *model) due() (jobs []*modelJob) {
	for _, key := range m.keys {
		if len(key) > 0 && key[0].state != queue.Dead && !key[0].due.After(m.now) {
			jobs = append(jobs, key[0])
		}
	}
	return jobs
}

// leased lists the jobs with a lease that still holds for the table: nobody has taken it over.
func (m *model) leased() (jobs []*modelJob) {
	for _, k := range m.sorted() {
		if key := m.keys[k]; len(key) > 0 && key[0].state == queue.Leased {
			jobs = append(jobs, key[0])
		}
	}
	return jobs
}

func (m *model) sorted() (keys []string) {
	for k := range m.keys {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func (m *model) find(id ward.ID) *modelJob {
	for _, key := range m.keys {
		for _, j := range key {
			if j.id == id {
				return j
			}
		}
	}
	m.t.Fatalf("the queue gave a job that is not in it: %v", id)
	return nil
}

func (m *model) must(err error) {
	if err != nil {
		m.t.Fatal(err)
	}
}

// enqueue adds a batch, sometimes with a later run time.
func (m *model) enqueue(t *rapid.T) {
	var jobs []queue.Job
	for range rapid.IntRange(1, 4).Draw(t, "jobs") {
		later := time.Duration(rapid.SampledFrom([]int{0, 0, 0, 5}).Draw(t, "seconds")) * time.Second
		jobs = append(jobs, queue.Job{ID: ward.NewID(), Queue: m.name, Key: rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "key"), RunAt: m.now.Add(later)})
	}
	fail := rapid.Bool().Draw(t, "roll back")
	mine := errors.New("mine")
	err := m.db.Write(t.Context(), 1, func(tx *db.Tx) error {
		if err := queue.Enqueue(t.Context(), tx, jobs...); err != nil || !fail {
			return err
		}
		return mine
	})
	if fail {
		if !errors.Is(err, mine) {
			t.Fatal(err)
		}
		return
	}
	m.must(err)
	for _, j := range jobs {
		m.keys[j.Key] = append(m.keys[j.Key], &modelJob{id: j.ID, state: queue.Ready, due: j.RunAt})
		m.added++
	}
}

func (m *model) claim(t *rapid.T) {
	n := rapid.IntRange(1, 4).Draw(t, "n")
	due := m.due()
	got, err := m.q.Claim(t.Context(), m.name, n)
	m.must(err)
	if len(got) != min(n, len(due)) {
		t.Fatalf("claimed %d of %d due jobs, asked for %d", len(got), len(due), n)
	}
	for _, l := range got {
		j := m.find(l.ID)
		if !slices.Contains(due, j) {
			t.Fatalf("claimed a job that is not due: %+v", j)
		}
		if j.lease != nil {
			m.stale = append(m.stale, *j.lease)
		}
		j.state, j.lease, j.due = queue.Leased, &l, m.now.Add(leaseTime)
		if j.attempt++; j.attempt != l.Attempt {
			t.Fatalf("attempt %d, want %d", l.Attempt, j.attempt)
		}
	}
}

const leaseTime = 30 * time.Second

// pick draws one of the leased jobs; the lease may have ended, but nobody has taken the job since.
func (m *model) pick(t *rapid.T) *modelJob {
	jobs := m.leased()
	if len(jobs) == 0 {
		t.Skip("nothing is leased")
	}
	return rapid.SampledFrom(jobs).Draw(t, "job")
}

func (m *model) finish(t *rapid.T) {
	j := m.pick(t)
	m.must(m.q.Finish(t.Context(), *j.lease, nil))
	for k, key := range m.keys {
		if len(key) > 0 && key[0] == j {
			m.keys[k] = key[1:]
		}
	}
	m.stale = append(m.stale, *j.lease)
	m.done++
}

func (m *model) fail(t *rapid.T) {
	j := m.pick(t)
	dead := rapid.Bool().Draw(t, "dead")
	m.must(m.q.GiveBack(t.Context(), *j.lease, dead))
	m.stale = append(m.stale, *j.lease)
	j.lease, j.state, j.due = nil, queue.Ready, m.now // the pause is 1 ns here, below the table's microsecond
	if dead {
		j.state = queue.Dead
	}
}

func (m *model) renew(t *rapid.T) {
	j := m.pick(t)
	m.must(m.q.Renew(t.Context(), *j.lease))
	j.due = m.now.Add(leaseTime)
}

// lost uses a lease that is over; nothing may happen.
func (m *model) lost(t *rapid.T) {
	if len(m.stale) == 0 {
		t.Skip("no lease is over")
	}
	l := rapid.SampledFrom(m.stale).Draw(t, "lease")
	for _, err := range []error{m.q.Finish(t.Context(), l, nil), m.q.GiveBack(t.Context(), l, true), m.q.Renew(t.Context(), l)} {
		if !errors.Is(err, queue.ErrLost) {
			t.Fatalf("a lease that is over was accepted: %v", err)
		}
	}
}

func (m *model) replay(t *rapid.T) {
	for _, k := range m.sorted() {
		if key := m.keys[k]; len(key) > 0 && key[0].state == queue.Dead {
			m.must(m.q.Replay(t.Context(), key[0].id))
			key[0].state, key[0].attempt = queue.Ready, 0
			key[0].due = m.now
			return
		}
	}
	t.Skip("nothing is dead")
}

func (m *model) pass(t *rapid.T) {
	m.now = m.now.Add(time.Duration(rapid.SampledFrom([]int{1, 5, 29, 31}).Draw(t, "seconds")) * time.Second)
}

// check compares the tables with the model.
func (m *model) check(t *rapid.T) {
	total := 0
	for _, s := range []queue.State{queue.Ready, queue.Leased, queue.Dead} {
		jobs, err := m.q.List(t.Context(), 1, m.name, s, ward.ID{}, 1000)
		m.must(err)
		for _, j := range jobs {
			if want := m.find(j.ID); want.state != s {
				t.Fatalf("job %v is %s, want %s", j.ID, s, want.state)
			}
		}
		total += len(jobs)
	}
	if total != m.added-m.done {
		t.Fatalf("%d jobs are there, %d were added and %d done", total, m.added, m.done)
	}
}

// TestModel runs random histories of a queue against the model: order within a key, no loss, no second life of a lease.
func TestModel(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, open func() *db.DB) {
		d := open()
		if err := d.Migrate(t.Context(), queue.Migrations()); err != nil {
			t.Fatal(err)
		}
		runs := 0
		rapid.Check(t, func(t *rapid.T) {
			runs++
			m := &model{t: t, db: d, q: queue.New(d, "model"), name: fmt.Sprint("run_", runs), keys: map[string][]*modelJob{}}
			m.now = time.Now().Add(time.Hour).Truncate(time.Microsecond) // ahead of the real clock, which Replay uses
			queue.Tune(m.q, leaseTime, time.Second, 1, 1)
			queue.SetNow(m.q, func() time.Time { return m.now })
			t.Repeat(map[string]func(*rapid.T){
				"enqueue": m.enqueue, "claim": m.claim, "finish": m.finish, "fail": m.fail, "renew": m.renew,
				"lost": m.lost, "replay": m.replay, "pass": m.pass, "": m.check,
			})
		})
	})
}
