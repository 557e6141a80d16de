package delivery

import (
	"context"
	"sync"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/engine/queue"
	"github.com/ward-health/ward/store"
)

// Understand is the stage that turns a raw message into what it says and stores it with store.ApplyMessage. An error means that
// nothing was stored and that it is tried again; what no retry can help is stored as held by the stage itself.
type Understand interface {
	Understand(ctx context.Context, who ward.Principal, purpose ward.Purpose, tenant ward.Tenant, m ward.Message) error
}

// The bounds of the worker.
const (
	workers  = 16 // lanes keep order; while one waits for a commit the others fill the next
	attempts = 24 // some 40 minutes with the pauses of the queue; then the message is dead and holds its lane until a person replays it
	// A merge of which only one lane has come to it looks again soon, and the later the longer it waits.
	soonest = 50 * time.Millisecond
	latest  = 10 * time.Second
	part    = 8 // of the time that it has waited
	// maxMerges bounds for how many merges it is remembered since when they wait.
	maxMerges = 10_000
)

// Worker hands messages to the stage that understands them.
type Worker struct {
	store  *store.Store
	access *access.Authority
	stage  Understand

	mu    sync.Mutex
	since map[ward.ID]time.Time // by job: when a merge was first seen without its other lane
}

// NewWorker makes a worker and registers it with the queue; call it before Queue.Run.
func NewWorker(s *store.Store, a *access.Authority, q *queue.Queue, u Understand) *Worker {
	return register(s, a, q, u, attempts)
}

func register(s *store.Store, a *access.Authority, q *queue.Queue, u Understand, attempts int) *Worker {
	w := &Worker{store: s, access: a, stage: u, since: map[ward.ID]time.Time{}}
	q.Handle(store.DeliverQueue, workers, attempts, w.handle)
	return w
}

// handle works on one message. It may run more than once: the store writes what a message does only while it is received.
func (w *Worker) handle(ctx context.Context, j queue.Job) (queue.Finish, error) {
	d, err := store.ReadDelivery(j.Ref)
	if err != nil {
		return nil, err
	}
	a, err := w.store.Arrived(ctx, j)
	if err != nil {
		return nil, err
	}
	if !a.All && !a.Done {
		return nil, queue.Wait(w.pause(j.ID, time.Now()))
	}
	w.came(j.ID)
	if a.Done {
		return nil, nil
	}
	return nil, w.understand(ctx, j, d, a)
}

// understand opens the message under a permit of its channel's principal and hands it on.
func (w *Worker) understand(ctx context.Context, j queue.Job, d store.Delivery, a store.Arrival) error {
	tenant, who, purpose, err := w.access.ChannelOwner(ctx, j.Tenant, d.Channel)
	if err != nil {
		return err
	}
	p, err := w.access.Decide(ctx, access.Request{Principal: who, Action: access.Receive, Purpose: purpose, ID: d.Message})
	if err != nil {
		return err
	}
	m, err := w.store.RawArrived(ctx, p, a)
	if ward.KindOf(err) == ward.Gone {
		return w.erased(ctx, p, d.Message)
	}
	if err != nil {
		return err
	}
	return w.stage.Understand(ctx, who, purpose, tenant, m)
}

// erased ends a message about a patient who was erased since it came: there is nothing left to understand.
func (w *Worker) erased(ctx context.Context, p access.Permit, id ward.ID) error {
	_, err := w.store.ApplyMessage(ctx, p, store.Effects{Message: id, State: store.MessageHeld, Reason: "patient-erased",
		Hops: []store.Hop{{Step: "held", Note: "patient-erased"}}})
	return err
}

// pause is how long a merge waits for its other lane before it looks again.
func (w *Worker) pause(job ward.ID, now time.Time) time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	first, ok := w.since[job]
	if !ok {
		if len(w.since) >= maxMerges { // some may have been worked on by other nodes
			clear(w.since)
		}
		w.since[job], first = now, now
	}
	return min(max(now.Sub(first)/part, soonest), latest)
}

// came forgets a job that waits no more.
func (w *Worker) came(job ward.ID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.since, job)
}
