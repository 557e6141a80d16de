package fhirpath

import (
	"strings"

	"github.com/ward-health/ward/clinical/ucum"
)

func init() {
	for _, c := range []struct {
		name string
		to   func(v *Value) (Value, bool)
		sig  signature
	}{
		{"Boolean", asBoolean, toBoolean}, {"Integer", asInteger, toInteger}, {"Decimal", asDecimal, toDecimal}, {"String", asString, toText},
		{"Date", asDate, toDate}, {"DateTime", asDateTime, toDateTime}, {"Time", asTime, toTime}, {"Quantity", asQuantity, toQuantity},
	} {
		most := 0
		if c.name == "Quantity" {
			most = 1
		}
		define(map[string]*function{
			"to" + c.name:         {most: most, eval: converter(c.to, false), sig: c.sig},
			"convertsTo" + c.name: {most: most, eval: converter(c.to, true), sig: toBoolean},
		})
	}
}

// converter makes toX() and convertsToX(): empty stays empty, what cannot be converted is empty or false.
func converter(to func(*Value) (Value, bool), ask bool) func(*machine, *callOp, int) error {
	return func(m *machine, o *callOp, base int) error {
		v, ok, err := o.in(m, base)
		if err != nil || !ok {
			return err
		}
		if err := m.read(4 * v.size()); err != nil {
			return err
		}
		s, ok := v.System()
		if v.lacks() {
			m.stack = m.stack[:base]
			return nil
		}
		if ok {
			s, ok = to(&s)
		}
		m.stack = m.stack[:base]
		if ok && len(o.args) > 0 {
			if s, ok, err = o.inUnit(m, s); err != nil {
				return err
			}
		}
		switch {
		case ask:
			return m.pushValue(Boolean(ok))
		case !ok:
			return m.step(1)
		case s.kind == KindString:
			return m.pushText(s.text)
		}
		return m.push(&s)
	}
}

// inUnit converts a Quantity to the unit that is the first argument.
func (o *callOp) inUnit(m *machine, q Value) (Value, bool, error) {
	text, ok, err := o.textArg(m, 0)
	if err != nil || !ok {
		return q, ok, err
	}
	to := quantityOf(decimal{}, text, calendarUnit(text) != 0)
	r, ok := express(&q, &to)
	if !ok {
		return q, false, nil
	}
	d, ok := fromRat(r)
	return quantityOf(d, text, to.sub != 0), ok, nil
}

func asBoolean(v *Value) (Value, bool) {
	switch v.kind {
	case KindBoolean:
		return *v, true
	case KindInteger, KindDecimal:
		d := v.decimal()
		if d.cmp(decimal{coef: 1}) == 0 {
			return Boolean(true), true
		}
		return Boolean(false), d.sign() == 0
	case KindString:
		switch strings.ToLower(v.text) {
		case "true", "t", "yes", "y", "1", "1.0":
			return Boolean(true), true
		case "false", "f", "no", "n", "0", "0.0":
			return Boolean(false), true
		}
	}
	return Value{}, false
}

func asInteger(v *Value) (Value, bool) {
	switch v.kind {
	case KindInteger:
		return *v, true
	case KindBoolean:
		return Value{kind: KindInteger, num: v.num}, true
	case KindString:
		if strings.ContainsAny(v.text, ".eE") {
			return Value{}, false
		}
		d, ok := parseDecimal(v.text)
		n, fits := d.integer()
		return Value{kind: KindInteger, num: n}, ok && fits
	}
	return Value{}, false
}

func asDecimal(v *Value) (Value, bool) {
	switch v.kind {
	case KindInteger, KindDecimal:
		return v.decimal().value(), true
	case KindBoolean:
		return decimal{coef: v.num}.value(), true
	case KindString:
		if strings.ContainsAny(v.text, "eE") {
			return Value{}, false
		}
		d, ok := parseDecimal(v.text)
		return d.value(), ok
	}
	return Value{}, false
}

func asString(v *Value) (Value, bool) {
	if v.kind == KindType {
		return Value{}, false
	}
	s, ok := v.Text()
	return String(s), ok
}

func asDate(v *Value) (Value, bool) {
	switch v.kind {
	case KindDate:
		return *v, true
	case KindDateTime:
		d := *v
		d.kind, d.sub, d.tz, d.scale = KindDate, min(v.sub, toDay), noZone, 0
		d.num -= d.num % daySeconds
		return d, true
	case KindString:
		if d, ok := parseDate(v.text); ok {
			return d.value(), true
		}
		if d, ok := parseDateTime(v.text); ok {
			w := d.value()
			return asDate(&w)
		}
	}
	return Value{}, false
}

func asDateTime(v *Value) (Value, bool) {
	switch v.kind {
	case KindDateTime:
		return *v, true
	case KindDate:
		d := *v
		d.kind = KindDateTime
		return d, true
	case KindString:
		d, ok := parseDateTime(v.text)
		return d.value(), ok
	}
	return Value{}, false
}

func asTime(v *Value) (Value, bool) {
	switch v.kind {
	case KindTime:
		return *v, true
	case KindString:
		t, ok := parseTime(strings.TrimPrefix(v.text, "T"))
		return t.value(), ok
	}
	return Value{}, false
}

// asQuantity reads a String as a number, perhaps with a unit in quotes or a calendar word.
//
// SPEC(FHIRPath N1 5.5.7): (?'value'(\+|-)?\d+(\.\d+)?)\s*('(?'unit'[^']+)'|(?'time'[a-zA-Z]+))?
func asQuantity(v *Value) (Value, bool) {
	switch v.kind {
	case KindQuantity:
		return *v, true
	case KindInteger, KindDecimal:
		return quantityOf(v.decimal(), "1", false), true
	case KindBoolean:
		return quantityOf(decimal{coef: v.num}, "1", false), true
	case KindString:
	default:
		return Value{}, false
	}
	n := strings.IndexFunc(v.text, func(r rune) bool { return (r < '0' || r > '9') && r != '.' && r != '-' && r != '+' })
	if n < 0 {
		n = len(v.text)
	}
	d, ok := parseDecimal(v.text[:n])
	unit := strings.TrimSpace(v.text[n:])
	switch {
	case !ok:
		return Value{}, false
	case unit == "":
		return quantityOf(d, "1", false), true
	case calendarUnit(unit) != 0:
		return quantityOf(d, unit, true), true
	case len(unit) > 2 && unit[0] == '\'' && unit[len(unit)-1] == '\'':
		unit = unit[1 : len(unit)-1]
		if _, err := ucum.Parse(unit); err != nil {
			return Value{}, false
		}
		return quantityOf(d, unit, false), true
	}
	return Value{}, false
}
