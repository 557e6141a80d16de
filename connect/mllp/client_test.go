package mllp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/ward-health/ward"
)

// odd is a server that does what do says with its first connection, and tells when it is done.
func odd(t *testing.T, do func(net.Conn)) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		nc, err := ln.Accept()
		if err != nil {
			return
		}
		defer nc.Close()
		nc.SetDeadline(time.Now().Add(20 * time.Second))
		do(nc)
	}()
	t.Cleanup(func() { ln.Close(); <-done })
	return ln.Addr().String()
}

func take(nc net.Conn) { NewReader(nc, 0).Next() }

// TestClientFailures: whatever the peer does wrong, Send says so within its time, and the client is of no use after.
func TestClientFailures(t *testing.T) {
	const short = 50 * time.Millisecond
	for name, c := range map[string]struct {
		do   func(net.Conn)
		l    Limits
		want string
	}{
		"closes":            {func(nc net.Conn) {}, Limits{}, "unavailable"},
		"closes after":      {take, Limits{}, "unavailable"},
		"never answers":     {func(nc net.Conn) { take(nc); io.Copy(io.Discard, nc) }, Limits{FirstByte: short}, "unavailable"},
		"sends only filler": {func(nc net.Conn) { take(nc); trickle(nc, "\r") }, Limits{FirstByte: short}, "unavailable"},
		"trickles":          {func(nc net.Conn) { take(nc); trickle(nc, "\va") }, Limits{Read: short}, "unavailable"},
		"answers unframed":  {func(nc net.Conn) { take(nc); io.WriteString(nc, "MSA|AA\v"); take(nc) }, Limits{}, "unavailable"},
		"answers cut":       {func(nc net.Conn) { take(nc); io.WriteString(nc, "\vMSA|") }, Limits{}, "unavailable"},
		"answers too much": {func(nc net.Conn) { take(nc); io.WriteString(nc, "\v"+strings.Repeat("x", 300)); take(nc) },
			Limits{MaxFrame: 200}, "unavailable"},
		"does not read": {func(nc net.Conn) { <-time.After(3 * short) }, Limits{Write: short, FirstByte: short}, "unavailable"},
	} {
		t.Run(name, func(t *testing.T) {
			k, err := Dial(t.Context(), odd(t, c.do), ClientOptions{Limits: c.l})
			if err != nil {
				t.Fatal(err)
			}
			defer k.Close()
			frame := []byte("hello")
			if name == "does not read" {
				frame = make([]byte, 15<<20)
				frame[0] = 'x'
			}
			if got, err := k.Send(t.Context(), frame); ward.KindOf(err).String() != c.want {
				t.Errorf("%q %v", got, err)
			}
			if _, err := k.Send(t.Context(), []byte("again")); ward.KindOf(err) != ward.Unavailable && ward.KindOf(err) != ward.Conflict {
				t.Errorf("after a failure: %v", err)
			}
		})
	}
}

// TestSendChecks: what cannot be framed is not sent, and the client stays of use.
func TestSendChecks(t *testing.T) {
	n := serve(t, echo, Limits{})
	c := n.dial(ClientOptions{Limits: Limits{MaxFrame: 100}})
	for in, want := range map[string]ward.ErrorKind{"": ward.Invalid, "a\vb": ward.Invalid, strings.Repeat("x", 101): ward.TooLarge} {
		if _, err := c.Send(t.Context(), []byte(in)); err == nil || ward.KindOf(err) != want {
			t.Errorf("%v, want %v", err, want)
		}
		if err := c.Write([]byte("a"), []byte(in)); err == nil || ward.KindOf(err) != want {
			t.Errorf("%v, want %v", err, want)
		}
	}
	if got, err := c.Send(t.Context(), []byte("a")); err != nil || string(got) != "re a" {
		t.Errorf("%q %v", got, err)
	}
}

// TestSendGivesUp: the end of the context ends waiting; a late reply is never taken for the next frame's.
func TestSendGivesUp(t *testing.T) {
	h := newLater()
	n := serve(t, h, Limits{})
	c := n.dial(ClientOptions{})
	ctx, stop := context.WithCancel(t.Context())
	go func() { h.wait(t, 0); stop() }()
	if _, err := c.Send(ctx, []byte("a")); ward.KindOf(err) != ward.Unavailable || !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	h.wait(t, 0)([]byte("late"), nil)
	if got, err := c.Send(t.Context(), []byte("b")); ward.KindOf(err) != ward.Unavailable {
		t.Errorf("%q %v", got, err)
	}
}

// TestUnaskedReply: a second reply to the first frame is not taken for the reply to the second.
func TestUnaskedReply(t *testing.T) {
	addr := odd(t, func(nc net.Conn) {
		take(nc)
		io.WriteString(nc, framed("first", "unasked"))
		take(nc)
	})
	c, err := Dial(t.Context(), addr, ClientOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if got, err := c.Send(t.Context(), []byte("a")); err != nil || string(got) != "first" {
		t.Fatalf("%q %v", got, err)
	}
	if got, err := c.Send(t.Context(), []byte("b")); ward.KindOf(err) != ward.Conflict {
		t.Errorf("%q %v", got, err)
	}
}

// TestPipelinedClient: frames flow ahead of their replies, which come in order; the end is told as the end.
func TestPipelinedClient(t *testing.T) {
	const frames = 5000
	n := serve(t, echo, Limits{Pipeline: 16})
	c := n.dial(ClientOptions{})
	got := 0
	err := c.Start(t.Context(), func() error {
		for i := 0; i < frames; i += 2 {
			if err := c.Write(fmt.Appendf(nil, "frame %d", i), fmt.Appendf(nil, "frame %d", i+1)); err != nil {
				return err
			}
		}
		return nil
	}, func() error {
		for {
			reply, err := c.Read()
			if err != nil {
				return err
			}
			if want := fmt.Sprintf("re frame %d", got); string(reply) != want {
				return fmt.Errorf("reply %q, want %q", reply, want)
			}
			got++
		}
	})
	if err != nil || got != frames {
		t.Errorf("%d replies, %v", got, err)
	}
}

// TestPipelinedClientWaits: without a frame that is unanswered, Read waits beyond FirstByte; with one it does not.
func TestPipelinedClientWaits(t *testing.T) {
	const short = 50 * time.Millisecond
	h := newLater()
	n := serve(t, h, Limits{})
	c := n.dial(ClientOptions{Limits: Limits{FirstByte: short}})
	began, first := time.Now(), time.Time{}
	err := c.Start(t.Context(), func() error {
		<-time.After(4 * short)
		if err := c.Write([]byte("a")); err != nil {
			return err
		}
		h.wait(t, 0)([]byte("A"), nil)
		if err := c.Write([]byte("b")); err != nil {
			return err
		}
		h.wait(t, 1)
		return nil
	}, func() error {
		if got, err := c.Read(); err != nil || string(got) != "A" {
			return fmt.Errorf("%q %w", got, err)
		}
		first = time.Now()
		_, err := c.Read()
		return err
	})
	if ward.KindOf(err) != ward.Unavailable || !strings.Contains(err.Error(), "1 frames") {
		t.Errorf("%v", err)
	}
	if first.Sub(began) < 4*short {
		t.Error("the first reply came before its frame")
	}
	h.wait(t, 1)([]byte("B"), nil)
}

// TestStartStops: an error of one side, or the end of the context, ends the other.
func TestStartStops(t *testing.T) {
	h := newLater()
	n := serve(t, h, Limits{})
	mine := errors.New("mine")
	c := n.dial(ClientOptions{})
	if err := c.Start(t.Context(), func() error { return mine }, func() error { _, err := c.Read(); return err }); !errors.Is(err, mine) {
		t.Error(err)
	}
	c = n.dial(ClientOptions{})
	ctx, stop := context.WithCancel(t.Context())
	cut := func() error {
		defer stop()
		return c.Write([]byte("not answered in time")) // without it the peer may say the end before the connection is cut
	}
	if err := c.Start(ctx, cut, func() error { _, err := c.Read(); return err }); ward.KindOf(err) != ward.Unavailable {
		t.Error(err)
	}
	h.wait(t, 0)([]byte("late"), nil)
}

func TestDialFails(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln.Close()
	if _, err := Dial(t.Context(), ln.Addr().String(), ClientOptions{}); ward.KindOf(err) != ward.Unavailable {
		t.Error(err)
	}
	c, err := Dial(t.Context(), odd(t, func(net.Conn) {}), ClientOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(c.Close(), c.Close()); err != nil {
		t.Error(err)
	}
	if _, err := c.Send(t.Context(), []byte("a")); ward.KindOf(err) != ward.Unavailable {
		t.Error(err)
	}
}
