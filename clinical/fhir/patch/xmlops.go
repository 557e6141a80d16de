package patch

import (
	"slices"
	"strings"

	"github.com/ward-health/ward/clinical/fhir/xmltree"
)

// opAdd adds nodes, an attribute or a namespace declaration.
//
// SPEC(RFC 5261 section 4.3): behind the last child; pos says before or after the node, or prepend; type says @name or namespace::prefix.
func (x *xmlPatch) opAdd() error {
	if x.sel.last == anAttribute || x.sel.last == aNamespace {
		return x.invalid("sel of add names an element, text or comment; an attribute is added by type")
	}
	if kind := x.option("type"); kind != "" {
		if x.sel.last != anElement {
			return x.invalid("sel names an element when type is given")
		}
		return x.addAttribute(kind)
	}
	v := x.doc.Nodes[x.at]
	pos := x.option("pos")
	switch pos {
	case "before", "after":
		if x.at == x.doc.Root {
			return x.misfit("nothing can be added beside the root element")
		}
		content := x.content(v.Parent)
		if pos == "before" {
			return x.splice(v.Start, v.Start, content)
		}
		return x.splice(v.End, v.End, content)
	case "", "prepend":
	default:
		return x.invalid("pos is before, after or prepend")
	}
	if v.Kind != xmltree.Element {
		return x.misfit("nothing can be added into text or a comment")
	}
	content := x.content(x.at)
	switch {
	case v.Close == v.End: // closed in its start tag: "/>" becomes ">...</name>"
		return x.splice(v.End-2, v.End, []byte{'>'}, content, []byte("</"), x.doc.Src[v.Start+1:v.TagName], []byte{'>'})
	case pos == "prepend":
		return x.splice(v.Open, v.Open, content)
	}
	return x.splice(v.Close, v.Close, content)
}

func (x *xmlPatch) addAttribute(kind string) error {
	text, err := x.text()
	if err != nil {
		return err
	}
	var name, extra string
	if prefix, ok := strings.CutPrefix(kind, "namespace::"); ok {
		if space, bound := x.doc.Lookup(x.at, prefix); prefix == "" || bound && space != text {
			return x.misfit("the prefix has another namespace here, or is none")
		}
		name = "xmlns:" + prefix
		if attributeOf(&x.doc, x.at, xmltree.Name{Space: xmltree.SpaceXMLNS, Local: prefix}) != nil {
			return x.misfit("the namespace declaration is there already")
		}
	} else if attr, ok := strings.CutPrefix(kind, "@"); ok {
		if name, extra, err = x.newAttribute(attr); err != nil {
			return err
		}
	} else {
		return x.invalid("type is @ and the name of an attribute, or namespace:: and a prefix")
	}
	v := &x.doc.Nodes[x.at]
	at := v.TagName
	if v.Attrs > 0 {
		at = x.doc.AttrsOf(x.at)[v.Attrs-1].End
	}
	return x.splice(at, at, []byte(extra+" "+name+`="`+escapeValue(text)+`"`))
}

// newAttribute checks that the attribute is not there; extra declares its prefix where it has to be.
func (x *xmlPatch) newAttribute(text string) (name, extra string, err error) {
	p := selectorParser{s: text, prefix: x.prefix}
	n, err := p.name(false)
	if err != nil || p.i < len(text) || n.Local == "xmlns" || n.Prefix == "xmlns" {
		return "", "", x.invalid("type is @ and the name of an attribute")
	}
	if attributeOf(&x.doc, x.at, n) != nil {
		return "", "", x.misfit("the attribute is there already")
	}
	if n.Prefix == "" {
		return n.Local, "", nil
	}
	switch space, ok := x.doc.Lookup(x.at, n.Prefix); {
	case !ok:
		extra = " xmlns:" + n.Prefix + `="` + escapeValue(n.Space) + `"`
	case space != n.Space:
		return "", "", x.misfit("the prefix of the attribute has another namespace here")
	}
	return n.Prefix + ":" + n.Local, extra, nil
}

// opReplace puts what the operation holds in the place of a node.
//
// SPEC(RFC 5261 section 4.4): an element by one element, a comment by one comment, text and attributes by text.
func (x *xmlPatch) opReplace() error {
	v := &x.doc.Nodes[x.at]
	switch x.sel.last {
	case anAttribute, aNamespace:
		a, err := x.attribute()
		if err != nil {
			return err
		}
		text, err := x.text()
		if err != nil {
			return err
		}
		return x.splice(a.Start, a.End, []byte(" "+attrName(a)+`="`+escapeValue(text)+`"`))
	case aText:
		text, err := x.text()
		if err != nil {
			return err
		}
		return x.splice(v.Start, v.End, []byte(escapeText(text)))
	}
	only := xmltree.None
	for c := x.list.First(x.n); c != xmltree.None; c = x.list.Sibling(c) {
		if x.list.Nodes[c].Kind == xmltree.Text && x.list.Blank(c) {
			continue
		}
		if only != xmltree.None || x.list.Nodes[c].Kind != v.Kind {
			return x.invalid("an element is replaced by one element, a comment by one comment")
		}
		only = c
	}
	if only == xmltree.None {
		return x.invalid("an element is replaced by one element, a comment by one comment")
	}
	return x.splice(v.Start, v.End, x.fragment(only, v.Parent))
}

// opRemove takes a node out.
//
// SPEC(RFC 5261 section 4.5): ws says that white space before, after or on both sides goes too.
func (x *xmlPatch) opRemove() error {
	if x.sel.last == anAttribute || x.sel.last == aNamespace {
		a, err := x.attribute()
		if err != nil {
			return err
		}
		return x.splice(a.Start, a.End)
	}
	if x.at == x.doc.Root {
		return x.misfit("the root element cannot be removed")
	}
	start, end := x.doc.Nodes[x.at].Start, x.doc.Nodes[x.at].End
	ws := x.option("ws")
	if ws != "" && ws != "before" && ws != "after" && ws != "both" {
		return x.invalid("ws is before, after or both")
	}
	if ws == "before" || ws == "both" {
		n := x.beside(-1)
		if n == xmltree.None {
			return x.misfit("there is no white space before the node")
		}
		start = x.doc.Nodes[n].Start
	}
	if ws == "after" || ws == "both" {
		n := x.beside(1)
		if n == xmltree.None {
			return x.misfit("there is no white space after the node")
		}
		end = x.doc.Nodes[n].End
	}
	return x.splice(start, end)
}

// beside is the text of white space just before (-1) or behind (1) the node, None if none is there.
func (x *xmlPatch) beside(side int) int {
	n := x.doc.Sibling(x.at)
	if side < 0 {
		n = xmltree.None
		for c := x.doc.First(x.doc.Nodes[x.at].Parent); c != x.at; c = x.doc.Sibling(c) {
			n = c
		}
	}
	if n != xmltree.None && x.doc.Nodes[n].Kind == xmltree.Text && x.doc.Blank(n) {
		return n
	}
	return xmltree.None
}

// attribute is the attribute or namespace declaration that the selector names.
func (x *xmlPatch) attribute() (*xmltree.Attr, error) {
	name := x.sel.name
	if x.sel.last == aNamespace {
		name = xmltree.Name{Space: xmltree.SpaceXMLNS, Local: name.Local}
	}
	if x.doc.Nodes[x.at].Kind == xmltree.Element {
		if a := attributeOf(&x.doc, x.at, name); a != nil {
			return a, nil
		}
	}
	return nil, x.misfit("there is no such attribute")
}

func attrName(a *xmltree.Attr) string {
	if a.Prefix != "" {
		return a.Prefix + ":" + a.Local
	}
	return a.Local
}

// content is what the operation holds, as it has to be written within element up of the document.
func (x *xmlPatch) content(up int) []byte {
	var out []byte
	for c := x.list.First(x.n); c != xmltree.None; c = x.list.Sibling(c) {
		out = append(out, x.fragment(c, up)...)
	}
	return out
}

// fragment is node n of the patch as it has to be written within element up of the document: prefixes that it uses and does not declare
// get a declaration where they mean something else there.
//
// SPEC(RFC 5261 section 4.2.3): what is added keeps its namespaces.
func (x *xmlPatch) fragment(n, up int) []byte {
	v := &x.list.Nodes[n]
	raw := x.list.Raw(n)
	if v.Kind != xmltree.Element {
		return raw
	}
	var declare strings.Builder
	for _, prefix := range x.inherited(n) {
		space, _ := x.list.Lookup(v.Parent, prefix)
		if there, ok := x.doc.Lookup(up, prefix); ok && there == space {
			continue
		}
		name := " xmlns"
		if prefix != "" {
			name += ":" + prefix
		}
		declare.WriteString(name + `="` + escapeValue(space) + `"`)
	}
	cut := v.TagName - v.Start
	return append([]byte(string(raw[:cut])+declare.String()), raw[cut:]...)
}

// inherited lists the prefixes that node n of the patch uses as they are declared around it.
func (x *xmlPatch) inherited(n int) (list []string) {
	type declared struct {
		prefix string
		until  int // the node behind the element that declares it
	}
	var within []declared
	use := func(prefix string) {
		if prefix != "xml" && !slices.Contains(list, prefix) && !slices.ContainsFunc(within, func(d declared) bool { return d.prefix == prefix }) {
			list = append(list, prefix)
		}
	}
	for i := n; i < x.list.Nodes[n].Next; i++ {
		v := &x.list.Nodes[i]
		if v.Kind != xmltree.Element {
			continue
		}
		for len(within) > 0 && within[len(within)-1].until <= i {
			within = within[:len(within)-1]
		}
		attrs := x.list.AttrsOf(i)
		for _, a := range attrs {
			switch {
			case a.Space == xmltree.SpaceXMLNS && a.Prefix == "":
				within = append(within, declared{"", v.Next})
			case a.Space == xmltree.SpaceXMLNS:
				within = append(within, declared{a.Local, v.Next})
			}
		}
		use(v.Prefix)
		for _, a := range attrs {
			if a.Prefix != "" && a.Space != xmltree.SpaceXMLNS {
				use(a.Prefix)
			}
		}
	}
	return list
}

var (
	valueEscapes = strings.NewReplacer("&", "&amp;", "<", "&lt;", `"`, "&quot;", "\t", "&#9;", "\n", "&#10;", "\r", "&#13;")
	textEscapes  = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "\r", "&#13;")
)

func escapeValue(s string) string { return valueEscapes.Replace(s) }
func escapeText(s string) string  { return textEscapes.Replace(s) }
