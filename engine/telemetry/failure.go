package telemetry

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"reflect"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"github.com/ward-health/ward"
)

// Bounds of the walk along the causes of an error.
const (
	causesMax = 16
	publicMax = 300
	sitesMax  = 6
)

// describe reduces an error to what is safe by construction: the kind, operation and public text of ward.Error (the
// latter never holds patient data), numbers and states of the system, and the Go types of all causes. Error() of a type
// that is not known is never called: its text may quote values.
func describe(err error) []slog.Attr {
	out := []slog.Attr{slog.String("kind", ward.KindOf(err).String())}
	var e *ward.Error
	if errors.As(err, &e) {
		out = append(out, slog.String("op", bounded(e.Op)), slog.String("public", bounded(e.Public)))
	}
	var types, ops []string
	walk(err, func(cause error) {
		if w, ok := cause.(*ward.Error); ok && w != e {
			ops = append(ops, w.Op)
		}
		types = append(types, reflect.TypeOf(cause).String())
	})
	if len(ops) > 0 {
		out = append(out, slog.String("cause", bounded(strings.Join(ops, " < "))))
	}
	out = append(out, slog.String("types", bounded(strings.Join(types, " < "))))
	var no syscall.Errno
	if errors.As(err, &no) {
		out = append(out, slog.String("errno", no.Error())) // a fixed text of the system for a number
	}
	var sql interface{ SQLState() string }
	if errors.As(err, &sql) {
		if s := sql.SQLState(); len(s) == 5 && symbol.fits(s) /* every class of PostgreSQL's has a digit */ {
			out = append(out, slog.String("sqlstate", s))
		}
	}
	var result interface{ ResultCode() string }
	if errors.As(err, &result) && resultCode(result.ResultCode()) {
		out = append(out, slog.String("sqlite", result.ResultCode()))
	}
	for _, known := range []struct {
		is   error
		text string
	}{{context.Canceled, "canceled"}, {context.DeadlineExceeded, "deadline"}, {fs.ErrNotExist, "not-exist"}, {fs.ErrPermission, "permission"}} {
		if errors.Is(err, known.is) {
			out = append(out, slog.String("state", known.text))
		}
	}
	return out
}

// resultCode reports whether s is the name of a result code of SQLite's, or such a number.
func resultCode(s string) bool {
	name, found := strings.CutPrefix(s, "SQLITE_")
	return found && name != "" && len(name) <= 32 && strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == ""
}

// walk visits an error and its causes, depth first, at most causesMax.
func walk(err error, visit func(error)) {
	left := causesMax
	var step func(error)
	step = func(err error) {
		if err == nil || left == 0 {
			return
		}
		left--
		visit(err)
		switch x := err.(type) {
		case interface{ Unwrap() error }:
			step(x.Unwrap())
		case interface{ Unwrap() []error }:
			for _, e := range x.Unwrap() {
				step(e)
			}
		}
	}
	step(err)
}

// Stack is a place in the program: functions and lines, which stand in the source and hold no values.
type Stack struct{ sites string }

// String returns "function:line < function:line ...", innermost first.
func (s Stack) String() string { return s.sites }

// Here returns the place of its caller, with those who called it, without the runtime's own frames; skip leaves out that
// many of the innermost. A deferred function that recovered, and skips itself, gets the place of the panic.
func Here(skip int) Stack {
	pcs := make([]uintptr, 32)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2+skip, pcs)])
	var sites []string
	for {
		f, more := frames.Next()
		if !strings.HasPrefix(f.Function, "runtime.") && f.Function != "" {
			sites = append(sites, f.Function+":"+strconv.Itoa(f.Line))
		}
		if !more || len(sites) == sitesMax {
			return Stack{strings.Join(sites, " < ")}
		}
	}
}

func bounded(s string) string {
	if len(s) > publicMax {
		s = s[:publicMax] + "..."
	}
	return strings.ToValidUTF8(s, "?")
}
