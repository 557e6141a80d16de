package db

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	notifyChannel = "ward"
	notifyTimeout = 5 * time.Second
	retryFirst    = 50 * time.Millisecond
	retryLast     = 5 * time.Second
)

// startNotify joins the hub with those of the other nodes.
func (d *DB) startNotify(c *pgx.ConnConfig) {
	ctx, cancel := context.WithCancel(context.Background())
	d.ended.Go(func() {
		<-d.stop
		cancel()
	})
	out := &outbox{topics: map[string]struct{}{}, signal: make(chan struct{}, 1)}
	d.hub.remote = out.add
	d.ended.Go(func() { d.send(ctx, out) })
	d.ended.Go(func() { d.receive(ctx, c.Copy()) })
}

// outbox holds topics to tell; one that is told several times is sent once.
type outbox struct {
	mu     sync.Mutex
	topics map[string]struct{}
	signal chan struct{}
}

func (o *outbox) add(topic string) {
	o.mu.Lock()
	o.topics[topic] = struct{}{}
	o.mu.Unlock()
	poke(o.signal)
}

func (o *outbox) take() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	topics := make([]string, 0, len(o.topics))
	for t := range o.topics {
		topics = append(topics, t)
	}
	clear(o.topics)
	return topics
}

// send tells the other nodes. A failure is not repeated: notifications are hints, and listeners poll as well.
func (d *DB) send(ctx context.Context, o *outbox) {
	q := d.dialect.(*postgresDialect)
	for {
		select {
		case <-ctx.Done():
			return
		case <-o.signal:
		}
		for _, topic := range o.take() {
			limited, cancel := context.WithTimeout(ctx, notifyTimeout)
			_, _ = q.spare.ExecContext(limited, "SELECT pg_notify($1, $2)", notifyChannel, topic)
			cancel()
		}
	}
}

// receive keeps one connection that listens, and makes a new one when it is lost.
func (d *DB) receive(ctx context.Context, c *pgx.ConnConfig) {
	wait := retryFirst
	for ctx.Err() == nil {
		if d.listen(ctx, c) {
			wait = retryFirst
		}
		select {
		case <-ctx.Done():
		case <-time.After(wait/2 + rand.N(wait/2)):
		}
		wait = min(2*wait, retryLast)
	}
}

// listen wakes listeners until the connection is lost. It reports whether there was a connection.
func (d *DB) listen(ctx context.Context, c *pgx.ConnConfig) bool {
	conn, err := pgx.ConnectConfig(ctx, c)
	if err != nil {
		return false
	}
	defer func() {
		limited, cancel := context.WithTimeout(context.Background(), notifyTimeout)
		defer cancel()
		conn.Close(limited)
	}()
	if _, err := conn.Exec(ctx, "LISTEN "+notifyChannel); err != nil {
		return false
	}
	d.hub.wakeAll()
	for {
		n, err := conn.WaitForNotification(ctx)
		if err != nil {
			return true
		}
		d.hub.wake(n.Payload)
	}
}
