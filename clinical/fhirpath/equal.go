package fhirpath

import (
	"bytes"
	"strings"
	"unicode"

	"github.com/ward-health/ward/clinical/fhir/tree"
)

// equal is = and !=.
type equal struct {
	at          int
	not         bool
	left, right op
}

func (o *equal) offset() int { return o.at }

func (o *equal) eval(m *machine) error {
	t, err := o.truth(m)
	if err != nil {
		return err
	}
	return m.pushTri(t)
}

func (o *equal) truth(m *machine) (tri, error) {
	base := len(m.stack)
	if err := o.left.eval(m); err != nil {
		return unknown, err
	}
	mid := len(m.stack)
	if err := o.right.eval(m); err != nil {
		return unknown, err
	}
	t, err := m.equalLists(m.stack[base:mid], m.stack[mid:])
	m.stack = m.stack[:base]
	if o.not {
		t = t.not()
	}
	return t, err
}

// equalLists compares item by item.
//
// SPEC(FHIRPath N1 6.1.1): empty if one is empty; of different lengths false; in the same order.
func (m *machine) equalLists(a, b []Value) (tri, error) {
	if len(a) == 0 || len(b) == 0 {
		return unknown, nil
	}
	if len(a) != len(b) {
		return isFalse, nil
	}
	result := isTrue
	for i := range a {
		t, err := m.equalItems(&a[i], &b[i])
		if err != nil || t == isFalse {
			return t, err
		}
		if t == unknown {
			result = unknown
		}
	}
	return result, nil
}

func (m *machine) equalItems(a, b *Value) (tri, error) {
	if err := m.step(1); err != nil {
		return unknown, err
	}
	if sameText(a, b) {
		if err := m.read(a.escaped() + b.escaped()); err != nil {
			return unknown, err
		}
		same, n := equalText(a, b)
		return triOf(same), m.read(n)
	}
	if a.kind == KindNode && b.kind == KindNode && (a.sub == 0 || b.sub == 0) {
		if x, y, ok := bothQuantities(a, b); ok {
			return equalSystem(&x, &y), m.step(unitSteps)
		}
		return m.equalNodes(a, b)
	}
	if err := m.read(a.size() + b.size()); err != nil {
		return unknown, err
	}
	x, ok1 := a.System()
	y, ok2 := b.System()
	if !ok1 || !ok2 {
		switch {
		case a.kind == KindNode && b.kind == KindNode:
			return m.equalNodes(a, b)
		case a.lacks() || b.lacks() || isQuantity(a.fhirName()) || isQuantity(b.fhirName()): // it has no value to compare
			return unknown, nil
		}
		return isFalse, nil
	}
	if x.kind == KindQuantity || y.kind == KindQuantity {
		if err := m.step(unitSteps); err != nil {
			return unknown, err
		}
	}
	return equalSystem(&x, &y), nil
}

// equalText compares two texts, without a copy of a literal; n bytes were looked at.
func equalText(a, b *Value) (same bool, n int) {
	if a.kind == KindString {
		a, b = b, a
	}
	if a.kind == KindString {
		return a.text == b.text, len(a.text)
	}
	x := a.bytes()
	if b.kind == KindString {
		return string(x) == b.text, min(len(x), len(b.text))
	}
	y := b.bytes()
	return bytes.Equal(x, y), min(len(x), len(y))
}

// bothQuantities converts two elements of type Quantity.
func bothQuantities(a, b *Value) (x, y Value, ok bool) {
	if a.sub != 0 || b.sub != 0 || !isQuantity(a.fhirName()) || !isQuantity(b.fhirName()) {
		return x, y, false
	}
	x, ok1 := a.System()
	y, ok2 := b.System()
	return x, y, ok1 && ok2
}

// sameText reports whether both are texts, which are compared without a copy.
func sameText(a, b *Value) bool {
	return (a.kind == KindString || a.kind == KindNode && Kind(a.sub) == KindString && a.value() >= 0) &&
		(b.kind == KindString || b.kind == KindNode && Kind(b.sub) == KindString && b.value() >= 0)
}

func isNumber(k Kind) bool { return k == KindInteger || k == KindDecimal }
func isDay(k Kind) bool    { return k == KindDate || k == KindDateTime }

// equalSystem compares two values of System; of different types they are not equal.
func equalSystem(x, y *Value) tri {
	switch {
	case isNumber(x.kind) && isNumber(y.kind):
		return triOf(x.decimal().cmp(y.decimal()) == 0)
	case x.kind == KindQuantity && (isNumber(y.kind) || y.kind == KindQuantity), y.kind == KindQuantity && isNumber(x.kind):
		order, r := compareQuantities(x, y)
		if r != sameKind {
			return unknown
		}
		return triOf(order == 0)
	case isDay(x.kind) && isDay(y.kind) || x.kind == KindTime && y.kind == KindTime:
		order, known := x.moment().compare(y.moment())
		if !known {
			return unknown
		}
		return triOf(order == 0)
	case x.kind != y.kind:
		return isFalse
	case x.kind == KindBoolean:
		return triOf(x.num == y.num)
	}
	return triOf(x.text == y.text)
}

// equalNodes compares two elements with all that is in them: types, values and children, ids and extensions included, items in order.
func (m *machine) equalNodes(a, b *Value) (tri, error) {
	if (a.sub == 0) != (b.sub == 0) || a.sub == 0 && a.typ != b.typ {
		return isFalse, nil
	}
	if a.doc == b.doc && a.num == b.num {
		return isTrue, nil
	}
	if err := m.step(1 + nodesOf(a)); err != nil {
		return unknown, err
	}
	return triOf(equalJSON(a.doc, a.value(), b.doc, b.value()) && equalJSON(a.doc, a.extra(), b.doc, b.extra())), nil
}

// nodesOf is the number of nodes of the tape that an element takes, and one more for each 256 bytes of its text.
func nodesOf(v *Value) int {
	n := 0
	if v.kind != KindNode {
		return 0
	}
	for _, i := range [...]int{v.value(), v.extra()} {
		if i >= 0 {
			at := &v.doc.Nodes[i]
			n += int(at.Next) - i + int(at.End-at.Start)>>8
		}
	}
	return n
}

// equalJSON compares two values of the tapes: members in any order, items in theirs, numbers by their value.
func equalJSON(a *tree.Doc, i int, b *tree.Doc, j int) bool {
	if i < 0 || j < 0 {
		return i == j
	}
	x, y := &a.Nodes[i], &b.Nodes[j]
	if x.Kind != y.Kind || x.Len != y.Len {
		return false
	}
	switch x.Kind {
	case tree.String:
		return bytes.Equal(a.Text(i), b.Text(j))
	case tree.Number:
		d, ok1 := parseDecimal(a.Text(i))
		e, ok2 := parseDecimal(b.Text(j))
		if !ok1 || !ok2 {
			return bytes.Equal(a.Raw(i), b.Raw(j))
		}
		return d.cmp(e) == 0
	case tree.Array:
		d := b.First(j)
		for c := a.First(i); c != tree.None; c, d = a.Sibling(c), b.Sibling(d) {
			if !equalJSON(a, c, b, d) {
				return false
			}
		}
	case tree.Object:
		return equalObjects(a, i, b, j)
	}
	return true
}

// manyMembers is from how many on the members of an object are looked up by name in a table.
const manyMembers = 32

func equalObjects(a *tree.Doc, i int, b *tree.Doc, j int) bool {
	var names map[string]int
	if b.Nodes[j].Len >= manyMembers {
		names = make(map[string]int, b.Nodes[j].Len)
		for d := b.First(j); d != tree.None; d = b.Sibling(d) {
			names[b.MemberName(d)] = d
		}
	}
	for c := a.First(i); c != tree.None; c = a.Sibling(c) {
		d, ok := names[a.MemberName(c)]
		if names == nil {
			d = b.Member(j, a.MemberName(c))
			ok = d != tree.None
		}
		if !ok || !equalJSON(a, c, b, d) {
			return false
		}
	}
	return true
}

// equivalent is ~ and !~.
type equivalent struct {
	at          int
	not         bool
	left, right op
}

func (o *equivalent) offset() int { return o.at }

func (o *equivalent) eval(m *machine) error {
	t, err := o.truth(m)
	if err != nil {
		return err
	}
	return m.pushTri(t)
}

func (o *equivalent) truth(m *machine) (tri, error) {
	base := len(m.stack)
	if err := o.left.eval(m); err != nil {
		return unknown, err
	}
	mid := len(m.stack)
	if err := o.right.eval(m); err != nil {
		return unknown, err
	}
	same, err := m.equivalentLists(m.stack[base:mid], m.stack[mid:])
	m.stack = m.stack[:base]
	return triOf(same != o.not), err
}

// equivalentLists compares regardless of order.
//
// SPEC(FHIRPath N1 6.1.2): both empty is true, one empty or different lengths is false.
func (m *machine) equivalentLists(a, b []Value) (bool, error) {
	if len(a) != len(b) {
		return false, nil
	}
	left := make([]*Value, len(b)) // those of b that are not taken yet
	for j := range b {
		left[j] = &b[j]
	}
	for i := range a {
		found := false
		for j := range left {
			same, err := m.equivalentItems(&a[i], left[j])
			if err != nil {
				return false, err
			}
			if same {
				if found = true; j == 0 {
					left = left[1:]
				} else {
					left[j] = left[len(left)-1]
					left = left[:len(left)-1]
				}
				break
			}
		}
		if !found {
			return false, nil
		}
	}
	return true, nil
}

func (m *machine) equivalentItems(a, b *Value) (bool, error) {
	if err := m.step(1 + (a.size()+b.size())>>8); err != nil {
		return false, err
	}
	x, ok1 := a.System()
	y, ok2 := b.System()
	if ok1 && ok2 {
		if err := m.step(unitSteps); err != nil {
			return false, err
		}
		return equivalentSystem(&x, &y), nil
	}
	if ok1 != ok2 || a.kind != KindNode || b.kind != KindNode {
		return false, nil
	}
	return m.equivalentNodes(a, b)
}

func equivalentSystem(x, y *Value) bool {
	switch {
	case isNumber(x.kind) && isNumber(y.kind):
		return equivalentDecimals(x.decimal(), y.decimal())
	case x.kind == KindQuantity && (isNumber(y.kind) || y.kind == KindQuantity), y.kind == KindQuantity && isNumber(x.kind):
		return equivalentQuantities(x, y)
	case isDay(x.kind) && isDay(y.kind) || x.kind == KindTime && y.kind == KindTime:
		order, known := x.moment().compare(y.moment())
		return known && order == 0
	case x.kind == KindString && y.kind == KindString:
		return strings.EqualFold(normal(x.text), normal(y.text))
	}
	return equalSystem(x, y) == isTrue
}

// equivalentDecimals compares after rounding to the smaller precision; zeros behind the point do not count.
func equivalentDecimals(d, e decimal) bool {
	d, e = d.trim(0), e.trim(0)
	scale := min(d.scale, e.scale)
	return d.round(scale, nearest).cmp(e.round(scale, nearest)) == 0
}

// normal makes each run of white space one space.
func normal(s string) string {
	for i, r := range s {
		if r != ' ' && unicode.IsSpace(r) || r == ' ' && i+1 < len(s) && s[i+1] == ' ' || i == 0 && r == ' ' || r == ' ' && i+1 == len(s) {
			return strings.Join(strings.Fields(s), " ")
		}
	}
	return s
}

// equivalentNodes compares the children of two elements of the same type, in any order; ids are not looked at.
func (m *machine) equivalentNodes(a, b *Value) (bool, error) {
	if a.typ != b.typ {
		return false, nil
	}
	for _, k := range membersOf(a.typ).all {
		if k.name == "id" {
			continue
		}
		base := len(m.stack)
		if err := m.step(1 + (nodesOf(a)+nodesOf(b))>>8); err != nil {
			return false, err
		}
		if err := k.each(a, m.set, m.push); err != nil {
			return false, err
		}
		mid := len(m.stack)
		if err := k.each(b, m.set, m.push); err != nil {
			return false, err
		}
		same, err := m.equivalentLists(m.stack[base:mid], m.stack[mid:])
		m.stack = m.stack[:base]
		if err != nil || !same {
			return false, err
		}
	}
	return true, nil
}
