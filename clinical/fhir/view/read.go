package view

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/ward-health/ward/clinical/fhir/tree"
)

// Bounds of a definition.
const (
	maxBytes   = 1 << 20
	maxSelects = 2_000
	maxColumns = 5_000
)

// document is a ViewDefinition as it was read; nothing of it is compiled.
type document struct {
	name, url, resource string
	versions            []string
	constants           []constant
	selects             []*selection
	where               []expression
}

// expression is a FHIRPath text and its place.
type expression struct {
	text string
	at   place
}

// place is a node of the definition and its path.
type place struct {
	node int
	path string
}

// constant is a value under a name.
type constant struct {
	name string
	typ  string // FHIR type: "positiveInt"
	text string // of the value
	at   place
}

// selection is a selection structure.
type selection struct {
	at      place
	columns []column
	each    *expression  // forEach or forEachOrNull
	orNull  bool         // it is forEachOrNull
	repeat  []expression // nil: none
	selects []*selection
	unions  []*selection
}

// column is a column as it was read.
type column struct {
	name, typ, sql, description string
	path                        expression
	typeAt, sqlAt, nameAt       place
	collection                  bool
}

// reader reads a definition and gathers what is wrong with it.
type reader struct {
	doc      tree.Doc
	problems []Problem
	selects  int
	columns  int
}

func (r *reader) problem(at place, format string, args ...any) {
	if len(r.problems) >= maxProblems {
		return
	}
	line, col := r.doc.Position(int(r.doc.Nodes[at.node].Start))
	r.problems = append(r.problems, Problem{at.path, line, col, fmt.Sprintf(format, args...)})
}

// read reads the text of a definition.
func read(text []byte) (*reader, *document, error) {
	r := &reader{}
	if err := r.doc.Parse(text, tree.Limits{Bytes: maxBytes}); err != nil {
		var e *tree.Error
		if errors.As(err, &e) {
			return nil, nil, &Error{[]Problem{{e.Path, e.Line, e.Column, e.Text}}}
		}
		return nil, nil, err
	}
	d := r.document()
	if len(r.problems) > 0 {
		return nil, nil, &Error{r.problems}
	}
	return r, d, nil
}

// Members of a ViewDefinition that describe it and do not change its rows.
var descriptive = []string{"id", "meta", "implicitRules", "language", "text", "contained", "extension", "identifier", "version", "versionAlgorithmString",
	"versionAlgorithmCoding", "title", "status", "experimental", "date", "publisher", "contact", "description", "useContext", "jurisdiction", "purpose",
	"copyright", "copyrightLabel", "profile"}

var nameRule = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]*$`)

func (r *reader) document() *document {
	d, root := &document{}, place{0, ""}
	if !r.is(root, tree.Object, "a ViewDefinition, which is an object") {
		return d
	}
	r.members(root, func(name string, at place) bool {
		switch name {
		case "resourceType":
			if s := r.text(at); s != "ViewDefinition" {
				r.problem(at, "expected ViewDefinition")
			}
		case "name":
			d.name = r.name(at)
		case "url":
			d.url = r.text(at)
		case "resource":
			d.resource = r.text(at)
		case "fhirVersion":
			r.items(at, func(at place) { d.versions = append(d.versions, r.text(at)) })
		case "constant":
			r.items(at, func(at place) { d.constants = append(d.constants, r.constant(at)) })
		case "select":
			r.items(at, func(at place) { d.selects = append(d.selects, r.selection(at)) })
		case "where":
			r.items(at, func(at place) { d.where = append(d.where, r.where(at)) })
		default:
			return slices.Contains(descriptive, name)
		}
		return true
	})
	if d.resource == "" && r.doc.Member(0, "resource") == tree.None {
		r.problem(root, "expected resource, the type of the resources that the view is made of")
	}
	if len(d.selects) == 0 && r.doc.Member(0, "select") == tree.None {
		r.problem(root, "expected select, a list of at least one selection")
	}
	return d
}

// members calls f for each member of an object; f reports false for one that it does not know. Extensions of primitives and comments
// of people ("extension", "id") are known everywhere; what would change the meaning is refused.
func (r *reader) members(at place, f func(name string, at place) bool) {
	d := &r.doc
	for c := d.First(at.node); c != tree.None; c = d.Sibling(c) {
		name := d.MemberName(c)
		in := place{c, join(at.path, name)}
		switch {
		case f(name, in), name == "id", name == "extension", strings.HasPrefix(name, "_"):
		case name == "modifierExtension":
			r.problem(in, "modifier extensions are not understood")
		default:
			r.problem(in, "no such element")
		}
	}
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// items calls f for each item of an array, which must not be empty.
func (r *reader) items(at place, f func(at place)) {
	if !r.is(at, tree.Array, "an array") {
		return
	}
	if r.doc.Nodes[at.node].Len == 0 {
		r.problem(at, "expected at least one item")
	}
	i := 0
	for c := r.doc.First(at.node); c != tree.None; c = r.doc.Sibling(c) {
		f(place{c, fmt.Sprintf("%s[%d]", at.path, i)})
		i++
	}
}

func (r *reader) is(at place, k tree.Kind, what string) bool {
	ok := r.doc.Nodes[at.node].Kind == k
	if !ok {
		r.problem(at, "expected %s", what)
	}
	return ok
}

// text reads a string that is not empty.
func (r *reader) text(at place) string {
	if !r.is(at, tree.String, "a string") {
		return ""
	}
	s := string(r.doc.Text(at.node))
	if strings.TrimSpace(s) == "" {
		r.problem(at, "expected a string that is not empty")
	}
	return s
}

// name reads a name.
//
// SPEC(SQL on FHIR ViewDefinition, sql-name): letters, digits and underscores, a letter first.
func (r *reader) name(at place) string {
	s := r.text(at)
	if s != "" && (!nameRule.MatchString(s) || len(s) > 255) {
		r.problem(at, "expected a name of at most 255 letters, digits and underscores that begins with a letter")
	}
	return s
}

func (r *reader) boolean(at place) bool {
	k := r.doc.Nodes[at.node].Kind
	if k != tree.True && k != tree.False {
		r.problem(at, "expected true or false")
	}
	return k == tree.True
}

func (r *reader) expression(at place) expression { return expression{r.text(at), at} }

func (r *reader) where(at place) (e expression) {
	if !r.is(at, tree.Object, "an object with path") {
		return e
	}
	e.at = at
	r.members(at, func(name string, at place) bool {
		switch name {
		case "path":
			e = r.expression(at)
		case "description":
			r.text(at)
		default:
			return false
		}
		return true
	})
	if e.at == at {
		r.problem(at, "expected path")
	}
	return e
}

func (r *reader) selection(at place) *selection {
	s := &selection{at: at}
	if !r.is(at, tree.Object, "a selection, which is an object") {
		return s
	}
	if r.selects++; r.selects > maxSelects {
		r.problem(at, "expected at most %d selections", maxSelects)
		return s
	}
	ways := 0
	r.members(at, func(name string, at place) bool {
		switch name {
		case "column":
			r.items(at, func(at place) { s.columns = append(s.columns, r.column(at)) })
		case "select":
			r.items(at, func(at place) { s.selects = append(s.selects, r.selection(at)) })
		case "unionAll":
			r.items(at, func(at place) { s.unions = append(s.unions, r.selection(at)) })
		case "forEach", "forEachOrNull":
			e := r.expression(at)
			s.each, s.orNull = &e, name == "forEachOrNull"
			ways++
		case "repeat":
			r.items(at, func(at place) { s.repeat = append(s.repeat, r.expression(at)) })
			ways++
		default:
			return false
		}
		return true
	})
	// SPEC(SQL on FHIR ViewDefinition, sql-expressions): at most one of forEach, forEachOrNull and repeat.
	if ways > 1 {
		r.problem(at, "expected at most one of forEach, forEachOrNull and repeat")
	}
	if len(s.columns)+len(s.selects)+len(s.unions) == 0 && ways == 0 {
		r.problem(at, "expected column, select or unionAll")
	}
	return s
}

func (r *reader) column(at place) (c column) {
	if !r.is(at, tree.Object, "a column, which is an object") {
		return c
	}
	if r.columns++; r.columns > maxColumns {
		r.problem(at, "expected at most %d columns", maxColumns)
		return c
	}
	r.members(at, func(name string, at place) bool {
		switch name {
		case "name":
			c.name, c.nameAt = r.name(at), at
		case "path":
			c.path = r.expression(at)
		case "type":
			c.typ, c.typeAt = r.text(at), at
		case "collection":
			c.collection = r.boolean(at)
		case "description":
			c.description = r.text(at)
		case "tag":
			r.items(at, func(at place) { r.tag(at, &c) })
		default:
			return false
		}
		return true
	})
	for _, need := range []string{"name", "path"} {
		if r.doc.Member(at.node, need) == tree.None {
			r.problem(at, "expected %s", need)
		}
	}
	return c
}

// tag reads a tag; of all tags, ansi/type is the one that is acted on.
func (r *reader) tag(at place, c *column) {
	if !r.is(at, tree.Object, "a tag, which is an object with name and value") {
		return
	}
	var name, value string
	var valueAt place
	r.members(at, func(member string, at place) bool {
		switch member {
		case "name":
			name = r.text(at)
		case "value":
			value, valueAt = r.text(at), at
		default:
			return false
		}
		return true
	})
	if name == "" || value == "" {
		r.problem(at, "expected name and value")
	}
	if name == "ansi/type" {
		c.sql, c.sqlAt = value, valueAt
	}
}
