package audit

import (
	"context"
	"sync"

	"github.com/ward-health/ward"
)

const (
	groupBytes   = 8 << 20   // one write
	waitingBytes = 256 << 20 // callers beyond this are turned away
)

// committer collects the entries of all waiting callers and makes them durable together: one write and one sync for as
// many as came while the last sync ran. Nobody lingers: a lone caller's entry is written at once.
type committer struct {
	write func([]outgoing) error

	mu      sync.Mutex // guards all below
	waiting []*pending
	bytes   int
	closed  bool
	wake    chan struct{} // of capacity 1
	ended   chan struct{}
}

// pending is one caller's entry on its way.
type pending struct {
	frame outgoing
	done  chan error // of capacity 1: exactly one answer is given; never used again, a channel belongs to where it was made
}

// buffers are what entries are encoded in. One goes back only when the committer is done with it.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

// bufferMax is the largest buffer that is worth keeping.
const bufferMax = 64 << 10

func newCommitter(write func([]outgoing) error) *committer {
	c := &committer{write: write, wake: make(chan struct{}, 1), ended: make(chan struct{})}
	go c.run()
	return c
}

// commit returns nil only after the payload is durable. When ctx ends first, whether it will be is not known.
func (c *committer) commit(ctx context.Context, p *payload) error {
	if p.size() > maxPayload {
		return ward.E(ward.TooLarge, "audit.begin", "the audit entry is too large; split the request", nil)
	}
	buffer := buffers.Get().(*[]byte)
	*buffer = p.append((*buffer)[:0])
	w := &pending{frame: outgoing{frameEntry, *buffer}, done: make(chan error, 1)}
	if err := c.submit(w); err != nil {
		buffers.Put(buffer)
		return err
	}
	select {
	case err := <-w.done:
		if cap(*buffer) <= bufferMax {
			buffers.Put(buffer)
		}
		return err
	case <-ctx.Done():
		return ward.E(ward.Unavailable, "audit.begin", "the request ended before its audit entry was durable", ctx.Err())
	}
}

func (c *committer) submit(w *pending) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return ward.E(ward.Unavailable, "audit.begin", "the log is closed because the node shuts down; try again later", nil)
	}
	if c.bytes > waitingBytes {
		return ward.E(ward.Unavailable, "audit.begin", "too many audit entries wait for the disk; try again later", nil)
	}
	c.waiting = append(c.waiting, w)
	c.bytes += len(w.frame.payload)
	select {
	case c.wake <- struct{}{}:
	default:
	}
	return nil
}

func (c *committer) run() {
	defer close(c.ended)
	var group []*pending
	var frames []outgoing
	for range c.wake {
		for {
			c.mu.Lock()
			group, c.waiting = c.waiting, group[:0]
			c.bytes = 0
			closed := c.closed
			c.mu.Unlock()
			if len(group) == 0 {
				if closed {
					return
				}
				break
			}
			frames = c.flush(group, frames)
			clear(group)
		}
	}
}

// flush makes a group durable, in several writes if it is very large.
func (c *committer) flush(group []*pending, frames []outgoing) []outgoing {
	for len(group) > 0 {
		frames = frames[:0]
		size := 0
		for _, w := range group {
			if size += len(w.frame.payload); size > groupBytes && len(frames) > 0 {
				break
			}
			frames = append(frames, w.frame)
		}
		err := c.write(frames)
		for _, w := range group[:len(frames)] {
			w.done <- err
		}
		group = group[len(frames):]
	}
	clear(frames)
	return frames
}

// close answers everybody who waits, then ends.
func (c *committer) close() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	select {
	case c.wake <- struct{}{}:
	default:
	}
	<-c.ended
}
