package fhirrest

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/clinical/fhir"
	"github.com/ward-health/ward/clinical/fhir/definition"
	"github.com/ward-health/ward/clinical/fhir/format"
)

// statuses maps kinds of failure to HTTP.
//
// SPEC(FHIR R4 http.html#Status-Codes): 400 for what cannot be parsed or is not supported, 404, 409, 410, 412, 422.
var statuses = map[ward.ErrorKind]int{
	ward.Internal: http.StatusInternalServerError, ward.Invalid: http.StatusBadRequest, ward.Unauthentic: http.StatusUnauthorized,
	ward.Denied: http.StatusForbidden, ward.NotFound: http.StatusNotFound, ward.Gone: http.StatusGone, ward.Conflict: http.StatusConflict,
	ward.Precondition: http.StatusPreconditionFailed, ward.TooLarge: http.StatusRequestEntityTooLarge, ward.Unsupported: http.StatusBadRequest,
	ward.Unprocessable: http.StatusUnprocessableEntity, ward.Unavailable: http.StatusServiceUnavailable,
}

// retryAfter is what a client is told to wait, in seconds, when the node cannot serve it now.
const retryAfter = 2

// statusError is an error with a status of its own, which its kind does not tell.
type statusError struct {
	status int
	err    *ward.Error
}

// Unwrap returns the error itself, so that its kind is found.
func (e *statusError) Unwrap() error { return e.err }

// Error implements error.
func (e *statusError) Error() string { return e.err.Error() }

func withStatus(status int, public string) error {
	return &statusError{status, ward.E(ward.Unsupported, "fhirrest", public, nil)}
}

// statusOf returns the HTTP status of an error.
func statusOf(err error) int {
	var own *statusError
	if errors.As(err, &own) {
		return own.status
	}
	if status, ok := statuses[ward.KindOf(err)]; ok {
		return status
	}
	return http.StatusInternalServerError
}

// outcomeOf returns the OperationOutcome of an error: public text and place only; of a resource that is not valid, all findings.
func outcomeOf(err error) []byte { return fhir.OutcomeOf(err) }

// Errors writes err as an OperationOutcome with the status of its kind, in the format that the request asks for; in JSON if it asks for another.
func Errors(w http.ResponseWriter, r *http.Request, err error) {
	query, _ := url.ParseQuery(r.URL.RawQuery)
	wanted, _ := answerWire(r, query)
	writeOutcome(w, wanted, err)
}

func writeOutcome(w http.ResponseWriter, wanted wire, err error) {
	h := w.Header()
	status := statusOf(err)
	switch status {
	case http.StatusUnauthorized:
		if h.Get("WWW-Authenticate") == "" {
			h.Set("WWW-Authenticate", `Bearer realm="ward"`)
		}
	case http.StatusServiceUnavailable:
		h.Set("Retry-After", strconv.Itoa(retryAfter))
	}
	out := reply{status: status, body: outcomeOf(err)}
	if wanted == wireXML {
		if text, err := format.JSONToXML(definition.R4(), []byte(out.body), false, answerXML); err == nil {
			out.body, out.wire = text, wireXML
		}
	}
	write(w, out)
}
