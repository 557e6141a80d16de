package xmltree

import (
	"fmt"
	"unicode"
	"unicode/utf8"
)

// startTag reads a start tag, or an element that is closed in it.
func (p *parser) startTag() error {
	d, from := p.d, p.i
	if p.cur == None && d.Root != None {
		return p.fail(p.i, "one root element")
	}
	if p.depth++; p.depth > p.limits.Depth {
		return p.large(p.i, fmt.Sprintf("at most %d elements within one another", p.limits.Depth))
	}
	p.i++
	prefix, local, err := p.name()
	if err != nil {
		return err
	}
	n, err := p.push(Node{Kind: Element, Name: Name{Prefix: prefix, Local: local}, Start: from, Attr: len(d.Attrs), TagName: p.i})
	if err != nil {
		return err
	}
	if p.cur == None {
		d.Root = n
	}
	if err := p.attributes(n); err != nil {
		return err
	}
	if err := p.resolve(n); err != nil {
		return err
	}
	v := &d.Nodes[n]
	if p.looking("/>") {
		p.i += 2
		v.Open, v.Close, v.End = p.i, p.i, p.i
		p.leave()
		return nil
	}
	p.i++
	v.Open = p.i
	p.cur = n
	return nil
}

// leave forgets the namespace declarations of the element that ends.
func (p *parser) leave() {
	for k := len(p.bound); k > 0 && p.bound[k-1].depth == p.depth; k-- {
		p.bound = p.bound[:k-1]
	}
	p.depth--
}

func (p *parser) endTag() error {
	d, from := p.d, p.i
	if p.cur == None {
		return p.fail(p.i, "no end tag without a start tag")
	}
	p.i += 2
	prefix, local, err := p.name()
	if err != nil {
		return err
	}
	v := &d.Nodes[p.cur]
	if prefix != v.Prefix || local != v.Local {
		return p.fail(from, "the end tag of the element that is open")
	}
	p.space()
	if !p.looking(">") {
		return p.fail(p.i, "the end of the tag")
	}
	p.i++
	v.Close, v.End, v.Next = from, p.i, len(d.Nodes)
	p.cur = v.Parent
	p.leave()
	return nil
}

// attributes reads up to the end of the start tag, which it does not pass.
func (p *parser) attributes(n int) error {
	d := p.d
	for {
		from := p.i
		spaced := p.space()
		if p.looking(">") || p.looking("/>") {
			return nil
		}
		if !spaced {
			return p.fail(p.i, "white space, an attribute or the end of the tag")
		}
		if d.Nodes[n].Attrs == maxAttrs {
			return p.large(p.i, fmt.Sprintf("at most %d attributes of one element", maxAttrs))
		}
		if len(d.Attrs) == p.limits.Nodes {
			return p.large(p.i, fmt.Sprintf("at most %d attributes", p.limits.Nodes))
		}
		a := Attr{Start: from}
		if err := p.attribute(&a); err != nil {
			return err
		}
		d.Attrs = append(d.Attrs, a)
		d.Nodes[n].Attrs++
		if err := p.declare(&a); err != nil {
			return err
		}
	}
}

func (p *parser) attribute(a *Attr) (err error) {
	src := p.d.Src
	if a.Prefix, a.Local, err = p.name(); err != nil {
		return err
	}
	p.space()
	if !p.looking("=") {
		return p.fail(p.i, "= and a value in quotes")
	}
	p.i++
	p.space()
	if !p.looking(`"`) && !p.looking("'") {
		return p.fail(p.i, "a value in quotes")
	}
	quote := src[p.i]
	p.i++
	a.ValueStart = p.i
	for p.i < len(src) && src[p.i] != quote {
		switch src[p.i] {
		case '<':
			return p.fail(p.i, "&lt; instead of < in a value")
		case '&':
			n, err := p.reference()
			if err != nil {
				return err
			}
			p.i += n - 1
		}
		p.i++
	}
	if p.i >= len(src) {
		return p.fail(p.i, "the end of the value")
	}
	a.ValueEnd = p.i
	p.i++
	a.End = p.i
	return nil
}

// declare takes up a namespace declaration.
//
// SPEC(Namespaces in XML 1.0 section 3): xml and xmlns are not bound anew, and a prefix is not bound to nothing.
func (p *parser) declare(a *Attr) error {
	b := binding{depth: p.depth}
	switch {
	case a.Prefix == "xmlns":
		b.prefix = a.Local
	case a.Prefix != "" || a.Local != "xmlns":
		return nil
	}
	b.space = string(p.d.Value(a))
	if b.prefix == "xml" && b.space == SpaceXML {
		return nil
	}
	if b.prefix == "xml" || b.prefix == "xmlns" || b.space == SpaceXML || b.space == SpaceXMLNS || b.prefix != "" && b.space == "" {
		return p.fail(a.Start+1, "a namespace declaration that XML allows")
	}
	if len(p.bound) == maxSpaces {
		return p.large(a.Start+1, fmt.Sprintf("at most %d namespace declarations in scope", maxSpaces))
	}
	p.bound = append(p.bound, b)
	return nil
}

// resolve gives element n and its attributes their namespaces.
//
// SPEC(Namespaces in XML 1.0 section 6): the default namespace is none of attributes; no two attributes have one expanded name.
func (p *parser) resolve(n int) error {
	d := p.d
	v := &d.Nodes[n]
	var ok bool
	if v.Space, ok = p.lookup(v.Prefix); !ok || v.Prefix == "xmlns" {
		return p.fail(v.Start+1, "a prefix that is declared")
	}
	list := d.Attrs[v.Attr : v.Attr+v.Attrs]
	for i := range list {
		a := &list[i]
		switch {
		case a.Prefix == "xmlns" || a.Prefix == "" && a.Local == "xmlns":
			a.Space = SpaceXMLNS
		case a.Prefix != "":
			if a.Space, ok = p.lookup(a.Prefix); !ok {
				return p.fail(a.Start+1, "a prefix that is declared")
			}
		}
		for k := range list[:i] {
			if list[k].Local == a.Local && list[k].Space == a.Space {
				return p.fail(a.Start+1, "each attribute once")
			}
		}
	}
	return nil
}

func (p *parser) lookup(prefix string) (string, bool) {
	if prefix == "xml" {
		return SpaceXML, true
	}
	for k := len(p.bound) - 1; k >= 0; k-- {
		if p.bound[k].prefix == prefix {
			return p.bound[k].space, true
		}
	}
	return "", prefix == ""
}

// name reads a name with or without a prefix.
func (p *parser) name() (prefix, local string, err error) {
	if local, err = p.ncname(); err != nil || !p.looking(":") {
		return "", local, err
	}
	p.i++
	prefix = local
	local, err = p.ncname()
	return prefix, local, err
}

// ncname reads a name without a colon.
func (p *parser) ncname() (string, error) {
	src, from := p.d.Src, p.i
	for p.i < len(src) {
		r, n := utf8.DecodeRune(src[p.i:])
		if !isNameStart(r) && (p.i == from || !isNamePart(r)) {
			break
		}
		p.i += n
	}
	switch {
	case p.i == from:
		return "", p.fail(p.i, "a name")
	case p.i-from > maxName:
		return "", p.large(from, fmt.Sprintf("a name of at most %d bytes", maxName))
	}
	return intern(src[from:p.i]), nil
}

// intern spares the allocation of the names that every FHIR document repeats.
func intern(b []byte) string {
	switch string(b) {
	case "value":
		return "value"
	case "url":
		return "url"
	case "id":
		return "id"
	case "system":
		return "system"
	case "code":
		return "code"
	case "coding":
		return "coding"
	case "display":
		return "display"
	case "extension":
		return "extension"
	case "reference":
		return "reference"
	}
	return string(b)
}

// isNameStart is NameStartChar without the colon.
//
// SPEC(XML 1.0 section 2.3).
func isNameStart(r rune) bool {
	if r < utf8.RuneSelf {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == '_'
	}
	return unicode.Is(nameStart, r)
}

func isNamePart(r rune) bool {
	return r >= '0' && r <= '9' || r == '-' || r == '.' || r == 0xB7 || r >= 0x300 && r <= 0x36F || r == 0x203F || r == 0x2040
}

var nameStart = &unicode.RangeTable{
	R16: []unicode.Range16{{Lo: 0xC0, Hi: 0xD6, Stride: 1}, {Lo: 0xD8, Hi: 0xF6, Stride: 1}, {Lo: 0xF8, Hi: 0x2FF, Stride: 1}, {Lo: 0x370, Hi: 0x37D, Stride: 1},
		{Lo: 0x37F, Hi: 0x1FFF, Stride: 1}, {Lo: 0x200C, Hi: 0x200D, Stride: 1}, {Lo: 0x2070, Hi: 0x218F, Stride: 1}, {Lo: 0x2C00, Hi: 0x2FEF, Stride: 1},
		{Lo: 0x3001, Hi: 0xD7FF, Stride: 1}, {Lo: 0xF900, Hi: 0xFDCF, Stride: 1}, {Lo: 0xFDF0, Hi: 0xFFFD, Stride: 1}},
	R32: []unicode.Range32{{Lo: 0x10000, Hi: 0xEFFFF, Stride: 1}},
}
