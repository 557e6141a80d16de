package cdshooks

import (
	"encoding/json"
	"errors"
	"net/http"

	"github.com/ward-health/ward"
)

// statuses maps the kinds of error to HTTP.
var statuses = map[ward.ErrorKind]int{
	ward.Internal:      http.StatusInternalServerError,
	ward.Invalid:       http.StatusBadRequest,
	ward.Unauthentic:   http.StatusUnauthorized,
	ward.Denied:        http.StatusForbidden,
	ward.NotFound:      http.StatusNotFound,
	ward.Gone:          http.StatusGone,
	ward.Conflict:      http.StatusConflict,
	ward.Precondition:  http.StatusPreconditionFailed,
	ward.TooLarge:      http.StatusRequestEntityTooLarge,
	ward.Unsupported:   http.StatusUnsupportedMediaType,
	ward.Unprocessable: http.StatusUnprocessableEntity,
	ward.Unavailable:   http.StatusServiceUnavailable,
}

// Errors writes err as plain JSON {"message": ...} with the status of its kind (412 when data cannot be had).
func Errors(w http.ResponseWriter, _ *http.Request, err error) {
	status := statuses[ward.KindOf(err)]
	switch status {
	case http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", `Bearer realm="ward"`)
	case http.StatusServiceUnavailable:
		w.Header().Set("Retry-After", "5")
	}
	body := struct {
		Message string `json:"message"`
		At      string `json:"at,omitempty"`
	}{Message: ward.PublicText(err)}
	var e *ward.Error
	if errors.As(err, &e) && e.Kind != ward.Internal {
		body.At = e.Path
	}
	b, _ := json.Marshal(body) // two strings always marshal
	write(w, status, b)
}
