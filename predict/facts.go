package predict

import (
	"encoding/hex"
	"math"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/clinical/fhir"
	"github.com/ward-health/ward/predict/registry"
)

// source is where a fact comes from.
type source struct {
	ref     ward.Reference
	version int64
	updated time.Time
	digest  [32]byte
}

func sourceOf(v ward.Version) source { return source{v.Ref, v.Number, v.Updated, v.Digest} }

// input starts an Input that names the source. Unit stays empty until a value is usable.
func (s source) input(name, code string) ward.Input {
	return ward.Input{Name: name, Code: code, Source: s.ref.String(), Version: s.version, Digest: hex.EncodeToString(s.digest[:])}
}

// person is what a model may ask of a Patient.
type person struct {
	source
	birth    string // as stored
	gender   string
	deceased bool
	modified bool // carries a modifierExtension
}

func unreadable(err error) error {
	return ward.E(ward.Internal, "predict.facts", "a stored resource cannot be read", err)
}

func readPerson(v ward.Version) (*person, error) {
	var x struct {
		BirthDate        string         `json:"birthDate"`
		Gender           string         `json:"gender"`
		DeceasedBoolean  bool           `json:"deceasedBoolean"`
		DeceasedDateTime jsontext.Value `json:"deceasedDateTime"`
		Modifiers        jsontext.Value `json:"modifierExtension"`
	}
	if err := json.Unmarshal([]byte(v.Body), &x); err != nil {
		return nil, unreadable(nil) // the cause may quote the body
	}
	return &person{source: sourceOf(v), birth: x.BirthDate, gender: x.Gender, deceased: x.DeceasedBoolean || len(x.DeceasedDateTime) > 0,
		modified: present(x.Modifiers)}, nil
}

// present reports whether a member was given.
func present(v jsontext.Value) bool { return len(v) > 0 && v.Kind() != 'n' }

// result is one Observation that carries a code of the input.
type result struct {
	source
	codes      []string // those of the input's codes that it carries, in its order
	status     string
	lo, hi     int64  // clinical time: from lo to before hi, in Unix microseconds; the ends of int64 are open
	value      string // decimal text, empty: no quantity
	comparator string
	system     string
	unit       string // UCUM code
	modified   bool   // carries a modifierExtension
	disputed   bool   // its source has sent something else since, which is held
	focused    bool   // carries a focus
	labels     []label
}

// label is a code of meta.security.
type label struct {
	System string `json:"system"`
	Code   string `json:"code"`
}

// at is the earliest instant that the clinical time allows, so that a vague time never makes a result look newer.
func (r *result) at() time.Time { return time.UnixMicro(r.lo).UTC() }

// timed reports whether the clinical time has a beginning, without which neither age nor order is known.
func (r *result) timed() bool { return r.lo != math.MinInt64 }

// dated reports whether the result has a clinical time at all.
func (r *result) dated() bool { return r.lo != math.MinInt64 || r.hi != math.MaxInt64 }

// finished reports whether the result may be acted on.
//
// SPEC(FHIR R4 Observation.status): final, amended and corrected are complete; entered-in-error and cancelled are not
// results, registered and preliminary may still change.
func (r *result) finished() bool {
	return r.status == "final" || r.status == "amended" || r.status == "corrected"
}

// withdrawn reports whether the source says that there is no such result.
func (r *result) withdrawn() bool { return r.status == "entered-in-error" || r.status == "cancelled" }

// before reports whether r is to be judged rather than o: finished first, then with a clinical time, then newer, then the
// one stored later, then by id, so that the choice never depends on the order of a search.
func (r *result) before(o *result) bool {
	switch {
	case r.finished() != o.finished():
		return r.finished()
	case r.lo != o.lo:
		return r.lo > o.lo
	case !r.updated.Equal(o.updated):
		return r.updated.After(o.updated)
	}
	return r.ref.ID > o.ref.ID
}

// factTag is the system of the tags that normalize puts on facts.
const factTag = "urn:ward:fact"

type observation struct {
	Meta struct {
		Security []label `json:"security"`
		Tag      []label `json:"tag"`
	} `json:"meta"`
	Status string `json:"status"`
	Code   struct {
		Coding []struct {
			System string `json:"system"`
			Code   string `json:"code"`
		} `json:"coding"`
	} `json:"code"`
	Modifiers     jsontext.Value `json:"modifierExtension"`
	Focus         jsontext.Value `json:"focus"`
	ValueQuantity struct {
		Value      jsontext.Value `json:"value"`
		Comparator string         `json:"comparator"`
		System     string         `json:"system"`
		Code       string         `json:"code"`
	} `json:"valueQuantity"`
}

// readResults takes what the inputs need out of an Observation: for each input of the manifest the result, nil where the
// Observation carries none of its codes or is deleted; and the patient whom the Observation is of.
func readResults(v ward.Version, m registry.Manifest) ([]*result, string, error) {
	if v.Deleted || v.Ref.Type != "Observation" {
		return nil, "", nil
	}
	facts, err := fhir.Scan([]byte(v.Body))
	if err != nil {
		return nil, "", unreadable(nil)
	}
	var x observation
	if err := json.Unmarshal([]byte(v.Body), &x); err != nil {
		return nil, "", unreadable(nil)
	}
	r := result{source: sourceOf(v), status: x.Status, lo: math.MinInt64, hi: math.MaxInt64, comparator: x.ValueQuantity.Comparator,
		system: x.ValueQuantity.System, unit: x.ValueQuantity.Code, modified: present(x.Modifiers), focused: present(x.Focus), labels: x.Meta.Security, disputed: slices.ContainsFunc(x.Meta.Tag, func(l label) bool { return l.System == factTag && l.Code == "disputed" })}
	if n := x.ValueQuantity.Value; n.Kind() == '0' {
		r.value = string(n)
	}
	for _, d := range facts.Values {
		if d.Param == clinicalTime {
			r.lo, r.hi = d.Lo, d.Hi
		}
	}
	out := make([]*result, len(m.Inputs))
	for i, in := range m.Inputs {
		if !in.Measured() {
			continue
		}
		own := r
		for _, c := range x.Code.Coding {
			if slices.ContainsFunc(in.Codes, func(w registry.Code) bool { return w.System == c.System && w.Code == c.Code }) {
				own.codes = append(own.codes, c.Code)
			}
		}
		if len(own.codes) > 0 {
			out[i] = &own
		}
	}
	return out, facts.Patient, nil
}

// clinicalTime is the search parameter of Observation.effective[x]: a result's time is the interval by which it is searched.
var clinicalTime = func() fhir.Param {
	all := fhir.SearchParams("Observation")
	return all[slices.IndexFunc(all, func(i fhir.ParamInfo) bool { return i.Code == "date" })].Param
}()
