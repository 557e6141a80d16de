package fhirpath

import (
	"bytes"
)

// compare is <, <=, > and >=.
type compare struct {
	at          int
	sign        string
	left, right op
}

func (o *compare) offset() int { return o.at }

func (o *compare) eval(m *machine) error {
	t, err := o.truth(m)
	if err != nil {
		return err
	}
	return m.pushTri(t)
}

func (o *compare) truth(m *machine) (tri, error) {
	base := len(m.stack)
	if err := o.left.eval(m); err != nil {
		return unknown, err
	}
	mid := len(m.stack)
	if err := o.right.eval(m); err != nil {
		return unknown, err
	}
	l, ok1, err1 := one(m.stack[base:mid], o.at)
	r, ok2, err2 := one(m.stack[mid:], o.at)
	m.stack = m.stack[:base]
	switch {
	case err1 != nil:
		return unknown, err1
	case err2 != nil:
		return unknown, err2
	case !ok1 || !ok2:
		return unknown, nil
	}
	order, known, err := m.order(l, r, o.at)
	if err != nil || !known {
		return unknown, err
	}
	switch o.sign {
	case "<":
		return triOf(order < 0), nil
	case "<=":
		return triOf(order <= 0), nil
	case ">":
		return triOf(order > 0), nil
	}
	return triOf(order >= 0), nil
}

// order compares two items of one ordered type. known is false where there is no result.
//
// SPEC(FHIRPath N1 6.2): strings by code point; numbers; moments to their precision; quantities of one dimension. Other types are an error.
func (m *machine) order(a, b *Value, at int) (order int, known bool, err error) {
	if sameText(a, b) {
		if err := m.read(a.size() + b.size()); err != nil { // both may be copied
			return 0, false, err
		}
		return bytes.Compare(a.bytes(), b.bytes()), true, nil
	}
	x, ok1 := a.System()
	y, ok2 := b.System()
	switch {
	case a.lacks() || b.lacks():
		return 0, false, nil
	case !ok1 || !ok2:
		if a.kind == KindNode && isOf(a, "Quantity") || b.kind == KindNode && isOf(b, "Quantity") {
			return 0, false, nil
		}
		return 0, false, failf(at, "cannot compare %s with %s", a.TypeName(), b.TypeName())
	case isNumber(x.kind) && isNumber(y.kind):
		return x.decimal().cmp(y.decimal()), true, nil
	case isDay(x.kind) && isDay(y.kind) || x.kind == KindTime && y.kind == KindTime:
		order, known = x.moment().compare(y.moment())
		return order, known, nil
	case x.kind == KindString && y.kind == KindString:
		return bytes.Compare([]byte(x.text), []byte(y.text)), true, nil
	case x.kind == KindQuantity && (isNumber(y.kind) || y.kind == KindQuantity), y.kind == KindQuantity && isNumber(x.kind):
		order, r := compareQuantities(&x, &y)
		return order, r == sameKind, m.step(unitSteps)
	}
	return 0, false, failf(at, "cannot compare %s with %s", x.TypeName(), y.TypeName())
}

// lacks reports whether v is a primitive without a value.
func (v *Value) lacks() bool { return v.kind == KindNode && v.sub != 0 && v.bytes() == nil }
