// Package units finds out what the unit text of a result means and expresses the value in the canonical unit of its code,
// or says why it cannot.
//
// The order is fixed: an override for the sender, then the curated aliases, then UCUM; a text that is UCUM as it stands and
// fits the code is never changed by an alias that ignores letter case. An alias means something only where the LOINC property
// has its dimension, so that K/uL under a count is thousands per microlitre and nowhere kelvin. Whatever the text means must
// then fit the property of the code; a unit of the other property contradicts the code and is a doubt
// with the sibling code as the proposal, never a silent conversion. A missing unit is a doubt. Nothing is guessed, nothing
// is rounded before the last step, and the text as sent is not changed.
//
// The package is pure: no input or output, no store. Reasons are constants without patient data; evidence may hold numbers
// and unit texts of the result, because the caller seals it together with the fact that it holds back.
//
// Read in this order: reading.go, resolve.go, propose.go, alias.go, the tables (concentrations.go, counts.go,
// measures.go), decimal.go.
package units
