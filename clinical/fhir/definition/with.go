package definition

import (
	"slices"

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
	n.missing = n.snapshots()
	for _, p := range packages {
		n.packages = append(n.packages, p.Name)
	}
	for _, p := range packages {
		n.missing = append(n.missing, n.dependencies(p)...)
		for _, d := range p.structures {
			if have := n.structures[d.URL]; have.Package == d.Package && have.Version == d.Version {
				n.missing = append(n.missing, n.references(have)...)
			}
		}
	}
	issues := make([]issue.Issue, 0, len(n.missing))
	for _, m := range n.missing {
		issues = append(issues, issue.Issue{Severity: issue.Warning, Code: "not-found", ID: "definition-missing", Text: m.String(), Rule: m.Of})
	}
	return n, issues
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
