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

// parser fills the tape. cur is the open container.
type parser struct {
	d      *Doc
	limits Limits
	i      int
	depth  int
	cur    uint32
	open   bool // there is an open container
	many   map[uint32]map[string]struct{}
}

const manyMembers = 32 // from here on the names of an object are in a map

func (p *parser) run() error {
	p.space()
	for {
		if err := p.value(); err != nil {
			return err
		}
		more, err := p.after()
		if err != nil || !more {
			return err
		}
	}
}

// after closes what ends here and moves on to the next value. more is false at the end of the text.
func (p *parser) after() (more bool, err error) {
	src := p.d.Src
	for {
		if !p.open {
			if p.space(); p.i < len(src) {
				return false, p.fail(p.i, "the end of the text")
			}
			return false, nil
		}
		c := &p.d.Nodes[p.cur]
		if c.End == 1 { // just opened
			c.End = 0
			p.space()
			if p.i < len(src) && src[p.i] != closing(c.Kind) {
				return true, p.begin(c.Kind)
			}
		} else {
			p.space()
			if p.i < len(src) && src[p.i] == ',' {
				p.i++
				p.space()
				return true, p.begin(c.Kind)
			}
		}
		if p.i >= len(src) || src[p.i] != closing(c.Kind) {
			if c.Len == 0 {
				return false, p.fail(p.i, "a value or the end of the "+kindName(c.Kind))
			}
			return false, p.fail(p.i, "a comma or the end of the "+kindName(c.Kind))
		}
		p.i++
		p.close()
	}
}

func closing(k Kind) byte {
	if k == Object {
		return '}'
	}
	return ']'
}

func kindName(k Kind) string {
	if k == Object {
		return "object"
	}
	return "array"
}

func (p *parser) close() {
	c := &p.d.Nodes[p.cur]
	c.End, c.Next = uint32(p.i), uint32(len(p.d.Nodes))
	p.open = p.cur != 0
	if p.many != nil {
		delete(p.many, p.cur)
	}
	p.cur = c.Parent
	p.depth--
}

// begin appends the node of the next child; of an object's, its name is read.
func (p *parser) begin(container Kind) error {
	n := Node{Parent: p.cur}
	if container == Object {
		if err := p.name(&n); err != nil {
			return err
		}
	}
	p.d.Nodes[p.cur].Len++
	p.d.Nodes = append(p.d.Nodes, n)
	return nil
}

// name reads a member name and the colon behind it.
func (p *parser) name(n *Node) error {
	src := p.d.Src
	if p.i >= len(src) || src[p.i] != '"' {
		return p.fail(p.i, "a member name in quotes")
	}
	at := p.i
	escaped, err := p.str()
	if err != nil {
		return err
	}
	raw := src[at+1 : p.i-1]
	if len(raw) > math.MaxUint16 {
		return p.large(at, fmt.Sprintf("a member name of at most %d bytes", math.MaxUint16))
	}
	n.Name, n.NameLen = uint32(at+1), uint16(len(raw))
	if escaped {
		n.Flag |= NameEscaped
		raw = AppendUnescaped(nil, raw)
	}
	n.Hash = Hash(raw)
	if p.seen(n.Hash, raw) {
		return p.fail(at, "each member name once")
	}
	p.space()
	if p.i >= len(src) || src[p.i] != ':' {
		return p.fail(p.i, "a colon")
	}
	p.i++
	p.space()
	return nil
}

// seen reports whether the open object has the name, and remembers it.
func (p *parser) seen(hash uint32, name []byte) bool {
	d := p.d
	if d.Nodes[p.cur].Len < manyMembers {
		for c, k := int(p.cur)+1, d.Nodes[p.cur].Len; k > 0; k-- {
			if d.Nodes[c].Hash == hash && d.MemberName(c) == string(name) {
				return true
			}
			c = int(d.Nodes[c].Next)
		}
		return false
	}
	set := p.many[p.cur]
	if set == nil {
		set = map[string]struct{}{}
		for c, k := int(p.cur)+1, d.Nodes[p.cur].Len; k > 0; k-- {
			set[d.MemberName(c)] = struct{}{}
			c = int(d.Nodes[c].Next)
		}
		if p.many == nil {
			p.many = map[uint32]map[string]struct{}{}
		}
		p.many[p.cur] = set
	}
	if _, there := set[string(name)]; there {
		return true
	}
	set[string(name)] = struct{}{}
	return false
}

// value reads the value at p.i into the last node, or into the root.
func (p *parser) value() error {
	d, src := p.d, p.d.Src
	if len(d.Nodes) == 0 {
		d.Nodes = append(d.Nodes, Node{})
	}
	if len(d.Nodes) > p.limits.Nodes {
		return p.large(p.i, fmt.Sprintf("at most %d values", p.limits.Nodes))
	}
	at := len(d.Nodes) - 1
	n := &d.Nodes[at]
	n.Start = uint32(p.i)
	if p.i >= len(src) {
		return p.fail(p.i, "a JSON value")
	}
	switch c := src[p.i]; {
	case c == '{' || c == '[':
		return p.container(at, c)
	case c == '"':
		escaped, err := p.str()
		if err != nil {
			return err
		}
		n.Kind = String
		if escaped {
			n.Flag |= Escaped
		}
	case c == '-' || c >= '0' && c <= '9':
		n.Kind = Number
		if err := p.number(); err != nil {
			return err
		}
	default:
		if err := p.literal(n); err != nil {
			return err
		}
	}
	n.End, n.Next = uint32(p.i), uint32(at+1)
	return nil
}

func (p *parser) container(at int, c byte) error {
	if p.depth++; p.depth > p.limits.Depth {
		return p.large(p.i, fmt.Sprintf("at most %d objects and arrays within one another", p.limits.Depth))
	}
	n := &p.d.Nodes[at]
	n.Kind, n.End = Object, 1 // 1: nothing of it is read yet; no container ends there
	if c == '[' {
		n.Kind = Array
	}
	p.cur, p.open = uint32(at), true
	p.i++
	return nil
}

func (p *parser) literal(n *Node) error {
	rest := p.d.Src[p.i:]
	for _, l := range [...]struct {
		text string
		kind Kind
	}{{"true", True}, {"false", False}, {"null", Null}} {
		if len(rest) >= len(l.text) && string(rest[:len(l.text)]) == l.text {
			n.Kind = l.kind
			p.i += len(l.text)
			return nil
		}
	}
	return p.fail(p.i, "a JSON value")
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

// str passes over the string that begins at p.i.
func (p *parser) str() (escaped bool, err error) {
	src := p.d.Src
	i := p.i + 1
	for {
		for i < len(src) && src[i] != '"' && src[i] != '\\' && src[i] >= 0x20 {
			i++
		}
		switch {
		case i >= len(src):
			return false, p.fail(i, "the end of the string")
		case src[i] == '"':
			p.i = i + 1
			return escaped, nil
		case src[i] < 0x20:
			return false, p.fail(i, "no control character in a string")
		}
		escaped = true
		n := escape(src[i:])
		if n == 0 {
			return false, p.fail(i, "a valid escape")
		}
		i += n
	}
}

// escape returns the length of the escape that b begins with, 0 if it is none.
func escape(b []byte) int {
	if len(b) < 2 {
		return 0
	}
	switch b[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
	default:
		return 0
	}
	r := hex4(b[2:])
	switch {
	case r < 0 || isLow(r):
		return 0
	case !isHigh(r):
		return 6
	case len(b) >= 12 && b[6] == '\\' && b[7] == 'u' && isLow(hex4(b[8:])):
		return 12
	}
	return 0
}

func (p *parser) space() {
	src := p.d.Src
	for p.i < len(src) && (src[p.i] == ' ' || src[p.i] == '\n' || src[p.i] == '\r' || src[p.i] == '\t') {
		p.i++
	}
}

func (p *parser) fail(at int, want string) error {
	line, column := p.d.Position(at)
	e := &Error{Offset: at, Line: line, Column: column, Text: "expected " + want}
	if p.open {
		e.Path = p.d.jsonPath(int(p.cur))
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
	return path + d.MemberName(n)
}

// index is the position of an item in its array.
func (d *Doc) index(n int) (k int) {
	for c := int(d.Nodes[n].Parent) + 1; c < n; k++ {
		c = int(d.Nodes[c].Next)
	}
	return k
}
