package telemetry

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/ward-health/ward"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const canary = "ZZCANARY"

type noisy struct{ Name string }

func (n noisy) Error() string              { return n.Name }
func (n noisy) String() string             { return n.Name }
func (n noisy) Format(f fmt.State, _ rune) { io.WriteString(f, n.Name) }
func (n noisy) SQLState() string           { return n.Name }
func (n noisy) ResultCode() string         { return n.Name }

type valuer struct{ v slog.Value }

func (v valuer) LogValue() slog.Value { return v.v }

type exploding struct{}

func (exploding) LogValue() slog.Value { panic(canary) }

// TestCanary pushes patient-like values through every door of the logger.
func TestCanary(t *testing.T) {
	var out bytes.Buffer
	log := NewLogger(&out, slog.LevelDebug)
	nested := fmt.Errorf("%s: %w", canary, &os.PathError{Op: "open", Path: "/" + canary, Err: syscall.ENOSPC})
	values := []any{
		canary, noisy{canary}, &noisy{canary}, struct{ A, b string }{canary, canary}, map[string]string{canary: canary}, []string{canary}, []byte(canary),
		errors.New(canary), nested, errors.Join(errors.New(canary), nested), ward.E(ward.Conflict, "store.put", "try again", errors.New(canary)),
		json.RawMessage(`"` + canary + `"`), ward.Protected(canary), ward.PrincipalID(canary), ward.TenantID(canary), ward.Reference{Type: "Patient", ID: canary},
		slog.StringValue(canary), slog.AnyValue(noisy{canary}), slog.GroupValue(slog.String(canary, canary)), slog.GroupValue(slog.String("op", canary)),
		valuer{slog.StringValue(canary)}, valuer{slog.AnyValue(valuer{slog.AnyValue(errors.New(canary))})}, exploding{}, func() string { return canary },
		context.WithValue(context.Background(), noisy{canary}, canary), &http.Request{Pattern: canary}, fmt.Sprintf("%+v", noisy{canary}), Route{}, nil,
	}
	keys := []string{canary, "patient", "name", "msg", "time", "level", "", "err!"}
	for k := range allowed {
		keys = append(keys, k)
	}
	for g := range groups {
		keys = append(keys, g)
	}
	for _, k := range keys {
		for _, v := range values {
			log.Info("tried", k, v)
			log.With(k, v).WithGroup(canary).With(k, v).Warn("tried", slog.Group(canary, slog.Any(k, v)), slog.Any(k, v))
			log.WithGroup("http").Error("tried", slog.Group("db", slog.Group("", slog.Any(k, v))))
		}
	}
	log.Info(fmt.Sprintf("stored %v", noisy{canary}))
	log.Info(strings.ToLower(canary) + "1")
	odd := []any{canary} // a value without a key
	log.Info("tried", odd...)
	log.Info("tried", slog.Any("error", nested), slog.Any("stack", Here(0)))
	ErrorLog(log).Printf("http: panic serving 1.2.3.4:5: %s\ngoroutine 1", canary)
	ErrorLog(log).Print(canary)
	if text := out.String(); strings.Contains(strings.ToUpper(text), canary) {
		for line := range strings.Lines(text) {
			if strings.Contains(strings.ToUpper(line), canary) {
				t.Fatal(line)
			}
		}
	}
	for line := range strings.Lines(out.String()) {
		if !json.Valid([]byte(line)) {
			t.Fatalf("not JSON: %s", line)
		}
	}
	if n := strings.Count(out.String(), "\n"); n < len(keys)*len(values)*3 {
		t.Errorf("%d lines only", n)
	}
}

func logLine(t *testing.T, write func(*slog.Logger)) map[string]any {
	t.Helper()
	var out bytes.Buffer
	write(NewLogger(&out, slog.LevelInfo))
	var m map[string]any
	if err := json.Unmarshal(out.Bytes(), &m); err != nil {
		t.Fatalf("%v: %s", err, out.String())
	}
	delete(m, "time")
	return m
}

// TestAllowed: what is listed comes through whole.
func TestAllowed(t *testing.T) {
	id := ward.NewID()
	ctx := WithRequest(context.Background(), id)
	cause := ward.E(ward.Unavailable, "db.write", "the disk is full", &os.PathError{Op: "write", Path: "/" + canary, Err: syscall.ENOSPC})
	got := logLine(t, func(l *slog.Logger) {
		l.With("component", "store", "surname", "x").InfoContext(ctx, "listener started", "addr", "127.0.0.1:8080", "took", time.Second, "ok", true,
			"tenant", ward.TenantID("north"), "version", "v1.2.3-rc+1", "model", "egfr@2021.1", "kind", ward.Gone, "reason", "it did not end in time", "until", "2026-01-02T03:04:05Z", "url", "https://localhost:8080", slog.Group("db", slog.Int("count", 2)),
			"error", fmt.Errorf("%s %w", canary, ward.E(ward.Internal, "store.put", "cannot be stored", cause)), "given", "x", "op", strings.Repeat("x", 65))
	})
	want := map[string]any{"level": "INFO", "msg": "listener started", "component": "store", "addr": "127.0.0.1:8080", "took": 1e9, "ok": true,
		"tenant": "north", "version": "v1.2.3-rc+1", "model": "egfr@2021.1", "kind": "gone", "reason": "it did not end in time", "until": "2026-01-02T03:04:05Z", "url": "https://localhost:8080", "db": map[string]any{"count": 2.0}, "request": id.String(),
		"op": dropped, "dropped": 1.0,
		"error": map[string]any{"kind": "internal", "op": "store.put", "public": "cannot be stored", "cause": "db.write",
			"types": "*fmt.wrapError < *ward.Error < *ward.Error < *fs.PathError < syscall.Errno", "errno": "no space left on device"}}
	if a, b := fmt.Sprint(want), fmt.Sprint(got); a != b {
		t.Errorf("got  %s\nwant %s", b, a)
	}
	if got := logLine(t, func(l *slog.Logger) { l.WithGroup("tls").Info("x y", "port", 1) }); fmt.Sprint(got["tls"]) != "map[port:1]" {
		t.Error(got)
	}
	if got := logLine(t, func(l *slog.Logger) { l.Debug("no"); l.Info("Patient Smith, 7") }); got["msg"] != dropped {
		t.Error(got)
	}
	many := make([]any, 0, 400)
	for range 200 {
		many = append(many, "count", 1)
	}
	if got := logLine(t, func(l *slog.Logger) { l.Info("many", many...) }); got["dropped"] == nil {
		t.Error("no bound on attributes")
	}
}

// loop is an error whose chain never ends.
type loop struct{}

func (l *loop) Error() string { return canary }
func (l *loop) Unwrap() error { return wrapped{l} }

type wrapped struct{ error }

func TestDescribeIsBounded(t *testing.T) {
	var err error = ward.E(ward.Invalid, strings.Repeat("o", 1000), strings.Repeat("p", 1000), nil)
	for range 100 {
		err = fmt.Errorf("%w", err)
	}
	for _, a := range describe(err) {
		if len(a.Value.String()) > publicMax+3 {
			t.Errorf("%s has %d bytes", a.Key, len(a.Value.String()))
		}
	}
	n := 0
	walk(&loop{}, func(error) { n++ })
	if n > causesMax {
		t.Error("an endless chain was walked", n)
	}
}

func TestMiddleware(t *testing.T) {
	var out bytes.Buffer
	m := NewMetrics()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /fhir/R4/Patient/{id}", func(w http.ResponseWriter, r *http.Request) {
		if Request(r.Context()).IsZero() || w.Header().Get(RequestHeader) != Request(r.Context()).String() {
			t.Error("no request id")
		}
		if r.PathValue("id") == "gone" {
			w.WriteHeader(http.StatusGone)
		}
		io.WriteString(w, "hello")
	})
	mux.HandleFunc("/panic", func(http.ResponseWriter, *http.Request) { panic(noisy{canary}) })
	mux.HandleFunc("/half", func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "half")
		http.NewResponseController(w).Flush()
		panic(canary)
	})
	server := httptest.NewUnstartedServer(m.Middleware(NewLogger(&out, slog.LevelDebug), RouteOf, mux))
	server.Config.ErrorLog = ErrorLog(NewLogger(&out, slog.LevelInfo))
	server.Start()
	get := func(method, path string) int {
		req, err := http.NewRequest(method, server.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set(RequestHeader, canary)
		resp, err := server.Client().Do(req)
		if err != nil {
			return 0
		}
		defer resp.Body.Close()
		if _, err := io.Copy(io.Discard, resp.Body); err != nil {
			return -1
		}
		return resp.StatusCode
	}
	for _, c := range []struct {
		method, path string
		want         int
	}{
		{"GET", "/fhir/R4/Patient/" + canary + "?name=" + canary, 200}, {"GET", "/fhir/R4/Patient/gone", 410}, {"GET", "/" + canary, 404},
		{canary, "/fhir/R4/Patient/1", 405}, {"GET", "/panic?" + canary, 500}, {"GET", "/half", -1},
	} {
		if got := get(c.method, c.path); got != c.want {
			t.Errorf("%s %s: %d", c.method, c.path, got)
		}
	}
	server.Close()
	rec := httptest.NewRecorder()
	m.Handler().ServeHTTP(rec, httptest.NewRequest("GET", "/metrics", nil))
	text := rec.Body.String()
	for _, want := range []string{
		`ward_http_requests_total{class="2xx",route="GET /fhir/R4/Patient/{id}"} 1`, `ward_http_requests_total{class="4xx",route="GET /fhir/R4/Patient/{id}"} 1`,
		`ward_http_requests_total{class="4xx",route="unmatched"} 2`, `ward_http_requests_total{class="5xx",route="/panic"} 1`, `ward_http_in_flight 0`,
		`ward_http_request_seconds_count{route="/half"} 1`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%s is not in the metrics", want)
		}
	}
	for _, want := range []string{`"route":"GET /fhir/R4/Patient/{id}"`, `"status":410`, `"msg":"handler panicked","request":"`, `"stack":"github.com/ward-health/ward/engine/telemetry.TestMiddleware.func`, `"method":"OTHER"`} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%s is not in the log", want)
		}
	}
	for name, text := range map[string]string{"log": out.String(), "metrics": text} {
		if strings.Contains(text, canary) {
			t.Errorf("the canary is in the %s", name)
		}
	}
}

// TestMiddlewareFindsItsRoute: behind a handler that copies the request, and sets an id of its own.
func TestMiddlewareFindsItsRoute(t *testing.T) {
	var out bytes.Buffer
	mux := http.NewServeMux()
	mux.HandleFunc("GET /a/{id}", func(http.ResponseWriter, *http.Request) {})
	own := ward.NewID()
	copies := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set(RequestHeader, own.String())
		mux.ServeHTTP(w, r.Clone(r.Context()))
	})
	h := NewMetrics().Middleware(NewTextLogger(&out, slog.LevelDebug), RouteIn(mux), copies)
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, httptest.NewRequest("GET", "/a/"+canary, nil))
	if text := out.String(); !strings.Contains(text, `route="GET /a/{id}"`) || !strings.Contains(text, "request="+own.String()) || strings.Contains(text, canary) {
		t.Error(text)
	}
	if rec.Header().Get(RequestHeader) != own.String() {
		t.Error("the id of the handler was replaced")
	}
}

func TestMetrics(t *testing.T) {
	m := NewMetrics()
	m.Log(12, 1500*time.Millisecond)
	m.Queue(1, 2, 3, 4, time.Minute)
	m.DB(Read, time.Millisecond)
	m.DB(Write, time.Millisecond)
	m.DB(Operation(9), time.Millisecond)
	m.Error(ward.Denied)
	m.Error(ward.ErrorKind(200))
	for i := range routesMax + 50 {
		m.request(Route{fmt.Sprintf("GET /%d", i)}, i, time.Millisecond)
	}
	rec := httptest.NewRecorder()
	m.Handler().ServeHTTP(rec, httptest.NewRequest("GET", "/metrics", nil))
	text := rec.Body.String()
	for _, want := range []string{"ward_log_entries 12", "ward_log_lag_seconds 1.5", `ward_queue_jobs{state="dead"} 4`, "ward_queue_lag_seconds 60",
		`ward_db_seconds_count{operation="write"} 1`, `ward_db_seconds_count{operation="other"} 1`, `ward_errors_total{kind="denied"} 1`,
		`ward_errors_total{kind="unknown"} 1`, `ward_http_requests_total{class="5xx",route="other"} 50`, "go_goroutines"} {
		if !strings.Contains(text, want) {
			t.Errorf("%s is not in the metrics", want)
		}
	}
	if n := strings.Count(text, "ward_http_request_seconds_count"); n != routesMax+1 {
		t.Errorf("%d routes", n)
	}
}

func ready(t *testing.T, c *Checks) (int, health) {
	t.Helper()
	rec := httptest.NewRecorder()
	c.Readyz().ServeHTTP(rec, httptest.NewRequest("GET", "/readyz", nil))
	var h health
	if err := json.Unmarshal(rec.Body.Bytes(), &h); err != nil || rec.Header().Get("Content-Type") != "application/json" {
		t.Fatal(err, rec.Body.String())
	}
	if strings.Contains(rec.Body.String(), canary) {
		t.Error(rec.Body.String())
	}
	return rec.Code, h
}

func TestHealth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c Checks
		m := NewMetrics()
		c.Report(m)
		if code, h := ready(t, &c); code != 200 || h.Status != "ok" || h.Module == "" {
			t.Error(code, h)
		}
		var mu sync.Mutex
		var fail error
		runs := 0
		hang := make(chan struct{})
		c.Add("db", func(context.Context) error {
			mu.Lock()
			defer mu.Unlock()
			runs++
			return fail
		})
		time.Sleep(checkFresh) //nolint:forbidigo // the bubble's clock
		for range 5 {
			if code, h := ready(t, &c); code != 200 || len(h.Checks) != 1 || h.Checks[0] != (checkHealth{"db", "ok", ""}) {
				t.Error(code, h)
			}
		}
		if runs != 1 {
			t.Errorf("%d runs for five questions within a second", runs)
		}
		fail = ward.E(ward.Unavailable, "db.check", canary, errors.New(canary))
		c.Add("log", func(context.Context) error { panic(canary) })
		c.Add(canary, func(context.Context) error { return nil })
		c.Add("slow", func(context.Context) error { <-hang; return nil })
		time.Sleep(checkFresh) //nolint:forbidigo // the bubble's clock
		start := time.Now()
		code, h := ready(t, &c)
		want := []checkHealth{{"db", "failed", "unavailable"}, {"log", "failed", "internal"}, {dropped, "ok", ""}, {"slow", "failed", "timeout"}}
		if code != 503 || h.Status != "failed" || fmt.Sprint(h.Checks) != fmt.Sprint(want) {
			t.Error(code, h)
		}
		if took := time.Since(start); took > checkTimeout {
			t.Errorf("it took %v", took)
		}
		rec := httptest.NewRecorder()
		m.Handler().ServeHTTP(rec, httptest.NewRequest("GET", "/metrics", nil))
		if !strings.Contains(rec.Body.String(), "ward_ready 0") {
			t.Error("the gauge does not follow")
		}
		time.Sleep(checkFresh) //nolint:forbidigo // the bubble's clock
		if _, h := ready(t, &c); h.Checks[3].Kind != "timeout" {
			t.Error("a check that hangs was started again")
		}
		close(hang)
		synctest.Wait()
		time.Sleep(checkFresh) //nolint:forbidigo // the bubble's clock
		if _, h := ready(t, &c); h.Checks[3].Status != "ok" {
			t.Error("a check that came back is not run again")
		}
		rec = httptest.NewRecorder()
		c.Livez().ServeHTTP(rec, httptest.NewRequest("GET", "/livez", nil))
		if rec.Code != 200 {
			t.Error("alive:", rec.Code)
		}
		c.Drain()
		if code, h := ready(t, &c); code != 503 || h.Status != "draining" {
			t.Error(code, h)
		}
	})
}
