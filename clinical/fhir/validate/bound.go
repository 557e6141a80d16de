package validate

import (
	"bytes"
	"math/big"
	"strconv"
	"unicode/utf8"

	"github.com/ward-health/ward/clinical/fhir/tree"
	"github.com/ward-health/ward/clinical/fhirpath"
)

// limit is a minValue or maxValue: an expression that holds where the value is within it.
type limit struct {
	expr *fhirpath.Expression
	typ  string
	high bool
}

// newBound compiles a minValue or maxValue, nil if there is none, or none of a type that has an order.
func newBound(value []byte, typ string, high bool) *limit {
	l := newLiteral(value)
	if value == nil || l == nil {
		return nil
	}
	text := boundText(l, typ, high)
	if text == "" {
		return nil
	}
	expr, err := fhirpath.Compile(text, fhirpath.Options{})
	if err != nil {
		return nil
	}
	return &limit{expr, typ, high}
}

// boundText is the expression of a bound, "" if the type has no order.
//
// SPEC(FHIR R4 elementdefinition.html#ElementDefinition.minValue): a duration (a Quantity of time) bounds dates relative to the
// clock: subtracted for the least, added for the most.
func boundText(l *literal, typ string, high bool) string {
	operator, sign := " >= ", " - "
	if high {
		operator, sign = " <= ", " + "
	}
	value := string(l.doc.Text(0))
	switch typ {
	case "date", "dateTime", "instant":
		return "$this" + operator + "@" + value
	case "time":
		return "$this" + operator + "@T" + value
	case "decimal", "integer", "positiveInt", "unsignedInt":
		return "$this" + operator + plainNumber(l.doc.Text(0))
	case "Quantity", "Duration":
		number, code := l.doc.Member(0, "value"), l.doc.Member(0, "code")
		if number == tree.None {
			return ""
		}
		value, unit := plainNumber(l.doc.Text(number)), "1"
		if code != tree.None {
			unit = string(l.doc.Text(code))
		}
		than := func(bound string) string { return "$this" + operator + bound }
		quantity, clock := than(value+" "+quoted(unit)), clockUnits[unit]
		if clock == "" {
			return quantity
		}
		span := sign + value + " " + clock + ")"
		return "iif($this is FHIR.Quantity, " + quantity + ", iif($this is FHIR.date, " + than("(today()"+span) + ", " + than("(now()"+span) + "))"
	}
	return ""
}

// plainNumber writes a number of JSON without an exponent, as FHIRPath has them. One with an exponent that no bound has stays as it is.
func plainNumber(b []byte) string {
	i := bytes.IndexAny(b, "eE")
	if i < 0 {
		return string(b)
	}
	exponent, err := strconv.Atoi(string(b[i+1:]))
	number, ok := new(big.Rat).SetString(string(b))
	if err != nil || !ok || exponent < -100 || exponent > 100 {
		return string(b)
	}
	return number.FloatString(max(0, i-exponent))
}

// clockUnits are the units of durations as FHIRPath writes them.
var clockUnits = map[string]string{"a": "years", "mo": "months", "wk": "weeks", "d": "days", "h": "hours", "min": "minutes", "s": "seconds"}

func quoted(s string) string {
	out := []byte{'\''}
	for i := 0; i < len(s); i++ {
		if s[i] == '\'' || s[i] == '\\' {
			out = append(out, '\\')
		}
		out = append(out, s[i])
	}
	return string(append(out, '\''))
}

// bounds checks minValue, maxValue and maxLength.
//
// SPEC(FHIR R4 elementdefinition.html#ElementDefinition.minValue): inclusive bounds of ordered types.
func (r *runner) bounds(v value, e *element, rule string) {
	if v.node < 0 {
		return
	}
	if e.maxLength > 0 && r.doc.Nodes[v.node].Kind == tree.String && utf8.RuneCount(r.doc.Text(v.node)) > e.maxLength {
		r.fail(v.node, "too-long", IDMaxLength, rule, "at most "+strconv.Itoa(e.maxLength)+" characters are allowed by the profile")
	}
	for _, b := range []*limit{e.low, e.high} {
		if b == nil {
			continue
		}
		r.place(v)
		got, err := b.expr.Eval(&r.ctx, r.node(v))
		if err != nil || len(got) != 1 {
			continue // not to be compared: of another dimension, or less precise
		}
		if yes, ok := got[0].Bool(); ok && !yes {
			word := "less than the least"
			if b.high {
				word = "more than the most"
			}
			r.fail(v.node, "value", IDBound, rule, "the value is "+word+" that the profile allows")
		}
	}
}
