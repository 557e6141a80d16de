package server

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/connect/fhirrest"
	"github.com/ward-health/ward/predict/cdshooks"
)

// Problem is an error of Ward's own interface.
//
// SPEC(RFC 9457 3.1): status, title and detail; kind and at are extension members.
type Problem struct {
	Title  string `json:"title" doc:"The HTTP status in words"`
	Status int    `json:"status" doc:"The HTTP status"`
	Detail string `json:"detail,omitempty" doc:"What is wrong, what was expected, what to do next"`
	Kind   string `json:"kind" doc:"Kind of failure" example:"not-found"`
	At     string `json:"at,omitempty" doc:"Where in the input"`
}

// Error implements error.
func (p *Problem) Error() string { return p.Detail }

// GetStatus implements huma.StatusError.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType implements huma.ContentTypeFilter.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

var statusOf = map[ward.ErrorKind]int{
	ward.Internal:      http.StatusInternalServerError,
	ward.Invalid:       http.StatusBadRequest,
	ward.Unauthentic:   http.StatusUnauthorized,
	ward.Denied:        http.StatusForbidden,
	ward.NotFound:      http.StatusNotFound,
	ward.Gone:          http.StatusGone,
	ward.Conflict:      http.StatusConflict,
	ward.Precondition:  http.StatusPreconditionFailed,
	ward.TooLarge:      http.StatusRequestEntityTooLarge,
	ward.Unsupported:   http.StatusNotImplemented,
	ward.Unprocessable: http.StatusUnprocessableEntity,
	ward.Unavailable:   http.StatusServiceUnavailable,
}

func problemOf(err error) *Problem {
	var ready *Problem
	if errors.As(err, &ready) {
		return ready
	}
	kind := ward.KindOf(err)
	p := &Problem{Status: statusOf[kind], Detail: ward.PublicText(err), Kind: kind.String()}
	p.Title = http.StatusText(p.Status)
	var e *ward.Error
	if errors.As(err, &e) {
		p.At = e.Path
	}
	return p
}

func writeProblem(w http.ResponseWriter, _ *http.Request, err error) {
	p := problemOf(err)
	if p.Status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Bearer realm="ward"`)
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p) // an answer that cannot be sent has no one left to tell
}

// writeError writes err in the form of the protocol that the path belongs to.
func writeError(w http.ResponseWriter, r *http.Request, err error) {
	switch {
	case strings.HasPrefix(r.URL.Path, "/fhir/"):
		fhirrest.Errors(w, r, err)
	case r.URL.Path == "/cds-services" || strings.HasPrefix(r.URL.Path, "/cds-services/"):
		cdshooks.Errors(w, r, err)
	default:
		writeProblem(w, r, err)
	}
}

var oneProblemForm sync.Once

// unexpected is what huma says of a member that an operation does not have.
const unexpected = "unexpected property"

// useProblems makes huma's own refusals (validation, body too large) take Ward's form. Values that were sent are not echoed.
func useProblems() {
	oneProblemForm.Do(func() {
		huma.NewError = func(status int, msg string, errs ...error) huma.StatusError {
			p := &Problem{Status: status, Title: http.StatusText(status), Detail: msg, Kind: "invalid"}
			var more []string
			for _, err := range errs {
				var d huma.ErrorDetailer
				if errors.As(err, &d) {
					detail := d.ErrorDetail()
					if detail.Message == unexpected { // its name is the client's own text
						detail.Location, _, _ = strings.Cut(detail.Location, ".")
					}
					more = append(more, detail.Location+": "+detail.Message)
					if p.At == "" {
						p.At = detail.Location
					}
				}
			}
			if status >= http.StatusInternalServerError {
				p.Kind, more = ward.Internal.String(), nil
			}
			if len(more) > 0 {
				p.Detail += ": " + strings.Join(more[:min(len(more), 8)], "; ")
			}
			return p
		}
	})
}
