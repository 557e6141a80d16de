// Package judge says of one Observation, as a body, whether its number may be used: the unit is resolved and compared with
// the code, the value with what can be. It is asked when a message is understood and again when a person corrects a fact,
// and answers the same both times, for it looks at nothing but the body and what is known of the patient and the sender.
//
// What it accepts gets the UCUM code of the unit that was sent and, where it differs, the value in the canonical unit of the
// code as a translation. The value and the text of the unit stay as they were sent. What it doubts or has no row for stays
// without UCUM code, so that nothing downstream can take it for a checked quantity. It is pure.
//
// Read in this order: verdict.go, observation.go.
package judge
