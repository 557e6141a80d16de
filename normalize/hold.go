package normalize

import (
	"strconv"
	"strings"

	"github.com/ward-health/ward/normalize/body"
	"github.com/ward-health/ward/normalize/judge"
	"github.com/ward-health/ward/normalize/quarantine"
	"github.com/ward-health/ward/store"
)

// maxEvidence is how much of a body goes into the evidence; the rest is in the raw message.
const maxEvidence = 512 << 10

// holdFact holds one fact; v may be nil.
func (w *work) holdFact(f *fact, class, reason string, v *judge.Verdict) error {
	at := f.At
	if v != nil && v.Field > 0 {
		at += "-" + strconv.Itoa(v.Field)
	}
	return w.holdAt(f, class, reason, at, v)
}

func (w *work) holdAt(f *fact, class, reason, at string, v *judge.Verdict) error {
	e := quarantine.Evidence{Kind: w.kind, Sender: w.channel.ID, Position: at, Class: class, Reason: reason,
		Sent: sent(f.Body), LocalCode: f.Code, Birth: w.birth(f)}
	if v != nil {
		e.Why, e.Findings, e.Proposals = v.Why, v.Findings, v.Proposals
	}
	if b := f.Body.Bytes(); len(b) <= maxEvidence {
		e.Resource = b
	}
	sealed, err := e.Seal()
	if err != nil {
		return err
	}
	patient := subject(f.Body)
	if f.Type == "Patient" {
		patient = f.ref.ID
	}
	w.e.Holds = append(w.e.Holds, store.Hold{Patient: patient, Class: class, Reason: reason, Position: at,
		Fact: f.ref.String(), Rule: f.Rule, Evidence: sealed})
	return nil
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
	return s
}
