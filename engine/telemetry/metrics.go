package telemetry

import (
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/ward-health/ward"
)

// routesMax bounds the routes that have series of their own; further ones count as "other".
const routesMax = 512

// Metrics is the node's set of metrics. Every label value comes from a closed set: route patterns of the node's own mux,
// classes of status, states, operations, error kinds. Safe for concurrent use.
type Metrics struct {
	registry *prometheus.Registry
	inFlight prometheus.Gauge
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	logSize  prometheus.Gauge
	logLag   prometheus.Gauge
	jobs     *prometheus.GaugeVec
	oldest   prometheus.Gauge
	dbTime   *prometheus.HistogramVec
	errors   *prometheus.CounterVec
	ready    prometheus.Gauge
	degraded prometheus.Gauge
	messages *prometheus.CounterVec
	mllp     *prometheus.CounterVec

	mu     sync.Mutex
	routes map[Route]string
}

// NewMetrics makes a registry of its own, with the metrics of the Go runtime and the process.
func NewMetrics() *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry(), routes: map[Route]string{}}
	// From 100 us to 26 s.
	buckets := prometheus.ExponentialBuckets(0.0001, 2, 19)
	m.inFlight = prometheus.NewGauge(prometheus.GaugeOpts{Name: "ward_http_in_flight", Help: "Requests being served."})
	m.requests = prometheus.NewCounterVec(prometheus.CounterOpts{Name: "ward_http_requests_total", Help: "Requests served, by route pattern and class of status."},
		[]string{"route", "class"})
	m.duration = prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "ward_http_request_seconds", Help: "Duration of requests, by route pattern.", Buckets: buckets},
		[]string{"route"})
	m.logSize = prometheus.NewGauge(prometheus.GaugeOpts{Name: "ward_log_entries", Help: "Entries under the newest published checkpoint of the audit log."})
	m.logLag = prometheus.NewGauge(prometheus.GaugeOpts{Name: "ward_log_lag_seconds", Help: "Age of the oldest audit entry that no published checkpoint covers."})
	m.jobs = prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "ward_queue_jobs", Help: "Jobs in the queue, by state."}, []string{"state"})
	m.oldest = prometheus.NewGauge(prometheus.GaugeOpts{Name: "ward_queue_lag_seconds", Help: "How long the oldest job that could run has waited."})
	m.dbTime = prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "ward_db_seconds", Help: "Duration of database transactions.", Buckets: buckets},
		[]string{"operation"})
	m.errors = prometheus.NewCounterVec(prometheus.CounterOpts{Name: "ward_errors_total", Help: "Errors answered to callers, by kind."}, []string{"kind"})
	m.ready = prometheus.NewGauge(prometheus.GaugeOpts{Name: "ward_ready", Help: "1 if the last readiness answer was good."})
	m.degraded = prometheus.NewGauge(prometheus.GaugeOpts{Name: "ward_log_degraded", Help: "1 if the audit log needs an operator: its emergency journal is in use or entries get no index."})
	m.messages = prometheus.NewCounterVec(prometheus.CounterOpts{Name: "ward_messages_total", Help: "Messages that channels brought, by what became of them."}, []string{"event"})
	m.mllp = prometheus.NewCounterVec(prometheus.CounterOpts{Name: "ward_mllp_events_total", Help: "What happened on MLLP connections, by kind."}, []string{"kind"})
	m.registry.MustRegister(m.messages, m.mllp, m.inFlight, m.requests, m.duration, m.logSize, m.logLag, m.jobs, m.oldest, m.dbTime, m.errors, m.ready, m.degraded,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Handler serves the metrics in the Prometheus formats. What a failing collector would have given is left out.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError, MaxRequestsInFlight: 4})
}

// Registry returns the registry, for collectors of the server's own; their labels must come from closed sets too.
func (m *Metrics) Registry() prometheus.Registerer { return m.registry }

// request counts one request.
func (m *Metrics) request(r Route, status int, took time.Duration) {
	label := m.label(r)
	m.requests.WithLabelValues(label, class(status)).Inc()
	m.duration.WithLabelValues(label).Observe(took.Seconds())
}

// label bounds the number of routes: a pattern comes from the node's mux, but a second wall costs nothing.
func (m *Metrics) label(r Route) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	if l, ok := m.routes[r]; ok {
		return l
	}
	l := r.String()
	if len(m.routes) >= routesMax {
		return "other"
	}
	m.routes[r] = l
	return l
}

func class(status int) string {
	if status < 100 || status > 599 {
		return "other"
	}
	return string(rune('0'+status/100)) + "xx"
}

// Log sets the audit log's size in entries and its lag: the age of the oldest entry that no published checkpoint covers.
func (m *Metrics) Log(size int64, lag time.Duration) {
	m.logSize.Set(float64(size))
	m.logLag.Set(lag.Seconds())
}

// LogDegraded sets whether the audit log needs an operator although entries are still made durable.
func (m *Metrics) LogDegraded(degraded bool) {
	m.degraded.Set(map[bool]float64{true: 1}[degraded])
}

// Queue sets how many jobs are ready, waiting for a later time, running and dead, and the age of the oldest ready one.
func (m *Metrics) Queue(ready, delayed, running, dead int64, oldest time.Duration) {
	m.jobs.WithLabelValues("ready").Set(float64(ready))
	m.jobs.WithLabelValues("delayed").Set(float64(delayed))
	m.jobs.WithLabelValues("running").Set(float64(running))
	m.jobs.WithLabelValues("dead").Set(float64(dead))
	m.oldest.Set(oldest.Seconds())
}

// Operation is a kind of database transaction.
type Operation uint8

// The operations.
const (
	Read  Operation = 1
	Write Operation = 2
)

// DB records how long a transaction took.
func (m *Metrics) DB(o Operation, took time.Duration) {
	label := "other"
	switch o {
	case Read:
		label = "read"
	case Write:
		label = "write"
	}
	m.dbTime.WithLabelValues(label).Observe(took.Seconds())
}

// Connection counts one event of an MLLP connection; kind is one of a closed set of constants.
func (m *Metrics) Connection(kind string) { m.mllp.WithLabelValues(kind).Inc() }

// Message counts one message by what became of it; event is one of a closed set of constants.
func (m *Metrics) Message(event string) { m.messages.WithLabelValues(event).Inc() }

// Error counts an error that was answered to a caller.
func (m *Metrics) Error(k ward.ErrorKind) { m.errors.WithLabelValues(k.String()).Inc() }
