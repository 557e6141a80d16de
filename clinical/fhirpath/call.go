package fhirpath

// function is what can be called. eval finds the input in m.stack[base:] and leaves the result there.
type function struct {
	least, most int
	eval        func(m *machine, o *callOp, base int) error
	// form of the arguments, for the compiler and the check: a value, a lambda that is evaluated for each item, or a type.
	form argForm
	sig  signature
}

type argForm uint8

const (
	byValue argForm = iota
	byItem          // lambdas
	byType
)

// callOp is input.name(args).
type callOp struct {
	at    int
	name  string
	fn    *function
	input op // nil: $this
	args  []op
	typ   typeName // of is(), as(), ofType() and getReferenceKey()
	desc  []bool   // of sort()
	re    *pattern // of a literal regular expression
	empty bool     // join() of nothing is the empty string
}

func (o *callOp) offset() int { return o.at }

func (o *callOp) eval(m *machine) error {
	base := len(m.stack)
	if o.input == nil {
		if err := m.pushAll(m.this); err != nil {
			return err
		}
	} else if err := o.input.eval(m); err != nil {
		return err
	}
	if err := m.step(1); err != nil {
		return err
	}
	return o.fn.eval(m, o, base)
}

// functions are all that can be called by name. It is filled by init, because functions evaluate what calls functions.
var functions = map[string]*function{}

func define(group map[string]*function) {
	for name, f := range group {
		functions[name] = f
	}
}

// call compiles a call.
func (c *compiler) call(s *syntax) op {
	f := functions[s.name]
	if f == nil {
		c.fail(s.at, "there is no function %s()", s.name)
		return nothing{}
	}
	if len(s.args) < f.least || len(s.args) > f.most {
		c.fail(s.at, "%s() takes %s", s.name, counted(f.least, f.most))
		return nothing{}
	}
	o := &callOp{at: s.at, name: s.name, fn: f, empty: c.options.EmptyJoin}
	if s.input != nil {
		o.input = c.compile(s.input)
	}
	if f.form == byType {
		if len(s.args) > 0 {
			o.typ = c.typeArg(s.args[0])
		}
		if s.name == "as" && c.options.AsFilters {
			o.fn = functions["ofType"]
		}
		return o
	}
	for _, a := range s.args {
		minus := s.name == "sort" && a.kind == synSign && a.name == "-"
		o.desc = append(o.desc, minus)
		if minus {
			a = a.input
		}
		o.args = append(o.args, c.scoped(a))
	}
	if s.name == "defineVariable" && s.args[0].kind == synLiteral {
		c.defined = append(c.defined, s.args[0].value.text)
	}
	o.pattern(c, s)
	return o
}

func counted(least, most int) string {
	words := [...]string{"no argument", "one argument", "two arguments", "three arguments"}
	if least == most {
		return words[least]
	}
	if most >= len(words) {
		return "at least " + words[least]
	}
	return words[least] + " to " + words[most]
}

// pattern compiles a regular expression that is a literal.
func (o *callOp) pattern(c *compiler, s *syntax) {
	if s.name != "matches" && s.name != "matchesFull" && s.name != "replaceMatches" {
		return
	}
	if a := s.args[0]; a.kind == synLiteral && a.value.kind == KindString {
		re, err := compilePattern(a.value.text, s.name == "matchesFull")
		if err != nil {
			c.fail(a.at, "expected a regular expression of RE2 of at most %d bytes", maxPattern)
		}
		o.re = re
	}
}

// typeArg reads an argument that is a type: name, or space.name.
func (c *compiler) typeArg(s *syntax) typeName {
	switch {
	case s.kind == synMember && s.input == nil:
		return typeName{name: s.name}
	case s.kind == synMember && s.input.kind == synMember && s.input.input == nil:
		return typeName{space: s.input.name, name: s.name}
	case s.kind == synLiteral && s.value.kind == KindString:
		return typeName{name: s.value.text}
	}
	c.fail(s.at, "expected the name of a type")
	return typeName{}
}

// scoped compiles an operand or argument that keeps its variables to itself.
func (c *compiler) scoped(s *syntax) op {
	o := c.compile(s)
	if s.defines {
		return &scopeOp{o}
	}
	return o
}

type scopeOp struct{ op }

func (o *scopeOp) eval(m *machine) error {
	vars := m.vars
	err := o.op.eval(m)
	m.vars = vars
	return err
}

// arg evaluates argument i onto the stack; what it is begins at the returned place.
func (o *callOp) arg(m *machine, i int) (mid int, err error) {
	mid = len(m.stack)
	return mid, o.args[i].eval(m)
}

// textArg evaluates argument i to a single String.
func (o *callOp) textArg(m *machine, i int) (s string, ok bool, err error) {
	v, ok, err := m.oneOf(o.args[i], o.at)
	if err == nil && ok && v.kind != KindString {
		err = failf(o.at, "%s() takes a String as argument %d, not %s", o.name, i+1, v.TypeName())
	}
	return v.text, ok, err
}

// intArg evaluates argument i to a single Integer.
func (o *callOp) intArg(m *machine, i int) (n int64, ok bool, err error) {
	return m.intArg(o.args[i], o.at)
}

// in is the single item of the input; ok is false if it is empty.
func (o *callOp) in(m *machine, base int) (v *Value, ok bool, err error) {
	return one(m.stack[base:], o.at)
}

// text takes the single String of the input from the stack.
func (o *callOp) text(m *machine, base int) (s []byte, ok bool, err error) {
	v, ok, err := one(m.stack[base:], o.at)
	if err != nil || !ok {
		return nil, false, err
	}
	m.stack = m.stack[:base]
	switch {
	case v.kind == KindString, v.kind == KindNode && Kind(v.sub) == KindString:
		s = v.bytes()
		return s, s != nil, m.charge(len(s))
	}
	return nil, false, failf(o.at, "%s() is defined on String, not on %s", o.name, v.TypeName())
}
