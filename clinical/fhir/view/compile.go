package view

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/ward-health/ward/clinical/fhir/definition"
	"github.com/ward-health/ward/clinical/fhirpath"
)

// rowIndex is the variable of the position in an iteration.
const rowIndex = "rowIndex"

// compiler compiles a definition that was read.
type compiler struct {
	*reader
	set   *definition.Set
	view  *View
	infer inference
	names map[string]bool // of the columns so far
}

// Compile compiles a ViewDefinition for the types of a set. The error is an *Error that names every fault by its place.
//
// SPEC(SQL on FHIR ViewDefinition, ValidateColumns): names of columns are there once; branches of a union have the same
// columns in the same order.
func Compile(text []byte, set *definition.Set) (*View, error) {
	r, d, err := read(text)
	if err != nil {
		return nil, err
	}
	c := &compiler{reader: r, set: set, view: &View{Name: d.name, URL: d.url, Resource: d.resource, set: set}, names: map[string]bool{}}
	c.document(d)
	if len(c.problems) > 0 {
		return nil, &Error{c.problems}
	}
	return c.view, nil
}

func (c *compiler) document(d *document) {
	root := place{0, ""}
	at := place{c.doc.Member(0, "resource"), "resource"}
	t := c.set.Type(d.resource)
	if t == nil || t.Name != d.resource || t.Kind != definition.Resource || t.Abstract {
		c.problem(at, "expected a resource type of FHIR R4")
		return
	}
	if len(d.versions) > 0 && !slices.ContainsFunc(d.versions, func(v string) bool { return v == "4.0" || strings.HasPrefix(v, "4.0.") }) {
		c.view.Warnings = append(c.view.Warnings, "fhirVersion: the view does not say that it is for 4.0.1, by which it is run")
	}
	c.constants(d.constants)
	c.infer = inference{set: c.set, root: t, constants: map[string]string{}}
	for _, k := range d.constants {
		c.infer.constants[k.name] = k.typ
	}
	focus := kinded{name: t.Name, typ: t}
	for _, w := range d.where {
		e := c.path(w, focus)
		if k := c.infer.of(w.text, focus); k.name != "" && k.name != "boolean" {
			c.problem(w.at, "expected an expression that is a boolean; this one is %s", k.name)
		}
		c.view.where = append(c.view.where, filter{e, w.at.path})
	}
	whole := &selection{at: root, selects: d.selects}
	c.view.root = c.selection(whole, focus)
	if len(c.view.columns) == 0 && len(c.problems) == 0 {
		c.problem(root, "expected at least one column")
	}
}

// path compiles an expression. What has no meaning on the type of its focus, a misspelt element for one, gives nothing on every resource: of that
// the view warns, because it is no error in the public suite (repeat.json, empty expression).
func (c *compiler) path(e expression, focus kinded) *fhirpath.Expression {
	if e.text == "" {
		return nil // said before
	}
	if strings.Contains(e.text, rowIndex) {
		c.view.indexed = true
	}
	// SPEC(SQL on FHIR public suite, fhirpath.json): join() of nothing is the empty string.
	out, err := fhirpath.Compile(e.text, fhirpath.Options{Variables: slices.Sorted(maps.Keys(c.view.vars)), EmptyJoin: true})
	if err != nil {
		c.problem(e.at, "%s", err)
		return nil
	}
	if focus.typ != nil {
		if err := out.Check(c.set, focus.typ, fhirpath.CheckOptions{}); err != nil {
			c.view.Warnings = append(c.view.Warnings, fmt.Sprintf("%s: on %s: %s", e.at.path, focus.name, err))
		}
	}
	return out
}

// selection compiles a selection and appends its columns to those of the view.
func (c *compiler) selection(s *selection, focus kinded) *selected {
	out := &selected{path: s.at.path, start: len(c.view.columns), orNull: s.orNull}
	switch {
	case s.each != nil:
		out.each = c.path(*s.each, focus)
		focus = c.infer.of(s.each.text, focus)
	case s.repeat != nil:
		focus = c.repeat(s, out, focus)
	}
	for _, k := range s.columns {
		out.own = append(out.own, c.column(k, focus))
	}
	for _, nested := range s.selects {
		out.selects = append(out.selects, c.selection(nested, focus))
	}
	c.union(s, out, focus)
	out.width = len(c.view.columns) - out.start
	return out
}

// repeat compiles the paths of a recursion. Where they lead to one type from the focus, and from that type to itself, it is known.
func (c *compiler) repeat(s *selection, out *selected, focus kinded) kinded {
	var to kinded
	known := true
	for i, e := range s.repeat {
		out.repeat = append(out.repeat, c.path(e, kinded{})) // a path may begin to lead somewhere further down
		k := c.infer.of(e.text, focus)
		switch {
		case k.typ == nil: // it may lead nowhere
		case to.typ == nil:
			to = k
		case k.typ != to.typ:
			known = false
		}
		if i == len(s.repeat)-1 && to.typ != nil {
			for _, again := range s.repeat {
				if n := c.infer.of(again.text, to); n.typ != nil && n.typ != to.typ {
					known = false
				}
			}
		}
	}
	if !known {
		return kinded{}
	}
	return to
}

// union compiles the branches of a union onto the same columns.
func (c *compiler) union(s *selection, out *selected, focus kinded) {
	before := len(c.view.columns)
	var first []Column
	for i, branch := range s.unions {
		if i == 0 {
			out.unions = append(out.unions, c.selection(branch, focus))
			first = c.view.columns[before:]
			continue
		}
		names := c.names
		c.names = map[string]bool{}
		for name := range names {
			c.names[name] = !slices.ContainsFunc(first, func(k Column) bool { return k.Name == name })
		}
		all := c.view.columns
		c.view.columns = slices.Clone(all[:before])
		out.unions = append(out.unions, c.selection(branch, focus))
		c.match(branch.at, first, c.view.columns[before:])
		c.names, c.view.columns = names, all
	}
}

// match checks the columns of a later branch against those of the first. Of one whose type is not known, values are checked as they come.
func (c *compiler) match(at place, first, other []Column) {
	list := func(all []Column) string {
		var names []string
		for _, k := range all {
			names = append(names, k.Name)
		}
		return strings.Join(names, ", ")
	}
	if list(first) != list(other) {
		c.problem(at, "expected the columns of the first branch of the union, in its order: %s", list(first))
		return
	}
	for i, k := range other {
		same := family(k.Type) == family(first[i].Type) && (k.Kind != JSON || k.Type == first[i].Type)
		if k.Collection != first[i].Collection || (k.Declared || k.Inferred) && !same {
			c.problem(at, "column %s: expected the type of the first branch of the union, %s", k.Name, first[i].shape())
		}
	}
}

// shape says the type of a column in words.
func (k Column) shape() string {
	if k.Collection {
		return "a collection of " + k.Type
	}
	return k.Type
}

// column compiles a column and appends it to those of the view.
func (c *compiler) column(k column, focus kinded) cell {
	if c.names[k.name] {
		c.problem(k.nameAt, "expected a name that no other column has")
	}
	if k.name != "" {
		c.names[k.name] = true
	}
	out := Column{Name: k.name, Path: k.path.text, Collection: k.collection, Description: k.description}
	cell := cell{column: len(c.view.columns), path: c.path(k.path, focus), at: k.path.at.path, index: strings.Trim(k.path.text, " %`") == rowIndex}
	is := c.infer.of(k.path.text, focus)
	out.Type, out.Inferred, out.Declared = is.name, is.name != "", k.typ != ""
	if k.typ != "" {
		out.Type = c.declared(k, is)
	}
	if out.Type == "" {
		out.Type = "string"
	}
	cell.typ = c.infer.named(out.Type).typ
	complex := cell.typ != nil && cell.typ.Kind != definition.Primitive
	if complex && k.typ == "" {
		c.problem(k.path.at, "expected type: the values are %s, which is not a primitive type", out.Type)
	}
	if out.Declared || out.Inferred {
		cell.family = family(out.Type)
	} else {
		cell.typ = nil
	}
	out.Kind = kindOf(out.Type, complex)
	out.SQL = c.sql(k, out)
	c.view.columns = append(c.view.columns, out)
	return cell
}

// declared is the type that the definition names, checked against what the path gives.
func (c *compiler) declared(k column, is kinded) string {
	name := strings.TrimPrefix(k.typ, "http://hl7.org/fhir/StructureDefinition/")
	if system, ok := strings.CutPrefix(k.typ, "http://hl7.org/fhirpath/"); ok {
		name = system
	}
	t := c.infer.named(name)
	switch {
	case t.name == "":
		c.problem(k.typeAt, "expected the name or URL of a type of FHIR R4")
	case is.name != "" && !fits(t, is):
		c.problem(k.typeAt, "expected %s, which is what the path gives", is.name)
	}
	return t.name
}

// sql is the SQL type of a column: what its tag says, or the default.
func (c *compiler) sql(k column, out Column) SQLType {
	byDefault := defaultSQL(out.Type)
	if k.sql == "" || len(c.problems) > 0 {
		return byDefault
	}
	t, ok := readHint(k.sql)
	if !ok || !t.holds(out.Type) {
		c.view.Warnings = append(c.view.Warnings, fmt.Sprintf("%s: the SQL type is not known or does not hold %s; %s is used", k.sqlAt.path, out.Type, byDefault))
		return byDefault
	}
	return t
}

// families of types whose values have one form: where one is declared, another may come.
var families = map[string]string{"boolean": "boolean", "integer": "integer", "positiveInt": "integer", "unsignedInt": "integer", "integer64": "integer",
	"decimal": "decimal", "date": "date", "dateTime": "dateTime", "instant": "dateTime", "time": "time", "base64Binary": "base64Binary"}

func family(name string) string {
	if f, ok := families[name]; ok {
		return f
	}
	return "string"
}

// fits reports whether values of one type may stand in a column of another.
//
// SPEC(SQL on FHIR ViewDefinition.select.column.type): values that are not of the declared type are an error. Types that
// FHIR writes alike are taken for each other, an integer for a decimal, and a date for a dateTime.
func fits(declared, is kinded) bool {
	if declared.typ != nil && declared.typ.Kind != definition.Primitive || is.typ != nil && is.typ.Kind != definition.Primitive {
		return declared.typ != nil && is.typ.Is(declared.typ)
	}
	want, got := family(declared.name), family(is.name)
	return want == got || widens(want, got)
}

func kindOf(typ string, complex bool) Kind {
	if complex {
		return JSON
	}
	switch family(typ) {
	case "boolean":
		return Boolean
	case "integer":
		return Integer
	case "decimal":
		return Decimal
	}
	return Text
}

// constants makes the values of the constants.
func (c *compiler) constants(all []constant) {
	c.view.vars = map[string]fhirpath.Collection{rowIndex: indexValue(0)}
	for _, k := range all {
		if k.text == "" || k.name == "" {
			continue // said before
		}
		// SPEC(FHIRPath Environment variables): names of the environment are not given again.
		if _, twice := c.view.vars[k.name]; twice || slices.Contains([]string{"resource", "rootResource", "context", "ucum", "sct", "loinc"}, k.name) {
			c.problem(k.at, "expected a name that no other constant and no variable of FHIRPath has")
			continue
		}
		v, err := constantValue(c.set, k.typ, k.text)
		if err != nil {
			c.problem(k.at, "expected a value of type %s", k.typ)
			continue
		}
		c.view.vars[k.name] = v
	}
}
