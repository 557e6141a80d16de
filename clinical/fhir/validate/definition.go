package validate

import (
	"strings"

	"github.com/ward-health/ward/clinical/fhir/definition"
)

// structureDefinition checks a StructureDefinition of a profile against what it constrains.
//
// SPEC(FHIR R4 elementdefinition.html#ElementDefinition.path): the paths of a differential are those of the base. SPEC(profiling.html#discriminator): a
// discriminator's path leads somewhere. SPEC(elementdefinition.html#fixed): what a base fixes stays fixed.
func (r *runner) structureDefinition(v value) {
	t := r.v.set.Type(strings.TrimPrefix(string(r.text(v.node, "type")), coreURL))
	if t == nil || string(r.text(v.node, "derivation")) != "constraint" {
		return
	}
	base := r.v.set.Structure(string(r.text(v.node, "baseDefinition")))
	each(r.doc, r.member(v.node, "differential"), "element", func(n int) {
		path := string(r.text(n, "path"))
		at, ok := r.elementAt(t, path)
		if !ok {
			r.fail(n, "invalid", IDDefinition, "", "the path of an element of the differential is one of the type that is constrained")
			return
		}
		r.discriminators(n, at)
		if base != nil {
			r.refixed(n, path, base)
		}
	})
}

// elementAt follows a path of element names from a type; ok is false where a name is none of the type's. A nil type is one that the path does not tell.
func (r *runner) elementAt(t *definition.Type, path string) (at *definition.Type, ok bool) {
	names := strings.Split(path, ".")
	if names[0] != t.Name {
		return nil, false
	}
	for _, name := range names[1:] {
		e, only := elementOf(t, strings.TrimSuffix(name, "[x]"))
		switch {
		case e == nil:
			return nil, false
		case only != nil:
			t = only
		case e.Content != nil:
			t = e.Content
		case len(e.Types) == 1 && e.Types[0].Type.Kind != definition.Resource:
			t = e.Types[0].Type
		default:
			return nil, true // a choice, or a resource: what follows is not known
		}
	}
	return t, true
}

// discriminators checks the paths of a slicing on an element of type t.
func (r *runner) discriminators(n int, t *definition.Type) {
	slicing := r.member(n, "slicing")
	if slicing < 0 || t == nil {
		return
	}
	each(r.doc, slicing, "discriminator", func(d int) {
		steps, ok := pathSteps(string(r.text(d, "path")))
		if !ok {
			return
		}
		at := t
		for _, s := range steps {
			if s.kind != 'n' {
				return
			}
			e, only := elementOf(at, s.name)
			switch {
			case e == nil:
				r.fail(d, "invalid", IDDefinition, "", "the path of a discriminator leads to an element of what is sliced")
				return
			case only != nil:
				at = only
			case e.Content != nil:
				at = e.Content
			case len(e.Types) == 1 && e.Types[0].Type.Kind != definition.Resource:
				at = e.Types[0].Type
			default:
				return
			}
		}
	})
}

// refixed checks that an element does not fix another value than its base.
func (r *runner) refixed(n int, path string, base *definition.Structure) {
	for _, e := range base.Elements {
		if e.Path != path || e.SliceName != "" || e.Fixed == nil || r.text(n, "sliceName") != nil {
			continue
		}
		at := r.member(n, "fixed"+definition.Suffix(e.ValueType))
		if l := newLiteral(e.Fixed); at >= 0 && l != nil && !l.equal(r.doc, at) {
			r.fail(at, "invalid", IDDefinition, "", "the base definition fixes another value")
		}
	}
}
