package fhir

import "github.com/ward-health/ward/clinical/fhir/tree"

// Confidentiality levels as Facts.Conf gives them.
const (
	confNormal  = 3
	confUnknown = 4
)

// confLevels orders the codes of v3-Confidentiality.
//
// SPEC(FHIR R4 security-labels.html, v3-Confidentiality): U < L < M < N < R < V.
var confLevels = map[string]int{"U": 0, "L": 1, "M": 2, "N": 3, "R": 4, "V": 5}

// labelSystems are the code systems of security labels that say something else than a confidentiality level (sensitivity,
// obligation, purpose of use, integrity). true: levels of confidentiality.
var labelSystems = map[string]bool{
	"http://terminology.hl7.org/CodeSystem/v3-Confidentiality":  true,
	"http://hl7.org/fhir/v3/Confidentiality":                    true,
	"urn:oid:2.16.840.1.113883.5.25":                            true,
	"http://terminology.hl7.org/CodeSystem/v3-ActCode":          false,
	"http://terminology.hl7.org/CodeSystem/v3-ActReason":        false,
	"http://terminology.hl7.org/CodeSystem/v3-ObservationValue": false,
}

// labels reads meta.security.
func (s *scanner) labels() {
	meta := s.doc.Member(0, "meta")
	if meta != tree.None {
		list := s.doc.Member(meta, "security")
		if list != tree.None && s.doc.Nodes[list].Kind == tree.Array {
			for at := s.doc.First(list); at != tree.None; at = s.doc.Sibling(at) {
				s.label(string(s.text(at, "system")), string(s.text(at, "code")))
			}
		}
	}
	if s.facts.Conf < 0 {
		s.facts.Conf = confNormal
	}
}

// label takes one code of meta.security.
func (s *scanner) label(sys, code string) {
	f := &s.facts
	level := -1
	isConf, known := labelSystems[sys]
	switch l, ok := confLevels[code]; {
	case isConf && ok:
		level = l
	case isConf || !known || code == "":
		level = confUnknown // deny first: a label that is not understood restricts
	}
	f.Conf = max(f.Conf, level)
	if code == "" {
		return
	}
	if !contains(f.Labels, code) {
		f.Labels = append(f.Labels, code)
	}
	f.Values = append(f.Values, Value{Param: ParamSecurity, Kind: Token, System: sys, Code: code})
}
