package mllp

import (
	"errors"
	"os"
	"time"
)

// Read reads from the network within the deadline that holds now: for the rest of a frame that has begun, or for the next
// one to begin. Filler does not move a deadline.
func (c *conn) Read(b []byte) (int, error) {
	c.clock()
	for {
		if err := c.arm(); err != nil {
			return 0, err
		}
		n, err := c.nc.Read(b)
		if n > 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			return n, err
		}
		if err := c.expired(time.Now()); err != nil {
			return 0, err
		}
	}
}

// clock starts the time of a frame that has begun. It runs until a frame is whole: cut frames do not start it anew.
func (c *conn) clock() {
	if !c.rd.partial() {
		c.slow = time.Time{}
	} else if c.slow.IsZero() {
		c.slow = after(time.Now(), c.s.limits.Read)
	}
}

// arm sees to it that the read deadline in force is not later than the one that holds. An earlier one may stay: it is
// looked at when it passes, which is cheaper than moving it at each frame.
func (c *conn) arm() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopping || c.failed {
		return errStopping
	}
	d := c.deadline()
	if d.IsZero() && c.armed.IsZero() || !c.armed.IsZero() && !d.IsZero() && !c.armed.After(d) && c.armed.After(time.Now()) {
		return nil
	}
	c.armed = d
	return c.nc.SetReadDeadline(d)
}

// deadline is the one that holds; c.mu is held.
func (c *conn) deadline() time.Time {
	switch {
	case c.rd.partial():
		return c.slow
	case !c.first:
		return after(c.active, c.s.limits.FirstByte)
	case c.head != c.tail: // the peer awaits replies
		return after(time.Now(), c.s.limits.Idle)
	default:
		return after(c.active, c.s.limits.Idle)
	}
}

// expired says whether the deadline that holds has passed.
func (c *conn) expired(now time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if d := c.deadline(); c.stopping || c.failed || d.IsZero() || d.After(now) {
		return nil // arm tells
	}
	if c.rd.partial() {
		return &timeoutError{Slow}
	}
	return &timeoutError{NoFrame}
}
