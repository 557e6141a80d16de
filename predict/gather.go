package predict

import (
	"context"
	"maps"
	"net/url"
	"slices"
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

// gather reads the patient and the results to choose from, each under a permit of its own.
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
	f.results, err = s.results(ctx, search, &f, m.Inputs[0], patient, at)
	return f, err
}

// results finds what the choice of the newest result hangs on. It looks through growing windows of time, so that no more is
// opened than needed, and stops at the first in which a finished result lies wholly: all that a window leaves out ended
// before it began. The last, unbounded one is read for one page only and tells "stale" from "missing"; it is read whole when
// there are results without a clinical time, which no window of time shows.
func (s *Service) results(ctx context.Context, p access.Permit, f *gathered, in registry.Input, patient string, at time.Time) ([]*result, error) {
	found := map[ward.Reference]*result{}
	for _, days := range []int{min(recentDays, in.MaxAgeDays), in.MaxAgeDays} {
		y, m, d := at.UTC().AddDate(0, 0, -days).Date()
		start := time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
		q, err := query(in, patient, "date", "gt"+start.AddDate(0, 0, -1).Format(time.DateOnly)) // ends after start
		if err != nil {
			return nil, err
		}
		if err = s.scan(ctx, p, f, q, in, patient, true, found); err != nil {
			return nil, err
		}
		if settled(found, start) {
			more, err := s.undated(ctx, p, in, patient)
			if err != nil || !more {
				return listed(found), err
			}
			return s.all(ctx, p, f, in, patient, true, found)
		}
	}
	return s.all(ctx, p, f, in, patient, false, found)
}

// all reads the unbounded window.
func (s *Service) all(ctx context.Context, p access.Permit, f *gathered, in registry.Input, patient string, whole bool, found map[ward.Reference]*result) ([]*result, error) {
	q, err := query(in, patient, "_count", strconv.Itoa(pageSize))
	if err != nil {
		return nil, err
	}
	err = s.scan(ctx, p, f, q, in, patient, whole, found)
	return listed(found), err
}

func listed(found map[ward.Reference]*result) []*result { return slices.Collect(maps.Values(found)) }

// settled reports whether nothing that ended by start can be the newest.
func settled(found map[ward.Reference]*result, start time.Time) bool {
	for _, r := range found {
		if r.finished() && r.timed() && !r.at().Before(start) {
			return true
		}
	}
	return false
}

// undated counts, without opening any, whether there are results that no search by date finds.
func (s *Service) undated(ctx context.Context, p access.Permit, in registry.Input, patient string) (bool, error) {
	var total [2]int64
	for i, more := range [][]string{{"_summary", "count"}, {"_summary", "count", "date", "ge0001"}} {
		q, err := query(in, patient, more...)
		if err != nil {
			return false, err
		}
		page, err := s.store.Search(ctx, p, q)
		if err != nil {
			return false, err
		}
		total[i] = page.Total
	}
	return total[0] != total[1], nil
}

// query asks for the patient's results of the input, with further parameters as names and values in turn.
func query(in registry.Input, patient string, more ...string) (fhir.Search, error) {
	var codes []string
	for _, c := range in.Codes {
		codes = append(codes, c.System+"|"+c.Code)
	}
	q := url.Values{"patient": {patient}, "code": {strings.Join(codes, ",")}, "_count": {strconv.Itoa(pageSize)}}
	for pair := range slices.Chunk(more, 2) {
		q.Set(pair[0], pair[1])
	}
	out, err := fhir.ParseSearch("Observation", q)
	if err != nil {
		return out, ward.E(ward.Internal, "predict.query", "the query for a model input is not accepted", err)
	}
	return out, nil
}

// scan reads the pages of one window, or only the first, and adds what it finds.
func (s *Service) scan(ctx context.Context, p access.Permit, f *gathered, q fhir.Search, in registry.Input, patient string, whole bool, found map[ward.Reference]*result) error {
	for n := 0; ; n++ {
		page, err := s.store.Search(ctx, p, q)
		if err != nil {
			return err
		}
		f.saw(page.Versions...)
		for _, v := range page.Versions {
			r, err := readResult(v, in, patient)
			if err != nil {
				return err
			}
			if r != nil && (found[r.ref] == nil || found[r.ref].version < r.version) {
				found[r.ref] = r
			}
		}
		if page.Next == "" || !whole {
			return nil
		}
		if n+1 == maxPages {
			return ward.E(ward.TooLarge, "predict.gather", "the patient has more than 1000 results of one input in the window; the newest cannot be told", nil)
		}
		q = fhir.Search{Type: "Observation", Cursor: page.Next}
	}
}
