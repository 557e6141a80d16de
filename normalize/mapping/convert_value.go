package mapping

import (
	"regexp"
	"strings"

	"github.com/ward-health/ward/clinical/hl7v2"
	"github.com/ward-health/ward/normalize/body"
)

// Classes and reasons of what a candidate is doubted for.
const (
	ClassParse = "parse"
	ClassOrder = "order"
	ClassUnit  = "unit"

	NotNumeric     = "value-not-numeric"     // OBX-2 says a number, OBX-5 is none
	UnreadableTime = "time-unreadable"       // OBX-5 or OBX-14 is no time
	FutureTime     = "time-in-future"        // it was observed after the message came
	SeveralParts   = "value-in-parts"        // OBX-5 has parts that its type does not have
	SeveralValues  = "field-repeats"         // a field of which there is one stands there several times
	SeveralUnits   = "units-differ"          // OBX-6 names two units
	ManyValues     = "too-many-values"       // OBX-5 repeats more often than is taken
	LongText       = "text-too-long"         // the text of a code is longer than is taken
	NoCode         = "code-missing"          // OBX-3 is empty
	NoResult       = "status-without-result" // OBX-11 U finishes a result that this message does not repeat
)

// Flags of candidates.
const (
	FlagUntyped     = "value-type-missing"     // OBX-2 is empty: the value is kept as text
	FlagUnsupported = "value-type-unsupported" // the value stays in the raw message
)

const fieldValue, fieldUnit = 5, 6

// unit returns the unit of OBX-6 as it was sent: its code, or its text where no code was sent.
func (s *scope) unit() string {
	v := s.get(fieldUnit).First()
	if v.Null() {
		return ""
	}
	if code := clean(v.Component(1)); code != "" {
		return code
	}
	return clean(v.Component(2))
}

// quantity makes a Quantity with the unit as sent. Which unit that is in UCUM is not said here: system and code stay out
// until the unit was checked.
func (s *scope) quantity(digits, comparator string) *body.Value {
	return body.NewObject().Set("value", body.Number(digits)).Set("comparator", body.Text(comparator)).Set("unit", body.Text(s.unit()))
}

func asQuantity(s *scope, v hl7v2.Value, _ *field) *body.Value {
	digits, ok := v.Number()
	if !ok || !single(v) {
		s.doubt(ClassParse, reason(ok, NotNumeric, SeveralParts), fieldValue)
		s.junk(v)
		return nil
	}
	return s.quantity(digits, "")
}

// junk keeps as text what cannot be kept as a number.
func (s *scope) junk(v hl7v2.Value) {
	s.cand.Body.Set("valueString", body.Text(strings.TrimSpace(v.All())))
}

// comparators of SN.1 that FHIR has.
//
// SPEC(HL7 2.8 2A.2.70 SN): comparator, number, separator or suffix, number; no comparator means equals.
var comparators = map[string]string{"": "", "=": "", "<": "<", ">": ">", "<=": "<=", ">=": ">="}

func asStructuredQuantity(s *scope, v hl7v2.Value, _ *field) *body.Value {
	digits, ok := v.Component(2).Number()
	how, known := comparators[clean(v.Component(1))]
	if ok = ok && known; !ok || !clear(v, 3) || !undivided(v.Component(2)) {
		s.doubt(ClassParse, reason(ok, NotNumeric, SeveralParts), fieldValue)
		s.junk(v)
		return nil
	}
	return s.quantity(digits, how)
}

func (s *scope) two(v hl7v2.Value) (a, b string, ok bool) {
	a, okA := v.Component(2).Number()
	b, okB := v.Component(4).Number()
	ok = okA && okB
	if !ok || !clear(v, 5) || !undivided(v.Component(2)) || !undivided(v.Component(4)) {
		s.doubt(ClassParse, reason(ok, NotNumeric, SeveralParts), fieldValue)
		s.junk(v)
		ok = false
	}
	return a, b, ok
}

func asStructuredRange(s *scope, v hl7v2.Value, _ *field) *body.Value {
	low, high, ok := s.two(v)
	if !ok {
		return nil
	}
	return body.NewObject().Set("low", s.quantity(low, "")).Set("high", s.quantity(high, ""))
}

// asStructuredRatio makes a Ratio of plain numbers: the unit of a titre or a ratio is that of neither part.
func asStructuredRatio(s *scope, v hl7v2.Value, _ *field) *body.Value {
	num, den, ok := s.two(v)
	if !ok {
		return nil
	}
	part := func(d, how string) *body.Value {
		return body.NewObject().Set("value", body.Number(d)).Set("comparator", body.Text(how))
	}
	return body.NewObject().Set("numerator", part(num, comparators[clean(v.Component(1))])).Set("denominator", part(den, ""))
}

func asStructuredString(s *scope, v hl7v2.Value, _ *field) *body.Value {
	var parts []string
	for n := 1; n <= 4; n++ {
		if t := clean(v.Component(n)); t != "" {
			parts = append(parts, t)
		}
	}
	if text := s.unit(); text != "" {
		parts = append(parts, text)
	}
	return body.Text(strings.Join(parts, " "))
}

// asRange reads an NR.
func asRange(s *scope, v hl7v2.Value, _ *field) *body.Value {
	low, okLow := v.Component(1).Number()
	high, okHigh := v.Component(2).Number()
	out := body.NewObject()
	if okLow {
		out.Set("low", s.quantity(low, ""))
	}
	if okHigh {
		out.Set("high", s.quantity(high, ""))
	}
	if out.Empty() {
		s.doubt(ClassParse, NotNumeric, fieldValue)
		s.junk(v)
	}
	return out
}

// asText joins all repetitions of all segments of the group, one line each.
func asText(s *scope, src hl7v2.Field, _ *field) *body.Value {
	if s.seg.Index() != s.inst.segments[0].Index() {
		return s.cand.Body.Get("valueString") // the first segment has taken the lines of all
	}
	var lines []string
	for _, seg := range s.inst.all(s.seg.Name()) {
		s.spent = append(s.spent, place{seg.Index(), fieldValue})
		for _, v := range seg.Field(fieldValue).All() {
			if !v.Null() {
				lines = append(lines, strings.TrimRight(v.All(), " "))
			}
		}
	}
	return body.Text(strings.Trim(strings.Join(lines, "\n"), "\n "))
}

// asComponents makes a component of each repetition, under the code of the whole.
func asComponents(s *scope, src hl7v2.Field, f *field) *body.Value {
	list := body.NewArray()
	code := s.concept(s.get(3).First(), "", "")
	for i, v := range src.All() {
		if i >= maxRepeats {
			s.doubt(ClassParse, ManyValues, fieldValue)
			break
		}
		if v.Empty() || v.Null() {
			continue
		}
		item := body.NewObject().Set("code", code.Clone())
		switch f.rule.Arg {
		case "concept":
			item.Set("valueCodeableConcept", s.concept(v, "", ""))
		default:
			if digits, ok := v.Number(); ok && single(v) {
				item.Set("valueQuantity", s.quantity(digits, ""))
			} else {
				item.Set("valueString", body.Text(strings.TrimSpace(v.All())))
			}
		}
		list.Append(item)
	}
	return list
}

// asUntyped keeps a value whose type was not sent as text.
func asUntyped(s *scope, src hl7v2.Field, f *field) *body.Value {
	s.flag(FlagUntyped)
	return asText(s, src, f)
}

// asUnread says that the value is of a type that is not turned into FHIR.
func asUnread(s *scope, _ hl7v2.Value, _ *field) *body.Value {
	s.flag(FlagUnsupported)
	return body.Text("unsupported")
}

// asNote makes one text of the repetitions of NTE-3.
func asNote(_ *scope, src hl7v2.Field, _ *field) *body.Value {
	var lines []string
	for _, v := range src.All() {
		if !v.Null() {
			lines = append(lines, strings.TrimSpace(v.All()))
		}
	}
	return body.Text(strings.Trim(strings.Join(lines, "\n"), "\n"))
}

var (
	bothEnds = regexp.MustCompile(`^\s*([0-9]+(?:\.[0-9]+)?)\s*(?:-|to)\s*([0-9]+(?:\.[0-9]+)?)\s*$`)
	oneEnd   = regexp.MustCompile(`^\s*(<=?|>=?)\s*([0-9]+(?:\.[0-9]+)?)\s*$`)
)

// asReferenceRange keeps the text and adds the ends where they are plain numbers. "<5" has an upper end that is not
// included, which FHIR cannot say: the text alone says it.
func asReferenceRange(s *scope, v hl7v2.Value, _ *field) *body.Value {
	text := strings.TrimSpace(v.All())
	out := body.NewObject()
	end := func(digits string) *body.Value {
		n := strings.TrimLeft(digits, "0")
		if n == "" || n[0] == '.' {
			n = "0" + n
		}
		return s.quantity(n, "")
	}
	if m := bothEnds.FindStringSubmatch(text); m != nil {
		out.Set("low", end(m[1])).Set("high", end(m[2]))
	} else if m := oneEnd.FindStringSubmatch(text); m != nil && m[1] == "<=" {
		out.Set("high", end(m[2]))
	} else if m != nil && m[1] == ">=" {
		out.Set("low", end(m[2]))
	}
	return out.Set("text", body.Text(text))
}

// asFinished notes that a message ends a result which it does not repeat.
func asFinished(s *scope, _ hl7v2.Value, _ *field) *body.Value {
	s.doubt(ClassOrder, NoResult, 11)
	return body.Text("final")
}
