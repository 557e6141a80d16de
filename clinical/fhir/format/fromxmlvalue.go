package format

import (
	"bytes"
	"strings"

	"github.com/ward-health/ward/clinical/fhir/definition"
	"github.com/ward-health/ward/clinical/fhir/xmltree"
)

// primitives writes the values of a group, then its ids and extensions.
//
// SPEC(FHIR R4 json.html#primitive): values under the name, ids and extensions under "_" and the name; in arrays null stands where one has none.
func (r *xmlReader) primitives(group []int, m *definition.Member) error {
	values, extras := make([]*xmltree.Attr, len(group)), make([]bool, len(group))
	anyValue, anyExtra := false, false
	for i, n := range group {
		list := r.doc.AttrsOf(n)
		for k := range list {
			if list[k].Space == "" && list[k].Local == "value" {
				values[i], anyValue = &list[k], true
			}
			extras[i] = extras[i] || list[k].Space == "" && list[k].Local == "id"
		}
		for c := r.doc.First(n); c != xmltree.None && !extras[i]; c = r.doc.Sibling(c) {
			extras[i] = r.elementAt(c)
		}
		anyExtra = anyExtra || extras[i]
		if values[i] == nil && !extras[i] {
			return r.failAt(n, "a value, an id or extensions of the element "+m.Name)
		}
	}
	if anyValue {
		r.write(`"`, m.Name, `":`)
		i := -1
		err := r.list(group, m, func(n int) error {
			if i++; values[i] == nil {
				r.write("null")
				return nil
			}
			r.mark(values[i].ValueStart)
			return r.value(values[i], m.Type)
		})
		if err != nil {
			return err
		}
	}
	if !anyExtra {
		return r.plainPrimitives(group)
	}
	if anyValue {
		r.write(",")
	}
	r.write(`"_`, m.Name, `":`)
	i := -1
	return r.list(group, m, func(n int) error {
		if i++; !extras[i] {
			r.write("null")
			return r.plainPrimitives(group[i : i+1])
		}
		return r.extra(n)
	})
}

// plainPrimitives refuses text and further attributes in primitives without id and extensions.
func (r *xmlReader) plainPrimitives(group []int) error {
	for _, n := range group {
		for _, a := range r.doc.AttrsOf(n) {
			if !passes(&a) && (a.Space != "" || a.Local != "value") {
				return r.fail(a.Start, "no attribute but value and id on a primitive")
			}
		}
		for c := r.doc.First(n); c != xmltree.None; c = r.doc.Sibling(c) {
			if r.doc.Nodes[c].Kind == xmltree.Text && !r.doc.Blank(c) {
				return r.failAt(c, "the value in the attribute value, no text")
			}
		}
	}
	return nil
}

// extra writes id and extensions of primitive n.
func (r *xmlReader) extra(n int) error {
	r.write("{")
	first := true
	list := r.doc.AttrsOf(n)
	for i := range list {
		switch a := &list[i]; {
		case passes(a) || a.Space == "" && a.Local == "value":
		case a.Space == "" && a.Local == "id":
			if err := r.attribute(a); err != nil {
				return err
			}
			first = false
		default:
			return r.fail(a.Start, "no attribute but value and id on a primitive")
		}
	}
	element := r.set.Type("Element")
	for c := r.doc.First(n); c != xmltree.None; {
		if !r.elementAt(c) {
			if r.doc.Nodes[c].Kind == xmltree.Text && !r.doc.Blank(c) {
				return r.failAt(c, "the value in the attribute value, no text")
			}
			c = r.doc.Sibling(c)
			continue
		}
		m, err := r.member(c, element)
		if err != nil {
			return err
		}
		if !first {
			r.write(",")
		}
		if c, err = r.element(c, m); err != nil {
			return err
		}
		first = false
	}
	r.write("}")
	return nil
}

// value writes the value of a primitive.
func (r *xmlReader) value(a *xmltree.Attr, t *definition.Type) error {
	v := r.doc.Value(a)
	switch {
	case len(v) == 0:
		return r.fail(a.Start+1, "a value that is not empty")
	case t.JSON == "boolean":
		if s := string(v); s != "true" && s != "false" {
			return r.fail(a.ValueStart, "true or false")
		}
		r.out = append(r.out, v...)
	case t.JSON == "number":
		if !number(v) {
			return r.fail(a.ValueStart, "a number ("+t.Name+")")
		}
		r.out = append(r.out, v...)
	default:
		r.out = appendQuote(r.out, v)
	}
	return nil
}

// xhtml writes the div of a narrative as text: as it is written, where it needs nothing of what is around it.
//
// SPEC(FHIR R4 json.html#xhtml): an escaped string with one div element in it, which has the namespace of XHTML.
func (r *xmlReader) xhtml(n int) error {
	if r.selfContained(n) {
		raw := bytes.ReplaceAll(r.doc.Raw(n), []byte("\r\n"), []byte("\n"))
		r.out = appendQuote(r.out, bytes.ReplaceAll(raw, []byte("\r"), []byte("\n")))
		return nil
	}
	var b strings.Builder
	if err := r.rewrite(&b, n, ""); err != nil {
		return err
	}
	r.out = appendQuote(r.out, []byte(b.String()))
	return nil
}

// selfContained reports whether the element declares its namespace as the default one, and no prefix is in it.
func (r *xmlReader) selfContained(n int) bool {
	declared := false
	for _, a := range r.doc.AttrsOf(n) {
		declared = declared || a.Space == xmltree.SpaceXMLNS && a.Prefix == ""
	}
	for i := n; declared && i < r.doc.Nodes[n].Next; i++ {
		declared = r.doc.Nodes[i].Prefix == ""
		for _, a := range r.doc.AttrsOf(i) {
			declared = declared && (a.Prefix == "" || a.Prefix == "xml" || a.Prefix == "xmlns")
		}
	}
	return declared
}

// rewrite writes element n without prefixes; space is the default namespace around it.
func (r *xmlReader) rewrite(b *strings.Builder, n int, space string) error {
	v := &r.doc.Nodes[n]
	b.WriteString("<" + v.Local)
	if v.Space != space {
		b.WriteString(` xmlns="` + escapeValue(v.Space) + `"`)
	}
	list := r.doc.AttrsOf(n)
	for i := range list {
		switch a := &list[i]; {
		case a.Space == xmltree.SpaceXMLNS:
		case a.Prefix == "xml":
			b.WriteString(" xml:" + a.Local + `="` + escapeValue(string(r.doc.Value(a))) + `"`)
		case a.Prefix != "":
			return r.fail(a.Start+1, "no attribute of another namespace in a narrative")
		default:
			b.WriteString(" " + a.Local + `="` + escapeValue(string(r.doc.Value(a))) + `"`)
		}
	}
	if v.Close == v.End {
		b.WriteString("/>")
		return nil
	}
	b.WriteString(">")
	for c := r.doc.First(n); c != xmltree.None; c = r.doc.Sibling(c) {
		if !r.elementAt(c) {
			b.Write(r.doc.Raw(c))
			continue
		}
		if err := r.rewrite(b, c, v.Space); err != nil {
			return err
		}
	}
	b.WriteString("</" + v.Local + ">")
	return nil
}

var valueEscapes = strings.NewReplacer("&", "&amp;", "<", "&lt;", `"`, "&quot;", "\t", "&#9;", "\n", "&#10;", "\r", "&#13;")

// escapeValue is s as it stands in an attribute value in double quotes.
func escapeValue(s string) string { return valueEscapes.Replace(s) }
