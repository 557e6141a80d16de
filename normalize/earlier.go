package normalize

import (
	"context"
	"math/big"
	"net/url"
	"slices"
	"strconv"
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
	maxEarlier  = 20 // results under a code, those that were stored last
	earlierDays = 366
)

// earlier returns the patient's earlier values under the codes of a result, by code, in the canonical units; never nil. It is read once for
// a patient and code.
//
// A feed may not browse a patient's results: it is the node itself that looks, under a permit and with an entry of its own.
func (w *work) earlier(ctx context.Context, f *fact) (map[string][]plausible.Previous, error) {
	out := map[string][]plausible.Previous{}
	for _, code := range coded(f.Body) {
		key := seenKey{subject(f.Body), code}
		if _, ok := w.before[key]; !ok {
			found, err := w.look(ctx, f, code)
			if err != nil {
				return nil, err
			}
			w.before[key] = found
		}
		out[code] = w.before[key]
	}
	return out, nil
}

// seenKey names what was read of a patient.
type seenKey struct{ patient, code string }

// coded are the LOINC codes of a result that have a row.
func coded(o *body.Value) (codes []string) {
	for _, c := range o.At("code.coding").Items() {
		code := c.Get("code").Str()
		if _, ok := terminology.Lookup(code); ok && c.Get("system").Str() == judge.LOINC {
			codes = append(codes, code)
		}
	}
	return codes
}

// look reads the patient's values under a code that were taken in the year before the result.
func (w *work) look(ctx context.Context, f *fact, code string) (out []plausible.Previous, err error) {
	p, err := w.own(ctx)
	if err != nil {
		return nil, err
	}
	q := url.Values{"patient": {subject(f.Body)}, "code": {judge.LOINC + "|" + code}, "_count": {strconv.Itoa(maxEarlier)}}
	if at := judge.Moment(f.Body); !at.IsZero() {
		q["date"] = []string{"ge" + at.AddDate(0, 0, -earlierDays).Format(time.DateOnly)}
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
		if x, ok := usable(o)[code]; ok {
			out = append(out, x)
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
