package audit

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/engine/keys"
)

// journal is the durable source of all entries that are not rows of a writing transaction.
type journal interface {
	// append makes frames durable, all or, after an error, nobody knows which. Calls do not overlap.
	append(ctx context.Context, frames []outgoing) error
	// anchor notes what was published, without a sync of its own.
	anchor(a anchor)
	// read calls fn for up to max entries behind the cursor that are durable, in order, after checking their chain, and
	// returns the cursor behind the last.
	read(ctx context.Context, from cursor, max int, fn func(entry) error) (cursor, error)
	// reach fills target with the place up to which everything is durable now.
	reach(ctx context.Context, target *target) error
	close() error
}

// cursor is a place in a source. For journal files: segment a, offset b, and the state of the chain before it. For
// tables: txid a, sequence number b.
type cursor struct {
	a, b  int64
	mac   [32]byte
	group uint16
	last  bool
}

func (c cursor) before(d cursor) bool { return c.a < d.a || c.a == d.a && c.b < d.b }

// bytes encodes what is not a number.
func (c cursor) bytes() []byte {
	b := append([]byte(nil), c.mac[:]...)
	b = binary.BigEndian.AppendUint16(b, c.group)
	if c.last {
		return append(b, 1)
	}
	return append(b, 0)
}

func parseCursor(a, b int64, rest []byte) (cursor, bool) {
	if len(rest) != 35 {
		return cursor{}, false
	}
	return cursor{a: a, b: b, mac: [32]byte(rest), group: binary.BigEndian.Uint16(rest[32:]), last: rest[34] == 1}, true
}

// segmentMax is when a new segment file begins.
const segmentMax = 64 << 20

const segmentMagic = "WARDJRN1"

// files is the journal of embedded nodes: segment files of chained frames, one write and one sync a group.
type files struct {
	disk disk
	dir  string
	mac  keys.MAC
	max  int64 // segmentMax, smaller in tests

	mu      sync.Mutex // guards all below
	tape    *tape
	segment int64
	durable cursor
	broken  error // set by the first failure; nothing is written after it
}

func segmentName(n int64) string { return fmt.Sprintf("%012d.seg", n) }

// chainStart is the mac before the first frame of the first segment.
func chainStart(m keys.MAC, what string) [32]byte { return m.Sum([]byte("ward/audit/" + what)) }

// append implements journal. An error poisons the journal until the log is opened again: after a failed sync the kernel
// may have dropped the data and call the next sync a success.
func (j *files) append(_ context.Context, frames []outgoing) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.broken != nil {
		return j.broken
	}
	size := int64(0)
	for _, f := range frames {
		size += frameOverhead + int64(len(f.payload))
	}
	err := error(nil)
	if j.tape.off+size > j.max && j.tape.off > frameOverhead+16 {
		err = j.rotate()
	}
	if err == nil {
		err = j.tape.write(frames, true)
	}
	if err != nil {
		j.broken = ward.E(ward.Unavailable, "audit.journal",
			"the audit journal cannot be written; check the disk that holds it, then restart the node", err)
		return j.broken
	}
	j.settle()
	return nil
}

// settle notes that everything written is durable.
func (j *files) settle() {
	t := j.tape
	j.durable = cursor{a: j.segment, b: t.off, mac: t.prev, group: t.group - 1, last: true}
}

// anchor implements journal. The frame belongs to the next group, whose sync makes it durable.
func (j *files) anchor(a anchor) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.broken != nil {
		return
	}
	if err := j.tape.write([]outgoing{{frameAnchor, a.bytes()}}, false); err != nil {
		j.broken = ward.E(ward.Unavailable, "audit.journal",
			"the audit journal cannot be written; check the disk that holds it, then restart the node", err)
	}
}

// rotate makes the next segment under another name, durably, and renames it: a segment file is there with its first
// frame or not at all. Called with mu held; what was written before must be durable first.
func (j *files) rotate() error {
	if err := j.tape.f.sync(); err != nil {
		return err
	}
	t, err := newSegment(j.disk, j.dir, j.segment+1, j.tape.mac, j.tape.prev, j.tape.group)
	if err != nil {
		return err
	}
	err = j.tape.f.Close()
	j.tape, j.segment = t, j.segment+1
	return err
}

func newSegment(d disk, dir string, n int64, m keys.MAC, prev [32]byte, group uint16) (*tape, error) {
	name := filepath.Join(dir, segmentName(n))
	f, err := d.open(name+".new", true)
	if err != nil {
		return nil, err
	}
	t := &tape{f: f, mac: m, prev: prev, group: group}
	err = t.write([]outgoing{{frameSegment, binary.BigEndian.AppendUint64([]byte(segmentMagic), uint64(n))}}, true)
	if err == nil {
		err = d.rename(name+".new", name)
	}
	if err == nil {
		err = d.syncDir(dir)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return t, nil
}

// segments lists the numbers of the segment files, which must follow each other.
func segments(d disk, dir string) (first, last int64, err error) {
	names, err := d.names(dir)
	if err != nil {
		return 0, 0, err
	}
	have := map[int64]bool{}
	for _, name := range names {
		number, ok := strings.CutSuffix(name, ".seg")
		n, err := strconv.ParseInt(number, 10, 64)
		if !ok || err != nil || n < 1 || segmentName(n) != name {
			continue
		}
		have[n] = true
		last = max(last, n)
	}
	for first = last; first > 1 && have[first-1]; first-- {
	}
	if int64(len(have)) != last-first+1 && last > 0 {
		return 0, 0, fmt.Errorf("segment %d is missing in %s", first-1, dir)
	}
	return first, last, nil
}

// scan reads frames from a cursor up to limit (segment and offset), checks the chain and calls fn for each frame until
// it returns false. It returns the cursor behind the last frame that fn saw, and errFrameBroken where the chain breaks.
func (j *files) scan(from, limit cursor, fn func(segment int64, in incoming) (bool, error)) (cursor, error) {
	if from.a == 0 {
		from = cursor{a: 1, mac: chainStart(j.mac, "journal"), last: true}
	}
	for {
		at, more, err := j.scanSegment(from, limit, fn)
		if err != nil || !more || at.a >= limit.a {
			return at, err
		}
		from = at
		from.a, from.b = at.a+1, 0
	}
}

// scanSegment reads one file. more is false when fn has had enough.
func (j *files) scanSegment(from, limit cursor, fn func(int64, incoming) (bool, error)) (at cursor, more bool, err error) {
	f, err := j.disk.open(filepath.Join(j.dir, segmentName(from.a)), false)
	if err != nil {
		return from, false, err
	}
	defer f.Close()
	r := &reel{f: f, mac: j.mac, prev: from.mac, off: from.b, group: from.group, last: from.last}
	if from.a == limit.a {
		r.limit = limit.b
		if from.b >= limit.b {
			return from, false, nil
		}
	}
	here := func() cursor { return cursor{from.a, r.off, r.prev, r.group, r.last} }
	for at = here(); ; at = here() {
		in, err := r.next()
		if errors.Is(err, errFrameEnd) {
			return at, true, nil
		}
		if err != nil {
			return at, false, err
		}
		if err := checkSegment(from.a, in); err != nil {
			return at, false, err
		}
		more, err := fn(from.a, in)
		if err != nil {
			return at, false, err
		}
		if !more {
			return here(), false, nil
		}
	}
}

// checkSegment: the first frame of a file, and no other, says which file it is.
func checkSegment(n int64, in incoming) error {
	if (in.kind == frameSegment) != (in.off == 0) {
		return errFrameBroken
	}
	if in.off == 0 && string(in.payload) != segmentMagic+string(binary.BigEndian.AppendUint64(nil, uint64(n))) {
		return errFrameBroken
	}
	return nil
}

// read implements journal.
func (j *files) read(_ context.Context, from cursor, max int, fn func(entry) error) (cursor, error) {
	j.mu.Lock()
	limit := j.durable
	j.mu.Unlock()
	if !from.before(limit) || max <= 0 {
		return from, nil
	}
	count := 0
	at, err := j.scan(from, limit, func(segment int64, in incoming) (bool, error) {
		if in.kind != frameEntry && in.kind != frameMerged {
			return true, nil
		}
		e, err := newEntry(in.payload, srcFile, segment, in.off)
		if err != nil {
			return false, err
		}
		count++
		return count < max, fn(e)
	})
	if err != nil && !errors.Is(err, errFrameBroken) && !errors.Is(err, errPayload) {
		return from, unreadable(err)
	}
	if err != nil {
		return from, ward.E(ward.Internal, "audit.journal", fmt.Sprintf(
			"the audit journal is damaged in segment %d near offset %d; stop the node, keep the files, run the log's check", at.a, at.b), err)
	}
	return at, nil
}

// unreadable is for what the disk or the system refuses; nothing is known to be damaged then.
func unreadable(err error) error {
	return ward.E(ward.Unavailable, "audit.journal", "the audit journal cannot be read; check the disk that holds it and the number of open files", err)
}

// reach implements journal.
func (j *files) reach(_ context.Context, t *target) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	t.journal = cursor{a: j.durable.a, b: j.durable.b}
	return nil
}

// close makes the last anchors durable.
func (j *files) close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	var err error
	if j.broken == nil {
		err = j.tape.f.sync()
		j.broken = ward.E(ward.Unavailable, "audit.journal", "the log is closed", nil)
	}
	return errors.Join(err, j.tape.f.Close())
}

// loader reads single entries by position. It keeps the segment that it read last open, and a piece of it, because
// entries mostly lie in the order of their indices. Not safe for concurrent use.
type loader struct {
	j       *files
	segment int64
	f       file
	piece   []byte
	start   int64 // offset of piece
}

const (
	pieceFirst = 4 << 10  // read for a single entry
	pieceNext  = 64 << 10 // read for one of many
)

// load returns the payload of the entry frame at an offset, after checking its mac. It is valid until the next call.
func (l *loader) load(segment, off int64) ([]byte, error) {
	bad := fmt.Errorf("no entry in segment %d at offset %d", segment, off)
	if off < frameOverhead {
		return nil, bad
	}
	size := pieceNext
	if l.f == nil || l.segment != segment {
		l.close()
		f, err := l.j.disk.open(filepath.Join(l.j.dir, segmentName(segment)), false)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, bad
		}
		if err != nil {
			return nil, unreadable(err)
		}
		l.f, l.segment, l.piece, size = f, segment, l.piece[:0], pieceFirst
	}
	b, err := l.at(off-frameMAC, frameMAC+frameHead, size)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, bad
	}
	if err != nil {
		return nil, unreadable(err)
	}
	h, ok := parseHead(b[frameMAC:])
	if !ok || h.kind != frameEntry && h.kind != frameMerged {
		return nil, bad
	}
	if b, err = l.at(off-frameMAC, frameMAC+frameOverhead+h.n, size); errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, bad
	}
	if err != nil {
		return nil, unreadable(err)
	}
	prev, frame := [32]byte(b), b[frameMAC:]
	payload := frame[frameHead : frameHead+h.n]
	if link(l.j.mac, &prev, frame[:frameHead], payload) != [32]byte(frame[frameHead+h.n:]) {
		return nil, bad
	}
	return payload, nil
}

// at returns n bytes at an offset out of the piece, which is read anew if they are not in it.
func (l *loader) at(off int64, n, size int) ([]byte, error) {
	if i := off - l.start; i >= 0 && i+int64(n) <= int64(len(l.piece)) {
		return l.piece[i : i+int64(n)], nil
	}
	size = max(size, n)
	if cap(l.piece) < size {
		l.piece = make([]byte, size)
	}
	l.piece, l.start = l.piece[:size], off
	got, err := l.f.ReadAt(l.piece, off)
	l.piece = l.piece[:got]
	if got >= n {
		return l.piece[:n], nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return nil, err
}

func (l *loader) close() {
	if l.f != nil {
		l.f.Close()
		l.f = nil
	}
}
