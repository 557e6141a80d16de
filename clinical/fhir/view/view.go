package view

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ward-health/ward/clinical/fhir/definition"
	"github.com/ward-health/ward/clinical/fhirpath"
)

// View is a compiled ViewDefinition. It does not change and serves any number of Runners.
type View struct {
	Name, URL string
	Resource  string   // type of the resources that it reads
	Warnings  []string // what was not followed, and what was done instead
	columns   []Column
	set       *definition.Set
	root      *selected
	where     []filter
	vars      map[string]fhirpath.Collection // the constants
	indexed   bool                           // an expression asks for %rowIndex
}

// Columns lists the columns in order.
func (v *View) Columns() []Column { return slices.Clone(v.columns) }

// CreateTable returns a statement of ISO/IEC 9075 that makes a table for the rows. Collections are arrays.
//
// SPEC(SQL on FHIR ViewDefinition, generating schemas): a runner offers a way to compute the schema of its output.
func (v *View) CreateTable(name string) (string, error) {
	if !nameRule.MatchString(name) {
		return "", fmt.Errorf("expected a table name of letters, digits and underscores")
	}
	var b strings.Builder
	fmt.Fprintf(&b, "CREATE TABLE \"%s\" (", name)
	for i, c := range v.columns {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "\n  \"%s\" %s", c.Name, c.SQL)
		if c.Collection {
			b.WriteString(" ARRAY")
		}
	}
	b.WriteString("\n)")
	return b.String(), nil
}

// selected is a compiled selection. Its columns are those of the view from start on, width of them: its own first, then
// those of the nested selections, then those of the union.
type selected struct {
	path         string
	start, width int
	own          []cell
	each         *fhirpath.Expression
	orNull       bool
	repeat       []*fhirpath.Expression
	selects      []*selected
	unions       []*selected
}

// cell is a compiled column of a selection.
type cell struct {
	column int // of the view
	path   *fhirpath.Expression
	at     string           // its place
	index  bool             // it is %rowIndex and nothing else
	family string           // of the column's type; "" = not known, any primitive is taken
	typ    *definition.Type // of the column, nil = not known or none of FHIR R4
}

// filter is a compiled where.
type filter struct {
	path *fhirpath.Expression
	at   string
}
