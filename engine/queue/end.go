package queue

import (
	"context"
	"sync/atomic"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/engine/db"
)

// underway is the job that a handler works on, in the handler's context.
type underway struct {
	q    *Queue
	l    lease
	done atomic.Bool // a transaction that has ended the job has committed
}

type underwayKey struct{}

// End marks the job that ctx belongs to as done inside tx: for a handler whose effect is a transaction of its own, so that effect
// and end of the job are one commit. Such a handler returns no Finish. If the transaction does not commit the job is not done. A ctx of no
// job, or a transaction of another tenant, changes nothing. ward.Unavailable: the lease was lost, and nothing of tx may be kept.
func End(ctx context.Context, tx *db.Tx) error {
	r, ok := ctx.Value(underwayKey{}).(*underway)
	if !ok || r.done.Load() || tx.Tenant() != r.l.Tenant {
		return nil
	}
	err := remove(ctx, tx, r.l)
	if err == errLost { //nolint:errorlint // the very error that guarded gives
		return ward.E(ward.Unavailable, "queue.end", "the lease of the job was lost; another worker has it", errLost)
	}
	if err == nil {
		tx.AfterCommit(func() { r.done.Store(true) })
	}
	return err
}

// remove deletes the job and makes the next one of its key ready.
func remove(ctx context.Context, tx *db.Tx, l lease) error {
	if err := lockKey(ctx, tx, l.Job); err != nil {
		return err
	}
	if err := guarded(tx.Exec(ctx, "DELETE FROM job WHERE tn = $1 AND id = $2 AND lease = $3", l.Tenant, l.ID, l.token)); err != nil {
		return err
	}
	n, err := tx.Exec(ctx, `UPDATE job SET state = $4, due_us = run_us WHERE tn = $1 AND queue = $2 AND key = $3 AND state = $5
		AND seq = (SELECT MIN(seq) FROM job WHERE tn = $1 AND queue = $2 AND key = $3)`, l.Tenant, l.Queue, l.Key, rowReady, rowWaiting)
	if err == nil && n > 0 {
		tx.Notify(topic(l.Queue))
	}
	return err
}
