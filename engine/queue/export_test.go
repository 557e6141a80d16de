package queue

import (
	"context"
	"time"
)

// Tune shortens the times of a queue for tests.
func Tune(q *Queue, lease, poll, pauseBase, pauseMax time.Duration) {
	q.lease, q.poll, q.pauseBase, q.pauseMax = lease, poll, pauseBase, pauseMax
}

// Lease is a claimed job.
type Lease = lease

// SetNow replaces the clock.
func SetNow(q *Queue, now func() time.Time) { q.now = now }

// Claim is claim.
func (q *Queue) Claim(ctx context.Context, queue string, n int) ([]Lease, error) {
	return q.claim(ctx, queue, n)
}

// Finish is finish.
func (q *Queue) Finish(ctx context.Context, l Lease, then Finish) error {
	return q.finish(ctx, l, then)
}

// GiveBack is giveBack.
func (q *Queue) GiveBack(ctx context.Context, l Lease, dead bool) error {
	return q.giveBack(ctx, l, "reason", dead)
}

// Renew is renew.
func (q *Queue) Renew(ctx context.Context, l Lease) error { return q.renew(ctx, l) }

// Pause is pause.
func (q *Queue) Pause(attempt int) time.Duration { return q.pause(attempt) }

// ErrLost is errLost.
var ErrLost = errLost
