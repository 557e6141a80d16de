package fhirpath

import (
	"github.com/ward-health/ward/clinical/fhir/tree"
)

const ucumSystem = "http://unitsofmeasure.org"

// System returns v as a value of the namespace System: a primitive of FHIR is converted, a FHIR Quantity too. ok is false where
// there is no such value: an element without a value, of another type, or whose text has not the form of its type.
//
// SPEC(FHIR R4 fhirpath.html#types): primitives are converted implicitly, Quantity to System.Quantity unless it has a comparator.
func (v Value) System() (s Value, ok bool) {
	if v.kind != KindNode {
		return v, v.kind != 0
	}
	return v.convert()
}

func (v *Value) convert() (s Value, ok bool) {
	n := v.value()
	if n < 0 {
		return s, false
	}
	if v.sub == 0 {
		if v.typ != nil && isQuantity(v.typ.Name) {
			return v.quantity()
		}
		return s, false
	}
	b := v.bytes()
	if b == nil {
		return s, false
	}
	switch kind := Kind(v.sub); kind {
	case KindBoolean:
		k := v.doc.Nodes[n].Kind
		return Boolean(k == tree.True), k == tree.True || k == tree.False
	case KindInteger:
		d, ok := parseDecimal(b)
		i, fits := d.integer()
		return Value{kind: KindInteger, num: i}, ok && fits
	case KindDecimal:
		d, ok := parseDecimal(b)
		return d.value(), ok
	case KindString:
		return String(string(b)), true
	default:
		m, ok := momentFrom(kind, b)
		return m.value(), ok
	}
}

func momentFrom(kind Kind, b []byte) (moment, bool) {
	switch kind {
	case KindDate:
		return parseDate(b)
	case KindTime:
		return parseTime(b)
	}
	return parseDateTime(b)
}

// size is about how many bytes the text of v has, without a look at it.
func (v *Value) size() int {
	if v.kind != KindNode {
		return len(v.text)
	}
	if n := v.value(); n >= 0 && v.sub != 0 {
		return int(v.doc.Nodes[n].End - v.doc.Nodes[n].Start)
	}
	return 0
}

// escaped is the size of a text that is copied whenever it is looked at, 0 of any other.
func (v *Value) escaped() int {
	if v.kind == KindNode && v.value() >= 0 && v.doc.Nodes[v.value()].Flag&tree.Escaped != 0 {
		return v.size()
	}
	return 0
}

// bytes is the text of a String or of a primitive's value, nil if there is none. It is not to be changed or kept.
func (v *Value) bytes() []byte {
	if v.kind == KindString {
		return []byte(v.text)
	}
	n := v.value()
	if v.kind != KindNode || n < 0 {
		return nil
	}
	switch k := v.doc.Nodes[n].Kind; k {
	case tree.String:
		if b := v.doc.Text(n); b != nil {
			return b
		}
		return []byte{}
	case tree.Number, tree.True, tree.False:
		return v.doc.Text(n)
	}
	return nil
}

// isQuantity reports whether the type is Quantity or one of its specialisations in R4.
func isQuantity(name string) bool {
	switch name {
	case "Quantity", "Age", "Count", "Distance", "Duration", "SimpleQuantity", "MoneyQuantity":
		return true
	}
	return false
}

// quantity converts a FHIR Quantity. A time-valued UCUM unit becomes a calendar unit.
//
// SPEC(FHIR R4 fhirpath.html#quantity): a, mo, d, h, min and s stand for year, month, day, hour, minute and second. Against a unit of UCUM it
// stays what was written.
func (v *Value) quantity() (s Value, ok bool) {
	var value, code, system, unit, comparator int
	for c, k := v.value()+1, v.doc.Nodes[v.value()].Len; k > 0; k-- {
		n := &v.doc.Nodes[c]
		if n.Kind == tree.String || n.Kind == tree.Number {
			switch string(v.doc.Src[n.Name : n.Name+uint32(n.NameLen)]) {
			case "value":
				value = c
			case "code":
				code = c
			case "system":
				system = c
			case "unit":
				unit = c
			case "comparator":
				comparator = c
			}
		}
		c = int(n.Next)
	}
	if value == 0 || comparator != 0 {
		return s, false
	}
	d, ok := parseDecimal(v.doc.Text(value))
	if !ok {
		return s, false
	}
	switch {
	case code != 0 && system != 0 && string(v.doc.Text(system)) == ucumSystem:
		u := string(v.doc.Text(code))
		if k := definiteUnit(u); k != 0 && k != unitWeek && k != unitMilli {
			q := quantityOf(d, unitNames[k], true)
			q.tz = 1
			return q, true
		}
		return quantityOf(d, u, false), true
	case code != 0:
		u := string(v.doc.Text(code))
		if system != 0 {
			u = string(v.doc.Text(system)) + "|" + u
		}
		return quantityOf(d, u, false), true
	case unit != 0:
		return quantityOf(d, string(v.doc.Text(unit)), false), true
	}
	return quantityOf(d, "1", false), true
}
