package definition

import "slices"

// merge takes over what a differential says of an element.
func (n *node) merge(e *ElementDefinition, source string) {
	d := n.def
	if e.Min >= 0 {
		d.Min = e.Min
	}
	if e.Max != NotGiven {
		d.Max = e.Max
	}
	if len(e.Types) > 0 {
		d.Types = e.Types
	}
	if e.Content != "" {
		d.Content = e.Content
	}
	if e.Fixed != nil {
		d.Fixed, d.ValueType = e.Fixed, e.ValueType
	}
	if e.Pattern != nil {
		d.Pattern, d.ValueType = e.Pattern, e.ValueType
	}
	if e.MinValue != nil {
		d.MinValue, d.BoundType = e.MinValue, e.BoundType
	}
	if e.MaxValue != nil {
		d.MaxValue, d.BoundType = e.MaxValue, e.BoundType
	}
	if e.MaxLength > 0 {
		d.MaxLength = e.MaxLength
	}
	if e.Regexp != "" {
		d.Regexp = e.Regexp
	}
	d.MustSupport, d.Modifier, d.Summary = d.MustSupport || e.MustSupport, d.Modifier || e.Modifier, d.Summary || e.Summary
	d.XMLAttr = d.XMLAttr || e.XMLAttr
	d.bind(e.Binding)
	d.slicing(e.Slicing)
	for _, k := range e.Constraints {
		d.constrain(k, source)
	}
}

// bind takes over a binding; strength and value set stay where it does not say them.
func (e *ElementDefinition) bind(b *Binding) {
	if b == nil {
		return
	}
	made := *b
	if had := e.Binding; had != nil {
		if made.Strength == 0 {
			made.Strength = had.Strength
		}
		if made.ValueSet == "" {
			made.ValueSet = had.ValueSet
		}
	}
	e.Binding = &made
}

// slicing takes over a slicing; discriminators that the base has stay.
func (e *ElementDefinition) slicing(s *Slicing) {
	if s == nil {
		return
	}
	made := *s
	if had := e.Slicing; had != nil {
		made.Discriminators = slices.Clone(had.Discriminators)
		for _, d := range s.Discriminators {
			if !slices.Contains(made.Discriminators, d) {
				made.Discriminators = append(made.Discriminators, d)
			}
		}
		made.Ordered = made.Ordered || had.Ordered
		if made.Rules == "" {
			made.Rules = had.Rules
		}
	}
	e.Slicing = &made
}

// constrain adds an invariant; one of the same key is replaced.
//
// SPEC(FHIR R4 elementdefinition.html): the invariants of a differential are added to those of the base.
func (e *ElementDefinition) constrain(k *Constraint, source string) {
	if k.Source == "" {
		made := *k
		made.Source = source
		k = &made
	}
	if i := slices.IndexFunc(e.Constraints, func(have *Constraint) bool { return have.Key == k.Key }); i >= 0 {
		e.Constraints = slices.Clone(e.Constraints)
		e.Constraints[i] = k
		return
	}
	e.Constraints = append(slices.Clip(e.Constraints), k)
}
