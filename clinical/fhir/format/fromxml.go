package format

import (
	"github.com/ward-health/ward/clinical/fhir/definition"
	"github.com/ward-health/ward/clinical/fhir/tree"
	"github.com/ward-health/ward/clinical/fhir/xmltree"
)

// XMLToJSON returns the JSON of a resource in XML, without white space. Errors are *Error, and *ward.Error of kind Invalid or TooLarge; their text names line
// and column, their Path the element as FHIRPath.
//
// SPEC(FHIR R4 xml.html): elements are of the namespace of FHIR and in the order of the definition; no attribute is empty; comments say nothing.
func XMLToJSON(set *definition.Set, src []byte, l tree.Limits) ([]byte, error) {
	var r xmlReader
	return r.read(set, src, l)
}

func (r *xmlReader) read(set *definition.Set, src []byte, l tree.Limits) ([]byte, error) {
	const op = "format.json"
	r.converter = converter{set: set, op: op, out: make([]byte, 0, len(src))}
	if err := r.doc.Parse(src, l); err != nil {
		return nil, unreadable(op, err)
	}
	r.position = r.doc.Position
	if err := r.resource(r.doc.Root); err != nil {
		return nil, err
	}
	return r.out, nil
}

// xmlReader reads XML and writes JSON.
type xmlReader struct {
	converter
	doc    xmltree.Doc
	places *Places // nil: they are not wanted
}

func (r *xmlReader) failAt(n int, expected string) error {
	return r.fail(r.doc.Nodes[n].Start, expected)
}

// resource writes element n, whose name is a resource type.
func (r *xmlReader) resource(n int) error {
	v := &r.doc.Nodes[n]
	if len(r.path) == 0 {
		r.path = append(r.path, plain(v.Local)...)
	}
	if v.Space != spaceFHIR {
		return r.failAt(n, "an element of the namespace "+spaceFHIR)
	}
	t := r.resourceType(v.Local)
	if t == nil {
		return r.failAt(n, "the name of a resource type")
	}
	r.mark(v.Start)
	r.write(`{"resourceType":"`, t.Name, `"`)
	if err := r.members(n, t, false); err != nil {
		return err
	}
	r.write("}")
	return nil
}

// object writes element n of a complex type.
func (r *xmlReader) object(n int, t *definition.Type) error {
	from := len(r.out)
	r.write("{")
	if err := r.members(n, t, true); err != nil {
		return err
	}
	r.write("}")
	if len(r.out) == from+2 {
		return r.failAt(n, "a value or children in the element")
	}
	return nil
}

// members writes attributes and children of element n as members of the open object, which is empty if first.
func (r *xmlReader) members(n int, t *definition.Type, first bool) error {
	comma := func() {
		if !first {
			r.write(",")
		}
		first = false
	}
	list := r.doc.AttrsOf(n)
	for i := range list {
		a := &list[i]
		if passes(a) {
			continue
		}
		m := t.Member(a.Local)
		if a.Space != "" || m == nil || !m.Element.XMLAttr {
			return r.fail(a.Start, "no attribute but those that are defined for "+t.Name)
		}
		comma()
		if err := r.attribute(a); err != nil {
			return err
		}
	}
	order := -1
	for c := r.doc.First(n); c != xmltree.None; {
		if !r.elementAt(c) {
			if r.doc.Nodes[c].Kind == xmltree.Text && !r.doc.Blank(c) {
				return r.failAt(c, "no text between elements")
			}
			c = r.doc.Sibling(c)
			continue
		}
		m, err := r.member(c, t)
		if err != nil {
			return err
		}
		if m.Element.Order <= order {
			return r.failAt(c, "the elements of "+t.Name+" in the order of its definition, and one of a choice: this one is out of place")
		}
		order = m.Element.Order
		comma()
		if c, err = r.element(c, m); err != nil {
			return err
		}
	}
	return nil
}

// passes reports whether an attribute says nothing of the resource.
//
// SPEC(FHIR R4 xml.html): xsi:schemaLocation may stand in an instance and is ignored.
func passes(a *xmltree.Attr) bool {
	return a.Space == xmltree.SpaceXMLNS || a.Space == spaceXSI && a.Local == "schemaLocation"
}

func (r *xmlReader) elementAt(n int) bool { return r.doc.Nodes[n].Kind == xmltree.Element }

// member says what child element c of a type is.
func (r *xmlReader) member(c int, t *definition.Type) (*definition.Member, error) {
	v := &r.doc.Nodes[c]
	m := t.Member(v.Local)
	if m == nil || m.Extra || m.Element.XMLAttr {
		return nil, r.failAt(c, "an element that is defined in "+t.Name)
	}
	want := spaceFHIR
	if m.Type.Name == "xhtml" {
		want = spaceXHTML
	}
	if v.Space != want {
		return nil, r.failAt(c, "an element of the namespace "+want)
	}
	return m, nil
}

// attribute writes an attribute as a member.
func (r *xmlReader) attribute(a *xmltree.Attr) error {
	r.write(`"`, a.Local, `":`)
	value := r.doc.Value(a)
	if len(value) == 0 {
		return r.fail(a.Start, "a value in the attribute")
	}
	r.mark(a.ValueStart)
	r.out = appendQuote(r.out, value)
	return nil
}

// element writes child element c and those of its name that follow, and returns the node behind them.
func (r *xmlReader) element(c int, m *definition.Member) (int, error) {
	var group []int
	next := c
	for ; next != xmltree.None; next = r.doc.Sibling(next) {
		v := &r.doc.Nodes[next]
		switch {
		case v.Kind == xmltree.Comment || v.Kind == xmltree.Text && r.doc.Blank(next):
			continue
		case v.Kind != xmltree.Element || v.Local != m.Name:
		default:
			if v.Space != r.doc.Nodes[c].Space {
				return 0, r.failAt(next, "an element of the namespace "+r.doc.Nodes[c].Space)
			}
			group = append(group, next)
			continue
		}
		break
	}
	if len(group) > 1 && !m.Element.Array {
		return 0, r.failAt(group[1], "the element "+m.Name+" once")
	}
	if m.Type.Kind == definition.Primitive && m.Type.Name != "xhtml" {
		return next, r.primitives(group, m)
	}
	r.write(`"`, m.Name, `":`)
	return next, r.list(group, m, func(n int) error {
		switch {
		case m.Type.Name == "xhtml":
			return r.xhtml(n)
		case m.Type.Kind == definition.Resource:
			return r.inner(n)
		}
		return r.object(n, m.Type)
	})
}

// list writes what one writes for each element of the group, as an array where the element repeats.
func (r *xmlReader) list(group []int, m *definition.Member, one func(n int) error) error {
	if m.Element.Array {
		r.mark(r.doc.Nodes[group[0]].Start)
		r.write("[")
	}
	for i, n := range group {
		index := -1
		if m.Element.Array {
			index = i
		}
		if i > 0 {
			r.write(",")
		}
		r.mark(r.doc.Nodes[n].Start)
		mark := r.push(m.Name, index)
		if err := one(n); err != nil {
			return err
		}
		r.pop(mark)
	}
	if m.Element.Array {
		r.write("]")
	}
	return nil
}

// inner writes the resource in element n: of contained, of the entries of a Bundle, of Parameters.
func (r *xmlReader) inner(n int) error {
	resource := xmltree.None
	for c := r.doc.First(n); c != xmltree.None; c = r.doc.Sibling(c) {
		switch {
		case r.elementAt(c) && resource == xmltree.None:
			resource = c
		case r.elementAt(c) || r.doc.Nodes[c].Kind == xmltree.Text && !r.doc.Blank(c):
			return r.failAt(c, "one resource in the element")
		}
	}
	for _, a := range r.doc.AttrsOf(n) {
		if !passes(&a) {
			return r.fail(a.Start, "no attribute on an element that holds a resource")
		}
	}
	if resource == xmltree.None {
		return r.failAt(n, "a resource in the element")
	}
	return r.resource(resource)
}
