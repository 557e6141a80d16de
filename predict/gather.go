package predict

import (
	"context"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/clinical/fhir"
	"github.com/ward-health/ward/predict/registry"
)

// Bounds of a search for results.
const (
	recentDays = 30 // the first window: most patients are answered from it, and no older result is opened
	pageSize   = 200
	maxPages   = 5
)

// gather reads the patient and the result to judge, each under a permit of its own.
func (s *Service) gather(ctx context.Context, g access.Grant, m registry.Manifest, patient string, at time.Time) (gathered, error) {
	var f gathered
	if !ward.ValidID(patient) {
		return f, ward.E(ward.Invalid, "predict.gather", "the patient must be a FHIR id", nil)
	}
	read, err := g.Decide(ctx, access.Read, "Patient")
	if err != nil {
		return f, err
	}
	v, err := s.store.Get(ctx, read, ward.Reference{Type: "Patient", ID: patient})
	if err != nil {
		return f, err
	}
	f.saw(v)
	if f.person, err = readPerson(v); err != nil {
		return f, err
	}
	search, err := g.Decide(ctx, access.Search, "Observation")
	if err != nil {
		return f, err
	}
	f.result, err = s.newest(ctx, search, &f, m.Inputs[0], patient, at)
	return f, err
}

// newest finds the result to judge: the newest by clinical time among those that are finished. It looks through growing
// windows of time, so that no more is opened than needed; the last, unbounded one is read for one page only and tells
// "stale" from "missing". When nothing finished is found it returns the newest unfinished one, whose status is the reason.
func (s *Service) newest(ctx context.Context, p access.Permit, f *gathered, in registry.Input, patient string, at time.Time) (*result, error) {
	var codes []string
	for _, c := range in.Codes {
		codes = append(codes, c.System+"|"+c.Code)
	}
	var best *result
	for _, days := range []int{min(recentDays, in.MaxAgeDays), in.MaxAgeDays, 0} {
		q := url.Values{"patient": {patient}, "code": {strings.Join(codes, ",")}, "_count": {strconv.Itoa(pageSize)}}
		if days > 0 {
			q.Set("date", "ge"+at.AddDate(0, 0, -days).Format(time.DateOnly))
		}
		query, err := fhir.ParseSearch("Observation", q)
		if err != nil {
			return nil, ward.E(ward.Internal, "predict.newest", "the query for a model input is not accepted", err)
		}
		if best, err = s.scan(ctx, p, f, query, in, patient, days > 0, best); err != nil {
			return nil, err
		}
		if best != nil && best.finished() && best.hasTime {
			break
		}
	}
	return best, nil
}

// scan reads the pages of one window and returns the better of what it finds and best.
func (s *Service) scan(ctx context.Context, p access.Permit, f *gathered, q fhir.Search, in registry.Input, patient string, all bool, best *result) (*result, error) {
	for n := 0; ; n++ {
		page, err := s.store.Search(ctx, p, q)
		if err != nil {
			return nil, err
		}
		f.saw(page.Versions...)
		for _, v := range page.Versions {
			r, err := readResult(v, in, patient)
			if err != nil {
				return nil, err
			}
			if r != nil && (best == nil || r.before(best)) {
				best = r
			}
		}
		if page.Next == "" || !all {
			return best, nil
		}
		if n+1 == maxPages {
			return nil, ward.E(ward.TooLarge, "predict.gather", "the patient has more than 1000 results of one input in the window; the newest cannot be told", nil)
		}
		q = fhir.Search{Type: "Observation", Cursor: page.Next}
	}
}
