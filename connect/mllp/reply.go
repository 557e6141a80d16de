package mllp

import (
	"errors"
	"os"
	"time"
)

// maxBatch is how many bytes of replies are put into one write, unless one reply is longer.
const maxBatch = 16 << 10

// maxSlot is how large a reply's buffer may be to be kept for the next one.
const maxSlot = 1 << 10

// slot is a frame in flight. Its number is its place in the ring.
type slot struct {
	n     uint64
	frame []byte
	in    *slab
	whole time.Time // when the frame was read
	out   []byte    // the framed reply; kept for the next frame
	err   error
	done  bool
}

func (c *conn) slot(n uint64) *slot { return &c.slots[n%uint64(len(c.slots))] }

// reserve waits until a frame may be read: fewer than Pipeline frames are in flight.
func (c *conn) reserve() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.tail-c.head == uint64(len(c.slots)) && !c.failed {
		c.room.Wait()
	}
	return !c.failed
}

// take puts a frame in flight and returns its number.
func (c *conn) take(frame []byte, in *slab) (uint64, bool) {
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failed {
		return 0, false
	}
	n := c.tail
	s := c.slot(n)
	s.n, s.frame, s.in, s.whole, s.err, s.done = n, frame, in, now, nil, false
	c.tail++
	c.first, c.active, c.slow = true, now, time.Time{}
	return n, true
}

// complete takes the answer to frame n; false if there was one.
func (c *conn) complete(n uint64, b []byte, err error) bool {
	if err == nil && len(b) > 0 {
		err = Check(b, c.s.limits.MaxFrame)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.slot(n)
	if s.n != n || s.done {
		return false
	}
	s.done, s.err, s.out = true, err, s.out[:0]
	if err == nil && len(b) > 0 {
		s.out = Append(s.out, b)
	}
	s.in.wipe(s.frame)
	s.frame, s.in = nil, nil
	if n == c.head {
		c.ready.Signal()
	}
	return true
}

// write sends replies in the order of the frames until all frames are answered and no more will come.
func (c *conn) write() {
	defer close(c.written)
	var buf []byte
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		for !c.abandoned && !(c.head < c.tail && c.slot(c.head).done) && !(c.readEnded && c.head == c.tail) {
			c.ready.Wait()
		}
		if c.abandoned || c.head == c.tail {
			return
		}
		n, out, failure := c.batch(&buf)
		c.mu.Unlock()
		sent := c.send(n, out)
		if failure != nil {
			c.s.observe(Event{Kind: Failed, From: c.peer, Err: failure})
		}
		c.mu.Lock()
		c.advance(n)
		switch {
		case failure != nil:
			c.fail(ByHandler, nil)
		case sent != nil:
			c.fail(Lost, sent)
		}
	}
}

// batch gathers the replies that can leave now, up to the first that is an error. n counts the frames. c.mu is held.
func (c *conn) batch(buf *[]byte) (n uint64, out []byte, failure error) {
	out = (*buf)[:0]
	for c.head+n < c.tail {
		s := c.slot(c.head + n)
		if !s.done {
			break
		}
		n++
		if c.failed {
			continue
		}
		if s.err != nil {
			failure = s.err
			break
		}
		if len(s.out) > maxBatch && n == 1 {
			return n, s.out, nil
		}
		if len(out)+len(s.out) > maxBatch {
			n--
			break
		}
		out = append(out, s.out...)
	}
	*buf = out
	return n, out, failure
}

// send writes once. The n slots from head on belong to the writer until advance.
func (c *conn) send(n uint64, out []byte) error {
	if len(out) == 0 {
		return nil
	}
	_ = c.nc.SetWriteDeadline(after(time.Now(), c.s.limits.Write))
	_, err := c.nc.Write(out)
	clear(out)
	if err != nil {
		if errors.Is(err, os.ErrDeadlineExceeded) {
			c.s.observe(Event{Kind: Timeout, Why: NotRead, From: c.peer})
		}
		return err
	}
	now := time.Now()
	for i := range n {
		if s := c.slot(c.head + i); s.err == nil && len(s.out) > 0 {
			c.s.observe(Event{Kind: Reply, From: c.peer, Bytes: len(s.out) - framing, Took: now.Sub(s.whole)})
		}
	}
	return nil
}

const framing = 3 // bytes that Append adds

// advance frees n slots; c.mu is held.
func (c *conn) advance(n uint64) {
	for i := range n {
		s := c.slot(c.head + i)
		clear(s.out)
		if cap(s.out) > maxSlot {
			s.out = nil
		}
		s.err = nil
	}
	c.head += n
	c.active = time.Now()
	c.room.Broadcast()
}

// fail makes the connection end: nothing more is read or answered. c.mu is held.
func (c *conn) fail(why Why, err error) {
	if c.why == None || c.why == Stopped {
		c.why, c.whyErr = why, err
	}
	c.failed = true
	c.interrupt()
	c.room.Broadcast()
}
