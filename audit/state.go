package audit

import (
	"context"
	"encoding/binary"
	"fmt"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/audit/verify"
	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/engine/keys"
)

// state is the sequencer's durable state: the tree, and how far both sources have been read.
type state struct {
	edge  verify.Edge // its size is the number of sequenced entries
	epoch int64       // grows with every sequencer that takes over
	node  int64       // that sequences
	beat  int64       // changes while that node lives; not under the mac
	rows  cursor
	jrn   cursor
}

func (s *state) root() [32]byte { return s.edge.Root() }

// digest is the keyed digest over the row.
func (s *state) digest(m keys.MAC) [32]byte {
	var b []byte
	for _, v := range []int64{s.edge.Size, s.epoch, s.node, s.rows.a, s.rows.b, s.jrn.a, s.jrn.b} {
		b = binary.BigEndian.AppendUint64(b, uint64(v))
	}
	root := s.root()
	return m.Sum([]byte("state"), b, root[:], s.edge.Bytes(), s.jrn.bytes())
}

// values returns the columns in the order of stateColumns.
func (s *state) values(m keys.MAC) []any {
	root, mac := s.root(), s.digest(m)
	return []any{s.edge.Size, root[:], s.edge.Bytes(), s.epoch, s.node, s.beat, s.rows.a, s.rows.b, s.jrn.a, s.jrn.b, s.jrn.bytes(), mac[:]}
}

const stateColumns = "size, root, edge, epoch, node, beat, row_txid, row_seq, jrn_a, jrn_b, jrn_mac, mac"

var errState = ward.E(ward.Unavailable, "audit.state", "the log's state row in the database (audit_state) was changed or is damaged; restore the database", nil)

// readState returns the state and checks its mac; the zero state if none was stored yet.
func readState(ctx context.Context, tx *db.Tx, m keys.MAC) (state, bool, error) {
	var s state
	var size int64
	var edge, rest []byte
	var root, mac [32]byte
	ok, err := tx.Get(ctx, "SELECT "+stateColumns+" FROM audit_state WHERE one = 1", nil, &size, db.Fixed(root[:]), &edge, &s.epoch, &s.node,
		&s.beat, &s.rows.a, &s.rows.b, &s.jrn.a, &s.jrn.b, &rest, db.Fixed(mac[:]))
	if err != nil || !ok {
		return state{}, false, err
	}
	if s.edge, err = verify.ParseEdge(size, edge); err != nil {
		return state{}, false, errState
	}
	if s.jrn, ok = parseCursor(s.jrn.a, s.jrn.b, rest); !ok || s.root() != root || s.digest(m) != mac {
		return state{}, false, errState
	}
	return s, true, nil
}

// errFenced says that another sequencer has taken over.
var errFenced = ward.E(ward.Conflict, "audit.sequencer", "another sequencer has taken over this log; this one stops", nil)

// store replaces the state if it still is the one that s was made from: same epoch, same size.
func (s *state) store(ctx context.Context, tx *db.Tx, m keys.MAC, epoch, size int64) error {
	n, err := tx.Exec(ctx, `UPDATE audit_state SET size = $1, root = $2, edge = $3, epoch = $4, node = $5, beat = $6, row_txid = $7, row_seq = $8,
		jrn_a = $9, jrn_b = $10, jrn_mac = $11, mac = $12 WHERE one = 1 AND epoch = $13 AND size = $14`,
		append(s.values(m), epoch, size)...)
	if err == nil && n != 1 {
		err = errFenced
	}
	return err
}

// claim makes this node the sequencer: the epoch grows, so that whoever sequenced before fails at its next transaction.
func claim(ctx context.Context, d *db.DB, m keys.MAC, node int64) (state, error) {
	var s state
	err := d.Write(ctx, db.System, func(tx *db.Tx) error {
		if err := tx.Lock(ctx, "audit.sequencer"); err != nil {
			return err
		}
		var ok bool
		var err error
		if s, ok, err = readState(ctx, tx, m); err != nil {
			return err
		}
		epoch := s.epoch
		s.epoch, s.node = epoch+1, node
		if ok {
			return s.store(ctx, tx, m, epoch, s.edge.Size)
		}
		return tx.Insert(ctx, "audit_state", []string{"one", "size", "root", "edge", "epoch", "node", "beat", "row_txid", "row_seq", "jrn_a", "jrn_b", "jrn_mac", "mac"},
			[][]any{append([]any{int64(1)}, s.values(m)...)})
	})
	return s, err
}

// anchor is what the journal remembers of a publication: a database set back to an older state is found out by it.
type anchor struct {
	size  int64
	root  [32]byte
	epoch int64
	rows  cursor // a and b only
	jrn   cursor
}

const anchorSize = 8 + 32 + 8 + 32

func (a anchor) bytes() []byte {
	b := binary.BigEndian.AppendUint64(nil, uint64(a.size))
	b = append(b, a.root[:]...)
	for _, v := range []int64{a.epoch, a.rows.a, a.rows.b, a.jrn.a, a.jrn.b} {
		b = binary.BigEndian.AppendUint64(b, uint64(v))
	}
	return b
}

func parseAnchor(b []byte) (anchor, error) {
	if len(b) != anchorSize {
		return anchor{}, errPayload
	}
	s := &scanner{b: b}
	a := anchor{size: s.u64(), root: [32]byte(s.next(32)), epoch: s.u64()}
	a.rows = cursor{a: s.u64(), b: s.u64()}
	a.jrn = cursor{a: s.u64(), b: s.u64()}
	return a, nil
}

// rollback is the refusal of Open when the database is older than what was published.
func rollback(what string, args ...any) error {
	return ward.E(ward.Unavailable, "audit.open", "the log refuses to go on: the database is older than "+fmt.Sprintf(what, args...)+
		". It was set back (a restored backup or snapshot) while the log's folder was not. Restore database and folder from the same moment, "+
		"or keep both as they are and ask whoever checks the log", nil)
}
