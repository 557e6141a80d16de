package store

import (
	"bytes"
	"context"
	"sync"
	"sync/atomic"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/audit"
	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/engine/queue"
)

// maxTogether bounds the arrivals of one write: what the writer does in the time that it gives to one transaction.
const maxTogether = 64

// arriving is a message that waits to be kept, sealed and with its entry.
type arriving struct {
	ctx   context.Context
	m     *message
	entry audit.Prepared
	jobs  []queue.Job
	taken atomic.Bool // by the writer, or by the caller that waits no longer
	done  chan error  // of capacity 1: exactly one answer is given
	err   error       // of the write under way: errRepeat
}

// arrivals gathers the messages of a tenant that wait while others are being written, and keeps them together: each statement
// then writes the rows of many. Each has its own entry, and whoever comes alone waits for nobody.
type arrivals struct {
	mu      sync.Mutex // guards waiting
	waiting map[db.Tenant][]*arriving
}

// errLate is the answer to a caller whose request ended while its message waited.
func errLate(ctx context.Context) error {
	return ward.E(ward.Unavailable, "store.receive", "the request ended before its turn to write", ctx.Err())
}

// keep returns nil after the message is durable. When ctx ends before its turn it is not kept; after that its outcome is waited for.
func (s *Store) keep(ctx context.Context, n names, a *arriving) error {
	a.ctx, a.done = ctx, make(chan error, 1)
	w := &s.arrive
	w.mu.Lock()
	list, busy := w.waiting[n.tn]
	w.waiting[n.tn] = append(list, a)
	w.mu.Unlock()
	if !busy {
		go s.keepWaiting(context.WithoutCancel(ctx), n)
	}
	select {
	case err := <-a.done:
		return err
	case <-ctx.Done():
	}
	if a.taken.CompareAndSwap(false, true) {
		return errLate(ctx)
	}
	return <-a.done
}

// keepWaiting writes until nobody of the tenant waits.
func (s *Store) keepWaiting(ctx context.Context, n names) {
	for {
		batch, more := s.arrive.next(n.tn)
		if !more {
			return
		}
		if len(batch) > 0 {
			s.keepBatch(ctx, n, batch)
		}
	}
}

// next takes what is to be kept together; more is false when nobody waits, and then the next one begins anew.
func (w *arrivals) next(tn db.Tenant) (batch []*arriving, more bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	list := w.waiting[tn]
	if len(list) == 0 {
		delete(w.waiting, tn)
		return nil, false
	}
	part := list[:min(len(list), maxTogether)]
	w.waiting[tn] = list[len(part):]
	for _, a := range part {
		if a.ctx.Err() == nil && a.taken.CompareAndSwap(false, true) {
			batch = append(batch, a)
		}
	}
	return batch, true
}

// keepBatch writes messages in one transaction and answers their callers. What one of them is refused for must not keep out the
// others: each is then written alone. Whether a write was kept that the database could not confirm nobody knows: it is not done again.
func (s *Store) keepBatch(ctx context.Context, n names, batch []*arriving) {
	err := s.commit(db.First(ctx), n.tn, func(tx *db.Tx) error { return s.keepAll(ctx, tx, n, batch) })
	if err != nil && len(batch) > 1 && ward.KindOf(err) != ward.Unavailable {
		var wait sync.WaitGroup
		for _, a := range batch {
			wait.Go(func() { s.keepBatch(ctx, n, []*arriving{a}) })
		}
		wait.Wait()
		return
	}
	for _, a := range batch {
		if err != nil {
			a.err = err
		}
		a.done <- a.err
	}
}

// keepAll writes entries, rows and jobs of all but those that are there already, whose err is errRepeat.
func (s *Store) keepAll(ctx context.Context, tx *db.Tx, n names, batch []*arriving) error {
	fresh, err := before(ctx, tx, batch)
	if err != nil || len(fresh) == 0 {
		return err
	}
	entries, rows := make([]audit.Prepared, len(fresh)), make([][]any, len(fresh))
	var jobs []queue.Job
	for i, a := range fresh {
		entries[i] = a.entry
		jobs = append(jobs, a.jobs...)
	}
	rcs, err := s.log.EnterAll(ctx, tx, entries...)
	if err != nil {
		return err
	}
	for i, a := range fresh {
		id := rcs[i].ID()
		a.m.entry = id[:]
		rows[i] = a.m.columns(n)
	}
	if err := tx.Insert(ctx, "message", messageInsert, rows); err != nil || len(jobs) == 0 {
		return err
	}
	return queue.Enqueue(ctx, tx, jobs...)
}

// sameKeys asks for the message of the same key and body as each of the batch, and for one of the same key: at most two rows each, however
// many messages a sender has given one key.
func sameKeys(batch []*arriving) *query {
	q := &query{}
	tn := q.arg(int64(batch[0].m.tn))
	ask := func(m *message) {
		key := q.arg(m.key)
		q.add("SELECT key16, body16 FROM message WHERE tn = ", tn, " AND key16 = ", key, " AND body16 = ", q.arg(m.body16), " UNION ALL SELECT x.key16, x.body16 FROM ",
			"(SELECT key16, body16 FROM message WHERE tn = ", tn, " AND key16 = ", key, " ORDER BY body16 LIMIT 1) x")
	}
	ask(batch[0].m)
	for n := 1; n < len(batch) || n&(n-1) != 0; n++ { // few lengths, so that statements are prepared once
		q.add(" UNION ALL ")
		ask(batch[n%len(batch)].m)
	}
	return q
}

// before looks for messages of the same keys, in the table and before each in the batch, and returns those that are new.
func before(ctx context.Context, tx *db.Tx, batch []*arriving) (fresh []*arriving, err error) {
	q := sameKeys(batch)
	bodies := map[string][][]byte{}
	rows, err := tx.Query(ctx, q.String(), q.args...)
	err = each(rows, err, func(scan scanner) error {
		var key, body []byte
		err := scan.Scan(&key, &body)
		bodies[string(key)] = append(bodies[string(key)], body)
		return err
	})
	if err != nil {
		return nil, err
	}
	for _, a := range batch {
		known := bodies[string(a.m.key)]
		a.m.reused, a.err = int64(min(len(known), 1)), nil
		for _, b := range known {
			if bytes.Equal(b, a.m.body16) {
				a.err = errRepeat
			}
		}
		if a.err == nil {
			bodies[string(a.m.key)] = append(known, a.m.body16)
			fresh = append(fresh, a)
		}
	}
	return fresh, nil
}
