package definition

import (
	"slices"
	"strings"
)

// buildTypes makes the types out of the structures that define them.
func buildTypes(all []*Structure) map[string]*Type {
	types := make(map[string]*Type, 2*len(all))
	for _, s := range all {
		t := &Type{Name: s.Type, URL: s.URL, Kind: s.Kind, Abstract: s.Abstract}
		types[t.Name], types[t.URL] = t, t
		for i, e := range s.Elements[1:] {
			if next := i + 2; next < len(s.Elements) && strings.HasPrefix(s.Elements[next].Path, e.Path+".") {
				types[e.Path] = &Type{Name: e.Path, Kind: Backbone}
			}
		}
	}
	refs := typeRefs{types: types, made: map[*TypeRefText][]TypeRef{}}
	for _, s := range all {
		t := types[s.Type]
		t.Base = types[s.Base]
		t.Constraints = s.Elements[0].Constraints
		if t.Kind == Primitive {
			t.primitive(s)
		}
		slab := make([]Element, len(s.Elements)-1)
		for i, e := range s.Elements[1:] {
			owner := types[e.Path[:strings.LastIndexByte(e.Path, '.')]]
			slab[i].define(refs, owner, e)
			owner.Elements = append(owner.Elements, &slab[i])
		}
	}
	refs.follow(all)
	for _, t := range types {
		if t.members == nil {
			t.complete(types)
		}
	}
	return types
}

// follow gives the elements that are defined by reference to others the invariants of those.
//
// SPEC(FHIR R4 elementdefinition-definitions.html#ElementDefinition.contentReference): all rules of the element referred to apply, its invariants included.
func (r typeRefs) follow(all []*Structure) {
	for _, s := range all {
		for _, e := range s.Elements[1:] {
			if path := strings.TrimPrefix(e.Content, "#"); path != "" {
				if el, to := r.element(e.Path), r.element(path); el != nil && to != nil {
					el.Constraints = slices.Concat(el.Constraints, slices.DeleteFunc(slices.Clone(to.Constraints), func(c *Constraint) bool {
						return slices.ContainsFunc(el.Constraints, func(k *Constraint) bool { return k.Key == c.Key })
					}))
				}
			}
		}
	}
}

// element returns the element with a path, nil if there is none.
func (r typeRefs) element(path string) *Element {
	owner := r.types[path[:max(0, strings.LastIndexByte(path, '.'))]]
	if owner == nil {
		return nil
	}
	if i := slices.IndexFunc(owner.Elements, func(e *Element) bool { return e.Path == path }); i >= 0 {
		return owner.Elements[i]
	}
	return nil
}

// primitive reads the form of a primitive type.
//
// SPEC(FHIR R4 json.html#primitive): booleans and numbers are those of JSON, the others strings.
func (t *Type) primitive(s *Structure) {
	switch t.Name {
	case "boolean":
		t.JSON = "boolean"
	case "decimal", "integer", "positiveInt", "unsignedInt":
		t.JSON = "number"
	default:
		t.JSON = "string"
	}
	for _, e := range s.Elements {
		if e.Path == s.Type+".value" {
			t.Regexp = e.Regexp
		}
	}
}

// define makes the element of owner that e defines.
func (el *Element) define(refs typeRefs, owner *Type, e *ElementDefinition) {
	name := e.Path[strings.LastIndexByte(e.Path, '.')+1:]
	*el = Element{Owner: owner, Name: strings.TrimSuffix(name, "[x]"), Path: e.Path, Choice: strings.HasSuffix(name, "[x]"), Min: e.Min, Max: e.Max,
		Binding: e.Binding, Constraints: e.Constraints, Modifier: e.Modifier, Summary: e.Summary, Order: len(owner.Elements), XMLAttr: e.XMLAttr,
		Array: e.BaseMax != 1 && e.BaseMax != 0}
	if e.BaseMax == NotGiven {
		el.Array = e.Max != 1 && e.Max != 0
	}
	switch own := refs.types[e.Path]; {
	case e.Content != "":
		el.Content = refs.types[strings.TrimPrefix(e.Content, "#")]
	case own != nil && own.Kind == Backbone:
		el.Content = own
		if len(e.Types) > 0 {
			own.Base = refs.types[e.Types[0].Code]
		}
		if own.Base != nil {
			own.Constraints = own.Base.Constraints
		}
	}
	el.Types = refs.of(e.Types)
}

// typeRefs makes the types of elements; lists that are shared are made once.
type typeRefs struct {
	types map[string]*Type
	made  map[*TypeRefText][]TypeRef
}

func (r typeRefs) of(list []TypeRefText) []TypeRef {
	if len(list) == 0 {
		return nil
	}
	if have, ok := r.made[&list[0]]; ok {
		return have
	}
	out := make([]TypeRef, 0, len(list))
	for _, t := range list {
		ref := TypeRef{Type: r.types[t.Code], Profiles: t.Profiles, Targets: t.Targets}
		ref.Contained, ref.Bundled = slices.Contains(t.Aggregation, "contained"), slices.Contains(t.Aggregation, "bundled")
		ref.Referenced = slices.Contains(t.Aggregation, "referenced")
		if ref.Type != nil {
			out = append(out, ref)
		}
	}
	r.made[&list[0]] = out
	return out
}

// complete makes the members of a type and takes those invariants off its elements that their types have anyway.
//
// SPEC(FHIR R4 json.html#primitive): the id and the extensions of a primitive stand beside it, in a member with an underscore before its name.
func (t *Type) complete(types map[string]*Type) {
	n := 0
	for _, e := range t.Elements {
		n += 2 * max(1, len(e.Types))
	}
	t.members = make(map[string]*Member, n)
	slab := make([]Member, 0, n)
	for _, e := range t.Elements {
		if t.Kind == Primitive && e.Name == "value" {
			continue
		}
		if e.Content != nil {
			slab = t.add(slab, types, e, e.Name, e.Content, 0)
		} else {
			for i, ref := range e.Types {
				name := e.Name
				if e.Choice {
					name += Suffix(ref.Type.Name)
				}
				slab = t.add(slab, types, e, name, ref.Type, i)
			}
		}
		e.Constraints = e.own()
	}
}

// own returns the invariants of an element that its types do not have anyway. The list may be shared.
func (e *Element) own() []*Constraint {
	left := 0
	for _, c := range e.Constraints {
		if !e.typesHave(c) {
			left++
		}
	}
	switch left {
	case 0:
		return nil
	case len(e.Constraints):
		return e.Constraints
	}
	return slices.DeleteFunc(slices.Clone(e.Constraints), e.typesHave)
}

func (e *Element) typesHave(c *Constraint) bool {
	has := func(t *Type) bool {
		return t != nil && slices.ContainsFunc(t.Constraints, func(k *Constraint) bool { return k == c || k.Key == c.Key })
	}
	if e.Content != nil {
		return has(e.Content)
	}
	return len(e.Types) > 0 && !slices.ContainsFunc(e.Types, func(r TypeRef) bool { return !has(r.Type) })
}

// add makes the one or two members of an element with a type; they stand in slab, which has room for them.
func (t *Type) add(slab []Member, types map[string]*Type, e *Element, name string, of *Type, ordinal int) []Member {
	slab = append(slab, Member{Name: name, Element: e, Type: of, Ordinal: ordinal})
	t.members[name] = &slab[len(slab)-1]
	if of.Kind == Primitive && !e.XMLAttr && of.Name != "xhtml" {
		slab = append(slab, Member{Name: "_" + name, Element: e, Type: types["Element"], Extra: true, Ordinal: ordinal})
		t.members["_"+name] = &slab[len(slab)-1]
	}
	return slab
}

// Members calls fn for every member of t in the order of its elements.
func (t *Type) Members(fn func(*Member)) {
	all := make([]*Member, 0, len(t.members))
	for _, m := range t.members {
		all = append(all, m)
	}
	slices.SortFunc(all, func(a, b *Member) int {
		if a.Element.Order != b.Element.Order {
			return a.Element.Order - b.Element.Order
		}
		if a.Ordinal != b.Ordinal {
			return a.Ordinal - b.Ordinal
		}
		return strings.Compare(b.Name, a.Name) // "x" before "_x"
	})
	for _, m := range all {
		fn(m)
	}
}

// addParams sorts search parameters to the types that have them.
func (s *Set) addParams(all []*SearchParameter) {
	own := map[string][]*SearchParameter{}
	for _, p := range all {
		s.byURL[p.URL] = p
		for _, base := range p.Base {
			own[base] = append(own[base], p)
		}
	}
	for name, t := range s.root().types {
		if t.Kind != Resource || name != t.Name {
			continue
		}
		list := slices.Clone(own[name])
		for up := t.Base; up != nil; up = up.Base {
			list = append(list, own[up.Name]...)
		}
		slices.SortFunc(list, func(a, b *SearchParameter) int { return strings.Compare(a.Code, b.Code) })
		s.params[name] = list
	}
}
