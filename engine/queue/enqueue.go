package queue

import (
	"context"
	"crypto/sha256"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/engine/db"
)

// Enqueue adds jobs inside the domain transaction. ID, Tenant, Queue, Key, Ref and RunAt are read. An id that exists
// already is an error for which db.IsUnique is true.
func Enqueue(ctx context.Context, tx *db.Tx, jobs ...Job) error {
	now := time.Now()
	jobs = slices.Clone(jobs)
	for i := range jobs {
		if err := complete(&jobs[i], tx.Tenant(), now); err != nil {
			return err
		}
	}
	// Locks are taken in one order by everybody, which avoids most deadlocks; the rest the database finds and db runs again.
	locks := map[string]Job{}
	for _, j := range jobs {
		if !j.unordered() {
			locks[lockName(j)] = j
		}
	}
	for _, name := range slices.Sorted(maps.Keys(locks)) {
		if err := lockKey(ctx, tx, locks[name]); err != nil {
			return err
		}
	}
	tails, err := tailsOf(ctx, tx, jobs)
	if err != nil {
		return err
	}
	rows := make([][]any, len(jobs))
	for i, j := range jobs {
		k := orderKey{j.Tenant, j.Queue, j.Key}
		rows[i] = j.row(tails[k])
		tails[k]++
		tx.Notify(topic(j.Queue))
	}
	return tx.Insert(ctx, "job", []string{"tn", "id", "queue", "key", "seq", "state", "due_us", "run_us", "attempt", "lease", "reason", "ref"}, rows)
}

// orderKey is what jobs are ordered within.
type orderKey struct {
	tn         db.Tenant
	queue, key string
}

// tailsMax bounds the keys of one look-up.
const tailsMax = 64

// tailsOf finds the numbers of the last jobs of the keys, where there are any.
func tailsOf(ctx context.Context, tx *db.Tx, jobs []Job) (map[orderKey]int64, error) {
	type place struct {
		tn    db.Tenant
		queue string
	}
	keys, seen := map[place][]string{}, map[orderKey]bool{}
	var places []place
	for _, j := range jobs {
		k, p := orderKey{j.Tenant, j.Queue, j.Key}, place{j.Tenant, j.Queue}
		if j.unordered() || seen[k] {
			continue
		}
		if seen[k] = true; keys[p] == nil {
			places = append(places, p)
		}
		keys[p] = append(keys[p], j.Key)
	}
	tails := map[orderKey]int64{}
	for _, p := range places {
		for part := range slices.Chunk(keys[p], tailsMax) {
			err := lastOf(ctx, tx, p.tn, p.queue, part, func(key string, last int64) { tails[orderKey{p.tn, p.queue, key}] = last })
			if err != nil {
				return nil, err
			}
		}
	}
	return tails, nil
}

// lastOf reads the numbers of the last jobs of keys in one queue.
func lastOf(ctx context.Context, tx *db.Tx, tn db.Tenant, queue string, keys []string, found func(string, int64)) error {
	args := []any{tn, queue}
	for _, k := range keys {
		args = append(args, k)
	}
	for n := len(keys); n&(n-1) != 0; n++ { // lists come in few lengths, so that statements are prepared once
		args = append(args, keys[0])
	}
	rows, err := tx.Query(ctx, "SELECT key, MAX(seq) FROM job WHERE tn = $1 AND queue = $2 AND key IN ("+db.Placeholders(3, len(args)-2)+") GROUP BY key", args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var key string
		var last int64
		if err := rows.Scan(&key, &last); err != nil {
			return err
		}
		found(key, last)
	}
	return rows.Err()
}

// row is the job behind the last one of its key.
func (j Job) row(last int64) []any {
	state, due := rowWaiting, int64(never)
	if last == 0 {
		state, due = rowReady, j.RunAt.UnixMicro()
	}
	return []any{j.Tenant, j.ID, j.Queue, j.Key, last + 1, state, due, j.RunAt.UnixMicro(), 0, "", "", j.Ref}
}

// complete checks a job and fills in what was left out.
func complete(j *Job, tn db.Tenant, now time.Time) error {
	const op = "queue.enqueue"
	if j.Tenant == db.System {
		j.Tenant = tn
	}
	switch {
	case tn != db.System && j.Tenant != tn:
		return ward.E(ward.Internal, op, "a job belongs to the tenant of the transaction that adds it", nil)
	case !validQueue(j.Queue):
		return ward.E(ward.Internal, op, "a queue's name has 1 to 40 lower-case letters, digits and _", nil)
	case len(j.Key) > maxKey || strings.HasPrefix(j.Key, unorderedPrefix):
		return ward.E(ward.Internal, op, "a job's key has at most 200 bytes and does not begin with ~", nil)
	case len(j.Ref) > maxRef:
		return ward.E(ward.TooLarge, op, "a job's reference has at most 4 KiB; store the content and refer to it", nil)
	}
	if j.ID.IsZero() {
		j.ID = ward.NewID()
	}
	if j.Key == "" {
		j.Key = unorderedPrefix + j.ID.String()
	}
	if j.Ref == nil {
		j.Ref = []byte{}
	}
	if j.RunAt.IsZero() {
		j.RunAt = now
	}
	return nil
}

func validQueue(s string) bool {
	return s != "" && len(s) <= maxName && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789_") == ""
}

// Once marks (consumer, message id) as taken inside tx; false means that it was taken before (the inbox). Only a digest
// of the message id is kept.
func Once(ctx context.Context, tx *db.Tx, tn db.Tenant, consumer string, message []byte) (bool, error) {
	n, err := tx.Exec(ctx, "INSERT INTO inbox (tn, consumer, message, taken_us) VALUES ($1, $2, $3, $4) ON CONFLICT (tn, consumer, message) DO NOTHING",
		tn, consumer, sha256.Sum256(message), time.Now().UnixMicro())
	return n == 1, err
}

// Forget removes at most n marks of a consumer that are older than before and returns how many it removed. A message
// that comes again after that is taken again.
func Forget(ctx context.Context, tx *db.Tx, tn db.Tenant, consumer string, before time.Time, n int) (int64, error) {
	return tx.Exec(ctx, `DELETE FROM inbox WHERE tn = $1 AND consumer = $2 AND message IN
		(SELECT message FROM inbox WHERE tn = $1 AND consumer = $2 AND taken_us < $3 ORDER BY taken_us, message LIMIT $4)`,
		tn, consumer, before.UnixMicro(), n)
}
