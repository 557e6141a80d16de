package format

import (
	"bytes"
	"cmp"
	"slices"
	"strings"

	"github.com/ward-health/ward/clinical/fhir/definition"
	"github.com/ward-health/ward/clinical/fhir/tree"
	"github.com/ward-health/ward/clinical/fhir/xmltree"
)

// JSONToXML returns the XML of a resource in JSON; indent puts each element on a line of its own. Errors are *Error, and *ward.Error of kind Invalid or TooLarge; their
// text names line and column, their Path the element as FHIRPath.
//
// SPEC(FHIR R4 xml.html): elements in the order of the definition, values in the attribute value.
func JSONToXML(set *definition.Set, src []byte, indent bool, l tree.Limits) ([]byte, error) {
	const op = "format.xml"
	w := xmlWriter{converter: converter{set: set, op: op, out: make([]byte, 0, len(src)+len(src)/2)}, indent: indent}
	if err := w.doc.Parse(src, l); err != nil {
		return nil, unreadable(op, err)
	}
	w.position = w.doc.Position
	w.write(`<?xml version="1.0" encoding="UTF-8"?>`)
	if !indent {
		w.write("\n")
	}
	if err := w.resource(0); err != nil {
		return nil, err
	}
	w.write("\n")
	return w.out, nil
}

// xmlWriter reads JSON and writes XML.
type xmlWriter struct {
	converter
	doc    tree.Doc
	indent bool
	depth  int
}

func (w *xmlWriter) failAt(n int, expected string) error {
	return w.fail(int(w.doc.Nodes[n].Start), expected)
}

// line begins a line where lines are wanted.
func (w *xmlWriter) line() {
	if !w.indent {
		return
	}
	w.out = append(w.out, '\n')
	for range w.depth {
		w.out = append(w.out, ' ', ' ')
	}
}

// resource writes the resource at node n.
func (w *xmlWriter) resource(n int) error {
	if w.doc.Nodes[n].Kind != tree.Object {
		return w.failAt(n, "a resource, which is an object")
	}
	at := w.doc.Member(n, "resourceType")
	if at == tree.None || w.doc.Nodes[at].Kind != tree.String {
		return w.failAt(n, "a resourceType")
	}
	t := w.resourceType(string(w.doc.Text(at)))
	if t == nil {
		return w.failAt(at, "a resource type of the definitions")
	}
	open := "<" + t.Name
	if len(w.path) == 0 {
		w.path = append(w.path, t.Name...)
		open += ` xmlns="` + spaceFHIR + `"`
	}
	return w.element(open, t.Name, n, t)
}

// given is a member of an object: its value and its "_" part, None where there is none.
type given struct {
	member       *definition.Member
	value, extra int
}

// members lists what an object has, in the order of the definition.
func (w *xmlWriter) members(n int, t *definition.Type) ([]given, error) {
	var list []given
	if w.doc.Nodes[n].Kind != tree.Object {
		return nil, w.failAt(n, "an object ("+t.Name+")")
	}
	for c := w.doc.First(n); c != tree.None; c = w.doc.Sibling(c) {
		name := w.doc.MemberName(c)
		if name == "resourceType" && t.Kind == definition.Resource {
			continue
		}
		m := t.Member(name)
		if m == nil {
			mark := w.push(name, -1)
			err := w.fail(int(w.doc.Nodes[c].Name)-1, "an element that is defined in "+t.Name)
			w.pop(mark)
			return nil, err
		}
		g := given{member: m, value: c}
		if m.Extra {
			if m = t.Member(name[1:]); m == nil || m.Element.XMLAttr {
				return nil, w.failAt(c, "no id and extensions of what is an attribute in XML")
			}
			g = given{member: m, extra: c}
		}
		list = append(list, g)
	}
	slices.SortStableFunc(list, func(a, b given) int { return cmp.Compare(a.member.Element.Order, b.member.Element.Order) })
	joined := list[:0]
	for _, g := range list {
		last := len(joined) - 1
		switch {
		case last < 0 || joined[last].member.Element != g.member.Element:
			joined = append(joined, g)
		case joined[last].member.Name != g.member.Name:
			return nil, w.failAt(max(g.value, g.extra), "one of a choice: "+joined[last].member.Name+" is there too")
		case g.value != tree.None:
			joined[last].value = g.value
		default:
			joined[last].extra = g.extra
		}
	}
	return joined, nil
}

// element writes the object at node n as an element; open is its start tag without the end.
func (w *xmlWriter) element(open, name string, n int, t *definition.Type) error {
	list, err := w.members(n, t)
	if err != nil {
		return err
	}
	w.line()
	w.write(open)
	children := list[:0]
	for _, g := range list {
		if !g.member.Element.XMLAttr {
			children = append(children, g)
			continue
		}
		mark := w.push(g.member.Name, -1)
		w.write(" ", g.member.Name)
		if err := w.attribute(g.value, g.member.Type); err != nil {
			return err
		}
		w.pop(mark)
	}
	if len(children) == 0 {
		if len(list) == 0 && t.Kind != definition.Resource {
			return w.failAt(n, "an object that is not empty")
		}
		w.write("/>")
		return nil
	}
	w.write(">")
	w.depth++
	for _, g := range children {
		if err := w.child(g); err != nil {
			return err
		}
	}
	w.depth--
	w.line()
	w.write("</", name, ">")
	return nil
}

// child writes what a member holds, an element for each item.
func (w *xmlWriter) child(g given) error {
	if !g.member.Element.Array {
		return w.one(g, -1)
	}
	var values, extras []int
	for _, part := range []struct {
		node int
		list *[]int
	}{{g.value, &values}, {g.extra, &extras}} {
		if part.node == tree.None {
			continue
		}
		if w.doc.Nodes[part.node].Kind != tree.Array || w.doc.Nodes[part.node].Len == 0 {
			mark := w.push(g.member.Name, -1)
			defer w.pop(mark)
			return w.failAt(part.node, "an array that is not empty")
		}
		for c := w.doc.First(part.node); c != tree.None; c = w.doc.Sibling(c) {
			*part.list = append(*part.list, c)
		}
	}
	for i := range max(len(values), len(extras)) {
		one := given{member: g.member}
		if i < len(values) {
			one.value = values[i]
		}
		if i < len(extras) {
			one.extra = extras[i]
		}
		if err := w.one(one, i); err != nil {
			return err
		}
	}
	return nil
}

// one writes one element.
func (w *xmlWriter) one(g given, index int) error {
	mark := w.push(g.member.Name, index)
	defer w.pop(mark)
	t := g.member.Type
	switch {
	case t.Name == "xhtml":
		return w.xhtml(g.value)
	case t.Kind == definition.Primitive:
		return w.primitive(g)
	case t.Kind == definition.Resource:
		w.line()
		w.write("<", g.member.Name, ">")
		w.depth++
		if err := w.resource(g.value); err != nil {
			return err
		}
		w.depth--
		w.line()
		w.write("</", g.member.Name, ">")
		return nil
	}
	return w.element("<"+g.member.Name, g.member.Name, g.value, t)
}

// primitive writes a value with its id and extensions.
func (w *xmlWriter) primitive(g given) error {
	null := func(n int) bool { return n == tree.None || w.doc.Nodes[n].Kind == tree.Null }
	if null(g.value) && null(g.extra) {
		return w.failAt(max(g.value, g.extra), "a value, or an id or extensions of it")
	}
	open := "<" + g.member.Name
	if null(g.value) {
		return w.element(open, g.member.Name, g.extra, w.set.Type("Element"))
	}
	from := len(w.out)
	w.write(open, " value")
	if err := w.attribute(g.value, g.member.Type); err != nil {
		return err
	}
	open = string(w.out[from:])
	w.out = w.out[:from]
	if !null(g.extra) {
		return w.element(open, g.member.Name, g.extra, w.set.Type("Element"))
	}
	w.line()
	w.write(open, "/>")
	return nil
}

// attribute writes = and the value at node n in quotes.
func (w *xmlWriter) attribute(n int, t *definition.Type) error {
	text := w.doc.Text(n)
	kind := w.doc.Nodes[n].Kind
	ok, want := kind == tree.String, "a string"
	switch t.JSON {
	case "boolean":
		ok, want = kind == tree.True || kind == tree.False, "true or false"
	case "number":
		ok, want = kind == tree.Number, "a number"
	}
	if !ok {
		return w.failAt(n, want+" ("+t.Name+")")
	}
	if len(text) == 0 {
		return w.failAt(n, "a value that is not empty")
	}
	if err := w.carries(n, text); err != nil {
		return err
	}
	w.write(`="`, escapeValue(string(text)), `"`)
	return nil
}

// carries refuses characters that XML has no form for.
//
// SPEC(XML 1.0 section 2.2): control characters but tab, line feed and carriage return cannot be written, not even as references.
func (w *xmlWriter) carries(n int, text []byte) error {
	for _, r := range string(text) {
		if r < 0x20 && r != '\t' && r != '\n' && r != '\r' || r == 0xFFFE || r == 0xFFFF {
			return w.failAt(n, "no character that XML has no form for")
		}
	}
	return nil
}

// xhtml writes the div of a narrative as it is.
func (w *xmlWriter) xhtml(n int) error {
	if n == tree.None || w.doc.Nodes[n].Kind != tree.String {
		return w.failAt(n, "a string with a div element")
	}
	text := w.doc.Text(n)
	if err := w.carries(n, text); err != nil {
		return err
	}
	text = bytes.Trim(text, " \t\r\n")
	var d xmltree.Doc
	if err := d.Parse(text, tree.Limits{}); err != nil {
		return w.failAt(n, "well-formed XHTML ("+strings.TrimPrefix(unreadableText(err), "expected ")+")")
	}
	if root := d.Nodes[d.Root]; root.Start != 0 || root.End != len(text) || root.Local != "div" || root.Space != spaceXHTML {
		return w.failAt(n, "one div element of the namespace "+spaceXHTML)
	}
	w.line()
	w.out = append(w.out, text...)
	return nil
}
