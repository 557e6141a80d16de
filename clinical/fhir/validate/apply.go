package validate

import (
	"strconv"
	"strings"

	"github.com/ward-health/ward/clinical/fhir/definition"
	"github.com/ward-health/ward/clinical/fhir/issue"
	"github.com/ward-health/ward/clinical/fhir/tree"
)

// profile checks a value against a profile and notes what is wrong.
func (r *runner) profile(v value, o *overlay) {
	if o.root == nil || o.root.empty() {
		return
	}
	if r.depth >= maxDepth {
		r.deep = true
		return
	}
	r.depth++
	pushed := r.enter(v)
	r.element(v, o.root, o.url)
	if pushed {
		r.leave()
	}
	r.depth--
}

// enter makes a resource the one that the walk is in, if it is not yet.
func (r *runner) enter(v value) bool {
	if v.typ.Kind != definition.Resource || r.here().node == v.node {
		return false
	}
	s := scope{value: v, root: v.node, entry: -1}
	if up := int(r.doc.Nodes[v.node].Parent); v.node > 0 && r.doc.Nodes[up].Kind == tree.Array && r.doc.NameIs(up, "contained") {
		s.root = int(r.doc.Nodes[up].Parent)
	}
	r.scopes = append(r.scopes, s)
	return true
}

func (r *runner) leave() { r.scopes = r.scopes[:len(r.scopes)-1] }

// conforms reports whether a value conforms to a profile, and notes nothing. A question that is asked while it is being answered is answered with yes.
func (r *runner) conforms(v value, o *overlay) bool {
	key := memoKey{v.node, o}
	if ok, known := r.memo[key]; known {
		return ok
	}
	if r.memo == nil {
		r.memo = map[memoKey]bool{}
	}
	r.memo[key] = true
	failed := r.failed
	r.failed = false
	r.quiet++
	r.profile(v, o)
	r.quiet--
	ok := !r.failed
	r.failed = failed
	r.memo[key] = ok
	return ok
}

// element checks one value against an element of a profile.
func (r *runner) element(v value, e *element, rule string) {
	if r.quiet > 0 && r.failed || !r.step() {
		return
	}
	if e.types != nil && !r.typed(v, e, rule) {
		return
	}
	if e.fixed != nil && (v.node < 0 || !e.fixed.equal(r.doc, v.node)) {
		r.fail(v.at(), "value", IDFixed, rule, "the value is fixed by the profile, and this is another")
	}
	if e.pattern != nil && (v.node < 0 || !r.has(e.pattern, v.node)) {
		r.fail(v.at(), "value", IDPattern, rule, "the value does not have the parts that the profile's pattern asks for")
	}
	r.bounds(v, e, rule)
	if e.binding != nil {
		r.bound(v, e.binding, rule)
	}
	for _, k := range e.rules {
		r.invariant(k, v)
	}
	if len(e.children) == 0 {
		return
	}
	if r.enter(v) {
		defer r.leave()
	}
	for _, c := range e.children {
		from := len(r.vals)
		r.vals = r.children(r.vals, v, c.name)
		vals := r.vals[from:len(r.vals):len(r.vals)]
		if c.only != nil {
			vals = ofType(vals, c.only)
		}
		r.group(v, vals, c, rule)
		r.vals = r.vals[:from]
	}
}

// has reports whether the value at node n has what a pattern asks for. Each part of the pattern may be looked for among all that is in the value.
func (r *runner) has(pattern *literal, n int) bool {
	r.steps += pattern.size() * (int(r.doc.Nodes[n].Next) - n) >> 4
	return r.step() && pattern.within(r.doc, n)
}

// ofType keeps the values of one type, in place.
func ofType(vals []value, t *definition.Type) []value {
	kept := vals[:0]
	for _, v := range vals {
		if v.typ == t {
			kept = append(kept, v)
		}
	}
	return kept
}

// group checks all values that an element has in its parent.
func (r *runner) group(parent value, vals []value, e *element, rule string) {
	r.count(parent, vals, e, rule)
	r.inside(parent, vals, e, rule)
}

// inside is group without the cardinality.
func (r *runner) inside(parent value, vals []value, e *element, rule string) {
	for _, v := range vals {
		r.element(v, e, rule)
	}
	if e.slicing != nil {
		r.slice(parent, vals, e.slicing, rule)
	}
}

// count checks the cardinality of an element or slice.
func (r *runner) count(parent value, vals []value, e *element, rule string) {
	name := e.name
	if e.slice != "" {
		name = e.name + ":" + e.slice
	}
	if len(vals) < e.min {
		r.fail(parent.at(), "required", IDProfileMin, rule, "at least "+strconv.Itoa(e.min)+" of "+name+" is required by the profile")
	}
	if e.max != definition.Unbounded && len(vals) > e.max {
		r.fail(vals[e.max].at(), "structure", IDProfileMax, rule, "at most "+strconv.Itoa(e.max)+" of "+name+" is allowed by the profile")
	}
}

// typed checks the type of a value and the profiles of that type.
func (r *runner) typed(v value, e *element, rule string) bool {
	var t *typeRule
	for i := range e.types {
		if v.typ.Is(e.types[i].typ) {
			t = &e.types[i]
			break
		}
	}
	if t == nil {
		names := make([]string, len(e.types))
		for i := range e.types {
			names[i] = e.types[i].typ.Name
		}
		r.fail(v.at(), "structure", IDProfileTypes, rule, "the profile allows only: "+strings.Join(names, ", "))
		return false
	}
	if t.targets != nil {
		r.target(v, t.targets, rule)
	}
	if len(t.profiles) > 0 && v.node >= 0 {
		r.oneOf(v, t.profiles, rule)
	}
	return true
}

// oneOf checks that a value conforms to one of some profiles.
func (r *runner) oneOf(v value, profiles []string, rule string) {
	unknown := ""
	var only *overlay
	for _, p := range profiles {
		o := r.v.overlay(p)
		if o == nil {
			unknown = p
			continue
		}
		only = o
		if len(profiles) > 1 && o.typ != nil && v.typ.Is(o.typ) && r.conforms(v, o) {
			return
		}
	}
	switch {
	case unknown != "":
		r.warnOnce(issue.Warning, v.at(), "not-found", IDProfileUnknown, unknown, "this profile is not loaded: the element was not checked against it")
	case len(profiles) > 1 || only.typ == nil || !v.typ.Is(only.typ):
		r.fail(v.at(), "structure", IDConforms, rule, "the element conforms to none of "+strings.Join(profiles, ", "))
	default:
		r.profile(v, only)
	}
}

// slice sorts values to the slices of an element.
//
// SPEC(FHIR R4 profiling.html#slicing): closed: every value is in a slice; openAtEnd: those in none stand behind those in one; ordered: in the order of
// the slices. A value is in one slice at most.
func (r *runner) slice(parent value, vals []value, s *slicing, rule string) {
	if s.skip {
		r.warnOnce(issue.Warning, parent.at(), "not-supported", IDSliceSkipped, rule, "the discriminators of a slicing of this profile could not be compiled: it was not checked")
		return
	}
	sorted := make([][]value, len(s.slices)+1)
	last, open, loose := 0, false, 0
	for _, v := range vals {
		unsure := r.unsure
		k := r.sliceOf(v, s, rule)
		if k < 0 && r.unsure != unsure {
			loose++
			continue
		}
		if k < 0 {
			open = true
			if s.rules == "closed" {
				r.fail(v.at(), "structure", IDSlice, rule, "this value is in none of the slices of the profile, and the slicing is closed")
			}
			continue
		}
		if open && s.rules == "openAtEnd" {
			r.fail(v.at(), "structure", IDSliceOrder, rule, "values that are in no slice stand at the end")
		}
		if s.ordered && k < last {
			r.fail(v.at(), "structure", IDSliceOrder, rule, "the values stand in the order of the slices")
		}
		last = max(last, k)
		sorted[k] = append(sorted[k], v)
	}
	if loose > 0 {
		r.warnOnce(issue.Warning, parent.at(), "not-supported", IDSliceSkipped, rule, "what some references of a slicing of this profile point at is not known here: whether they are in a slice was not checked")
	}
	for k, one := range s.slices {
		if n := len(sorted[k]); n >= one.min || n+loose < one.min {
			r.count(parent, sorted[k], one.element, rule)
		}
		r.inside(parent, sorted[k], one.element, rule)
	}
	if s.other != nil {
		r.group(parent, sorted[len(s.slices)], s.other.element, rule)
	}
}

// sliceOf is the index of the slice that takes v, that of the default behind them, -1 if none does.
func (r *runner) sliceOf(v value, s *slicing, rule string) int {
	at := -1
	for k, one := range s.slices {
		if !r.takes(v, one) {
			continue
		}
		if at >= 0 {
			r.fail(v.at(), "structure", IDSliceMany, rule, "this value is in more than one slice of the profile")
			return at
		}
		at = k
	}
	if at < 0 && s.other != nil {
		return len(s.slices)
	}
	return at
}

func (r *runner) takes(v value, one *slice) bool {
	for _, m := range one.match {
		if !r.matches(v, m) {
			return false
		}
	}
	return true
}
