package fhirrest

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/clinical/fhir/issue"
	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/store"
)

// Deps is what the interface stands on.
type Deps struct {
	Store *store.Store
	Base  string // absolute base, "http://127.0.0.1:8080/fhir/R4"

	// Observe is told of every error that is answered, those of the entries of a batch too, under the request's context.
	// nil: nobody is told. It is called by many goroutines at once.
	Observe func(ctx context.Context, err error)

	// Conformance judges resources beyond their structure. nil: nobody does, and $validate is not offered.
	Conformance Conformance
}

// Conformance says what there is to say of a resource against the invariants of the specification and the profiles that it claims.
type Conformance interface {
	// Conform judges a body that is to be written for a tenant, and whose structure fhir.Refs has found right. Issues that are errors refuse it;
	// without one there need be none.
	Conform(ctx context.Context, tn db.Tenant, body []byte) ([]issue.Issue, error)
	// Check judges a body that is only to be judged, against the given profiles too, and leaves its own entry. p is for access.Create.
	Check(ctx context.Context, p access.Permit, body []byte, profiles ...string) ([]issue.Issue, error)
}

// API serves FHIR. Safe for concurrent use.
type API struct {
	store      *store.Store
	conforms   Conformance
	base       string // without a slash at the end
	capability []byte
	observe    func(context.Context, error)
	load       *load
	now        func() time.Time
}

// New makes the interface.
func New(d Deps) *API {
	base := strings.TrimRight(d.Base, "/")
	a := &API{store: d.Store, conforms: d.Conformance, base: base, capability: capabilityStatement(base, d.Conformance != nil), observe: d.Observe, load: newLoad(), now: time.Now}
	if a.observe == nil {
		a.observe = func(context.Context, error) {}
	}
	return a
}

// Routes returns its rows of the route table.
//
// SPEC(FHIR R4 http.html): the paths and methods of the interactions.
func (a *API) Routes() []access.Route {
	data := func(pattern string, action access.Action, h func(*call) (reply, error)) access.Route {
		return access.Route{Pattern: pattern, Action: action, Audit: access.AuditData, Handle: a.handle(action, h)}
	}
	rows := []access.Route{
		{Pattern: "GET /fhir/R4/metadata", Audit: access.AuditNone, Why: "conformance statement, no patient data", Open: http.HandlerFunc(a.metadata)},
		data("GET /fhir/R4/{type}/{id}", access.Read, a.read),
		data("GET /fhir/R4/{type}/{id}/_history", access.Read, a.history),
		data("GET /fhir/R4/{type}/{id}/_history/{vid}", access.Read, a.vread),
		data("GET /fhir/R4/{type}", access.Search, a.search),
		data("POST /fhir/R4/{type}/_search", access.Search, a.searchForm),
		data("POST /fhir/R4/{type}", access.Create, a.create),
		data("PUT /fhir/R4/{type}/{id}", access.Update, a.update),
		data("PATCH /fhir/R4/{type}/{id}", access.Update, a.patch),
		data("DELETE /fhir/R4/{type}/{id}", access.Delete, a.remove),
		data("POST /fhir/R4", access.Transaction, a.bundle),
		data("POST /fhir/R4/{$}", access.Transaction, a.bundle),
	}
	if a.conforms != nil {
		rows = append(rows, data("POST /fhir/R4/{type}/$validate", access.Create, a.validate))
	}
	return rows
}
