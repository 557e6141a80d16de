// Package fhirpath reads and evaluates FHIRPath (normative release 1, and the parts of later releases that FHIR R4 uses) on resources
// that clinical/fhir/tree has read.
//
// An expression is compiled once, is immutable, and is evaluated from many goroutines. Evaluation walks the tape of the resource: nothing is
// copied out of it until a value is asked for. Length and depth of an expression are bounded when it is compiled; steps, items and text are bounded
// when it is evaluated, each with an error of its own. No input makes it panic, and no error holds a value of the resource.
//
// What it does not know by itself it asks its caller for through Context: other resources (Resolve), value sets (MemberOf) and profiles
// (ConformsTo). Without them the functions that need them are errors, not guesses.
//
// Read in this order: value.go, node.go, expression.go, parse.go, compile.go, machine.go; then the operators and functions.
package fhirpath
