package validate

import (
	"strings"

	"github.com/ward-health/ward/clinical/fhir/definition"
	"github.com/ward-health/ward/clinical/fhir/tree"
)

// matcher is one discriminator of one slice.
type matcher struct {
	kind     string
	steps    []pathStep
	url      string // of an extension: what its url is
	fixed    *literal
	pattern  *literal
	set      string // of a required binding
	types    []*definition.Type
	profiles []string
	must     bool // something is there
	none     bool // nothing is there
	parts    []*matcher
}

// pathStep is one step of a discriminator's path.
type pathStep struct {
	kind byte // 'n' a child, 't' ofType, 'r' resolve(), 'e' extension(url)
	name string
}

// pathSteps reads the path of a discriminator; ok is false for what discriminators may not have.
//
// SPEC(FHIR R4 profiling.html#discriminator): names of elements, $this, extension(url), resolve(), ofType(type).
func pathSteps(path string) (out []pathStep, ok bool) {
	if len(path) > 500 {
		return nil, false
	}
	for rest := path; rest != ""; {
		var one string
		one, rest = cutStep(rest)
		name, arg, call := strings.Cut(one, "(")
		arg = strings.Trim(strings.TrimSuffix(arg, ")"), "'\"")
		switch {
		case one == "$this" || one == "":
		case !call:
			out = append(out, pathStep{'n', strings.TrimSuffix(one, "[x]")})
		case name == "resolve":
			out = append(out, pathStep{'r', ""})
		case name == "ofType" || name == "as":
			out = append(out, pathStep{'t', strings.TrimPrefix(arg, "FHIR.")})
		case name == "extension":
			out = append(out, pathStep{'e', arg})
		default:
			return nil, false
		}
	}
	return out, true
}

// cutStep cuts at the first point that is not in brackets.
func cutStep(s string) (one, rest string) {
	depth := 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '(':
			depth++
		case ')':
			depth--
		case '.':
			if depth == 0 {
				return s[:i], s[i+1:]
			}
		}
	}
	return s, ""
}

// slicing compiles the slices of an element.
func (c *overlayCompiler) slicing(p *profileElement) *slicing {
	s := &slicing{rules: "open"}
	discs := impliedDiscriminators(p)
	if d := p.def.Slicing; d != nil {
		s.ordered, s.rules = d.Ordered, d.Rules
		if len(d.Discriminators) > 0 {
			discs = d.Discriminators
		}
	}
	s.skip = len(discs) == 0 && len(p.slices) > 0
	for _, one := range p.slices {
		k := &slice{element: c.element(one, p)}
		if name := one.def.SliceName; name == "@default" || name == "$default" {
			s.other = k
			continue
		}
		for _, d := range discs {
			if m := c.matcher(one, d); m != nil {
				k.match = append(k.match, m)
			}
		}
		// SPEC(FHIR R4 profiling.html#discriminator): a slice need not say something for every discriminator, but for one.
		s.skip = s.skip || len(k.match) == 0
		s.slices = append(s.slices, k)
	}
	return s
}

// impliedDiscriminators are those of slicings that profiles may leave out.
//
// SPEC(FHIR R4 profiling.html#slicing): extensions are sliced by url, and an element with a choice of types by type, if nothing else is said.
func impliedDiscriminators(p *profileElement) []definition.Discriminator {
	switch {
	case p.name == "extension" || p.name == "modifierExtension":
		return []definition.Discriminator{{Kind: "value", Path: "url"}}
	case p.base != nil && p.base.Choice:
		return []definition.Discriminator{{Kind: "type", Path: "$this"}}
	}
	return nil
}

// matcher compiles a discriminator for a slice, nil if the slice says nothing that it could go by.
func (c *overlayCompiler) matcher(p *profileElement, d definition.Discriminator) *matcher {
	steps, ok := pathSteps(d.Path)
	if !ok {
		return nil
	}
	m := &matcher{kind: d.Kind, steps: steps}
	if d.Path == "url" && len(p.def.Types) == 1 && p.def.Types[0].Code == "Extension" && len(p.def.Types[0].Profiles) == 1 {
		m.kind, m.url = "url", bare(p.def.Types[0].Profiles[0])
		return m
	}
	at := c.find(p, steps, 0)
	if at == nil {
		return nil
	}
	switch d.Kind {
	case "exists":
		m.must, m.none = at.def.Min > 0, at.def.Max == 0
		if !m.must && !m.none {
			return nil
		}
	case "type":
		return c.byType(m, at)
	case "profile":
		return c.byProfile(m, at)
	case "value", "pattern":
		return c.byValue(m, at)
	default:
		return nil
	}
	return m
}

func (c *overlayCompiler) byType(m *matcher, at *profileElement) *matcher {
	resolved := len(m.steps) > 0 && m.steps[len(m.steps)-1].kind == 'r'
	add := func(url string) {
		if s := c.v.set.Structure(url); s != nil {
			url = s.Type
		}
		if t := c.v.set.Type(strings.TrimPrefix(url, coreURL)); t != nil {
			m.types = append(m.types, t)
		}
	}
	if at.typ != nil && at.def.Types == nil {
		m.types = append(m.types, at.typ)
	}
	for _, t := range at.def.Types {
		switch {
		case resolved:
			for _, u := range t.Targets {
				add(u)
			}
		case t.Code == "Resource" && len(t.Profiles) > 0:
			for _, u := range t.Profiles {
				add(u)
			}
		default:
			add(t.Code)
		}
	}
	if len(m.types) == 0 {
		return nil
	}
	return m
}

func (c *overlayCompiler) byProfile(m *matcher, at *profileElement) *matcher {
	resolved := len(m.steps) > 0 && m.steps[len(m.steps)-1].kind == 'r'
	for _, t := range at.def.Types {
		if resolved {
			m.profiles = append(m.profiles, t.Targets...)
		} else {
			m.profiles = append(m.profiles, t.Profiles...)
			if len(t.Profiles) == 0 {
				m.profiles = append(m.profiles, coreURL+t.Code)
			}
		}
	}
	if len(m.profiles) == 0 {
		return nil
	}
	return m
}

// byValue goes by the fixed value, the pattern, or the required binding of an element; else by those of its children; else by whether it is there.
func (c *overlayCompiler) byValue(m *matcher, at *profileElement) *matcher {
	d := at.def
	switch {
	case d.Fixed != nil:
		m.fixed = newLiteral(d.Fixed)
	case d.Pattern != nil:
		m.pattern = newLiteral(d.Pattern)
	case len(c.partsOf(at, 0)) > 0:
		m.parts = c.partsOf(at, 0)
	case d.Binding != nil && d.Binding.Strength == definition.Required && d.Binding.ValueSet != "":
		m.set = d.Binding.ValueSet
	case d.Max == 0:
		m.none = true
	case d.Min > 0 && len(m.steps) > 0:
		m.must = true
	default:
		return nil
	}
	return m
}

// partsOf lists the fixed values within an element.
func (c *overlayCompiler) partsOf(at *profileElement, depth int) (out []*matcher) {
	if c.work++; depth > 6 || c.work > maxWork {
		return nil
	}
	for _, k := range at.children {
		step := []pathStep{{'n', k.name}}
		switch {
		case k.def.Fixed != nil:
			out = append(out, &matcher{kind: "value", steps: step, fixed: newLiteral(k.def.Fixed)})
		case k.def.Pattern != nil:
			out = append(out, &matcher{kind: "value", steps: step, pattern: newLiteral(k.def.Pattern)})
		default:
			if parts := c.partsOf(k, depth+1); len(parts) > 0 {
				out = append(out, &matcher{kind: "value", steps: step, parts: parts})
			}
		}
	}
	return out
}

// find follows a path from an element of a profile, into the profile of its type where the element itself has no children.
func (c *overlayCompiler) find(p *profileElement, steps []pathStep, depth int) *profileElement {
	if len(steps) == 0 {
		return p
	}
	if c.work++; depth > maxDepth || c.work > maxWork {
		return nil
	}
	step := steps[0]
	switch step.kind {
	case 't':
		return c.find(p, steps[1:], depth+1)
	case 'r':
		if len(steps) == 1 {
			return p // the targets of the reference tell
		}
		return c.findIn(c.urls(p, true), steps[1:], depth)
	case 'e':
		for _, k := range p.children {
			if k.name != "extension" {
				continue
			}
			for _, s := range k.slices {
				if len(s.def.Types) == 1 && len(s.def.Types[0].Profiles) == 1 && bare(s.def.Types[0].Profiles[0]) == step.name {
					return c.find(s, steps[1:], depth+1)
				}
			}
		}
		return c.findIn([]string{step.name}, steps[1:], depth)
	}
	for _, k := range p.children {
		if k.name == step.name {
			return c.findBelow(k, steps[1:], depth+1)
		}
	}
	if at := part(p, step.name); at != nil {
		return c.find(at, steps[1:], depth+1)
	}
	if at := c.findIn(c.urls(p, false), steps, depth); at != nil {
		return at
	}
	return c.plain(p, step, steps, depth)
}

// findBelow follows a path from an element, or from one of its slices that has to be there if that says more.
func (c *overlayCompiler) findBelow(k *profileElement, steps []pathStep, depth int) *profileElement {
	at := c.find(k, steps, depth)
	if at != nil && c.says(at) {
		return at
	}
	for _, s := range k.slices {
		if s.def.Min == 0 {
			continue
		}
		if in := c.find(s, steps, depth); in != nil && c.says(in) {
			return in
		}
	}
	return at
}

// says reports whether an element has something that values can be told by.
func (c *overlayCompiler) says(e *profileElement) bool {
	return e.def.Fixed != nil || e.def.Pattern != nil || len(c.partsOf(e, 0)) > 0
}

// part is the member of what an element fixes, or of its pattern, as an element that fixes it; nil if there is none.
func part(p *profileElement, name string) *profileElement {
	raw, exact := p.def.Fixed, true
	if raw == nil {
		raw, exact = p.def.Pattern, false
	}
	l := newLiteral(raw)
	if raw == nil || l == nil {
		return nil
	}
	n := l.doc.Member(0, name)
	if n == tree.None {
		return nil
	}
	if l.doc.Nodes[n].Kind == tree.Array {
		if l.doc.Nodes[n].Len != 1 {
			return nil
		}
		n++
	}
	def := &definition.ElementDefinition{Path: p.def.Path + "." + name, Max: definition.Unbounded}
	if exact {
		def.Fixed = l.doc.Raw(n)
	} else {
		def.Pattern = l.doc.Raw(n)
	}
	return &profileElement{def: def, name: name}
}

// plain is the element of the base definition, which says nothing but its types.
func (c *overlayCompiler) plain(p *profileElement, step pathStep, steps []pathStep, depth int) *profileElement {
	if p.typ == nil {
		return nil
	}
	e, only := elementOf(p.typ, step.name)
	if e == nil {
		return nil
	}
	k := &profileElement{def: &definition.ElementDefinition{Path: e.Path, Min: e.Min, Max: e.Max, Binding: e.Binding}, name: e.Name, base: e, only: only}
	for _, t := range e.Types {
		k.def.Types = append(k.def.Types, definition.TypeRefText{Code: t.Type.Name, Profiles: t.Profiles, Targets: t.Targets})
	}
	k.typ = c.typeOf(k)
	return c.find(k, steps[1:], depth+1)
}

// urls are the profiles of an element's one type, or of its targets.
func (c *overlayCompiler) urls(p *profileElement, targets bool) []string {
	if len(p.def.Types) != 1 {
		return nil
	}
	if targets {
		return p.def.Types[0].Targets
	}
	return p.def.Types[0].Profiles
}

// findIn follows a path from the root of the only profile that there is.
func (c *overlayCompiler) findIn(urls []string, steps []pathStep, depth int) *profileElement {
	if len(urls) != 1 {
		return nil
	}
	o := c.v.compileOverlay(urls[0], c.fresh)
	if o == nil || o.raw == nil {
		return nil
	}
	return c.find(o.raw, steps, depth+1)
}

// matches reports whether a value has what a slice asks for.
func (r *runner) matches(v value, m *matcher) bool {
	if !r.step() {
		return false
	}
	if m.kind == "url" {
		url := r.text(v.node, "url")
		return url != nil && bare(string(url)) == m.url
	}
	at := r.follow([]found{{value: v, doc: r.doc}}, m.steps)
	if m.kind == "exists" || m.must || m.none {
		return len(at) > 0 == m.must
	}
	for _, f := range at {
		if r.meets(f, m) {
			return true
		}
	}
	return false
}

// meets checks one value that the path of a discriminator leads to.
func (r *runner) meets(f found, m *matcher) bool {
	switch m.kind {
	case "type":
		for _, t := range m.types {
			if f.typ.Is(t) {
				return true
			}
		}
		return false
	case "profile":
		for _, p := range m.profiles {
			switch o := r.v.overlay(p); {
			case o == nil || o.typ == nil || !f.typ.Is(o.typ):
			case f.doc == nil: // of a target that is not here only the type is known
				r.unsure++
			case r.conformsIn(f, o):
				return true
			}
		}
		return false
	}
	if f.doc != r.doc || f.node < 0 {
		return false
	}
	switch {
	case m.fixed != nil:
		return m.fixed.equal(f.doc, f.node)
	case m.pattern != nil:
		return r.has(m.pattern, f.node)
	case m.set != "":
		return r.inSet(f.value, m.set) == definition.Yes
	}
	for _, part := range m.parts {
		if !r.matches(f.value, part) {
			return false
		}
	}
	return len(m.parts) > 0
}

// follow walks a path.
func (r *runner) follow(from []found, steps []pathStep) []found {
	for _, step := range steps {
		var next []found
		r.steps += len(from)
		for _, f := range from {
			next = r.followOne(next, f, step)
		}
		from = next
	}
	return from
}

func (r *runner) followOne(next []found, f found, step pathStep) []found {
	switch step.kind {
	case 't':
		if is(f.typ, step.name) {
			next = append(next, f)
		}
	case 'r':
		if f.doc != r.doc {
			return next
		}
		text := r.text(f.node, "reference")
		if f.typ.Kind == definition.Primitive && f.node >= 0 && r.doc.Nodes[f.node].Kind == tree.String {
			text = r.doc.Text(f.node)
		}
		if to := r.resolve(f.node, string(text)); to.doc != nil {
			return append(next, to)
		}
		t := r.typeNamed(text)
		if t == nil { // SPEC(FHIR R4 references.html#Reference.type): the type of a target that is not told by the reference
			t = r.v.set.Type(strings.TrimPrefix(string(r.text(f.node, "type")), coreURL))
		}
		if t == nil {
			r.unsure++
			return next
		}
		next = append(next, found{value: value{-1, -1, t, nil}})
	default:
		if f.doc != r.doc {
			return next
		}
		name := step.name
		if step.kind == 'e' {
			name = "extension"
		}
		from := len(r.vals)
		r.vals = r.children(r.vals, f.value, name)
		for _, k := range r.vals[from:] {
			if url := r.text(k.node, "url"); step.kind == 'n' || string(url) == step.name {
				next = append(next, found{value: k, doc: r.doc})
			}
		}
		r.vals = r.vals[:from]
	}
	return next
}
