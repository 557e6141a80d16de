package mapping

import (
	"slices"
	"strconv"

	"github.com/ward-health/ward/clinical/hl7v2"
	"github.com/ward-health/ward/normalize/identity"
)

// keyMaker returns the business key of a candidate: a system, then what is unique in it; nil: there is nothing to name it
// by, and it is no fact of its own.
type keyMaker func(s *scope) []string

var keyMakers map[string]keyMaker

func init() {
	keyMakers = map[string]keyMaker{
		"patient": patientKey, "encounter": encounterKey, "report": reportKey, "observation": observationKey,
		"allergy": allergyKey, "condition": conditionKey, "procedure": procedureKey,
	}
}

func entitySystem(r *run, v hl7v2.Value) string {
	hd := hl7v2.HD{NamespaceID: clean(v.Component(2)), UniversalID: clean(v.Component(3)), UniversalIDType: clean(v.Component(4))}
	for _, k := range []string{hd.NamespaceID, hd.UniversalID} {
		if uri, ok := r.o.Systems[k]; ok && k != "" {
			return uri
		}
	}
	return identity.Assigned(r.m, hd, r.o.Channel)
}

func patientKey(s *scope) []string {
	id, ok := identity.Patient(s.run.m, s.segment("PID"), 3, s.run.names())
	if !ok {
		return nil
	}
	return []string{id.System, id.Value}
}

// encounterKey takes the visit number, else the account number, else the patient and the time of admission.
func encounterKey(s *scope) []string {
	pv1, pid := s.segment("PV1"), s.segment("PID")
	for _, f := range []hl7v2.Field{pv1.Field(19), pid.Field(18)} {
		if id, ok := identity.Choose(identity.List(s.run.m, f, s.run.names())); ok {
			return []string{id.System, id.Value}
		}
	}
	patient, admitted := patientKey(s), clean(pv1.Field(44).First())
	if patient == nil || admitted == "" {
		return nil
	}
	return append(patient, "admitted", admitted)
}

// orderKey names an order: by the filler's number, else by the placer's; a number holds within who assigned it. One number
// may stand for several batteries, so the battery belongs to it. Without a number, patient, battery and time name it.
func orderKey(s *scope) []string {
	obr, orc := s.segment("OBR"), s.segment("ORC")
	battery, _ := named(obr.Field(4).First())
	for _, f := range []hl7v2.Field{obr.Field(3), orc.Field(3), obr.Field(2), orc.Field(2)} {
		if v := f.First(); clean(v.Component(1)) != "" {
			return []string{entitySystem(s.run, v), clean(v.Component(1)), battery}
		}
	}
	patient := patientKey(s)
	if patient == nil {
		return nil
	}
	return append(patient, "unnumbered", battery, clean(obr.Field(7).First()))
}

func reportKey(s *scope) []string {
	if !s.segment("OBR").Exists() {
		return nil
	}
	return orderKey(s)
}

// observationKey names a result: by its order, what was measured and the sub-id.
func observationKey(s *scope) []string {
	var order []string
	if s.segment("OBR").Exists() {
		order = orderKey(s)
	} else if p := patientKey(s); p != nil {
		order = append(p, "observed", clean(s.get(14).First()))
	}
	code := s.get(3).First()
	id, system := named(code)
	what := id + "^" + system
	if what == "^" {
		what = clean(code.Component(4)) + "^" + clean(code.Component(6)) + "^" + clean(code.Component(2))
	}
	s.cand.Code = clean(code.Component(1))
	if order == nil {
		return nil
	}
	if what == "^^" {
		s.doubt(ClassParse, NoCode, 3)
		what += strconv.Itoa(s.seg.Index())
	}
	key, taken := append(order, "observation", what, clean(s.get(4).First())), clean(s.get(14).First())
	if s.cand.Alone = clean(s.get(4).First()) == ""; s.cand.Alone && taken != "" {
		s.cand.Twin = append(slices.Clone(key), "@"+taken)
	}
	return key
}

// named returns the coding of a CWE that names what it means: LOINC's wherever it stands among the alternates, else the first,
// so that senders who change their order speak of the same.
//
// SPEC(HL7 2.8 2A.2.13): CWE.1 to 3, 4 to 6 and 10 to 12 are code, text and system of the same meaning.
func named(v hl7v2.Value) (code, system string) {
	for _, at := range []int{1, 4, 10} {
		if code := clean(v.Component(at)); code != "" && systemOf(clean(v.Component(at+2))) == loinc {
			return code, "LN"
		}
	}
	return clean(v.Component(1)), clean(v.Component(3))
}

const loinc = "http://loinc.org"

func allergyKey(s *scope) []string {
	return ofPatient(s, "allergy", s.get(3).First())
}

func conditionKey(s *scope) []string {
	if v := s.get(20).First(); clean(v.Component(1)) != "" {
		return s.numbered(v, "condition")
	}
	k := ofPatient(s, "condition", s.get(3).First())
	if k == nil {
		if text := clean(s.get(4).First()); text != "" && patientKey(s) != nil {
			k = append(patientKey(s), "condition", text)
		}
	}
	if k == nil {
		return nil
	}
	return append(append(k, encounterKey(s)...), clean(s.get(6).First()))
}

func procedureKey(s *scope) []string {
	if v := s.get(19).First(); clean(v.Component(1)) != "" {
		return s.numbered(v, "procedure")
	}
	k := ofPatient(s, "procedure", s.get(3).First())
	if k == nil {
		return nil
	}
	return append(k, clean(s.get(5).First()))
}

// numbered names something of a patient by a number. The patient belongs to it: a number that comes again for another patient
// must never carry what it names from one record to the other.
func (s *scope) numbered(v hl7v2.Value, kind string) []string {
	p := patientKey(s)
	if p == nil {
		return nil
	}
	return append(p, kind, entitySystem(s.run, v), clean(v.Component(1)))
}

// ofPatient names something of a patient by its code.
func ofPatient(s *scope, kind string, code hl7v2.Value) []string {
	p := patientKey(s)
	what := clean(code.Component(1)) + "^" + clean(code.Component(3))
	if clean(code.Component(1)) == "" {
		what = clean(code.Component(2))
	}
	if p == nil || what == "" {
		return nil
	}
	return append(p, kind, what)
}
