package validate

import (
	"slices"
	"strings"

	"github.com/ward-health/ward/clinical/fhir/definition"
)

// overlay is what a profile adds to the definition of its type.
type overlay struct {
	url    string           // without version
	typ    *definition.Type // that it constrains; nil: not one of the Set (a logical model)
	root   *element
	raw    *profileElement // before anything was left out: discriminators look into it
	part   bool            // codes that it fixes are not shipped
	parts  map[string]bool // of a complex extension: the urls of what it consists of; nil: it does not say
	slices map[string]bool // names of its slices
	skip   string          // why it could not be compiled, "" = it was
}

// element is one element of a profile, or one slice of it, with no more than what is not in the base definition.
type element struct {
	name      string           // in its parent, without "[x]"; "" of the root
	only      *definition.Type // the path names one type of a choice
	slice     string
	min, max  int // 0 and Unbounded: nothing to check
	types     []typeRule
	fixed     *literal
	pattern   *literal
	low, high *limit
	maxLength int
	binding   *binding
	rules     []*invariant
	children  []*element
	slicing   *slicing
}

// typeRule is one of the types that an element of a profile may have.
type typeRule struct {
	typ      *definition.Type
	profiles []string // any one of them
	targets  *targets
}

// slicing tells the slices of an element apart.
type slicing struct {
	ordered bool
	rules   string // "open", "closed", "openAtEnd"
	slices  []*slice
	other   *slice // "@default": what no other slice takes
	skip    bool   // the discriminators could not be compiled
}

// slice is one of the slices.
type slice struct {
	*element
	match []*matcher
}

// empty reports whether an element has nothing to check.
func (e *element) empty() bool {
	return e.min == 0 && e.max == definition.Unbounded && e.types == nil && e.fixed == nil && e.pattern == nil && e.low == nil && e.high == nil &&
		e.maxLength == 0 && e.binding == nil && len(e.rules) == 0 && len(e.children) == 0 && e.slicing == nil
}

// overlay returns a profile, nil if the Set does not have it.
func (v *Validator) overlay(canonical string) *overlay {
	if o, ok := v.overlays.Load(canonical); ok {
		return o.(*overlay)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	fresh := map[string]*overlay{}
	o := v.compileOverlay(canonical, fresh)
	for url, o := range fresh {
		if o != nil {
			v.overlays.Store(url, o)
		}
	}
	return o
}

// compileOverlay compiles a profile and those that its discriminators look into, under the lock.
func (v *Validator) compileOverlay(canonical string, fresh map[string]*overlay) *overlay {
	if o, ok := v.overlays.Load(canonical); ok {
		return o.(*overlay)
	}
	if o, ok := fresh[canonical]; ok {
		return o
	}
	s := v.set.Structure(canonical)
	if s == nil {
		fresh[canonical] = nil
		return nil
	}
	o := &overlay{url: s.URL, typ: v.set.Type(s.Type), part: len(s.Withheld) > 0}
	fresh[canonical] = o
	if o.typ == nil {
		return o
	}
	if s.Partial || len(s.Elements) == 0 {
		o.skip = "it has no snapshot"
		return o
	}
	c := &overlayCompiler{v: v, o: o, fresh: fresh}
	o.raw = c.read(s)
	o.parts = partsOf(o.raw)
	if s.URL != o.typ.URL {
		o.root = c.element(o.raw, nil)
	} else {
		o.root = &element{max: definition.Unbounded} // a type: its plan checks it all
	}
	o.slices = map[string]bool{}
	o.root.names(o.slices)
	return o
}

// profileElement is an element of a snapshot in its place.
type profileElement struct {
	def      *definition.ElementDefinition
	name     string
	typ      *definition.Type // of its values, nil if there is more than one
	base     *definition.Element
	only     *definition.Type
	children []*profileElement
	slices   []*profileElement
	named    map[string]*profileElement // of slices, by their names
}

type overlayCompiler struct {
	v     *Validator
	o     *overlay
	fresh map[string]*overlay
	work  int // elements that discriminators have looked at
}

// maxWork bounds the work on the discriminators of one profile.
const maxWork = 200_000

// read sorts the rows of a snapshot into a tree: by path, and by slice name within the element that is sliced.
func (c *overlayCompiler) read(s *definition.Structure) *profileElement {
	root := &profileElement{def: s.Elements[0], typ: c.o.typ}
	chain := []*profileElement{root} // the element at each depth that is open
	for _, def := range s.Elements[1:] {
		depth := strings.Count(def.Path, ".")
		if depth == 0 || depth > len(chain) {
			continue // a row without its parent
		}
		parent := chain[depth-1]
		e := &profileElement{def: def, name: def.Path[strings.LastIndexByte(def.Path, '.')+1:]}
		c.place(parent, e)
		chain = append(chain[:depth], e)
	}
	return root
}

// place puts an element under its parent: a slice under what it slices.
func (c *overlayCompiler) place(parent, e *profileElement) {
	if parent.typ != nil {
		e.base, e.only = elementOf(parent.typ, e.name)
		if e.base != nil {
			e.name = e.base.Name
		}
	}
	e.name = strings.TrimSuffix(e.name, "[x]")
	e.typ = c.typeOf(e)
	if e.def.SliceName == "" {
		parent.children = append(parent.children, e)
		return
	}
	for i := len(parent.children) - 1; i >= 0; i-- {
		if sliced := parent.children[i]; sliced.name == e.name {
			sliced.add(e)
			return
		}
	}
	sliced := &profileElement{def: &definition.ElementDefinition{Path: e.def.Path, Max: definition.Unbounded}, name: e.name, base: e.base}
	sliced.add(e)
	parent.children = append(parent.children, sliced)
}

// add puts a slice under the element, or under the slice of which it is a part ("a/b").
func (p *profileElement) add(e *profileElement) {
	name := e.def.SliceName
	for i := range len(name) {
		if name[i] == '/' && p.named[name[:i]] != nil {
			p.named[name[:i]].add(e)
			return
		}
	}
	if p.named == nil {
		p.named = map[string]*profileElement{}
	}
	if p.named[name] == nil {
		p.named[name] = e
	}
	p.slices = append(p.slices, e)
}

// typeOf is the one type that the values of an element have, nil if there may be more.
func (c *overlayCompiler) typeOf(e *profileElement) *definition.Type {
	switch {
	case e.only != nil:
		return e.only
	case e.base != nil && e.base.Content != nil:
		return e.base.Content
	case len(e.def.Types) == 1:
		return c.v.set.Type(e.def.Types[0].Code)
	case e.base != nil && len(e.base.Types) == 1:
		return e.base.Types[0].Type
	}
	return nil
}

// released is a binding with its value sets named as R4 names its own, without the version: snapshots of packages have it.
func released(b *definition.Binding) definition.Binding {
	out := *b
	out.ValueSet, out.Max = strings.TrimSuffix(b.ValueSet, "|4.0.1"), strings.TrimSuffix(b.Max, "|4.0.1")
	return out
}

// element makes what is to be checked of an element, nil if there is nothing.
func (c *overlayCompiler) element(p, sliced *profileElement) *element {
	d := p.def
	e := &element{name: p.name, only: p.only, slice: d.SliceName, max: definition.Unbounded, maxLength: d.MaxLength}
	c.cardinality(e, p, sliced)
	c.types(e, p)
	if d.Fixed != nil {
		e.fixed = newLiteral(d.Fixed)
	}
	if d.Pattern != nil {
		e.pattern = newLiteral(d.Pattern)
	}
	e.low, e.high = newBound(d.MinValue, d.BoundType, false), newBound(d.MaxValue, d.BoundType, true)
	if d.Binding != nil && (p.base == nil || p.base.Binding == nil || released(d.Binding) != released(p.base.Binding)) {
		e.binding = newBinding(d.Binding)
	}
	e.rules = c.v.invariants(c.added(p))
	for _, child := range p.children {
		if k := c.element(child, nil); k != nil {
			e.children = append(e.children, k)
		}
	}
	if len(p.slices) > 0 || d.Slicing != nil && d.Slicing.Rules == "closed" {
		e.slicing = c.slicing(p)
	}
	if p.name != "" && sliced == nil && e.empty() {
		return nil
	}
	return e
}

func (c *overlayCompiler) cardinality(e *element, p, sliced *profileElement) {
	d := p.def
	if p.name == "" {
		return
	}
	if d.Min > 0 && (sliced != nil || p.base == nil || d.Min > p.base.Min || p.only != nil) {
		e.min = d.Min
	}
	if d.Max >= 0 && (sliced != nil || p.base == nil || p.base.Max == definition.Unbounded || d.Max < p.base.Max) {
		e.max = d.Max
	}
}

// types keeps the types of an element if they are fewer than those of the base, or say more.
func (c *overlayCompiler) types(e *element, p *profileElement) {
	if p.base == nil || p.base.Content != nil || len(p.def.Types) == 0 {
		return
	}
	same := len(p.def.Types) == len(p.base.Types)
	for _, t := range p.def.Types {
		k := slices.IndexFunc(p.base.Types, func(b definition.TypeRef) bool { return b.Type.Name == t.Code })
		same = same && k >= 0 && sameSet(t.Profiles, p.base.Types[k].Profiles) && len(t.Aggregation) == 0 && sameSet(t.Targets, p.base.Types[k].Targets)
	}
	if same {
		return
	}
	for _, t := range p.def.Types {
		rule := typeRule{typ: c.v.set.Type(t.Code)}
		if rule.typ == nil {
			continue
		}
		if t.Code != "Extension" && !slices.Contains(t.Profiles, coreURL+t.Code) { // one of the profiles is enough, and every value conforms to its type
			rule.profiles = t.Profiles
		}
		if t.Code == "Reference" && (len(t.Targets) > 0 || len(t.Aggregation) > 0) {
			rule.targets = targetsOf(t.Targets, definition.TypeRef{Contained: slices.Contains(t.Aggregation, "contained"),
				Referenced: slices.Contains(t.Aggregation, "referenced"), Bundled: slices.Contains(t.Aggregation, "bundled")})
		}
		e.types = append(e.types, rule)
	}
}

func sameSet(a, b []string) bool {
	if len(a) != len(b) {
		return false
	}
	for _, s := range a {
		if !slices.Contains(b, s) {
			return false
		}
	}
	return true
}

// added lists the constraints that the base does not have.
func (c *overlayCompiler) added(p *profileElement) (out []*definition.Constraint) {
	for _, k := range p.def.Constraints {
		has := func(all []*definition.Constraint) bool {
			return slices.ContainsFunc(all, func(b *definition.Constraint) bool {
				return b.Key == k.Key && (b.Expression == k.Expression || k.Source == b.Source)
			})
		}
		base := p.base != nil && (has(p.base.Constraints) || slices.ContainsFunc(p.base.Types, func(t definition.TypeRef) bool { return has(t.Type.Constraints) }))
		if !base && (p.typ == nil || !has(p.typ.Constraints)) {
			out = append(out, k)
		}
	}
	return out
}
