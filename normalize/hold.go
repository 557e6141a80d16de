package normalize

import (
	"context"
	"strconv"
	"strings"

	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/clinical/fhir"
	"github.com/ward-health/ward/normalize/body"
	"github.com/ward-health/ward/normalize/judge"
	"github.com/ward-health/ward/normalize/quarantine"
	"github.com/ward-health/ward/store"
)

// The bounds of evidence; what is left out is in the raw message.
const (
	maxEvidence = 512 << 10 // bytes of the body
	maxSealed   = 1 << 20   // bytes of all that the store takes
	maxSaid     = 4 << 10   // bytes of one text about what was sent
)

// holdFact holds one fact; v may be nil.
func (w *work) holdFact(ctx context.Context, f *fact, class, reason string, v *judge.Verdict) error {
	at := f.At
	if v != nil && v.Field > 0 {
		at += "-" + strconv.Itoa(v.Field)
	}
	return w.holdAt(ctx, f, class, reason, at, v)
}

func (w *work) holdAt(ctx context.Context, f *fact, class, reason, at string, v *judge.Verdict) error {
	e := quarantine.Evidence{Kind: w.kind, Sender: w.channel.ID, Position: at, Class: class, Reason: reason,
		Sent: sent(f.Body), LocalCode: clip(f.Code), Birth: w.birth(f)}
	if v != nil {
		e.Why, e.Findings, e.Proposals = v.Why, v.Findings, v.Proposals
	}
	if b := f.Body.Bytes(); len(b) <= maxEvidence {
		e.Resource = b
	}
	sealed, err := e.Seal()
	if err == nil && len(sealed) > maxSealed {
		e.Resource = nil
		sealed, err = e.Seal()
	}
	if err != nil {
		return err
	}
	patient := subject(f.Body)
	if f.Type == "Patient" {
		patient = f.ref.ID
	}
	w.e.Holds = append(w.e.Holds, store.Hold{Patient: patient, Class: class, Reason: reason, Position: at,
		Fact: f.ref.String(), Rule: f.Rule, Evidence: sealed, Sent: f.dated()})
	return w.dispute(ctx, f, reason)
}

// dispute marks what is stored of a fact whose newer version is held: to leave it in force unmarked would have others compute
// with what its sender has taken the place of. The version that a person releases, and every newer one, bears the mark no more.
func (w *work) dispute(ctx context.Context, f *fact, reason string) error {
	if f.now == nil || f.Type == "Patient" || f.Type == "Encounter" || reason == reasonMoved || w.disputed[f.ref] {
		return nil
	}
	if since, _ := lag(f); since > 0 && !f.unsure(since) || judge.Withdrawn(f.now) || judge.Tagged(f.now, judge.Disputed) {
		return nil
	}
	p, err := w.permit(ctx, access.Receive, "")
	if err != nil {
		return err
	}
	if rejected, err := w.n.store.Rejected(ctx, p, w.raw.ID, f.ref.String()); err != nil || rejected {
		return err // persons have said that it takes the place of nothing
	}
	w.disputed[f.ref] = true
	o := f.now.Clone()
	judge.TagAlso(o, judge.Disputed)
	return w.write(ctx, f, o.Bytes(), fhir.Scanned{})
}

// clip bounds what goes into the few words about what was sent; all of it is in the raw message.
func clip(s string) string {
	if len(s) > maxSaid {
		s = strings.ToValidUTF8(s[:maxSaid], "") + " ..."
	}
	return s
}

// sent tells an Observation in few words.
func sent(o *body.Value) quarantine.Sent {
	c := o.At("code.coding[0]")
	s := quarantine.Sent{Code: c.Get("code").Str(), System: c.Get("system").Str(), Display: c.Get("display").Str(),
		Status: o.Get("status").Str(), Taken: o.Get("effectiveDateTime").Str(), Range: o.At("referenceRange[0].text").Str()}
	if s.Display == "" {
		s.Display = o.At("code.text").Str()
	}
	q := o.Get("valueQuantity")
	s.Value, s.Comparator, s.Unit = q.Get("value").Str(), q.Get("comparator").Str(), q.Get("unit").Str()
	if q == nil {
		s.Value = o.Get("valueString").Str()
	}
	var flags []string
	for _, i := range o.Get("interpretation").Items() {
		flags = append(flags, i.At("coding[0].code").Str())
	}
	s.Flags = strings.Join(flags, " ")
	for _, text := range []*string{&s.Code, &s.System, &s.Display, &s.Value, &s.Comparator, &s.Unit, &s.Range, &s.Flags, &s.Status, &s.Taken} {
		*text = clip(*text)
	}
	return s
}
