package console

import (
	"errors"
	"net/http"
	"strings"

	"github.com/ward-health/ward"
)

// The paths that errors and forms know.
const (
	home        = "/console/"
	signInPath  = "/console/signin"
	sessionPath = "/console/session"
	livePath    = "/console/live"
)

// failure is what an error says on a page.
type failure struct {
	status int
	Title  string
	Next   string // what to do next
}

var failures = map[ward.ErrorKind]failure{
	ward.Internal:      {http.StatusInternalServerError, "Something failed inside", "Try again. If it fails again, give the request id below to the operator."},
	ward.Invalid:       {http.StatusBadRequest, "The input cannot be used", "Go back, correct it and send it again."},
	ward.Unauthentic:   {http.StatusUnauthorized, "Sign in first", "Sign in with a one-time code."},
	ward.Denied:        {http.StatusForbidden, "Not allowed", "The refusal is on record. If you need this, ask an administrator which role it takes."},
	ward.NotFound:      {http.StatusNotFound, "Not found", "It does not exist, or you may not see it."},
	ward.Gone:          {http.StatusGone, "Gone", "It was deleted or erased and cannot be shown."},
	ward.Conflict:      {http.StatusConflict, "It has changed meanwhile", "Look at it again; somebody else was first."},
	ward.Precondition:  {http.StatusPreconditionFailed, "It has changed meanwhile", "Look at it again before you act."},
	ward.TooLarge:      {http.StatusRequestEntityTooLarge, "Too large", "Send less."},
	ward.Unsupported:   {http.StatusNotImplemented, "Not offered", "Use what the page offers."},
	ward.Unprocessable: {http.StatusUnprocessableEntity, "It breaks a rule", "The text above says which; change it and send it again."},
	ward.Unavailable:   {http.StatusServiceUnavailable, "Not available now", "Nothing was done. Try again in a moment."},
}

// problem is the page of an error.
type problem struct {
	failure
	Text string
	At   string
}

// Errors writes an error as a page, with the request's id and what to do next. Without a session, a page that can be returned
// to becomes the sign-in page; a refused code is answered on that page itself.
func (c *Console) Errors(w http.ResponseWriter, r *http.Request, err error) {
	kind := ward.KindOf(err)
	f, ok := failures[kind]
	if !ok {
		f = failures[ward.Internal]
	}
	switch {
	case r.URL.Path == sessionPath:
		c.refuseCode(w, r, f.status, err)
		return
	case kind == ward.Unauthentic && strings.HasPrefix(r.URL.Path, livePath):
		// EventSource follows redirects; the script must hear that it is over.
	case kind == ward.Unauthentic:
		see(w, signInFor(r))
		return
	}
	p := problem{failure: f, Text: ward.PublicText(err)}
	var e *ward.Error
	if errors.As(err, &e) && e.Kind != ward.Internal {
		p.At = e.Path
	}
	if kind == ward.Unavailable {
		w.Header().Set("Retry-After", "2")
	}
	if err := c.write(w, f.status, "problem", bare(r, f.Title, p)); err != nil {
		http.Error(w, "internal error", http.StatusInternalServerError)
	}
}

// statusOf is the status of an error that a page of its own explains.
func statusOf(err error) int {
	if f, ok := failures[ward.KindOf(err)]; ok {
		return f.status
	}
	return http.StatusInternalServerError
}
