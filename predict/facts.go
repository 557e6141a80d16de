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

// result is one Observation that carries a code of the input, itself or as a component.
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
	several    bool   // carries the code in several components
	disputed   bool   // its source has sent something else since, which is held
	unsure     bool   // its sender's unit is not confirmed, and the number could be meant in another
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
	Status    string         `json:"status"`
	Focus     jsontext.Value `json:"focus"`
	Component []quantified   `json:"component"`
	quantified
}

// quantified is an Observation or one of its components, as far as it says what was measured.
type quantified struct {
	Code struct {
		Coding []label `json:"coding"`
	} `json:"code"`
	Modifiers     jsontext.Value `json:"modifierExtension"`
	ValueQuantity struct {
		Value      jsontext.Value `json:"value"`
		Comparator string         `json:"comparator"`
		System     string         `json:"system"`
		Code       string         `json:"code"`
	} `json:"valueQuantity"`
}

// of returns those of the codes that it carries, in their own order.
func (x *quantified) of(codes []registry.Code) (out []string) {
	for _, c := range x.Code.Coding {
		if slices.ContainsFunc(codes, func(w registry.Code) bool { return w.System == c.System && w.Code == c.Code }) {
			out = append(out, c.Code)
		}
	}
	return out
}

// say gives the result what was measured.
func (x *quantified) say(r *result) {
	r.comparator, r.system, r.unit = x.ValueQuantity.Comparator, x.ValueQuantity.System, x.ValueQuantity.Code
	r.modified = r.modified || present(x.Modifiers)
	if n := x.ValueQuantity.Value; n.Kind() == '0' {
		r.value = string(n)
	}
}

// take completes the result of an input: from the Observation itself, or, in a panel that carries it so, from its component. False: it
// carries none.
func (x *observation) take(in registry.Input, r *result) bool {
	if r.codes = x.of(in.Codes); len(r.codes) > 0 {
		x.say(r)
		return true
	}
	if len(x.of(in.Panels())) == 0 {
		return false
	}
	r.modified = present(x.Modifiers)
	for i := range x.Component {
		own := x.Component[i].of(in.Codes)
		if len(own) == 0 {
			continue
		}
		if r.several = len(r.codes) > 0; r.several {
			break
		}
		r.codes = own
		x.Component[i].say(r)
	}
	return len(r.codes) > 0
}

// tagged reports whether normalize has put the tag on the fact.
func (x *observation) tagged(code string) bool {
	return slices.Contains(x.Meta.Tag, label{factTag, code})
}

// readResults takes what the inputs need out of an Observation: for each input of the manifest the result, nil where the
// Observation carries none of its codes or is deleted; and the patient whom the Observation is of.
func readResults(v ward.Version, m registry.Manifest) ([]*result, string, error) {
	if v.Deleted || v.Ref.Type != "Observation" {
		return nil, "", nil
	}
	facts, err := fhir.Read([]byte(v.Body))
	if err != nil {
		return nil, "", unreadable(nil)
	}
	var x observation
	if err := json.Unmarshal([]byte(v.Body), &x); err != nil {
		return nil, "", unreadable(nil)
	}
	r := result{source: sourceOf(v), status: x.Status, lo: math.MinInt64, hi: math.MaxInt64, focused: present(x.Focus), labels: x.Meta.Security,
		disputed: x.tagged("disputed"), unsure: x.tagged("unit-unconfirmed")}
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
		if own := r; x.take(in, &own) {
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
