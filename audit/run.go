package audit

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/engine/db"
)

const (
	countsEvery = time.Minute
	beatEvery   = time.Second
	waitMax     = 5 * time.Second // between passes while disk or database fail
	maxSources  = 1024
	maxSource   = 200 // bytes
)

// counts holds the refused requests without principal until an entry is made of them.
type counts struct {
	mu sync.Mutex
	by map[string]int64
}

// Unauthenticated counts a refused request without principal; one entry per source and minute is written by Run. Beyond
// 1,024 sources a minute the rest is counted together. The source stands in the sealed note only.
func (l *Log) Unauthenticated(source string) {
	source = strings.ToValidUTF8(source, "?")
	if len(source) > maxSource {
		source = strings.ToValidUTF8(source[:maxSource], "")
	}
	l.counts.mu.Lock()
	defer l.counts.mu.Unlock()
	if l.counts.by == nil {
		l.counts.by = map[string]int64{}
	}
	if _, ok := l.counts.by[source]; !ok && len(l.counts.by) >= maxSources {
		source = "other"
	}
	l.counts.by[source]++
}

// writeCounts makes the entries of the counted requests; what could not be written is counted on.
func (l *Log) writeCounts(ctx context.Context) error {
	l.counts.mu.Lock()
	by := l.counts.by
	l.counts.by = nil
	l.counts.mu.Unlock()
	var failed error
	for source, n := range by {
		if failed == nil {
			_, failed = l.Begin(ctx, Intent{Tenant: db.System, Act: ActUnauthenticated, Outcome: Denied, Note: fmt.Sprintf("%d requests from %s", n, source)})
			if failed == nil {
				continue
			}
		}
		l.counts.mu.Lock()
		if l.counts.by == nil {
			l.counts.by = map[string]int64{}
		}
		l.counts.by[source] += n
		l.counts.mu.Unlock()
	}
	return failed
}

// Run sequences, signs and publishes every interval until ctx ends, then once more. It returns early when the log is
// damaged (ward.Internal), or on SQLite when another sequencer has taken over (ward.Conflict); entries are still made durable
// after that, but get no index. While disk or database fail it goes on trying, less often, and Degraded says so.
func (l *Log) Run(ctx context.Context) error {
	tick := time.NewTicker(l.c.Every)
	defer tick.Stop()
	counted, beaten := time.Now(), time.Now()
	var again time.Time // no pass before
	var wait time.Duration
	for {
		select {
		case <-ctx.Done():
			return l.finish()
		case <-tick.C:
		}
		if time.Now().Before(again) {
			continue
		}
		var err error
		if time.Since(counted) >= countsEvery {
			counted = time.Now()
			err = l.writeCounts(ctx)
		}
		if err == nil {
			err = l.try(ctx)
		}
		if err == nil && time.Since(beaten) >= beatEvery {
			beaten = time.Now()
			err = l.beat(ctx)
		}
		if err == nil || ctx.Err() != nil || errors.Is(err, errFenced) && l.files == nil {
			wait = 0
			continue
		}
		l.trouble.Store(&err)
		if ward.KindOf(err) == ward.Internal || errors.Is(err, errFenced) {
			return err
		}
		wait = min(waitMax, max(2*wait, l.c.Every))
		again = time.Now().Add(wait)
	}
}

// finish is the last pass, on a context of its own.
func (l *Log) finish() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	return errors.Join(l.writeCounts(ctx), l.try(ctx))
}

// try makes a pass and remembers its trouble for Degraded.
func (l *Log) try(ctx context.Context) error {
	err := l.mergeBack(ctx)
	if err == nil {
		err = l.pass(ctx)
	}
	if err != nil {
		l.trouble.Store(&err)
	} else {
		l.trouble.Store(nil)
	}
	return err
}

// mergeBack empties the emergency journal while the node runs. Only a journal in the database comes back by itself; one
// of files stays poisoned until the log is opened again.
func (l *Log) mergeBack(ctx context.Context) error {
	t, ok := l.journal.(*table)
	if !ok || l.emergency.count() == 0 {
		return nil
	}
	l.seq.mu.Lock()
	defer l.seq.mu.Unlock()
	known := map[ward.ID]bool{}
	if err := l.unsequenced(ctx, t, known); err != nil {
		return err
	}
	if err := l.merge(ctx, known); err != nil {
		return err
	}
	return l.mergeNote(ctx)
}

// beat is the sign of life of a sequencer that has nothing to do, for the other nodes.
func (l *Log) beat(ctx context.Context) error {
	if l.db.Engine() == "sqlite" {
		return nil
	}
	l.seq.mu.Lock()
	defer l.seq.mu.Unlock()
	if !l.seq.leader {
		return nil
	}
	return l.db.Write(ctx, db.System, func(tx *db.Tx) error {
		n, err := tx.Exec(ctx, "UPDATE audit_state SET beat = $1 WHERE one = 1 AND epoch = $2", time.Now().UnixMicro(), l.seq.st.epoch)
		if err == nil && n != 1 {
			l.deposed()
			err = errFenced
		}
		return err
	})
}

// Flush returns when every entry made before the call is under a published checkpoint. It works with or without Run.
func (l *Log) Flush(ctx context.Context) error {
	var goal target
	if err := l.reach(ctx, &goal); err != nil {
		return err
	}
	for {
		if err := l.try(ctx); err != nil {
			return err
		}
		if l.reached(goal) {
			break
		}
		select {
		case <-ctx.Done():
			return ward.E(ward.Unavailable, "audit.flush", "the request ended before its entries were published", ctx.Err())
		case <-time.After(5 * time.Millisecond): // transactions of others have not ended yet
		}
	}
	if n := l.emergency.count(); n > 0 {
		return ward.E(ward.Unavailable, "audit.flush", fmt.Sprintf("%d entries wait in the emergency journal; mend the journal's disk and restart the node", n), nil)
	}
	return nil
}

func (l *Log) reach(ctx context.Context, goal *target) error {
	l.seq.mu.Lock()
	l.rowsRead = time.Time{} // the next pass reads the rows, whatever it was told
	l.seq.mu.Unlock()
	if err := l.journal.reach(ctx, goal); err != nil {
		return err
	}
	return l.db.Read(ctx, db.System, func(tx *db.Tx) error { return newest(ctx, tx, "audit_row", &goal.rows) })
}

func (l *Log) reached(goal target) bool {
	l.seq.mu.Lock()
	defer l.seq.mu.Unlock()
	s := &l.seq
	return !s.st.rows.before(goal.rows) && !s.st.jrn.before(goal.journal) && s.pub.size == s.st.edge.Size
}

// Size returns the number of entries under the newest published checkpoint.
func (l *Log) Size() int64 { return l.size.Load() }

// Ready fails when entries cannot be made durable now (for /readyz).
func (l *Log) Ready() error {
	if l.files == nil {
		return l.emergency.usable()
	}
	l.files.mu.Lock()
	broken := l.files.broken
	l.files.mu.Unlock()
	if broken == nil {
		return nil
	}
	return l.emergency.usable()
}

// Degraded says what needs an operator although entries are still made durable: the journal failed and the emergency
// journal is in use, or entries get no index. Nil if all is well.
func (l *Log) Degraded() error {
	if l.files != nil {
		l.files.mu.Lock()
		defer l.files.mu.Unlock()
		if l.files.broken != nil {
			return l.files.broken
		}
	}
	if n := l.emergency.count(); n > 0 {
		return ward.E(ward.Unavailable, "audit.emergency", fmt.Sprintf("%d entries wait in the emergency journal", n), nil)
	}
	if e := l.trouble.Load(); e != nil {
		return *e
	}
	return nil
}

// VerifierKey returns the log's public key as a C2SP note verifier key.
func (l *Log) VerifierKey() string { return l.vkey }
