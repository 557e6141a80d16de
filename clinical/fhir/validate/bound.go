package validate

import (
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
// SPEC(FHIR R4 elementdefinition.html#ElementDefinition.minValue): a Duration bounds dates relative to the clock: subtracted for the least, added for the most.
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
		return "$this" + operator + value
	case "Quantity", "Duration":
		number, code := l.doc.Member(0, "value"), l.doc.Member(0, "code")
		if number == tree.None {
			return ""
		}
		value, unit := string(l.doc.Text(number)), "1"
		if code != tree.None {
			unit = string(l.doc.Text(code))
		}
		if typ == "Quantity" {
			return "$this" + operator + value + " " + quoted(unit)
		}
		if unit = clockUnits[unit]; unit == "" {
			return ""
		}
		return "iif($this is FHIR.date, $this" + operator + "(today()" + sign + value + " " + unit + "), $this" + operator + "(now()" + sign + value + " " + unit + "))"
	}
	return ""
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
