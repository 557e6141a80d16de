package queue

import (
	"context"
	"crypto/rand"
	"slices"
	"strconv"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/engine/db"
)

// lease is a job that this node may work on until its lease ends.
type lease struct {
	Job
	token string // names this lease of this job; every change of the job asks for it
}

// errLost says that the lease ended and somebody else may have the job.
var errLost = ward.E(ward.Conflict, "queue.finish", "the lease of the job was lost; another worker has it", nil)

// due reports whether a queue has a job to take. It only reads, so that an idle node does not write.
func (q *Queue) due(ctx context.Context, queue string) (found bool, err error) {
	err = q.db.Read(ctx, db.System, func(tx *db.Tx) error {
		var one int64
		found, err = tx.Get(ctx, "SELECT 1 FROM job WHERE queue = $1 AND due_us <= $2 LIMIT 1", []any{queue, q.now().UnixMicro()}, &one)
		return err
	})
	return found, err
}

// claim leases at most n jobs that are ready, or whose lease has ended, if there are any.
func (q *Queue) claim(ctx context.Context, queue string, n int) ([]lease, error) {
	if found, err := q.due(ctx, queue); err != nil || !found {
		return nil, err
	}
	return q.take(ctx, queue, n)
}

// take is claim without a look before it.
func (q *Queue) take(ctx context.Context, queue string, n int) ([]lease, error) {
	var leases []lease
	err := q.db.Write(ctx, db.System, func(tx *db.Tx) error {
		leases = nil
		// SQLite would plan a statement anew for every value of a bound limit; there are few.
		now, token := q.now(), q.owner+" "+rand.Text()
		rows, err := tx.Query(ctx, `WITH taken AS MATERIALIZED (SELECT tn, id FROM job WHERE queue = $1 AND due_us <= $2 ORDER BY due_us, id LIMIT `+strconv.Itoa(n)+` `+tx.Claim()+`)
			UPDATE job SET state = $3, attempt = attempt + 1, lease = $4, due_us = $5 WHERE (tn, id) IN (SELECT t.tn, t.id FROM taken t)
			RETURNING `+jobColumns, queue, now.UnixMicro(), rowLeased, token, now.Add(q.lease).UnixMicro())
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			j, err := scan(rows)
			if err != nil {
				return err
			}
			leases = append(leases, lease{j, token})
		}
		return rows.Err()
	})
	if err != nil {
		return nil, err // nothing is leased, or nobody knows: then the leases end by themselves
	}
	slices.SortFunc(leases, func(a, b lease) int { return a.RunAt.Compare(b.RunAt) })
	return leases, nil
}

// Alone ends every lease: for a node that has its database to itself, so that whoever held them is dead and nobody has to wait
// until they end by themselves. The attempts stay counted. Call it before Run.
func (q *Queue) Alone(ctx context.Context) error {
	return q.db.Write(ctx, db.System, func(tx *db.Tx) error {
		_, err := tx.Exec(ctx, "UPDATE job SET state = $1, due_us = $2, lease = '' WHERE state = $3", rowReady, q.now().UnixMicro(), rowLeased)
		return err
	})
}

// renew makes the lease last longer. It returns errLost if somebody else has the job, or nobody any more.
func (q *Queue) renew(ctx context.Context, l lease) error {
	return q.db.Write(ctx, l.Tenant, func(tx *db.Tx) error {
		return guarded(tx.Exec(ctx, "UPDATE job SET due_us = $1 WHERE tn = $2 AND id = $3 AND lease = $4",
			q.now().Add(q.lease).UnixMicro(), l.Tenant, l.ID, l.token))
	})
}

// guarded turns a change that touched nothing into errLost.
func guarded(n int64, err error) error {
	if err == nil && n != 1 {
		return errLost
	}
	return err
}

// finish deletes the job, makes the next one of its key ready and does what the handler wanted, in one transaction. A
// panic of then is an error; the transaction is rolled back.
func (q *Queue) finish(ctx context.Context, l lease, then Finish) (err error) {
	defer recovered(&err)
	return q.db.Write(ctx, l.Tenant, func(tx *db.Tx) error {
		if err := remove(ctx, tx, l); err != nil || then == nil {
			return err
		}
		return then(ctx, tx)
	})
}

// giveBack makes the job ready again after a pause, or dead when its attempts are used up.
func (q *Queue) giveBack(ctx context.Context, l lease, reason string, dead bool) error {
	now := q.now()
	state, due := rowReady, now.Add(q.pause(l.Attempt)).UnixMicro()
	if dead {
		state, due = rowDead, never
	}
	return q.db.Write(ctx, l.Tenant, func(tx *db.Tx) error {
		return guarded(tx.Exec(ctx, "UPDATE job SET state = $1, due_us = $2, reason = $3, lease = '' WHERE tn = $4 AND id = $5 AND lease = $6",
			state, due, reason, l.Tenant, l.ID, l.token))
	})
}

// Replay makes a dead job ready again, with all its attempts; the jobs behind it in its key have waited. A job that is
// not dead is ward.Conflict, an unknown one ward.NotFound.
func (q *Queue) Replay(ctx context.Context, id ward.ID) error {
	return q.db.Write(ctx, db.System, func(tx *db.Tx) error { return Replay(ctx, tx, id) })
}

// Replay is Queue.Replay inside a transaction, which may be that of the audit entry. It sees the jobs of the
// transaction's tenant.
func Replay(ctx context.Context, tx *db.Tx, id ward.ID) error {
	const op = "queue.replay"
	var queue string
	var tn, state int64
	found, err := tx.Get(ctx, "SELECT tn, queue, state FROM job WHERE id = $1 AND (tn = $2 OR $2 = 0)", []any{id, tx.Tenant()}, &tn, &queue, &state)
	switch {
	case err != nil:
		return err
	case !found:
		return ward.E(ward.NotFound, op, "there is no such job; it may be done", nil)
	case state != rowDead:
		return ward.E(ward.Conflict, op, "only a dead job can be replayed", nil)
	}
	n, err := tx.Exec(ctx, "UPDATE job SET state = $1, due_us = $2, attempt = 0 WHERE tn = $3 AND id = $4 AND state = $5",
		rowReady, time.Now().UnixMicro(), tn, id, rowDead)
	if err == nil && n == 0 {
		return ward.E(ward.Conflict, op, "somebody else has replayed the job", nil)
	}
	tx.Notify(topic(queue))
	return err
}

// List returns jobs of a state, oldest first, after the id given, at most n (and at most 1,000). Tenant db.System lists
// those of all tenants. A job that waits behind another is listed as ready.
func (q *Queue) List(ctx context.Context, tn db.Tenant, queue string, s State, after ward.ID, n int) (jobs []Job, err error) {
	low, high := rowWaiting, rowReady
	switch s {
	case Ready:
	case Leased:
		low, high = rowLeased, rowLeased
	case Dead:
		low, high = rowDead, rowDead
	default:
		return nil, nil
	}
	err = q.db.Read(ctx, tn, func(tx *db.Tx) error {
		rows, err := tx.Query(ctx, "SELECT "+jobColumns+" FROM job WHERE (tn = $1 OR $1 = 0) AND queue = $2 AND state BETWEEN $3 AND $4 AND id > $5 ORDER BY id LIMIT $6",
			tn, queue, low, high, after, min(max(n, 0), maxList))
		if err != nil {
			return err
		}
		defer rows.Close()
		jobs = nil
		for rows.Next() {
			j, err := scan(rows)
			if err != nil {
				return err
			}
			jobs = append(jobs, j)
		}
		return rows.Err()
	})
	return jobs, err
}
