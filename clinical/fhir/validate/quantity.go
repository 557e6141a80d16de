package validate

import (
	"sync"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/clinical/fhir/issue"
	"github.com/ward-health/ward/clinical/ucum"
)

const ucumURL = "http://unitsofmeasure.org"

// unitState is what is known of a UCUM code.
type unitState uint8

const (
	unitGood unitState = iota + 1
	unitUnknown
	unitBroken
)

// units remembers codes that were read.
type units struct {
	mu  sync.RWMutex
	all map[string]unitState
}

const maxUnits = 4096

// of reads a UCUM code.
func (u *units) of(code []byte) unitState {
	u.mu.RLock()
	s := u.all[string(code)]
	u.mu.RUnlock()
	if s != 0 {
		return s
	}
	s = unitGood
	if _, err := ucum.Parse(string(code)); err != nil {
		s = unitBroken
		if ward.KindOf(err) == ward.Unsupported {
			s = unitUnknown
		}
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.all == nil {
		u.all = map[string]unitState{}
	}
	if len(u.all) < maxUnits && len(code) < 100 {
		u.all[string(code)] = s
	}
	return s
}

// quantity checks the system and the code of a unit.
//
// SPEC(FHIR R4 datatypes.html#Quantity): system is an absolute URI. SPEC(UCUM): a code of http://unitsofmeasure.org is a unit expression.
func (r *runner) quantity(v value) {
	system, code := r.text(v.node, "system"), r.text(v.node, "code")
	if system == nil {
		return
	}
	if !absoluteURI(system) {
		r.fail(r.doc.Member(v.node, "system"), "invalid", IDCodeSystem, "", "the system of a unit is an absolute URI")
		return
	}
	if code == nil || string(system) != ucumURL {
		return
	}
	switch r.v.units.of(code) {
	case unitBroken:
		r.fail(r.doc.Member(v.node, "code"), "code-invalid", IDUnit, "", "the code is no expression of UCUM")
	case unitUnknown:
		r.report(issue.Warning, r.doc.Member(v.node, "code"), "code-invalid", IDUnit, "", "this unit is not one of the UCUM units that are known here")
	}
}
