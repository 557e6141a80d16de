package mllp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ward-health/ward"
)

// conn is one connection. One goroutine reads and calls the handler, one writes replies.
type conn struct {
	s    *Server
	nc   net.Conn // TLS, if any
	raw  net.Conn // what can be cut at once
	peer Peer
	rd   *Reader
	own  atomic.Bool     // the slab that is not charged to the budget is taken
	gate context.Context // ends when the connection is to stop
	halt context.CancelFunc

	slow time.Time // when the frame that has begun must be whole; used by the reading goroutine only

	mu        sync.Mutex
	room      sync.Cond // a slot came free, or no more will
	ready     sync.Cond // the first slot is answered, or reading ended
	slots     []slot    // ring
	head      uint64    // number of the first frame that is not answered on the wire
	tail      uint64    // number of the next frame
	active    time.Time // of the last whole frame or reply
	first     bool      // a whole frame came
	armed     time.Time // the read deadline in force
	stopping  bool      // read no more; answer what was read
	failed    bool      // answer nothing from head on
	readEnded bool
	abandoned bool // wait for no handler
	why       Why  // of closing, the first that was noted
	whyErr    error
	written   chan struct{} // closed when the writer is done
}

func newConn(s *Server, nc net.Conn, p Peer) *conn {
	c := &conn{s: s, nc: nc, raw: nc, peer: p, slots: make([]slot, s.limits.Pipeline), head: 1, tail: 1, written: make(chan struct{})}
	c.room.L, c.ready.L = &c.mu, &c.mu
	if s.TLS != nil {
		c.nc = tls.Server(nc, s.TLS)
	}
	c.gate, c.halt = context.WithCancel(context.Background())
	c.rd = newReader(c, s.limits)
	c.rd.more = c.slab
	if s.Gate != nil {
		c.rd.begin = c.pass
	}
	return c
}

func (c *conn) run(life context.Context) {
	defer c.halt()
	if !c.handshake() {
		c.raw.Close()
		return
	}
	c.s.observe(Event{Kind: Accepted, From: c.peer})
	c.mu.Lock()
	c.active = time.Now()
	c.mu.Unlock()
	go c.write()
	c.read(life)
	c.mu.Lock()
	c.readEnded = true
	c.ready.Broadcast()
	c.mu.Unlock()
	<-c.written
	c.close()
}

// handshake makes sure of the peer's identity. It takes at most Limits.Read.
func (c *conn) handshake() bool {
	why, err := None, error(nil)
	if t, ok := c.nc.(*tls.Conn); ok {
		ctx := c.gate
		if d := c.s.limits.Read; d >= 0 {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, d)
			defer cancel()
		}
		if err = t.HandshakeContext(ctx); err != nil {
			why = Handshake
		} else {
			c.peer.Certificate = verified(t.ConnectionState())
		}
	}
	if why == None && !c.s.mayStay(c.peer) {
		why = NoIdentity
	}
	if why != None {
		c.s.observe(Event{Kind: Refused, Why: why, From: c.peer, Err: err})
	}
	return why == None
}

// read hands frames on until the connection is to end.
func (c *conn) read(life context.Context) {
	defer c.rd.close()
	for c.reserve() {
		frame, in, err := c.rd.next()
		if err != nil {
			if c.bad(err) {
				continue
			}
			c.ended(err)
			return
		}
		if !c.serve(life, frame, in) {
			return
		}
	}
}

// serve gives a frame its number and calls the handler.
func (c *conn) serve(life context.Context, frame []byte, in *slab) (ok bool) {
	n, ok := c.take(frame, in)
	if !ok {
		in.wipe(frame)
		return false
	}
	c.s.observe(Event{Kind: Frame, From: c.peer, Bytes: len(frame)})
	reply := func(b []byte, err error) { c.complete(n, b, err) }
	defer func() {
		if p := recover(); p != nil {
			c.panicked(n, p)
		}
	}()
	c.s.handler.Serve(life, c.peer, frame, reply)
	return true
}

// panicked ends the connection, whether frame n was answered before or not: one message must not stop the others. The
// panic's value is not shown, as it may hold content.
func (c *conn) panicked(n uint64, p any) {
	stack := make([]byte, 4<<10)
	stack = stack[:runtime.Stack(stack, false)]
	err := ward.E(ward.Internal, "mllp.serve", "the handler panicked; the connection is closed", fmt.Errorf("%T: %s", p, stack))
	if c.complete(n, nil, err) {
		return
	}
	c.s.observe(Event{Kind: Failed, From: c.peer, Err: err})
	c.mu.Lock()
	c.fail(ByHandler, nil)
	c.mu.Unlock()
}

// bad reports whether err is about skipped bytes, behind which reading goes on.
func (c *conn) bad(err error) bool {
	var b BadFrame
	if !errors.As(err, &b) {
		return false
	}
	c.mu.Lock()
	mute := c.stopping && b.Why == Cut // cut by us
	c.mu.Unlock()
	if !mute {
		c.s.observe(Event{Kind: Bad, Why: b.Why, From: c.peer, Bytes: b.Bytes})
	}
	return true
}

// pass waits at the gate.
func (c *conn) pass() error {
	err := c.s.Gate.Wait(c.gate)
	switch {
	case err == nil:
		return nil
	case c.gate.Err() != nil:
		return errStopping
	default:
		return errors.Join(errGate, err)
	}
}
