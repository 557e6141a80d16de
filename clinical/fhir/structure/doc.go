// Package structure checks one FHIR R4 resource against the base specification in one walk over its tape: which elements there are,
// how often, in which JSON form, the forms of all primitives, choice types, nulls, references, contained resources, the form of
// extensions, narratives, and required bindings to value sets that are known whole. Every finding is an issue with a stable id, an
// expression, line and column; docs/reference/fhir-engine.md lists the ids.
//
// The same walk notes where references stand, and where the elements stand that a caller watches (search parameters).
//
// A Schema is compiled once from a definition.Set and serves many goroutines; a Checker is reused by one at a time. A resource without
// findings is checked without allocation. It must never put a value of a body into an issue.
//
// Read in this order: schema.go, check.go, primitive.go, form.go, xhtml.go, reference.go, path.go, watch.go.
package structure
