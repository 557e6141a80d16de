package definition

import (
	"maps"
	"slices"
	"strings"
)

// snapshots makes the snapshots of those structures of the set that came with a differential only, those of its base that had to stay without one
// included. It names what could not be made.
func (s *Set) snapshots() []Missing {
	pool := maxSnapshots
	b := &builder{set: s, state: map[string]bool{}, trees: map[*Structure]*node{}, pool: &pool}
	partial := map[string]*Structure{}
	s.Structures(func(d *Structure) bool {
		if d.Partial {
			partial[d.URL] = d
		}
		return true
	})
	for _, url := range slices.Sorted(maps.Keys(partial)) {
		b.complete(partial[url])
	}
	return b.open
}

// builder makes snapshots.
type builder struct {
	set   *Set
	state map[string]bool // URL -> it is being made (true), or was tried (false)
	trees map[*Structure]*node
	pool  *int // elements that may still be made, in all snapshots
	open  []Missing

	// of the snapshot that is made
	of    *Structure
	root  *node
	left  int // nodes that may still be made
	depth int // snapshots within one another
}

const (
	maxSnapshot  = 50_000  // elements of one snapshot
	maxSnapshots = 500_000 // elements of all that are made at once
	maxLineage   = 50      // profiles on profiles
)

func (b *builder) say(d *Structure, kind, path, what string) {
	b.open = append(b.open, Missing{Of: d.URL, Path: path, Kind: kind, What: what})
}

// structure returns a definition with its snapshot, nil if there is none or none can be made.
func (b *builder) structure(canonical string) *Structure {
	d := b.set.Structure(canonical)
	if d != nil && d.Partial {
		d = b.complete(d)
	}
	if d == nil || d.Partial || len(d.Elements) == 0 {
		return nil
	}
	return d
}

// complete gives a structure its snapshot. The structure itself stays as it is, since other sets may share it.
func (b *builder) complete(d *Structure) *Structure {
	making, tried := b.state[d.URL]
	if making {
		b.say(d, "snapshot", "", "is its own base")
		return d
	}
	if tried {
		return b.set.Structure(d.URL)
	}
	b.state[d.URL] = true
	defer func() { b.state[d.URL] = false }()
	if b.depth >= maxLineage {
		b.say(d, "snapshot", "", "has too many profiles below it")
		return d
	}
	b.depth++
	base := b.structure(d.Base)
	b.depth--
	switch {
	case len(d.Elements) == 0 && base == nil:
		b.say(d, "snapshot", "", "has neither a snapshot nor a differential")
		return d
	case base == nil:
		b.say(d, "base", "", d.Base)
		return d
	}
	inner := &builder{set: b.set, state: b.state, trees: b.trees, pool: b.pool, of: d, left: min(maxSnapshot, *b.pool), depth: b.depth + 1}
	elements := inner.make(d, base)
	*b.pool -= len(elements)
	b.open = append(b.open, inner.open...)
	if elements == nil {
		return d
	}
	whole := *d
	whole.Elements, whole.Partial = elements, false
	b.set.structures[d.URL] = &whole
	return &whole
}

// make applies a differential to the snapshot of its base. nil: it would be too large.
//
// SPEC(FHIR R4 profiling.html#snapshot): a snapshot is all elements of the base with what the differential says of them, and those that it adds.
func (b *builder) make(d, base *Structure) []*ElementDefinition {
	b.root = b.copy(b.tree(base), base.Elements[0].Path, d.Type, base.Elements[0].Path, d.Type)
	for i, id := range identify(d.Elements) {
		if b.left <= 0 {
			break
		}
		e := d.Elements[i]
		at := b.find(id)
		if at == nil {
			b.say(d, "element", e.Path, "has no such element in its base")
			continue
		}
		at.merge(e, d.URL)
		at.only()
	}
	if b.left <= 0 {
		b.say(d, "snapshot", "", "would have a snapshot of too many elements")
		return nil
	}
	return b.root.list(nil)
}

// find returns the node of an id, which is made if the id goes deeper than the base does. nil: no such element.
func (b *builder) find(id string) *node {
	segments := strings.Split(id, ".")
	at := b.root
	for i, segment := range segments[1:] {
		next := b.step(at, segment)
		if next == nil && !b.of.Derived && i == len(segments)-2 {
			next = b.define(at, segment)
		}
		if next == nil {
			return nil
		}
		at = next
	}
	return at
}

// define adds an element that a type of its own has (a logical model).
func (b *builder) define(at *node, name string) *node {
	b.left--
	def := &ElementDefinition{ID: at.def.ID + "." + name, Path: at.def.Path + "." + name, Max: Unbounded, BaseMax: NotGiven}
	n := &node{def: def, name: name}
	at.children = append(at.children, n)
	return n
}

// step goes to a child by a segment of an id: "code", "value[x]", "valueQuantity", "component:systolic".
func (b *builder) step(at *node, segment string) *node {
	name, slice, _ := strings.Cut(segment, ":")
	if len(at.children) == 0 {
		b.unfold(at)
	}
	child := at.child(name)
	if child == nil {
		var typ string
		if child, typ = at.choice(name); child == nil {
			return nil
		}
		switch {
		case slice != "" || len(child.def.Types) == 1 && len(child.slices) == 0:
		case strings.Contains(at.def.ID, ":") && len(child.slices) == 0:
			child.def.narrow("", typ)
		default:
			slice = name
		}
	}
	if slice == "" {
		return child
	}
	return b.slice(child, slice)
}

// slice returns a slice of an element, which is made if it is not there: as the element is, or for "a/b" as slice a is.
//
// SPEC(FHIR R4 profiling.html#reslicing): the name of a slice within a slice is that of the outer one, a slash, its own.
func (b *builder) slice(of *node, name string) *node {
	if have := of.slice(name); have != nil {
		return have
	}
	model := of
	if i := strings.LastIndexByte(name, '/'); i > 0 {
		if outer := of.slice(name[:i]); outer != nil {
			model = outer
		}
	}
	if of.def.Slicing == nil {
		of.def.Slicing = slicingOf(of)
	}
	made := b.copy(&node{def: model.def, name: model.name, children: model.children}, model.def.ID, of.def.ID+":"+name, model.def.Path, of.def.Path)
	made.of = of
	made.def.SliceName, made.def.Slicing = name, nil
	made.def.Min, made.def.MustSupport = 0, model != of && model.def.MustSupport
	if strings.HasSuffix(of.name, "[x]") {
		made.def.narrow(strings.TrimSuffix(of.name, "[x]"), name)
	}
	of.slices = append(of.slices, made)
	return made
}

// slicingOf is the slicing that an element has without saying so.
//
// SPEC(FHIR R4 profiling.html#slicing): extensions are sliced by their url, a choice of types by its type.
func slicingOf(n *node) *Slicing {
	switch {
	case n.name == "extension" || n.name == "modifierExtension":
		return &Slicing{Rules: "open", Discriminators: []Discriminator{{Kind: "value", Path: "url"}}}
	case strings.HasSuffix(n.name, "[x]"):
		return &Slicing{Rules: "open", Discriminators: []Discriminator{{Kind: "type", Path: "$this"}}}
	}
	return &Slicing{Rules: "open"}
}

// only leaves an element no other type than that of its slice, where the slice has to be there and there is room for one.
//
// SPEC(FHIR R4 profiling.html#slicing): a choice that may not repeat and needs one of its types has no other.
func (n *node) only() {
	if n.of == nil || n.of.def.Max != 1 || n.def.Min < 1 || !strings.HasSuffix(n.name, "[x]") {
		return
	}
	n.of.def.Min, n.of.def.Types = max(n.of.def.Min, 1), n.def.Types
	slicing := *n.of.def.Slicing
	slicing.Rules = "closed"
	n.of.def.Slicing = &slicing
}

// narrow leaves the one type that a slice of a choice is named after.
func (e *ElementDefinition) narrow(choice, slice string) {
	for _, t := range e.Types {
		if slice == choice+Suffix(t.Code) {
			e.Types = []TypeRefText{t}
			return
		}
	}
}

// unfold gives an element the children that its content or its type has.
func (b *builder) unfold(n *node) {
	from := b.content(n)
	if from == nil {
		return
	}
	model := b.copy(from, from.def.ID, n.def.ID, from.def.Path, n.def.Path)
	n.children = model.children
}

// content returns what an element without children takes them from, nil if there is nothing.
func (b *builder) content(n *node) *node {
	if n.def.Content != "" {
		url, path, _ := strings.Cut(n.def.Content, "#")
		if url == "" {
			url = coreURL + b.of.Type
		}
		d := b.structure(url)
		if d == nil {
			return nil
		}
		from := b.tree(d).at(path)
		if from != nil {
			n.def.Content, n.def.Types = "", from.def.Types
		}
		return from
	}
	url := ""
	switch types := n.def.Types; {
	case len(types) == 0:
		return nil
	case len(types) > 1:
		url = coreURL + "Element"
	case len(types[0].Profiles) == 1:
		url = types[0].Profiles[0]
	default:
		url = typeURL(types[0].Code)
	}
	d := b.structure(url)
	if d == nil && len(n.def.Types) == 1 {
		d = b.structure(typeURL(n.def.Types[0].Code))
	}
	if d == nil {
		return nil
	}
	return b.tree(d)
}

// typeURL is the canonical URL of a type that is named by its code or, a logical one, by its URL.
func typeURL(code string) string {
	if strings.Contains(code, "/") {
		return code
	}
	return coreURL + code
}
