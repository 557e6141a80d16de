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
	operator := ">="
	if high {
		operator = "<="
	}
	text := ""
	switch typ {
	case "date", "dateTime", "instant":
		text = "@" + string(l.doc.Text(0))
	case "time":
		text = "@T" + string(l.doc.Text(0))
	case "decimal", "integer", "positiveInt", "unsignedInt":
		text = string(l.doc.Text(0))
	case "Quantity":
		number, code := l.doc.Member(0, "value"), l.doc.Member(0, "code")
		if number == tree.None {
			return nil
		}
		text = string(l.doc.Text(number))
		if code != tree.None {
			text += " " + quoted(string(l.doc.Text(code)))
		} else {
			text += " '1'"
		}
	default:
		return nil
	}
	expr, err := fhirpath.Compile("$this "+operator+" "+text, fhirpath.Options{})
	if err != nil {
		return nil
	}
	return &limit{expr, typ, high}
}

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
