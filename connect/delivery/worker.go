package delivery

import (
	"context"
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
	workers  = 4
	attempts = 12 // over more than half an hour; then the message is dead and holds its lane until a person replays it
	// together is how soon a merge looks again whether both of its lanes have come to it.
	together = 50 * time.Millisecond
)

// Worker hands messages to the stage that understands them.
type Worker struct {
	store  *store.Store
	access *access.Authority
	stage  Understand
}

// NewWorker makes a worker and registers it with the queue; call it before Queue.Run.
func NewWorker(s *store.Store, a *access.Authority, q *queue.Queue, u Understand) *Worker {
	w := &Worker{s, a, u}
	q.Handle(store.DeliverQueue, workers, attempts, w.handle)
	return w
}

// handle works on one message. It may run more than once: the store writes what a message does only while it is received.
func (w *Worker) handle(ctx context.Context, j queue.Job) (queue.Finish, error) {
	d, err := store.ReadDelivery(j.Ref)
	if err != nil {
		return nil, err
	}
	all, done, err := w.store.Arrived(ctx, j)
	if err != nil || done {
		return nil, err
	}
	if !all {
		return nil, queue.Wait(together)
	}
	tenant, who, purpose, err := w.access.ChannelOwner(ctx, j.Tenant, d.Channel)
	if err != nil {
		return nil, err
	}
	p, err := w.access.Decide(ctx, access.Request{Principal: who, Action: access.Receive, Purpose: purpose, ID: d.Message})
	if err != nil {
		return nil, err
	}
	m, err := w.store.Raw(ctx, p, d.Message)
	if ward.KindOf(err) == ward.Gone { // erased since it came: there is nothing left to understand
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return nil, w.stage.Understand(ctx, who, purpose, tenant, m)
}
