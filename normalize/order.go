package normalize

import (
	"context"
	"time"

	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/normalize/body"
	"github.com/ward-health/ward/normalize/judge"
)

// stamp notes in meta how old the fact is.
func stamp(o *body.Value, f *fact) { judge.Age(o, f.Sent, f.Status) }

// rank orders how final a status is: preliminary, final, corrected. What says that there is no result ranks lowest once it
// is stored, so that a new one may come, and highest when it is sent, so that it may take back anything.
var rank = map[string]int{"registered": 1, "preliminary": 2, "partial": 2, "final": 3, "amended": 4, "corrected": 4, "unknown": 1}

// older reports whether what is stored is newer than the fact or of a higher rank.
func older(f *fact) bool {
	if f.now == nil {
		return false
	}
	before := compare(judge.Changed(f.now), f.Status)
	if before == 0 {
		before = compare(judge.Sent(f.now), f.Sent)
	}
	if before > 0 {
		return true
	}
	if before == 0 && judge.Tagged(f.now, judge.Released) {
		return true // persons have let this very version in, as they saw fit
	}
	status := f.Body.Get("status").Str()
	return rank[f.now.Get("status").Str()] > rank[status] && status != "entered-in-error" && status != "cancelled"
}

// compare is positive if a is later; times that are not known are not compared.
func compare(a, b time.Time) int {
	if a.IsZero() || b.IsZero() {
		return 0
	}
	return a.Compare(b)
}

// moves reports whether the fact is stored of another patient: who that is now decides, after merges.
func (w *work) moves(ctx context.Context, f *fact) bool {
	was := subject(f.now)
	if f.now == nil || was == "" || was == subject(f.Body) {
		return false
	}
	p, err := w.permit(ctx, access.Receive, "")
	if err != nil {
		return true
	}
	lives, err := w.n.store.Survivor(ctx, p, was)
	return err != nil || lives != subject(f.Body)
}

// subject is the id of the patient whom a body is about.
func subject(o *body.Value) string {
	for _, name := range []string{"subject.reference", "patient.reference"} {
		if ref := o.At(name).Str(); len(ref) > len("Patient/") {
			return ref[len("Patient/"):]
		}
	}
	return ""
}
