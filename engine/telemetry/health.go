package telemetry

import (
	"context"
	"crypto/fips140"
	"encoding/json"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ward-health/ward"
)

// Bounds of health checks.
const (
	checkTimeout = 2 * time.Second
	checkFresh   = time.Second // answers within it share one run: anybody may ask
)

// Checks answers whether the node lives and whether it can do its work. The zero Checks is usable. Safe for concurrent use.
type Checks struct {
	mu       sync.Mutex
	checks   []*check
	metrics  *Metrics
	draining atomic.Bool

	run  sync.Mutex // one run at a time
	last health
	at   time.Time
}

type check struct {
	name string
	fn   func(context.Context) error
	mild bool        // its failure is told, and the node is ready all the same
	busy atomic.Bool // a run that outlived its time is still there
}

// health is the answer. It names checks and kinds of failure; texts of errors are for the log.
type health struct {
	Status string        `json:"status"` // ok, degraded, failed, draining
	FIPS   bool          `json:"fips140"`
	Module string        `json:"fips140_module"`
	Checks []checkHealth `json:"checks,omitempty"`
}

type checkHealth struct {
	Name   string `json:"name"`
	Status string `json:"status"`         // ok, degraded or failed
	Kind   string `json:"kind,omitempty"` // of the failure: a ward.ErrorKind or timeout
}

// Report lets the gauge ward_ready follow the answers.
func (c *Checks) Report(m *Metrics) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.metrics = m
}

// Add adds a check to readiness. fn is given two seconds; one that does not return is not started again until it has. The
// name is the program's own, a-z, 0-9, '.', '_' and '-'; another one is shown as "[dropped]".
func (c *Checks) Add(name string, fn func(ctx context.Context) error) {
	c.add(&check{name: name, fn: fn})
}

// Watch adds a check, as Add does, of what needs an operator while the node can still do its work: when fn fails the answer
// says "degraded", and the node stays ready.
func (c *Checks) Watch(name string, fn func(ctx context.Context) error) {
	c.add(&check{name: name, fn: fn, mild: true})
}

func (c *Checks) add(k *check) {
	if !word.fits(k.name) {
		k.name = dropped
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.checks = append(c.checks, k)
}

// Drain makes readiness fail from now on: the first step of a shutdown.
func (c *Checks) Drain() { c.draining.Store(true) }

// Livez answers 200 as long as the process serves: it says nothing about databases, so that no restart follows their failure.
func (c *Checks) Livez() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { answer(w, http.StatusOK, newHealth("ok")) })
}

// Readyz runs the checks (at most once a second) and answers 200, or 503 if one of Add fails or the node drains.
func (c *Checks) Readyz() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := newHealth("draining")
		if !c.draining.Load() {
			h = c.ready(r.Context())
		}
		status := http.StatusServiceUnavailable
		if h.ready() {
			status = http.StatusOK
		}
		answer(w, status, h)
	})
}

func (h health) ready() bool { return h.Status == "ok" || h.Status == "degraded" }

// ready runs every check at the same time, each bounded, and returns the answer.
func (c *Checks) ready(ctx context.Context) health {
	c.run.Lock()
	defer c.run.Unlock()
	if !c.at.IsZero() && time.Since(c.at) < checkFresh {
		return c.last
	}
	c.mu.Lock()
	checks, metrics := slices.Clone(c.checks), c.metrics
	c.mu.Unlock()
	// The answer is kept for others: one caller's hanging up must not fail it.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), checkTimeout)
	defer cancel()
	h := newHealth("ok")
	h.Checks = make([]checkHealth, len(checks))
	var wg sync.WaitGroup
	for i, k := range checks {
		wg.Go(func() { h.Checks[i] = k.run(ctx) })
	}
	wg.Wait()
	for _, k := range h.Checks {
		if k.Status == "failed" || h.Status == "ok" {
			h.Status = k.Status
		}
	}
	if metrics != nil {
		metrics.ready.Set(map[bool]float64{true: 1}[h.ready()])
	}
	c.last, c.at = h, time.Now()
	return h
}

// run returns when the check does or its time is up.
func (k *check) run(ctx context.Context) checkHealth {
	out := checkHealth{Name: k.name, Status: "failed", Kind: "timeout"}
	if k.mild {
		out.Status = "degraded"
	}
	if !k.busy.CompareAndSwap(false, true) {
		return out
	}
	done := make(chan error, 1)
	go func() {
		var err error = ward.E(ward.Internal, "telemetry.check", "the check panicked", nil)
		defer func() {
			_ = recover()
			k.busy.Store(false)
			done <- err
		}()
		err = k.fn(ctx)
	}()
	select {
	case err := <-done:
		if err == nil {
			return checkHealth{Name: k.name, Status: "ok"}
		}
		if ctx.Err() == nil {
			out.Kind = ward.KindOf(err).String()
		}
	case <-ctx.Done():
	}
	return out
}

func newHealth(status string) health {
	return health{Status: status, FIPS: fips140.Enabled(), Module: fips140.Version()}
}

func answer(w http.ResponseWriter, status int, h health) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	// A client that hung up is the only way this fails.
	_ = json.NewEncoder(w).Encode(h)
}
