// Package terminology knows the laboratory and vital-sign codes that Ward judges (LOINC), what kind of quantity and which
// unit each one asks for, and the small HL7 v2 tables that its messages use.
//
// A row says what a code measures (component, system, property), the canonical UCUM unit, the hard limits beyond which a
// value is not believed, and the range in which the values of adults usually lie. The last is for telling units apart only:
// it is no clinical truth and must never be shown as a reference range. A code that is not in the table is unknown, never
// guessed. Mass, substance and equivalents are turned into each other by molecular formula and charge only; a row without a
// formula refuses.
//
// The package holds no state, does no input or output, and rounds nothing.
//
// LOINC codes and names are used under the notice in LICENSE-LOINC.txt; names are unchanged.
//
// Read in this order: analyte.go, convert.go, the rows (chemistry.go, blood.go, bedside.go), v2.go, systems.go.
package terminology
