package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/ward-health/ward/clinical/simulate"
	"github.com/ward-health/ward/connect/mllp"
)

const (
	feedFor     = 30 * time.Second
	feedBound   = 400 // messages that are acknowledged and not applied yet, about
	feedSenders = 8
	feedLook    = 500 * time.Millisecond

	slowRate = 20 // messages a second
	slowFor  = 15 * time.Second
)

// feedThrough measures messages of ten results from the first send until the last is applied, while the senders keep the backlog
// at its bound; then the time from acknowledgement to application for a slow sender; and the node's memory. The peer keeps messages
// and understands none.
func feedThrough(ctx context.Context, dir string) (err error) {
	theirs, err := insertAcks(ctx, feedSenders)
	if err != nil {
		return err
	}
	f, err := newFeed(ctx, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.node.stop()) }()
	messages, cancel := sources(ctx, results)
	defer cancel()
	if err := f.through(ctx, messages, theirs[0].rate()); err != nil {
		return err
	}
	if err := f.node.settle(time.Minute); err != nil {
		return err
	}
	if err := f.slow(ctx, messages); err != nil {
		return err
	}
	return f.memory()
}

// feed is a node with a channel and a steward, who may ask what became of messages.
type feed struct {
	node    *node
	address string
	steward string
}

func newFeed(ctx context.Context, dir string) (*feed, error) {
	bin, err := buildWard(ctx, dir)
	if err != nil {
		return nil, err
	}
	n, err := startNode(ctx, bin, filepath.Join(dir, "data"))
	if err != nil {
		return nil, err
	}
	f := &feed{node: n}
	if f.address, err = n.laboratory(ctx); err == nil {
		if err = n.principal(ctx, "steward", "human", "steward"); err == nil {
			f.steward, err = n.token(ctx, "steward")
		}
	}
	if err != nil {
		return nil, errors.Join(err, n.stop())
	}
	return f, nil
}

func (f *feed) memory() error {
	for _, s := range []struct{ figure, key string }{{"feed.rss", "VmRSS:"}, {"feed.rss.peak", "VmHWM:"}} {
		mib, err := f.node.status(s.key)
		if err != nil {
			return err
		}
		figure(s.figure, mib, "MiB")
	}
	return nil
}

// through prints feed.end_to_end.
func (f *feed) through(ctx context.Context, messages <-chan simulate.Message, theirs float64) error {
	before, err := f.node.cpu()
	if err != nil {
		return err
	}
	t := throttle{feed: f, credits: make(chan struct{}, feedBound)}
	start := time.Now()
	if err := t.run(ctx, messages, start); err != nil {
		return err
	}
	if err := f.node.understood(ctx, f.steward, 2*time.Minute); err != nil {
		return err
	}
	took := time.Since(start).Seconds()
	after, err := f.node.cpu()
	if err != nil {
		return err
	}
	if err := f.node.applied(ctx, f.steward); err != nil {
		return err
	}
	sent := float64(t.sent)
	against("feed.end_to_end", sent/took, "1/s", insertPerMessage, theirs, true)
	figure("feed.end_to_end.second_half", (sent-float64(t.half))/(took-t.halfAt.Sub(start).Seconds()), "1/s")
	figure("feed.end_to_end.cpu", (after-before).Seconds()*1000/sent, "ms/message")
	figure("feed.backlog.max", float64(t.most), "messages")
	return nil
}

// throttle lets senders send while the backlog is below its bound.
type throttle struct {
	feed    *feed
	credits chan struct{}

	mu     sync.Mutex
	sent   int // and acknowledged
	most   int // waiting at once
	half   int // applied at half time
	halfAt time.Time
}

func (t *throttle) run(ctx context.Context, messages <-chan simulate.Message, start time.Time) error {
	clients, closeAll, err := connections(ctx, t.feed.address, feedSenders)
	if err != nil {
		return err
	}
	defer closeAll()
	ctx, cancel := context.WithDeadline(ctx, start.Add(feedFor))
	defer cancel()
	errs := make([]error, feedSenders+1)
	var all sync.WaitGroup
	for i, c := range clients {
		all.Go(func() {
			defer cancel() // without an error, the time is over
			errs[i] = t.send(ctx, c, messages)
		})
	}
	all.Go(func() {
		defer cancel()
		errs[feedSenders] = t.watch(ctx, start)
	})
	all.Wait()
	return errors.Join(errs...)
}

func (t *throttle) send(ctx context.Context, c *mllp.Client, messages <-chan simulate.Message) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-t.credits:
		}
		m := <-messages
		answer, err := c.Send(context.WithoutCancel(ctx), m.Bytes)
		if err == nil {
			err = accepted(m, answer)
		}
		if err != nil {
			return err
		}
		t.mu.Lock()
		t.sent++
		t.mu.Unlock()
	}
}

// watch asks how many messages wait and gives out credits for the rest of the bound.
func (t *throttle) watch(ctx context.Context, start time.Time) error {
	tick := time.NewTicker(feedLook)
	defer tick.Stop()
	for {
		waiting, err := t.feed.node.messages(context.WithoutCancel(ctx), t.feed.steward, "received")
		if err != nil {
			return err
		}
		for range feedBound - len(waiting) - len(t.credits) {
			t.credits <- struct{}{}
		}
		t.mu.Lock()
		t.most = max(t.most, len(waiting))
		if now := time.Now(); t.halfAt.IsZero() && now.Sub(start) > feedFor/2 {
			t.half, t.halfAt = t.sent-len(waiting), now
		}
		t.mu.Unlock()
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// slow prints feed.latency: from the acknowledgement's arrival until the transaction that applies the message writes its hop; its
// commit follows. One connection sends at a constant rate.
func (f *feed) slow(ctx context.Context, messages <-chan simulate.Message) error {
	clients, closeAll, err := connections(ctx, f.address, 1)
	if err != nil {
		return err
	}
	defer closeAll()
	acknowledged := map[string]time.Time{}
	tick := time.NewTicker(time.Second / slowRate)
	defer tick.Stop()
	for start := time.Now(); time.Since(start) < slowFor; <-tick.C {
		m := <-messages
		answer, err := clients[0].Send(ctx, m.Bytes)
		if err != nil {
			return err
		}
		if err := accepted(m, answer); err != nil {
			return err
		}
		// MSH-10 of the acknowledgement is the end of the message's id.
		fields := bytes.SplitN(answer, []byte{'|'}, 11)
		acknowledged[string(fields[9])] = time.Now()
	}
	if err := f.node.understood(ctx, f.steward, time.Minute); err != nil {
		return err
	}
	l, err := f.latency(ctx, acknowledged)
	if err != nil {
		return err
	}
	figure("feed.latency.p50", l.quantile(0.5), "ms")
	figure("feed.latency.p99", l.quantile(0.99), "ms")
	return nil
}

func (f *feed) latency(ctx context.Context, acknowledged map[string]time.Time) (l load, err error) {
	newest, err := f.node.messages(ctx, f.steward, "")
	if err != nil {
		return l, err
	}
	for _, m := range newest {
		id := strings.ReplaceAll(m.ID, "-", "")
		at, ok := acknowledged[id[12:]]
		if !ok {
			continue
		}
		if err := f.node.call(ctx, f.steward, http.MethodGet, "/v1/messages/"+m.ID, nil, &m); err != nil {
			return l, err
		}
		for _, h := range m.Hops {
			if h.Step == "applied" {
				l.each = append(l.each, max(0, h.At.Sub(at)))
			}
		}
	}
	if len(l.each) != len(acknowledged) {
		return l, fmt.Errorf("%d of %d messages of the slow sender were applied", len(l.each), len(acknowledged))
	}
	return l, nil
}
