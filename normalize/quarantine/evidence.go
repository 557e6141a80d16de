package quarantine

import (
	"encoding/json"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/normalize/judge"
)

// Evidence is why a fact is held: the sealed JSON of store.Hold.Evidence. It holds patient data.
type Evidence struct {
	Kind      string           `json:"kind"`                // message code and event
	Sender    string           `json:"sender,omitempty"`    // channel
	Position  string           `json:"position"`            // where in the message, "OBX[3]-6"
	Class     string           `json:"class"`               // as in the list of held facts
	Reason    string           `json:"reason"`              //
	Sent      Sent             `json:"sent"`                // what was sent, in few words
	Why       []string         `json:"why,omitempty"`       // evidence, one sentence each
	Findings  []judge.Finding  `json:"findings,omitempty"`  //
	Proposals []judge.Proposal `json:"proposals,omitempty"` // corrections that would fit
	LocalCode string           `json:"local_code,omitempty"`
	Birth     time.Time        `json:"birth,omitzero"`     // of the patient, for limits that hold for adults only
	Resource  json.RawMessage  `json:"resource,omitempty"` // as it would be
}

// Sent is a result as it was sent.
type Sent struct {
	Code       string `json:"code,omitempty"`
	System     string `json:"system,omitempty"`
	Display    string `json:"display,omitempty"`
	Value      string `json:"value,omitempty"`
	Comparator string `json:"comparator,omitempty"`
	Unit       string `json:"unit,omitempty"`
	Range      string `json:"range,omitempty"`
	Flags      string `json:"flags,omitempty"`
	Status     string `json:"status,omitempty"`
	Taken      string `json:"taken,omitempty"`
}

// Seal returns the JSON for store.Hold.Evidence.
func (e Evidence) Seal() (ward.Protected, error) {
	b, err := json.Marshal(e)
	if err != nil {
		return nil, ward.E(ward.Internal, "quarantine.evidence", "the evidence cannot be written", nil)
	}
	return ward.Protected(b), nil
}

// ReadEvidence reads the JSON of a held fact.
func ReadEvidence(p ward.Protected) (Evidence, error) {
	var e Evidence
	if err := json.Unmarshal([]byte(p), &e); err != nil {
		return e, ward.E(ward.Internal, "quarantine.evidence", "the evidence of a held fact is of an unknown form", nil)
	}
	return e, nil
}
