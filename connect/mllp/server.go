package mllp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/ward-health/ward"
)

// Server serves MLLP. Make it with New, set the exported fields, then call Serve; the fields must not change after.
type Server struct {
	TLS       *tls.Config    // nil: no TLS; see TLSConfig
	AllowFrom []netip.Prefix // who may connect; empty: loopback, and anyone with a certificate that TLS requires
	Gate      Gate           // back-pressure; may be nil
	Grace     time.Duration  // for answering what was read when Serve is to end; 0 means 10 s

	handler Handler
	limits  Limits
	observe func(Event)
	budget  *semaphore.Weighted // of bytes
	last    atomic.Uint64       // number of the last connection
	linger  time.Duration       // how long to read on after saying the end, and how many bytes; see conn.close
	rest    int

	mu    sync.Mutex
	total int
	per   map[netip.Prefix]int
}

// New makes a Server. observe is called at each event from the goroutines of the connections: it must be quick and safe
// for concurrent use, and may be nil.
func New(h Handler, l Limits, observe func(Event)) *Server {
	l = l.filled()
	if observe == nil {
		observe = func(Event) {}
	}
	return &Server{handler: h, limits: l, observe: observe, budget: semaphore.NewWeighted(l.MaxBytes), per: map[netip.Prefix]int{},
		linger: time.Second, rest: lingerBytes}
}

// Serve takes connections from ln, which it closes, until ctx ends. Then it reads no more, hands on the frames that were
// read whole, writes their replies and returns nil; if that takes longer than Grace, it cuts the connections and returns
// ward.Unavailable. A peer whose frame was not answered sends it again. It refuses with ward.Invalid to listen on an
// address that other machines reach while there is neither an allow list nor a required client certificate. Several calls
// may run at once on several listeners; they share the limits.
func (s *Server) Serve(ctx context.Context, ln net.Listener) error {
	defer ln.Close()
	if err := s.check(ln); err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { ln.Close() })()
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	g := &group{conns: map[*conn]struct{}{}}
	err := s.accept(ctx, life, ln, g)
	if late := g.finish(s.grace(), end); late > 0 && err == nil {
		err = ward.E(ward.Unavailable, "mllp.serve", fmt.Sprintf("%d connections were cut because not all their frames were answered within %v; "+
			"their senders will send again", late, s.grace()), nil)
	}
	return err
}

func (s *Server) grace() time.Duration {
	if s.Grace == 0 {
		return 10 * time.Second
	}
	return s.Grace
}

// accept never waits for a peer: all that takes time is done by the connection's own goroutine.
func (s *Server) accept(ctx, life context.Context, ln net.Listener, g *group) error {
	pause := time.Duration(0)
	for {
		nc, err := ln.Accept()
		switch {
		case ctx.Err() != nil:
			if nc != nil {
				nc.Close()
			}
			return nil
		case err == nil:
			pause = 0
			s.admit(life, nc, g)
		case !passing(err):
			return ward.E(ward.Unavailable, "mllp.serve", "the listener fails; no more connections are taken", err)
		default:
			s.observe(Event{Kind: Refused, Why: AcceptFail, Err: err})
			pause = min(max(2*pause, 5*time.Millisecond), time.Second)
			select {
			case <-ctx.Done():
			case <-time.After(pause):
			}
		}
	}
}

// passing reports whether accepting may succeed later: out of file descriptors, or a peer that was gone at once.
func passing(err error) bool {
	var t interface{ Temporary() bool }
	return !errors.Is(err, net.ErrClosed) && errors.As(err, &t) && t.Temporary()
}

func (s *Server) admit(life context.Context, nc net.Conn, g *group) {
	addr, ok := addrOf(nc)
	p := Peer{Addr: addr, Conn: s.last.Add(1)}
	why := NotAllowed
	if ok && s.mayConnect(addr.Addr()) {
		why = s.enter(addr.Addr())
	}
	if why != None {
		s.observe(Event{Kind: Refused, Why: why, From: p})
		nc.Close()
		return
	}
	c := newConn(s, nc, p)
	g.add(c)
	go func() {
		defer g.remove(c)
		defer s.leave(addr.Addr())
		c.run(life)
	}()
}

// group is the connections of one call of Serve.
type group struct {
	mu    sync.Mutex
	conns map[*conn]struct{}
	wg    sync.WaitGroup
}

func (g *group) add(c *conn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.conns[c] = struct{}{}
	g.wg.Add(1)
}

func (g *group) remove(c *conn) {
	g.mu.Lock()
	delete(g.conns, c)
	g.mu.Unlock()
	g.wg.Done()
}

func (g *group) all(do func(*conn)) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	for c := range g.conns {
		do(c)
	}
	return len(g.conns)
}

// finish stops all connections, waits, and cuts those that are late. It returns how many were.
func (g *group) finish(grace time.Duration, end func()) int {
	g.all((*conn).stop)
	done := make(chan struct{})
	go func() { g.wg.Wait(); close(done) }()
	t := time.NewTimer(grace)
	defer t.Stop()
	select {
	case <-done:
		return 0
	case <-t.C:
	}
	end()
	late := g.all((*conn).abandon)
	t.Reset(time.Second) // for goroutines that are in no handler to go
	select {
	case <-done:
	case <-t.C:
	}
	return late
}
