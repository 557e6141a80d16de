package definition

import (
	"slices"
	"strings"
)

// Missing is something that a definition refers to and that is not there, or a part of it that could not be used. What refers to it is not checked.
type Missing struct {
	Of   string // canonical URL of the structure, or name#version of the package, that says so
	Path string // of the element in it, "" = the whole
	Kind string // "profile", "value set", "base", "snapshot", "element", "package"
	What string // canonical URL, name of the package, or why: "has no such element in its base"
}

// String says it in a sentence, for people.
func (m Missing) String() string {
	at := ""
	if m.Path != "" {
		at = " at " + m.Path
	}
	switch m.Kind {
	case "snapshot", "element":
		return m.Of + at + " " + m.What + ": not checked"
	}
	return m.Of + " refers" + at + " to the " + m.Kind + " " + m.What + ", which is not loaded: not checked"
}

// Missing lists what the definitions of packages refer to and is not there in this set: what refers to it is not checked. What of R4 itself is not
// shipped is told by Structure.Withheld and ValueSet.Complete.
func (s *Set) Missing() []Missing {
	var all []Missing
	for at := s; at != nil; at = at.base {
		for _, m := range at.missing {
			if s.lacks(m) && !slices.Contains(all, m) {
				all = append(all, m)
			}
		}
	}
	return all
}

// lacks reports whether what was missing in a set that s was made from still is.
func (s *Set) lacks(m Missing) bool {
	switch m.Kind {
	case "profile":
		return s.Structure(m.What) == nil
	case "value set":
		return s.compose(m.What) == nil
	case "package":
		name, _, _ := strings.Cut(m.What, "#")
		return !s.loaded(name)
	case "base", "snapshot":
		d := s.Structure(m.Of)
		return d == nil || d.Partial
	}
	return true
}

// loaded reports whether a package is in the set.
func (s *Set) loaded(name string) bool {
	for ; s != nil; s = s.base {
		if slices.Contains(s.packages, name) {
			return true
		}
	}
	return false
}

// dependencies names the packages that p depends on and that are not there.
func (s *Set) dependencies(p *Package) (out []Missing) {
	for name, version := range p.Dependencies {
		if !strings.HasPrefix(name, "hl7.fhir.r4.core") && !s.loaded(name) {
			out = append(out, Missing{Of: p.Name + "#" + p.Version, Kind: "package", What: name + "#" + version})
		}
	}
	slices.SortFunc(out, func(a, b Missing) int { return strings.Compare(a.What, b.What) })
	return out
}

// references names what a structure refers to and is not there.
func (s *Set) references(d *Structure) (out []Missing) {
	said := map[string]bool{}
	say := func(kind, canonical, path string) {
		if !said[canonical] {
			said[canonical] = true
			out = append(out, Missing{Of: d.URL, Path: path, Kind: kind, What: canonical})
		}
	}
	for _, e := range d.Elements {
		for _, t := range e.Types {
			for _, p := range t.Profiles {
				if s.Structure(p) == nil {
					say("profile", p, e.Path)
				}
			}
		}
		if b := e.Binding; b != nil && b.Strength == Required && b.ValueSet != "" && s.compose(b.ValueSet) == nil {
			say("value set", b.ValueSet, e.Path)
		}
	}
	return out
}
