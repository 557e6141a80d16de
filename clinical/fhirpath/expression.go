package fhirpath

import (
	"time"

	"github.com/ward-health/ward/clinical/fhir/definition"
)

// Options of Compile.
type Options struct {
	// Variables are names, without "%", that the expression may use beside those of the specification. nil: any name; one that is not
	// given when the expression is evaluated is then an error of the evaluation.
	Variables []string
	// AsFilters lets as() and the operator as, on more than one item, leave those that are of the type, as ofType() does. Invariants and search
	// parameters of R4 need it (dom-3); FHIRPath has an error there.
	AsFilters bool
	// EmptyJoin makes join() of nothing the empty string, as SQL on FHIR has it. Otherwise it is nothing, as FHIRPath has it.
	EmptyJoin bool
	// ManyTrue takes several items as true where a Boolean is needed: an operand of and, or, xor and implies, the input of not(), a criterion, and the
	// result of True. Invariants are written that way (US Core pd-1: telecom or endpoint); FHIRPath has an error there.
	ManyTrue bool
}

// Expression is a compiled expression. It is immutable and may be used by many goroutines.
type Expression struct {
	text string
	tree *syntax
	op   op
	many bool // Options.ManyTrue
}

// Compile reads an expression. The error is a *SyntaxError: the text is not FHIRPath, is too long or too deep, calls a function that there is
// not, or calls one with a wrong number of arguments.
func Compile(text string, o Options) (*Expression, error) {
	s, err := parse(text)
	if err != nil {
		return nil, err
	}
	c := compiler{options: o}
	op := c.compile(s)
	if c.err != nil {
		return nil, c.err
	}
	return &Expression{text: text, tree: s, op: op, many: o.ManyTrue}, nil
}

// MustCompile is Compile for expressions that stand in the program. It panics if text is not FHIRPath.
func MustCompile(text string) *Expression {
	e, err := Compile(text, Options{})
	if err != nil {
		panic("fhirpath: " + text + ": " + err.Error())
	}
	return e
}

// String returns the text that was compiled.
func (e *Expression) String() string { return e.text }

// Limits bound one evaluation. A field that is 0 takes that of DefaultLimits.
type Limits struct {
	Steps int // operators and functions that are evaluated, and items that are looked at
	Items int // that are held at one time
	Text  int // bytes of new text, and of text that is searched
}

// DefaultLimits suit expressions of invariants and views on one resource or bundle.
var DefaultLimits = Limits{Steps: 20_000_000, Items: 1_000_000, Text: 64 << 20}

// Context is what an evaluation may know beside its focus. It is read only: many evaluations may share one.
type Context struct {
	Set      *definition.Set       // what the types are; needed for everything but System values
	Resource Node                  // %resource: the resource that the focus is in; the zero Node: found from the focus
	Root     Node                  // %rootResource: the resource that contains Resource, or Resource itself; the zero Node: found from the focus
	Vars     map[string]Collection // %name
	// Resolve returns the resource that a reference (as written, or a canonical) points at. nil: only contained resources and those of
	// the Bundle that the focus is in are found.
	Resolve func(reference string) (Node, bool)
	// MemberOf says whether a code, Coding or CodeableConcept is in a value set; known is false where it cannot be said, which yields no result.
	// nil: memberOf() has no result.
	MemberOf func(item Value, valueSet string) (member, known bool)
	// ConformsTo says whether an element conforms to a profile. known is false where the profile is not there, which is an error.
	// nil: only the base types of Set are known.
	ConformsTo func(item Node, profile string) (conforms, known bool)
	// Slice says whether an element is in the slice of a profile that has the name. known is false where the profile is not there or has no such
	// slice, which is an error. nil: no slice is known.
	Slice func(item Node, profile, name string) (in, known bool)
	// Subsumes says whether code a subsumes code b of one code system. known is false where it cannot be said.
	Subsumes func(system, a, b string) (subsumes, known bool)
	// Trace receives what trace() is called on. It must not keep items.
	Trace  func(name string, items Collection)
	Now    time.Time // of now(), today() and timeOfDay(); zero: the time at which the evaluation first asks
	Limits Limits
	Spent  *int // the steps that evaluations take are added to it; nil: they are not counted. Evaluations that share it do not run at one time.
}

// Eval evaluates the expression on focus, and returns a collection that the caller may keep. Its error is an *EvalError, or one of ErrSteps, ErrItems and ErrText.
func (e *Expression) Eval(c *Context, focus Node) (Collection, error) {
	return e.Append(nil, c, focus.Item())
}

// Append evaluates the expression on focus, which may be any value, and appends the result to dst. It allocates nothing for paths and comparisons if
// dst has room.
func (e *Expression) Append(dst Collection, c *Context, focus Value) (Collection, error) {
	m := newMachine(c, focus, e.many)
	defer m.end()
	if err := e.op.eval(m); err != nil {
		return dst, err
	}
	return append(dst, m.stack[1:]...), nil
}

// True evaluates the expression as a condition or an invariant: a single Boolean is itself, any other single item is true, empty is false. More than one
// item is an *EvalError, or with Options.ManyTrue true.
//
// SPEC(FHIRPath N1 4.5 singleton evaluation of collections)
// SPEC(FHIR R4 conformance-rules.html#constraints): the expression of an invariant has to be true.
func (e *Expression) True(c *Context, focus Node) (bool, error) {
	m := newMachine(c, focus.Item(), e.many)
	defer m.end()
	t, err := m.truth(e.op)
	return t == isTrue, err
}
