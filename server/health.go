package server

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/engine/db"
)

// metrics of the node. Labels are route patterns, statuses and kinds: never ids, never tenants' names.
type metrics struct {
	registry         *prometheus.Registry
	requests         *prometheus.CounterVec
	seconds          *prometheus.HistogramVec
	connectionErrors prometheus.Counter
}

func newMetrics(n *Node) *metrics {
	m := &metrics{registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "ward_http_requests_total",
			Help: "Requests by route pattern and status."}, []string{"route", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "ward_http_request_seconds",
			Help: "Time to answer by route pattern.", Buckets: prometheus.ExponentialBuckets(0.0005, 2, 15)}, []string{"route"}),
		connectionErrors: prometheus.NewCounter(prometheus.CounterOpts{Name: "ward_http_connection_errors_total",
			Help: "Connections that ended badly: TLS handshakes, broken requests."}),
	}
	ready := prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "ward_ready", Help: "1 while the node takes requests."}, func() float64 {
		if n.ready.Load() {
			return 1
		}
		return 0
	})
	size := prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "ward_log_entries",
		Help: "Entries under the newest published checkpoint."}, func() float64 { return float64(n.log.Size()) })
	m.registry.MustRegister(m.requests, m.seconds, m.connectionErrors, ready, size,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// health adds what monitors ask, all without a principal: they say how the node is and nothing of what it keeps.
func (n *Node) health() []access.Route {
	scrape := promhttp.HandlerFor(n.metrics.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4})
	return []access.Route{
		{Pattern: "GET /livez", Audit: access.AuditNone, Why: "says only that the process answers",
			Open: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { writeHealth(w, nil) })},
		{Pattern: "GET /readyz", Audit: access.AuditNone, Why: "says only whether the node can take requests",
			Open: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { writeHealth(w, n.unready(r.Context())) })},
		{Pattern: "GET /metrics", Audit: access.AuditNone, Why: "counts and times by route pattern, no ids and no tenants", Open: scrape},
	}
}

// unready names each part that cannot work now.
func (n *Node) unready(ctx context.Context) map[string]string {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	bad := map[string]string{}
	if !n.ready.Load() {
		bad["node"] = "starting or stopping"
	}
	if err := n.db.Read(ctx, db.System, func(tx *db.Tx) error {
		var one int64
		_, err := tx.Get(ctx, "SELECT 1", nil, &one)
		return err
	}); err != nil {
		bad["database"] = "cannot be read"
		n.failed(ctx, err)
	}
	if err := n.log.Ready(); err != nil {
		bad["log"] = "entries cannot be made durable"
		n.failed(ctx, err)
	}
	if _, err := n.ring.MAC(ctx, db.System, "ready"); err != nil {
		bad["keys"] = "cannot be unwrapped"
		n.failed(ctx, err)
	}
	return bad
}

func writeHealth(w http.ResponseWriter, bad map[string]string) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	state := struct {
		Status string            `json:"status"`
		Parts  map[string]string `json:"parts,omitempty"`
	}{"ok", bad}
	if len(bad) > 0 {
		state.Status = ward.Unavailable.String()
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	json.NewEncoder(w).Encode(state)
}
