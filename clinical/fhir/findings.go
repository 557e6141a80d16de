package fhir

import (
	"errors"
	"fmt"
	"strings"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/clinical/fhir/issue"
	"github.com/ward-health/ward/clinical/fhir/structure"
	"github.com/ward-health/ward/clinical/fhir/tree"
)

// Findings is all that the strict pass found wrong with a resource: the cause of an error of Scan and Refs. It holds nothing of the body.
type Findings struct {
	Issues []issue.Issue
	More   bool // there was more to say
}

// Error implements error.
func (f *Findings) Error() string {
	first := f.Issues[0]
	return fmt.Sprintf("%d findings, the first %s at line %d, column %d", len(f.Issues), first.ID, first.Line, first.Column)
}

// Within returns the findings in terms of a text that the resource is a part of: body[start:] begins with it, and path is the expression of its
// place there ("Bundle.entry[1].resource").
func (f *Findings) Within(path string, body []byte, start int) *Findings {
	line, column := (&tree.Doc{Src: body}).Position(start)
	out := &Findings{Issues: append([]issue.Issue(nil), f.Issues...), More: f.More}
	for i := range out.Issues {
		x := &out.Issues[i]
		x.Expression = inside(path, x.Expression)
		if x.Line == 1 {
			x.Column += column - 1
		}
		if x.Line > 0 {
			x.Line += line - 1
		}
	}
	return out
}

// Unplaced returns the findings without lines and columns: of a text that whoever reads them has not seen.
func (f *Findings) Unplaced() *Findings {
	out := &Findings{Issues: append([]issue.Issue(nil), f.Issues...), More: f.More}
	for i := range out.Issues {
		out.Issues[i].Line, out.Issues[i].Column = 0, 0
	}
	return out
}

// inside puts an expression that begins with a type behind the path of the resource.
func inside(path, expression string) string {
	if _, rest, ok := strings.Cut(expression, "."); ok {
		return path + "." + rest
	}
	return path
}

// Join returns one error for all that is wrong in several resources of one text; nil if there is none. Each of the errors has Findings.
func Join(all []error) error {
	sum := &Findings{}
	for _, err := range all {
		var f *Findings
		if !errors.As(err, &f) {
			return err
		}
		room := structure.DefaultMax - len(sum.Issues)
		sum.More = sum.More || f.More || len(f.Issues) > room
		sum.Issues = append(sum.Issues, f.Issues[:min(room, len(f.Issues))]...)
	}
	if len(sum.Issues) == 0 {
		return nil
	}
	return refusal(sum)
}

// refusal is the error of a resource with findings: its text and place are those of the first.
func refusal(f *Findings) error {
	text := f.Issues[0].Text
	if n := len(f.Issues); n > 1 {
		text += fmt.Sprintf(" (the first of %d findings)", n)
	}
	return ward.E(ward.Invalid, "fhir.scan", text, f).At(f.Issues[0].Expression)
}

// syntax is the error of a text that is no JSON that is taken here.
func syntax(err error) error {
	var e *tree.Error
	if !errors.As(err, &e) {
		return ward.E(ward.Internal, "fhir.scan", "", err)
	}
	kind, code, id, what := ward.Invalid, "structure", "json-syntax", "not valid JSON in UTF-8"
	if e.TooLarge {
		kind, code, id, what = ward.TooLarge, "too-costly", "json-limit", "too large"
	}
	f := &Findings{Issues: []issue.Issue{{Severity: issue.Fatal, Code: code, ID: id, Text: what + ": " + e.Text, Line: e.Line, Column: e.Column}}}
	return ward.E(kind, "fhir.scan", fmt.Sprintf("%s at line %d, column %d: %s", what, e.Line, e.Column, e.Text), f).At(e.Path)
}

// OutcomeOf returns the OperationOutcome of an error: all findings where the strict pass made it, else one issue with the public text and
// place.
func OutcomeOf(err error) []byte {
	var f *Findings
	if errors.As(err, &f) && len(f.Issues) > 0 {
		all := f.Issues
		if f.More {
			all = append(all[:len(all):len(all)], issue.Issue{Severity: issue.Information, Code: "incomplete", ID: "more",
				Text: fmt.Sprintf("there are more findings; the first %d are listed", len(f.Issues))})
		}
		return issue.Outcome(all)
	}
	var e *ward.Error
	path := ""
	if errors.As(err, &e) && e.Kind != ward.Internal {
		path = e.Path
	}
	return Outcome(ward.KindOf(err), ward.PublicText(err), path)
}
