// Package cdshooks serves CDS Hooks 2.0 under /cds-services: discovery, one patient-view service for each built-in model, and
// one, ward-models, that answers with a card for each other model that is active for the caller's tenant.
//
// Ward answers from its own store. Prefetch templates say what a model looks at; what a client sends for them is counted as
// received, is not believed and is not read. A fhirAuthorization is never read, stored or logged, and the user named in the
// context has no influence: who asks is the bearer of the access token. A model that has no number to give answers with an
// info card that says why. Answers of shadow versions are on no card. What users
// made of cards (feedback) is kept sealed beside the decisions.
//
// It must never show text of a source other than plain numbers, units and dates, or answer without a kept decision: the
// card's uuid is the decision's id.
//
// Read in this order: api.go, service.go, card.go, detail.go, reasons.go, request.go, feedback.go, errors.go.
package cdshooks
