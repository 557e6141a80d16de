package simulate

import (
	"encoding/json"
	"time"
)

// Simulator makes hospitals. The zero Simulator is not usable; New makes one.
type Simulator struct {
	seed stream
	now  time.Time
}

// New returns a simulator. All dates lie before now, which is taken in UTC to the minute.
func New(seed uint64, now time.Time) *Simulator {
	return &Simulator{seed: stream{seed}, now: now.UTC().Truncate(time.Minute)}
}

// Case says what is special about a patient.
type Case string

// The cases. A hospital of 12 or more patients has each of them; the first twelve patients are these, in this order.
const (
	MassUnit     Case = "mass"         // creatinine in mg/dL
	MolarUnit    Case = "molar"        // creatinine in umol/L
	WrongUnit    Case = "wrong-unit"   // creatinine in a unit of another kind of quantity
	Stale        Case = "stale"        // only creatinine is older than a year
	Missing      Case = "missing"      // no creatinine at all
	Confidential Case = "confidential" // creatinine in mg/dL, whole record labelled R (restricted)
	Child        Case = "child"        // younger than 18
	SexUnknown   Case = "sex-unknown"  // administrative gender unknown
	Implausible  Case = "implausible"  // a umol/L figure under the unit mg/dL
	Preliminary  Case = "preliminary"  // creatinine not final yet
	Corrected    Case = "corrected"    // an older final and a newer corrected creatinine
	EnteredWrong Case = "entered-in-error"
)

var cases = []Case{MassUnit, MolarUnit, WrongUnit, Stale, Missing, Confidential, Child, SexUnknown, Implausible, Preliminary, Corrected, EnteredWrong}

// Truth is what is so about one patient.
type Truth struct {
	Patient      string // FHIR id
	Given        string
	Family       string
	Identifier   string // value under http://ward.example/mrn
	Birth        time.Time
	Gender       string
	Case         Case
	Confidential bool
	Creatinine   string    // FHIR id of the Observation that a model should look at, empty: none
	Value        string    // decimal text
	Unit         string    // UCUM code
	Taken        time.Time // clinical time
}

// Resource is one made-up resource.
type Resource struct {
	Type string
	ID   string
	Body []byte // compact JSON
}

// Group is what one transaction writes: the hospital itself, or one patient.
type Group struct {
	Patient   string // empty for the hospital itself
	Resources []Resource
}

// Hospital is a generated hospital. It is plain data.
type Hospital struct {
	Groups []Group // the hospital itself first, then one a patient
	Truth  []Truth // in the order of patients
}

// Hospital makes a hospital with its staff, places and patients (about 20 resources each). The first patients are the
// special cases; the others are MassUnit and MolarUnit, one in fourteen Confidential.
func (s *Simulator) Hospital(patients int) Hospital {
	h := Hospital{Groups: make([]Group, 0, patients+1), Truth: make([]Truth, 0, patients)}
	s.Each(patients, func(g Group, t Truth) bool {
		h.Groups = append(h.Groups, g)
		if g.Patient != "" {
			h.Truth = append(h.Truth, t)
		}
		return true
	})
	return h
}

// Each makes the same groups one after the other without keeping them: for loads of any size. It ends when fn returns false.
func (s *Simulator) Each(patients int, fn func(Group, Truth) bool) {
	house := s.seed.split(0)
	w := newHouse(house)
	if !fn(w.group(), Truth{}) {
		return
	}
	for i := range patients {
		c := chart{sim: s, r: s.seed.split(uint64(i) + 1), house: w, number: i}
		if !fn(c.make()) {
			return
		}
	}
}

// Bundles returns one FHIR transaction a group. Every entry is a PUT under the resource's id, so that sending a bundle
// again changes nothing.
func (h Hospital) Bundles() [][]byte {
	out := make([][]byte, len(h.Groups))
	for i, g := range h.Groups {
		out[i] = g.Bundle()
	}
	return out
}

// Bundle returns the group as a FHIR transaction.
func (g Group) Bundle() []byte {
	b := bundle{ResourceType: "Bundle", Type: "transaction", Entry: make([]bundleEntry, len(g.Resources))}
	for i, r := range g.Resources {
		b.Entry[i] = bundleEntry{FullURL: system + "fhir/" + r.Type + "/" + r.ID, Resource: r.Body,
			Request: bundleRequest{Method: "PUT", URL: r.Type + "/" + r.ID}}
	}
	return encode(b)
}

// NDJSON returns every resource on a line of its own, group by group.
func (h Hospital) NDJSON() []byte {
	var out []byte
	for _, g := range h.Groups {
		for _, r := range g.Resources {
			out = append(append(out, r.Body...), '\n')
		}
	}
	return out
}

// Count returns the number of resources.
func (h Hospital) Count() int {
	n := 0
	for _, g := range h.Groups {
		n += len(g.Resources)
	}
	return n
}

// encode marshals structs that hold strings, numbers as text and slices only: no map, no float.
func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic("simulate: " + err.Error()) // the types of this package always marshal
	}
	return b
}
