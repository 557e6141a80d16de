// Package fhirrest serves the FHIR R4 REST interface under /fhir/R4: read, vread, history, create, update, delete, search,
// transaction and batch, in JSON.
//
// It translates between HTTP and store and decides nothing: every handler is given a Permit by access's guard, asks for
// further ones (one per action and type of a bundle) and hands them to store, which filters, records and opens.
//
// It must never log or echo a search value or a body, answer with data that did not come out of store under a permit, or
// put a search value into a URL: "self" repeats what the client sent in its URL, "next" carries a sealed cursor.
//
// Read in this order: routes.go, errors.go, negotiate.go, read.go, write.go, search.go, bundle.go, plan.go, transaction.go, batch.go.
package fhirrest
