package validate

import (
	"github.com/ward-health/ward/clinical/fhir/tree"
	"github.com/ward-health/ward/clinical/fhirpath"
)

// Context returns what expressions on a resource may know: the types, the resources that references point at, value sets, profiles and slices. It is
// for one goroutine, and as long as the text of root stays what it is. All questions together take Options.Steps at most; those beyond have no answer.
func (v *Validator) Context(root fhirpath.Node) *fhirpath.Context {
	r := &runner{v: v, doc: root.Doc}
	r.scopes = append(r.scopes, scope{value: value{root.Value, root.Extra, root.Type, root.Element}, root: root.Value, entry: -1})
	r.context()
	c := r.ctx
	c.Limits, c.Spent = fhirpath.Limits{}, nil
	return &c
}

// aside is a runner for questions about a value of another text. Its steps are taken back by the caller.
func (r *runner) aside(at found) *runner {
	other := &runner{v: r.v, doc: at.doc, steps: r.steps, depth: r.depth}
	other.scopes = append(other.scopes, scope{value: at.value, root: at.node, entry: -1})
	other.context()
	return other
}

// conformsNode is conformsTo() of FHIRPath.
func (r *runner) conformsNode(n fhirpath.Node, canonical string) (conforms, known bool) {
	o := r.v.overlay(canonical)
	if o == nil || o.skip != "" || n.Doc == nil || n.Type == nil || n.Value < 0 {
		return false, false
	}
	if o.typ == nil || !n.Type.Is(o.typ) {
		return false, true
	}
	v := value{n.Value, n.Extra, n.Type, n.Element}
	if n.Doc != r.doc {
		return r.conformsIn(found{value: v, doc: n.Doc}, o), !r.spent
	}
	if r.standIn(v) {
		defer r.leave()
	}
	return r.conforms(v, o), !r.spent
}

// sliceNode is slice() of FHIRPath.
func (r *runner) sliceNode(n fhirpath.Node, canonical, name string) (in, known bool) {
	o := r.v.overlay(canonical)
	if o == nil || !o.slices[name] || n.Doc == nil || n.Type == nil {
		return false, false
	}
	v := value{n.Value, n.Extra, n.Type, n.Element}
	if n.Doc != r.doc {
		other := r.aside(found{value: v, doc: n.Doc})
		in, known = other.sliceNode(n, canonical, name)
		r.steps, r.evals = other.steps, r.evals+other.evals
		return in, known
	}
	if r.standIn(v) {
		defer r.leave()
	}
	failed := r.failed
	r.failed = false
	r.quiet++
	in, known = r.inSlice(v, o, name)
	r.quiet--
	r.failed = failed
	return in, known && !r.spent
}

// standIn makes the resource that a value is in the one that the walk is in, if it is not yet.
func (r *runner) standIn(v value) bool {
	for n := v.at(); n >= 0; n = int(r.doc.Nodes[n].Parent) {
		if r.here().node == n {
			return false
		}
		if t := r.v.resourceType(r.doc, n); t != nil {
			return r.enter(value{n, -1, t, nil})
		}
		if n == 0 {
			break
		}
	}
	return false
}

// inSlice reports whether a value is in a slice of a profile on something that it is in. known is false if the slicing could not be compiled.
func (r *runner) inSlice(v value, o *overlay, name string) (in, known bool) {
	chain := r.lineage(v)
	f := sliceFinder{r: r, name: name}
	for i := len(chain) - 2; i >= 0; i-- {
		if !r.step() {
			return false, false
		}
		// SPEC(FHIR R4 extensibility.html#Extension.url): the definition of an extension says something of those with its url alone.
		if o.typ.Name == "Extension" && string(r.text(chain[i].node, "url")) != o.url {
			continue
		}
		if chain[i].typ.Is(o.typ) && f.below(chain[i:], o.root) {
			return true, true
		}
	}
	return false, !f.lost
}

// lineage lists what a value is in, the root of its text first and the value itself last; nil if it has no place in its type.
func (r *runner) lineage(v value) []value {
	d := r.doc
	var at []int
	for n := v.at(); n > 0; n = int(d.Nodes[n].Parent) {
		if up := int(d.Nodes[n].Parent); d.Nodes[up].Kind == tree.Array || d.Nodes[n].Kind != tree.Array {
			at = append(at, n)
		}
	}
	out := []value{{0, -1, r.v.resourceType(d, 0), nil}}
	for i := len(at) - 1; i >= 0; i-- {
		k, ok := r.within(out[len(out)-1], at[i])
		if !ok {
			return nil
		}
		out = append(out, k)
	}
	out[len(out)-1] = v
	return out
}

// within is the value at node n, which is a member of p or an item of one.
func (r *runner) within(p value, n int) (k value, ok bool) {
	name := n
	if up := int(r.doc.Nodes[n].Parent); r.doc.Nodes[up].Kind == tree.Array {
		name = up
	}
	if p.typ == nil {
		return k, false
	}
	pl := r.v.plan(p.typ)
	m := pl.find(r.doc, name)
	switch {
	case m == nil:
		return k, false
	case m.extra:
		return value{-1, n, pl.members[m.partner].typ, m.elem}, true
	case m.resource:
		t := r.v.resourceType(r.doc, n)
		return value{n, -1, t, m.elem}, t != nil
	}
	return value{n, -1, m.typ, m.elem}, true
}

// sliceFinder looks for the slices with a name.
type sliceFinder struct {
	r    *runner
	name string
	lost bool // a slicing with the name that could not be compiled was met
}

// below reports whether the last of vals, of which each is in the one before it, is in such a slice below the element that the first is.
func (f *sliceFinder) below(vals []value, e *element) bool {
	for _, c := range e.children {
		if v := vals[1]; v.elem != nil && v.elem.Name == c.name && (c.only == nil || c.only == v.typ) && f.at(vals[1:], c) {
			return true
		}
	}
	return false
}

// at is below where the first of vals is of element or slice e. Slices within slices take what the outer ones take.
func (f *sliceFinder) at(vals []value, e *element) bool {
	if !f.r.step() {
		return false
	}
	if len(vals) > 1 && f.below(vals, e) {
		return true
	}
	s := e.slicing
	if s == nil {
		return false
	}
	if s.skip {
		names := map[string]bool{}
		e.names(names)
		f.lost = f.lost || names[f.name]
		return false
	}
	for _, k := range s.slices {
		if len(vals) > 1 || k.slice == f.name || k.slicing != nil {
			if f.r.takes(vals[0], k) && (len(vals) == 1 && k.slice == f.name || f.at(vals, k.element)) {
				return true
			}
		}
	}
	return s.other != nil && (len(vals) > 1 || s.other.slice == f.name) && f.r.sliceOf(vals[0], s, "") == len(s.slices) &&
		(len(vals) == 1 || f.at(vals, s.other.element))
}

// names lists the slices of an element and of those below it.
func (e *element) names(out map[string]bool) {
	for _, c := range e.children {
		c.names(out)
	}
	if e.slicing == nil {
		return
	}
	for _, s := range e.slicing.slices {
		out[s.slice] = true
		s.names(out)
	}
	if s := e.slicing.other; s != nil {
		out[s.slice] = true
		s.names(out)
	}
}
