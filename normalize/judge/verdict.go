package judge

import (
	"github.com/ward-health/ward/normalize/plausible"
	"github.com/ward-health/ward/normalize/units"
)

// TagSystem is the system of the tags by which normalisation says what it thinks of a fact.
const TagSystem = "urn:ward:fact"

// The tags.
const (
	Unmapped     = "unmapped"         // no LOINC code was sent: no model can find it
	Unchecked    = "unchecked"        // the value was not checked: no row for the code, or no plain number
	Inconsistent = "inconsistent"     // something that was sent beside it contradicts it; the evidence was not enough to hold it
	Released     = "released"         // it was held, and two persons let it in
	Disputed     = "disputed"         // a newer version of it is held: nobody may compute with it before that is settled
	Unconfirmed  = "unit-unconfirmed" // the number could be meant in another unit, and the sender's has not been confirmed: nobody may compute with it
)

// Classes and reasons of verdicts that do not come from units or plausible.
const (
	ClassUnit         = units.ClassUnit
	ClassCode         = units.ClassUnmappedCode
	ClassPlausibility = "plausibility"
	ClassParse        = "parse"

	CodesDisagree = "codes-disagree" // two LOINC codes were sent and mean different units
)

// Proposal is a correction that a person may accept.
type Proposal struct {
	Unit  string `json:"unit,omitempty"`  // UCUM
	Value string `json:"value,omitempty"` // what it would be
	Code  string `json:"code,omitempty"`  // LOINC
	Why   string `json:"why"`
}

// Finding is one thing found about the value.
type Finding struct {
	Level    string   `json:"level"`
	Code     string   `json:"code"`
	Evidence []string `json:"evidence,omitempty"`
}

// Standing is what a sender's results under one code and unit have shown, all together.
type Standing int

// The standings.
const (
	Even    Standing = iota // nothing speaks against its unit
	Shifted                 // they have moved away from what they were, or lie apart from what others send: its unit is in doubt
)

// Verdict is what is thought of one Observation.
type Verdict struct {
	Hold      bool
	Class     string // of the hold
	Reason    string // constant
	Field     int    // of OBX, that the reason is about
	Why       []string
	Findings  []Finding
	Proposals []Proposal
	Tags      []string
	Wants     bool            // it was not decided: the patient's earlier values may change it, and were not given
	Fact      *plausible.Fact // the number as it was judged; nil: there was none to judge
}

func (v *Verdict) tag(code string) {
	for _, have := range v.Tags {
		if have == code {
			return
		}
	}
	v.Tags = append(v.Tags, code)
}
