package simulate

import (
	"encoding/json"
	"strconv"
	"time"
)

// chart is one patient's record in the making.
type chart struct {
	sim    *Simulator
	r      *stream
	house  *house
	number int
	truth  Truth
	out    []Resource
	doctor string
	serial int
}

// visit is an encounter that other resources point to.
type visit struct {
	id    string
	start time.Time
}

func (c *chart) add(rtype, id string, v any) { c.out = append(c.out, resource(rtype, id, v)) }

// head labels every resource of a restricted patient.
//
// SPEC(HL7 v3 Confidentiality, FHIR R4 security labels): R, restricted, is one above the normal label N.
func (c *chart) head(rtype, id string) head {
	h := head{ResourceType: rtype, ID: id}
	if c.truth.Confidential {
		h.Meta = &meta{Security: []coding{{"http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "R", "restricted"}}}
	}
	return h
}

func stamp(t time.Time) string { return t.Format("2006-01-02T15:04:05Z") }

func of(c coded) concept {
	return concept{Coding: []coding{{c.system, c.code, c.display}}, Text: c.display}
}

func (c *chart) make() (Group, Truth) {
	c.person()
	c.doctor = pick(c.r, c.house.staff)
	old := c.visit(c.r.between(400, 700), "finished", "AMB", "ambulatory")
	recent := c.visit(c.r.between(3, 25), "finished", "IMP", "inpatient encounter")
	c.conditions(old)
	for _, t := range tests {
		c.measure(recent, t, "final", recent.start.Add(time.Duration(c.r.between(20, 600))*time.Minute), c.r.around(t.lo, t.hi))
	}
	for range 3 {
		t := tests[c.r.below(len(tests))]
		c.measure(old, t, "final", old.start.Add(time.Duration(c.r.between(20, 200))*time.Minute), c.r.around(t.lo, t.hi))
	}
	c.creatinine(old, recent)
	for range c.r.between(1, 3) {
		id := c.r.id()
		c.add("MedicationRequest", id, medicationRequest{head: c.head("MedicationRequest", id), Status: "active", Intent: "order",
			MedicationCodeableConcept: of(pick(c.r, medications)), Subject: ref("Patient", c.truth.Patient), Encounter: ref("Encounter", recent.id),
			AuthoredOn: stamp(recent.start.Add(time.Hour)), Requester: ref("Practitioner", c.doctor)})
	}
	return Group{Patient: c.truth.Patient, Resources: c.out}, c.truth
}

// visit makes an encounter that began the given number of days ago.
func (c *chart) visit(daysAgo int, status, class, display string) visit {
	v := visit{id: c.r.id(), start: c.sim.now.AddDate(0, 0, -daysAgo).Add(-time.Duration(c.r.between(0, 600)) * time.Minute)}
	c.add("Encounter", v.id, encounter{head: c.head("Encounter", v.id),
		Identifier: []identifier{{system + "visit", "V" + strconv.Itoa(c.number) + "-" + strconv.Itoa(daysAgo)}}, Status: status,
		Class:   coding{"http://terminology.hl7.org/CodeSystem/v3-ActCode", class, display},
		Subject: ref("Patient", c.truth.Patient), Participant: []participant{{ref("Practitioner", c.doctor)}},
		Period:          period{stamp(v.start), stamp(v.start.Add(time.Duration(c.r.between(12, 48)) * time.Hour))},
		Location:        []encounterLocation{{ref("Location", pick(c.r, c.house.places))}},
		ServiceProvider: ref("Organization", c.house.org)})
	return v
}

func (c *chart) conditions(v visit) {
	list := []coded{pick(c.r, conditions)}
	if c.truth.Confidential {
		list = append(list, sensitive)
	}
	for _, what := range list {
		id := c.r.id()
		c.add("Condition", id, condition{head: c.head("Condition", id),
			ClinicalStatus:     concept{Coding: []coding{{"http://terminology.hl7.org/CodeSystem/condition-clinical", "active", "Active"}}},
			VerificationStatus: concept{Coding: []coding{{"http://terminology.hl7.org/CodeSystem/condition-ver-status", "confirmed", "Confirmed"}}},
			Code:               of(what), Subject: ref("Patient", c.truth.Patient), Encounter: ref("Encounter", v.id), RecordedDate: stamp(v.start)})
	}
}

// measure makes one Observation and returns its id.
func (c *chart) measure(v visit, t test, status string, at time.Time, value int) string {
	id := c.r.id()
	c.serial++
	category := coding{"http://terminology.hl7.org/CodeSystem/observation-category", "laboratory", "Laboratory"}
	switch t.code {
	case "8867-4", "8480-6", "29463-7":
		category.Code, category.Display = "vital-signs", "Vital Signs"
	}
	c.add("Observation", id, observation{head: c.head("Observation", id),
		Identifier: []identifier{{system + "result", "R" + strconv.Itoa(c.number) + "-" + strconv.Itoa(c.serial)}}, Status: status,
		Category: []concept{{Coding: []coding{category}}}, Code: of(t.coded), Subject: ref("Patient", c.truth.Patient), Encounter: ref("Encounter", v.id),
		EffectiveDateTime: stamp(at), Issued: stamp(at.Add(30 * time.Minute)), Performer: []reference{ref("Organization", c.house.org)},
		ValueQuantity: quantity{Value: json.Number(decimal(value, t.places)), Unit: t.unit, System: ucum, Code: t.unit}})
	return id
}

var (
	creatinineMass  = test{coded{loinc, "2160-0", "Creatinine [Mass/volume] in Serum or Plasma"}, "mg/dL", 55, 260, 2}
	creatinineMolar = test{coded{loinc, "14682-9", "Creatinine [Moles/volume] in Serum or Plasma"}, "umol/L", 48, 230, 0}
)

// creatinine makes the results that a model of kidney function looks at, as the case says.
func (c *chart) creatinine(old, recent visit) {
	t, status, at, v := creatinineMass, "final", recent.start.Add(90*time.Minute), recent
	value := c.r.around(t.lo, t.hi)
	switch c.truth.Case {
	case Missing:
		return
	case MolarUnit:
		t, value = creatinineMolar, c.r.around(creatinineMolar.lo, creatinineMolar.hi)
	case WrongUnit:
		t.unit = "U/L"
	case Stale:
		at, v = old.start.Add(90*time.Minute), old
	case Implausible:
		t.places, value = 0, c.r.around(creatinineMolar.lo, creatinineMolar.hi)
	case Preliminary:
		status = "preliminary"
	case EnteredWrong:
		status = "entered-in-error"
	case Corrected:
		c.measure(recent, t, "final", recent.start.Add(30*time.Minute), value)
		status, value = "corrected", c.r.around(t.lo, t.hi)
	case MassUnit, Confidential:
		c.measure(old, t, "final", old.start.Add(90*time.Minute), c.r.around(t.lo, t.hi))
	}
	c.truth.Creatinine = c.measure(v, t, status, at, value)
	c.truth.Value, c.truth.Unit, c.truth.Taken = decimal(value, t.places), t.unit, at
}
