package validate

import (
	"slices"

	"github.com/ward-health/ward/clinical/fhir/issue"
)

// The ids of what this package finds, beside those of package structure. They are stable.
const (
	IDInvariant        = "invariant"
	IDInvariantSkipped = "invariant-not-checked"
	IDBinding          = "code-not-in-value-set"
	IDBindingUnknown   = "value-set-unknown"
	IDSystem           = "identifier-system"
	IDUnit             = "unit-unknown"
	IDDisplay          = "display-wrong"
	IDCodeUnknown      = "code-unknown"
	IDCodeSystem       = "code-system-wrong"
	IDProfileUnknown   = "profile-unknown"
	IDProfilePart      = "profile-part-checked"
	IDProfileType      = "profile-type"
	IDProfileMin       = "profile-cardinality-min"
	IDProfileMax       = "profile-cardinality-max"
	IDProfileTypes     = "profile-type-not-allowed"
	IDFixed            = "profile-fixed"
	IDPattern          = "profile-pattern"
	IDBound            = "profile-bound"
	IDMaxLength        = "profile-length"
	IDConforms         = "profile-not-met"
	IDSlice            = "slice-unmatched"
	IDSliceMany        = "slice-many"
	IDSliceOrder       = "slice-order"
	IDSliceSkipped     = "slice-not-checked"
	IDExtensionUnknown = "extension-unknown"
	IDExtensionPlace   = "extension-context"
	IDExtensionKind    = "extension-modifier"
	IDTarget           = "reference-target"
	IDTargetMissing    = "reference-unresolved"
	IDTargetMany       = "reference-ambiguous"
	IDCanonical        = "canonical-target"
	IDFullURL          = "bundle-full-url"
	IDBundle           = "bundle-rule"
	IDAttachment       = "attachment-size"
	IDElementID        = "element-id-duplicate"
	IDExample          = "url-example"
	IDMarkup           = "text-markup"
	IDAnswer           = "questionnaire-answer"
	IDItem             = "questionnaire-item"
	IDQuestionnaire    = "questionnaire-unknown"
	IDDefinition       = "definition-rule"
	IDCost             = "too-costly"
	IDDeep             = "too-deep"
)

// report notes a finding at the value of node n, unless the runner only asks whether there is one.
func (r *runner) report(s issue.Severity, n int, code, id, rule, text string) {
	if r.quiet > 0 {
		r.failed = r.failed || s <= issue.Error
		return
	}
	if len(r.out) >= r.v.o.Max && !r.room(s) {
		return
	}
	if n < 0 {
		n = 0
	}
	line, column := r.doc.Position(int(r.doc.Nodes[n].Start))
	r.out = append(r.out, issue.Issue{Severity: s, Code: code, ID: id, Text: text, Expression: r.v.schema.Expression(r.doc, n), Line: line, Column: column, Rule: rule})
}

// room makes place for an error by leaving out the latest finding that is none: what is kept has an error whenever there is one.
func (r *runner) room(s issue.Severity) bool {
	for i := len(r.out) - 1; s <= issue.Error && i >= 0; i-- {
		if r.out[i].Severity > issue.Error {
			r.out = slices.Delete(r.out, i, i+1)
			return true
		}
	}
	return false
}

func (r *runner) fail(n int, code, id, rule, text string) {
	r.report(issue.Error, n, code, id, rule, text)
}

// warnOnce notes a warning about something that is not in the Set; the second of the same kind about the same thing is left out.
func (r *runner) warnOnce(s issue.Severity, n int, code, id, about, text string) {
	if r.quiet > 0 && s > issue.Error {
		return
	}
	if s > issue.Error {
		if r.said == nil {
			r.said = map[string]bool{}
		}
		if r.said[id+about] {
			return
		}
		r.said[id+about] = true
	}
	r.report(s, n, code, id, about, text)
}

// step counts work and reports whether there may be more of it. Four steps of FHIRPath, whose work is smaller, are one.
func (r *runner) step() bool {
	r.steps += 1 + r.evals>>2
	r.evals &= 3
	if r.steps <= r.v.o.Steps {
		return true
	}
	if !r.spent {
		r.spent = true
		r.out = append(r.out, issue.Issue{Severity: issue.Error, Code: "too-costly", ID: IDCost, Expression: r.scopes[0].typ.Name, Line: 1, Column: 1,
			Text: "the checks of this text take more steps than are allowed; what follows is not checked"})
	}
	r.failed = true
	return false
}
