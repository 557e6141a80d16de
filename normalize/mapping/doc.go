// Package mapping turns HL7 v2 messages into candidates of FHIR resources by rules that are data: rules/*.json say which
// segments form a group, which resource a group makes, and which field goes where under which condition; they are read and
// compiled into closures once. Converters of datatypes are Go code.
//
// A candidate is not a fact yet. Its id and its references are left open (a reference to candidate 3 reads
// "urn:ward:candidate:3"), what is doubtful about it is listed, and every field that no rule speaks of is counted: it stays
// in the raw message.
//
// Doctors, organisations and places become logical references (identifier and name), because a message is no authority for
// a directory. Lines of TX and FT that follow each other under one code are one text. An OBX whose value repeats is one
// Observation with components, a text that repeats is one text.
//
// What would be read in part only (a number of two components, a unit that repeats) is doubted, and what bodies may grow to is
// bounded by the size of the message.
//
// The package is pure: no clock, no store, no input but the message.
//
// Read in this order: map.go, rules.go, condition.go, compile.go, group.go, key.go, partial.go, bounds.go, then the converters.
package mapping
