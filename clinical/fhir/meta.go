package fhir

import (
	"bytes"

	"github.com/ward-health/ward"
)

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

// label takes one code of meta.security.
func (s *scanner) label(sys, code string) error {
	level := -1
	isConf, known := labelSystems[sys]
	switch l, ok := confLevels[code]; {
	case isConf && ok:
		level = l
	case isConf || !known || code == "":
		level = confUnknown // deny first: a label that is not understood restricts
	}
	s.conf = max(s.conf, level)
	if code == "" {
		return nil
	}
	if !contains(s.labels, code) {
		s.labels = append(s.labels, code)
	}
	return s.add(Value{Param: ParamSecurity, Kind: Token, System: sys, Code: code})
}

// meta reads Resource.meta.
func (s *scanner) meta() error {
	if k := s.dec.PeekKind(); k != '{' {
		return s.unexpected(k, "an object")
	}
	return s.members(func(name []byte) error {
		switch string(name) {
		case "versionId", "source":
			_, err := s.str()
			return err
		case "lastUpdated":
			_, _, err := s.moment(dtInstant)
			return err
		case "profile":
			if k := s.dec.PeekKind(); k != '[' {
				return s.unexpected(k, "an array of canonical")
			}
			return s.items(s.any)
		case "security":
			return s.codings(s.label)
		case "tag":
			return s.codings(func(sys, code string) error {
				if code == "" {
					return nil
				}
				return s.add(Value{Param: ParamTag, Kind: Token, System: sys, Code: code})
			})
		}
		if !bytes.HasPrefix(name, []byte("_")) && !contains(metaNames, string(name)) {
			return s.fail(ward.Invalid, "meta has no such element")
		}
		return s.other(name)
	})
}

var metaNames = []string{"id", "extension"}
