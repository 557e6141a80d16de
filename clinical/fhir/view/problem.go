package view

import (
	"fmt"
	"strings"
)

// Problem is one fault of a ViewDefinition.
type Problem struct {
	Path         string // in the definition: "select[0].column[1].path"; "" at the root
	Line, Column int    // of the text, from 1; the column counts characters
	Text         string // what was expected
}

func (p Problem) String() string {
	where := p.Path
	if where == "" {
		where = "the root"
	}
	return fmt.Sprintf("line %d, column %d (%s): %s", p.Line, p.Column, where, p.Text)
}

// maxProblems of one definition; further ones are not looked for.
const maxProblems = 50

// Error says what is wrong with a ViewDefinition.
type Error struct{ Problems []Problem }

func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("the ViewDefinition cannot be compiled: ")
	for i, p := range e.Problems {
		if i > 0 {
			b.WriteString("; ")
		}
		b.WriteString(p.String())
	}
	return b.String()
}

// RunError says why a resource gave no rows, or not all of them.
type RunError struct {
	Path   string // of the expression in the definition: "select[0].column[1].path"; "" = the view as a whole
	Name   string // of the column, "" = none
	Text   string // what was expected; nothing of the resource
	Limit  bool   // a limit was passed
	Reason error  // what FHIRPath said, nil if it was not that
}

func (e *RunError) Error() string {
	var b strings.Builder
	b.WriteString(e.Path)
	if e.Name != "" {
		fmt.Fprintf(&b, " (column %s)", e.Name)
	}
	if b.Len() > 0 {
		b.WriteString(": ")
	}
	b.WriteString(e.Text)
	if e.Reason != nil {
		b.WriteString(": " + e.Reason.Error())
	}
	return b.String()
}

func (e *RunError) Unwrap() error { return e.Reason }
