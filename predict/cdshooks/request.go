package cdshooks

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/ward-health/ward"
)

const (
	hook        = "patient-view"
	maxRequest  = 8 << 20
	maxUserID   = 128
	maxHookName = 64
)

// request is the part of a CDS Hooks call that is read. Everything else, fhirAuthorization among it, is skipped without being
// kept; of prefetch only whether there is any.
type request struct {
	Hook         string `json:"hook"`
	HookInstance string `json:"hookInstance"`
	Context      struct {
		UserID    string `json:"userId"`
		PatientID string `json:"patientId"`
	} `json:"context"`
	Prefetch received `json:"prefetch"`
}

// received is true for a member that was given, whatever it holds.
type received bool

// UnmarshalJSON implements json.Unmarshaler: the bytes are not looked at.
func (r *received) UnmarshalJSON(b []byte) error {
	*r = string(b) != "null" && string(b) != "{}"
	return nil
}

// readRequest reads a call strictly: JSON in UTF-8 without doubled members, at most 8 MiB.
func readRequest(w http.ResponseWriter, r *http.Request) (request, error) {
	body, err := readBody(w, r, maxRequest, "a call is at most 8 MiB; prefetch is not needed")
	if err != nil {
		return request{}, err
	}
	return parse(body)
}

// readBody reads at most max bytes of JSON; large is what the sender of more is told.
func readBody(w http.ResponseWriter, r *http.Request, max int64, large string) ([]byte, error) {
	if t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || t != "application/json" {
		return nil, ward.E(ward.Unsupported, "cdshooks.request", "the request must be application/json", nil)
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, max))
	if err != nil {
		var big *http.MaxBytesError
		if errors.As(err, &big) {
			return nil, ward.E(ward.TooLarge, "cdshooks.request", large, nil)
		}
		return nil, ward.E(ward.Invalid, "cdshooks.request", "the request could not be read to its end", nil)
	}
	return body, nil
}

func parse(body []byte) (request, error) {
	var q request
	if err := json.Unmarshal(body, &q); err != nil {
		return request{}, invalid("", "the request must be one JSON object of a CDS Hooks call, without doubled members")
	}
	return q, q.check()
}

func invalid(path, public string) error {
	return ward.E(ward.Invalid, "cdshooks.request", public, nil).At(path)
}

// check holds what the hook demands.
//
// SPEC(CDS Hooks 2.0, HTTP Request, Body): hook, hookInstance and context are required; hookInstance is a UUID.
// SPEC(CDS Hooks 2.0, patient-view): context has userId, "[ResourceType]/[id]", and patientId.
func (q request) check() error {
	if len(q.Hook) > maxHookName || q.Hook != hook {
		return invalid("hook", "must be "+hook)
	}
	if _, err := ward.ParseID(q.HookInstance); err != nil {
		return invalid("hookInstance", "must be a UUID")
	}
	kind, id, _ := strings.Cut(q.Context.UserID, "/")
	switch kind {
	case "Practitioner", "PractitionerRole", "Patient", "RelatedPerson":
	default:
		return invalid("context.userId", "must have the form Practitioner/id, PractitionerRole/id, Patient/id or RelatedPerson/id")
	}
	if len(q.Context.UserID) > maxUserID || !ward.ValidID(id) {
		return invalid("context.userId", "must have the form Type/id")
	}
	if !ward.ValidID(q.Context.PatientID) {
		return invalid("context.patientId", "must be the FHIR id of the patient, without type")
	}
	return nil
}
