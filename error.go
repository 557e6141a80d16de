package ward

import "errors"

// ErrorKind says what sort of failure it is. Each edge maps kinds to its protocol in one table.
type ErrorKind uint8

// The kinds of failure.
const (
	Internal      ErrorKind = iota // a defect or a broken part; the caller can do nothing
	Invalid                        // the input is wrong; Public says what, where and what was expected
	Unauthentic                    // no or bad credentials
	Denied                         // known principal, not allowed
	NotFound                       // does not exist, or must look as if it did not
	Gone                           // existed and was deleted or erased
	Conflict                       // lost a race, or a duplicate
	Precondition                   // If-Match, If-None-Exist and such do not hold
	TooLarge                       // over a documented bound
	Unsupported                    // well-formed but not offered
	Unprocessable                  // understood but breaks a rule of the content
	Unavailable                    // try again later: log, key service or database cannot be used now
)

var errorKindNames = [...]string{"internal", "invalid", "unauthentic", "denied", "not-found", "gone", "conflict",
	"precondition", "too-large", "unsupported", "unprocessable", "unavailable"}

// String returns the kind's name as logs and metrics show it.
func (k ErrorKind) String() string {
	if int(k) < len(errorKindNames) {
		return errorKindNames[k]
	}
	return "unknown"
}

// Error is the one error type that crosses package borders. Public is safe for anyone to read and never holds patient
// data; Err is for the operator's log.
type Error struct {
	Kind   ErrorKind
	Op     string // package.verb
	Public string // what, where, what was expected; what to do next
	Path   string // where in the input (FHIRPath, JSON pointer, field), empty if nowhere
	Err    error
}

// E makes an Error.
func E(kind ErrorKind, op, public string, err error) *Error {
	return &Error{Kind: kind, Op: op, Public: public, Err: err}
}

// At returns a copy that names the place in the input.
func (e *Error) At(path string) *Error {
	c := *e
	c.Path = path
	return &c
}

// Error implements error for the operator.
func (e *Error) Error() string {
	s := e.Op + ": " + e.Public
	if e.Path != "" {
		s += " (at " + e.Path + ")"
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// KindOf returns the kind of the first Error in the chain, Internal if there is none.
func KindOf(err error) ErrorKind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Internal
}

// PublicText returns what anyone may read of err.
func PublicText(err error) string {
	var e *Error
	if errors.As(err, &e) && e.Kind != Internal {
		return e.Public
	}
	return "internal error; the operator's log has the request id"
}
