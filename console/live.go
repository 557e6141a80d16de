package console

import (
	"encoding/json"
	"io"
	"net/http"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
)

// Bounds of live updates: how many run at once in the node, how often each looks, and how long each lasts before the browser
// asks again.
const (
	maxStreams = 64
	liveEvery  = 20 * time.Second
	liveLife   = 10 * time.Minute
	liveWrite  = 10 * time.Second
)

// live is GET /console/live: what waits, as server-sent events. It holds counts only. Every look decides again, so that the
// stream ends with the session, and leaves its entries.
//
// SPEC(HTML 9.2 Server-sent events): text/event-stream; a message is lines of data and an empty line.
func (c *Console) live(w http.ResponseWriter, r *http.Request, g access.Grant) error {
	can := offerTo(g.Permit)
	if !can.Holds && !can.Messages {
		return ward.E(ward.NotFound, "console.live", "there is nothing to count for this role", nil)
	}
	select {
	case c.streams <- struct{}{}:
		defer func() { <-c.streams }()
	default:
		return ward.E(ward.Unavailable, "console.live", "too many pages follow the counters; reload the page to see them", nil)
	}
	c.endWithServer(r)
	first, err := c.waiting(r.Context(), g, can)
	if err != nil {
		return err
	}
	h := w.Header()
	secure(h)
	h.Set("Content-Type", "text/event-stream")
	out := http.NewResponseController(w)
	if err := send(w, out, first); err != nil {
		return nil // the browser has gone
	}
	c.follow(w, r, g, can, out)
	return nil
}

// Quiet ends all live updates for good, so that they hold up no shutdown. The server that serves the routes calls it by itself.
func (c *Console) Quiet() { c.quieted.Do(func() { close(c.quiet) }) }

// endWithServer has the server that serves the request end the streams when it begins to stop: it waits for requests, and a
// stream would not end before its time.
func (c *Console) endWithServer(r *http.Request) {
	if s, ok := r.Context().Value(http.ServerContextKey).(*http.Server); ok {
		c.followed.Do(func() { s.RegisterOnShutdown(c.Quiet) })
	}
}

// follow goes on until the browser has gone, the session has ended or the stream is old; then the browser asks again.
func (c *Console) follow(w io.Writer, r *http.Request, g access.Grant, can offer, out *http.ResponseController) {
	tick, end := time.NewTicker(c.every), time.NewTimer(liveLife)
	defer tick.Stop()
	defer end.Stop()
	for {
		select {
		case <-r.Context().Done():
			return
		case <-end.C:
			return
		case <-c.quiet:
			return
		case <-tick.C:
		}
		p, err := g.Decide(r.Context(), access.Console, "")
		if err == nil {
			var now *waiting
			if now, err = c.waiting(r.Context(), access.Grant{Permit: p, Decide: g.Decide}, can); err == nil {
				err = send(w, out, now)
			}
		}
		if err != nil {
			if r.Context().Err() == nil && ward.KindOf(err) != ward.Unauthentic {
				c.observe(r.Context(), err)
			}
			return
		}
	}
}

// send writes one message, and says how long the browser waits before it asks again.
func send(w io.Writer, out *http.ResponseController, n *waiting) error {
	text, err := json.Marshal(map[string]count{"held": n.Held, "proposed": n.Proposed, "dead": n.Dead, "whole": n.Whole})
	if err != nil {
		return err
	}
	if err := out.SetWriteDeadline(time.Now().Add(liveWrite)); err != nil {
		return err
	}
	if _, err := w.Write([]byte("retry: 15000\ndata: " + string(text) + "\n\n")); err != nil {
		return err
	}
	return out.Flush()
}
