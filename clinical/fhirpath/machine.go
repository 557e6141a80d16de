package fhirpath

import (
	"sync"
	"time"

	"github.com/ward-health/ward/clinical/fhir/definition"
	"github.com/ward-health/ward/clinical/fhir/tree"
)

// op is a compiled part of an expression. eval pushes its result onto the stack, and leaves what is below as it was.
type op interface {
	eval(m *machine) error
}

// truther is an op that can say true, false or neither without pushing it.
type truther interface {
	truth(m *machine) (tri, error)
}

// tri is a Boolean or empty.
type tri int8

const (
	unknown tri = iota
	isFalse
	isTrue
)

func triOf(b bool) tri {
	if b {
		return isTrue
	}
	return isFalse
}

func (t tri) not() tri {
	switch t {
	case isFalse:
		return isTrue
	case isTrue:
		return isFalse
	}
	return unknown
}

// machine is the state of one evaluation.
type machine struct {
	c     *Context
	set   *definition.Set
	stack []Value
	this  []Value // $this: one item, or none
	index int     // $index, -1 where there is none
	total []Value // $total
	inSum bool    // there is a $total
	many  bool    // Options.ManyTrue
	vars  *binding
	steps int // that are left
	given int // steps at the beginning
	items int
	text  int
	now   time.Time
	defs  map[defined]*tree.Doc // what elementDefinition() has made
}

// binding is a variable that defineVariable made, and those before it.
type binding struct {
	name  string
	value []Value
	next  *binding
	held  int // items of it and of those before it
}

var machines = sync.Pool{New: func() any { return &machine{stack: make([]Value, 0, 64)} }}

var noContext Context

func newMachine(c *Context, focus Value, many bool) *machine {
	if c == nil {
		c = &noContext
	}
	m := machines.Get().(*machine)
	m.c, m.set, m.many = c, c.Set, many
	m.stack = append(m.stack[:0], focus)
	m.this = m.stack[:1:1]
	if focus.kind == 0 {
		m.this = nil
	}
	m.index, m.total, m.inSum, m.vars, m.defs = -1, nil, false, nil, nil
	m.now = c.Now
	m.given = or(c.Limits.Steps, DefaultLimits.Steps)
	m.steps, m.items, m.text = m.given, or(c.Limits.Items, DefaultLimits.Items), or(c.Limits.Text, DefaultLimits.Text)
	return m
}

func or(n, otherwise int) int {
	if n == 0 {
		return otherwise
	}
	return n
}

const keep = 4096 // items; a larger stack is not pooled

// end says what the evaluation took and gives the machine back.
func (m *machine) end() {
	if m.c.Spent != nil {
		*m.c.Spent += m.given - m.steps
	}
	m.free()
}

// free gives the machine back, without what it points at.
func (m *machine) free() {
	if cap(m.stack) > keep {
		return
	}
	clear(m.stack)
	m.stack, m.this, m.total, m.vars, m.c, m.set, m.defs = m.stack[:0], nil, nil, nil, nil, nil, nil
	machines.Put(m)
}

// step charges n steps.
func (m *machine) step(n int) error {
	if m.steps -= n; m.steps < 0 {
		return ErrSteps
	}
	return nil
}

// read charges for n bytes of text that are read or copied.
func (m *machine) read(n int) error { return m.step(n >> 8) }

// scan charges for a look through the members of object n. Resources have few; a text that is made to cost much may have very many.
func (m *machine) scan(d *tree.Doc, n int) error {
	if n < 0 {
		return nil
	}
	return m.step(int(d.Nodes[n].Len) >> 5)
}

// unitSteps is what the comparison of two units costs.
const unitSteps = 32

// charge charges n bytes of text.
func (m *machine) charge(n int) error {
	if m.text -= n; m.text < 0 {
		return ErrText
	}
	return nil
}

// push pushes a value, for one step.
func (m *machine) push(v *Value) error {
	if m.steps--; m.steps < 0 {
		return ErrSteps
	}
	if len(m.stack) >= m.items {
		return ErrItems
	}
	m.stack = append(m.stack, *v)
	return nil
}

func (m *machine) pushValue(v Value) error { return m.push(&v) }

// pushText pushes a String that was made.
func (m *machine) pushText(s string) error {
	if err := m.charge(len(s)); err != nil {
		return err
	}
	return m.pushValue(String(s))
}

func (m *machine) pushTri(t tri) error {
	if t == unknown {
		return m.step(1)
	}
	return m.pushValue(Boolean(t == isTrue))
}

func (m *machine) pushAll(vs []Value) error {
	if err := m.step(len(vs)); err != nil {
		return err
	}
	if len(m.stack)+len(vs) > m.items {
		return ErrItems
	}
	m.stack = append(m.stack, vs...)
	return nil
}

// drop takes away the items from base up to mid, so that those behind it are the result.
func (m *machine) drop(base, mid int) {
	n := copy(m.stack[base:], m.stack[mid:])
	m.stack = m.stack[:base+n]
}

// truth evaluates o and takes what comes as a Boolean.
func (m *machine) truth(o op) (tri, error) {
	if t, ok := o.(truther); ok {
		if err := m.step(1); err != nil {
			return unknown, err
		}
		return t.truth(m)
	}
	base := len(m.stack)
	if err := o.eval(m); err != nil {
		return unknown, err
	}
	t, err := m.single(m.stack[base:], o)
	m.stack = m.stack[:base]
	return t, err
}

// single is the singleton evaluation of a collection to a Boolean.
//
// SPEC(FHIRPath N1 4.5): empty is empty, one Boolean is itself, one other item is true, more are an error.
func (m *machine) single(vs []Value, o op) (tri, error) {
	switch {
	case len(vs) == 0:
		return unknown, nil
	case len(vs) > 1 && m.many:
		return isTrue, nil
	case len(vs) > 1:
		return unknown, failf(offset(o), "expected at most one item where a Boolean is needed")
	}
	if v := &vs[0]; v.kind == KindBoolean || v.kind == KindNode && Kind(v.sub) == KindBoolean {
		b, ok := v.System()
		if !ok {
			return unknown, nil
		}
		return triOf(b.num != 0), nil
	}
	return isTrue, nil
}

// placed is an op that knows where it stands.
type placed interface{ offset() int }

func offset(o op) int {
	if p, ok := o.(placed); ok {
		return p.offset()
	}
	return 0
}

// scope is what a lambda changes.
type scope struct {
	this  []Value
	index int
	vars  *binding
}

func (m *machine) enter() scope  { return scope{m.this, m.index, m.vars} }
func (m *machine) leave(s scope) { m.this, m.index, m.vars = s.this, s.index, s.vars }

// clock is the time of this evaluation.
func (m *machine) clock() time.Time {
	if m.now.IsZero() {
		m.now = time.Now()
	}
	return m.now
}
