// Package validate says whether a FHIR R4 resource is valid: its structure (package structure), the invariants of its types as FHIRPath, bindings,
// references, extensions against their definitions, contained and bundled resources, and the profiles that it claims or that a caller asks for, with
// slicing, fixed values and patterns. A QuestionnaireResponse is held against its Questionnaire, and conformance resources have rules of their own.
//
// A Validator is made once from a definition.Set, is immutable to its users, and serves many goroutines. Types are compiled to plans and profiles to
// overlays when they are first met: an overlay holds only what a profile adds to the base, so that a resource without profile pays nothing for them.
//
// What could not be checked (a profile, an extension or a value set that the Set does not have) is said in a warning of its own, never passed over as
// valid. Work is bounded: steps of one validation, depth of profiles within profiles, steps of one invariant. No issue holds a value of the resource.
//
// Read in this order: validate.go, value.go, plan.go, walk.go, invariant.go, binding.go, reference.go, overlay.go, apply.go, match.go,
// extension.go, bundle.go; then questionnaire.go, response.go, answer.go, and conformance.go, definition.go.
package validate
