package normalize

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/ward-health/ward/clinical/fhir"
	"github.com/ward-health/ward/normalize/body"
	"github.com/ward-health/ward/normalize/judge"
	"github.com/ward-health/ward/normalize/mapping"
	"github.com/ward-health/ward/normalize/plausible"
)

// results plans everything but patients and stays.
func (w *work) results(ctx context.Context) error {
	if w.from != nil {
		if err := w.read(ctx, saidTypes...); err != nil {
			return err
		}
		w.drop()
	}
	w.settle()
	if err := w.waiting(ctx); err != nil {
		return err
	}
	var accepted []*fact
	var numbers []plausible.Fact
	for _, f := range w.facts {
		var err error
		switch f.Type {
		case "Patient", "Encounter":
			continue
		case "Observation":
			var v judge.Verdict
			var ok bool
			if v, ok, err = w.observation(ctx, f); ok {
				accepted = append(accepted, f)
				if v.Fact != nil {
					numbers = append(numbers, *v.Fact)
					w.count(f, *v.Fact)
				}
			}
		case "DiagnosticReport":
			err = w.report(ctx, f)
		default:
			err = w.history(ctx, f)
		}
		if err != nil {
			return err
		}
	}
	together(accepted, plausible.Panel(numbers))
	for _, f := range accepted {
		if err := w.checked(ctx, f, f.Body); err != nil {
			return err
		}
		if judge.Tagged(f.Body, judge.Unconfirmed) {
			w.unsure = append(w.unsure, f)
		}
	}
	return nil
}

// observation decides about one result: ok reports that it is to be stored.
func (w *work) observation(ctx context.Context, f *fact) (v judge.Verdict, ok bool, err error) {
	if stands, err := w.placed(ctx, f); !stands {
		return v, false, err
	}
	for _, d := range f.Doubts {
		if !harmless[d.Reason] || !judge.Withdrawn(f.Body) {
			return v, false, w.holdAt(ctx, f, d.Class, d.Reason, d.Position, &v)
		}
	}
	if v, err = w.judged(ctx, f); err != nil {
		return v, false, err
	}
	if v.Hold {
		return v, false, w.holdFact(ctx, f, v.Class, v.Reason, &v)
	}
	judge.Tag(f.Body, append(v.Tags, f.Flags...)...)
	return v, true, nil
}

// judged judges one result, with the patient's earlier values where they may matter.
func (w *work) judged(ctx context.Context, f *fact) (judge.Verdict, error) {
	about := judge.About{Sender: w.channel.ID, LocalCode: f.Code, Birth: w.birth(f), Units: w.channel.Units, Standing: w.standing}
	v := judge.Observation(f.Body, about)
	if v.Wants {
		var err error
		if about.Earlier, err = w.earlier(ctx, f); err != nil {
			return v, err
		}
		v = judge.Observation(f.Body, about)
	}
	return v, nil
}

// harmless are the doubts that do not hold what takes a result back: nobody computes with its value.
var harmless = map[string]bool{mapping.NotNumeric: true, mapping.SeveralParts: true, mapping.SeveralUnits: true, mapping.ManyValues: true,
	mapping.LongText: true, mapping.UnreadableTime: true, mapping.FutureTime: true}

// placed reports whether a fact may take the place of what is stored of it, and stamps it. One that may not is late, or held.
func (w *work) placed(ctx context.Context, f *fact) (bool, error) {
	if w.moves(ctx, f) {
		return false, w.holdFact(ctx, f, mapping.ClassOrder, reasonMoved, nil)
	}
	how, why := older(f)
	if why == reasonFuture {
		f.Sent, f.Status = w.raw.Received, time.Time{} // what a person releases counts as of when it came
	}
	stamp(f.Body, f)
	if how == unclear && judge.Sent(f.now).After(f.Sent) {
		judge.Age(f.Body, judge.Sent(f.now), f.Status) // persons may say that it holds, unless a newer one still comes
	}
	switch {
	case f.Alone && elsewhen(f.now, f.Body):
		return false, w.holdFact(ctx, f, mapping.ClassOrder, reasonTime, nil)
	case how == late:
		w.late = append(w.late, f)
		return false, nil
	case how == unclear:
		return false, w.holdFact(ctx, f, mapping.ClassOrder, why, nil)
	}
	return true, nil
}

// history plans an entry of the patient's history: a diagnosis, an allergy, a procedure.
func (w *work) history(ctx context.Context, f *fact) error {
	if stands, err := w.placed(ctx, f); !stands {
		return err
	}
	for _, d := range f.Doubts {
		return w.holdAt(ctx, f, d.Class, d.Reason, d.Position, nil)
	}
	return w.checked(ctx, f, f.Body)
}

// birth is the birth date of the patient of a fact, as this message or the store has it.
func (w *work) birth(f *fact) time.Time {
	i := slices.IndexFunc(w.facts, func(p *fact) bool { return p.Type == "Patient" && p.ref.ID == subject(f.Body) })
	if i < 0 {
		return time.Time{}
	}
	text := w.facts[i].now.Get("birthDate").Str()
	if text == "" {
		text = w.facts[i].Body.Get("birthDate").Str()
	}
	t, _ := time.Parse("2006-01-02", text)
	return t
}

// together flags results that contradict their companions.
func together(accepted []*fact, found []plausible.Finding) {
	for _, finding := range found {
		if finding.Level != plausible.Inconsistent {
			continue
		}
		said := strings.Join(finding.Evidence, " ")
		for _, f := range accepted {
			for _, c := range f.Body.At("code.coding").Items() {
				code := c.Get("code").Str()
				if c.Get("system").Str() == judge.LOINC && code != "" && strings.Contains(said, code) && !judge.Tagged(f.Body, judge.Inconsistent) {
					judge.TagAlso(f.Body, judge.Inconsistent)
				}
			}
		}
	}
}

// report plans a report: results that it lists are added to those that it listed, whatever came first.
func (w *work) report(ctx context.Context, f *fact) error {
	if w.moves(ctx, f) {
		return w.holdFact(ctx, f, mapping.ClassOrder, reasonMoved, nil)
	}
	o := f.Body
	if how, _ := older(f); how != fresh {
		w.late = append(w.late, f)
		o = f.now.Clone()
	} else {
		stamp(o, f)
	}
	if f.now != nil {
		o.Set("result", join("union", f.now.Get("result"), f.Body.Get("result")))
	}
	return w.checked(ctx, f, o)
}

// checked plans a change if the strict pass takes the body, else holds it: one fact that cannot be kept as it is must not
// keep out the others.
func (w *work) checked(ctx context.Context, f *fact, o *body.Value) error {
	text := o.Bytes()
	scanned, err := fhir.Check(text)
	if err != nil {
		return w.holdFact(ctx, f, "profile", "not-valid", nil)
	}
	if f.unseen && w.hidden[f.ref] {
		// SPEC(DESIGN 3 I1): what is hidden looks as if it did not exist; it is not overwritten either.
		if !authoritative(w.kind) && (f.Type == "Patient" || f.Type == "Encounter") {
			return nil
		}
		return w.holdFact(ctx, f, mapping.ClassOrder, "not-visible", nil)
	}
	if w.contested[f.ref.String()] && f.Type != "DiagnosticReport" {
		judge.TagAlso(o, judge.Disputed)
		text = o.Bytes() // which the store looks at for itself
	}
	return w.write(ctx, f, text, scanned)
}
