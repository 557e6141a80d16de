package mllp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"time"
)

func benchServer(b *testing.B, h Handler) string {
	b.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	s := New(h, Limits{}, nil)
	s.linger = time.Millisecond
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, ln) }()
	b.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			b.Error(err)
		}
	})
	return ln.Addr().String()
}

var ack = []byte("MSH|^~\\&|WARD|LAB|SENDER|SITE|20260101120000||ACK^R01^ACK|1|P|2.5.1\rMSA|AA|MSG00001\r")

// onePlace answers from one goroutine for all connections, as a group commit does.
type onePlace chan func([]byte, error)

func (o onePlace) Serve(_ context.Context, _ Peer, _ []byte, reply func([]byte, error)) { o <- reply }

func (o onePlace) run() {
	for reply := range o {
		reply(ack, nil)
	}
}

// BenchmarkEcho measures frames of 1 KiB answered with an acknowledgement, client and server in one process: stop and
// wait, and pipelined by 32 frames in a write.
func BenchmarkEcho(b *testing.B) {
	frame := bytes.Repeat([]byte("x"), 1024)
	for _, conns := range []int{1, 64} {
		for _, ahead := range []int{1, 32} {
			for _, how := range []string{"sync", "async"} {
				b.Run(fmt.Sprintf("conns=%d/ahead=%d/%s", conns, ahead, how), func(b *testing.B) {
					h := Sync(func(context.Context, Peer, []byte) ([]byte, error) { return ack, nil })
					if how == "async" {
						o := make(onePlace, 4096)
						go o.run()
						b.Cleanup(func() { close(o) })
						h = o
					}
					benchEcho(b, benchServer(b, h), conns, ahead, frame)
				})
			}
		}
	}
}

func benchEcho(b *testing.B, addr string, conns, ahead int, frame []byte) {
	var left atomic.Int64
	left.Store(int64(b.N))
	errs := make(chan error, conns)
	clients := make([]*Client, conns)
	for i := range clients {
		c, err := Dial(b.Context(), addr, ClientOptions{})
		if err != nil {
			b.Fatal(err)
		}
		defer c.Close()
		clients[i] = c
	}
	frames := make([][]byte, ahead)
	for i := range frames {
		frames[i] = frame
	}
	b.ReportAllocs()
	b.ResetTimer()
	for _, c := range clients {
		go func() { errs <- benchClient(b.Context(), c, frames, &left) }()
	}
	for range clients {
		if err := <-errs; err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "frames/s")
}

func benchClient(ctx context.Context, c *Client, frames [][]byte, left *atomic.Int64) error {
	if len(frames) == 1 {
		for left.Add(-1) >= 0 {
			if _, err := c.Send(ctx, frames[0]); err != nil {
				return err
			}
		}
		return nil
	}
	room := make(chan struct{}, 2) // two writes ahead
	return c.Start(ctx, func() error {
		for left.Add(-int64(len(frames))) > -int64(len(frames)) {
			room <- struct{}{}
			if err := c.Write(frames...); err != nil {
				return err
			}
		}
		return nil
	}, func() error {
		for n := 1; ; n++ {
			if _, err := c.Read(); errors.Is(err, io.EOF) {
				return nil
			} else if err != nil {
				return err
			}
			if n%len(frames) == 0 {
				<-room
			}
		}
	})
}
