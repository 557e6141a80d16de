package index

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ward-health/ward/clinical/fhir/definition"
)

// path is a compiled way from a resource, or from the base of a composite, to values of one type.
type path struct {
	names  []string // JSON member names
	leaf   *definition.Type
	of     *definition.Element // nil at the root
	tests  []pathTest
	truth  bool
	atRoot bool // begins at the resource, not at the base of a composite
}

// pathTest is a condition on what stands depth names down the path.
type pathTest struct {
	test
	depth int
}

const (
	maxPaths        = 200   // of one expression on one type
	maxSteppedPaths = 5_000 // that one step leads to: a choice of types in a choice of types has many, and most go no further
)

// compilePaths resolves an expression from a resource type. Unions on other resource types give nothing. A path begins with the name of the
// type (or of one that it derives from), or with an element.
func compilePaths(set *definition.Set, from *definition.Type, e expression) ([]path, error) {
	var all []path
	for _, steps := range e {
		at := []path{{leaf: from, atRoot: true}}
		if base := set.Type(steps[0].name); base != nil {
			if !from.Is(base) {
				continue
			}
			steps = steps[1:]
		}
		for _, s := range steps {
			next, err := follow(set, at, s)
			if err != nil {
				return nil, err
			}
			at = next
		}
		if all = append(all, at...); len(all) > maxPaths {
			return nil, fmt.Errorf("more than %d paths", maxPaths)
		}
	}
	return all, nil
}

// follow takes one step from all paths.
func follow(set *definition.Set, at []path, s step) ([]path, error) {
	var next []path
	for _, p := range at {
		switch {
		case s.mark == truth:
			p.truth = true
			next = append(next, p)
		case s.test != nil:
			p.tests = append(slices.Clone(p.tests), pathTest{*s.test, len(p.names)})
			next = append(next, p)
		case s.as != "":
			if is(set, p.leaf, s.as) {
				next = append(next, p)
			}
		default:
			next = append(next, p.member(s.name)...)
		}
		if len(next) > maxSteppedPaths {
			return nil, fmt.Errorf("more than %d paths", maxPaths)
		}
	}
	if len(next) == 0 {
		what := s.name
		if s.as != "" {
			what = "type " + s.as
		}
		return nil, fmt.Errorf("nothing has %s here", what)
	}
	return next, nil
}

// is reports whether a type is the one that an expression names. Search parameters of R4 write DateTime for dateTime.
func is(set *definition.Set, t *definition.Type, name string) bool {
	want := set.Type(name)
	if want == nil {
		want = set.Type(strings.ToLower(name[:1]) + name[1:])
	}
	return want != nil && t.Is(want)
}

// member steps to an element; a choice gives a path for each of its types.
func (p path) member(name string) (next []path) {
	for _, e := range p.leaf.Elements {
		if e.Name != name {
			continue
		}
		if e.Content != nil {
			return []path{p.down(name, e, e.Content)}
		}
		for _, ref := range e.Types {
			json := name
			if e.Choice {
				json += strings.ToUpper(ref.Type.Name[:1]) + ref.Type.Name[1:]
			}
			next = append(next, p.down(json, e, ref.Type))
		}
	}
	return next
}

func (p path) down(name string, e *definition.Element, t *definition.Type) path {
	p.names = append(slices.Clone(p.names), name)
	p.of, p.leaf = e, t
	return p
}
