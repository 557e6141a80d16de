package structure

import (
	"github.com/ward-health/ward/clinical/fhir/issue"
)

// The ids of what the walk finds. They are stable.
const (
	IDTypeMissing    = "resource-type-missing"
	IDTypeUnknown    = "resource-type-unknown"
	IDElementUnknown = "element-unknown"
	IDJSONKind       = "json-kind"
	IDJSONArray      = "json-array"
	IDJSONSingle     = "json-single"
	IDJSONNull       = "json-null"
	IDJSONEmpty      = "json-empty"
	IDMin            = "cardinality-min"
	IDMax            = "cardinality-max"
	IDChoice         = "choice-many"
	IDPrimitive      = "primitive-form"
	IDLength         = "string-length"
	IDNarrative      = "narrative"
	IDReference      = "reference-form"
	IDLocal          = "reference-contained"
	IDContainedIn    = "contained-nested"
	IDContainedID    = "contained-id"
	IDContainedTwice = "contained-duplicate"
	IDContainedUnref = "contained-unreferenced"
	IDExtension      = "extension-form"
	IDPeriod         = "period-order"
	IDCode           = "code-required"
)

// Constraints are the keys of invariants that the walk enforces by itself: who evaluates invariants behind it may leave them out.
var Constraints = []string{"ele-1", "ext-1", "dom-2", "dom-3", "txt-1", "txt-2", "per-1"}

// DefaultMax is how many issues a Checker keeps unless told otherwise.
const DefaultMax = 100

// report notes an error at the value of node n.
func (c *Checker) report(n int, code, id, text string) {
	c.reportAt(n, int(c.doc.Nodes[n].Start), code, id, text)
}

// reportAt notes an error at node n, shown at an offset.
func (c *Checker) reportAt(n, offset int, code, id, text string) {
	if len(c.Issues) >= c.max {
		c.More = true
		return
	}
	line, column := c.doc.Position(offset)
	c.Issues = append(c.Issues, issue.Issue{
		Severity: issue.Error, Code: code, ID: id, Text: text, Expression: c.schema.Expression(c.doc, n), Line: line, Column: column,
	})
}
