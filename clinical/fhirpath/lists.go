package fhirpath

import (
	"math/bits"
	"strings"

	"github.com/ward-health/ward/clinical/fhir/tree"
)

// union is |.
type union struct {
	at          int
	left, right op
}

func (o *union) offset() int { return o.at }

func (o *union) eval(m *machine) error {
	base := len(m.stack)
	if err := o.left.eval(m); err != nil {
		return err
	}
	if err := o.right.eval(m); err != nil {
		return err
	}
	return m.distinct(base)
}

// membership is in and contains.
type membership struct {
	at         int
	item, list op
}

func (o *membership) offset() int { return o.at }

func (o *membership) eval(m *machine) error {
	t, err := o.truth(m)
	if err != nil {
		return err
	}
	return m.pushTri(t)
}

// SPEC(FHIRPath N1 6.4): empty if the item is empty, false if the list is.
func (o *membership) truth(m *machine) (tri, error) {
	base := len(m.stack)
	if err := o.item.eval(m); err != nil {
		return unknown, err
	}
	mid := len(m.stack)
	v, ok, err := one(m.stack[base:], o.at)
	if err != nil || !ok {
		m.stack = m.stack[:base]
		return unknown, err
	}
	it := *v
	if err := o.list.eval(m); err != nil {
		return unknown, err
	}
	found, err := m.has(m.stack[mid:], &it)
	m.stack = m.stack[:base]
	return triOf(found), err
}

// has reports whether an item is equal to v.
func (m *machine) has(vs []Value, v *Value) (bool, error) {
	for i := range vs {
		t, err := m.equalItems(&vs[i], v)
		if err != nil || t == isTrue {
			return t == isTrue, err
		}
	}
	return false, nil
}

const few = 8 // up to so many items are compared each with each

// distinct takes away the items of m.stack[base:] that are equal to one before them.
func (m *machine) distinct(base int) error {
	n, err := m.distinctCount(base)
	m.stack = m.stack[:base+n]
	return err
}

// distinctCount moves the first of equal items to the front and counts them.
func (m *machine) distinctCount(base int) (int, error) {
	vs := m.stack[base:]
	if len(vs) > few {
		return m.distinctMany(vs)
	}
	n := 0
	for i := range vs {
		there, err := m.has(vs[:n], &vs[i])
		if err != nil {
			return n, err
		}
		if !there {
			vs[n] = vs[i]
			n++
		}
	}
	return n, nil
}

// distinctMany compares only items of one hash.
func (m *machine) distinctMany(vs []Value) (int, error) {
	seen := newSeen(m, len(vs))
	n := 0
	for i := range vs {
		fresh, err := seen.add(vs[:n], &vs[i])
		if err != nil {
			return n, err
		}
		if fresh {
			vs[n] = vs[i]
			n++
		}
	}
	return n, nil
}

// seen finds equal items among many: a hash, and the items that have it.
type seen struct {
	m      *machine
	byHash map[uint64][]int
}

func newSeen(m *machine, n int) *seen { return &seen{m, make(map[uint64][]int, n)} }

// add reports whether vs holds nothing equal to v, which is then taken as the item behind the last of vs.
func (s *seen) add(vs []Value, v *Value) (bool, error) {
	if v.kind == KindNode {
		if err := s.m.step(nodesOf(v)); err != nil {
			return false, err
		}
	}
	if err := s.m.read(len(v.text)); err != nil {
		return false, err
	}
	if isUnit(v) {
		if err := s.m.step(unitSteps); err != nil {
			return false, err
		}
	}
	h := hashOf(v)
	for _, j := range s.byHash[h] {
		t, err := s.m.equalItems(&vs[j], v)
		if err != nil || t == isTrue {
			return false, err
		}
	}
	s.byHash[h] = append(s.byHash[h], len(vs))
	return true, s.m.step(1)
}

// isUnit reports whether v is a Quantity, of System or of FHIR.
func isUnit(v *Value) bool {
	return v.kind == KindQuantity || v.kind == KindNode && v.sub == 0 && isQuantity(v.fhirName())
}

// hashOf is the same for equal items.
func hashOf(v *Value) uint64 {
	s, ok := v.System()
	if !ok {
		return hashJSON(v)
	}
	switch s.kind {
	case KindString, KindType:
		return hashText(s.text)
	case KindBoolean:
		return uint64(s.num) + 1
	case KindInteger, KindDecimal:
		return hashDecimal(s.decimal())
	case KindQuantity: // it may be equal to a number
		one := Value{kind: KindQuantity}
		if r, ok := express(&s, &one); ok {
			if d, ok := fromRat(r); ok {
				return hashDecimal(d)
			}
		}
		return uint64(KindQuantity)
	case KindTime:
		return uint64(KindTime)
	}
	return uint64(KindDateTime) // of any form, dates too
}

func hashDecimal(d decimal) uint64 {
	if d = d.trim(0); d.big != nil {
		return hashText(d.big.String())
	}
	return mix(uint64(d.coef), uint64(d.scale))
}

func hashText[T string | []byte](s T) uint64 {
	h := uint64(14695981039346656037)
	for i := 0; i < len(s); i++ {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return h
}

func mix(a, b uint64) uint64 {
	return bits.RotateLeft64(a*0x9E3779B97F4A7C15, 31) ^ b*0xD6E8FEB86659FD93
}

// hashJSON is of the texts in an element, in any order.
func hashJSON(v *Value) (h uint64) {
	for _, i := range [...]int{v.value(), v.extra()} {
		if i < 0 {
			continue
		}
		for j := i; j < int(v.doc.Nodes[i].Next); j++ {
			if k := v.doc.Nodes[j].Kind; k == tree.String {
				h += hashText(v.doc.Text(j))
			}
		}
	}
	return h
}

// typeOp is the operators is and as.
type typeOp struct {
	at    int
	input op
	typ   typeName
	as    bool
	many  bool // as on more than one item filters
}

func (o *typeOp) offset() int { return o.at }

func (o *typeOp) eval(m *machine) error {
	base := len(m.stack)
	if err := o.input.eval(m); err != nil {
		return err
	}
	if o.as && o.many {
		return m.ofType(base, o.typ, o.at)
	}
	return m.typed(base, o.typ, o.as, o.at)
}

// typed replaces the single item of m.stack[base:] by whether it is of a type, or (as) leaves it if it is.
//
// SPEC(FHIRPath N1 6.3): more than one item is an error, empty is empty. Nothing is of a type that there is not, as invariants of R4 need that
// name types of later releases; as() and ofType() take it for an error.
func (m *machine) typed(base int, t typeName, as bool, at int) error {
	if err := m.typeExists(t, at); as && err != nil {
		return err
	}
	v, ok, err := one(m.stack[base:], at)
	if err != nil || !ok {
		return err
	}
	if as {
		if !v.is(t, true) {
			m.stack = m.stack[:base]
		}
		return m.step(1)
	}
	is := v.is(t, false)
	m.stack = m.stack[:base]
	return m.pushValue(Boolean(is))
}

// typeExists is an error if t is of FHIR and there is no such type.
func (m *machine) typeExists(t typeName, at int) error {
	if t.space == "System" || t.space == "" && systemKind(t.name) != 0 || m.set == nil {
		return nil
	}
	if t.space != "" && t.space != "FHIR" {
		return failf(at, "there is no type %s", t)
	}
	if strings.ContainsAny(t.name, "/:") || m.set.Type(t.name) == nil {
		return failf(at, "there is no type %s", t)
	}
	return nil
}

// systemKind returns the kind of a type of System, 0 if there is none.
func systemKind(name string) Kind {
	for k := KindBoolean; k <= KindQuantity; k++ {
		if kindNames[k] == name {
			return k
		}
	}
	return 0
}

// is reports whether v is of type t. exact: a primitive has to be of that very type, as as() and ofType() need it in FHIR.
//
// SPEC(FHIR R4 fhirpath.html#types): a name without a namespace is looked for in the namespace of the item.
func (v *Value) is(t typeName, exact bool) bool {
	if v.kind != KindNode {
		return t.space != "FHIR" && (v.kind != KindType && kindNames[v.kind] == t.name || t.name == "Any")
	}
	if t.space == "System" {
		return false
	}
	if exact && v.sub != 0 {
		return v.typ.Name == t.name
	}
	return isOf(v, t.name)
}
