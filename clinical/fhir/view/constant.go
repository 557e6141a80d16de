package view

import (
	"slices"
	"strings"

	"github.com/ward-health/ward/clinical/fhir/tree"
)

// constantTypes are the types that a constant may have.
//
// SPEC(SQL on FHIR ViewDefinition.constant.value[x]): these primitive types.
var constantTypes = []string{"base64Binary", "boolean", "canonical", "code", "date", "dateTime", "decimal", "id", "instant", "integer", "integer64", "oid",
	"string", "positiveInt", "time", "unsignedInt", "uri", "url", "uuid"}

// constant reads a constant: a name, and a value of one of the types.
func (r *reader) constant(at place) (c constant) {
	if !r.is(at, tree.Object, "a constant, which is an object") {
		return c
	}
	c.at = at
	r.members(at, func(name string, at place) bool {
		switch {
		case name == "name":
			c.name = r.name(at)
			return true
		case !strings.HasPrefix(name, "value") || len(name) == len("value"):
			return false
		case c.typ != "":
			r.problem(at, "expected one value")
			return true
		}
		name = strings.TrimPrefix(name, "value")
		name = strings.ToLower(name[:1]) + name[1:]
		if !slices.Contains(constantTypes, name) {
			return false
		}
		c.typ, c.text = name, r.constantText(at, name)
		return true
	})
	if c.name == "" && r.doc.Member(at.node, "name") == tree.None {
		r.problem(at, "expected name")
	}
	if c.typ == "" {
		r.problem(at, "expected a value: valueString, valueCode and so on")
	}
	return c
}

// constantText checks the JSON form of a constant's value and returns its text.
func (r *reader) constantText(at place, typ string) string {
	want, what := []tree.Kind{tree.String}, "a string"
	switch typ {
	case "boolean":
		want, what = []tree.Kind{tree.True, tree.False}, "true or false"
	case "decimal", "integer", "positiveInt", "unsignedInt":
		want, what = []tree.Kind{tree.Number}, "a number"
	case "integer64": // a string in the JSON of R5
		want, what = []tree.Kind{tree.String, tree.Number}, "a whole number"
	}
	if !slices.Contains(want, r.doc.Nodes[at.node].Kind) {
		r.problem(at, "expected %s", what)
		return ""
	}
	return string(r.doc.Text(at.node))
}
