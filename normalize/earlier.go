package normalize

import (
	"context"
	"math/big"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/clinical/fhir"
	"github.com/ward-health/ward/clinical/terminology"
	"github.com/ward-health/ward/clinical/ucum"
	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/normalize/body"
	"github.com/ward-health/ward/normalize/judge"
	"github.com/ward-health/ward/normalize/plausible"
)

// The bounds of what is read of a patient's earlier results.
const (
	maxEarlier  = 100 // results, those that were stored last
	maxCodes    = 50  // LOINC codes of one message
	earlierDays = 366
)

// earlier returns the patient's earlier values under the codes of the message, by code, in the canonical units; never nil. It is read once
// for a patient and message.
//
// A feed may not browse a patient's results: it is the node itself that looks, under a permit and with an entry of its own.
func (w *work) earlier(ctx context.Context, patient string) (map[string][]plausible.Previous, error) {
	if found, ok := w.before[patient]; ok {
		return found, nil
	}
	out := map[string][]plausible.Previous{}
	w.before[patient] = out
	codes, from, to := w.asked(patient)
	if len(codes) == 0 || len(codes) > maxCodes {
		return out, nil
	}
	p, err := w.own(ctx)
	if err != nil {
		return nil, err
	}
	q := url.Values{"patient": {patient}, "code": {judge.LOINC + "|" + strings.Join(codes, ","+judge.LOINC+"|")}, "_count": {"100"}}
	if !from.IsZero() {
		q["date"] = []string{"ge" + from.AddDate(0, 0, -earlierDays).Format(time.DateOnly), "le" + to.Format(time.DateOnly)}
	}
	search, err := fhir.ParseSearch("Observation", q)
	if err != nil {
		return nil, ward.E(ward.Internal, "normalize.earlier", "the query for earlier results is not accepted", err)
	}
	page, err := w.n.store.Search(ctx, p, search)
	if err != nil {
		return nil, err
	}
	for _, v := range page.Versions {
		if slices.ContainsFunc(w.facts, func(f *fact) bool { return f.ref == v.Ref }) {
			continue // what this message says anew speaks for nothing
		}
		o, err := body.Parse([]byte(v.Body))
		if err != nil {
			return nil, err
		}
		for code, x := range usable(o) {
			out[code] = append(out[code], x)
		}
	}
	return out, nil
}

// own is the node's permit to look at the results of the message's patients.
func (w *work) own(ctx context.Context) (access.Permit, error) {
	who, err := w.n.access.EngineOf(ctx, db.Tenant(w.who.Tenant.Number))
	if err != nil {
		return access.Permit{}, err
	}
	return w.n.access.Decide(ctx, access.Request{Principal: who, Action: access.Search, Type: "Observation", Purpose: ward.Treatment, ID: w.raw.ID})
}

// asked are the LOINC codes of the message's results of a patient that have a row, and the times between which they were taken.
func (w *work) asked(patient string) (codes []string, from, to time.Time) {
	for _, f := range w.facts {
		if f.Type != "Observation" || subject(f.Body) != patient {
			continue
		}
		for _, c := range f.Body.At("code.coding").Items() {
			code := c.Get("code").Str()
			if _, ok := terminology.Lookup(code); ok && c.Get("system").Str() == judge.LOINC && !slices.Contains(codes, code) {
				codes = append(codes, code)
			}
		}
		if at := judge.Moment(f.Body); !at.IsZero() {
			if from.IsZero() || at.Before(from) {
				from = at
			}
			if at.After(to) {
				to = at
			}
		}
	}
	return codes, from, to
}

// usable is what a stored result says under each of its codes: a finished number in a unit that is not in doubt.
func usable(o *body.Value) map[string]plausible.Previous {
	q := o.Get("valueQuantity")
	at := judge.Moment(o)
	if !slices.Contains([]string{"final", "amended", "corrected"}, o.Get("status").Str()) || q.Get("system").Str() != judge.UCUM || q.Get("comparator") != nil ||
		judge.Tagged(o, judge.Disputed) || judge.Tagged(o, judge.Unconfirmed) || at.IsZero() {
		return nil
	}
	value, ok := new(big.Rat).SetString(q.Get("value").Str())
	from, err := ucum.Parse(q.Get("code").Str())
	if !ok || err != nil {
		return nil
	}
	out := map[string]plausible.Previous{}
	for _, c := range o.At("code.coding").Items() {
		a, known := terminology.Lookup(c.Get("code").Str())
		to, err := ucum.Parse(a.Unit)
		if !known || err != nil || c.Get("system").Str() != judge.LOINC {
			continue
		}
		if v, _, err := a.Convert(value, from, to); err == nil {
			out[a.Code] = plausible.Previous{Value: v, At: at}
		}
	}
	return out
}
