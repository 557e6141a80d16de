package xmltree

import (
	"bytes"
	"unicode/utf8"
)

// Kind is the sort of a node.
type Kind uint8

// The kinds.
const (
	Element Kind = iota + 1
	Text         // characters, references and CDATA sections up to the next tag or comment
	Comment
)

// Namespaces that XML itself fixes.
const (
	SpaceXML   = "http://www.w3.org/XML/1998/namespace"
	SpaceXMLNS = "http://www.w3.org/2000/xmlns/" // of namespace declarations
)

// None is the answer where there is no such node.
const None = -1

// Node is one node of the tape. What is in an element follows it at once; its next sibling, if it has one, is the node at Next.
type Node struct {
	Kind    Kind
	Name        // of an Element
	Start   int // where it begins: the "<" of an element or a comment
	End     int // where it ends: Src[Start:End] is the node as written
	Open    int // of an Element: behind its start tag
	Close   int // of an Element: where its end tag begins; End if it is closed in its start tag
	Parent  int // None at the root
	Next    int // index of the node behind this one and all that is in it
	Attr    int // of an Element: its first attribute in Doc.Attrs
	Attrs   int // how many it has, namespace declarations included
	TagName int // of an Element: behind its name in the start tag
}

// Name of an element or attribute.
type Name struct {
	Space  string // namespace, "" = none
	Prefix string // as written, "" = none
	Local  string
}

// Attr is one attribute.
type Attr struct {
	Name
	Start, End           int // from the space before its name to behind its closing quote
	ValueStart, ValueEnd int // between the quotes
}

// Doc is one parsed text. The root element is Nodes[Root].
type Doc struct {
	Src   []byte // not copied: it must not change while the Doc is used
	Nodes []Node // comments beside the root element stand here too
	Attrs []Attr
	Root  int
}

// First returns the index of the first child of node n, None if it has no children.
func (d *Doc) First(n int) int {
	if d.Nodes[n].Next == n+1 {
		return None
	}
	return n + 1
}

// Sibling returns the index of the node that follows n within the same parent, None if n is the last.
func (d *Doc) Sibling(n int) int {
	next := d.Nodes[n].Next
	if next >= len(d.Nodes) || d.Nodes[next].Parent != d.Nodes[n].Parent {
		return None
	}
	return next
}

// AttrsOf returns the attributes of element n.
func (d *Doc) AttrsOf(n int) []Attr {
	v := &d.Nodes[n]
	return d.Attrs[v.Attr : v.Attr+v.Attrs]
}

// Raw returns node n as written.
func (d *Doc) Raw(n int) []byte { return d.Src[d.Nodes[n].Start:d.Nodes[n].End] }

// Value returns the value of an attribute, with references resolved.
//
// SPEC(XML 1.0 section 3.3.3): white space that is written as such reads as spaces; that of references stays.
func (d *Doc) Value(a *Attr) []byte {
	raw := d.Src[a.ValueStart:a.ValueEnd]
	if bytes.IndexByte(raw, '&') < 0 && !bytes.ContainsAny(raw, "\t\n\r") {
		return raw
	}
	return appendText(nil, raw, true)
}

// Text returns the characters of a text node, with references resolved and CDATA sections opened.
func (d *Doc) Text(n int) []byte {
	raw := d.Raw(n)
	if bytes.IndexByte(raw, '&') < 0 && bytes.IndexByte(raw, '\r') < 0 && bytes.IndexByte(raw, '<') < 0 {
		return raw
	}
	return appendText(nil, raw, false)
}

// Blank reports whether text node n is white space only.
func (d *Doc) Blank(n int) bool { return len(bytes.Trim(d.Text(n), " \t\r\n")) == 0 }

// Position returns line and column of an offset, both from 1; the column counts characters.
func (d *Doc) Position(offset int) (line, column int) {
	before := d.Src[:min(offset, len(d.Src))]
	start := bytes.LastIndexByte(before, '\n') + 1
	return bytes.Count(before, []byte{'\n'}) + 1, utf8.RuneCount(before[start:]) + 1
}

const (
	cdataOpen  = "<![CDATA["
	cdataClose = "]]>"
)

// appendText appends raw, which Parse has accepted, as a reader of XML sees it.
//
// SPEC(XML 1.0 section 2.11): line ends read as a line feed.
func appendText(dst, raw []byte, attribute bool) []byte {
	for i := 0; i < len(raw); i++ {
		c := raw[i]
		switch c {
		case '\r':
			if i+1 < len(raw) && raw[i+1] == '\n' {
				i++
			}
			c = '\n'
		case '&':
			r, n := reference(raw[i:])
			dst = utf8.AppendRune(dst, r)
			i += n - 1
			continue
		case '<': // a CDATA section: nothing else with "<" is in a text or a value
			inner := raw[i+len(cdataOpen):]
			inner = inner[:bytes.Index(inner, []byte(cdataClose))]
			dst = append(dst, lineEnds(inner)...)
			i += len(cdataOpen) + len(inner) + len(cdataClose) - 1
			continue
		}
		if attribute && (c == '\n' || c == '\t') {
			c = ' '
		}
		dst = append(dst, c)
	}
	return dst
}

func lineEnds(b []byte) []byte {
	if bytes.IndexByte(b, '\r') < 0 {
		return b
	}
	return bytes.ReplaceAll(bytes.ReplaceAll(b, []byte("\r\n"), []byte("\n")), []byte("\r"), []byte("\n"))
}

// Lookup returns the namespace that a prefix ("" = the default) has at element n, false if the prefix is not declared there.
func (d *Doc) Lookup(n int, prefix string) (space string, ok bool) {
	if prefix == "xml" {
		return SpaceXML, true
	}
	for ; n != None; n = d.Nodes[n].Parent {
		for _, a := range d.AttrsOf(n) {
			if a.Space == SpaceXMLNS && (a.Prefix == "" && prefix == "" || a.Prefix != "" && a.Local == prefix) {
				return string(d.Value(&a)), true
			}
		}
	}
	return "", prefix == ""
}
