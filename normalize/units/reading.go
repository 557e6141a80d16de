package units

import (
	"math/big"
	"time"
)

// Override says what one sender means by a unit text under one of its codes. It is data of the deployment. What it says also where it is
// what the text means anyway: that the sender does mean it.
type Override struct {
	Sender string
	Code   string // local code or LOINC code; empty: all codes of the sender
	From   string // the unit text as sent, exactly; empty: the unit is missing
	Unit   string // what it means, UCUM
	// Ranges are the reference ranges that such results come with: a result with another one may be in another unit. Empty: they come
	// without.
	Ranges []string
	Since  time.Time // when it was said
	Lapsed bool      // it was taken back: what the text means is as if it had never been said, and in doubt
}

// Reading is one numeric result as it was sent.
type Reading struct {
	Sender     string
	LocalCode  string
	LOINC      string
	Value      string // decimal text
	Comparator string // "<", "<=", ">=", ">" or empty
	Unit       string // as sent
	UnitSystem string // "UCUM", "ISO+" or empty, as sent
}

// Result is what a reading means.
type Result struct {
	UCUM       string   // the unit that the sent text means
	Via        string   // "override", "alias", "ucum", or "default" for pH and INR without unit
	Value      *big.Rat // exact, in Canonical
	Comparator string   // as sent
	Canonical  string   // canonical unit of the code, UCUM
	Text       string   // Value as decimal text with as many significant digits as were sent
	Steps      []string // evidence, one step each; may hold numbers of the result
}

// Classes of a Doubt, as the quarantine names them.
const (
	ClassUnit         = "unit"
	ClassUnmappedCode = "unmapped-code"
	ClassValue        = "value"
)

// Reasons of a Doubt. They are constants and never hold patient data.
const (
	CodeUnknown       = "code-unknown"       // the code has no row in clinical/terminology
	UnitMissing       = "unit-missing"       // no unit was sent and no override speaks
	UnitUnknown       = "unit-unknown"       // neither override, alias nor UCUM knows the text
	DimensionMismatch = "dimension-mismatch" // the unit is of another property than the code
	ArbitraryUnit     = "arbitrary-unit"     // an arbitrary unit (IU) stands where another kind is asked for
	NeedsMolarMass    = "needs-molar-mass"   // mass against substance, and a formula is known: see the proposal
	NoMolarMass       = "no-molar-mass"      // mass against substance, and no formula or charge connects them
	ValueNotNumeric   = "value-not-numeric"  // the value is no decimal number
	ComparatorUnknown = "comparator-unknown" // the comparator is none of <, <=, >=, >
)

// Doubt says why a reading is not used. Reason is a constant. Evidence may hold numbers and units of the result: the caller
// seals it with the fact that it holds.
type Doubt struct {
	Class    string
	Reason   string
	Evidence []string
	Proposal *Proposal // nil: none
}

// Proposal is a correction that a person may accept. Empty fields stay as they were sent.
type Proposal struct {
	Unit  string // UCUM
	Value string // decimal text, in Unit
	Code  string // LOINC
	Why   string
}
