// Package format writes a resource in another of FHIR's formats: XML as JSON, JSON as XML, and JSON in its canonical form. What an element
// is (repeating, a choice, a primitive, an attribute, a resource) says the definition.Set; nothing is guessed from the text.
//
// Decimals keep their digits, narrative its characters; comments and the layout of the text are dropped. XML has no form for what is not defined, so unknown
// elements are refused. What XML or JSON cannot carry is refused, never changed.
//
// It must never put a value of a body into an error: errors name the element, line and column, and what was expected.
package format
