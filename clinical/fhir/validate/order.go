package validate

import (
	"bytes"
	"strings"

	"github.com/ward-health/ward/clinical/fhir/tree"
	"github.com/ward-health/ward/clinical/fhirpath"
)

// comparisons by FHIRPath, which knows dates of partial precision and units.
var (
	lessThan = mustCompile("%a < %b")
	moreThan = mustCompile("%a > %b")
	equalTo  = mustCompile("%a = %b")
)

func mustCompile(text string) *fhirpath.Expression {
	e, err := fhirpath.Compile(text, fhirpath.Options{})
	if err != nil {
		panic("validate: " + err.Error()) // a constant of this package
	}
	return e
}

// order compares the value at node a of the text with that at node b of d, both of the type with the suffix. ok is false if they cannot be compared.
func (r *runner) order(a int, d *tree.Doc, b int, suffix string) (order int, ok bool) {
	vars := r.pair(a, d, b, suffix)
	if vars == nil {
		return 0, false
	}
	for k, e := range []*fhirpath.Expression{lessThan, moreThan} {
		yes, known := r.ask(e, vars)
		if !known {
			return 0, false
		}
		if yes {
			return 2*k - 1, true
		}
	}
	return 0, true
}

// same reports whether two values are equal. Codings are if system and code are.
func (r *runner) same(a int, d *tree.Doc, b int, suffix string) bool {
	switch suffix {
	case "Coding":
		system := textOf(d, b, "system")
		return (system == "" || string(r.text(a, "system")) == system) && string(r.text(a, "code")) == textOf(d, b, "code")
	case "Reference":
		return string(r.text(a, "reference")) == textOf(d, b, "reference")
	case "String", "Boolean", "Uri":
		return bytes.Equal(r.doc.Text(a), d.Text(b))
	}
	vars := r.pair(a, d, b, suffix)
	if vars == nil {
		return false
	}
	yes, known := r.ask(equalTo, vars)
	return known && yes
}

func (r *runner) pair(a int, d *tree.Doc, b int, suffix string) map[string]fhirpath.Collection {
	if suffix == "Quantity" && (r.text(a, "code") == nil || textOf(d, b, "code") == "" || string(r.text(a, "system")) != textOf(d, b, "system")) {
		return nil // without units that are known by their codes quantities cannot be compared
	}
	t := r.v.set.Type(suffix)
	if t == nil {
		t = r.v.set.Type(strings.ToLower(suffix[:1]) + suffix[1:])
	}
	if t == nil {
		return nil
	}
	return map[string]fhirpath.Collection{
		"a": {fhirpath.Node{Doc: r.doc, Value: a, Extra: -1, Type: t}.Item()},
		"b": {fhirpath.Node{Doc: d, Value: b, Extra: -1, Type: t}.Item()},
	}
}

// askSteps is what a comparison costs beside the steps of its expression.
const askSteps = 32

func (r *runner) ask(e *fhirpath.Expression, vars map[string]fhirpath.Collection) (yes, known bool) {
	if r.steps += askSteps; !r.step() {
		return false, false
	}
	c := fhirpath.Context{Set: r.v.set, Vars: vars, Limits: limits, Spent: &r.evals}
	got, err := e.Eval(&c, r.node(r.here().value))
	if err != nil || len(got) != 1 {
		return false, false
	}
	yes, known = got[0].Bool()
	return yes, known
}
