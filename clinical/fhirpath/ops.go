package fhirpath

import (
	"strings"
	"sync/atomic"

	"github.com/ward-health/ward/clinical/fhir/definition"
	"github.com/ward-health/ward/clinical/fhir/tree"
)

type literal struct {
	at    int
	value Value
}

func (o *literal) eval(m *machine) error { return m.push(&o.value) }
func (o *literal) offset() int           { return o.at }

type nothing struct{}

func (nothing) eval(m *machine) error       { return m.step(1) }
func (nothing) truth(*machine) (tri, error) { return unknown, nil }

type this struct{}

func (this) eval(m *machine) error { return m.pushAll(m.this) }

type index struct{ at int }

func (o index) eval(m *machine) error {
	if m.index < 0 {
		return failf(o.at, "$index has a value only in the argument of a function that goes through a collection")
	}
	return m.pushValue(integer(m.index))
}

type total struct{ at int }

func (o total) eval(m *machine) error {
	if !m.inSum {
		return failf(o.at, "$total has a value only in the argument of aggregate()")
	}
	return m.pushAll(m.total)
}

// variable is %name.
type variable struct {
	at   int
	name string
}

// fixed are the variables that are a text.
//
// SPEC(FHIR R4 fhirpath.html#variables)
var fixed = map[string]string{
	"sct":   "http://snomed.info/sct",
	"loinc": "http://loinc.org",
	"ucum":  ucumSystem,
}

func known(name string) bool {
	switch name {
	case "context", "resource", "rootResource":
		return true
	}
	return fixed[name] != "" || strings.HasPrefix(name, "vs-") || strings.HasPrefix(name, "ext-")
}

func (o *variable) eval(m *machine) error {
	for b := m.vars; b != nil; b = b.next {
		if b.name == o.name {
			return m.pushAll(b.value)
		}
	}
	if vs, ok := m.c.Vars[o.name]; ok {
		return m.pushAll(vs)
	}
	if s := fixed[o.name]; s != "" {
		return m.pushValue(String(s))
	}
	switch {
	case strings.HasPrefix(o.name, "vs-"):
		return m.pushText("http://hl7.org/fhir/ValueSet/" + o.name[3:])
	case strings.HasPrefix(o.name, "ext-"):
		return m.pushText("http://hl7.org/fhir/StructureDefinition/" + o.name[4:])
	case o.name == "context":
		if m.stack[0].kind == 0 {
			return nil
		}
		return m.push(&m.stack[0])
	case o.name == "resource" || o.name == "rootResource":
		if n, ok := m.stack[0].Node(); ok && m.c.Resource.Doc == nil {
			if err := m.scanUp(n); err != nil {
				return err
			}
		}
		if o.name == "resource" {
			return m.pushNode(m.resource())
		}
		return m.pushNode(m.root())
	}
	return failf(o.at, "the variable %%%s is not defined", o.name)
}

func (m *machine) pushNode(n Node) error {
	if n.Doc == nil {
		return nil
	}
	return m.pushValue(n.Item())
}

func (m *machine) resource() Node {
	if m.c.Resource.Doc != nil {
		return m.c.Resource
	}
	if n, ok := m.stack[0].Node(); ok {
		return n.Resource(m.set)
	}
	return Node{}
}

// scanUp charges for the search for the resource that a node is in.
func (m *machine) scanUp(n Node) error {
	if n.Doc == nil {
		return nil
	}
	for i := n.index(); i > 0; i = int(n.Doc.Nodes[i].Parent) {
		if n.Doc.Nodes[i].Kind == tree.Object {
			if err := m.scan(n.Doc, i); err != nil {
				return err
			}
		}
	}
	return m.scan(n.Doc, 0)
}

// root is the resource that contains the resource: another only for contained ones.
func (m *machine) root() Node {
	if m.c.Root.Doc != nil {
		return m.c.Root
	}
	return m.resource().container(m.set)
}

// path is members behind one another: input.a.b.c.
type path struct {
	at    int
	input op     // nil: $this
	root  string // a type that $this has to be of, "" = any
	steps []stepOp
}

// stepOp is one member of a path. It remembers where the last type has it.
type stepOp struct {
	name string
	last atomic.Pointer[found]
}

type found struct {
	typ    *definition.Type
	member *memberOf // nil: the type has none of the name
}

func (s *stepOp) member(t *definition.Type) *memberOf {
	if f := s.last.Load(); f != nil && f.typ == t {
		return f.member
	}
	if t == nil {
		return nil
	}
	f := &found{typ: t, member: member(t, s.name)}
	s.last.Store(f)
	return f.member
}

func (o *path) offset() int { return o.at }

func (o *path) eval(m *machine) error {
	if o.input == nil {
		for i := range m.this {
			if o.root != "" && !isOf(&m.this[i], o.root) {
				continue
			}
			if err := o.walk(m, &m.this[i], 0); err != nil {
				return err
			}
		}
		return nil
	}
	base := len(m.stack)
	if err := o.input.eval(m); err != nil {
		return err
	}
	mid := len(m.stack)
	for i := base; i < mid; i++ {
		v := m.stack[i]
		if err := o.walk(m, &v, 0); err != nil {
			return err
		}
	}
	m.drop(base, mid)
	return nil
}

// isOf reports whether a node is of a type of FHIR or of one that derives from it.
func isOf(v *Value, name string) bool {
	if v.kind != KindNode {
		return false
	}
	for t := v.typ; t != nil; t = t.Base {
		if t.Name == name {
			return true
		}
	}
	return false
}

// walk pushes what steps[i:] lead to from v.
func (o *path) walk(m *machine, v *Value, i int) error {
	if i == len(o.steps) {
		return m.push(v)
	}
	s := &o.steps[i]
	if v.kind == KindType {
		return o.classInfo(m, v, i)
	}
	obj := v.object()
	if obj < 0 {
		return m.step(1)
	}
	k := s.member(v.typ)
	if k == nil {
		return m.step(1)
	}
	if err := m.scan(v.doc, obj); err != nil {
		return err
	}
	it := items{m: k, doc: v.doc, set: m.set}
	it.begin(v.doc, obj)
	var c Value
	for it.next(&c) {
		if k.resource {
			if err := m.scan(c.doc, c.value()); err != nil { // for its type
				return err
			}
		}
		if err := o.walk(m, &c, i+1); err != nil {
			return err
		}
	}
	return m.step(1 + int(v.doc.Nodes[obj].Len)>>4)
}

// classInfo is the member namespace or name of what type() returns.
func (o *path) classInfo(m *machine, v *Value, i int) error {
	space, name, _ := strings.Cut(v.text, ".")
	var s Value
	switch o.steps[i].name {
	case "namespace":
		s = String(space)
	case "name":
		s = String(name)
	default:
		return nil
	}
	return o.walk(m, &s, i+1)
}

// item is input[index].
type item struct {
	at           int
	input, index op
}

func (o *item) offset() int { return o.at }

func (o *item) eval(m *machine) error {
	base := len(m.stack)
	if err := o.input.eval(m); err != nil {
		return err
	}
	mid := len(m.stack)
	n, ok, err := m.intArg(o.index, o.at)
	if err != nil {
		return err
	}
	if !ok || n < 0 || n >= int64(mid-base) {
		m.stack = m.stack[:base]
		return nil
	}
	m.stack[base] = m.stack[base+int(n)]
	m.stack = m.stack[:base+1]
	return m.step(1)
}

// sign is +x or -x.
type sign struct {
	at    int
	minus bool
	input op
}

func (o *sign) offset() int { return o.at }

func (o *sign) eval(m *machine) error {
	base := len(m.stack)
	if err := o.input.eval(m); err != nil {
		return err
	}
	v, ok, err := one(m.stack[base:], o.at)
	m.stack = m.stack[:base]
	if err != nil || !ok {
		return err
	}
	s, ok := v.System()
	switch {
	case ok && s.kind == KindInteger:
		if o.minus {
			return m.pushNumber(decimal{coef: -s.num}, true)
		}
	case ok && (s.kind == KindDecimal || s.kind == KindQuantity):
		if o.minus {
			d := s.decimal().neg()
			s.num, s.scale, s.big = d.coef, d.scale, d.big
		}
	default:
		return failf(o.at, "a sign stands before a number or a Quantity")
	}
	return m.push(&s)
}

// one is the single item of a collection; ok is false if it is empty, and more are an error.
func one(vs []Value, at int) (v *Value, ok bool, err error) {
	switch len(vs) {
	case 0:
		return nil, false, nil
	case 1:
		return &vs[0], true, nil
	}
	return nil, false, failf(at, "expected at most one item")
}

// oneOf evaluates o to a single value of System. ok is false if it is empty.
func (m *machine) oneOf(o op, at int) (s Value, ok bool, err error) {
	base := len(m.stack)
	if err := o.eval(m); err != nil {
		return s, false, err
	}
	v, ok, err := one(m.stack[base:], at)
	if ok {
		if err := m.read(v.size()); err != nil {
			return s, false, err
		}
		if s, ok = v.System(); !ok && (v.sub == 0 || v.value() >= 0) {
			err = failf(at, "expected a primitive value, not %s", v.TypeName())
		}
	}
	m.stack = m.stack[:base]
	return s, ok, err
}

// intArg evaluates o to a single Integer.
func (m *machine) intArg(o op, at int) (n int64, ok bool, err error) {
	s, ok, err := m.oneOf(o, at)
	if err == nil && ok && s.kind != KindInteger {
		err = failf(at, "expected an Integer, not %s", s.TypeName())
	}
	return s.num, ok, err
}
