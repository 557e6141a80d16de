// Package simulate makes up a hospital: patients, staff, places, encounters, results, conditions and medication requests as
// FHIR R4 JSON, with the truth about each patient beside. The same seed and the same time give the same bytes on every
// platform and in every release of Go.
//
// Names are from lists of this package, identifiers are under http://ward.example, and nothing is taken from a real person.
// Randomness is an own stream; it must never read a clock, walk a map or format a float.
//
// Day and Load make HL7 v2 messages in the same manner.
//
// Read in this order: stream.go, hospital.go, patient.go, chart.go, fhir.go, words.go; then day.go, panel.go.
package simulate
