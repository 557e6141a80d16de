package fhirpath

// logic is and, or, xor and implies; kind is the first letter.
type logic struct {
	at          int
	kind        byte
	left, right op
}

func (o *logic) offset() int { return o.at }

func (o *logic) eval(m *machine) error {
	t, err := o.truth(m)
	if err != nil {
		return err
	}
	return m.pushTri(t)
}

// truth does not evaluate the right operand where the left one decides.
//
// SPEC(FHIRPath N1 6.5 Boolean logic): three-valued logic.
func (o *logic) truth(m *machine) (tri, error) {
	l, err := m.truth(o.left)
	if err != nil {
		return unknown, err
	}
	switch {
	case o.kind == 'a' && l == isFalse:
		return isFalse, nil
	case o.kind == 'o' && l == isTrue, o.kind == 'i' && l == isFalse:
		return isTrue, nil
	}
	r, err := m.truth(o.right)
	if err != nil {
		return unknown, err
	}
	return combine(o.kind, l, r), nil
}

func combine(kind byte, l, r tri) tri {
	switch kind {
	case 'a':
		if l == isTrue && r == isTrue {
			return isTrue
		}
		if l == isFalse || r == isFalse {
			return isFalse
		}
	case 'o':
		return combine('a', l.not(), r.not()).not()
	case 'x':
		if l != unknown && r != unknown {
			return triOf(l != r)
		}
	case 'i':
		return combine('o', l.not(), r)
	}
	return unknown
}
