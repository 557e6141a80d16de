// Package definition says what FHIR R4 is: types with their elements, bindings and invariants, search parameters,
// compartments, value sets, and the profiles of packages that are loaded at run time. A Set is immutable: loading a package
// makes a new one, so that a tenant's set is swapped whole while readers go on with the old.
//
// The R4 tables are generated from the CC0 definitions and embedded; no content of SNOMED CT, LOINC or other code systems that
// are not HL7's is in them. R4 decodes them once.
package definition
