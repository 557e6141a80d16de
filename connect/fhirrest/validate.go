package fhirrest

import (
	"encoding/json"
	"errors"
	"net/http"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/clinical/fhir"
	"github.com/ward-health/ward/clinical/fhir/issue"
)

// conform refuses a body that does not conform, with all that is to be said of it.
//
// SPEC(FHIR R4 http.html#create): 422 for a resource that violates profiles or rules.
func (a *API) conform(c *call, body []byte) error {
	if a.conforms == nil {
		return nil
	}
	all, err := a.conforms.Conform(c.r.Context(), c.g.Permit.Tenant(), body)
	if err != nil || issue.Valid(all) {
		return err
	}
	worst := all[0]
	for _, i := range all {
		if i.Severity < worst.Severity {
			worst = i
		}
	}
	return ward.E(ward.Unprocessable, "fhirrest.conform", worst.Text, &fhir.Findings{Issues: all}).At(worst.Expression)
}

// unfitting is the error of entries that do not conform.
func unfitting(err error) error {
	var e *ward.Error
	if !errors.As(err, &e) {
		return err
	}
	return ward.E(ward.Unprocessable, "fhirrest.conform", ward.PublicText(err), err).At(e.Path)
}

// validate serves POST [type]/$validate: the body is a resource, or Parameters with the resource and a profile; profile may stand in the URL.
// Nothing is stored.
//
// SPEC(FHIR R4 resource-operation-validate.html): the answer is an OperationOutcome with 200 whatever it says, if the operation could be done.
func (a *API) validate(c *call) (reply, error) {
	profiles := c.query["profile"]
	if err := c.only("profile"); err != nil {
		return reply{}, err
	}
	body, err := c.body(fhir.MaxBytes)
	if err != nil {
		return reply{}, err
	}
	resource, more, err := parameters(body)
	if err != nil {
		return reply{}, err
	}
	all, err := a.conforms.Check(c.r.Context(), c.g.Permit, resource, append(more, profiles...)...)
	if err != nil {
		return reply{}, err
	}
	switch whole := len(resource) == len(body); {
	case c.places != nil && whole:
		c.places.Move(all)
	case c.places != nil: // the places are those of the JSON of a parameter
		all = (&fhir.Findings{Issues: all}).Unplaced().Issues
	}
	return reply{status: http.StatusOK, body: issue.Outcome(all)}, nil
}

// parameters takes resource and profile out of a Parameters resource; another resource is the one to validate.
func parameters(body []byte) (resource []byte, profiles []string, err error) {
	var p struct {
		ResourceType string `json:"resourceType"`
		Parameter    []struct {
			Name      string          `json:"name"`
			Resource  json.RawMessage `json:"resource"`
			URI       string          `json:"valueUri"`
			Canonical string          `json:"valueCanonical"`
			Code      string          `json:"valueCode"`
		} `json:"parameter"`
	}
	if json.Unmarshal(body, &p) != nil || p.ResourceType != "Parameters" {
		return body, nil, nil //nolint:nilerr // what is wrong with it is for the validator to say
	}
	for _, one := range p.Parameter {
		switch one.Name {
		case "resource":
			resource = one.Resource
		case "profile":
			profiles = append(profiles, one.URI+one.Canonical)
		default:
			return nil, nil, ward.E(ward.Unsupported, "fhirrest.validate", "the parameters resource and profile are offered", nil).At("Parameters.parameter.name")
		}
	}
	if resource == nil {
		return nil, nil, ward.E(ward.Invalid, "fhirrest.validate", "the parameter resource is needed: deleting is not validated", nil).At("Parameters.parameter")
	}
	return resource, profiles, nil
}
