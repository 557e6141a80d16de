package queue

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/engine/db"
)

// Finish is what a handler wants done in the same transaction that marks its job done. nil: nothing. It may be run more
// than once and must have no effect outside tx. An error undoes both, and the job is tried again.
type Finish func(ctx context.Context, tx *db.Tx) error

// Handler works on a job outside any transaction. Wait means later, without an attempt used up; any other error means
// retry with exponential backoff and full jitter until attempts are used up, then dead with the error's public text as
// reason. A panic, of Finish too, is an error. ctx ends when the lease is lost: what the handler does after that is done
// by somebody else as well.
type Handler func(ctx context.Context, j Job) (Finish, error)

// Queue leases and runs jobs.
type Queue struct {
	db    *db.DB
	owner string
	kinds map[string]kind

	// Set by New; tests shorten them.
	now       func() time.Time
	lease     time.Duration // renewed after a third of it
	poll      time.Duration // the longest time until a due job is looked for
	pauseBase time.Duration
	pauseMax  time.Duration
}

// kind is how the jobs of one queue name are handled.
type kind struct {
	name              string
	workers, attempts int
	handler           Handler
}

// New makes a queue over d. Owner names this node in leases.
func New(d *db.DB, owner string) *Queue {
	return &Queue{db: d, owner: owner, kinds: map[string]kind{}, now: time.Now,
		lease: 30 * time.Second, poll: time.Second, pauseBase: time.Second, pauseMax: 5 * time.Minute}
}

// Handle registers the handler of a queue name with its number of workers and attempts; before Run. A wrong name, a
// second handler and numbers below 1 are defects of the program and panic.
func (q *Queue) Handle(queue string, workers, attempts int, h Handler) {
	if _, twice := q.kinds[queue]; twice || !validQueue(queue) || workers < 1 || attempts < 1 || h == nil {
		panic("queue: wrong or second registration of a handler for " + queue)
	}
	q.kinds[queue] = kind{queue, workers, attempts, h}
}

// Run works until ctx ends, then lets running handlers finish and returns nil. While the database cannot be used it
// tries again; jobs stay where they are.
func (q *Queue) Run(ctx context.Context) error {
	var all sync.WaitGroup
	for _, k := range q.kinds {
		all.Go(func() { q.dispatch(ctx, k) })
	}
	all.Wait()
	return nil
}

// dispatch hands the jobs of one queue to free workers.
func (q *Queue) dispatch(ctx context.Context, k kind) {
	wake, stop := q.db.Listen(topic(k.name))
	defer stop()
	var running sync.WaitGroup
	defer running.Wait()
	free := make(chan struct{}, k.workers) // a token for each idle worker
	for range k.workers {
		free <- struct{}{}
	}
	tick := time.NewTicker(q.poll)
	defer tick.Stop()
	claim, enough := q.claim, 1
	for {
		n := acquire(ctx, free, enough)
		if ctx.Err() != nil {
			return
		}
		leases, err := claim(ctx, k.name, n)
		for _, l := range leases {
			running.Go(func() {
				q.work(context.WithoutCancel(ctx), k, l)
				free <- struct{}{}
			})
		}
		for range n - len(leases) {
			free <- struct{}{}
		}
		if err == nil && len(leases) == n {
			claim, enough = q.take, max(1, k.workers/4) // there are more, most likely: fewer transactions take several each
			continue
		}
		claim, enough = q.claim, 1
		select {
		case <-ctx.Done():
		case <-wake:
		case <-tick.C:
		}
	}
}

// gathering is how long idle workers wait for others, while there is more to do than workers.
const gathering = 20 * time.Millisecond

// acquire waits for one idle worker and takes all there are. Until there are enough it waits a little for more.
func acquire(ctx context.Context, free <-chan struct{}, enough int) (n int) {
	select {
	case <-ctx.Done():
		return 0
	case <-free:
	}
	for n = 1; n < cap(free); n++ {
		select {
		case <-free:
			continue
		default:
		}
		break
	}
	if n >= enough {
		return n
	}
	late := time.NewTimer(gathering)
	defer late.Stop()
	for n < enough {
		select {
		case <-free:
			n++
		case <-late.C:
			return n
		case <-ctx.Done():
			return n
		}
	}
	return n
}

// work runs one job to its end. An error of the database on the way is left to the lease: it ends, and the job is taken
// again.
func (q *Queue) work(ctx context.Context, k kind, l lease) {
	if l.Attempt > k.attempts {
		_ = q.giveBack(ctx, l, "the worker was lost in each of the attempts", true)
		return
	}
	held, cancel := context.WithCancel(ctx)
	var keeper sync.WaitGroup
	keeper.Go(func() { q.keep(held, cancel, l) })
	r := &underway{q: q, l: l}
	then, err := call(context.WithValue(held, underwayKey{}, r), k.handler, l.Job)
	if err == nil && !r.done.Load() {
		err = q.finish(ctx, l, then)
	}
	cancel()
	keeper.Wait()
	if err != nil && !r.done.Load() {
		q.returned(ctx, k, l, err)
	}
}

// keep renews the lease until ctx ends, and ends ctx when the lease is lost.
func (q *Queue) keep(ctx context.Context, cancel func(), l lease) {
	tick := time.NewTicker(q.lease / 3)
	defer tick.Stop()
	until := q.now().Add(q.lease)
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		asked := q.now()
		err := q.renew(ctx, l)
		switch {
		case err == nil:
			until = asked.Add(q.lease)
		case errors.Is(err, errLost) || !q.now().Before(until):
			cancel()
			return
		}
	}
}

// call runs the handler. A panic is an error.
func call(ctx context.Context, h Handler, j Job) (then Finish, err error) {
	defer recovered(&err)
	return h(ctx, j)
}

// recovered, deferred, turns a panic into an error that does not quote the panic's value.
func recovered(err *error) {
	if p := recover(); p != nil {
		*err = ward.E(ward.Internal, "queue.handle", "the handler of the job panicked", fmt.Errorf("panic of type %T", p))
	}
}

// reason is an error's public text, bounded.
func reason(err error) string {
	text := strings.ToValidUTF8(strings.ReplaceAll(ward.PublicText(err), "\x00", ""), "?")
	if len(text) > maxReason {
		text = strings.ToValidUTF8(text[:maxReason], "")
	}
	return text
}

// pause is the time until the next attempt: exponential with full jitter, so that jobs that failed together do not come
// back together.
func (q *Queue) pause(attempt int) time.Duration {
	limit := q.pauseMax
	if shift := attempt - 1; shift < 30 && q.pauseBase<<shift < limit {
		limit = q.pauseBase << shift
	}
	return rand.N(limit) + 1
}
