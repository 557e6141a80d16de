package server

import (
	"log/slog"
	"net/http"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
)

// observed counts, times and logs requests by the pattern of their route, never by their address, and sets the headers
// that every answer carries.
func (n *Node) observed(next http.Handler, routes []access.Route) http.Handler {
	names := http.NewServeMux()
	for _, r := range routes {
		names.Handle(r.Pattern, http.NotFoundHandler())
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		_, pattern := names.Handler(r)
		if pattern == "" {
			pattern = "unmapped"
		}
		rec := &recorder{ResponseWriter: w, status: http.StatusOK}
		n.securityHeaders(w.Header())
		defer func() {
			if p := recover(); p != nil {
				n.panicked(rec, r, pattern, p)
			}
			took := time.Since(start)
			n.metrics.requests.WithLabelValues(pattern, strconv.Itoa(rec.status)).Inc()
			n.metrics.seconds.WithLabelValues(pattern).Observe(took.Seconds())
			level := slog.LevelDebug
			if rec.status >= http.StatusInternalServerError {
				level = slog.LevelWarn
			}
			n.logger.Log(r.Context(), level, "request", "route", pattern, "status", rec.status, "ms", took.Milliseconds(),
				"request", rec.Header().Get(access.RequestIDHeader))
		}()
		next.ServeHTTP(rec, r)
	})
}

// panicked answers 500. The panic's value is not logged: it may hold what was being worked on.
func (n *Node) panicked(w *recorder, r *http.Request, pattern string, p any) {
	if p == http.ErrAbortHandler {
		panic(p)
	}
	n.logger.Error("panic", "route", pattern, "stack", string(debug.Stack()))
	if !w.wrote {
		writeError(w, r, ward.E(ward.Internal, "server.panic", "", nil))
	}
	w.status = http.StatusInternalServerError
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

// recorder remembers the status of an answer.
type recorder struct {
	http.ResponseWriter
	status int
	wrote  bool
}

// WriteHeader implements http.ResponseWriter.
func (r *recorder) WriteHeader(status int) {
	if !r.wrote && status >= 200 {
		r.status, r.wrote = status, true
	}
	r.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (r *recorder) Write(b []byte) (int, error) {
	r.wrote = true
	return r.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the connection.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
