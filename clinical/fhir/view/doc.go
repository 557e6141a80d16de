// Package view runs SQL on FHIR ViewDefinitions: tables out of resources, one row or many each. A definition is compiled once, with
// every fault named by its place; a Runner walks the tape of each resource with compiled FHIRPath and gives rows whose columns have one
// type each. Rows go on as NDJSON, CSV or Parquet. These views are also what features of models are made of.
//
// The source is SQL on FHIR 2 (sql-on-fhir.org), page ViewDefinition: its processing algorithm, its functions getResourceKey and
// getReferenceKey, %rowIndex, and its default SQL types.
//
// It must never put a value of a resource into an error: errors name the column, its place in the definition, and what was expected.
package view
