package simulate

import (
	"strconv"
	"time"
)

// house is the hospital itself.
type house struct {
	org       string
	places    []string
	staff     []string
	resources []Resource
}

func ref(rtype, id string) reference { return reference{rtype + "/" + id} }

func resource(rtype, id string, v any) Resource { return Resource{rtype, id, encode(v)} }

var wards = []string{"Emergency", "Internal medicine", "Nephrology", "Outpatient clinic"}

func newHouse(r *stream) *house {
	h := &house{org: r.id()}
	h.resources = append(h.resources, resource("Organization", h.org, organization{
		head: head{"Organization", h.org, nil}, Identifier: []identifier{{system + "org", "WARD-1"}}, Active: true, Name: "Ward Example Hospital"}))
	for i, name := range wards {
		id := r.id()
		h.places = append(h.places, id)
		h.resources = append(h.resources, resource("Location", id, location{
			head: head{"Location", id, nil}, Identifier: []identifier{{system + "location", "L" + strconv.Itoa(i+1)}},
			Status: "active", Name: name, ManagingOrganization: ref("Organization", h.org)}))
	}
	for i := range 6 {
		id, role := r.id(), r.id()
		h.staff = append(h.staff, id)
		given := femaleNames
		if i%2 == 1 {
			given = maleNames
		}
		h.resources = append(h.resources, resource("Practitioner", id, practitioner{
			head: head{"Practitioner", id, nil}, Identifier: []identifier{{system + "staff", "S" + strconv.Itoa(100+i)}}, Active: true,
			Name: []humanName{{Family: pick(r, familyNames), Given: []string{pick(r, given)}, Prefix: []string{"Dr."}}}}),
			resource("PractitionerRole", role, practitionerRole{
				head: head{"PractitionerRole", role, nil}, Active: true, Practitioner: ref("Practitioner", id),
				Organization: ref("Organization", h.org), Location: []reference{ref("Location", h.places[i%len(h.places)])}}))
	}
	return h
}

func (h *house) group() Group { return Group{Resources: h.resources} }

// caseOf returns what the n-th patient is.
func caseOf(n int) Case {
	switch {
	case n < len(cases):
		return cases[n]
	case n%14 == 5:
		return Confidential
	case n%2 == 1:
		return MolarUnit
	}
	return MassUnit
}

// person makes the Patient and the truth about it.
func (c *chart) person() {
	r, t := c.r, &c.truth
	t.Case = caseOf(c.number)
	t.Confidential = t.Case == Confidential
	t.Patient, t.Family = r.id(), pick(r, familyNames)
	t.Gender, t.Given = "female", pick(r, femaleNames)
	if r.chance(50) {
		t.Gender, t.Given = "male", pick(r, maleNames)
	}
	age := r.between(24, 91)
	switch t.Case {
	case Child:
		age = r.between(3, 15)
	case SexUnknown:
		t.Gender = "unknown"
	}
	now := c.sim.now
	t.Birth = time.Date(now.Year()-age, now.Month(), now.Day(), 0, 0, 0, 0, time.UTC).AddDate(0, 0, -r.between(1, 360))
	t.Identifier = "W" + strconv.Itoa(1000000+c.number)
	c.add("Patient", t.Patient, patient{
		head: c.head("Patient", t.Patient), Identifier: []identifier{{system + "mrn", t.Identifier}}, Active: true,
		Name: []humanName{{Family: t.Family, Given: []string{t.Given}}}, Gender: t.Gender, BirthDate: t.Birth.Format(time.DateOnly),
		Address: []address{{Line: []string{"Musterweg " + strconv.Itoa(r.between(1, 180))}, City: pick(r, cities),
			PostalCode: "0" + strconv.Itoa(r.between(1000, 9999)), Country: "XX"}},
		GeneralPractitioner: []reference{ref("Practitioner", pick(r, c.house.staff))}, ManagingOrganization: ref("Organization", c.house.org)})
}
