package audit

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/engine/db"
)

const (
	stepMin   = 32                   // entries of one transaction
	stepMax   = 512                  //
	stepTime  = 5 * time.Millisecond // that one transaction may keep the data writer busy
	recentMax = 16_384               // leaves kept in memory until they are published
	leaseTime = 3 * time.Second      // a silent sequencer of another node is replaced after this
)

// target is a place in both sources.
type target struct{ rows, journal cursor }

// sequencer gives entries their index. One pass at a time.
type sequencer struct {
	mu     sync.Mutex // guards all below
	st     state
	stored target // the cursors as the database holds them: st may be ahead of it by frames without entries
	fresh  bool   // st is what the database holds
	leader bool
	fenced bool // for good: there is one process to a folder, so the other one is the rightful
	step   int
	rows   *feed
	recent [][]byte // leaves from index pub.size on; empty when they have to be read again
	gap    bool     // recent is not complete
	pub    *publisher

	seenBeat  int64 // of the other node's lease, by this node's clock
	seenEpoch int64
	seenAt    time.Time
}

// hold takes a state that the database holds.
func (s *sequencer) hold(st state) {
	s.st, s.stored = st, target{rows: st.rows, journal: st.jrn}
}

// pass sequences what both sources hold now, then publishes.
func (l *Log) pass(ctx context.Context) error {
	s := &l.seq
	s.mu.Lock()
	defer s.mu.Unlock()
	lead, err := l.lead(ctx)
	if err == nil && lead {
		err = l.sequence(ctx)
	}
	if err != nil {
		s.fresh, s.gap = false, true // what reached the database is not known
		s.recent = nil
		l.rowsRead = time.Time{}
		return err
	}
	return l.publish(ctx)
}

// lead makes sure that st is current, and reports whether this node sequences.
func (l *Log) lead(ctx context.Context) (bool, error) {
	s := &l.seq
	if s.fenced {
		return false, errFenced
	}
	if s.leader && s.fresh {
		return true, nil
	}
	old := s.st
	now, stored, err := l.readLive(ctx)
	if err != nil {
		return false, err
	}
	s.hold(now)
	if err := l.notOlder(s.st); err != nil {
		return false, err
	}
	s.recent, s.gap = nil, s.st.edge.Size != s.pub.size
	if s.leader && s.st.epoch == old.epoch {
		s.fresh = true
		return true, nil
	}
	if s.leader { // fenced while the outcome of a transaction was unknown
		l.deposed()
		return false, errFenced
	}
	if l.db.Engine() == "postgres" && stored && s.st.node != l.node && l.leaseHeld() {
		return false, nil
	}
	claimed, err := claim(ctx, l.db, l.mac, l.node)
	if err != nil {
		return false, err
	}
	s.hold(claimed)
	s.leader, s.fresh = true, true
	return true, nil
}

// deposed notes that another sequencer has taken over. On PostgreSQL this node then stands by.
func (l *Log) deposed() {
	l.seq.leader, l.seq.fenced = false, l.files != nil
}

// leaseHeld reports whether the node that sequences has given a sign of life within leaseTime.
func (l *Log) leaseHeld() bool {
	s := &l.seq
	if s.st.beat != s.seenBeat || s.st.epoch != s.seenEpoch || s.seenAt.IsZero() {
		s.seenBeat, s.seenEpoch, s.seenAt = s.st.beat, s.st.epoch, time.Now()
	}
	return time.Since(s.seenAt) < leaseTime
}

// notOlder refuses a state that is behind what was published here.
func (l *Log) notOlder(st state) error {
	if p := l.seq.pub; p != nil && st.edge.Size < p.size {
		return rollback("the checkpoint published here: %d entries against %d", st.edge.Size, p.size)
	} else if p != nil && st.edge.Size == p.size {
		if edge := p.edge(); edge.Root() != st.root() {
			return rollback("the checkpoint published here: its %d entries are others than those of the database", p.size)
		}
	}
	return nil
}

// readLive reads the state, and refuses a PostgreSQL cluster that counts transactions from below the cursors: rows made
// there would lie behind what has been read and never be sequenced.
func (l *Log) readLive(ctx context.Context) (st state, stored bool, err error) {
	var horizon int64
	err = l.db.Read(ctx, db.System, func(tx *db.Tx) error {
		if st, stored, err = readState(ctx, tx, l.mac); err != nil || tx.Engine() == "sqlite" {
			return err
		}
		horizon, err = tx.Horizon(ctx)
		return err
	})
	if newest := max(st.rows.a, st.jrn.a); err == nil && l.db.Engine() != "sqlite" && horizon <= newest {
		err = ward.E(ward.Unavailable, "audit.open", fmt.Sprintf("the log refuses to go on: it has read transactions up to number %d, but the "+
			"PostgreSQL cluster counts only up to %d. The database was dumped and restored into another cluster. Stop the cluster, set its next "+
			"transaction number beyond %d (pg_resetwal --epoch and --next-transaction-id), and start again", newest, horizon, newest), nil)
	}
	return st, stored, err
}

// sequence works until both sources have been read up to where they were when it began.
func (l *Log) sequence(ctx context.Context) error {
	var goal target
	if err := l.journal.reach(ctx, &goal); err != nil {
		return err
	}
	s := &l.seq
	rowsDone := !l.rowsWaiting()
	for !rowsDone || s.st.jrn.before(goal.journal) {
		entries, next, err := l.collect(ctx, &rowsDone)
		if err != nil {
			return err
		}
		if len(entries) == 0 {
			s.st.jrn, s.st.rows = next.journal, next.rows // only frames without entries: nothing to store
			if l.db.Engine() != "sqlite" {
				return nil // the rest is in transactions that others have not ended
			}
			continue
		}
		if err := l.commitStep(ctx, entries, next); err != nil {
			return err
		}
		if len(s.recent) >= recentMax {
			if err := l.publish(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// rowsWaiting reports whether audit_row has to be read: on SQLite every row is entered by this process.
func (l *Log) rowsWaiting() bool {
	if l.db.Engine() != "sqlite" {
		return true
	}
	asked := l.rowsEntered.Swap(0) > 0
	if asked || time.Since(l.rowsRead) > 5*time.Second {
		l.rowsRead = time.Now()
		return true
	}
	return false
}

// collect reads up to one step of entries from both sources.
func (l *Log) collect(ctx context.Context, rowsDone *bool) ([]entry, target, error) {
	s := &l.seq
	next := target{rows: s.st.rows, journal: s.st.jrn}
	var entries []entry
	if !*rowsDone {
		err := l.db.Read(ctx, db.System, func(tx *db.Tx) error {
			var err error
			entries, next.rows, err = s.rows.read(ctx, tx, s.st.rows, s.step)
			return err
		})
		if err != nil {
			return nil, next, err
		}
		*rowsDone = len(entries) < s.step
	}
	var err error
	next.journal, err = l.journal.read(ctx, s.st.jrn, s.step-len(entries), func(e entry) error {
		entries = append(entries, e)
		return nil
	})
	return entries, next, err
}

// commitStep gives the entries their indices in one transaction.
func (l *Log) commitStep(ctx context.Context, entries []entry, next target) error {
	s := &l.seq
	st := s.st
	st.edge = s.st.edge.Clone()
	st.rows, st.jrn = next.rows, next.journal
	st.beat = time.Now().UnixMicro()
	positions, subjects := positionRows(st.edge.Size, entries)
	for i := range entries {
		st.edge.Append(leafHash(entries[i].leaf))
	}
	var took time.Duration
	err := l.db.Write(ctx, db.System, func(tx *db.Tx) error {
		begin := time.Now()
		defer func() { took = time.Since(begin) }()
		if err := tx.Lock(ctx, "audit.sequencer"); err != nil {
			return err
		}
		if err := st.store(ctx, tx, l.mac, s.st.epoch, s.st.edge.Size); err != nil {
			return err
		}
		if err := tx.Insert(ctx, "audit_pos", []string{"idx", "id", "tn", "src", "a", "b"}, positions); err != nil {
			return doubled(err)
		}
		return tx.Insert(ctx, "audit_subject", []string{"tn", "tag", "idx"}, subjects)
	})
	if errors.Is(err, errFenced) {
		l.deposed()
	}
	if err != nil {
		return err
	}
	s.hold(st)
	for i := range entries {
		s.recent = append(s.recent, entries[i].leaf)
	}
	s.pace(len(entries), took)
	return nil
}

func doubled(err error) error {
	if !db.IsUnique(err) {
		return err
	}
	return ward.E(ward.Internal, "audit.sequencer", "an entry stands in the log's sources twice; stop the node and run the log's check", err)
}

// pace fits the number of entries of a transaction to the time that the data writer may be kept waiting.
func (s *sequencer) pace(n int, took time.Duration) {
	if took > stepTime {
		s.step = max(stepMin, s.step/2)
	} else if n == s.step && took < stepTime/2 {
		s.step = min(stepMax, s.step+s.step/4)
	}
}

func positionRows(first int64, entries []entry) (positions, subjects [][]any) {
	positions = make([][]any, len(entries))
	for i := range entries {
		e := &entries[i]
		idx := first + int64(i)
		positions[i] = []any{idx, e.id[:], int64(e.tn), e.src, e.a, e.b}
		for k := range e.tags {
			subjects = append(subjects, []any{int64(e.tn), e.tags[k][:], idx})
		}
	}
	return positions, subjects
}
