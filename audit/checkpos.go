package audit

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/audit/verify"
	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/engine/keys/seal"
)

// positions recomputes the tree from the sources, in the order of audit_pos, and compares it with the published
// bundles, the checkpoint, the anchors and the state.
func (c *checker) positions(ctx context.Context) error {
	load := &loader{j: c.log.files}
	defer load.close()
	w := &walk{checker: c, load: load, bySource: map[int64]int64{}}
	w.roots()
	for from := int64(0); from < c.st.edge.Size && !w.lost; from += pageSize {
		var page []place
		err := c.log.db.Read(ctx, db.System, func(tx *db.Tx) error {
			var err error
			page, err = places(ctx, tx, "WHERE p.idx >= $1 AND p.idx < $2 ORDER BY p.idx", from, min(c.st.edge.Size, from+pageSize))
			return err
		})
		if err != nil {
			return err
		}
		for i := range page {
			if err := w.place(&page[i]); err != nil {
				return err
			}
		}
	}
	if w.edge.Size != c.st.edge.Size {
		c.fault("position", "audit_pos", "%d of %d entries were found in their places", w.edge.Size, c.st.edge.Size)
		return nil
	}
	rows := w.bySource[srcRow] + w.bySource[srcTable]
	if rows != c.inRows || w.bySource[srcFile] != c.inFiles {
		c.fault("position", "audit_state", "%d rows and %d frames lie before the cursors, %d and %d have an index",
			c.inRows, c.inFiles, rows, w.bySource[srcFile])
	}
	return nil
}

// walk goes through the positions.
type walk struct {
	*checker
	load     *loader
	edge     verify.Edge
	bySource map[int64]int64
	bundle   []byte // rest of the published bundle
	lost     bool   // an entry is missing, the tree cannot be recomputed
}

// place checks one position. The error is for a disk that cannot be read.
func (w *walk) place(p *place) error {
	where := fmt.Sprintf("audit_pos idx %d", p.idx)
	if p.idx != w.edge.Size {
		w.fault("position", where, "rows before it are missing")
		w.lost = true
	}
	if w.lost {
		return nil
	}
	e, err := p.resolve(w.load)
	if ward.KindOf(err) == ward.Unavailable {
		return err
	}
	if err != nil {
		w.fault("position", where, "the entry cannot be read from its place: %v", err)
		w.lost = true
		return nil
	}
	w.bySource[p.src]++
	w.published(where, e.leaf)
	w.edge.Append(leafHash(e.leaf))
	w.roots()
	tags, err := e.tags()
	if err != nil {
		w.fault("position", where, "the entry's detail is malformed")
	}
	for _, tag := range tags {
		w.add(e.tenant, tag[:], p.idx)
	}
	return nil
}

// published compares a leaf of the sources with the published one.
func (w *walk) published(where string, leaf []byte) {
	idx := w.edge.Size
	if idx >= w.at.Size {
		return
	}
	if idx%verify.TileWidth == 0 {
		full, partial := verify.TileCount(w.at.Size, verify.EntriesLevel)
		width := verify.TileWidth
		if idx/verify.TileWidth == full {
			width = partial
		}
		// A bundle that cannot be read was reported by tiles.
		w.bundle, _ = readTile(w.log.disk, w.log.c.Dir, verify.EntriesLevel, idx/verify.TileWidth, width)
	}
	entry, rest, err := verify.NextEntry(w.bundle)
	w.bundle = rest
	if err == nil && !bytes.Equal(entry, leaf) {
		w.fault("position", where, "the entry at its place is not the one that was published")
	}
}

// roots compares the tree so far with what was promised for its size.
func (w *walk) roots() {
	size := w.edge.Size
	if root, ok := w.anchors[size]; ok && w.edge.Root() != root {
		w.fault("rollback", fmt.Sprintf("anchor of size %d", size), "the entries are not those that were published")
	}
	if size == w.at.Size && w.at.Size > 0 && w.edge.Root() != w.at.Root {
		w.fault("rollback", checkpointName, "its %d entries are not the first of the database", size)
	}
	if size == w.st.edge.Size && size > 0 && w.edge.Root() != w.st.root() {
		w.fault("position", "audit_state", "the tree of the %d entries is not the one that the state holds", size)
	}
}

// add sums keyed digests of rows of audit_subject: equal sums mean equal sets.
func (c *checker) add(tn db.Tenant, tag []byte, idx int64) {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:], uint64(tn))
	binary.BigEndian.PutUint64(b[8:], uint64(idx))
	d := c.log.mac.Sum([]byte("subject"), b[:], tag)
	for i := range c.subjects {
		c.subjects[i] ^= d[i]
	}
}

// subjectRows adds what audit_subject holds to the sum of what it should hold: zero remains.
func (c *checker) subjectRows(ctx context.Context) error {
	if len(c.faults) > 0 {
		return nil // the sum may be of fewer entries
	}
	err := c.log.db.Read(ctx, db.System, func(tx *db.Tx) error {
		rows, err := tx.Query(ctx, "SELECT tn, tag, idx FROM audit_subject ORDER BY tn, tag, idx")
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var tn, idx int64
			var tag seal.Subject
			if err := rows.Scan(&tn, db.Fixed(tag[:]), &idx); err != nil {
				if err := scanFault(ctx, rows, nil); err != nil {
					return err
				}
				c.fault("position", "audit_subject", "a row cannot be read")
				return nil
			}
			if idx < c.st.edge.Size {
				c.add(db.Tenant(tn), tag[:], idx)
			}
		}
		return rows.Err()
	})
	if err == nil && c.subjects != ([32]byte{}) {
		c.fault("position", "audit_subject", "the rows are not those that the entries name")
	}
	return err
}
