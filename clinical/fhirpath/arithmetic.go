package fhirpath

import (
	"math/big"
	"strings"

	"github.com/ward-health/ward/clinical/ucum"
)

// arithmetic is +, -, *, /, div, mod and &.
type arithmetic struct {
	at          int
	sign        string
	left, right op
}

func (o *arithmetic) offset() int { return o.at }

func (o *arithmetic) eval(m *machine) error {
	x, ok1, err := m.oneOf(o.left, o.at)
	if err != nil {
		return err
	}
	y, ok2, err := m.oneOf(o.right, o.at)
	if err != nil {
		return err
	}
	if o.sign == "&" {
		return o.concatenate(m, x, y, ok1, ok2)
	}
	if !ok1 || !ok2 {
		return m.step(1)
	}
	switch {
	case isNumber(x.kind) && isNumber(y.kind):
		return o.numbers(m, &x, &y)
	case x.kind == KindString && y.kind == KindString && o.sign == "+":
		return m.pushText(x.text + y.text)
	case (isDay(x.kind) || x.kind == KindTime) && y.kind == KindQuantity && (o.sign == "+" || o.sign == "-"):
		return o.moment(m, &x, &y)
	case x.kind == KindQuantity && y.kind == KindQuantity,
		x.kind == KindQuantity && isNumber(y.kind), isNumber(x.kind) && y.kind == KindQuantity:
		return o.quantities(m, &x, &y)
	}
	return o.wrong(&x, &y)
}

func (o *arithmetic) wrong(x, y *Value) error {
	return failf(o.at, "%s is not defined on %s and %s", o.sign, x.TypeName(), y.TypeName())
}

// concatenate joins two strings; what is empty is ”.
func (o *arithmetic) concatenate(m *machine, x, y Value, ok1, ok2 bool) error {
	if ok1 && x.kind != KindString || ok2 && y.kind != KindString {
		return failf(o.at, "& is defined on String only")
	}
	return m.pushText(x.text + y.text)
}

// numbers computes with numbers.
//
// SPEC(FHIRPath N1 6.6): / yields a Decimal; div and mod truncate; a zero divisor and an overflow have no result.
func (o *arithmetic) numbers(m *machine, x, y *Value) error {
	a, b := x.decimal(), y.decimal()
	whole := x.kind == KindInteger && y.kind == KindInteger
	var r decimal
	var ok bool
	switch o.sign {
	case "+":
		r, ok = a.add(b)
	case "-":
		r, ok = a.sub(b)
	case "*":
		r, ok = a.mul(b)
	case "/":
		r, ok = a.quo(b)
		whole = false
	case "div":
		r, _, ok = a.divMod(b)
		whole = true
	case "mod":
		_, r, ok = a.divMod(b)
	}
	if !ok {
		return m.step(1)
	}
	return m.pushNumber(r, whole)
}

// pushNumber pushes a Decimal or an Integer unless it is out of range.
func (m *machine) pushNumber(d decimal, whole bool) error {
	if d.beyond() {
		return m.step(1)
	}
	if !whole {
		return m.pushValue(d.value())
	}
	n, ok := d.integer()
	if !ok {
		return m.step(1)
	}
	return m.pushValue(Value{kind: KindInteger, num: n})
}

// moment adds a duration to a Date, DateTime or Time.
//
// SPEC(FHIRPath N1 6.7): the duration has a calendar unit, or a UCUM unit of at most a week; a and mo are an error. To a Date years to days are added, to a Time hours and less.
func (o *arithmetic) moment(m *machine, x, y *Value) error {
	u := unit(y.sub)
	if u == 0 {
		if u = calendarUnit(y.text); u == 0 {
			u = definiteUnit(y.text)
			if u == unitYear || u == unitMonth {
				u = 0
			}
		}
	}
	if u == 0 {
		return failf(o.at, "expected a duration in a calendar unit, or in 'wk', 'd', 'h', 'min', 's' or 'ms'")
	}
	if x.kind == KindTime && u < unitHour || x.kind == KindDate && u > unitDay {
		return failf(o.at, "a %s is not added to a %s", unitNames[u], x.kind)
	}
	n := y.decimal()
	if o.sign == "-" {
		n = n.neg()
	}
	r, ok := x.moment().add(n, u)
	if !ok {
		return m.step(1)
	}
	return m.pushValue(r.value())
}

// quantities computes with quantities, one of which may be a number.
//
// SPEC(FHIRPath N1 6.6): sums in the more granular unit of the two where both have one dimension; products and quotients multiply and divide units.
func (o *arithmetic) quantities(m *machine, x, y *Value) error {
	if err := m.step(unitSteps); err != nil {
		return err
	}
	switch o.sign {
	case "+", "-":
		return o.sum(m, x, y)
	case "*", "/":
	default:
		return o.wrong(x, y)
	}
	var r decimal
	var ok bool
	if o.sign == "*" {
		r, ok = x.decimal().mul(y.decimal())
	} else {
		r, ok = x.decimal().quo(y.decimal())
	}
	if !ok {
		return m.step(1)
	}
	if u := y.unitText(); u == "1" {
		q := *x
		if x.kind != KindQuantity {
			q = quantityOf(r, "1", false)
		}
		q.num, q.scale, q.big = r.coef, r.scale, r.big
		return m.pushValue(q)
	}
	unit := product(x.code(), y.code(), o.sign == "/")
	if _, err := ucum.Parse(unit); err != nil {
		return m.step(1)
	}
	return m.pushValue(quantityOf(r, unit, false))
}

// product is the unit of a product or quotient.
func product(a, b string, quotient bool) string {
	switch {
	case quotient && a == b:
		return "1"
	case quotient:
		if strings.ContainsAny(b, "./") {
			b = "(" + b + ")"
		}
		return a + "/" + b
	case a == "1":
		return b
	}
	return a + "." + b
}

func (o *arithmetic) sum(m *machine, x, y *Value) error {
	a, b, of, ok := inOneUnit(x, y)
	if !ok {
		return m.step(1)
	}
	var r decimal
	if o.sign == "+" {
		r, ok = a.add(b)
	} else {
		r, ok = a.sub(b)
	}
	if !ok {
		return m.step(1)
	}
	q := *of
	if q.kind != KindQuantity {
		q = quantityOf(r, "1", false)
	}
	q.num, q.scale, q.big = r.coef, r.scale, r.big
	return m.pushValue(q)
}

// inOneUnit returns the values of x and y in the unit of the one, of, whose unit is the more granular; of x if they are the same. ok is false if
// they are of different dimensions.
func inOneUnit(x, y *Value) (a, b decimal, of *Value, ok bool) {
	a, b = x.decimal(), y.decimal()
	if x.unitText() == y.unitText() && x.sub == y.sub {
		return a, b, x, true
	}
	one := *x
	one.num, one.scale, one.big = 1, 0, nil
	parts, ok := express(&one, y)
	if !ok {
		return a, b, x, false
	}
	if parts.Cmp(big.NewRat(1, 1)) > 0 {
		r, ok := express(x, y)
		if !ok {
			return a, b, y, false
		}
		a, ok = fromRat(r)
		return a, b, y, ok
	}
	r, ok := express(y, x)
	if !ok {
		return a, b, x, false
	}
	b, ok = fromRat(r)
	return a, b, x, ok
}
