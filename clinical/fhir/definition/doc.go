// Package definition says what FHIR R4 is: types with their elements, bindings and invariants, search parameters,
// compartments, value sets, and the profiles of packages that are loaded at run time. A Set is immutable: loading a package
// makes a new one (With), so that a tenant's set is swapped whole while readers go on with the old; what did not change is shared.
//
// The R4 tables are generated from the CC0 definitions and embedded; no content of SNOMED CT, LOINC or other code systems that
// are not HL7's is in them. R4 decodes types, search parameters and compartments once; structures with their snapshots, and
// value sets, are decoded when they are first asked for. A profile that comes without a snapshot is given one (snapshot.go).
//
// It must never be quiet about what it does not know: a value set tells whether it is complete (ValueSet.Complete), a membership may be
// NotKnown, a definition that refers to what is not there is listed (Set.Missing), one whose codes are not shipped says so (Structure.Withheld).
package definition
