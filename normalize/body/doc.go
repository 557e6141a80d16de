// Package body is one FHIR resource as an ordered tree of JSON values, for code that builds or merges bodies: members keep
// their order, numbers keep their digits, and what is not touched is written as it was read.
//
// It knows nothing of FHIR but that empty objects, arrays and strings are left out when a body is written, and never
// rounds or reformats a number. Every input is bounded. No error holds a value.
//
// Read in this order: value.go, parse.go, write.go, path.go.
package body
