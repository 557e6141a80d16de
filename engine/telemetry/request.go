package telemetry

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/ward-health/ward"
)

// RequestHeader carries, on every answer, the id under which the log knows the request.
const RequestHeader = "Request-Id"

// Route is the pattern that a request matched ("GET /fhir/R4/Patient/{id}"), never its target. Only RouteOf and RouteIn
// make one.
type Route struct{ pattern string }

// String returns the pattern; "unmatched" if there was none.
func (r Route) String() string {
	if r.pattern == "" {
		return "unmatched"
	}
	return r.pattern
}

// RouteOf returns the route of a request that a http.ServeMux has served.
func RouteOf(r *http.Request) Route { return Route{pattern: r.Pattern} }

// RouteIn returns a function that looks requests up in a mux: for a chain of handlers that hands a copy of the request on.
func RouteIn(mux *http.ServeMux) func(*http.Request) Route {
	return func(r *http.Request) Route {
		_, pattern := mux.Handler(r)
		return Route{pattern: pattern}
	}
}

// Middleware gives every request an id (context, header Request-Id; an id that next puts into that header stands instead),
// counts and times it by route, logs one line (Debug; Warn from status 500 on), and ends a panic of a handler with 500:
// neither the value of a panic nor the target of a request is written anywhere. routeOf is asked after the request was
// served: RouteOf if next is the http.ServeMux or hands its very request on to it, else RouteIn.
func (m *Metrics) Middleware(log *slog.Logger, routeOf func(*http.Request) Route, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := ward.NewID()
		r = r.WithContext(WithRequest(r.Context(), id))
		w.Header().Set(RequestHeader, id.String())
		rec := &recorder{ResponseWriter: w}
		start := time.Now()
		m.inFlight.Inc()
		defer func() {
			failed := recover()
			m.inFlight.Dec()
			m.served(log, routeOf(r), rec, r, time.Since(start), failed)
		}()
		next.ServeHTTP(rec, r)
	})
}

// served writes down a request and ends its panic.
func (m *Metrics) served(log *slog.Logger, at Route, rec *recorder, r *http.Request, took time.Duration, failed any) {
	ctx := r.Context()
	if id, err := ward.ParseID(rec.Header().Get(RequestHeader)); err == nil {
		ctx = WithRequest(ctx, id)
	}
	abort := failed == http.ErrAbortHandler //nolint:errorlint // the value of a panic, as net/http compares it
	if failed != nil && !abort {
		log.LogAttrs(ctx, slog.LevelError, "handler panicked", slog.Any("stack", Here(2)), slog.Any("route", at))
		abort = rec.status != 0 // half an answer must not look whole
		if !abort {
			http.Error(rec, "internal error", http.StatusInternalServerError)
		}
	}
	m.request(at, rec.code(), took)
	level := slog.LevelDebug
	if rec.code() >= http.StatusInternalServerError || abort {
		level = slog.LevelWarn
	}
	log.LogAttrs(ctx, level, "request", slog.String("method", method(r.Method)), slog.Any("route", at), slog.Int("status", rec.code()),
		slog.Int64("bytes", rec.bytes), slog.Duration("took", took))
	if abort {
		panic(http.ErrAbortHandler)
	}
}

// method keeps to the methods of the standards.
func method(s string) string {
	switch s {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return s
	}
	return "OTHER"
}

// recorder remembers status and length of an answer.
type recorder struct {
	http.ResponseWriter
	status int
	bytes  int64
}

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 && (status >= 200 || status == http.StatusSwitchingProtocols) {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(b []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	n, err := r.ResponseWriter.Write(b)
	r.bytes += int64(n)
	return n, err
}

// Flush implements http.Flusher.
func (r *recorder) Flush() {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	if f, ok := r.ResponseWriter.(http.Flusher); ok {
		f.Flush()
	}
}

// Unwrap serves http.ResponseController.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

func (r *recorder) code() int {
	if r.status == 0 {
		return http.StatusOK
	}
	return r.status
}
