package plausible

import (
	"math/big"
	"time"

	"github.com/ward-health/ward/clinical/terminology"
)

// Level says how far from belief a value is.
type Level string

// The levels.
const (
	Impossible   Level = "impossible"   // against physics or arithmetic
	Implausible  Level = "implausible"  // outside of the hard limits of the code
	Abnormal     Level = "abnormal"     // outside of the laboratory's own range: news, no error
	Inconsistent Level = "inconsistent" // two things that were sent contradict each other
)

// Codes of findings: constants, never with patient data.
const (
	BelowPossible   = "below-possible"   // negative amount, fraction below 0 ...
	AbovePossible   = "above-possible"   // fraction above 100 % ...
	BelowPlausible  = "below-plausible"  // under the hard limit
	AbovePlausible  = "above-plausible"  // over the hard limit
	OutsideRange    = "outside-range"    // outside of the laboratory's range
	FlaggedAbnormal = "flagged-abnormal" // the laboratory flags it
	FlagContradicts = "flag-contradicts" // flag and range disagree about the value
	UnitMislabelled = "unit-mislabelled" // value or range fit another unit; holds
	ScaleSuspect    = "scale-suspect"    // the value is a unit factor away from the usual, while the range is not; flag only
	RangeUnreadable = "range-unreadable" // the reference range is no range that is understood
	RangeUnit       = "range-unit"       // the reference range names another unit than the result
	DeltaLarge      = "delta-large"      // far from the patient's last value
	PanelGap        = "panel-anion-gap"  // Na - Cl - HCO3 outside of what is seen
	PanelHct        = "panel-hct-hb"     // haematocrit is not about three times haemoglobin
	PanelMCHC       = "panel-mchc"       // MCHC is not Hb/Hct
	PanelBilirubin  = "panel-bilirubin"  // direct over total
	PanelLipids     = "panel-lipids"     // parts over total cholesterol
	PanelIron       = "panel-iron"       // saturation is not iron/TIBC
	PanelProtein    = "panel-protein"    // albumin over total protein
	PanelPressure   = "panel-pressure"   // diastolic not under systolic
	PanelBMI        = "panel-bmi"        // BMI is not weight/height squared
)

// Previous is an earlier value of the same patient under the same code, in the canonical unit.
type Previous struct {
	Value *big.Rat
	At    time.Time
}

// Fact is one result to judge. The value is exact and in the canonical unit of the analyte.
type Fact struct {
	Analyte    terminology.Analyte
	Value      *big.Rat
	Comparator string     // "<", "<=", ">=", ">" or empty
	Unit       string     // the unit that was sent, as UCUM: the range is in it; empty: the canonical one
	Range      string     // reference range as sent (OBX-7), empty if none
	Flags      []string   // interpretation codes as sent (OBX-8)
	Child      bool       // under 18: the usual range of adults says nothing
	At         time.Time  // when the specimen was taken; zero if unknown
	Previous   []Previous // in any order
}

// Proposal is a correction that a person may accept: the value as sent, read in Unit or under Code.
type Proposal struct {
	Unit string // UCUM
	Code string // LOINC; empty: the same code
	Why  string
}

// Finding is one observation about a fact.
type Finding struct {
	Level    Level
	Code     string
	Evidence []string // may hold numbers of the result: seal it with the fact
	Proposal *Proposal
}
