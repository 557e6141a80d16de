package normalize

import (
	"context"
	"time"

	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/normalize/judge"
	"github.com/ward-health/ward/normalize/plausible"
	"github.com/ward-health/ward/normalize/watch"
)

// standing asks what the sender's results under a code and unit have shown, all together.
func (w *work) standing(local, loinc, unit string, since time.Time) judge.Standing {
	if w.n.watch.Shifted(w.tenant(), watch.Name{Sender: w.channel.ID, Local: local, LOINC: loinc, Unit: unit}, since) {
		return judge.Shifted
	}
	return judge.Even
}

func (w *work) tenant() db.Tenant { return db.Tenant(w.who.Tenant.Number) }

// count notes a result for the watch: one that is new and finished.
func (w *work) count(f *fact, x plausible.Fact) {
	if f.now == nil && x.Comparator == "" && x.Unit != "" && !judge.Withdrawn(f.Body) && f.Body.Get("status").Str() != "preliminary" {
		w.counts = append(w.counts, watch.Result{Name: watch.Name{Sender: w.channel.ID, Local: f.Code, LOINC: x.Analyte.Code, Unit: x.Unit}, Value: x.Value})
	}
}

// counted tells the watch what was stored, and lets it write what it has counted so far.
//
// The message is done by then: what is not counted or written delays a finding and makes none.
func (w *work) counted(ctx context.Context) {
	if len(w.counts) == 0 {
		return
	}
	w.n.watch.Add(w.tenant(), w.counts...)
	if p, err := w.permit(ctx, access.Receive, ""); err == nil {
		_ = w.n.watch.Flush(ctx, p, false) // it stays, to be written with what comes next
	}
}
