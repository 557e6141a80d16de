package mllp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/ward-health/ward"
)

// watch keeps events and lets tests wait for one.
type watch struct {
	mu   sync.Mutex
	cond sync.Cond
	all  []Event
}

func newWatch() *watch {
	w := &watch{}
	w.cond.L = &w.mu
	return w
}

func (w *watch) see(e Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.all = append(w.all, e)
	w.cond.Broadcast()
}

func (w *watch) count(k Kind, why Why) (n int) {
	for _, e := range w.all {
		if e.Kind == k && e.Why == why {
			n++
		}
	}
	return n
}

// wait waits until n events of the kind and reason are there, and returns the last.
func (w *watch) wait(t *testing.T, k Kind, why Why, n int) Event {
	t.Helper()
	defer time.AfterFunc(20*time.Second, func() { w.see(Event{Kind: 99}) }).Stop()
	w.mu.Lock()
	defer w.mu.Unlock()
	for w.count(k, why) < n {
		if w.count(99, None) > 0 {
			t.Fatalf("no event %v %v: %v", k, why, w.all)
		}
		w.cond.Wait()
	}
	i := slices.IndexFunc(w.all, func(e Event) bool { return e.Kind == k && e.Why == why })
	return w.all[i]
}

// node is a server on loopback.
type node struct {
	*watch
	t    *testing.T
	s    *Server
	addr string
	stop context.CancelFunc
	done chan error
}

// serve starts a server; at the end of the test it is stopped and nothing may be left of it.
func serve(t *testing.T, h Handler, l Limits, set ...func(*Server)) *node {
	t.Helper()
	still := goleak.IgnoreCurrent()
	w := newWatch()
	s := New(h, l, w.see)
	s.linger = 200 * time.Millisecond
	for _, f := range set {
		f(s)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	n := &node{watch: w, t: t, s: s, addr: ln.Addr().String(), stop: stop, done: make(chan error, 1)}
	go func() { n.done <- s.Serve(ctx, ln) }()
	t.Cleanup(func() {
		stop()
		if err, ok := <-n.done; ok && err != nil {
			t.Errorf("Serve: %v", err)
		}
		goleak.VerifyNone(t, still)
		if s.total != 0 || len(s.per) != 0 {
			t.Errorf("%d connections are still counted, %v", s.total, s.per)
		}
		if !s.budget.TryAcquire(s.limits.MaxBytes) {
			t.Error("buffers were not given back")
		}
	})
	return n
}

// end stops the server and returns what Serve did.
func (n *node) end() error {
	n.stop()
	err := <-n.done
	close(n.done)
	return err
}

func (n *node) dial(o ClientOptions) *Client {
	n.t.Helper()
	c, err := Dial(n.t.Context(), n.addr, o)
	if err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(func() { c.Close() })
	return c
}

// raw is a plain socket.
func (n *node) raw() *net.TCPConn {
	n.t.Helper()
	c, err := net.Dial("tcp", n.addr)
	if err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(20 * time.Second))
	return c.(*net.TCPConn)
}

func put(t *testing.T, c net.Conn, s string) {
	t.Helper()
	if _, err := io.WriteString(c, s); err != nil {
		t.Fatal(err)
	}
}

// rest is what the peer sends until it ends the connection in order.
func rest(t *testing.T, c net.Conn) string {
	t.Helper()
	b, err := io.ReadAll(c)
	if err != nil {
		t.Fatalf("after %q: %v", b, err)
	}
	return string(b)
}

var echo = Sync(func(_ context.Context, _ Peer, frame []byte) ([]byte, error) {
	return append([]byte("re "), frame...), nil
})

func framed(s ...string) string {
	var b []byte
	for _, f := range s {
		b = Append(b, []byte(f))
	}
	return string(b)
}

func TestSend(t *testing.T) {
	n := serve(t, echo, Limits{})
	c := n.dial(ClientOptions{})
	for i := range 100 {
		frame := fmt.Appendf(nil, "message %d %s", i, strings.Repeat("x", i*i*7))
		got, err := c.Send(t.Context(), frame)
		if err != nil || string(got) != "re "+string(frame) {
			t.Fatalf("%d: %d bytes, %v", i, len(got), err)
		}
	}
	n.wait(t, Reply, None, 100)
	if e := n.wait(t, Accepted, None, 1); !e.From.Addr.Addr().IsLoopback() || e.From.Conn == 0 {
		t.Errorf("peer %v", e.From)
	}
}

// TestHandlersFrame: the frame is whole and the handler's until it replies; appending to it harms nobody.
func TestHandlersFrame(t *testing.T) {
	var kept [][]byte
	n := serve(t, Sync(func(_ context.Context, _ Peer, frame []byte) ([]byte, error) {
		kept = append(kept, frame)
		_ = append(frame, "overrun overrun overrun"...)
		return bytes.Clone(frame), nil
	}), Limits{})
	c := n.raw()
	put(t, c, framed("one", "two", "three"))
	c.CloseWrite()
	if got := rest(t, c); got != framed("one", "two", "three") {
		t.Errorf("%q", got)
	}
	n.wait(t, Closed, ByPeer, 1)
	for _, f := range kept {
		if len(bytes.Trim(f, "\x00")) != 0 {
			t.Error("an answered frame was not wiped")
		}
	}
}

// later answers when told.
type later struct {
	mu    sync.Mutex
	got   []string
	reply []func([]byte, error)
	more  sync.Cond
}

func newLater() *later {
	l := &later{}
	l.more.L = &l.mu
	return l
}

func (l *later) Serve(_ context.Context, _ Peer, frame []byte, reply func([]byte, error)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.got = append(l.got, string(frame))
	l.reply = append(l.reply, reply)
	l.more.Broadcast()
}

// wait returns the i-th frame's reply function once it is there.
func (l *later) wait(t *testing.T, i int) func([]byte, error) {
	t.Helper()
	late := false
	defer time.AfterFunc(20*time.Second, func() { l.mu.Lock(); late = true; l.more.Broadcast(); l.mu.Unlock() }).Stop()
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.reply) <= i {
		if late {
			t.Fatalf("frame %d did not come; there are %d", i, len(l.reply))
		}
		l.more.Wait()
	}
	return l.reply[i]
}

// TestOrder: replies leave in the order of the frames, whatever the order they were given in, and once.
func TestOrder(t *testing.T) {
	const frames = 40
	h := newLater()
	n := serve(t, h, Limits{Pipeline: 64})
	c := n.raw()
	var in, want []string
	for i := range frames {
		in = append(in, fmt.Sprintf("frame %d", i))
		want = append(want, fmt.Sprintf("reply %d", i))
	}
	put(t, c, framed(in...))
	c.CloseWrite()
	h.wait(t, frames-1)
	var wg sync.WaitGroup
	for i := frames - 1; i >= 0; i-- {
		reply := h.wait(t, i)
		reply(fmt.Appendf(nil, "reply %d", i), nil)
		wg.Go(func() { reply([]byte("a second reply"), nil) })
	}
	if got := rest(t, c); got != framed(want...) {
		t.Errorf("%q", got)
	}
	wg.Wait()
	if !slices.Equal(h.got, in) {
		t.Errorf("handed on: %q", h.got)
	}
}

// TestPipelineBound: no more than Pipeline frames are handed on before the first is answered.
func TestPipelineBound(t *testing.T) {
	h := newLater()
	n := serve(t, h, Limits{Pipeline: 3})
	c := n.raw()
	put(t, c, framed("1", "2", "3", "4", "5", "6", "7"))
	c.CloseWrite()
	h.wait(t, 2)
	for i := range 7 {
		reply := h.wait(t, i)
		h.mu.Lock()
		if len(h.got) > i+3 {
			t.Errorf("%d frames were handed on while %d were answered", len(h.got), i)
		}
		h.mu.Unlock()
		reply([]byte("ok"), nil)
	}
	if got := rest(t, c); got != strings.Repeat(framed("ok"), 7) {
		t.Errorf("%q", got)
	}
}

// TestNoReply: nil answers nothing and goes on.
func TestNoReply(t *testing.T) {
	n := serve(t, Sync(func(_ context.Context, _ Peer, frame []byte) ([]byte, error) {
		if frame[0] == 'q' {
			return nil, nil
		}
		return bytes.Clone(frame), nil
	}), Limits{})
	c := n.raw()
	put(t, c, framed("quiet", "a", "quiet", "quiet", "b", "quiet"))
	c.CloseWrite()
	if got := rest(t, c); got != framed("a", "b") {
		t.Errorf("%q", got)
	}
}

// TestHandlerFails: earlier replies leave, the failed frame and later ones are not answered, the end is said in order though
// the peer goes on sending.
func TestHandlerFails(t *testing.T) {
	for name, fail := range map[string]func(reply func([]byte, error)){
		"error":     func(reply func([]byte, error)) { reply(nil, errors.New("no disk")) },
		"VT":        func(reply func([]byte, error)) { reply([]byte("a\vb"), nil) },
		"too large": func(reply func([]byte, error)) { reply(make([]byte, 101), nil) },
		"panic":     func(func([]byte, error)) { panic("at the SECRET") },
	} {
		t.Run(name, func(t *testing.T) {
			n := serve(t, handlerFunc(func(frame []byte, reply func([]byte, error)) {
				if string(frame) == "bad" {
					fail(reply)
					return
				}
				reply([]byte("re "+string(frame)), nil)
			}), Limits{MaxFrame: 100})
			c := n.raw()
			put(t, c, framed("a", "b", "bad", "c")+strings.Repeat(framed("more"), 20000))
			if got := rest(t, c); got != framed("re a", "re b") {
				t.Errorf("%q", got)
			}
			e := n.wait(t, Failed, None, 1)
			if e.Err == nil || strings.Contains(e.Err.Error(), "SECRET") {
				t.Errorf("event error %v", e.Err)
			}
			n.wait(t, Closed, ByHandler, 1)
		})
	}
}

type handlerFunc func(frame []byte, reply func([]byte, error))

func (f handlerFunc) Serve(_ context.Context, _ Peer, frame []byte, reply func([]byte, error)) {
	f(frame, reply)
}

// TestPanicAfterReply: a frame that was answered before its handler panicked still ends the connection.
func TestPanicAfterReply(t *testing.T) {
	n := serve(t, handlerFunc(func(_ []byte, reply func([]byte, error)) {
		reply([]byte("ok"), nil)
		panic("after")
	}), Limits{})
	c := n.raw()
	put(t, c, framed("a"))
	if got := rest(t, c); got != "" && got != framed("ok") {
		t.Errorf("%q", got)
	}
	n.wait(t, Failed, None, 1)
	n.wait(t, Closed, ByHandler, 1)
}

// TestBadFramesOnTheWire: what is no frame is told and skipped, what follows is served.
func TestBadFramesOnTheWire(t *testing.T) {
	n := serve(t, echo, Limits{})
	c := n.raw()
	put(t, c, "MSH|raw\r"+framed("A")+"\vcut here"+framed("B")+"\v\x1c\r\x00\x00"+"\v"+framed("C")+"\x1c\r\vlost")
	c.CloseWrite()
	if got := rest(t, c); got != framed("re A", "re B", "re C") {
		t.Errorf("%q", got)
	}
	n.wait(t, Closed, ByPeer, 1)
	if e := n.wait(t, Bad, Unframed, 1); e.Bytes != 8 {
		t.Errorf("%+v", e)
	}
	if e := n.wait(t, Bad, Cut, 2); e.Bytes != 8 {
		t.Errorf("%+v", e)
	}
	n.wait(t, Bad, Empty, 1)
}

// TestShutdown: at the end, all that was read whole is served and answered, and no reply is lost though the peer still sends.
func TestShutdown(t *testing.T) {
	h := newLater()
	n := serve(t, h, Limits{Pipeline: 4})
	k := n.raw()
	put(t, k, framed("1", "2", "3", "4", "5", "6")+"\vhalf")
	h.wait(t, 3)
	n.stop()
	put(t, k, strings.Repeat("and so on", 10000))
	for i := range 6 {
		h.wait(t, i)([]byte("ok"), nil)
	}
	if got := rest(t, k); got != strings.Repeat(framed("ok"), 6) {
		t.Errorf("%q", got)
	}
	if err := n.end(); err != nil {
		t.Error(err)
	}
	if n.count(Bad, Cut) != 0 {
		t.Error("a frame that the server itself cut was called bad")
	}
	if _, err := net.Dial("tcp", n.addr); err == nil {
		t.Error("the listener is still open")
	}
}

// TestShutdownUnderLoad: many clients send while the server stops. Every frame that was handed on and answered has its
// reply at its sender, in order.
func TestShutdownUnderLoad(t *testing.T) {
	const clients = 8
	var mu sync.Mutex
	served := map[uint64]int{}
	n := serve(t, Sync(func(_ context.Context, p Peer, frame []byte) ([]byte, error) {
		mu.Lock()
		defer mu.Unlock()
		served[p.Conn]++
		return fmt.Appendf(nil, "%d %d %s", p.Conn, served[p.Conn], frame), nil
	}), Limits{}, func(s *Server) { s.linger, s.rest = time.Minute, math.MaxInt }) // the clients send on until they see the end, however slow they are
	got := make([]int, clients)
	conns := make([]uint64, clients)
	var wg sync.WaitGroup
	for i := range clients {
		k := n.raw()
		wg.Go(func() {
			for f := []byte(framed("a frame")); ; {
				if _, err := k.Write(f); err != nil {
					return
				}
			}
		})
		wg.Go(func() {
			for r := NewReader(k, 0); ; {
				b, err := r.Next()
				if err != nil {
					if !errors.Is(err, io.EOF) {
						t.Errorf("client %d: %v", i, err)
					}
					k.Close()
					return
				}
				var seq int
				fmt.Sscanf(string(b), "%d %d", &conns[i], &seq)
				if got[i]++; seq != got[i] {
					t.Errorf("client %d: reply %d came as number %d", i, seq, got[i])
				}
			}
		})
	}
	n.wait(t, Accepted, None, clients) // one that waits to be accepted is cut with the listener
	n.wait(t, Reply, None, 5000)
	if err := n.end(); err != nil {
		t.Error(err)
	}
	wg.Wait()
	total := 0
	for i := range clients {
		if got[i] != served[conns[i]] {
			t.Errorf("client %d: %d frames served, %d replies arrived", i, served[conns[i]], got[i])
		}
		total += got[i]
	}
	if total < 5000 {
		t.Errorf("only %d replies", total)
	}
}

// TestGrace: a handler that never answers does not keep Serve from ending; what it says later is taken and forgotten.
func TestGrace(t *testing.T) {
	h := newLater()
	n := serve(t, h, Limits{}, func(s *Server) { s.Grace = 50 * time.Millisecond })
	k := n.raw()
	put(t, k, framed("1", "2"))
	h.wait(t, 1)
	if err := n.end(); ward.KindOf(err) != ward.Unavailable {
		t.Errorf("Serve: %v", err)
	}
	for i := range 2 {
		h.wait(t, i)([]byte("late"), nil)
	}
	n.wait(t, Closed, Stopped, 1)
}

// TestContextOutlivesTheConnection: a handler's context ends with the server, not with the peer.
func TestContextOutlivesTheConnection(t *testing.T) {
	ctxs := make(chan context.Context, 1)
	n := serve(t, Sync(func(ctx context.Context, _ Peer, _ []byte) ([]byte, error) {
		ctxs <- ctx
		return nil, nil
	}), Limits{})
	k := n.raw()
	put(t, k, framed("A"))
	ctx := <-ctxs
	k.Close()
	n.wait(t, Closed, ByPeer, 1)
	if ctx.Err() != nil {
		t.Error("the context ended with the connection")
	}
	if err := n.end(); err != nil {
		t.Error(err)
	}
	<-ctx.Done()
}

// TestManyShapes sends the same messages by connections that cut them differently.
func TestManyShapes(t *testing.T) {
	n := serve(t, echo, Limits{MaxFrame: 1 << 20})
	var in, want []byte
	for i := range 60 {
		f := bytes.Repeat([]byte{byte('a' + i%26)}, 1+i*i*i%70001)
		in = Append(in, f)
		want = Append(want, append([]byte("re "), f...))
	}
	for _, size := range []int{1 << 10, 3000, 40000, len(in)} {
		k := n.raw()
		go func() {
			for b := in; len(b) > 0; {
				c := min(size, len(b))
				if _, err := k.Write(b[:c]); err != nil {
					return
				}
				b = b[c:]
			}
			k.CloseWrite()
		}()
		if got := rest(t, k); got != string(want) {
			t.Errorf("in pieces of %d: %d bytes came back, want %d", size, len(got), len(want))
		}
	}
}
