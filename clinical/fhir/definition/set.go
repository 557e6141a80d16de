package definition

import (
	"strings"
	"sync"
)

// Set is what is defined: the R4 specification, and the packages that were loaded onto it. It is immutable and safe for
// concurrent use; a set that was made from another shares what it did not change.
type Set struct {
	base *Set // nil: R4

	types        map[string]*Type // by Name and by URL
	params       map[string][]*SearchParameter
	byURL        map[string]*SearchParameter
	compartments map[string]*Compartment

	structures map[string]*Structure // by URL and by URL|version
	composes   map[string]*compose
	codes      map[string]*CodeSystem
	packages   []string // names of those that this set adds to its base
	missing    []Missing
	lazy       *lazy // of R4: what is decoded when it is first asked for

	expanded sync.Map // canonical -> *ValueSet
}

// Type returns a type by its name ("Patient", "Patient.contact", "string") or URL, nil if there is none.
func (s *Set) Type(name string) *Type { return s.root().types[name] }

func (s *Set) root() *Set {
	for s.base != nil {
		s = s.base
	}
	return s
}

// Structure returns a StructureDefinition by its canonical URL, nil if there is none. With "|version" it must be of that version; of R4 "4.0" is
// taken for "4.0.1".
func (s *Set) Structure(canonical string) *Structure {
	url, version, _ := strings.Cut(canonical, "|")
	for ; s != nil; s = s.base {
		if s.lazy != nil {
			s.lazy.profiles.Do(s.loadProfiles)
		}
		if d := s.structures[url]; d != nil && fits(d.Version, version) {
			return d
		}
	}
	return nil
}

// fits reports whether a version is the one that was asked for: "", the same, or the beginning of it ("4.0" of "4.0.1").
func fits(have, want string) bool {
	return want == "" || have == want || strings.HasPrefix(have, want+".")
}

// Structures calls fn for every StructureDefinition of the set, those of packages first, until fn returns false. The order within is none.
func (s *Set) Structures(fn func(*Structure) bool) {
	seen := map[string]bool{}
	for ; s != nil; s = s.base {
		if s.lazy != nil {
			s.lazy.profiles.Do(s.loadProfiles)
		}
		for url, d := range s.structures {
			if !seen[url] {
				seen[url] = true
				if !fn(d) {
					return
				}
			}
		}
	}
}

// SearchParameters lists those that a resource type has, its own and those of Resource and DomainResource, by code. The slice is shared.
func (s *Set) SearchParameters(resourceType string) []*SearchParameter {
	for ; s != nil; s = s.base {
		if have, ok := s.params[resourceType]; ok {
			return have
		}
	}
	return nil
}

// SearchParameter returns one by its URL, nil if there is none.
func (s *Set) SearchParameter(url string) *SearchParameter {
	for ; s != nil; s = s.base {
		if p := s.byURL[url]; p != nil {
			return p
		}
	}
	return nil
}

// Compartment returns a compartment by its code ("Patient"), nil if there is none.
func (s *Set) Compartment(code string) *Compartment { return s.root().compartments[code] }

// Member returns what a JSON member name means in t, nil if t has no such member. "resourceType" is none of them.
func (t *Type) Member(name string) *Member { return t.members[name] }

// Is reports whether t is base or derives from it.
func (t *Type) Is(base *Type) bool {
	for ; t != nil; t = t.Base {
		if t == base {
			return true
		}
	}
	return false
}
