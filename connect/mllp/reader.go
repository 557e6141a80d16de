package mllp

import (
	"bytes"
	"fmt"
	"io"

	"github.com/ward-health/ward"
)

const (
	emptyReads = 100     // reads in succession that give nothing and no error
	cutCost    = 4 << 10 // what a cut frame counts against MaxSkip, whatever its length
)

// Reader splits a stream into frames. However the stream is cut into reads, the frames and errors are the same. It holds
// at most one frame and some room beyond it. It is not safe for concurrent use.
type Reader struct {
	src     io.Reader
	max     int // bytes of content
	maxSkip int
	more    func(size int) (*slab, error) // nil slab: none to be had, but cur is alone now
	begin   func() error                  // called at each start block

	cur  *slab
	a    int // cur.b[a:w] is not consumed yet; in a frame, a is where its content begins
	at   int // no start block in [a:at)
	seen int // no end block in [a:seen), at least at
	end  int // where the end block is, -1 if none in [a:w)
	w    int

	open  bool  // a start block was seen and its end block was not
	noise int   // bytes of the present run without a start block
	spent int   // skipped since the last frame, in bytes
	err   error // final
	late  error // came with the last bytes

	held  []byte // given out by Next, with the slab it lies in
	heldS *slab
}

// NewReader returns a Reader of frames of at most max bytes; max <= 0 means 16 MiB. It stops at 64 KiB of skipped bytes
// between two frames.
func NewReader(r io.Reader, max int) *Reader {
	l := Limits{MaxFrame: max}
	if max < 0 {
		l.MaxFrame = 0
	}
	return newReader(r, l.filled())
}

func newReader(r io.Reader, l Limits) *Reader {
	return &Reader{src: r, max: l.MaxFrame, maxSkip: l.MaxSkip, end: -1,
		more: func(size int) (*slab, error) { return newSlab(size, nil), nil }}
}

// Next returns the next frame's content, valid until the next call, when it is wiped. An error that holds a BadFrame
// (errors.As) tells of skipped bytes; the next call goes on behind them. Every other error is final: io.EOF at the end of
// the stream, ward.TooLarge for a frame over the bound, ward.Invalid for too many skipped bytes, or that of the source.
func (r *Reader) Next() ([]byte, error) {
	r.letGo()
	frame, s, err := r.next()
	r.held, r.heldS = frame, s
	return frame, err
}

func (r *Reader) letGo() {
	if r.heldS != nil {
		r.heldS.wipe(r.held)
		r.held, r.heldS = nil, nil
	}
}

// next returns a frame and the slab it lies in, on which the caller holds a reference.
func (r *Reader) next() ([]byte, *slab, error) {
	for {
		frame, err := r.scan()
		if frame != nil {
			r.cur.refs.Add(1)
			return frame, r.cur, nil
		}
		if err == nil {
			err = r.fill()
		}
		if err != nil {
			return nil, nil, err
		}
	}
}

// pending reports whether something that may be a frame is at hand.
func (r *Reader) pending() bool { return r.cur != nil && (r.open || !blank(r.cur.b[r.a:r.w])) }

// partial reports whether a frame, or bytes in place of one, have begun and not ended.
func (r *Reader) partial() bool { return r.open || r.noise > 0 }

// scan consumes what is at hand up to the end of a frame or to bytes that are none. Nil and nil: more is needed.
func (r *Reader) scan() ([]byte, error) {
	for r.at < r.w && r.err == nil {
		var frame []byte
		var err error
		if r.open {
			frame, err = r.inside()
		} else {
			err = r.between()
		}
		if frame != nil || err != nil {
			return frame, err
		}
	}
	return nil, nil
}

// between skips to the next start block.
func (r *Reader) between() error {
	b := r.cur.b
	// SPEC(HL7 MLLP release 1, block format): what comes before a start block is no content and is skipped.
	stop := r.w
	if i := bytes.IndexByte(b[r.at:r.w], startBlock); i >= 0 {
		stop = r.at + i
	}
	skip := b[r.at:min(stop, r.at+r.maxSkip+1-r.spent)]
	i := 0
	for r.noise == 0 && i < len(skip) && isFiller(skip[i]) {
		i++
	}
	r.noise += len(skip) - i
	if err := r.skipped(skip, len(skip)); err != nil {
		return err
	}
	if stop == r.w {
		return nil
	}
	clear(b[stop : stop+1])
	r.start(stop + 1)
	r.open = true
	if r.begin != nil {
		if err := r.begin(); err != nil {
			return r.fail(err)
		}
	}
	if r.noise > 0 {
		n := r.noise
		r.noise = 0
		return badFrame(Unframed, n)
	}
	return nil
}

// skipped wipes bytes at the front and counts cost against the bound.
func (r *Reader) skipped(b []byte, cost int) error {
	clear(b)
	r.a += len(b)
	r.at = r.a
	if r.spent += cost; r.spent > r.maxSkip {
		return r.fail(ward.E(ward.Invalid, "mllp.read", fmt.Sprintf("more than %d bytes between two frames are no frame; the peer must speak "+
			"MLLP (VT content FS CR) on this port, and TLS only where TLS is set up", r.maxSkip), errFlood))
	}
	return nil
}

// start begins anew at i: what lies before is consumed.
func (r *Reader) start(i int) { r.a, r.at, r.seen = i, i, max(i, r.seen) }

// findEnd looks at each byte once, however many start blocks come.
func (r *Reader) findEnd() {
	if r.end >= r.a {
		return
	}
	r.end, r.seen = -1, max(r.seen, r.a)
	i := bytes.IndexByte(r.cur.b[r.seen:r.w], endBlock)
	if i < 0 {
		r.seen = r.w
		return
	}
	r.seen += i
	r.end = r.seen
}

// inside looks for the end of the frame.
func (r *Reader) inside() ([]byte, error) {
	b := r.cur.b
	r.findEnd()
	stop := r.seen
	if k := bytes.IndexByte(b[r.at:min(stop, r.a+r.max+1)], startBlock); k >= 0 {
		return nil, r.cut(r.at + k)
	}
	if stop > r.a+r.max {
		return nil, r.fail(ward.E(ward.TooLarge, "mllp.read", fmt.Sprintf("a frame is larger than the bound of %d bytes; raise the bound "+
			"or send less at a time", r.max), nil))
	}
	if r.end < 0 {
		r.at = r.w
		return nil, nil
	}
	return r.whole(b[r.a:r.end:r.end])
}

// whole consumes a frame whose both ends were seen. The CR behind it, if it comes, is filler before the next one.
func (r *Reader) whole(content []byte) ([]byte, error) {
	clear(r.cur.b[r.end : r.end+1])
	r.start(r.end + 1)
	r.open = false
	if !blank(content) {
		r.spent = 0
		return content, nil
	}
	n := len(content)
	r.a -= n + 1 // count it as skipped
	if err := r.skipped(r.cur.b[r.a:r.a+n+1], n+2); err != nil {
		return nil, err
	}
	return nil, badFrame(Empty, n)
}

// cut starts anew at the start block at i. SPEC(HL7 MLLP release 1, block format): a start block cannot be content, so the frame
// before it was cut off, unless nothing but filler came between (a frame in a frame).
func (r *Reader) cut(i int) error {
	content := r.cur.b[r.a:i]
	n, none := len(content), blank(content)
	cost := cutCost
	if none {
		cost = n + 1
	}
	if err := r.skipped(r.cur.b[r.a:i+1], cost); err != nil {
		return err
	}
	r.start(i + 1)
	if none {
		return nil
	}
	return badFrame(Cut, n)
}

// fill reads once more. At the end, bytes that were no frame are told before the end is.
func (r *Reader) fill() error {
	if r.err == nil {
		r.err = r.read()
	}
	if r.err == nil {
		return nil
	}
	return r.ended()
}

func (r *Reader) read() error {
	if r.late != nil {
		return r.late
	}
	for range emptyReads {
		if err := r.room(); err != nil {
			return err
		}
		n, err := r.src.Read(r.cur.b[r.w:])
		r.w += n
		if n > 0 {
			r.late = err
			return nil
		}
		if err != nil {
			return err
		}
	}
	return io.ErrNoProgress
}

// fail makes err final. What was skipped before is told first.
func (r *Reader) fail(err error) error {
	r.err = err
	if r.noise > 0 {
		return r.ended()
	}
	r.open = false
	r.close()
	return err
}

func (r *Reader) ended() error {
	noise, open, n := r.noise, r.open, r.w-r.a
	cut := open && n > 0 && !blank(r.cur.b[r.a:r.w])
	r.noise, r.open = 0, false
	r.close()
	switch {
	case noise > 0:
		return badFrame(Unframed, noise)
	case cut:
		return badFrame(Cut, n)
	}
	return r.err
}

// close wipes what was read and not given out.
func (r *Reader) close() {
	if r.cur != nil {
		r.cur.wipe(r.cur.b[r.a:r.w])
		r.cur = nil
	}
	r.a, r.at, r.seen, r.w, r.end = 0, 0, 0, 0, -1
}

// room sees to it that something can be read: in the present slab while frames in flight share it, at its front when
// nobody does, else in another to which only the frame that has begun is moved.
func (r *Reader) room() error {
	if r.cur != nil && r.a == r.w {
		switch {
		case len(r.cur.b) > slabSize: // is not kept while waiting for what comes next
			r.close()
		case r.cur.alone():
			r.move(0)
		}
	}
	live := r.w - r.a
	if r.cur != nil && len(r.cur.b)-r.w >= minRoom {
		return nil
	}
	size := slabSize
	for size < 2*live {
		size *= 2
	}
	size = max(min(size, r.max+2*minRoom), slabSize)
	if r.cur != nil && r.cur.alone() && size <= len(r.cur.b) {
		r.shift()
		return nil
	}
	next, err := r.more(size)
	switch {
	case err != nil:
		return err
	case next != nil:
		r.replace(next)
	case r.cur != nil:
		r.shift()
	}
	return nil
}

// shift moves what is live to the slab's front.
func (r *Reader) shift() {
	live := copy(r.cur.b, r.cur.b[r.a:r.w])
	clear(r.cur.b[live:r.w])
	r.move(live)
}

func (r *Reader) replace(next *slab) {
	live := 0
	if r.cur != nil {
		live = copy(next.b, r.cur.b[r.a:r.w])
		r.cur.wipe(r.cur.b[r.a:r.w])
	}
	r.cur = next
	r.move(live)
}

// move corrects the positions after live bytes went to the front.
func (r *Reader) move(live int) {
	d := r.a
	r.a, r.w = 0, live
	r.at, r.seen = max(r.at-d, 0), max(r.seen-d, 0)
	if r.end >= 0 {
		r.end = max(r.end-d, -1)
	}
}
