package view

import (
	"strings"

	"github.com/ward-health/ward/clinical/fhir/definition"
)

// kinded is what is known of the values of an expression before it is run.
type kinded struct {
	name string           // FHIR type: "code", "Patient.contact"; "" = not known
	typ  *definition.Type // nil of what is not an element's type, and where it is not known
	// choice holds the element whose type is still open: value[x] before ofType.
	choice *definition.Element
}

// inference infers the type of simple expressions: paths, what is indexed or filtered, and functions with a known result.
//
// SPEC(SQL on FHIR ViewDefinition, column types): steps from a known type take their type from its definition; functions that
// have a type of their own give that; ofType gives the type named.
type inference struct {
	set       *definition.Set
	root      *definition.Type
	constants map[string]string // name -> FHIR type
}

// of infers the type of an expression whose focus is of the type at.
func (f inference) of(text string, at kinded) kinded {
	steps, operator := split(text)
	switch {
	case operator == "":
	case truth[operator]:
		return kinded{name: "boolean"}
	default:
		return kinded{}
	}
	var now kinded
	for i, s := range steps {
		if now = f.step(s, i == 0, at, now); now.name == "" && now.choice == nil {
			return kinded{}
		}
	}
	return now
}

// truth are the operators whose result is a boolean.
var truth = map[string]bool{"=": true, "!=": true, "~": true, "!~": true, "<": true, ">": true, "<=": true, ">=": true, "and": true, "or": true, "xor": true,
	"implies": true, "is": true, "in": true, "contains": true}

// Results of functions: of a type of their own, or of the type of what they are called on.
var (
	results = map[string]string{"exists": "boolean", "empty": "boolean", "all": "boolean", "allTrue": "boolean", "anyTrue": "boolean", "allFalse": "boolean",
		"anyFalse": "boolean", "not": "boolean", "hasValue": "boolean", "is": "boolean", "startsWith": "boolean", "endsWith": "boolean", "contains": "boolean",
		"matches": "boolean", "matchesFull": "boolean", "subsetOf": "boolean", "supersetOf": "boolean", "isDistinct": "boolean", "memberOf": "boolean",
		"count": "integer", "length": "integer", "indexOf": "integer", "toInteger": "integer", "toDecimal": "decimal", "toBoolean": "boolean", "toDate": "date",
		"toDateTime": "dateTime", "toTime": "time", "join": "string", "upper": "string", "lower": "string", "replace": "string", "replaceMatches": "string",
		"substring": "string", "toString": "string", "trim": "string", "getResourceKey": "id", "getReferenceKey": "id", "today": "date", "now": "dateTime",
		"timeOfDay": "time"}
	keeping = map[string]bool{"first": true, "last": true, "tail": true, "skip": true, "take": true, "single": true, "where": true, "distinct": true, "trace": true,
		"exclude": true, "intersect": true}
	bounded = map[string]bool{"decimal": true, "date": true, "dateTime": true, "instant": true, "time": true}
)

// step infers what one more step gives. now is what the steps before gave; at the beginning the focus counts.
func (f inference) step(s step, first bool, at, now kinded) kinded {
	if first {
		now = at
		if k, ok := f.literal(s, at); ok {
			return k
		}
	}
	if !s.call {
		if first && f.root != nil && s.name == f.root.Name && (at.typ == f.root) {
			return at
		}
		return f.element(s.name, now)
	}
	switch {
	case s.name == "ofType" || s.name == "as":
		return f.named(s.args)
	case s.name == "extension":
		return f.named("Extension")
	case s.name == "lowBoundary" || s.name == "highBoundary":
		if bounded[now.name] {
			return now
		}
		return kinded{}
	case results[s.name] != "":
		return f.named(results[s.name])
	case keeping[s.name]:
		return now
	}
	return kinded{}
}

// literal infers constants, variables and $this.
func (f inference) literal(s step, at kinded) (kinded, bool) {
	switch {
	case s.call:
		return kinded{}, false
	case s.name == "$this" || s.name == "%context": // what an expression begins on, in an iteration too
		return at, true
	case s.name == "%rowIndex":
		return f.named("integer"), true
	case s.name == "%resource" || s.name == "%rootResource":
		return kinded{name: f.root.Name, typ: f.root}, true
	case strings.HasPrefix(s.name, "%"):
		return f.named(f.constants[strings.Trim(s.name[1:], "`'")]), true
	case strings.HasPrefix(s.name, "'"):
		return f.named("string"), true
	case s.name == "true" || s.name == "false":
		return f.named("boolean"), true
	case s.name[0] >= '0' && s.name[0] <= '9':
		if strings.Contains(s.name, ".") {
			return f.named("decimal"), true
		}
		return f.named("integer"), true
	case s.name[0] == '@', s.name[0] == '{':
		return kinded{}, true
	}
	return kinded{}, false
}

// named is a type by its name; of System and FHIR types the prefix is cut off.
func (f inference) named(name string) kinded {
	name = strings.Trim(strings.TrimSpace(name), "`")
	if system, ok := strings.CutPrefix(name, "System."); ok && system != "" {
		name = strings.ToLower(system[:1]) + system[1:]
	}
	name = strings.TrimPrefix(name, "FHIR.")
	if name == "integer64" {
		return kinded{name: name}
	}
	t := f.set.Type(name)
	if t == nil || t.Name != name {
		return kinded{}
	}
	return kinded{name: name, typ: t}
}

// element is the type of a child.
func (f inference) element(name string, of kinded) kinded {
	if of.typ == nil {
		return kinded{}
	}
	name = strings.Trim(name, "`")
	for _, e := range of.typ.Elements {
		switch {
		case e.Name != name:
		case e.Content != nil:
			return kinded{name: e.Content.Name, typ: e.Content}
		case e.Choice || len(e.Types) != 1:
			return kinded{choice: e}
		case e.Types[0].Type != nil:
			return kinded{name: e.Types[0].Type.Name, typ: e.Types[0].Type}
		}
	}
	return kinded{}
}
