package fhirpath

import (
	"testing"

	"github.com/ward-health/ward/clinical/fhir/definition"
)

// constraint is an invariant on a type, or on one of the types of a choice.
type constraint struct {
	*definition.Constraint
	types []*definition.Type
}

// invariants are those of R4 with the types that each is on, and their keys with their expressions: some keys have several.
func invariants() (all []constraint, keys map[string]bool) {
	keys = map[string]bool{}
	add := func(cs []*definition.Constraint, types ...*definition.Type) {
		for _, c := range cs {
			if c.Expression != "" {
				keys[c.Key+" "+c.Expression] = true
				all = append(all, constraint{c, types})
			}
		}
	}
	seen := map[*definition.Type]bool{}
	var walk func(t *definition.Type)
	walk = func(t *definition.Type) {
		if t == nil || seen[t] {
			return
		}
		seen[t] = true
		add(t.Constraints, t)
		for _, e := range t.Elements {
			types := []*definition.Type{newMember(e).typ}
			if e.Choice {
				types = nil
				for _, r := range e.Types {
					types = append(types, r.Type)
					walk(r.Type)
				}
			}
			add(e.Constraints, types...)
			walk(types[0])
		}
	}
	s := definition.R4()
	s.Structures(func(d *definition.Structure) bool {
		if !d.Derived {
			walk(s.Type(d.Type))
		}
		for _, e := range d.Elements {
			for _, c := range e.Constraints {
				if !keys[c.Key+" "+c.Expression] {
					add([]*definition.Constraint{c}, nil)
				}
			}
		}
		return true
	})
	return all, keys
}

// cannotCheck are invariants that mean nothing on their type, with the reason.
var cannotCheck = map[string]string{
	"cid-0": "asks for the name of a ChargeItemDefinition, which has none in R4",
}

// TestInvariants: all invariants of R4 compile, and each can mean something on a type that it is on.
func TestInvariants(t *testing.T) {
	all, keys := invariants()
	failed := map[string]bool{}
	for _, c := range all {
		e, err := Compile(c.Expression, Options{})
		if err != nil {
			t.Errorf("%s: %s: %v", c.Key, c.Expression, err)
			continue
		}
		for _, typ := range c.types {
			if err = e.Check(definition.R4(), typ, CheckOptions{}); err == nil {
				break
			}
		}
		if failed[c.Key] = failed[c.Key] || err != nil; err != nil && cannotCheck[c.Key] == "" {
			t.Errorf("%s: %s: %v", c.Key, c.Expression, err)
		}
	}
	for key, reason := range cannotCheck {
		if !failed[key] {
			t.Errorf("%s can be checked and must leave the list (%s)", key, reason)
		}
	}
	if len(keys) != 246 {
		t.Errorf("%d invariants, not 246", len(keys))
	}
	t.Logf("%d invariants", len(keys))
}

// TestSearchParameters: all search expressions of R4 compile and can mean something on their types.
func TestSearchParameters(t *testing.T) {
	s := definition.R4()
	seen := map[*definition.SearchParameter]bool{}
	s.Structures(func(d *definition.Structure) bool {
		for _, p := range s.SearchParameters(d.Type) {
			if seen[p] || d.Derived {
				continue
			}
			seen[p] = true
			if p.Expression == "" {
				continue
			}
			e, err := Compile(p.Expression, Options{})
			if err != nil {
				t.Errorf("%s: %s: %v", p.URL, p.Expression, err)
				continue
			}
			if err := e.Check(s, nil, CheckOptions{}); err != nil {
				t.Errorf("%s: %s: %v", p.URL, p.Expression, err)
			}
		}
		return true
	})
	if len(seen) != 1377 {
		t.Errorf("%d search parameters, not 1377", len(seen))
	}
}
