package cdshooks

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/predict"
	"github.com/ward-health/ward/predict/registry"
)

// API serves CDS Hooks.
type API struct {
	predict  *predict.Service
	services map[string]bool
	list     []byte
	observe  []func(ctx context.Context, err error)
}

// service is one entry of the discovery document (CDS Hooks 2.0, Discovery).
type service struct {
	Hook              string `json:"hook"`
	ID                string `json:"id"`
	Title             string `json:"title"`
	Description       string `json:"description"`
	UsageRequirements string `json:"usageRequirements"`
}

// New makes the interface. Its services are the built-in models: the list is the same for every tenant, because discovery
// knows no caller. Each observer is told of every error that a call is answered with, before the answer is written, so that
// what the caller is not shown can reach the operator.
func New(s *predict.Service, observe ...func(ctx context.Context, err error)) *API {
	a := &API{predict: s, services: map[string]bool{}, observe: observe}
	out := struct {
		Services []service `json:"services"`
	}{Services: []service{}}
	for _, artefact := range registry.Builtin() {
		m, err := registry.Read(artefact.Manifest)
		if err != nil {
			panic(err) // a built-in manifest is part of the program
		}
		a.services[m.Name] = true
		out.Services = append(out.Services, service{Hook: hook, ID: m.Name, Title: m.Title, Description: m.Description,
			UsageRequirements: "The patient must be in Ward's store. Prefetch is not needed and not used."})
	}
	list, err := json.Marshal(out)
	if err != nil {
		panic(err)
	}
	a.list = list
	return a
}

// Routes returns its rows of the route table: GET /cds-services (discovery, open), POST /cds-services/{id}.
func (a *API) Routes() []access.Route {
	return []access.Route{
		{Pattern: "GET /cds-services", Audit: access.AuditNone, Why: "service list, no patient data", Open: http.HandlerFunc(a.discover)},
		{Pattern: "POST /cds-services/{id}", Action: access.Predict, Audit: access.AuditData, Handle: a.call},
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
	if !a.services[id] {
		a.refuse(w, r, ward.E(ward.NotFound, "cdshooks.call", "there is no such CDS service; GET /cds-services lists them", nil))
		return
	}
	q, err := readRequest(w, r)
	if err != nil {
		a.refuse(w, r, err)
		return
	}
	d, v, err := a.predict.Serve(r.Context(), g, id, q.Context.PatientID, hook)
	if err != nil {
		a.refuse(w, r, unavailable(err))
		return
	}
	body, err := json.Marshal(struct {
		Cards []card `json:"cards"`
	}{[]card{cardOf(d, v.Manifest())}})
	if err != nil {
		a.refuse(w, r, ward.E(ward.Internal, "cdshooks.call", "the card cannot be written", err))
		return
	}
	write(w, http.StatusOK, body)
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
