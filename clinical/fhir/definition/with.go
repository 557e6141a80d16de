package definition

import (
	"slices"
	"strings"

	"github.com/ward-health/ward/clinical/fhir/issue"
)

// With returns a set that has the definitions of the packages too; those of later packages stand before those of earlier ones and of s. s does
// not change. The issues name what is missing: a package that one depends on, a base definition, a profile, a value set. What refers to it is not
// checked, and every issue says so. None of them is an error.
func (s *Set) With(packages ...*Package) (*Set, []issue.Issue) {
	n := &Set{base: s, params: map[string][]*SearchParameter{}, byURL: map[string]*SearchParameter{}, structures: map[string]*Structure{},
		composes: map[string]*compose{}, codes: map[string]*CodeSystem{}}
	var params []*SearchParameter
	for _, p := range packages {
		for _, d := range p.structures {
			n.structures[d.URL] = d
		}
		for _, c := range p.composes {
			n.composes[c.url] = c
		}
		for _, c := range p.systems {
			if len(c.Codes) > 0 || n.CodeSystem(c.URL) == nil {
				n.codes[c.URL] = c
			}
		}
		params = append(params, p.params...)
	}
	n.join(params)
	open := n.snapshots()
	for _, p := range packages {
		open = append(open, n.dependencies(p, packages)...)
		for _, d := range p.structures {
			if n.structures[d.URL] == d {
				open = append(open, n.missing(d)...)
			}
		}
	}
	return n, open
}

// join adds search parameters to those of the base.
func (s *Set) join(params []*SearchParameter) {
	if len(params) == 0 {
		return
	}
	replaced := map[string]bool{}
	for _, p := range params {
		replaced[p.URL] = true
	}
	all := slices.Clone(params)
	for b := s.base; b != nil; b = b.base {
		for url, p := range b.byURL {
			if !replaced[url] {
				replaced[url] = true
				all = append(all, p)
			}
		}
	}
	s.addParams(all)
}

func unchecked(text string) issue.Issue {
	return issue.Issue{Severity: issue.Warning, Code: "not-found", ID: "definition-missing", Text: text}
}

// dependencies names the packages that p depends on and that are not there.
func (s *Set) dependencies(p *Package, with []*Package) (out []issue.Issue) {
	for name, version := range p.Dependencies {
		if strings.HasPrefix(name, "hl7.fhir.r4.core") || slices.ContainsFunc(with, func(o *Package) bool { return o.Name == name }) {
			continue
		}
		out = append(out, unchecked("package "+p.Name+"#"+p.Version+" depends on "+name+"#"+version+", which is not loaded: what refers to its definitions is not checked"))
	}
	slices.SortFunc(out, func(a, b issue.Issue) int { return strings.Compare(a.Text, b.Text) })
	return out
}

// missing names what a structure refers to and is not there.
func (s *Set) missing(d *Structure) (out []issue.Issue) {
	said := map[string]bool{}
	say := func(what, canonical, path string) {
		if canonical == "" || said[canonical] {
			return
		}
		said[canonical] = true
		out = append(out, unchecked(d.URL+" refers at "+path+" to the "+what+" "+canonical+", which is not loaded: not checked"))
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
