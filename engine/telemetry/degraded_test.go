package telemetry

import (
	"context"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ward-health/ward"
)

// TestDegraded: what only needs an operator is told, and the node stays ready; beside a failure the failure counts.
func TestDegraded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c Checks
		m := NewMetrics()
		c.Report(m)
		var trouble, fail error
		c.Watch("upkeep", func(context.Context) error { return trouble })
		c.Add("db", func(context.Context) error { return fail })
		c.Watch("late", func(context.Context) error { return nil })
		ask := func() (int, health) {
			time.Sleep(checkFresh) //nolint:forbidigo // the bubble's clock
			return ready(t, &c)
		}
		gauge := func(line string) {
			t.Helper()
			rec := httptest.NewRecorder()
			m.Handler().ServeHTTP(rec, httptest.NewRequest("GET", "/metrics", nil))
			if !strings.Contains(rec.Body.String(), "\n"+line+"\n") {
				t.Errorf("%s is not in the metrics", line)
			}
		}
		if code, h := ask(); code != 200 || h.Status != "ok" || h.Checks[0] != (checkHealth{"upkeep", "ok", ""}) {
			t.Error(code, h)
		}
		gauge("ward_log_degraded 0")
		trouble = ward.E(ward.Unavailable, "audit.journal", canary, errors.New(canary))
		m.LogDegraded(true)
		if code, h := ask(); code != 200 || h.Status != "degraded" || h.Checks[0] != (checkHealth{"upkeep", "degraded", "unavailable"}) {
			t.Error(code, h)
		}
		gauge("ward_ready 1")
		gauge("ward_log_degraded 1")
		fail = trouble
		if code, h := ask(); code != 503 || h.Status != "failed" {
			t.Error(code, h)
		}
		gauge("ward_ready 0")
		trouble, fail = nil, nil
		m.LogDegraded(false)
		if code, h := ask(); code != 200 || h.Status != "ok" {
			t.Error(code, h)
		}
		gauge("ward_log_degraded 0")
	})
}
