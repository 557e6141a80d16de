package audit

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/ward-health/ward/audit/verify"
	"github.com/ward-health/ward/engine/db"
)

// Fault is one finding of Check.
type Fault struct {
	Class string // "journal", "tile", "checkpoint", "row", "position", "rollback"
	Where string
	What  string
}

// maxFaults bounds what one Check reports.
const maxFaults = 1000

// checker collects faults.
type checker struct {
	log      *Log
	faults   []Fault
	st       state
	at       verify.Checkpoint
	anchors  map[int64][32]byte // root by size, for sizes that the tiles do not reach
	tree     treeWalk           // over the published tiles
	inFiles  int64              // entries of journal files before the state's cursor
	inRows   int64              // rows before the state's cursor
	subjects [32]byte           // sum of keyed digests of what audit_subject should hold
}

func (c *checker) fault(class, where, format string, args ...any) {
	if len(c.faults) < maxFaults {
		c.faults = append(c.faults, Fault{class, where, fmt.Sprintf(format, args...)})
	}
}

// Check re-verifies everything: journal frames and chain, rows and chain, positions, every tile and bundle against the
// recomputed tree, the checkpoint and its signature, anchors. It may run while the log is in use. The error is for what
// keeps it from checking.
func (l *Log) Check(ctx context.Context) ([]Fault, error) {
	c := &checker{log: l, anchors: map[int64][32]byte{}}
	signed, at, err := l.published() // before the state, which must not be behind it
	if err != nil && (!errors.Is(err, noEntry) || l.Size() > 0) {
		c.fault("checkpoint", checkpointName, "%v", err)
	}
	c.at = at
	if err := l.db.Read(ctx, db.System, func(tx *db.Tx) error { return c.state(ctx, tx) }); err != nil {
		return c.faults, err
	}
	if c.st.edge.Size < at.Size {
		c.fault("rollback", "audit_state", "the database holds %d entries, the published checkpoint %d", c.st.edge.Size, at.Size)
	}
	if signed != nil {
		c.tiles(signed)
	}
	steps := []func(context.Context) error{c.files, c.rows, c.heads, c.positions, c.subjectRows}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return c.faults, err
		}
	}
	return c.faults, nil
}

// state reads the sequencer's state and counts positions in the same snapshot.
func (c *checker) state(ctx context.Context, tx *db.Tx) error {
	var err error
	if c.st, _, err = readState(ctx, tx, c.log.mac); err != nil {
		if !errors.Is(err, errState) {
			return err
		}
		c.fault("position", "audit_state", "%v", err)
		return nil
	}
	var n int64
	if _, err := tx.Get(ctx, "SELECT COUNT(*) FROM audit_pos", nil, &n); err != nil {
		return err
	}
	if n != c.st.edge.Size {
		c.fault("position", "audit_pos", "%d rows for %d entries", n, c.st.edge.Size)
	}
	return nil
}

// tiles checks the published side as anyone outside would.
func (c *checker) tiles(signed []byte) {
	report, err := verify.Log(view{c.log.disk, c.log.c.Dir, signed}, c.log.vkey)
	if err != nil {
		c.fault("checkpoint", checkpointName, "%v", err)
	}
	for _, f := range report.Faults {
		where, what, _ := strings.Cut(f, ": ")
		class := "checkpoint"
		if strings.HasPrefix(where, "tile/") {
			class = "tile"
		}
		c.fault(class, where, "%s", what)
	}
}

// files checks every frame of the journal files and collects the anchors.
func (c *checker) files(context.Context) error {
	j := c.log.files
	if j == nil {
		return nil
	}
	first, last, err := segments(j.disk, j.dir)
	if err != nil || first != 1 {
		c.fault("journal", "journal", "segment files are missing: %v", err)
		return nil
	}
	limit := j.written(c)
	at, err := j.scan(cursor{}, limit, func(segment int64, in incoming) (bool, error) {
		where := fmt.Sprintf("segment %d offset %d", segment, in.off)
		switch in.kind {
		case frameAnchor:
			c.anchor(where, in.payload)
		case frameEntry, frameMerged:
			if (cursor{a: segment, b: in.off}).before(c.st.jrn) {
				c.inFiles++
			}
			if p, err := parsePayload(in.payload); err != nil {
				c.fault("journal", where, "%v", err)
			} else if leaf, err := verify.ParseLeaf(p.leaf); err != nil || leaf.Detail != p.commitment() {
				c.fault("journal", where, "the detail is not the one that the leaf commits to")
			}
		}
		return true, nil
	})
	if err != nil && !errors.Is(err, errFrameBroken) && !errors.Is(err, fs.ErrNotExist) {
		return unreadable(err)
	}
	if err != nil || at.before(limit) {
		c.fault("journal", fmt.Sprintf("segment %d offset %d", at.a, at.b), "the chain of frames breaks: %v", err)
	}
	for n := first; n < last; n++ {
		c.segmentEnd(n)
	}
	return nil
}

// written returns where the next frame goes, and looks that nothing stands behind it.
func (j *files) written(c *checker) cursor {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.broken != nil {
		return cursor{a: j.durable.a, b: j.durable.b}
	}
	limit := cursor{a: j.segment, b: j.tape.off}
	if size, err := j.tape.f.size(); err == nil && size > limit.b {
		if rest, err := readAt(j.tape.f, limit.b, size-limit.b); err != nil || !allZero(rest) {
			c.fault("journal", fmt.Sprintf("segment %d offset %d", limit.a, limit.b), "something stands behind the last frame")
		}
	}
	return limit
}

func readAt(f file, off, n int64) ([]byte, error) {
	b := make([]byte, n)
	_, err := f.ReadAt(b, off)
	return b, err
}

// segmentEnd looks that nothing but zeros stands behind the last frame of a finished segment.
func (c *checker) segmentEnd(n int64) {
	j := c.log.files
	where := fmt.Sprintf("segment %d", n)
	f, err := j.disk.open(filepath.Join(j.dir, segmentName(n)), false)
	if err != nil {
		c.fault("journal", where, "%v", err)
		return
	}
	defer f.Close()
	size, err := f.size()
	if err != nil {
		c.fault("journal", where, "%v", err)
		return
	}
	end := int64(0)
	for r := (&reel{f: f, mac: j.mac}); ; {
		b, err := r.window(frameHead) // the chain was checked: only lengths are needed
		h, ok := parseHead(b)
		if err != nil || !ok {
			end = r.off
			break
		}
		r.off += int64(frameOverhead + h.n)
	}
	if end < size {
		if rest, err := readAt(f, end, size-end); err != nil || !allZero(rest) {
			c.fault("journal", where, "something stands behind the last frame")
		}
	}
}

func (c *checker) anchor(where string, b []byte) {
	a, err := parseAnchor(b)
	if err != nil {
		c.fault("journal", where, "the anchor is malformed")
		return
	}
	if a.size > c.st.edge.Size || c.st.jrn.before(a.jrn) || c.st.rows.before(a.rows) {
		if a.size <= c.log.Size() && a.size > c.at.Size {
			return // published after this check began
		}
		c.fault("rollback", where, "%d entries were published, the database holds %d", a.size, c.st.edge.Size)
		return
	}
	if root, ok := c.treeRoot(a.size); ok {
		if root != a.root {
			c.fault("rollback", where, "the first %d entries are not those that were published", a.size)
		}
		return
	}
	if root, ok := c.anchors[a.size]; ok && root != a.root {
		c.fault("rollback", where, "two trees of %d entries were published", a.size)
	}
	if len(c.anchors) < maxAnchors {
		c.anchors[a.size] = a.root
	}
}

// maxAnchors bounds the anchors kept for the walk over the positions: those made since the checkpoint was read, or, when
// checkpoint or tiles are damaged, which is a fault of its own, some.
const maxAnchors = 4096

// treeWalk goes over the published tiles of level 0 in step with the anchors, whose sizes grow.
type treeWalk struct {
	edge verify.Edge
	tile []byte
}

// treeRoot returns the root over the first size entries as the tiles have them; false where they do not reach.
func (c *checker) treeRoot(size int64) (root [32]byte, ok bool) {
	if size > c.at.Size {
		return root, false
	}
	t := &c.tree
	if size < t.edge.Size {
		*t = treeWalk{}
	}
	for t.edge.Size < size {
		at := t.edge.Size % verify.TileWidth
		if at == 0 {
			full, partial := verify.TileCount(c.at.Size, 0)
			n, width := t.edge.Size/verify.TileWidth, verify.TileWidth
			if n == full {
				width = partial
			}
			t.tile, _ = readTile(c.log.disk, c.log.c.Dir, 0, n, width) // what cannot be read was reported by tiles
		}
		if int64(len(t.tile)) < 32*(at+1) {
			return root, false
		}
		t.edge.Append(verify.Hash(t.tile[32*at:]))
	}
	return t.edge.Root(), true
}

// rows checks both source tables chain by chain.
func (c *checker) rows(ctx context.Context) error {
	for _, src := range []int64{srcRow, srcTable} {
		f := newFeed(src, c.log.mac)
		before := c.st.rows
		key := []string{"tn", "node", "n"}
		if src == srcTable {
			before, key = c.st.jrn, []string{"node", "n"}
		}
		if err := c.table(ctx, f, before, key); err != nil {
			return err
		}
	}
	return nil
}

func (c *checker) table(ctx context.Context, f *feed, before cursor, key []string) error {
	last := make([]any, len(key))
	for i := range last {
		last[i] = int64(-1) << 62
	}
	columns := strings.Join(key, ", ")
	clause := fmt.Sprintf("WHERE (%s) > (%s) ORDER BY %s LIMIT %d", columns, db.Placeholders(1, len(key)), columns, feedMax)
	var prev feedRow
	for {
		var rows []feedRow
		err := c.log.db.Read(ctx, db.System, func(tx *db.Tx) error {
			var err error
			rows, err = f.query(ctx, tx, clause, last...)
			return err
		})
		if err != nil || len(rows) == 0 {
			return err
		}
		for i := range rows {
			r := &rows[i]
			c.row(f, r, &prev)
			if !before.before(cursor{a: r.txid, b: r.seq}) {
				c.inRows++
			}
			prev = *r
			prev.payload = nil
			last[len(last)-1], last[len(last)-2] = r.n, r.chain.node
			if len(last) == 3 {
				last[0] = int64(r.chain.tn)
			}
		}
	}
}

// row checks one row against the one before it in its chain.
func (c *checker) row(f *feed, r, prev *feedRow) {
	link, n := prev.link, prev.n
	if prev.chain != r.chain {
		link, n = [32]byte{}, 0
	}
	if r.n != n+1 {
		c.fault("row", r.where(), "rows of its chain before it are missing")
		return // the link cannot be checked
	}
	if linkRow(f.mac, r.chain, r.rowAt, link[:], r.payload) != r.link {
		c.fault("row", r.where(), "the row or the one before it was changed")
	}
	p, err := parsePayload(r.payload)
	if err != nil || string(p.id[:]) != string(r.id) {
		c.fault("row", r.where(), "the row holds no entry, or one of another id")
		return
	}
	if p.tenant != r.tn {
		c.fault("row", r.where(), "the row is filed under another tenant than its entry's")
	}
	if leaf, err := verify.ParseLeaf(p.leaf); err != nil || leaf.Detail != p.commitment() {
		c.fault("row", r.where(), "the detail is not the one that the leaf commits to")
	}
}

type chainHead struct {
	chain chainOf
	n     int64
	link  []byte
	mac   []byte
}

// heads compares the newest link of each chain with the newest row, in one snapshot.
func (c *checker) heads(ctx context.Context) error {
	return c.log.db.Read(ctx, db.System, func(tx *db.Tx) error {
		heads, err := readHeads(ctx, tx)
		if err != nil {
			return err
		}
		known := map[string]bool{}
		for _, h := range heads {
			where := fmt.Sprintf("audit_chain tn %d node %d src %d", h.chain.tn, h.chain.node, h.chain.src)
			known[fmt.Sprint(h.chain)] = true
			want := headMAC(c.log.mac, h.chain, h.n, h.link)
			if string(want[:]) != string(h.mac) {
				c.fault("row", where, "the head of the chain was changed")
			}
			var n int64
			var link []byte
			ok, err := tx.Get(ctx, "SELECT n, chain FROM "+h.chain.table()+" WHERE node = $1"+h.chain.scope()+" ORDER BY n DESC LIMIT 1",
				[]any{h.chain.node}, &n, &link)
			if err != nil {
				return err
			}
			if !ok || n != h.n || string(link) != string(h.link) {
				c.fault("row", where, "the newest row of the chain is not the one that was written last: it has %d rows instead of %d", n, h.n)
			}
		}
		return c.headless(ctx, tx, known)
	})
}

// headless finds chains whose head is gone.
func (c *checker) headless(ctx context.Context, tx *db.Tx, known map[string]bool) error {
	for _, q := range []string{"SELECT DISTINCT tn, node, 1 FROM audit_row", "SELECT DISTINCT 0, node, 3 FROM audit_journal"} {
		rows, err := tx.Query(ctx, q)
		if err != nil {
			return err
		}
		for rows.Next() {
			var ch chainOf
			var tn int64
			if err := rows.Scan(&tn, &ch.node, &ch.src); err != nil {
				return errors.Join(err, rows.Close())
			}
			ch.tn = db.Tenant(tn)
			if !known[fmt.Sprint(ch)] {
				c.fault("row", fmt.Sprintf("audit_chain tn %d node %d src %d", ch.tn, ch.node, ch.src), "the head of the chain is missing")
			}
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			return err
		}
	}
	return nil
}

func readHeads(ctx context.Context, tx *db.Tx) ([]chainHead, error) {
	rows, err := tx.Query(ctx, "SELECT tn, node, src, n, chain, mac FROM audit_chain ORDER BY tn, node, src")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []chainHead
	for rows.Next() {
		var h chainHead
		var tn int64
		if err := rows.Scan(&tn, &h.chain.node, &h.chain.src, &h.n, &h.link, &h.mac); err != nil {
			return nil, scanFault(ctx, rows, err)
		}
		h.chain.tn = db.Tenant(tn)
		out = append(out, h)
	}
	return out, rows.Err()
}
