package view

import (
	"errors"
	"math"
	"regexp"
	"strconv"

	"github.com/ward-health/ward/clinical/fhir/definition"
	"github.com/ward-health/ward/clinical/fhir/tree"
	"github.com/ward-health/ward/clinical/fhirpath"
)

// convert makes a cell of one value that a path gave; a value that is not of the column's type is an error.
func (r *Runner) convert(c *cell, column *Column, v fhirpath.Value) (Value, error) {
	n, node := v.Node()
	switch {
	case column.Kind == JSON:
		if !node || n.Value < 0 || !n.Type.Is(c.typ) {
			return Value{}, r.mismatch(c, column)
		}
		return Value{Kind: JSON, Text: r.compact(n.Doc.Raw(n.Value))}, nil
	case node && n.Type == c.typ && n.Type != nil:
	case !c.takes(v, n, node):
		return Value{}, r.mismatch(c, column)
	}
	if node && n.Text() == nil {
		return Value{}, nil // extensions without a value
	}
	out, ok := r.primitive(column.Kind, v, n, node)
	if !ok {
		return out, r.mismatch(c, column)
	}
	return out, nil
}

// takes reports whether a value is of the column's type, or of one that stands for it.
func (c *cell) takes(v fhirpath.Value, n fhirpath.Node, node bool) bool {
	got := systemFamilies[v.Kind()]
	if node {
		if n.Type == nil || n.Type.Kind != definition.Primitive {
			return false
		}
		got = family(n.Type.Name)
	}
	return c.family == "" && got != "" || c.family == got || widens(c.family, got) || c.family == "base64Binary" && v.Kind() == fhirpath.KindString
}

// systemFamilies are the families of the types of FHIRPath.
var systemFamilies = map[fhirpath.Kind]string{fhirpath.KindBoolean: "boolean", fhirpath.KindString: "string", fhirpath.KindInteger: "integer",
	fhirpath.KindDecimal: "decimal", fhirpath.KindDate: "date", fhirpath.KindDateTime: "dateTime", fhirpath.KindTime: "time"}

// widens reports whether values of a family stand in columns of another.
func widens(want, got string) bool {
	return want == "decimal" && got == "integer" || want == "dateTime" && got == "date"
}

// primitive makes a cell of a primitive value. Numbers and texts of elements are taken as they are written.
func (r *Runner) primitive(k Kind, v fhirpath.Value, n fhirpath.Node, node bool) (Value, bool) {
	switch k {
	case Boolean:
		b, ok := v.Bool()
		if b {
			return Value{Kind: Boolean, Int: 1}, ok
		}
		return Value{Kind: Boolean}, ok
	case Integer:
		i, ok := v.Int()
		return Value{Kind: Integer, Int: i}, ok
	case Decimal:
		if node {
			return Value{Kind: Decimal, Text: n.Text()}, n.Doc.Nodes[n.Value].Kind == tree.Number
		}
	default:
		if node {
			text := n.Text()
			if n.Doc.Nodes[n.Value].Flag&tree.Escaped != 0 { // it is a copy
				r.made += len(text)
			}
			return Value{Kind: Text, Text: text}, true
		}
	}
	text, ok := v.Text()
	at := len(r.text)
	r.made += len(text)
	r.text = append(r.text, text...)
	return Value{Kind: k, Text: r.text[at:len(r.text):len(r.text)]}, ok
}

func (r *Runner) mismatch(c *cell, column *Column) error {
	what := "a value of a primitive type; for others type has to be declared"
	if c.family != "" {
		what = "a value of type " + column.Type
	}
	return &RunError{Path: c.at, Name: column.Name, Text: "expected " + what}
}

// compact copies JSON without the white space between its tokens, so that a line stays one line.
func (r *Runner) compact(raw []byte) []byte {
	at, quoted := len(r.text), false
	if r.made += len(raw); r.made > r.l.Text {
		return nil // the row is too large
	}
	for i := 0; i < len(raw); i++ {
		switch b := raw[i]; {
		case quoted && b == '\\':
			r.text = append(r.text, b, raw[i+1])
			i++
			continue
		case b == '"':
			quoted = !quoted
		case !quoted && (b == ' ' || b == '\n' || b == '\r' || b == '\t'):
			continue
		}
		r.text = append(r.text, raw[i])
	}
	return r.text[at:len(r.text):len(r.text)]
}

// asBoolean is the value of a filter.
func asBoolean(got fhirpath.Collection) (b, ok bool) {
	if len(got) != 1 {
		return false, false
	}
	return got[0].Bool()
}

// indexValue is the value of %rowIndex.
func indexValue(i int) fhirpath.Collection { return fhirpath.Collection{fhirpath.Integer(int32(i))} }

var errConstant = errors.New("the value has not the form of its type")

// constantValue makes the value of a constant.
func constantValue(set *definition.Set, typ, text string) (fhirpath.Collection, error) {
	if t := set.Type(typ); t != nil && t.Regexp != "" {
		rule, err := regexp.Compile(`^(?:` + t.Regexp + `)$`)
		if err == nil && !rule.MatchString(text) {
			return nil, errConstant
		}
	}
	var v fhirpath.Value
	ok := true
	switch typ {
	case "boolean":
		v = fhirpath.Boolean(text == "true")
	case "integer", "positiveInt", "unsignedInt", "integer64":
		v, ok = wholeNumber(typ, text)
	case "decimal":
		v, ok = fhirpath.Decimal(text)
	case "date":
		v, ok = fhirpath.Date(text)
	case "dateTime", "instant":
		v, ok = fhirpath.DateTime(text)
	case "time":
		v, ok = fhirpath.Time(text)
	default:
		v = fhirpath.String(text)
	}
	if !ok {
		return nil, errConstant
	}
	return fhirpath.Collection{v}, nil
}

// wholeNumber is an Integer, or for an integer64 beyond 32 bits a Decimal, which FHIRPath compares with Integers all the same.
func wholeNumber(typ, text string) (fhirpath.Value, bool) {
	n, err := strconv.ParseInt(text, 10, 64)
	switch {
	case err != nil, typ == "positiveInt" && n < 1, typ == "unsignedInt" && n < 0:
		return fhirpath.Value{}, false
	case n >= math.MinInt32 && n <= math.MaxInt32:
		return fhirpath.Integer(int32(n)), true
	case typ == "integer64":
		return fhirpath.Decimal(text)
	}
	return fhirpath.Value{}, false
}
