package queue

import (
	"context"
	"time"

	"github.com/ward-health/ward/engine/db"
)

// Counts is how many jobs there are, of all tenants and queues, by what they wait for.
type Counts struct {
	Ready   int64         // may be taken now
	Delayed int64         // wait for a later time, or behind another of their key
	Running int64         // leased
	Dead    int64         //
	Oldest  time.Duration // how long the oldest ready one could have been taken
}

// Count counts the jobs, for the node's metrics.
func (q *Queue) Count(ctx context.Context) (c Counts, err error) {
	now := q.now().Truncate(time.Microsecond)
	err = q.db.Read(ctx, db.System, func(tx *db.Tx) error {
		var oldest int64
		_, err := tx.Get(ctx, `SELECT COALESCE(SUM(CASE WHEN state = $1 AND due_us <= $4 THEN 1 ELSE 0 END), 0),
			COALESCE(SUM(CASE WHEN state = $5 OR state = $1 AND due_us > $4 THEN 1 ELSE 0 END), 0), COALESCE(SUM(CASE WHEN state = $2 THEN 1 ELSE 0 END), 0),
			COALESCE(SUM(CASE WHEN state = $3 THEN 1 ELSE 0 END), 0), COALESCE(MIN(CASE WHEN state = $1 AND due_us <= $4 THEN due_us END), $4) FROM job`,
			[]any{int64(rowReady), int64(rowLeased), int64(rowDead), now.UnixMicro(), int64(rowWaiting)}, &c.Ready, &c.Delayed, &c.Running, &c.Dead, &oldest)
		c.Oldest = now.Sub(time.UnixMicro(oldest))
		return err
	})
	return c, err
}
