// Package plausible judges whether a result can be believed: impossible (physics), implausible (hard limits), abnormal (the
// laboratory's own range and flags), inconsistent (value, range, flags, earlier values and companions contradict each other).
//
// The scale test compares the value and the middle of the reference range with where adults' values usually lie; a ratio
// near a factor that separates two units in use says that the unit is mislabelled, and which unit fits. Factors are computed
// from units and formulas. Nothing is corrected here: a finding carries evidence and a proposal, and Hold says whether the
// fact waits for a person. Sick is not implausible: abnormal values are never held. Rivals says in which other units the number could
// just as well be meant: where one result cannot tell, its sender has to.
//
// The package is pure: no input or output, no store, no clock. Codes are constants without patient data; evidence may hold
// numbers of the result, because the caller seals it together with the fact.
//
// Read in this order: finding.go, check.go, span.go, flags.go, scale.go, delta.go, rival.go, panel.go.
package plausible
