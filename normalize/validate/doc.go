// Package validate keeps the FHIR packages of each tenant (US Core and others) and validates resources against them: the base
// specification always, and the profiles that a resource claims or that a caller asks for.
//
// Packages are definitions, no patient data. They are loaded while the node runs: adding or removing one makes a new immutable set, and
// whoever validates goes on with the old set until its end. Rows are under the tenant's keyed digests; if one was changed outside
// of Ward, the tenant's validation fails closed.
//
// Read in this order: packages.go, set.go, row.go, warm.go.
package validate
