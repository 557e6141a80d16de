// Package issue is what the FHIR engine says of a resource: a severity, a stable id, a code of the standard, a place and a text.
//
// It must never carry a value of a body: texts name elements, types, rules and what was expected.
package issue

import "encoding/json"

// Severity of an issue, as in http://hl7.org/fhir/issue-severity.
type Severity uint8

// The severities, the worst first.
const (
	Fatal Severity = iota + 1 // the text could not be read
	Error
	Warning
	Information
)

// String returns the code of the standard.
func (s Severity) String() string {
	return [...]string{"", "fatal", "error", "warning", "information", "", "", ""}[s&7]
}

// Issue is one finding.
type Issue struct {
	Severity   Severity
	Code       string // of http://hl7.org/fhir/issue-type: "structure", "required", "value", "invariant", "code-invalid", ...
	ID         string // stable, Ward's own: "element-unknown", "cardinality-min"; see the table in docs/reference/fhir-engine.md
	Text       string // for people; nothing of the body
	Expression string // FHIRPath of the element: "Patient.name[0].given[1]"
	Line       int    // from 1; 0 = not known
	Column     int    // from 1, in characters
	Rule       string // the invariant's key or the profile's canonical URL that asked for it; "" = the base specification
}

// Valid reports that no issue is an error.
func Valid(all []Issue) bool {
	for i := range all {
		if all[i].Severity <= Error {
			return false
		}
	}
	return true
}

type outcome struct {
	ResourceType string `json:"resourceType"`
	Issue        []row  `json:"issue"`
}

type row struct {
	Extension   []extension `json:"extension,omitempty"`
	Severity    string      `json:"severity"`
	Code        string      `json:"code"`
	Details     *details    `json:"details,omitempty"`
	Diagnostics string      `json:"diagnostics,omitempty"`
	Expression  []string    `json:"expression,omitempty"`
}

type details struct {
	Coding []coding `json:"coding,omitempty"`
}

type coding struct {
	System string `json:"system"`
	Code   string `json:"code"`
}

type extension struct {
	URL   string `json:"url"`
	Value int    `json:"valueInteger"`
}

// System is the code system of ids.
const System = "https://ward.health/fhir/CodeSystem/issue"

// Outcome returns an OperationOutcome; without issues one that says that all is well.
//
// SPEC(FHIR R4 operationoutcome.html): at least one issue. SPEC(extensions operationoutcome-issue-line, -col): where it stands in the text.
func Outcome(all []Issue) []byte {
	o := outcome{ResourceType: "OperationOutcome"}
	for _, i := range all {
		r := row{Severity: i.Severity.String(), Code: i.Code, Diagnostics: i.Text}
		if i.ID != "" {
			r.Details = &details{Coding: []coding{{System, i.ID}}}
		}
		if i.Expression != "" {
			r.Expression = []string{i.Expression}
		}
		if i.Line > 0 {
			const base = "http://hl7.org/fhir/StructureDefinition/operationoutcome-issue-"
			r.Extension = []extension{{base + "line", i.Line}, {base + "col", i.Column}}
		}
		o.Issue = append(o.Issue, r)
	}
	if len(all) == 0 {
		o.Issue = []row{{Severity: "information", Code: "informational", Diagnostics: "no issues"}}
	}
	b, err := json.Marshal(o)
	if err != nil {
		panic("issue: " + err.Error()) // strings and numbers always marshal
	}
	return b
}
