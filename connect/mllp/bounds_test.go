package mllp

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestBounds: what goes over a bound ends the connection; replies to what came before arrive.
func TestBounds(t *testing.T) {
	for name, c := range map[string]struct {
		in   string
		kind Kind
		why  Why
		end  Why
	}{
		"too large": {framed("A") + "\v" + strings.Repeat("x", 9<<20), TooLarge, None, Bound},
		"flood":     {framed("A") + strings.Repeat("GET / HTTP/1.1\r\n", 9000), Bad, Unframed, Flooded},
	} {
		t.Run(name, func(t *testing.T) {
			n := serve(t, echo, Limits{MaxFrame: 8 << 20})
			k := n.raw()
			go io.WriteString(k, c.in)
			if got := rest(t, k); got != framed("re A") {
				t.Errorf("%q", got)
			}
			n.wait(t, c.kind, c.why, 1)
			n.wait(t, Closed, c.end, 1)
		})
	}
}

// TestDeadlines: each way of being slow ends in its own timeout, and trickling does not help.
func TestDeadlines(t *testing.T) {
	const short = 60 * time.Millisecond
	for name, c := range map[string]struct {
		limits Limits
		peer   func(t *testing.T, k *net.TCPConn)
		why    Why
	}{
		"nothing comes": {Limits{FirstByte: short}, func(*testing.T, *net.TCPConn) {}, NoFrame},
		"filler trickles before the first frame": {Limits{FirstByte: short}, func(_ *testing.T, k *net.TCPConn) {
			trickle(k, "\x00")
		}, NoFrame},
		"nothing comes any more": {Limits{Idle: short}, func(t *testing.T, k *net.TCPConn) {
			put(t, k, framed("A"))
		}, NoFrame},
		"filler trickles between": {Limits{Idle: short}, func(t *testing.T, k *net.TCPConn) {
			put(t, k, framed("A"))
			trickle(k, "\r")
		}, NoFrame},
		"a frame trickles": {Limits{Read: short}, func(_ *testing.T, k *net.TCPConn) {
			trickle(k, "\vx")
		}, Slow},
		"a frame stops": {Limits{Read: short}, func(t *testing.T, k *net.TCPConn) {
			put(t, k, framed("A")+"\vMSH|")
		}, Slow},
		"noise trickles": {Limits{Read: short}, func(_ *testing.T, k *net.TCPConn) {
			trickle(k, "M")
		}, Slow},
	} {
		t.Run(name, func(t *testing.T) {
			n := serve(t, echo, c.limits)
			k := n.raw()
			go c.peer(t, k)
			n.wait(t, Timeout, c.why, 1)
			n.wait(t, Closed, Bound, 1)
		})
	}
}

// trickle sends byte after byte until the peer has had enough.
func trickle(k net.Conn, s string) {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for i := 0; ; i = min(i+1, len(s)-1) {
		if _, err := io.WriteString(k, s[i:i+1]); err != nil {
			return
		}
		<-tick.C
	}
}

// TestFramesInManyReads: the time for a frame counts for each frame anew, though a part of the next is always at hand.
func TestFramesInManyReads(t *testing.T) {
	const each = 300 * time.Millisecond
	n := serve(t, echo, Limits{Read: each, Idle: time.Hour})
	k := n.raw()
	tick := time.NewTicker(each / 5)
	defer tick.Stop()
	put(t, k, "\vA")
	for range 12 { // in all much longer than Read
		<-tick.C
		put(t, k, "A\x1c\r\vA")
	}
	put(t, k, "A\x1c\r")
	k.CloseWrite()
	if got := rest(t, k); got != strings.Repeat(framed("re AA"), 13) {
		t.Errorf("%q", got)
	}
}

// TestSlowHandlerIsNoIdlePeer: a peer that awaits its reply is not idle, however long the handler takes.
func TestSlowHandlerIsNoIdlePeer(t *testing.T) {
	const idle = 40 * time.Millisecond
	h := newLater()
	n := serve(t, h, Limits{Idle: idle})
	k := n.raw()
	for i := range 3 { // the connection stays
		put(t, k, framed("A"))
		reply := h.wait(t, i)
		<-time.After(5 * idle)
		reply([]byte("at last"), nil)
		b := make([]byte, 10)
		if _, err := io.ReadFull(k, b); err != nil || string(b) != framed("at last") {
			t.Fatalf("%d: %q %v", i, b, err)
		}
	}
	n.wait(t, Timeout, NoFrame, 1) // and then it is
}

// TestPeerDoesNotRead: a peer that sends and never reads its replies is cut, and holds up nobody.
func TestPeerDoesNotRead(t *testing.T) {
	big := bytes.Repeat([]byte("r"), 1<<20)
	n := serve(t, handlerFunc(func(_ []byte, reply func([]byte, error)) { reply(big, nil) }), Limits{Write: 50 * time.Millisecond})
	k := n.raw()
	k.SetReadBuffer(4 << 10)
	go func() {
		for {
			if _, err := io.WriteString(k, framed("x")); err != nil {
				return
			}
		}
	}()
	n.wait(t, Timeout, NotRead, 1)
	n.wait(t, Closed, Lost, 1)
	if got, err := n.dial(ClientOptions{}).Send(t.Context(), []byte("hello")); err != nil || len(got) != len(big) {
		t.Errorf("%d %v", len(got), err)
	}
}

// TestLostMidFrame: what was whole is served though the peer is gone, what was not is not.
func TestLostMidFrame(t *testing.T) {
	h := newLater()
	n := serve(t, h, Limits{})
	k := n.raw()
	put(t, k, framed("whole")+"\vpart")
	reply := h.wait(t, 0)
	k.SetLinger(0)
	k.Close()
	n.wait(t, Bad, Cut, 1)
	reply([]byte("for nobody"), nil)
	reply([]byte("again"), nil)
	n.wait(t, Closed, Lost, 1)
	if !slices.Equal(h.got, []string{"whole"}) {
		t.Errorf("handed on: %q", h.got)
	}
}

// door is a Gate that tests open and shut.
type door struct {
	open chan struct{}
	at   chan struct{}
}

func (d *door) Wait(ctx context.Context) error {
	d.at <- struct{}{}
	select {
	case <-d.open:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// TestGate: while the gate is shut nothing is handed on and the socket is not read; each frame passes it once.
func TestGate(t *testing.T) {
	d := &door{make(chan struct{}), make(chan struct{}, 100)}
	h := newLater()
	n := serve(t, h, Limits{MaxFrame: 1 << 20}, func(s *Server) { s.Gate = d })
	k := n.raw()
	k.SetWriteDeadline(time.Now().Add(300 * time.Millisecond))
	frame := framed(strings.Repeat("x", 1<<20))
	sent := 0
	for sent < 1000 {
		if _, err := io.WriteString(k, frame); err != nil {
			break // the window is closed
		}
		sent++
	}
	if sent == 1000 {
		t.Fatal("a gigabyte went through a shut gate")
	}
	<-d.at
	if h.mu.Lock(); len(h.got) != 0 {
		t.Error("a frame passed a shut gate")
	}
	h.mu.Unlock()
	d.open <- struct{}{}
	h.wait(t, 0)([]byte("ok"), nil)
	<-d.at
	if h.mu.Lock(); len(h.got) != 1 {
		t.Errorf("%d frames passed a gate that was opened once", len(h.got))
	}
	h.mu.Unlock()
	if err := n.end(); err != nil {
		t.Error(err)
	}
}

type shut struct{ error }

func (s shut) Wait(context.Context) error { return s.error }

func TestGateFails(t *testing.T) {
	n := serve(t, echo, Limits{}, func(s *Server) { s.Gate = shut{errors.New("disk full")} })
	k := n.raw()
	put(t, k, framed("A"))
	if got := rest(t, k); got != "" {
		t.Errorf("%q", got)
	}
	if e := n.wait(t, Closed, ByGate, 1); e.Err == nil || !strings.Contains(e.Err.Error(), "disk full") {
		t.Errorf("%v", e.Err)
	}
}

// TestMemoryBound: large frames wait for the budget or time out; small ones of others pass meanwhile, pipelined too.
func TestMemoryBound(t *testing.T) {
	h := newLater()
	n := serve(t, h, Limits{MaxFrame: 1 << 20, Read: 200 * time.Millisecond, MaxBytes: 1, Pipeline: 8})
	part := "\v" + strings.Repeat("x", 1<<20-10)
	for range 12 {
		k := n.raw()
		go io.WriteString(k, part)
	}
	n.wait(t, Timeout, NoMemory, 1)
	k := n.raw()
	medium := strings.Repeat("y", 20<<10) // no two fit into one buffer
	go func() {
		io.WriteString(k, strings.Repeat(framed(medium), 20))
		k.CloseWrite()
	}()
	go func() {
		for i := range 20 {
			h.wait(t, i)([]byte("ok"), nil)
		}
	}()
	if got := rest(t, k); got != strings.Repeat(framed("ok"), 20) {
		t.Errorf("%d bytes", len(got))
	}
	n.mu.Lock()
	slow := n.count(Timeout, Slow) + n.count(Timeout, NoMemory)
	n.mu.Unlock()
	n.wait(t, Closed, Bound, max(slow, 12))
}

// TestNoMemory: with the whole budget taken, a large frame times out and small ones pass.
func TestNoMemory(t *testing.T) {
	n := serve(t, echo, Limits{Read: 100 * time.Millisecond})
	if !n.s.budget.TryAcquire(n.s.limits.MaxBytes) {
		t.Fatal("the budget is not whole")
	}
	k := n.raw()
	go io.WriteString(k, framed(strings.Repeat("x", 10*slabSize)))
	n.wait(t, Timeout, NoMemory, 1)
	n.wait(t, Closed, Bound, 1)
	k = n.raw()
	put(t, k, strings.Repeat(framed(strings.Repeat("y", slabSize/3)), 9))
	k.CloseWrite()
	if got := rest(t, k); got != strings.Repeat(framed("re "+strings.Repeat("y", slabSize/3)), 9) {
		t.Errorf("%d bytes", len(got))
	}
	n.s.budget.Release(n.s.limits.MaxBytes)
}

// TestIdleHoldsLittle: connections that sent a large frame and stay hold nothing of the budget, also while its answer was
// outstanding when they went on reading.
func TestIdleHoldsLittle(t *testing.T) {
	h := newLater()
	n := serve(t, h, Limits{MaxFrame: 1 << 20, MaxBytes: 1})
	for i := range 10 {
		k := n.raw()
		put(t, k, framed(strings.Repeat("x", 1<<20)))
		h.wait(t, i)([]byte("ok"), nil)
		b := make([]byte, 5)
		if _, err := io.ReadFull(k, b); err != nil {
			t.Fatal(i, err)
		}
	}
}
