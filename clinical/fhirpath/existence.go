package fhirpath

func init() {
	define(map[string]*function{
		"empty":      {eval: (*machine).fnEmpty, sig: toBoolean},
		"exists":     {most: 1, eval: (*machine).fnExists, form: byItem, sig: toBoolean},
		"all":        {least: 1, most: 1, eval: (*machine).fnAll, form: byItem, sig: toBoolean},
		"allTrue":    {eval: allOf(isTrue), sig: onBooleans},
		"allFalse":   {eval: allOf(isFalse), sig: onBooleans},
		"anyTrue":    {eval: anyOf(isTrue), sig: onBooleans},
		"anyFalse":   {eval: anyOf(isFalse), sig: onBooleans},
		"subsetOf":   {least: 1, most: 1, eval: (*machine).fnSubsetOf, sig: toBoolean},
		"supersetOf": {least: 1, most: 1, eval: (*machine).fnSupersetOf, sig: toBoolean},
		"count":      {eval: (*machine).fnCount, sig: toInteger},
		"distinct":   {eval: func(m *machine, _ *callOp, base int) error { return m.distinct(base) }, sig: same},
		"isDistinct": {eval: (*machine).fnIsDistinct, sig: toBoolean},
		"not":        {eval: (*machine).fnNot, sig: toBoolean},
	})
}

// answer replaces what is on the stack from base on.
func (m *machine) answer(base int, v Value) error {
	m.stack = m.stack[:base]
	return m.push(&v)
}

func (m *machine) fnEmpty(_ *callOp, base int) error {
	return m.answer(base, Boolean(len(m.stack) == base))
}

func (m *machine) fnCount(_ *callOp, base int) error {
	return m.answer(base, integer(len(m.stack)-base))
}

func (m *machine) fnExists(o *callOp, base int) error {
	if len(o.args) == 0 {
		return m.answer(base, Boolean(len(m.stack) > base))
	}
	return m.anyItem(o, base, isTrue)
}

// anyItem answers whether the criterion is t for an item.
func (m *machine) anyItem(o *callOp, base int, t tri) error {
	s, n := m.enter(), len(m.stack)
	for i := base; i < n; i++ {
		m.this, m.index = m.stack[i:i+1:i+1], i-base
		got, err := m.truth(o.args[0])
		if err != nil {
			return err
		}
		m.leave(s)
		if got == t {
			return m.answer(base, Boolean(true))
		}
	}
	return m.answer(base, Boolean(false))
}

// SPEC(FHIRPath N1 5.1.3): true if the criterion is true for every item; what is empty is not true.
func (m *machine) fnAll(o *callOp, base int) error {
	s, n := m.enter(), len(m.stack)
	for i := base; i < n; i++ {
		m.this, m.index = m.stack[i:i+1:i+1], i-base
		t, err := m.truth(o.args[0])
		if err != nil {
			return err
		}
		m.leave(s)
		if t != isTrue {
			return m.answer(base, Boolean(false))
		}
	}
	return m.answer(base, Boolean(true))
}

// booleans calls f for the Booleans of the input until it returns false. Another type is an error.
func (m *machine) booleans(o *callOp, base int, f func(t tri) bool) error {
	for i := range m.stack[base:] {
		s, ok := m.stack[base+i].System()
		if !ok || s.kind != KindBoolean {
			return failf(o.at, "%s() is defined on Booleans, not on %s", o.name, m.stack[base+i].TypeName())
		}
		if !f(triOf(s.num != 0)) {
			return nil
		}
	}
	return nil
}

func allOf(t tri) func(*machine, *callOp, int) error {
	return func(m *machine, o *callOp, base int) error {
		all := true
		if err := m.booleans(o, base, func(got tri) bool { all = all && got == t; return true }); err != nil {
			return err
		}
		return m.answer(base, Boolean(all))
	}
}

func anyOf(t tri) func(*machine, *callOp, int) error {
	return func(m *machine, o *callOp, base int) error {
		found := false
		if err := m.booleans(o, base, func(got tri) bool { found = found || got == t; return true }); err != nil {
			return err
		}
		return m.answer(base, Boolean(found))
	}
}

func (m *machine) fnSubsetOf(o *callOp, base int) error {
	mid, err := o.arg(m, 0)
	if err != nil {
		return err
	}
	yes, err := m.within(m.stack[base:mid], m.stack[mid:])
	if err != nil {
		return err
	}
	return m.answer(base, Boolean(yes))
}

func (m *machine) fnSupersetOf(o *callOp, base int) error {
	mid, err := o.arg(m, 0)
	if err != nil {
		return err
	}
	yes, err := m.within(m.stack[mid:], m.stack[base:mid])
	if err != nil {
		return err
	}
	return m.answer(base, Boolean(yes))
}

// within reports whether each of a is equal to one of b.
func (m *machine) within(a, b []Value) (bool, error) {
	for i := range a {
		there, err := m.has(b, &a[i])
		if err != nil || !there {
			return false, err
		}
	}
	return true, nil
}

func (m *machine) fnIsDistinct(_ *callOp, base int) error {
	all := len(m.stack) - base
	n, err := m.distinctCount(base)
	if err != nil {
		return err
	}
	return m.answer(base, Boolean(n == all))
}

func (m *machine) fnNot(o *callOp, base int) error {
	t, err := m.single(m.stack[base:], o)
	m.stack = m.stack[:base]
	if err != nil {
		return err
	}
	return m.pushTri(t.not())
}
