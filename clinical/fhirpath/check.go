package fhirpath

import (
	"fmt"
	"slices"

	"github.com/ward-health/ward/clinical/fhir/definition"
)

// signature says how the type of a function's result follows from those of its input and arguments.
type signature uint8

const (
	anything  signature = iota // not known
	same                       // that of the input
	ordered                    // that of the input, whose order has to have a meaning
	unordered                  // children, in no order
	joined                     // that of the input or of the argument
	argument                   // that of the argument
	repeated                   // that of the argument, again and again
	ofTypeArg                  // the type that is named
	iifSig
	onBooleans    // Boolean of Booleans
	textToText    // of a String
	textToInteger // of a String
	textToBoolean // of a String
	toBoolean
	toInteger
	toDecimal
	toText
	toDate
	toDateTime
	toTime
	toQuantity
)

// CheckOptions say what Check looks at beside types.
type CheckOptions struct {
	Ordered    bool // an order must not be taken from what has none: children().skip(1)
	Conditions bool // a condition of iif() has to be Boolean
}

// static is what is known of a collection before it is there. With no types and not unknown it is empty.
type static struct {
	unknown bool
	fhir    []*definition.Type
	system  uint16 // one bit for each Kind
	many    bool   // more than one item is possible
	mixed   bool   // its order has no meaning
}

func systemStatic(k Kind) static { return static{system: 1 << k} }

func (s static) has(k Kind) bool { return s.unknown || s.system&(1<<k) != 0 }
func (s static) empty() bool     { return !s.unknown && len(s.fhir) == 0 && s.system == 0 }

// kinds are the kinds of System that the items are or convert to; any is true where that is not known.
func (s static) kinds() (bits uint16, any bool) {
	bits = s.system
	for _, t := range s.fhir {
		switch {
		case t.Kind == definition.Primitive:
			bits |= 1 << primitiveKind(t)
		case isQuantity(t.Name):
			bits |= 1 << KindQuantity
		case t.Abstract:
			return bits, true
		}
	}
	return bits, s.unknown
}

func (s static) or(o static) static {
	r := static{unknown: s.unknown || o.unknown, system: s.system | o.system, many: s.many || o.many, mixed: s.mixed || o.mixed}
	r.fhir = slices.Clone(s.fhir)
	for _, t := range o.fhir {
		if !slices.Contains(r.fhir, t) {
			r.fhir = append(r.fhir, t)
		}
	}
	return r
}

type checker struct {
	set  *definition.Set
	o    CheckOptions
	root static
	left int // parts that are still looked at; repeat() within repeat() looks at parts again and again
	err  *SemanticError
}

// Check says whether the expression can mean something on an element of type t: members that there are, functions and operators on types that
// they are defined on. t nil: the type is not known. The error is a *SemanticError. What Check accepts can still fail when it is evaluated.
//
// SPEC(FHIRPath N1 section 11, type safety and strict evaluation)
func (e *Expression) Check(set *definition.Set, t *definition.Type, o CheckOptions) error {
	if set == nil {
		return &SemanticError{Text: "there are no types to check against"}
	}
	c := checker{set: set, o: o, root: static{unknown: t == nil}, left: 50 * maxParts}
	if t != nil {
		c.root.fhir = []*definition.Type{t}
	}
	c.infer(e.tree, c.root)
	if c.err != nil {
		return c.err
	}
	return nil
}

func (c *checker) fail(at int, format string, args ...any) {
	if c.err == nil {
		c.err = &SemanticError{Offset: at, Text: fmt.Sprintf(format, args...)}
	}
}

// infer returns what s is where $this is this.
func (c *checker) infer(s *syntax, this static) static {
	if c.left--; c.left < 0 {
		return static{unknown: true, many: true}
	}
	switch s.kind {
	case synLiteral:
		return systemStatic(s.value.kind)
	case synEmpty:
		return static{}
	case synThis:
		return this
	case synIndex:
		return systemStatic(KindInteger)
	case synVariable:
		return c.variable(s)
	case synMember:
		return c.member(s, this)
	case synCall:
		return c.call(s, this)
	case synItem:
		in := c.input(s, this)
		c.infer(s.args[0], this)
		c.order(s, in)
		in.many = false
		return in
	case synSign:
		return c.sign(s, this)
	case synType:
		c.infer(s.input, this)
		if s.name == "as" {
			return c.typeNamed(s.at, s.typ)
		}
		c.typeNamed(s.at, s.typ)
		return systemStatic(KindBoolean)
	case synBinary:
		return c.binary(s, this)
	}
	return static{unknown: true}
}

func (c *checker) input(s *syntax, this static) static {
	if s.input == nil {
		return this
	}
	return c.infer(s.input, this)
}

func (c *checker) order(s *syntax, in static) {
	if in.mixed && c.o.Ordered {
		c.fail(s.at, "the order of these items has no meaning")
	}
}

func (c *checker) variable(s *syntax) static {
	switch {
	case s.name == "context":
		return c.root
	case s.name == "resource" || s.name == "rootResource" || !known(s.name):
		return static{unknown: true}
	}
	return systemStatic(KindString)
}

func (c *checker) member(s *syntax, this static) static {
	in := c.input(s, this)
	if s.input == nil && isTypeName(s.name) {
		return c.rootType(s, in)
	}
	out := static{unknown: in.unknown, many: in.many, mixed: in.mixed}
	if in.unknown || in.empty() {
		return out
	}
	found := in.has(KindType)
	if found {
		out.system = 1 << KindString
	}
	for _, t := range in.fhir {
		m := member(t, s.name)
		switch {
		case m != nil:
			found = true
			out = out.or(c.memberTypes(m))
		case t.Abstract && t.Kind == definition.Resource:
			found, out.unknown = true, true
		}
	}
	if !found {
		c.fail(s.at, "there is no element %s here", s.name)
	}
	return out
}

func (c *checker) memberTypes(m *memberOf) static {
	out := static{many: m.elem.Array}
	if m.typ != nil {
		out.fhir = []*definition.Type{m.typ}
	}
	for i := range m.choices {
		out.fhir = append(out.fhir, m.choices[i].typ)
	}
	return out
}

// rootType is a path that begins with the name of a type.
func (c *checker) rootType(s *syntax, in static) static {
	t := c.set.Type(s.name)
	if t == nil {
		c.fail(s.at, "there is no type %s", s.name)
		return static{unknown: true}
	}
	if in.unknown {
		return static{fhir: []*definition.Type{t}}
	}
	out := in
	out.fhir = nil
	for _, have := range in.fhir {
		switch {
		case have.Is(t):
			out.fhir = append(out.fhir, have)
		case t.Is(have):
			out.fhir = append(out.fhir, t)
		}
	}
	if len(out.fhir) == 0 {
		c.fail(s.at, "expected an element of type %s", s.name)
	}
	return out
}

// typeNamed is what is of a type. A name without a namespace may be of either.
func (c *checker) typeNamed(at int, t typeName) static {
	var out static
	if k := systemKind(t.name); k != 0 && t.space != "FHIR" {
		out.system = 1 << k
	}
	if f := c.set.Type(t.name); f != nil && t.space != "System" {
		out.fhir = []*definition.Type{f}
	}
	if out.empty() && t.space != "System" {
		c.fail(at, "there is no type %s", t)
	}
	return out
}

func (c *checker) sign(s *syntax, this static) static {
	in := c.input(s, this)
	bits, any := in.kinds()
	if !any && !in.empty() && bits&(1<<KindInteger|1<<KindDecimal|1<<KindQuantity) == 0 {
		c.fail(s.at, "a sign stands before a number or a Quantity")
	}
	return in
}

func (c *checker) binary(s *syntax, this static) static {
	l, r := c.infer(s.args[0], this), c.infer(s.args[1], this)
	switch s.name {
	case "|":
		out := l.or(r)
		out.many = out.many || !l.empty() && !r.empty()
		return out
	case "+", "-", "*", "/", "div", "mod":
		return c.arithmetic(s, l, r)
	case "&":
		return systemStatic(KindString)
	}
	return systemStatic(KindBoolean)
}

const (
	numberBits = 1<<KindInteger | 1<<KindDecimal
	momentBits = 1<<KindDate | 1<<KindDateTime | 1<<KindTime
)

func (c *checker) arithmetic(s *syntax, l, r static) static {
	a, any1 := l.kinds()
	b, any2 := r.kinds()
	if any1 || any2 || l.empty() || r.empty() {
		return static{unknown: true}
	}
	const quantity = 1 << KindQuantity
	var out uint16
	if a&numberBits != 0 && b&numberBits != 0 {
		out |= numberBits
	}
	if s.name != "div" && s.name != "mod" && (a&quantity != 0 && b&(quantity|numberBits) != 0 || b&quantity != 0 && a&numberBits != 0) {
		out |= quantity
	}
	if s.name == "+" && a&b&(1<<KindString) != 0 {
		out |= 1 << KindString
	}
	if (s.name == "+" || s.name == "-") && b&quantity != 0 {
		out |= a & momentBits
	}
	if out == 0 && s.name != "-" {
		c.fail(s.at, "%s is not defined on these types", s.name)
	}
	return static{system: out, unknown: out == 0}
}

func (c *checker) call(s *syntax, this static) static {
	f := functions[s.name]
	in := c.input(s, this)
	if f.form == byType {
		return c.typeCall(s, f, in)
	}
	inner := this
	if f.form == byItem {
		inner = in
		inner.many = false
		if s.input == nil && s.name == "iif" {
			inner = this
		}
	}
	args := make([]static, len(s.args))
	for i, a := range s.args {
		if s.name == "sort" && a.kind == synSign {
			a = a.input
		}
		args[i] = c.infer(a, inner)
	}
	return c.result(s, f, in, args)
}

func (c *checker) typeCall(s *syntax, f *function, in static) static {
	var comp compiler
	var t typeName
	if len(s.args) > 0 {
		t = comp.typeArg(s.args[0])
	}
	if f.sig != ofTypeArg {
		if t.name != "" {
			c.typeNamed(s.at, t)
		}
		return systemStatic(resultKinds[f.sig])
	}
	out := c.typeNamed(s.at, t)
	out.many, out.mixed = in.many, in.mixed
	return out
}

var resultKinds = map[signature]Kind{
	onBooleans: KindBoolean, textToText: KindString, textToInteger: KindInteger, textToBoolean: KindBoolean, toBoolean: KindBoolean, toInteger: KindInteger,
	toDecimal: KindDecimal, toText: KindString, toDate: KindDate, toDateTime: KindDateTime, toTime: KindTime, toQuantity: KindQuantity,
}

func (c *checker) result(s *syntax, f *function, in static, args []static) static {
	switch f.sig {
	case same:
		if s.name == "sort" {
			in.mixed = false
		}
		return in
	case ordered:
		c.order(s, in)
		return in
	case unordered:
		return static{unknown: true, many: true, mixed: true}
	case joined:
		out := in.or(args[0])
		out.many = true
		return out
	case argument:
		args[0].many = args[0].many || in.many
		return args[0]
	case repeated:
		return c.repeat(s, args[0])
	case iifSig:
		return c.iif(s, args)
	case textToText, textToInteger, textToBoolean:
		if bits, any := in.kinds(); !any && !in.empty() && bits&(1<<KindString) == 0 {
			c.fail(s.at, "%s() is defined on String", s.name)
		}
	}
	if k := resultKinds[f.sig]; k != 0 {
		return systemStatic(k)
	}
	switch s.name {
	case "extension":
		return static{fhir: []*definition.Type{c.set.Type("Extension")}, many: true}
	case "elementDefinition":
		return static{fhir: []*definition.Type{c.set.Type("ElementDefinition")}, many: in.many, mixed: in.mixed}
	}
	return static{unknown: true, many: true}
}

// repeat is the argument on the input, on what comes of that, and so on.
func (c *checker) repeat(s *syntax, out static) static {
	out.many = true
	for range 8 {
		next := out.or(c.infer(s.args[0], out))
		if len(next.fhir) == len(out.fhir) && next.system == out.system {
			break
		}
		out = next
	}
	return out
}

func (c *checker) iif(s *syntax, args []static) static {
	if args[0].many && s.args[0].kind == synBinary {
		c.fail(s.args[0].at, "a condition is one item at most")
	}
	if bits, any := args[0].kinds(); c.o.Conditions && !any && !args[0].empty() && bits&(1<<KindBoolean) == 0 {
		c.fail(s.args[0].at, "a condition is a Boolean")
	}
	out := args[1]
	if len(args) > 2 {
		out = out.or(args[2])
	}
	return out
}
