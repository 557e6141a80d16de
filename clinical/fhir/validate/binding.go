package validate

import (
	"github.com/ward-health/ward/clinical/fhir/definition"
	"github.com/ward-health/ward/clinical/fhir/issue"
	"github.com/ward-health/ward/clinical/fhir/tree"
	"github.com/ward-health/ward/clinical/fhirpath"
)

// binding is a compiled binding.
type binding struct {
	strength definition.Strength
	set, max string
}

// newBinding compiles a binding, nil if there is nothing to check.
func newBinding(b *definition.Binding) *binding {
	if b == nil || b.ValueSet == "" && b.Max == "" || b.Max == "" && b.Strength == definition.Example {
		return nil
	}
	return &binding{b.Strength, b.ValueSet, b.Max}
}

// baseBinding is that of the base specification: a required one to a value set that is known whole is checked by package structure.
func (v *Validator) baseBinding(b *definition.Binding) *binding {
	if b != nil && b.Strength == definition.Required && b.Max == "" {
		if set := v.set.ValueSet(b.ValueSet); set != nil && whole(set) {
			return nil
		}
	}
	return newBinding(b)
}

func whole(set *definition.ValueSet) bool {
	for _, codes := range set.Codes {
		if codes == nil {
			return false
		}
	}
	return set.Complete && len(set.Codes) > 0 && len(set.Codes) <= 64
}

// memberOf asks the Set, and the caller where the Set does not know.
func (r *runner) memberOf(set, system, code string) definition.Answer {
	a := r.v.set.MemberOf(set, system, code)
	if a == definition.NotKnown && r.v.o.MemberOf != nil {
		a = r.v.o.MemberOf(set, system, code)
	}
	return a
}

// bound checks a coded value against a binding. rule is the profile that made it, "" = the base specification.
func (r *runner) bound(v value, b *binding, rule string) {
	if v.node < 0 {
		return
	}
	// SPEC(extension elementdefinition-maxValueSet): codes beyond the binding's value set come from this one at most. No code is no such code.
	if b.max != "" && r.coded(v) && r.inSet(v, b.max) == definition.No {
		r.fail(v.node, "code-invalid", IDBinding, rule, "a code out of the maximal value set "+b.max+" is required here")
	}
	if b.set == "" || b.strength == definition.Example {
		return
	}
	switch r.inSet(v, b.set) {
	case definition.No:
		r.notIn(v, b, rule)
	case definition.NotKnown:
		if b.strength == definition.Required && r.coded(v) {
			r.warnOnce(issue.Warning, v.node, "not-found", IDBindingUnknown, b.set, "this value set is not known here, or not whole: the code was not checked")
		}
	}
}

func (r *runner) notIn(v value, b *binding, rule string) {
	switch b.strength {
	case definition.Required:
		if is(v.typ, "Quantity") && !r.coded(v) {
			return // a quantity need not have a coded unit
		}
		r.fail(v.node, "code-invalid", IDBinding, rule, "a code out of "+b.set+" is required here")
	case definition.Extensible:
		if r.coded(v) {
			r.report(issue.Warning, v.node, "code-invalid", IDBinding, rule, "a code out of "+b.set+" is expected here where one fits (extensible)")
		}
	case definition.Preferred:
		if r.coded(v) {
			r.report(issue.Information, v.node, "code-invalid", IDBinding, rule, "a code out of "+b.set+" is preferred here")
		}
	}
}

// coded reports whether a value has a code at all.
func (r *runner) coded(v value) bool {
	if v.typ.Kind == definition.Primitive {
		return v.node >= 0
	}
	if r.doc.Member(v.node, "code") != tree.None {
		return true
	}
	found := false
	each(r.doc, v.node, "coding", func(n int) { found = found || r.doc.Member(n, "code") != tree.None })
	return found
}

// inSet says whether a coded value is in a value set: one of its codings for a CodeableConcept. Without any code it is not.
//
// SPEC(FHIR R4 terminologies.html#4.1.4): for code, Coding and Quantity the code, for CodeableConcept one of the codings, for string and uri the text.
func (r *runner) inSet(v value, set string) definition.Answer {
	switch {
	case v.typ.Kind == definition.Primitive:
		if v.node < 0 || r.doc.Nodes[v.node].Kind != tree.String {
			return definition.NotKnown
		}
		return r.memberOf(set, "", string(r.doc.Text(v.node)))
	case is(v.typ, "CodeableConcept"):
		answer := definition.No
		if r.v.set.ValueSet(set) == nil && r.v.o.MemberOf == nil {
			answer = definition.NotKnown
		}
		each(r.doc, v.node, "coding", func(n int) {
			if answer == definition.Yes {
				return
			}
			if a := r.codingIn(n, set); a != definition.No {
				answer = a
			}
		})
		return answer
	case is(v.typ, "Coding"), is(v.typ, "Quantity"):
		return r.codingIn(v.node, set)
	}
	return definition.NotKnown
}

// codingIn says whether the system and code of object n are in a value set.
func (r *runner) codingIn(n int, set string) definition.Answer {
	code, system := r.text(n, "code"), r.text(n, "system")
	if code == nil {
		if r.v.set.ValueSet(set) == nil {
			return definition.NotKnown
		}
		return definition.No
	}
	if system == nil {
		// SPEC(FHIR R4 datatypes.html#Coding): without a system a code has no meaning that a value set could hold.
		if a := r.memberOf(set, "", string(code)); a == definition.NotKnown {
			return a
		}
		return definition.No
	}
	return r.memberOf(set, string(system), string(code))
}

// itemMember is memberOf() of FHIRPath.
func (r *runner) itemMember(item fhirpath.Value, set string) (member, known bool) {
	n, ok := item.Node()
	if !ok || n.Doc != r.doc || n.Type == nil {
		return false, false
	}
	switch r.inSet(value{n.Value, n.Extra, n.Type, n.Element}, set) {
	case definition.Yes:
		return true, true
	case definition.No:
		return false, true
	}
	return false, false
}

// coding checks a Coding by itself: its system is that of a code system, and its code one of it where the system is known whole.
func (r *runner) coding(v value) {
	system := r.text(v.node, "system")
	if system == nil {
		return
	}
	at := r.doc.Member(v.node, "system")
	if !absoluteURI(system) {
		r.fail(at, "invalid", IDCodeSystem, "", "the system of a Coding is an absolute URI")
		return
	}
	cs := r.v.set.CodeSystem(string(system))
	if cs == nil {
		// SPEC(FHIR R4 datatypes.html#Coding): system names a code system, never a value set.
		if r.v.set.ValueSet(string(system)) != nil {
			r.fail(at, "invalid", IDCodeSystem, "", "the system of a Coding names a code system, and this is the URL of a value set")
		}
		return
	}
	code := r.text(v.node, "code")
	if code == nil || !cs.Complete {
		return
	}
	if cs.AnyCase {
		r.steps += len(cs.Codes) >> 4 // it may look at all of them
	}
	concept, ok := cs.Concept(string(code))
	if !ok {
		r.fail(r.doc.Member(v.node, "code"), "code-invalid", IDCodeUnknown, "", "this code system has no such code: "+cs.URL)
		return
	}
	if display := r.text(v.node, "display"); display != nil && concept.Display != "" && !sameWords(string(display), concept.Display) {
		r.report(r.v.o.Display, r.doc.Member(v.node, "display"), "invalid", IDDisplay, "", "the display is not that of the code")
	}
}
