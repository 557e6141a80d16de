package xmltree

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/ward-health/ward/clinical/fhir/tree"
)

const (
	maxAttrs  = 64 // of one element
	maxSpaces = 64 // namespace declarations in scope
	maxName   = 256
)

// Parse bounds the nodes by itself where it is not told how many: text that is nothing but tags would take a hundred times its bytes. Documents have
// fewer than one node for every nodeBytes, short ones of whatever density have leave for fewNodes.
const (
	nodeBytes = 12
	fewNodes  = 1 << 20
)

// Parse reads src, which is one XML document. Nodes of the limits bounds nodes and attributes, each for themselves. After an error the Doc
// holds nothing that is of use. The error is a *tree.Error; its Path is of element names and, among siblings of one name, positions from 0.
func (d *Doc) Parse(src []byte, l tree.Limits) error {
	if l.Bytes == 0 {
		l.Bytes = tree.DefaultLimits.Bytes
	}
	if l.Depth == 0 {
		l.Depth = tree.DefaultLimits.Depth
	}
	if l.Nodes == 0 {
		l.Nodes = min(tree.DefaultLimits.Nodes, max(fewNodes, len(src)/nodeBytes))
	}
	d.Src, d.Nodes, d.Attrs, d.Root = src, d.Nodes[:0], d.Attrs[:0], None
	p := parser{d: d, limits: l, cur: None}
	if len(src) > l.Bytes {
		return p.large(0, fmt.Sprintf("a text of at most %d bytes", l.Bytes))
	}
	for i := 0; i < len(src); {
		r, n := utf8.DecodeRune(src[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			return p.fail(i, "UTF-8")
		case !isChar(r):
			return p.fail(i, "no character that XML does not allow")
		}
		i += n
	}
	return p.run()
}

// isChar reports whether XML takes the character.
//
// SPEC(XML 1.0 section 2.2): no control characters but tab, line feed and carriage return.
func isChar(r rune) bool {
	return r >= 0x20 && r <= 0xD7FF || r == '\t' || r == '\n' || r == '\r' || r >= 0xE000 && r <= 0xFFFD || r >= 0x10000
}

type binding struct {
	prefix, space string
	depth         int
}

// parser fills the tape. cur is the open element.
type parser struct {
	d      *Doc
	limits tree.Limits
	i      int
	depth  int
	cur    int
	bound  []binding
}

func (p *parser) run() error {
	if p.looking("\xEF\xBB\xBF") {
		p.i += 3
	}
	if err := p.declaration(); err != nil {
		return err
	}
	for p.i < len(p.d.Src) {
		if err := p.node(); err != nil {
			return err
		}
	}
	switch {
	case p.cur != None:
		return p.fail(p.i, "the end tag of the element")
	case p.d.Root == None:
		return p.fail(p.i, "an element")
	}
	return nil
}

func (p *parser) looking(at string) bool { return bytes.HasPrefix(p.d.Src[p.i:], []byte(at)) }

// declaration passes over the XML declaration.
//
// SPEC(XML 1.0 section 2.8): version, then encoding, then standalone; FHIR is UTF-8 only.
func (p *parser) declaration() error {
	if !p.looking("<?xml") || p.i+5 >= len(p.d.Src) || !isSpace(p.d.Src[p.i+5]) {
		return nil
	}
	end := bytes.Index(p.d.Src[p.i:], []byte("?>"))
	if end < 0 {
		return p.fail(p.i, "the end of the XML declaration")
	}
	rest := string(p.d.Src[p.i+5 : p.i+end])
	for i, one := range []struct {
		name   string
		values []string
	}{{"version", []string{"1.0"}}, {"encoding", []string{"utf-8", "us-ascii"}}, {"standalone", []string{"yes", "no"}}} {
		value, after, ok := pseudo(rest, one.name)
		if !ok && i == 0 {
			return p.fail(p.i, `version="1.0" in the XML declaration`)
		}
		if !ok {
			continue
		}
		known := false
		for _, v := range one.values {
			known = known || strings.EqualFold(v, value)
		}
		if !known {
			return p.fail(p.i, one.name+" "+strings.Join(one.values, " or ")+" in the XML declaration")
		}
		rest = after
	}
	if strings.TrimLeft(rest, " \t\r\n") != "" {
		return p.fail(p.i, "nothing but version, encoding and standalone in the XML declaration")
	}
	p.i += end + 2
	return nil
}

// pseudo cuts name="value" off the front of s.
func pseudo(s, name string) (value, rest string, ok bool) {
	t := strings.TrimLeft(s, " \t\r\n")
	if len(t) == len(s) || !strings.HasPrefix(t, name) {
		return "", s, false
	}
	t = strings.TrimLeft(t[len(name):], " \t\r\n")
	if !strings.HasPrefix(t, "=") {
		return "", s, false
	}
	t = strings.TrimLeft(t[1:], " \t\r\n")
	if t == "" || t[0] != '"' && t[0] != '\'' {
		return "", s, false
	}
	end := strings.IndexByte(t[1:], t[0])
	if end < 0 {
		return "", s, false
	}
	return t[1 : end+1], t[end+2:], true
}

// node reads what comes next: text, a comment or a tag.
func (p *parser) node() error {
	switch {
	case p.looking("<!--"):
		return p.comment()
	case p.looking("</"):
		return p.endTag()
	case p.looking("<?"):
		return p.fail(p.i, "no processing instruction")
	case p.looking("<!") && !p.looking(cdataOpen):
		return p.fail(p.i, "no document type and no entity declaration")
	case p.looking("<") && !p.looking(cdataOpen):
		return p.startTag()
	}
	return p.text()
}

func (p *parser) push(n Node) (int, error) {
	if len(p.d.Nodes) >= p.limits.Nodes {
		return 0, p.large(p.i, fmt.Sprintf("at most %d nodes", p.limits.Nodes))
	}
	n.Parent = p.cur
	n.Next = len(p.d.Nodes) + 1
	p.d.Nodes = append(p.d.Nodes, n)
	return n.Next - 1, nil
}

// comment reads a comment.
//
// SPEC(XML 1.0 section 2.5): no "--" within.
func (p *parser) comment() error {
	from := p.i
	end := bytes.Index(p.d.Src[from+4:], []byte("--"))
	if end < 0 || !bytes.HasPrefix(p.d.Src[from+4+end:], []byte("-->")) {
		return p.fail(from, "a comment that ends in --> and has no -- within")
	}
	p.i = from + 4 + end + 3
	_, err := p.push(Node{Kind: Comment, Start: from, End: p.i})
	return err
}

// text reads characters, references and CDATA sections.
func (p *parser) text() error {
	src, from := p.d.Src, p.i
	blank := true
	for p.i < len(src) {
		switch c := src[p.i]; {
		case c == '<' && p.looking(cdataOpen):
			end := bytes.Index(src[p.i:], []byte(cdataClose))
			if end < 0 {
				return p.fail(p.i, "the end of the CDATA section")
			}
			p.i += end + len(cdataClose)
			blank = false
			continue
		case c == '<':
			return p.endText(from, blank)
		case c == '&':
			n, err := p.reference()
			if err != nil {
				return err
			}
			p.i += n
			blank = false
			continue
		case c == ']' && p.looking(cdataClose):
			return p.fail(p.i, "no ]]> in text")
		case !isSpace(c):
			blank = false
		}
		p.i++
	}
	return p.endText(from, blank)
}

func (p *parser) endText(from int, blank bool) error {
	if p.cur != None {
		_, err := p.push(Node{Kind: Text, Start: from, End: p.i})
		return err
	}
	if !blank {
		return p.fail(from, "no text outside the root element")
	}
	return nil
}

func (p *parser) reference() (int, error) {
	r, n := reference(p.d.Src[p.i:])
	switch {
	case n == 0:
		return 0, p.fail(p.i, "a character reference, or one of &amp; &lt; &gt; &apos; &quot;; other entities are not defined in XML")
	case !isChar(r):
		return 0, p.fail(p.i, "no reference to a character that XML does not allow")
	}
	return n, nil
}

// reference reads the reference that b begins with; n is its length, 0 if it is none.
func reference(b []byte) (r rune, n int) {
	end := bytes.IndexByte(b[:min(len(b), 12)], ';')
	if end < 2 {
		return 0, 0
	}
	name := string(b[1:end])
	switch name {
	case "amp":
		return '&', end + 1
	case "lt":
		return '<', end + 1
	case "gt":
		return '>', end + 1
	case "apos":
		return '\'', end + 1
	case "quot":
		return '"', end + 1
	}
	if name[0] != '#' {
		return 0, 0
	}
	base, digits := rune(10), name[1:]
	if strings.HasPrefix(digits, "x") {
		base, digits = 16, digits[1:]
	}
	if digits == "" {
		return 0, 0
	}
	for _, c := range digits {
		d := digit(c)
		if d < 0 || d >= base {
			return 0, 0
		}
		if r = r*base + d; r > utf8.MaxRune {
			return 0, 0
		}
	}
	return r, end + 1
}

func digit(c rune) rune {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10
	}
	return -1
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

func (p *parser) space() bool {
	from := p.i
	for p.i < len(p.d.Src) && isSpace(p.d.Src[p.i]) {
		p.i++
	}
	return p.i > from
}

func (p *parser) fail(at int, want string) error {
	line, column := p.d.Position(at)
	return &tree.Error{Offset: at, Line: line, Column: column, Path: p.d.Path(p.cur), Text: "expected " + want}
}

func (p *parser) large(at int, want string) error {
	e := p.fail(at, want).(*tree.Error)
	e.TooLarge = true
	return e
}

// Path names the place of element n by the local names above it, with positions from 0 where siblings share the name: "Patient.name[1].given".
// Names that are no FHIR element names read as "?".
func (d *Doc) Path(n int) string {
	if n == None {
		return ""
	}
	v := &d.Nodes[n]
	if v.Kind != Element {
		return d.Path(v.Parent)
	}
	name := plain(v.Local)
	if v.Parent == None {
		return name
	}
	at, many := 0, false
	for c := v.Parent + 1; c != None && c < len(d.Nodes); c = d.Sibling(c) {
		if d.Nodes[c].Kind != Element || d.Nodes[c].Local != v.Local {
			continue
		}
		if c < n {
			at++
		}
		many = many || c != n
	}
	if many {
		name = fmt.Sprintf("%s[%d]", name, at)
	}
	return d.Path(v.Parent) + "." + name
}

func plain(name string) string {
	if len(name) > 64 {
		return "?"
	}
	for _, c := range []byte(name) {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') {
			return "?"
		}
	}
	return name
}
