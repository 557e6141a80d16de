package audit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strconv"

	"golang.org/x/mod/sumdb/note"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/audit/verify"
)

// levels of tiles: 256^8 entries are more than fit an index.
const levels = 8

// publisher writes tiles and bundles. It holds the partial ones at the right edge; everything left of them is on disk.
// Not safe for concurrent use.
type publisher struct {
	disk   disk
	dir    string
	size   int64
	tiles  [levels][]byte // hashes of the partial tile of each level
	bundle []byte         // entries of the partial bundle
	stale  [levels]bool   // partial tile changed since it was written

	dirty map[string]bool // folders with names that are not durable yet
	known map[string]bool // folders whose own names are durable
	same  bool            // leave files alone that are right already
}

func newPublisher(d disk, dir string) *publisher {
	return &publisher{disk: d, dir: dir, dirty: map[string]bool{}, known: map[string]bool{dir: true}}
}

// clone returns a copy to work on, so that a failure half-way changes nothing. The folders are shared.
func (p *publisher) clone() *publisher {
	c := *p
	c.bundle = bytes.Clone(p.bundle)
	for i := range c.tiles {
		c.tiles[i] = bytes.Clone(p.tiles[i])
	}
	return &c
}

// add appends one leaf and writes what became full.
func (p *publisher) add(leaf []byte) error {
	p.bundle = verify.AppendEntry(p.bundle, leaf)
	h := leafHash(leaf)
	p.size++
	if p.size%verify.TileWidth == 0 {
		if err := p.put(verify.EntriesLevel, p.size/verify.TileWidth-1, verify.TileWidth, p.bundle); err != nil {
			return err
		}
		p.bundle = p.bundle[:0]
	}
	n := p.size
	for level := range levels {
		p.tiles[level] = append(p.tiles[level], h[:]...)
		p.stale[level] = true
		if len(p.tiles[level]) < 32*verify.TileWidth {
			return nil
		}
		n /= verify.TileWidth
		if err := p.put(level, n-1, verify.TileWidth, p.tiles[level]); err != nil {
			return err
		}
		h = verify.TileRoot(p.tiles[level])
		p.tiles[level], p.stale[level] = p.tiles[level][:0], false
	}
	return errors.New("audit: the log is full")
}

// edge returns the right edge of the tree under the tiles.
func (p *publisher) edge() verify.Edge {
	e := verify.Edge{Size: p.size}
	for level := levels - 1; level >= 0; level-- {
		tile := p.tiles[level]
		for width := verify.TileWidth / 2; width >= 1; width /= 2 {
			if len(tile)/32&width != 0 {
				at := len(tile) / 32 &^ (2*width - 1)
				e.Nodes = append(e.Nodes, verify.TileRoot(tile[32*at:32*(at+width)]))
			}
		}
	}
	return e
}

// partials writes the partial tiles and makes all names durable. What a reader of the new size needs is on disk then.
func (p *publisher) partials() error {
	if w := int(p.size % verify.TileWidth); w > 0 && p.stale[0] {
		if err := p.put(verify.EntriesLevel, p.size/verify.TileWidth, w, p.bundle); err != nil {
			return err
		}
	}
	for level := range levels {
		full, w := verify.TileCount(p.size, level)
		if w > 0 && p.stale[level] {
			if err := p.put(level, full, w, p.tiles[level]); err != nil {
				return err
			}
			p.stale[level] = false
		}
	}
	for dir := range p.dirty {
		if err := p.disk.syncDir(dir); err != nil {
			return err
		}
		p.known[dir] = true
		delete(p.dirty, dir)
	}
	return nil
}

func (p *publisher) path(level int, n int64, width int) string {
	return filepath.Join(p.dir, filepath.FromSlash(verify.TilePath(level, n, width)))
}

func (p *publisher) put(level int, n int64, width int, content []byte) error {
	name := p.path(level, n, width)
	if p.same {
		if have, err := readFile(p.disk, name, 1<<20); err == nil && bytes.Equal(have, content) {
			return nil
		}
	}
	if err := writeFile(p.disk, name, content); err != nil {
		return err
	}
	for dir := filepath.Dir(name); len(dir) >= len(p.dir); dir = filepath.Dir(dir) {
		p.dirty[dir] = true
		if p.known[dir] {
			break
		}
	}
	return nil
}

// tidy removes partial tiles that the checkpoint of this size does not need; the ones of older checkpoints are cut out
// of the newer ones when asked for. What cannot be removed does no harm and is met again when its tile is full.
func (p *publisher) tidy(old int64) {
	for level := verify.EntriesLevel; level < levels; level++ {
		n, w := verify.TileCount(old, level)
		full, now := verify.TileCount(p.size, level)
		if w == 0 || n == full && w == now {
			continue
		}
		dir := filepath.Dir(p.path(level, n, w))
		names, err := p.disk.names(dir)
		for _, name := range names {
			if err == nil && (n < full || name != strconv.Itoa(now)) {
				err = p.disk.remove(filepath.Join(dir, name))
			}
		}
		if err == nil && n < full && p.disk.remove(dir) == nil {
			delete(p.known, dir)
		}
	}
}

// readTile reads a tile or bundle of a width, out of a wider one if it must. Publications meanwhile may replace the one
// that was about to be read by a wider one, so it looks more than once.
func readTile(d disk, dir string, level int, n int64, width int) (b []byte, err error) {
	for range 3 {
		if b, err = lookTile(d, dir, level, n, width); width == verify.TileWidth || !errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	return b, err
}

func lookTile(d disk, dir string, level int, n int64, width int) ([]byte, error) {
	at := func(w int) string { return filepath.Join(dir, filepath.FromSlash(verify.TilePath(level, n, w))) }
	b, err := readFile(d, at(width), 1<<20)
	if err == nil || width == verify.TileWidth || !errors.Is(err, fs.ErrNotExist) {
		return b, err
	}
	names, listErr := d.names(filepath.Dir(at(width)))
	if listErr != nil {
		return nil, listErr
	}
	for _, name := range append(names, "") {
		w, convErr := strconv.Atoi(name)
		if name == "" {
			w, convErr = verify.TileWidth, nil
		}
		if convErr != nil || w <= width || w > verify.TileWidth {
			continue
		}
		if b, err = readFile(d, at(w), 1<<20); err == nil {
			return narrow(b, level, width)
		}
	}
	return nil, err
}

func narrow(b []byte, level, width int) ([]byte, error) {
	if level != verify.EntriesLevel {
		if len(b) < 32*width {
			return nil, errors.New("audit: a tile is too short")
		}
		return b[:32*width], nil
	}
	rest := b
	for range width {
		var err error
		if _, rest, err = verify.NextEntry(rest); err != nil {
			return nil, err
		}
	}
	return b[:len(b)-len(rest)], nil
}

// load takes up the right edge of what is on disk for a tree of the given size; an error means that files are missing
// or do not fit together.
func (p *publisher) load(c verify.Checkpoint) error {
	p.size = c.Size
	var err error
	for level := range levels {
		if full, w := verify.TileCount(c.Size, level); w > 0 {
			if p.tiles[level], err = readTile(p.disk, p.dir, level, full, w); err != nil {
				return err
			}
			if len(p.tiles[level]) != 32*w {
				return fmt.Errorf("audit: the partial tile of level %d has a wrong length", level)
			}
		}
	}
	if full, w := verify.TileCount(c.Size, 0); w > 0 {
		if p.bundle, err = readTile(p.disk, p.dir, verify.EntriesLevel, full, w); err != nil {
			return err
		}
		var hashes []byte
		for rest := p.bundle; len(rest) > 0; {
			var entry []byte
			if entry, rest, err = verify.NextEntry(rest); err != nil {
				return err
			}
			h := leafHash(entry)
			hashes = append(hashes, h[:]...)
		}
		if !bytes.Equal(hashes, p.tiles[0]) {
			return errors.New("audit: the partial bundle does not fit its tile")
		}
	}
	edge := p.edge()
	if edge.Root() != c.Root {
		return errors.New("audit: the tiles do not fit the checkpoint")
	}
	return p.complete()
}

// complete looks for full tiles and bundles that are missing.
func (p *publisher) complete() error {
	for level := verify.EntriesLevel; level < levels; level++ {
		full, _ := verify.TileCount(p.size, level)
		for base := int64(0); base < full; base += 1000 {
			names, err := p.disk.names(filepath.Dir(p.path(level, base, verify.TileWidth)))
			if err != nil {
				return err
			}
			have := make(map[string]bool, len(names))
			for _, name := range names {
				have[name] = true
			}
			for n := base; n < min(full, base+1000); n++ {
				if !have[fmt.Sprintf("%03d", n%1000)] {
					return fmt.Errorf("audit: %s is missing", verify.TilePath(level, n, verify.TileWidth))
				}
			}
		}
	}
	return nil
}

// publish brings the published side from its size to that of the state, and signs. It is called with seq.mu held and
// after the state is durable.
func (l *Log) publish(ctx context.Context) error {
	s := &l.seq
	if s.st.edge.Size == s.pub.size {
		return nil
	}
	if err := l.notOlder(s.st); err != nil {
		return err
	}
	old := s.pub.size
	next := s.pub.clone()
	if err := l.extendTiles(ctx, next); err != nil {
		return err
	}
	edge := next.edge()
	root := s.st.root()
	if next.size != s.st.edge.Size || edge.Root() != root {
		return rollback("the checkpoint published here: the first %d entries are not those of the database any more", old)
	}
	c := verify.Checkpoint{Origin: l.c.Origin, Size: next.size, Root: root}
	signed, err := note.Sign(&note.Note{Text: c.Text()}, l.signer)
	if err != nil {
		return ward.E(ward.Unavailable, "audit.publish", "the checkpoint cannot be signed", err)
	}
	fail := func(err error) error {
		return ward.E(ward.Unavailable, "audit.publish", "the log's tiles or checkpoint cannot be written; check the disk that holds its folder", err)
	}
	if err := next.partials(); err != nil {
		return fail(err)
	}
	if err := writeFile(l.disk, filepath.Join(l.c.Dir, checkpointName), signed); err != nil {
		return fail(err)
	}
	if err := l.disk.syncDir(l.c.Dir); err != nil {
		return fail(err)
	}
	s.pub = next
	s.recent, s.gap = s.recent[:0], false
	l.size.Store(next.size)
	l.journal.anchor(anchor{size: next.size, root: root, epoch: s.st.epoch, rows: s.stored.rows, jrn: s.stored.journal})
	next.tidy(old)
	return nil
}

const checkpointName = "checkpoint"

// extendTiles adds the leaves that are missing: from memory if they are all there, else from the sources.
func (l *Log) extendTiles(ctx context.Context, p *publisher) error {
	s := &l.seq
	add := func(leaf []byte) error {
		if err := p.add(leaf); err != nil {
			return ward.E(ward.Unavailable, "audit.publish", "the log's tiles cannot be written; check the disk that holds its folder", err)
		}
		return nil
	}
	if !s.gap && p.size+int64(len(s.recent)) == s.st.edge.Size {
		for _, leaf := range s.recent {
			if err := add(leaf); err != nil {
				return err
			}
		}
		return nil
	}
	return l.each(ctx, p.size, s.st.edge.Size, func(_ int64, e *payload) error { return add(e.leaf) })
}

// signer makes the note signer of a node key.
type signer struct {
	name string
	hash uint32
	sign func([]byte) ([]byte, error)
}

func (s signer) Name() string                        { return s.name }
func (s signer) KeyHash() uint32                     { return s.hash }
func (s signer) Sign(message []byte) ([]byte, error) { return s.sign(message) }

func leafHash(leaf []byte) verify.Hash { return verify.LeafHash(leaf) }
