package mapping

import (
	"strings"

	"github.com/ward-health/ward/clinical/fhir/moment"
	"github.com/ward-health/ward/clinical/hl7v2"
	"github.com/ward-health/ward/normalize/body"
)

func (s *scope) stamp(v hl7v2.Value) (hl7v2.Timestamp, bool) {
	t, err := v.Time(s.run.o.Zone)
	return t, err == nil
}

func asDate(s *scope, v hl7v2.Value, _ *field) *body.Value {
	t, ok := s.stamp(v)
	if !ok {
		return nil
	}
	text := t.FHIR()
	return body.Text(text[:min(len(text), len("2006-01-02"))])
}

func asDateTime(s *scope, v hl7v2.Value, _ *field) *body.Value {
	t, ok := s.stamp(v)
	if !ok {
		return nil
	}
	return body.Text(t.FHIR())
}

// asInstant drops what is vaguer than a minute.
//
// SPEC(FHIR R4 datatypes.html#instant): an instant is known at least to the second.
func asInstant(s *scope, v hl7v2.Value, _ *field) *body.Value {
	t, ok := s.stamp(v)
	if !ok || t.Precision < hl7v2.Minute {
		return nil
	}
	return body.Text(t.FHIR())
}

// asTime reads TM: HH[MM[SS[.S]]][+/-ZZZZ]; FHIR's time has no zone.
func asTime(_ *scope, v hl7v2.Value, _ *field) *body.Value {
	t := clean(v)
	if i := strings.IndexAny(t, "+-"); i >= 0 {
		t = t[:i]
	}
	t, fraction, _ := strings.Cut(t, ".")
	if len(t) == 2 || len(t) == 4 {
		t += strings.Repeat("0", 6-len(t))
	}
	if len(t) != 6 || strings.Trim(t+fraction, "0123456789") != "" || t[:2] > "23" || t[2:4] > "59" || t[4:] > "59" {
		return nil
	}
	t = t[:2] + ":" + t[2:4] + ":" + t[4:]
	if fraction != "" {
		t += "." + fraction
	}
	return body.Text(t)
}

func asPeriod(s *scope, v hl7v2.Value, f *field) *body.Value {
	return body.NewObject().Set("start", asDateTime(s, v.Component(1), f)).Set("end", asDateTime(s, v.Component(2), f))
}

// administrative are the elements whose periods say how long something is valid. When a stay or an observation began and ended is not among
// them: if that contradicts itself, the fact is for a person to look at.
var administrative = []string{"identifier", "name", "telecom", "address", "contact"}

// straighten takes the end from a period that ends before it starts; it stays in the raw message.
//
// SPEC(FHIR R4 datatypes.html#Period, per-1): start is not after end; ends of unlike precision may overlap.
func straighten(v *body.Value) {
	start, end := v.Get("start").Str(), v.Get("end").Str()
	if start == "" || end == "" {
		return
	}
	lo, _, ok := moment.Parse([]byte(start), moment.DateTime)
	if _, hi, ends := moment.Parse([]byte(end), moment.DateTime); ok && ends && lo >= hi {
		v.Set("end", nil)
	}
}
