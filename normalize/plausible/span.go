package plausible

import (
	"math/big"
	"strings"

	"github.com/ward-health/ward/clinical/ucum"
)

const maxRange = 64 // bytes of a reference range that is read

// span is a reference range; nil ends are open. lowIn and highIn say whether the end belongs to it.
type span struct {
	low, high     *big.Rat
	lowIn, highIn bool
	unit          string // unit named in the range, empty if none
}

func (s span) empty() bool { return s.low == nil && s.high == nil }

// holds reports whether v lies in the range.
func (s span) holds(v *big.Rat) bool {
	if s.low != nil {
		if c := v.Cmp(s.low); c < 0 || c == 0 && !s.lowIn {
			return false
		}
	}
	if s.high != nil {
		if c := v.Cmp(s.high); c > 0 || c == 0 && !s.highIn {
			return false
		}
	}
	return true
}

var dashes = strings.NewReplacer("–", "-", "—", "-", "−", "-", "‐", "-", "≤", "<=", "≥", ">=", "\u00a0", " ")

// parse reads a reference range as laboratories write it: "3.5-5.0", "3.5 - 5.0 mmol/L", "(3.5 to 5.0)", "<5", ">= 60",
// "up to 5", "-3 - +3". Anything else is not ok; the text may still mean something to a reader.
//
// SPEC(HL7 v2.5.1 7.4.2.7 OBX-7 References Range): lower-upper, >lower, or <upper, in the units of the value.
func parse(text string) (s span, ok bool) {
	if len(text) > maxRange {
		return span{}, false
	}
	rest := strings.TrimSpace(dashes.Replace(text))
	for _, pair := range []string{"()", "[]"} {
		if len(rest) > 1 && rest[0] == pair[0] && rest[len(rest)-1] == pair[1] {
			rest = strings.TrimSpace(rest[1 : len(rest)-1])
		}
	}
	if sign, after := relation(rest); sign != "" {
		return oneSided(sign, after)
	}
	low, rest, ok := decimal(rest)
	if !ok {
		return span{}, false
	}
	before, inner := unitOf(rest, true)
	rest, ok = between(inner)
	if !ok {
		return span{}, false
	}
	high, rest, ok := decimal(rest)
	if !ok || low.Cmp(high) > 0 {
		return span{}, false
	}
	unit, rest := unitOf(rest, false)
	if unit == "" {
		unit = before
	}
	return span{low, high, true, true, unit}, rest == ""
}

// relation cuts a leading comparison.
func relation(s string) (sign, rest string) {
	for _, r := range []struct{ text, sign string }{{"<=", "<="}, {">=", ">="}, {"=<", "<="}, {"=>", ">="}, {"<", "<"}, {">", ">"},
		{"up to ", "<="}, {"less than ", "<"}, {"greater than ", ">"}, {"below ", "<"}, {"above ", ">"}} {
		if len(s) >= len(r.text) && strings.EqualFold(s[:len(r.text)], r.text) {
			return r.sign, strings.TrimSpace(s[len(r.text):])
		}
	}
	return "", s
}

func oneSided(sign, rest string) (span, bool) {
	v, rest, ok := decimal(strings.TrimSpace(strings.TrimPrefix(rest, "OR = ")))
	if !ok {
		return span{}, false
	}
	unit, rest := unitOf(rest, false)
	in := len(sign) == 2
	if sign[0] == '<' {
		return span{high: v, highIn: in, unit: unit}, rest == ""
	}
	return span{low: v, lowIn: in, unit: unit}, rest == ""
}

// between cuts the dash or the word that separates the ends.
func between(s string) (string, bool) {
	s = strings.TrimSpace(s)
	for _, mark := range []string{"-", "to ", "TO ", "To "} {
		if after, found := strings.CutPrefix(s, mark); found {
			return strings.TrimSpace(after), true
		}
	}
	return s, false
}

// decimal cuts a leading number.
func decimal(s string) (*big.Rat, string, bool) {
	n := 0
	if n < len(s) && (s[n] == '-' || s[n] == '+') {
		n++
	}
	for n < len(s) && (s[n] >= '0' && s[n] <= '9' || s[n] == '.') {
		n++
	}
	text := strings.TrimPrefix(s[:n], "+")
	negative := strings.HasPrefix(text, "-")
	text = strings.TrimPrefix(text, "-")
	if strings.HasPrefix(text, ".") {
		text = "0" + text
	}
	whole, part, pointed := strings.Cut(text, ".")
	if whole = strings.TrimLeft(whole, "0"); whole == "" && text != "" {
		whole = "0"
	}
	if pointed && part != "" {
		whole += "." + part
	}
	v, err := ucum.ParseDecimal(whole)
	if err != nil {
		return nil, s, false
	}
	if negative {
		v.Neg(v)
	}
	return v, s[n:], true
}

// unitOf cuts a unit that parses as UCUM. Between the ends it must stand before a blank.
func unitOf(s string, inner bool) (unit, rest string) {
	trimmed := strings.TrimSpace(s)
	word := trimmed
	if inner {
		i := strings.IndexByte(trimmed, ' ')
		if i < 0 {
			return "", s
		}
		word = trimmed[:i]
	}
	if word == "" || word[0] == '-' {
		return "", trimmed
	}
	if _, err := ucum.Parse(word); err != nil {
		return "", trimmed
	}
	return word, trimmed[len(word):]
}

// span reads the fact's reference range and expresses it in the canonical unit. A range that cannot be read is empty; if it
// holds digits there is a finding, so that somebody teaches it.
func (f Fact) span() (span, []Finding) {
	if strings.TrimSpace(f.Range) == "" {
		return span{}, nil
	}
	s, ok := parse(f.Range)
	if !ok {
		if strings.ContainsAny(f.Range, "0123456789") {
			return span{}, []Finding{f.found(Inconsistent, RangeUnreadable)}
		}
		return span{}, nil
	}
	sent, err := ucum.Parse(f.Unit)
	to, err2 := ucum.Parse(f.Analyte.Unit)
	if err != nil || err2 != nil {
		return span{}, nil
	}
	var said []Finding
	from := sent
	if own, err := ucum.Parse(s.unit); err == nil && !own.Equal(sent) {
		if !f.Analyte.Fits(own) {
			return span{}, []Finding{f.found(Inconsistent, RangeUnit, "the range is in "+s.unit+", the value in "+f.Unit)}
		}
		from = own
		said = append(said, f.found(Inconsistent, RangeUnit, "the range is in "+s.unit+", the value in "+f.Unit))
	}
	for _, end := range []**big.Rat{&s.low, &s.high} {
		if *end == nil {
			continue
		}
		v, _, err := f.Analyte.Convert(*end, from, to)
		if err != nil {
			return span{}, said
		}
		*end = v
	}
	return s, said
}
