// Package patch changes a resource by a description of the change: JSON Patch (RFC 6902), XML Patch (RFC 5261 as FHIR uses it) and FHIRPath
// Patch (FHIR R4 fhirpatch.html). Each operation is a splice of the bytes, so what a patch does not name stays as it was written.
//
// A patch applies whole or not at all. Operations, the size of what they make and the bytes that they go over are bounded, so a patch that doubles a
// value again and again is refused before it is built. Whether the result is a valid resource is for its reader to check; the caller also
// sees to it that type and id stay.
//
// It must never put a value of the resource or of the patch into an error: errors name the operation by its number and form, the place by
// element names and positions, and what was expected.
package patch
