package audit

import (
	"errors"
	"io"

	"github.com/ward-health/ward/engine/keys"
)

// fillStep is how far zeros are written ahead, so that a sync in between changes neither size nor extents of the file.
const fillStep = 1 << 20

// tape is one file of chained frames at its writing end. Not safe for concurrent use.
type tape struct {
	f      file
	mac    keys.MAC
	off    int64 // where the next frame goes
	filled int64 // zeros reach to here
	prev   [32]byte
	group  uint16 // of the frames since the last sync
	buf    []byte
}

// outgoing is a frame to be written.
type outgoing struct {
	kind    byte
	payload []byte
}

// encode builds the frames into t.buf and returns the mac of the last. The last one ends the group if it is synced.
func (t *tape) encode(frames []outgoing, synced bool) (last [32]byte) {
	t.buf = t.buf[:0]
	last = t.prev
	for i, f := range frames {
		h := head{kind: f.kind, last: synced && i == len(frames)-1, n: len(f.payload), group: t.group}
		start := len(t.buf)
		t.buf = h.append(t.buf)
		last = link(t.mac, &last, t.buf[start:], f.payload)
		t.buf = append(t.buf, f.payload...)
		t.buf = append(t.buf, last[:]...)
	}
	return last
}

// write appends frames with one write and, if asked, one sync. After an error the tape must not be used any more: what
// reached the disk is not known.
func (t *tape) write(frames []outgoing, synced bool) error {
	last := t.encode(frames, synced)
	if err := t.fill(t.off + int64(len(t.buf))); err != nil {
		return err
	}
	if _, err := t.f.WriteAt(t.buf, t.off); err != nil {
		return err
	}
	if synced {
		if err := t.f.sync(); err != nil {
			return err
		}
		t.group++
	}
	t.off += int64(len(t.buf))
	t.prev = last
	if cap(t.buf) > 8<<20 {
		t.buf = nil
	}
	return nil
}

var zeros [64 << 10]byte

// fill writes zeros to a step beyond end. The next sync makes them durable with what stands before them.
func (t *tape) fill(end int64) error {
	if end <= t.filled {
		return nil
	}
	upTo := (end/fillStep + 1) * fillStep
	if err := writeZeros(t.f, t.filled, upTo); err != nil {
		return err
	}
	t.filled = upTo
	return nil
}

func writeZeros(f file, from, upTo int64) error {
	for from < upTo {
		n := min(int64(len(zeros)), upTo-from)
		if _, err := f.WriteAt(zeros[:n], from); err != nil {
			return err
		}
		from += n
	}
	return nil
}

// incoming is a frame that was read and whose mac fits. payload is valid until the next call.
type incoming struct {
	head
	off     int64 // of the head
	payload []byte
	mac     [32]byte
}

var (
	errFrameEnd    = errors.New("no frame: zeros or end of file")
	errFrameBroken = errors.New("broken frame")
)

// reel reads frames of one file in order and checks the chain. Not safe for concurrent use.
type reel struct {
	f     file
	mac   keys.MAC
	prev  [32]byte
	off   int64 // next frame
	group uint16
	last  bool  // the frame before ended its group
	limit int64 // nothing at or behind it is read; 0: end of file
	buf   []byte
	start int64 // file offset of buf
}

// next returns the next frame, errFrameEnd at a clean end, errFrameBroken, or an error of the disk.
func (r *reel) next() (incoming, error) {
	if r.limit > 0 && r.off >= r.limit {
		return incoming{}, errFrameEnd
	}
	b, err := r.window(frameHead)
	if err != nil {
		return incoming{}, err
	}
	if allZero(b) {
		return incoming{}, errFrameEnd
	}
	h, ok := parseHead(b)
	if !ok {
		return incoming{}, errFrameBroken
	}
	size := frameOverhead + h.n
	if b, err = r.window(size); err != nil {
		return incoming{}, err
	}
	if len(b) < size {
		return incoming{}, errFrameBroken
	}
	in := incoming{head: h, off: r.off, payload: b[frameHead : frameHead+h.n], mac: [32]byte(b[frameHead+h.n : size])}
	if link(r.mac, &r.prev, b[:frameHead], in.payload) != in.mac {
		return incoming{}, errFrameBroken
	}
	r.prev, r.group, r.last = in.mac, h.group, h.last
	r.off += int64(size)
	return in, nil
}

// The least and the most that is read at once.
const (
	firstWindow = 16 << 10
	mostWindow  = 256 << 10
)

// window returns up to n bytes at r.off, fewer at the end of the file.
func (r *reel) window(n int) ([]byte, error) {
	at := int(r.off - r.start)
	if at >= 0 && at+n <= len(r.buf) {
		return r.buf[at : at+n], nil
	}
	size := max(n, firstWindow, min(2*cap(r.buf), mostWindow)) // most passes find a few frames
	if cap(r.buf) < size {
		r.buf = make([]byte, size)
	}
	r.buf = r.buf[:size]
	got, err := r.f.ReadAt(r.buf, r.off)
	if err != nil && !errors.Is(err, io.EOF) {
		r.buf = r.buf[:0]
		return nil, err
	}
	r.buf, r.start = r.buf[:got], r.off
	return r.buf[:min(n, got)], nil
}

func allZero(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}
