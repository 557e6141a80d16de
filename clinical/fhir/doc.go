// Package fhir says what this server keeps of FHIR R4, and reads it as bytes: Scan checks a resource strictly (packages tree, structure) and gives
// the subject, the search values (package index), the labels and the references with their offsets; Read does the same for what was accepted
// before. Bodies keep their bytes: Strip, Stamp and Replace splice, nothing is re-marshalled, so decimals keep their digits.
//
// It must never do I/O, keep a body after a call returns, or put a value of a body into an error: errors name the place
// (a FHIRPath) and what was expected there.
//
// What is offered (types, compartments, search parameters) stands in one table, table.go; the scanner, the search parser and the
// CapabilityStatement all read it.
//
// Read in this order: table.go, compile.go, engine.go, scan.go, values.go, subject.go, meta.go, findings.go, search.go, holds.go, splice.go,
// bundle.go.
package fhir
