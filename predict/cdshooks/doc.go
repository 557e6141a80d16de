// Package cdshooks serves CDS Hooks 2.0 under /cds-services: discovery, and one patient-view service for each built-in model.
//
// Ward answers from its own store. Prefetch that a client sends is not believed and not read, a fhirAuthorization is never
// read, stored or logged, and the user named in the context has no influence: who asks is the bearer of the access token.
// A model that has no number to give answers with an info card that says why.
//
// It must never show text of a source other than plain numbers, units and dates, or answer without a kept decision: the
// card's uuid is the decision's id.
//
// Read in this order: api.go, request.go, card.go, errors.go.
package cdshooks
