package fhirpath

import (
	"slices"

	"github.com/ward-health/ward/clinical/fhir/tree"
)

func init() {
	define(map[string]*function{
		"where":          {least: 1, most: 1, eval: (*machine).fnWhere, form: byItem, sig: same},
		"select":         {least: 1, most: 1, eval: (*machine).fnSelect, form: byItem, sig: argument},
		"repeat":         {least: 1, most: 1, eval: (*machine).fnRepeat, form: byItem, sig: repeated},
		"repeatAll":      {least: 1, most: 1, eval: (*machine).fnRepeatAll, form: byItem, sig: repeated},
		"ofType":         {least: 1, most: 1, eval: (*machine).fnOfType, form: byType, sig: ofTypeArg},
		"is":             {least: 1, most: 1, eval: func(m *machine, o *callOp, base int) error { return m.typed(base, o.typ, false, o.at) }, form: byType, sig: toBoolean},
		"as":             {least: 1, most: 1, eval: func(m *machine, o *callOp, base int) error { return m.typed(base, o.typ, true, o.at) }, form: byType, sig: ofTypeArg},
		"single":         {eval: (*machine).fnSingle, sig: same},
		"first":          {eval: func(m *machine, _ *callOp, base int) error { return m.slice(base, 0, 1) }, sig: ordered},
		"last":           {eval: (*machine).fnLast, sig: ordered},
		"tail":           {eval: func(m *machine, _ *callOp, base int) error { return m.slice(base, 1, len(m.stack)) }, sig: ordered},
		"skip":           {least: 1, most: 1, eval: (*machine).fnSkip, sig: ordered},
		"take":           {least: 1, most: 1, eval: (*machine).fnTake, sig: ordered},
		"intersect":      {least: 1, most: 1, eval: (*machine).fnIntersect, sig: same},
		"exclude":        {least: 1, most: 1, eval: (*machine).fnExclude, sig: same},
		"union":          {least: 1, most: 1, eval: (*machine).fnUnion, sig: joined},
		"combine":        {least: 1, most: 1, eval: (*machine).fnCombine, sig: joined},
		"coalesce":       {least: 1, most: 64, eval: (*machine).fnCoalesce, sig: anything},
		"iif":            {least: 2, most: 3, eval: (*machine).fnIif, form: byItem, sig: iifSig},
		"aggregate":      {least: 1, most: 2, eval: (*machine).fnAggregate, form: byItem, sig: anything},
		"sort":           {most: 64, eval: (*machine).fnSort, form: byItem, sig: same},
		"children":       {eval: (*machine).fnChildren, sig: unordered},
		"descendants":    {eval: (*machine).fnDescendants, sig: unordered},
		"trace":          {least: 1, most: 2, eval: (*machine).fnTrace, form: byItem, sig: same},
		"defineVariable": {least: 1, most: 2, eval: (*machine).fnDefineVariable, form: byItem, sig: same},
	})
}

func (m *machine) fnWhere(o *callOp, base int) error {
	s, n, w := m.enter(), len(m.stack), base
	for i := base; i < n; i++ {
		m.this, m.index = m.stack[i:i+1:i+1], i-base
		t, err := m.truth(o.args[0])
		if err != nil {
			return err
		}
		m.vars = s.vars
		if t == isTrue {
			m.stack[w] = m.stack[i]
			w++
		}
	}
	m.leave(s)
	m.stack = m.stack[:w]
	return nil
}

func (m *machine) fnSelect(o *callOp, base int) error {
	s, n := m.enter(), len(m.stack)
	for i := base; i < n; i++ {
		m.this, m.index = m.stack[i:i+1:i+1], i-base
		if err := o.args[0].eval(m); err != nil {
			return err
		}
		m.vars = s.vars
	}
	m.leave(s)
	m.drop(base, n)
	return nil
}

// fnRepeat goes on with what is new until nothing is.
//
// SPEC(FHIRPath N1 5.2.3): an item that is equal to one that was found is not taken again, so that it ends on any cycle.
func (m *machine) fnRepeat(o *callOp, base int) error {
	s, n := m.enter(), len(m.stack)
	found := newSeen(m, 16)
	for i := base; i < len(m.stack); i++ {
		from := len(m.stack)
		m.this, m.index = m.stack[i:i+1:i+1], i-base
		if err := o.args[0].eval(m); err != nil {
			return err
		}
		m.vars = s.vars
		w := from
		for j := from; j < len(m.stack); j++ {
			fresh, err := found.add(m.stack[n:w], &m.stack[j])
			if err != nil {
				return err
			}
			if fresh {
				m.stack[w] = m.stack[j]
				w++
			}
		}
		m.stack = m.stack[:w]
	}
	m.leave(s)
	m.drop(base, n)
	return nil
}

// fnRepeatAll is repeat that takes equal items again; the limits end it on a cycle.
func (m *machine) fnRepeatAll(o *callOp, base int) error {
	s, n := m.enter(), len(m.stack)
	for i := base; i < len(m.stack); i++ {
		m.this, m.index = m.stack[i:i+1:i+1], i-base
		if err := o.args[0].eval(m); err != nil {
			return err
		}
		m.vars = s.vars
	}
	m.leave(s)
	m.drop(base, n)
	return nil
}

func (m *machine) fnOfType(o *callOp, base int) error { return m.ofType(base, o.typ, o.at) }

// ofType leaves the items of m.stack[base:] that are of type t.
func (m *machine) ofType(base int, t typeName, at int) error {
	if err := m.typeExists(t, at); err != nil {
		return err
	}
	if err := m.step((len(m.stack) - base) >> 2); err != nil {
		return err
	}
	w := base
	for i := base; i < len(m.stack); i++ {
		if m.stack[i].is(t, true) {
			m.stack[w] = m.stack[i]
			w++
		}
	}
	m.stack = m.stack[:w]
	return nil
}

func (m *machine) fnSingle(o *callOp, base int) error {
	_, _, err := o.in(m, base)
	return err
}

// slice leaves the items from i up to j, which may lie outside.
func (m *machine) slice(base, i, j int) error {
	n := len(m.stack) - base
	i = min(max(i, 0), n)
	j = min(max(j, i), n)
	if i > 0 {
		if err := m.step((j - i) >> 4); err != nil {
			return err
		}
	}
	copy(m.stack[base:], m.stack[base+i:base+j])
	m.stack = m.stack[:base+j-i]
	return nil
}

func (m *machine) fnLast(_ *callOp, base int) error {
	n := len(m.stack) - base
	return m.slice(base, n-1, n)
}

func (m *machine) fnSkip(o *callOp, base int) error {
	n, ok, err := o.intArg(m, 0)
	if err != nil || !ok {
		return err
	}
	return m.slice(base, int(n), len(m.stack))
}

func (m *machine) fnTake(o *callOp, base int) error {
	n, _, err := o.intArg(m, 0)
	if err != nil {
		return err
	}
	return m.slice(base, 0, int(n))
}

func (m *machine) fnIntersect(o *callOp, base int) error {
	if err := m.keep(o, base, true); err != nil {
		return err
	}
	return m.distinct(base)
}

func (m *machine) fnExclude(o *callOp, base int) error { return m.keep(o, base, false) }

// keep leaves the items that are (in) or are not equal to one of the argument.
func (m *machine) keep(o *callOp, base int, in bool) error {
	mid, err := o.arg(m, 0)
	if err != nil {
		return err
	}
	w := base
	for i := base; i < mid; i++ {
		there, err := m.has(m.stack[mid:], &m.stack[i])
		if err != nil {
			return err
		}
		if there == in {
			m.stack[w] = m.stack[i]
			w++
		}
	}
	m.stack = m.stack[:w]
	return nil
}

func (m *machine) fnUnion(o *callOp, base int) error {
	if _, err := o.arg(m, 0); err != nil {
		return err
	}
	return m.distinct(base)
}

func (m *machine) fnCombine(o *callOp, _ int) error {
	_, err := o.arg(m, 0)
	return err
}

// fnCoalesce is the first argument that is not empty.
func (m *machine) fnCoalesce(o *callOp, base int) error {
	m.stack = m.stack[:base]
	for i := range o.args {
		if _, err := o.arg(m, i); err != nil || len(m.stack) > base {
			return err
		}
	}
	return nil
}

// fnIif evaluates one of its last two arguments only.
func (m *machine) fnIif(o *callOp, base int) error {
	s := m.enter()
	if o.input != nil {
		if _, _, err := o.in(m, base); err != nil {
			return err
		}
		m.this = slices.Clone(m.stack[base:])
	}
	m.stack = m.stack[:base]
	t, err := m.truth(o.args[0])
	if err != nil {
		return err
	}
	switch {
	case t == isTrue:
		err = o.args[1].eval(m)
	case len(o.args) > 2:
		err = o.args[2].eval(m)
	}
	m.leave(s)
	return err
}

func (m *machine) fnAggregate(o *callOp, base int) error {
	s, n, oldTotal, oldIn := m.enter(), len(m.stack), m.total, m.inSum
	var total []Value
	if len(o.args) > 1 {
		if err := o.args[1].eval(m); err != nil {
			return err
		}
		total = slices.Clone(m.stack[n:])
		m.stack = m.stack[:n]
	}
	for i := base; i < n; i++ {
		m.this, m.index, m.total, m.inSum = m.stack[i:i+1:i+1], i-base, total, true
		if err := o.args[0].eval(m); err != nil {
			return err
		}
		total = append(total[:0:0], m.stack[n:]...)
		m.stack, m.vars = m.stack[:n], s.vars
	}
	m.leave(s)
	m.total, m.inSum = oldTotal, oldIn
	m.stack = m.stack[:base]
	return m.pushAll(total)
}

// fnSort sorts by the arguments, each ascending unless it has a minus sign before it; without arguments by the items themselves.
// What is empty comes first in either direction.
func (m *machine) fnSort(o *callOp, base int) error {
	type row struct {
		item Value
		keys []Value // one for each argument; kind 0 is empty
	}
	s, n := m.enter(), len(m.stack)
	if (n-base)*max(len(o.args), 1) > m.items {
		return ErrItems
	}
	rows := make([]row, 0, n-base)
	for i := base; i < n; i++ {
		r := row{item: m.stack[i]}
		if len(o.args) == 0 {
			r.keys = []Value{r.item}
		}
		for _, a := range o.args {
			m.this, m.index = m.stack[i:i+1:i+1], i-base
			k, _, err := m.oneOf(a, o.at)
			if err == nil {
				err = m.charge(len(k.text)) // it may be a copy
			}
			if err != nil {
				return err
			}
			r.keys = append(r.keys, k)
			m.vars = s.vars
		}
		rows = append(rows, r)
	}
	m.leave(s)
	var failed error
	slices.SortStableFunc(rows, func(a, b row) int {
		for i := range a.keys {
			c, err := m.sortOrder(&a.keys[i], &b.keys[i], o.at)
			if err != nil && failed == nil {
				failed = err
			}
			if i < len(o.desc) && o.desc[i] && a.keys[i].kind != 0 && b.keys[i].kind != 0 {
				c = -c
			}
			if c != 0 {
				return c
			}
		}
		return 0
	})
	for i, r := range rows {
		m.stack[base+i] = r.item
	}
	return failed
}

func (m *machine) sortOrder(a, b *Value, at int) (int, error) {
	if err := m.step(1); err != nil {
		return 0, err
	}
	if a.kind == 0 || b.kind == 0 {
		return order64(int64(min(a.kind, 1)), int64(min(b.kind, 1))), nil
	}
	c, known, err := m.order(a, b, at)
	if err != nil || !known {
		return 0, err
	}
	return c, nil
}

func (m *machine) fnChildren(_ *callOp, base int) error {
	n := len(m.stack)
	for i := base; i < n; i++ {
		v := m.stack[i]
		if err := m.pushChildren(&v); err != nil {
			return err
		}
	}
	m.drop(base, n)
	return nil
}

// pushChildren pushes all children of v, in the order of the text.
func (m *machine) pushChildren(v *Value) error {
	obj := v.object()
	if obj < 0 || v.typ == nil {
		return m.step(1)
	}
	d, table := v.doc, membersOf(v.typ)
	under := hasUnder(d, obj)
	if err := m.scan(d, obj); err != nil {
		return err
	}
	for c := d.First(obj); c != tree.None; c = d.Sibling(c) {
		k := table.json(d, c)
		if k == nil {
			continue
		}
		if err := m.scan(d, obj); err != nil { // for its partner
			return err
		}
		if k.value != "" && d.Member(obj, k.value) != tree.None {
			continue // of "_x" beside "x" it is the node of x
		}
		it := items{m: k.of, doc: d, set: m.set, value: c, extra: -1, typ: k.typ}
		switch {
		case k.value != "":
			it.value, it.extra = -1, c
		case under && k.under != "":
			if e := d.Member(obj, k.under); e != tree.None {
				it.extra = e
			}
		}
		it.open(d)
		var child Value
		for it.next(&child) {
			if err := m.push(&child); err != nil {
				return err
			}
		}
	}
	return m.step(1)
}

// hasUnder reports whether an object has a member that begins with "_".
func hasUnder(d *tree.Doc, obj int) bool {
	for c := d.First(obj); c != tree.None; c = d.Sibling(c) {
		if n := &d.Nodes[c]; n.NameLen > 0 && (d.Src[n.Name] == '_' || n.Flag&tree.NameEscaped != 0) {
			return true
		}
	}
	return false
}

// fnDescendants pushes the children of all, then theirs.
func (m *machine) fnDescendants(_ *callOp, base int) error {
	n := len(m.stack)
	for i := base; i < len(m.stack); i++ {
		v := m.stack[i]
		if err := m.pushChildren(&v); err != nil {
			return err
		}
	}
	m.drop(base, n)
	return nil
}

func (m *machine) fnTrace(o *callOp, base int) error {
	name, _, err := o.textArg(m, 0)
	if err != nil {
		return err
	}
	if m.c.Trace == nil {
		return nil
	}
	n := len(m.stack)
	if len(o.args) == 1 {
		m.c.Trace(name, Collection(slices.Clone(m.stack[base:])))
		return nil
	}
	s := m.enter()
	for i := base; i < n; i++ {
		m.this, m.index = m.stack[i:i+1:i+1], i-base
		if err := o.args[1].eval(m); err != nil {
			return err
		}
		m.vars = s.vars
	}
	m.leave(s)
	m.c.Trace(name, Collection(slices.Clone(m.stack[n:])))
	m.stack = m.stack[:n]
	return nil
}

// fnDefineVariable gives a name to the input, or to what the second argument is on it.
//
// SPEC(FHIRPath 2.0 defineVariable): a name is defined once, and not that of a variable that there is already.
func (m *machine) fnDefineVariable(o *callOp, base int) error {
	name, ok, err := o.textArg(m, 0)
	if err != nil {
		return err
	}
	if !ok || name == "" {
		return failf(o.at, "defineVariable() takes a name")
	}
	_, there := m.c.Vars[name]
	for b := m.vars; b != nil; b = b.next {
		there = there || b.name == name
	}
	if there || known(name) {
		return failf(o.at, "the variable %%%s is defined already", name)
	}
	n := len(m.stack)
	value := slices.Clone(m.stack[base:])
	if len(o.args) > 1 {
		s := m.enter()
		m.this = value
		if err := o.args[1].eval(m); err != nil {
			return err
		}
		m.leave(s)
		value = slices.Clone(m.stack[n:])
		m.stack = m.stack[:n]
	}
	return m.bind(name, value)
}

// bind makes a variable of items that were copied; all variables together hold at most as many as the stack.
func (m *machine) bind(name string, value []Value) error {
	held := len(value)
	if m.vars != nil {
		held += m.vars.held
	}
	if held > m.items {
		return ErrItems
	}
	m.vars = &binding{name, value, m.vars, held}
	return m.step(len(value))
}
