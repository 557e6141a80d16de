package cdshooks

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"sync/atomic"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/predict"
)

// API serves CDS Hooks.
type API struct {
	predict    *predict.Service
	services   map[string]bool // those of one model each
	list       []byte
	base       string
	observe    []func(ctx context.Context, err error)
	prefetched atomic.Int64
}

// New makes the interface. Its services are the built-in models and Models. Each observer is told of every error that a call
// is answered with, before the answer is written, so that what the caller is not shown can reach the operator.
func New(s *predict.Service, observe ...func(ctx context.Context, err error)) *API {
	a := &API{predict: s, services: map[string]bool{}, observe: observe}
	list := services()
	for _, one := range list {
		a.services[one.ID] = one.ID != Models
	}
	a.list = discovery(list)
	return a
}

// Link makes cards link to the decision's page under the node's base URL (access.Authority.Issuer). Without it cards have no
// links. Call it before Routes.
func (a *API) Link(base string) *API {
	a.base = strings.TrimSuffix(base, "/")
	return a
}

// Prefetched returns how many calls carried prefetch, which was not read.
func (a *API) Prefetched() int64 { return a.prefetched.Load() }

// Routes returns its rows of the route table: GET /cds-services (discovery, open), POST /cds-services/{id} and
// POST /cds-services/{id}/feedback.
func (a *API) Routes() []access.Route {
	return []access.Route{
		{Pattern: "GET /cds-services", Audit: access.AuditNone, Why: "service list, no patient data", Open: http.HandlerFunc(a.discover)},
		{Pattern: "POST /cds-services/{id}", Action: access.Predict, Audit: access.AuditData, Handle: a.call},
		{Pattern: "POST /cds-services/{id}/feedback", Action: access.Feedback, Audit: access.AuditData, Handle: a.feedback},
	}
}

func (a *API) discover(w http.ResponseWriter, _ *http.Request) { write(w, http.StatusOK, a.list) }

// refuse answers with an error.
func (a *API) refuse(w http.ResponseWriter, r *http.Request, err error) {
	for _, tell := range a.observe {
		if tell != nil {
			tell(r.Context(), err)
		}
	}
	Errors(w, r, err)
}

func (a *API) call(w http.ResponseWriter, r *http.Request, g access.Grant) {
	id := r.PathValue("id")
	if _, known := a.services[id]; !known {
		a.refuse(w, r, unknownService())
		return
	}
	q, err := readRequest(w, r)
	if err != nil {
		a.refuse(w, r, err)
		return
	}
	if q.Prefetch {
		a.prefetched.Add(1)
	}
	cards, err := a.cards(r.Context(), g, id, q.Context.PatientID)
	if err != nil {
		a.refuse(w, r, unavailable(err))
		return
	}
	body, err := json.Marshal(struct {
		Cards []card `json:"cards"`
	}{cards})
	if err != nil {
		a.refuse(w, r, ward.E(ward.Internal, "cdshooks.call", "the card cannot be written", err))
		return
	}
	write(w, http.StatusOK, body)
}

func unknownService() error {
	return ward.E(ward.NotFound, "cdshooks.call", "there is no such CDS service; GET /cds-services lists them", nil)
}

// cards asks the models that a service speaks for, in the order in which they became active.
func (a *API) cards(ctx context.Context, g access.Grant, service, patient string) ([]card, error) {
	out := []card{}
	if service != Models {
		d, v, err := a.predict.Serve(ctx, g, service, patient, hook)
		if err != nil {
			return nil, err
		}
		return append(out, cardOf(d, v.Manifest(), a.base)), nil
	}
	answers, err := a.predict.ServeAll(ctx, g, func(model string) bool { return a.services[model] }, patient, hook)
	if err != nil {
		return nil, err
	}
	for _, answer := range answers {
		out = append(out, cardOf(answer.Decision, answer.Model.Manifest(), a.base))
	}
	return out, nil
}

// unavailable maps a patient that cannot be read to the status that CDS Hooks has for it.
//
// SPEC(CDS Hooks 2.0, HTTP Status Codes): 412 when the service is unable to retrieve the FHIR data that it needs.
func unavailable(err error) error {
	if k := ward.KindOf(err); k == ward.NotFound || k == ward.Gone {
		return ward.E(ward.Precondition, "cdshooks.call", "the data needed for this patient cannot be had: no such patient or model for this caller", err)
	}
	return err
}

func write(w http.ResponseWriter, status int, body []byte) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	w.Write(body)
}
