package server

import (
	"context"
	"net/http"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/engine/telemetry"
)

// observe makes metrics and readiness checks.
func (n *Node) observe() {
	n.metrics = telemetry.NewMetrics()
	n.checks.Report(n.metrics)
	n.checks.Add("serving", func(context.Context) error {
		if !n.serving.Load() {
			return ward.E(ward.Unavailable, "server.ready", "the node is not serving yet", nil)
		}
		return nil
	})
	n.checks.Add("database", func(ctx context.Context) error {
		return n.db.Read(ctx, db.System, func(tx *db.Tx) error {
			var one int64
			_, err := tx.Get(ctx, "SELECT 1", nil, &one)
			return err
		})
	})
	n.checks.Add("log", func(context.Context) error { return n.log.Ready() })
	n.checks.Watch("log-upkeep", func(context.Context) error { return n.log.Degraded() })
	n.checks.Add("keys", n.ring.Ready)
}

const sampleEvery = 10 * time.Second

// sample keeps the metrics of the log, its size and how long it takes until what was entered is under a checkpoint, and of the jobs.
func (n *Node) sample(ctx context.Context) error {
	tick := time.NewTicker(sampleEvery)
	defer tick.Stop()
	for {
		start := time.Now()
		err := n.log.Flush(ctx)
		if ctx.Err() != nil {
			return nil
		}
		n.metrics.Log(n.log.Size(), time.Since(start))
		if err != nil {
			n.failed(ctx, err)
		}
		if jobs, err := n.queue.Count(ctx); err == nil {
			n.metrics.Queue(jobs.Ready, jobs.Delayed, jobs.Running, jobs.Dead, jobs.Oldest)
		} else if ctx.Err() == nil {
			n.failed(ctx, err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

const watchEvery = time.Second

// watch tells the operator, once for each change, that the log needs attention while its entries are still made durable.
func (n *Node) watch(ctx context.Context) error {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	was := false
	for {
		err := n.log.Degraded()
		if degraded := err != nil; degraded != was {
			was = degraded
			n.metrics.LogDegraded(degraded)
			if degraded {
				n.logger.WarnContext(ctx, "the log is degraded", "error", err)
			} else {
				n.logger.InfoContext(ctx, "the log is well again")
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// observed counts, times and logs requests by the pattern of their route, never by their address, and sets the headers
// that every answer carries.
func (n *Node) observed(next http.Handler, routes []access.Route) http.Handler {
	names := http.NewServeMux()
	for _, r := range routes {
		names.Handle(r.Pattern, http.NotFoundHandler())
	}
	return n.metrics.Middleware(n.logger, telemetry.RouteIn(names), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n.securityHeaders(w.Header())
		next.ServeHTTP(w, r)
	}))
}

func (n *Node) securityHeaders(h http.Header) {
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	if !n.config.LoopbackOnly {
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
}

// health adds what monitors ask, all without a principal: they say how the node is and nothing of what it keeps.
func (n *Node) health() []access.Route {
	open := func(pattern, why string, h http.Handler) access.Route {
		return access.Route{Pattern: pattern, Audit: access.AuditNone, Why: why, Open: h}
	}
	return []access.Route{
		open("GET /livez", "says only that the process answers", n.checks.Livez()),
		open("GET /readyz", "says only whether the node can take requests", n.checks.Readyz()),
		open("GET /metrics", "counts and times by route pattern, no ids and no tenants", n.metrics.Handler()),
	}
}
