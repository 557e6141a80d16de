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
	"github.com/ward-health/ward/store"
)

// Bounds of a search for results.
const (
	recentDays = 30 // the first window: most patients are answered from it, and no older result is opened
	pageSize   = 200
	maxPages   = 5
)

// gathered is what was read for one decision. results holds, for each input of the manifest, those to choose from.
type gathered struct {
	person  *person
	results [][]*result
	reads   []ward.ID
}

func (f *gathered) saw(vs ...ward.Version) {
	for _, v := range vs {
		if !v.Seen.IsZero() && !slices.Contains(f.reads, v.Seen) {
			f.reads = append(f.reads, v.Seen)
		}
	}
}

// hunt is the search for the results of one decision: one search for all inputs, not one for each.
type hunt struct {
	store   *store.Store
	permit  access.Permit
	m       registry.Manifest
	patient string
	at      time.Time
	all     []int // inputs that are measured
	found   []map[ward.Reference]*result
	kin     map[string]bool // patients met in results: whether they are one with the patient
}

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
	search, err := g.Decide(ctx, access.Search, "Observation")
	if err != nil {
		return f, err
	}
	if patient, err = s.store.Survivor(ctx, read, patient); err != nil {
		return f, err
	}
	h := newHunt(s.store, search, m, patient, at)
	var who ward.Version
	var first []ward.Version
	var crowded bool
	err = together(
		func() (err error) {
			who, err = s.store.Get(ctx, read, ward.Reference{Type: "Patient", ID: patient})
			return err
		},
		func() (err error) {
			first, err = h.window(ctx, h.all, h.recent())
			if crowded = ward.KindOf(err) == ward.TooLarge; crowded {
				err = nil
			}
			return err
		},
	)
	if err != nil {
		return f, err
	}
	f.saw(who)
	if f.person, err = readPerson(who); err != nil {
		return f, err
	}
	f.saw(first...)
	if err := h.take(ctx, first); err != nil {
		return f, err
	}
	if crowded {
		if err := h.eachAlone(ctx, &f, h.all, h.recent()); err != nil {
			return f, err
		}
	}
	if err := h.further(ctx, &f); err != nil {
		return f, err
	}
	f.results = h.listed()
	return f, nil
}

func newHunt(s *store.Store, p access.Permit, m registry.Manifest, patient string, at time.Time) *hunt {
	h := &hunt{store: s, permit: p, m: m, patient: patient, at: at, found: make([]map[ward.Reference]*result, len(m.Inputs)), kin: map[string]bool{patient: true}}
	for i, in := range m.Inputs {
		h.found[i] = map[ward.Reference]*result{}
		if in.Measured() {
			h.all = append(h.all, i)
		}
	}
	return h
}

// further looks where the first window left an input open. An input is settled by a finished result that lies wholly in a
// window: all that the window leaves out ended before it began. One that may be missing is settled by the window of its
// greatest age as well, because nothing older counts. For the others one unbounded page tells "stale" from "missing". When
// there are results without a clinical time, which stand in no window but are read with each, everything is read.
func (h *hunt) further(ctx context.Context, f *gathered) error {
	if h.undated() {
		vs, err := h.scan(ctx, h.all, true)
		return h.add(ctx, f, vs, err)
	}
	open := h.open(h.all, h.recent())
	if days := h.days(open); days > recentDays {
		vs, err := h.window(ctx, open, days)
		if ward.KindOf(err) == ward.TooLarge {
			err = h.eachAlone(ctx, f, open, days)
		}
		if err := h.add(ctx, f, vs, err); err != nil {
			return err
		}
		open = h.open(open, days)
	}
	for _, i := range open {
		if h.m.Inputs[i].Missing == "allow" {
			continue
		}
		vs, err := h.scan(ctx, []int{i}, false)
		if err := h.add(ctx, f, vs, err); err != nil {
			return err
		}
	}
	return nil
}

// eachAlone reads a window that holds too much for one search, input by input. Where one input alone is too much, as readings of
// a monitor are, narrower windows are tried; the first that can be read has to settle it.
func (h *hunt) eachAlone(ctx context.Context, f *gathered, inputs []int, days int) error {
	for _, i := range inputs {
		for narrow := days; ; narrow /= 4 {
			vs, err := h.window(ctx, []int{i}, narrow)
			if ward.KindOf(err) == ward.TooLarge && narrow >= 4 {
				continue
			}
			if err := h.add(ctx, f, vs, err); err != nil {
				return err
			}
			if narrow < days && len(h.open([]int{i}, narrow)) > 0 {
				return tooMany()
			}
			break
		}
	}
	return nil
}

func tooMany() error {
	return ward.E(ward.TooLarge, "predict.gather", "the patient has more than 1000 results of the model's inputs in the window; the newest cannot be told", nil)
}

// recent is the first window in days.
func (h *hunt) recent() int { return min(recentDays, h.days(h.all)) }

func (h *hunt) add(ctx context.Context, f *gathered, vs []ward.Version, err error) error {
	if err != nil {
		return err
	}
	f.saw(vs...)
	return h.take(ctx, vs)
}

// days is the greatest age that one of the inputs allows.
func (h *hunt) days(inputs []int) (days int) {
	for _, i := range inputs {
		days = max(days, h.m.Inputs[i].MaxAgeDays)
	}
	return days
}

// start is where the window of so many days begins: midnight UTC.
func (h *hunt) start(days int) time.Time {
	y, m, d := h.at.UTC().AddDate(0, 0, -days).Date()
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
}

// open returns the inputs that the window of so many days does not settle.
func (h *hunt) open(inputs []int, days int) (out []int) {
	start := h.start(days)
	for _, i := range inputs {
		settled := false
		for _, r := range h.found[i] {
			settled = settled || r.finished() && r.timed() && !r.at().Before(start)
		}
		if !settled {
			out = append(out, i)
		}
	}
	return out
}

// window reads all results of the inputs that may reach into the last so many days, and those without a clinical time.
func (h *hunt) window(ctx context.Context, inputs []int, days int) ([]ward.Version, error) {
	ends := "gt" + h.start(days).AddDate(0, 0, -1).Format(time.DateOnly) // ends after the window's start
	return h.scan(ctx, inputs, true, "date", ends)
}

// undated reports whether a result was found that has no clinical time.
func (h *hunt) undated() bool {
	for _, found := range h.found {
		for _, r := range found {
			if !r.dated() {
				return true
			}
		}
	}
	return false
}

// query asks for the patient's results of the inputs, with further parameters as names and values in turn. One by date asks for
// those without a date as well.
func (h *hunt) query(inputs []int, more ...string) (fhir.Search, error) {
	var codes []string
	for _, i := range inputs {
		for _, c := range slices.Concat(h.m.Inputs[i].Codes, h.m.Inputs[i].Panels()) {
			if one := c.System + "|" + c.Code; !slices.Contains(codes, one) {
				codes = append(codes, one)
			}
		}
	}
	q := url.Values{"patient": {h.patient}, "code": {strings.Join(codes, ",")}, "_count": {strconv.Itoa(pageSize)}}
	for pair := range slices.Chunk(more, 2) {
		q.Set(pair[0], pair[1])
	}
	out, err := fhir.ParseSearch("Observation", q)
	if err != nil {
		return out, ward.E(ward.Internal, "predict.query", "the query for a model's inputs is not accepted", err)
	}
	for i := range out.Clauses {
		out.Clauses[i].OrMissing = out.Clauses[i].Param == clinicalTime
	}
	return out, nil
}

// scan reads the pages of one query, or only the first.
func (h *hunt) scan(ctx context.Context, inputs []int, whole bool, more ...string) (out []ward.Version, err error) {
	if len(inputs) == 0 {
		return nil, nil
	}
	q, err := h.query(inputs, more...)
	if err != nil {
		return nil, err
	}
	for n := 1; ; n++ {
		page, err := h.store.Search(ctx, h.permit, q)
		if err != nil {
			return nil, err
		}
		out = append(out, page.Versions...)
		if page.Next == "" || !whole {
			return out, nil
		}
		if n == maxPages {
			return nil, tooMany()
		}
		q = fhir.Search{Type: "Observation", Cursor: page.Next}
	}
}

// take sorts versions to the inputs whose codes they carry.
func (h *hunt) take(ctx context.Context, vs []ward.Version) error {
	for _, v := range vs {
		rs, patient, err := readResults(v, h.m)
		if err != nil {
			return err
		}
		own, err := h.own(ctx, patient)
		if err != nil {
			return err
		}
		for i, r := range rs {
			if have := h.found[i][v.Ref]; own && r != nil && (have == nil || have.version < r.version) {
				h.found[i][v.Ref] = r
			}
		}
	}
	return nil
}

// own reports whether results of a patient are the patient's: his own, and those of records that were merged into his.
func (h *hunt) own(ctx context.Context, patient string) (bool, error) {
	own, met := h.kin[patient]
	if met || !ward.ValidID(patient) {
		return own, nil
	}
	now, err := h.store.Survivor(ctx, h.permit, patient)
	if err == nil {
		own = now == h.patient
		h.kin[patient] = own
	}
	return own, err
}

func (h *hunt) listed() [][]*result {
	out := make([][]*result, len(h.found))
	for i, found := range h.found {
		out[i] = slices.Collect(maps.Values(found))
	}
	return out
}
