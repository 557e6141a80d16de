package predict

import (
	"encoding/hex"
	"slices"
	"strings"
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
	}
	if err := json.Unmarshal([]byte(v.Body), &x); err != nil {
		return nil, unreadable(nil) // the cause may quote the body
	}
	return &person{source: sourceOf(v), birth: x.BirthDate, gender: x.Gender, deceased: x.DeceasedBoolean || len(x.DeceasedDateTime) > 0}, nil
}

// result is one Observation that carries a code of the input.
type result struct {
	source
	code       string
	status     string
	at         time.Time // lower bound of the clinical time
	hasTime    bool
	value      string // decimal text, empty: no quantity
	comparator string
	system     string
	unit       string // UCUM code
}

// finished reports whether the result may be acted on.
//
// SPEC(FHIR R4 Observation.status): final, amended and corrected are complete; entered-in-error and cancelled are not
// results, registered and preliminary may still change.
func (r *result) finished() bool {
	return r.status == "final" || r.status == "amended" || r.status == "corrected"
}

// before reports whether r is to be judged rather than o: finished first, then with a clinical time, then newer, then the
// one stored later, then by id, so that the choice never depends on the order of a search.
func (r *result) before(o *result) bool {
	switch {
	case r.finished() != o.finished():
		return r.finished()
	case r.hasTime != o.hasTime:
		return r.hasTime
	case !r.at.Equal(o.at):
		return r.at.After(o.at)
	case !r.updated.Equal(o.updated):
		return r.updated.After(o.updated)
	}
	return r.ref.ID > o.ref.ID
}

type observation struct {
	Status string `json:"status"`
	Code   struct {
		Coding []struct {
			System string `json:"system"`
			Code   string `json:"code"`
		} `json:"coding"`
	} `json:"code"`
	EffectiveDateTime string `json:"effectiveDateTime"`
	EffectiveInstant  string `json:"effectiveInstant"`
	EffectivePeriod   struct {
		Start string `json:"start"`
		End   string `json:"end"`
	} `json:"effectivePeriod"`
	ValueQuantity struct {
		Value      jsontext.Value `json:"value"`
		Comparator string         `json:"comparator"`
		System     string         `json:"system"`
		Code       string         `json:"code"`
	} `json:"valueQuantity"`
}

// readResult takes what the input needs out of an Observation; nil when it is of another patient, carries none of the
// input's codes or is deleted.
func readResult(v ward.Version, in registry.Input, patient string) (*result, error) {
	if v.Deleted || v.Ref.Type != "Observation" {
		return nil, nil
	}
	facts, err := fhir.Scan([]byte(v.Body))
	if err != nil {
		return nil, unreadable(nil)
	}
	var x observation
	if err := json.Unmarshal([]byte(v.Body), &x); err != nil {
		return nil, unreadable(nil)
	}
	r := &result{source: sourceOf(v), status: x.Status, comparator: x.ValueQuantity.Comparator,
		system: x.ValueQuantity.System, unit: x.ValueQuantity.Code}
	for _, c := range x.Code.Coding {
		if r.code == "" && slices.ContainsFunc(in.Codes, func(w registry.Code) bool { return w.System == c.System && w.Code == c.Code }) {
			r.code = c.Code
		}
	}
	if r.code == "" || facts.Patient != patient {
		return nil, nil
	}
	if n := x.ValueQuantity.Value; n.Kind() == '0' {
		r.value = string(n)
	}
	for _, text := range []string{x.EffectiveDateTime, x.EffectiveInstant, x.EffectivePeriod.End, x.EffectivePeriod.Start} {
		if text != "" {
			r.at, r.hasTime = clinicalTime(text)
			break
		}
	}
	return r, nil
}

// clinicalTime reads a FHIR dateTime and returns the earliest instant that it allows, so that a vague time never makes a
// result look newer. Without a zone it is taken as UTC.
func clinicalTime(s string) (time.Time, bool) {
	layout := map[int]string{4: "2006", 7: "2006-01", 10: time.DateOnly}[len(s)]
	if strings.Contains(s, "T") {
		layout = time.RFC3339
	}
	if layout == "" {
		return time.Time{}, false
	}
	t, err := time.Parse(layout, s)
	return t.UTC(), err == nil
}
