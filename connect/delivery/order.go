package delivery

import (
	"context"
	"sync"

	"github.com/ward-health/ward"
)

// order keeps what came by one connection for one lane in the order in which it came, also when a message could not be kept:
// then nothing that came after it is kept either, so that the sender sends all of it again, in order.
type order struct {
	mu     sync.Mutex
	last   map[place]*turn // the last message under way of each connection and lane
	broken map[uint64]bool // connections of which a message was not kept
	oldest []uint64        // the keys of broken, oldest first
}

// place is a lane of a connection.
type place struct {
	conn uint64
	lane string
}

// turn is a message's place in its lanes.
type turn struct {
	conn   uint64
	lanes  [][]byte
	before []*turn
	done   chan struct{} // closed when it was kept, or was not
	failed bool          // written before done is closed
}

// maxBroken bounds what is remembered of connections that are about to be closed; a server has fewer connections than that.
const maxBroken = 4096

var errBefore = ward.E(ward.Unavailable, "delivery.order", "an earlier message of the connection was not kept; send both again", nil)

func newOrder() *order { return &order{last: map[place]*turn{}, broken: map[uint64]bool{}} }

// enter puts a message behind those of its lanes; nil if the connection has failed. leave must follow.
func (o *order) enter(conn uint64, lanes [][]byte) *turn {
	t := &turn{conn: conn, lanes: lanes, done: make(chan struct{})}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.broken[conn] {
		return nil
	}
	for _, l := range lanes {
		p := place{conn, string(l)}
		if b := o.last[p]; b != nil && b != t {
			t.before = append(t.before, b)
		}
		o.last[p] = t
	}
	return t
}

// wait waits for the messages before; an error says that the message must not be kept.
func (t *turn) wait(ctx context.Context) error {
	for _, b := range t.before {
		select {
		case <-b.done:
			if b.failed {
				return errBefore
			}
		case <-ctx.Done():
			return ward.E(ward.Unavailable, "delivery.order", "the node stops; send the message again", ctx.Err())
		}
	}
	return nil
}

// leave ends a message's turn.
func (o *order) leave(t *turn, failed bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, l := range t.lanes {
		if p := (place{t.conn, string(l)}); o.last[p] == t {
			delete(o.last, p)
		}
	}
	if failed && !o.broken[t.conn] {
		o.broken[t.conn] = true
		o.oldest = append(o.oldest, t.conn)
		if len(o.oldest) > maxBroken {
			delete(o.broken, o.oldest[0])
			o.oldest = o.oldest[1:]
		}
	}
	t.failed, t.before = failed, nil
	close(t.done)
}
