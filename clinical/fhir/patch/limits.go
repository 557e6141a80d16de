package patch

import (
	"errors"
	"fmt"
	"strings"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/clinical/fhir/tree"
)

// Limits bound a patch. A field that is 0 takes that of DefaultLimits.
type Limits struct {
	Operations int // of one patch
	Bytes      int // of patch, resource and every result on the way
	Work       int // bytes that all operations together go over
}

// DefaultLimits suit the largest resource that Ward takes.
var DefaultLimits = Limits{Operations: 1000, Bytes: 16 << 20, Work: 512 << 20}

func (l Limits) full() Limits {
	if l.Operations == 0 {
		l.Operations = DefaultLimits.Operations
	}
	if l.Bytes == 0 {
		l.Bytes = DefaultLimits.Bytes
	}
	if l.Work == 0 {
		l.Work = DefaultLimits.Work
	}
	return l
}

// step is one operation as errors name it.
type step struct {
	form   string // of the patch: "json", "xml", "fhirpath"
	number int    // from 1; 0: the patch itself
	op     string // "add"; "" while it is not known
}

// fail makes the error of an operation: Invalid when the patch is malformed, Unprocessable when it does not fit the resource, TooLarge.
func (s step) fail(kind ward.ErrorKind, text, path string) *ward.Error {
	where := "the patch"
	switch {
	case s.number > 0 && s.op != "":
		where = fmt.Sprintf("operation %d (%s)", s.number, s.op)
	case s.number > 0:
		where = fmt.Sprintf("operation %d", s.number)
	}
	return ward.E(kind, "patch."+s.form, where+": "+text, nil).At(path)
}

// syntax is the error of a text that could not be read; what names it: "the patch", "the resource".
func syntax(form, what string, err error) error {
	var e *tree.Error
	if !errors.As(err, &e) {
		return ward.E(ward.Invalid, "patch."+form, what+" cannot be read", err)
	}
	kind := ward.Invalid
	if e.TooLarge {
		kind = ward.TooLarge
	}
	return ward.E(kind, "patch."+form, fmt.Sprintf("%s: line %d, column %d: %s", what, e.Line, e.Column, e.Text), nil).At(plainPath(e.Path))
}

// plainPath keeps of a path the names that can be element names: others may be anything and are not echoed.
func plainPath(path string) string {
	parts := strings.Split(path, ".")
	for i, p := range parts {
		name, rest, _ := strings.Cut(p, "[")
		if !plainName(name) || strings.Trim(rest, "0123456789[]") != "" {
			parts[i] = "?"
		}
	}
	return strings.Join(parts, ".")
}

func plainName(name string) bool {
	for _, c := range []byte(name) {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_' {
			return false
		}
	}
	return len(name) <= 64
}
