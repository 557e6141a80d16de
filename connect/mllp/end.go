package mllp

import (
	"crypto/tls"
	"errors"
	"io"
	"time"

	"github.com/ward-health/ward"
)

// ended notes why reading came to its end.
func (c *conn) ended(err error) {
	var t *timeoutError
	switch {
	case errors.Is(err, io.EOF):
		c.note(ByPeer, nil)
	case errors.Is(err, errStopping):
		c.note(Stopped, nil)
	case errors.As(err, &t):
		c.s.observe(Event{Kind: Timeout, Why: t.why, From: c.peer})
		c.note(Bound, nil)
	case errors.Is(err, errFlood):
		c.note(Flooded, nil)
	case errors.Is(err, errGate):
		c.note(ByGate, err)
	case ward.KindOf(err) == ward.TooLarge:
		c.s.observe(Event{Kind: TooLarge, From: c.peer})
		c.note(Bound, nil)
	default:
		c.note(Lost, err)
	}
}

func (c *conn) note(why Why, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.why == None {
		c.why, c.whyErr = why, err
	}
}

var (
	errStopping = errors.New("stopping")
	errGate     = errors.New("gate")
)

type timeoutError struct{ why Why }

func (t *timeoutError) Error() string { return "timeout: " + t.why.String() }

// stop makes the connection read no more. What was read is served and answered.
func (c *conn) stop() {
	c.mu.Lock()
	c.stopping = true
	if c.why == None {
		c.why = Stopped
	}
	c.interrupt()
	c.mu.Unlock()
}

// interrupt ends waiting for the network or the gate; c.mu is held, stopping or failed is set.
func (c *conn) interrupt() {
	c.halt()
	_ = c.nc.SetReadDeadline(time.Unix(1, 0))
}

// abandon cuts the connection without waiting for any handler.
func (c *conn) abandon() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.abandoned, c.stopping, c.failed = true, true, true
	c.interrupt()
	c.raw.Close()
	c.room.Broadcast()
	c.ready.Broadcast()
}

const lingerBytes = 4 << 20

// close ends the connection so that the replies that were written arrive: a socket closed with unread bytes would reset
// the connection and throw them away at the peer. So the end is said, and what still comes is read for a moment.
func (c *conn) close() {
	c.mu.Lock()
	why, err, abandoned := c.why, c.whyErr, c.abandoned
	c.mu.Unlock()
	if !abandoned && why != Lost {
		c.sayEnd()
	}
	c.raw.Close()
	c.s.observe(Event{Kind: Closed, Why: why, From: c.peer, Err: err})
}

func (c *conn) sayEnd() {
	_ = c.nc.SetDeadline(time.Now().Add(c.s.linger))
	if t, ok := c.nc.(*tls.Conn); ok {
		_ = t.CloseWrite()
	}
	half, ok := c.raw.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		return
	}
	s := newSlab(slabSize, nil)
	defer s.release()
	for n := 0; n < c.s.rest; {
		k, err := c.raw.Read(s.b)
		clear(s.b[:k])
		if n += k; err != nil {
			return
		}
	}
}
