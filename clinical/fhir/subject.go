package fhir

import (
	"strings"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/clinical/fhir/tree"
)

// whose finds the patient whose compartment the resource is in. On the element that says whose data the resource is, only a literal
// reference that Ward can follow is taken: anything else would make patient data look as if it belonged to nobody.
//
// SPEC(FHIR R4 compartmentdefinition-patient.html): a resource is in the compartment of the patient that one of these elements names.
func (s *scanner) whose() error {
	if s.facts.Type == "Patient" {
		s.facts.Patient = s.facts.ID
		return nil
	}
	if d := s.def; d.subject != nil {
		at := s.doc.Member(0, d.subject[0])
		if at == tree.None && d.row.must {
			return ward.E(ward.Unprocessable, "fhir.scan", "this element is required (FHIR R4 1..1): it says whose data this is", nil).At(d.row.name + "." + d.row.subject)
		}
		if at != tree.None {
			rt, _, ok := SplitReference(string(s.text(at, "reference")))
			if !ok || !contains(d.whose, rt) {
				return s.fail(ward.Unprocessable, at, "this element says whose data this is; it needs a literal reference, Type/id, with Type one of "+strings.Join(d.whose, ", "))
			}
		}
	}
	for _, path := range s.def.patient {
		if id := s.patientAt(0, path); id != "" {
			s.facts.Patient = id
			return nil
		}
	}
	return nil
}

// patientAt returns the id of the first patient that a path leads to, "" if there is none.
func (s *scanner) patientAt(n int, path []string) string {
	if s.doc.Nodes[n].Kind == tree.Array {
		for at := s.doc.First(n); at != tree.None; at = s.doc.Sibling(at) {
			if id := s.patientAt(at, path); id != "" {
				return id
			}
		}
		return ""
	}
	if len(path) > 0 {
		at := s.doc.Member(n, path[0])
		if at == tree.None {
			return ""
		}
		return s.patientAt(at, path[1:])
	}
	if rt, id, ok := SplitReference(string(s.text(n, "reference"))); ok && rt == "Patient" {
		return id
	}
	return ""
}

// SplitReference reads a relative literal reference, Type/id or Type/id/_history/version. It checks the form only.
//
// SPEC(FHIR R4 references.html#literal): a relative reference has the form [type]/[id](/_history/[vid]).
func SplitReference(target string) (rt, id string, ok bool) {
	rt, id, ok = strings.Cut(target, "/")
	if !ok || len(rt) == 0 || len(rt) > 64 || rt[0] < 'A' || rt[0] > 'Z' {
		return "", "", false
	}
	for _, c := range []byte(rt) {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			return "", "", false
		}
	}
	if i := strings.IndexByte(id, '/'); i >= 0 {
		vid, versioned := strings.CutPrefix(id[i:], "/_history/")
		if !versioned || !ward.ValidID(vid) {
			return "", "", false
		}
		id = id[:i]
	}
	return rt, id, ward.ValidID(id)
}

func contains(list []string, s string) bool {
	for _, have := range list {
		if have == s {
			return true
		}
	}
	return false
}
