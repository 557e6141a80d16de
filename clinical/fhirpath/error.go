package fhirpath

import (
	"fmt"

	"github.com/ward-health/ward"
)

// SyntaxError says where a text stops being FHIRPath.
type SyntaxError struct {
	Offset int    // in bytes, from 0
	Text   string // what was expected there
}

func (e *SyntaxError) Error() string { return fmt.Sprintf("at byte %d: %s", e.Offset, e.Text) }

// SemanticError says where an expression cannot mean anything on the type that it was checked against.
type SemanticError struct {
	Offset int // in bytes, from 0
	Text   string
}

func (e *SemanticError) Error() string { return fmt.Sprintf("at byte %d: %s", e.Offset, e.Text) }

// EvalError says which part of an expression has no result on the given resource. It holds nothing of the resource.
type EvalError struct {
	Offset int // of the operator or function, in bytes, from 0
	Text   string
}

func (e *EvalError) Error() string { return fmt.Sprintf("at byte %d: %s", e.Offset, e.Text) }

// The limits of an evaluation, each with its own error. They are ward.TooLarge.
var (
	ErrSteps = ward.E(ward.TooLarge, "fhirpath.eval", "the expression takes more steps than are allowed", nil)
	ErrItems = ward.E(ward.TooLarge, "fhirpath.eval", "the expression makes more items than are allowed", nil)
	ErrText  = ward.E(ward.TooLarge, "fhirpath.eval", "the expression makes more text than is allowed", nil)
)

func failf(offset int, format string, args ...any) error {
	return &EvalError{Offset: offset, Text: fmt.Sprintf(format, args...)}
}
