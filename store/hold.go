package store

import (
	"time"

	"github.com/ward-health/ward"
)

// HoldState is where a held fact stands.
type HoldState string

// The states of a held fact. Held -> Proposed (first person) -> Released (second person) | Held (proposal taken back); any -> Rejected;
// Superseded: another version of the same fact was stored or held, and is not known to be older.
const (
	HoldHeld       HoldState = "held"
	HoldProposed   HoldState = "proposed"
	HoldReleased   HoldState = "released"
	HoldRejected   HoldState = "rejected"
	HoldSuperseded HoldState = "superseded"
)

// Hold is one fact that must not be used as it stands.
type Hold struct {
	Patient  string         // FHIR id; "" when nobody is known
	Class    string         // constant: "unit", "unmapped-code", "plausibility", "identity", "parse", "profile", "order"
	Reason   string         // constant code
	Position string         // "OBX[3]-5": segment names and positions only
	Fact     string         // "Observation/id" that it would become, "" if none
	Rule     string         // rule and version
	Sent     time.Time      // when its sender says that it was sent; zero when not known. To the microsecond
	Evidence ward.Protected // JSON, sealed: what was sent, why it is doubted, what is proposed, the resource as it would be; at most 1 MiB
}

// HeldFact is a Hold as it stands.
type HeldFact struct {
	ID       ward.ID
	Message  ward.ID
	Hold     Hold // Evidence only from Held
	State    HoldState
	At       time.Time
	First    ward.PrincipalID // who proposed the release
	Second   ward.PrincipalID // who released or rejected
	Proposal ward.Protected   // JSON of the proposed release; only from Held
	Note     string           // reason of a rejection, at most 200 characters; only from Held
}

// HoldQuery chooses held facts; zero fields choose all.
type HoldQuery struct {
	State   HoldState
	Class   string
	Message ward.ID
	Patient string
	Cursor  string
	Count   int
}

func (h *Hold) check() error {
	const op = "store.hold"
	switch {
	case h.Patient != "" && !ward.ValidID(h.Patient):
		return ward.E(ward.Invalid, op, "a held fact names its patient by FHIR id", nil).At("patient")
	case h.Class == "" || !constant(h.Class) || !constant(h.Reason) || !constant(h.Position) || !constant(h.Rule) || !constant(h.Fact):
		return ward.E(ward.Invalid, op, "class, reason, position, fact and rule of a held fact are constants of at most 120 printable characters", nil)
	case !datable(h.Sent):
		return ward.E(ward.Invalid, op, "a held fact was sent in one of the years 1 to 9999", nil).At("sent")
	case len(h.Evidence) > maxSide:
		return ward.E(ward.TooLarge, op, "the evidence of a held fact may have at most 1 MiB", nil)
	}
	return nil
}

// datable reports whether a time can be kept as Unix microseconds; the zero time, which says nothing, can.
func datable(t time.Time) bool { return t.Year() >= 1 && t.Year() <= 9999 }

// sentMicros is a time of sending as it is kept: 0 for one that is not known.
func sentMicros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func sentTime(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return micros(us)
}
