package definition

import "github.com/ward-health/ward/clinical/fhir/issue"

// snapshots names the structures that came without a snapshot.
func (s *Set) snapshots() (open []issue.Issue) {
	for _, d := range s.structures {
		if d.Partial {
			open = append(open, unchecked(d.URL+" has no snapshot: not checked"))
		}
	}
	return open
}
