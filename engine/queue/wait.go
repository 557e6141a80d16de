package queue

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/engine/db"
)

// waiting is the error of a handler that has nothing to do yet.
type waiting time.Duration

// Error implements error.
func (w waiting) Error() string { return fmt.Sprintf("queue: look again in %v", time.Duration(w)) }

// Wait is what a handler returns when the job cannot be worked on yet and nothing is wrong with it: the job is due again after d,
// at the head of its key, with no attempt used up, however often that happens.
func Wait(d time.Duration) error { return waiting(max(d, 0)) }

// postpone makes the job ready again after a while and gives the attempt back.
func (q *Queue) postpone(ctx context.Context, l lease, d time.Duration) error {
	return q.db.Write(ctx, l.Tenant, func(tx *db.Tx) error {
		return guarded(tx.Exec(ctx, "UPDATE job SET state = $1, due_us = $2, attempt = attempt - 1, lease = '' WHERE tn = $3 AND id = $4 AND lease = $5",
			rowReady, q.now().Add(d).UnixMicro(), l.Tenant, l.ID, l.token))
	})
}

// returned puts a job back that its handler did not do. If that fails, the lease ends and the job is taken again.
func (q *Queue) returned(ctx context.Context, k kind, l lease, err error) {
	var w waiting
	switch {
	case errors.Is(err, errLost):
	case errors.As(err, &w):
		_ = q.postpone(ctx, l, time.Duration(w))
	default:
		_ = q.giveBack(ctx, l, reason(err), l.Attempt >= k.attempts)
	}
}

// Look returns those of the jobs that are there, in order of id: of the transaction's tenant, at most 1,000 ids. Done jobs are not.
func Look(ctx context.Context, tx *db.Tx, ids ...ward.ID) (jobs []Job, err error) {
	if len(ids) == 0 {
		return nil, nil
	}
	if len(ids) > maxList {
		return nil, ward.E(ward.TooLarge, "queue.look", "at most 1000 jobs can be looked up at once", nil)
	}
	args := []any{tx.Tenant()}
	for _, id := range ids {
		args = append(args, id)
	}
	rows, err := tx.Query(ctx, "SELECT "+jobColumns+" FROM job WHERE tn = $1 AND id IN ("+db.Placeholders(2, len(ids))+") ORDER BY id", args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		j, err := scan(rows)
		if err != nil {
			return nil, err
		}
		jobs = append(jobs, j)
	}
	return jobs, rows.Err()
}
