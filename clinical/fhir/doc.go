// Package fhir understands FHIR R4 resources as bytes: one strict pass gives the subject, the search values, the labels
// and the references with their offsets. Bodies keep their bytes: Strip, Stamp and Replace splice, nothing is
// re-marshalled, so decimals keep their digits and unknown elements stay.
//
// It must never do I/O, keep a body after a call returns, or put a value of a body into an error: errors name the place
// (a FHIRPath of element names and positions) and what was expected there.
//
// What is offered (types, compartments, search parameters) stands in one table, table.go; the scanner, the search parser and the
// CapabilityStatement all read it.
//
// Read in this order: table.go, scan.go, datatype.go, date.go, search.go, holds.go, splice.go, bundle.go.
package fhir
