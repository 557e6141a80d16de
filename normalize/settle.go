package normalize

import (
	"context"
	"slices"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/normalize/body"
)

// drop leaves out the facts of patients who were erased; what is said of others stays.
func (w *work) drop() {
	gone := map[string]bool{}
	for _, f := range w.facts {
		if f.gone && f.Type == "Patient" {
			gone[f.ref.ID] = true
		}
	}
	before := len(w.facts)
	w.facts = slices.DeleteFunc(slices.Clone(w.facts), func(f *fact) bool { return f.gone || gone[subject(f.Body)] })
	w.left += before - len(w.facts)
}

// settle finds the place of results whose code a message has twice without a sub-id: the first has the code alone in its key,
// the others their time as well, and a message that repeats only one of them does not show which it is. The one that is
// stored with the same time is meant.
func (w *work) settle() {
	moved := map[string]string{}
	for _, f := range w.facts {
		t := f.twin
		if t == nil || f.now != nil && !elsewhen(f.now, f.Body) || f.now == nil && !f.unseen {
			continue
		}
		if t.now != nil && !elsewhen(t.now, f.Body) && !w.has(t.ref) {
			moved[f.ref.String()] = t.ref.String()
			f.ref, f.now, f.number, f.unseen = t.ref, t.now, t.number, false
			f.Body.Set("id", body.Text(f.ref.ID))
		}
	}
	if len(moved) > 0 {
		w.relink(moved)
	}
}

// has reports whether the message has a fact of its own that would be stored there.
func (w *work) has(ref ward.Reference) bool {
	return slices.ContainsFunc(w.facts, func(f *fact) bool { return f.ref == ref })
}

// relink changes the references to results that have found their place.
func (w *work) relink(moved map[string]string) {
	for _, f := range w.facts {
		f.Body.Each(func(v *body.Value) {
			if to, ok := moved[v.Str()]; ok && f.Type == "DiagnosticReport" {
				v.Replace(to)
			}
		})
	}
}

// elsewhen reports whether two results were observed at different times.
func elsewhen(now, said *body.Value) bool {
	a, b := taken(now), taken(said)
	return a != "" && b != "" && a != b
}

func taken(o *body.Value) string {
	if t := o.Get("effectiveDateTime").Str(); t != "" {
		return t
	}
	return o.At("effectivePeriod.start").Str()
}

// waiting finds the facts of which a version is held that was sent after this message: it stays held, and what is stored meanwhile is
// disputed by it. It looks only after the store has refused to write without: hardly ever.
func (w *work) waiting(ctx context.Context) error {
	w.contested = map[string]bool{}
	at := w.dated()
	if !w.wary || at.IsZero() {
		return nil // the store says so if there is one; of a message without a time nothing is known to be newer
	}
	p, err := w.permit(ctx, access.Receive, "")
	if err != nil {
		return err
	}
	var names []string
	for _, f := range w.facts {
		if f.Type != "Patient" && f.Type != "Encounter" {
			names = append(names, f.ref.String())
		}
	}
	for part := range slices.Chunk(names, maxWants) {
		held, err := w.n.store.OpenHolds(ctx, p, part...)
		if err != nil {
			return err
		}
		for _, h := range held {
			if h.Sent.After(at) {
				w.contested[h.Fact] = true
				w.e.Contested = append(w.e.Contested, h.Fact)
			}
		}
	}
	return nil
}
