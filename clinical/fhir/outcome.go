package fhir

import (
	"encoding/json"

	"github.com/ward-health/ward"
)

// issueCodes maps kinds of failure to http://hl7.org/fhir/issue-type.
var issueCodes = map[ward.ErrorKind]string{
	ward.Internal: "exception", ward.Invalid: "invalid", ward.Unauthentic: "login", ward.Denied: "forbidden", ward.NotFound: "not-found",
	ward.Gone: "deleted", ward.Conflict: "conflict", ward.Precondition: "conflict", ward.TooLarge: "too-costly",
	ward.Unsupported: "not-supported", ward.Unprocessable: "business-rule", ward.Unavailable: "transient",
}

type operationOutcome struct {
	ResourceType string         `json:"resourceType"`
	Issue        []outcomeIssue `json:"issue"`
}

type outcomeIssue struct {
	Severity    string   `json:"severity"`
	Code        string   `json:"code"`
	Diagnostics string   `json:"diagnostics,omitempty"`
	Expression  []string `json:"expression,omitempty"`
}

// Outcome returns an OperationOutcome with one issue: the kind's code, the public text and the place, each left out when
// empty.
func Outcome(kind ward.ErrorKind, text, path string) []byte {
	code := issueCodes[kind]
	if code == "" {
		code = "processing"
	}
	i := outcomeIssue{Severity: "error", Code: code, Diagnostics: text}
	if kind == ward.Internal {
		i.Severity = "fatal"
	}
	if path != "" {
		i.Expression = []string{path}
	}
	return marshal(operationOutcome{"OperationOutcome", []outcomeIssue{i}})
}

// Done returns an OperationOutcome that says that all went well.
func Done(text string) []byte {
	return marshal(operationOutcome{"OperationOutcome", []outcomeIssue{{Severity: "information", Code: "informational", Diagnostics: text}}})
}

// marshal is for the structs of this package, which always marshal.
func marshal(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic("fhir: " + err.Error())
	}
	return b
}
