package normalize

import (
	"context"
	"strings"
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

const withdrawal = 9 // the rank of what takes a result back, when it is sent

// age is how a fact stands to what is stored of it.
type age int

const (
	fresh   age = iota // it takes the place of what is stored
	late               // what is stored is newer: it stays
	unclear            // a person has to say which of the two holds
)

// The reasons why a fact is held for its place in time.
const (
	reasonOrder  = "order-unclear"   // time and status disagree about which is newer, or the time can be read in two ways
	reasonFuture = "sent-in-future"  // it says that it was written long after it came
	reasonMoved  = "subject-differs" // it is stored of another patient
	reasonTime   = "time-differs"    // it was observed at another time than what is stored, and no sub-id tells them apart
)

// older tells how a fact stands to what is stored of it, and if that is unclear, why. Only what is older by time and no more
// final is late; where time and status disagree about another value, nobody but a person can tell.
func older(f *fact) (age, string) {
	if f.now == nil {
		return fresh, ""
	}
	since, known := lag(f)
	ranks := rank[f.now.Get("status").Str()] - sentRank(f.Body)
	tie := known && since == 0
	switch {
	case f.Future:
		return unclear, reasonFuture
	case f.unsure(since):
		return unclear, reasonOrder
	case since > 0 && ranks < 0 && !alike(f.now, f.Body):
		return unclear, reasonOrder
	case since > 0, tie && ranks > 0:
		return late, ""
	case tie && (judge.Tagged(f.now, judge.Released) || judge.Tagged(f.now, judge.Disputed)):
		return late, "" // persons have let this very version in, or it waits for one that is newer
	case !known && judge.Tagged(f.now, judge.Released):
		return unclear, reasonOrder
	case ranks > 0 && alike(f.now, f.Body):
		return late, ""
	case ranks > 0:
		return unclear, reasonOrder
	}
	return fresh, ""
}

// lag is how much newer what is stored is than the fact: by when the status changed, else by when it was sent. False: not both
// times are known.
func lag(f *fact) (since time.Duration, known bool) {
	changed, both := between(judge.Changed(f.now), f.Status)
	if both && changed != 0 {
		return changed, true
	}
	sent, known := between(judge.Sent(f.now), f.Sent)
	return sent, known || both
}

// unsure reports whether the fact was sent in an hour that the clocks have twice, and may be newer or older for it.
func (f *fact) unsure(since time.Duration) bool {
	return f.Vague && since != 0 && since.Abs() <= time.Hour
}

func between(a, b time.Time) (time.Duration, bool) {
	if a.IsZero() || b.IsZero() {
		return 0, false
	}
	return a.Sub(b), true
}

func sentRank(o *body.Value) int {
	if judge.Withdrawn(o) {
		return withdrawal
	}
	return rank[o.Get("status").Str()]
}

// alike reports whether two versions say the same value, whatever their status.
func alike(a, b *body.Value) bool {
	return told(a) == told(b)
}

// told writes the values of a body as they were sent: what a check has added to a quantity is left out.
func told(o *body.Value) string {
	var out strings.Builder
	for _, name := range o.Names() {
		v := o.Get(name)
		switch {
		case name == "valueQuantity":
			for _, part := range []string{"comparator", "value", "unit"} {
				out.WriteString(part + "=" + v.Get(part).Str() + ";")
			}
		case strings.HasPrefix(name, "value") || name == "component" || name == "dataAbsentReason":
			out.WriteString(name + "=" + string(v.Bytes()) + ";")
		}
	}
	return out.String()
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

// dated is when the fact was last changed at its source, to tell which of two that are held or stored is newer; zero if that is
// not certain.
func (f *fact) dated() time.Time {
	switch {
	case f.Future || f.Vague:
		return time.Time{}
	case !f.Status.IsZero():
		return f.Status
	}
	return f.Sent
}

// dated is when all results of the message were changed; zero if that is not one time, or not certain.
func (w *work) dated() (at time.Time) {
	for _, f := range w.facts {
		if f.Type != "Observation" && f.Type != "DiagnosticReport" {
			continue
		}
		switch d := f.dated(); {
		case d.IsZero() || !at.IsZero() && !d.Equal(at):
			return time.Time{}
		default:
			at = d
		}
	}
	return at
}
