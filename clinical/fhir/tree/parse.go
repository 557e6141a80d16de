package tree

import (
	"bytes"
	"fmt"
	"math"
	"unicode/utf8"
)

// Error says what is wrong with a text, and where.
type Error struct {
	Offset       int    // in bytes, from 0
	Line, Column int    // from 1; the column counts characters
	Path         string // of member names and positions: "name[0].given[1]"; "" at the root
	Text         string // what was expected; nothing of the body
	TooLarge     bool   // a limit was passed
}

func (e *Error) Error() string {
	where := e.Path
	if where == "" {
		where = "the root"
	}
	return fmt.Sprintf("line %d, column %d (%s): %s", e.Line, e.Column, where, e.Text)
}

// Parse reads src, which is one JSON value. After an error the Doc holds nothing that is of use. The error is an *Error.
func (d *Doc) Parse(src []byte, l Limits) error {
	if l.Bytes == 0 {
		l.Bytes = DefaultLimits.Bytes
	}
	if l.Depth == 0 {
		l.Depth = DefaultLimits.Depth
	}
	if l.Nodes == 0 {
		l.Nodes = DefaultLimits.Nodes
	}
	d.Src, d.Nodes = src, d.Nodes[:0]
	p := parser{d: d, limits: l}
	if len(src) > min(l.Bytes, math.MaxInt32) {
		return p.large(0, fmt.Sprintf("a text of at most %d bytes", l.Bytes))
	}
	if !utf8.Valid(src) {
		return p.fail(firstInvalid(src), "UTF-8")
	}
	if bytes.HasPrefix(src, []byte("\xEF\xBB\xBF")) {
		return p.fail(0, "no byte order mark")
	}
	return p.run()
}

// Position returns line and column of an offset, both from 1; the column counts characters.
func (d *Doc) Position(offset int) (line, column int) {
	before := d.Src[:min(offset, len(d.Src))]
	start := bytes.LastIndexByte(before, '\n') + 1
	return bytes.Count(before, []byte{'\n'}) + 1, utf8.RuneCount(before[start:]) + 1
}

func firstInvalid(src []byte) int {
	for i := 0; i < len(src); {
		r, n := utf8.DecodeRune(src[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return len(src)
}

// parser fills the tape. cur is the open container; the frames above it wait on the stack of the Doc.
type parser struct {
	d      *Doc
	limits Limits
	i      int
	cur    frame
	open   bool // there is an open container
}

// frame is what is known of an object or array while it is read.
type frame struct {
	seen uint64 // one bit for the hash of each member name
	node uint32
	len  uint32
	kind Kind
	many *names // when they are many
}

const manyMembers = 32 // from here on the names of an object are in a table

// run reads the text value by value.
func (p *parser) run() error {
	d := p.d
	d.stack = d.stack[:0]
	d.Nodes = append(d.Nodes, Node{})
	src := d.Src
	p.space()
	for {
		at := len(d.Nodes) - 1
		if at >= p.limits.Nodes {
			return p.large(p.i, fmt.Sprintf("at most %d values", p.limits.Nodes))
		}
		n := &d.Nodes[at]
		n.Start = uint32(p.i)
		if p.i >= len(src) {
			return p.fail(p.i, "a JSON value")
		}
		switch c := src[p.i]; c {
		case '"':
			end, escaped := scanString(src, p.i+1)
			if end < 0 {
				return p.badString(p.i + 1)
			}
			n.Kind, p.i = String, end
			if escaped {
				n.Flag |= Escaped
			}
		case '{', '[':
			nonempty, err := p.enter(at, c)
			if err != nil {
				return err
			}
			if nonempty {
				continue
			}
		default:
			if err := p.scalar(n, c); err != nil {
				return err
			}
		}
		n = &d.Nodes[at]
		n.End, n.Next = uint32(p.i), uint32(at+1)
		if more, err := p.after(); !more {
			return err
		}
	}
}

// enter opens an object or array and begins its first child; nonempty is false if it is closed again at once.
func (p *parser) enter(at int, c byte) (nonempty bool, err error) {
	d := p.d
	depth := len(d.stack) + 1
	if p.open {
		depth++
	}
	if depth > p.limits.Depth {
		return false, p.large(p.i, fmt.Sprintf("at most %d objects and arrays within one another", p.limits.Depth))
	}
	kind, end := Object, byte('}')
	if c == '[' {
		kind, end = Array, ']'
	}
	d.Nodes[at].Kind = kind
	p.i++
	p.space()
	if p.i < len(d.Src) && d.Src[p.i] == end {
		p.i++
		return false, nil
	}
	if p.open {
		d.stack = append(d.stack, p.cur)
	}
	p.cur, p.open = frame{node: uint32(at), kind: kind}, true
	return true, p.begin()
}

// after closes what ends here and begins the next child. more is false at the end of the text.
func (p *parser) after() (more bool, err error) {
	d, src := p.d, p.d.Src
	for p.open {
		p.space()
		if p.i >= len(src) {
			return false, p.fail(p.i, "a comma or the end of the "+kindName(p.cur.kind))
		}
		switch c := src[p.i]; {
		case c == ',':
			p.i++
			p.space()
			err := p.begin()
			return err == nil, err
		case c == '}' && p.cur.kind == Object, c == ']' && p.cur.kind == Array:
			p.i++
			n := &d.Nodes[p.cur.node]
			n.End, n.Next, n.Len = uint32(p.i), uint32(len(d.Nodes)), p.cur.len
			if top := len(d.stack) - 1; top >= 0 {
				p.cur = d.stack[top]
				d.stack = d.stack[:top]
			} else {
				p.open = false
			}
		default:
			return false, p.fail(p.i, "a comma or the end of the "+kindName(p.cur.kind))
		}
	}
	if p.space(); p.i < len(src) {
		return false, p.fail(p.i, "the end of the text")
	}
	return false, nil
}

func kindName(k Kind) string {
	if k == Object {
		return "object"
	}
	return "array"
}

// begin appends the node of the next child; of an object's, its name is read.
func (p *parser) begin() error {
	n := Node{Parent: p.cur.node}
	if p.cur.kind == Object {
		if err := p.name(&n); err != nil {
			return err
		}
	}
	p.cur.len++
	p.d.Nodes = append(p.d.Nodes, n)
	return nil
}

// name reads a member name and the colon behind it.
func (p *parser) name(n *Node) error {
	src, at := p.d.Src, p.i
	if at >= len(src) || src[at] != '"' {
		return p.fail(at, "a member name in quotes")
	}
	end, escaped := scanString(src, at+1)
	if end < 0 {
		return p.badString(at + 1)
	}
	raw := src[at+1 : end-1]
	if len(raw) > math.MaxUint16 {
		return p.large(at, fmt.Sprintf("a member name of at most %d bytes", math.MaxUint16))
	}
	n.Name, n.NameLen = uint32(at+1), uint16(len(raw))
	if escaped {
		n.Flag |= NameEscaped
		raw = AppendUnescaped(nil, raw)
	}
	n.Hash = Hash(raw)
	bit := uint64(1) << (n.Hash & 63)
	if p.cur.seen&bit != 0 || p.cur.len >= manyMembers {
		if p.seen(n.Hash, raw) {
			return p.fail(at, "each member name once")
		}
	}
	p.cur.seen |= bit
	p.i = end
	p.space()
	if p.i >= len(src) || src[p.i] != ':' {
		return p.fail(p.i, "a colon")
	}
	p.i++
	p.space()
	return nil
}

// seen reports whether the open object has the name; of many it remembers this one.
func (p *parser) seen(hash uint32, name []byte) bool {
	d := p.d
	if p.cur.len < manyMembers {
		for c, k := int(p.cur.node)+1, p.cur.len; k > 0; k-- {
			if d.Nodes[c].Hash == hash && d.named(c, name) {
				return true
			}
			c = int(d.Nodes[c].Next)
		}
		return false
	}
	if p.cur.many == nil {
		p.cur.many = newNames()
		for c, k := int(p.cur.node)+1, p.cur.len; k > 0; k-- {
			p.cur.many.add(d, c, []byte(d.MemberName(c)))
			c = int(d.Nodes[c].Next)
		}
	}
	return p.cur.many.add(d, len(d.Nodes), name)
}

// scalar reads a number, true, false or null.
func (p *parser) scalar(n *Node, c byte) error {
	if c == '-' || c >= '0' && c <= '9' {
		n.Kind = Number
		return p.number()
	}
	rest := p.d.Src[p.i:]
	switch {
	case len(rest) >= 4 && string(rest[:4]) == "true":
		n.Kind = True
		p.i += 4
	case len(rest) >= 5 && string(rest[:5]) == "false":
		n.Kind = False
		p.i += 5
	case len(rest) >= 4 && string(rest[:4]) == "null":
		n.Kind = Null
		p.i += 4
	default:
		return p.fail(p.i, "a JSON value")
	}
	return nil
}

// number reads a number.
//
// SPEC(RFC 8259 section 6): no leading zeros, digits on both sides of a point, digits in an exponent.
func (p *parser) number() error {
	src := p.d.Src
	if src[p.i] == '-' {
		p.i++
	}
	switch {
	case p.i < len(src) && src[p.i] == '0':
		p.i++
	case !p.digits():
		return p.fail(p.i, "a digit")
	}
	if p.i < len(src) && src[p.i] == '.' {
		if p.i++; !p.digits() {
			return p.fail(p.i, "a digit")
		}
	}
	if p.i < len(src) && src[p.i]|0x20 == 'e' {
		if p.i++; p.i < len(src) && (src[p.i] == '+' || src[p.i] == '-') {
			p.i++
		}
		if !p.digits() {
			return p.fail(p.i, "a digit")
		}
	}
	return nil
}

// digits passes over digits and reports whether there was one.
func (p *parser) digits() bool {
	src, from := p.d.Src, p.i
	for p.i < len(src) && src[p.i] >= '0' && src[p.i] <= '9' {
		p.i++
	}
	return p.i > from
}

func (p *parser) space() {
	if src := p.d.Src; p.i < len(src) && src[p.i] <= ' ' {
		p.spaces()
	}
}

func (p *parser) spaces() {
	src := p.d.Src
	for p.i < len(src) && (src[p.i] == ' ' || src[p.i] == '\n' || src[p.i] == '\r' || src[p.i] == '\t') {
		p.i++
	}
}

func (p *parser) fail(at int, want string) error {
	line, column := p.d.Position(at)
	e := &Error{Offset: at, Line: line, Column: column, Text: "expected " + want}
	if p.open {
		e.Path = p.d.jsonPath(int(p.cur.node))
	}
	return e
}

func (p *parser) large(at int, want string) error {
	e := p.fail(at, want).(*Error)
	e.TooLarge = true
	return e
}

// jsonPath names the place of node n by member names and positions.
func (d *Doc) jsonPath(n int) string {
	if n == 0 {
		return ""
	}
	up := int(d.Nodes[n].Parent)
	path := d.jsonPath(up)
	if d.Nodes[up].Kind == Array {
		return fmt.Sprintf("%s[%d]", path, d.index(n))
	}
	if path != "" {
		path += "."
	}
	return path + shown(d.MemberName(n))
}

// shown is a member name as errors may show it: what does not look like one of FHIR may be anything.
func shown(name string) string {
	ok := len(name) > 0 && len(name) <= 64
	for i := 0; ok && i < len(name); i++ {
		c := name[i]
		ok = c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_'
	}
	if !ok {
		return "?"
	}
	return name
}

// index is the position of an item in its array.
func (d *Doc) index(n int) (k int) {
	for c := int(d.Nodes[n].Parent) + 1; c < n; k++ {
		c = int(d.Nodes[c].Next)
	}
	return k
}
