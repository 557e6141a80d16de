package hl7v2

import (
	"bytes"
	"strconv"
	"unicode/utf8"

	"github.com/ward-health/ward"
)

// Builder writes one message. Its methods note the first error, which Bytes returns; after it they do nothing.
type Builder struct {
	delims   Delimiters
	cs       *charset
	out      []byte
	segments int
	place    string
	err      error
}

// NewBuilder returns a builder with these delimiters (zero: the standard ones) that writes UTF-8. The caller says so in
// MSH-18 if a text may have other characters than ASCII.
func NewBuilder(d Delimiters) *Builder {
	if d == (Delimiters{}) {
		d = StandardDelimiters()
	}
	b := &Builder{delims: d, cs: setUTF8}
	if err := d.check(); err != nil {
		b.err = err
	}
	return b
}

// Reply returns a builder with the delimiters and the character set of a message that is being answered, so that what
// is copied from it (the control id) stays the same bytes.
func Reply(m *Message) *Builder {
	b := NewBuilder(m.delims)
	b.cs = m.cs
	return b
}

// Charset sets the character set by its IANA or HL7 table 0211 name. It does not write MSH-18.
func (b *Builder) Charset(name string) *Builder {
	if b.cs = charsetOf(name); b.cs == setUnknown || b.cs == setUTF16 {
		b.fail(ward.Unsupported, "the character set is not known, or cannot be written")
	}
	return b
}

// Segment writes a segment. fields[0] is field 1, but for MSH, which must come first and once: MSH-1 and MSH-2 are
// written from the delimiters, and fields[0] is MSH-3. Empty fields at the end are left out.
func (b *Builder) Segment(name string, fields ...Node) *Builder {
	if b.err != nil {
		return b
	}
	b.place, b.segments = name, b.segments+1
	if len(name) != 3 || !isSegment([]byte(name), 0) || (name == "MSH") != (b.segments == 1) || isFileSegment([]byte(name)) {
		return b.fail(ward.Invalid, "a message begins with MSH and has other segments after it, named by three capital letters or digits")
	}
	first := 1
	b.out = append(b.out, name...)
	if name == "MSH" {
		b.out = append(append(b.out, b.delims.Field), b.delims.Encoding()...)
		first = 3
	}
	if b.segments > MaxSegments || len(fields)+first-1 > MaxFieldsPerSegment {
		return b.fail(ward.TooLarge, "there are more segments in the message, or fields in the segment, than a message may have")
	}
	end := len(b.out)
	for i, f := range fields {
		b.place = name + "-" + strconv.Itoa(first+i)
		b.out = append(b.out, b.delims.Field)
		from := len(b.out)
		b.write(f, repNode)
		if len(b.out) > from {
			end = len(b.out)
		}
		if len(b.out) > MaxBytes {
			return b.fail(ward.TooLarge, "the message would have more than "+strconv.Itoa(MaxBytes)+" bytes")
		}
	}
	b.out = append(b.out[:end], '\r')
	return b
}

// Bytes returns the message. Errors are *ward.Error with Path such as "OBX-5": Invalid, TooLarge, or Unprocessable if
// the character set has no sign for a character.
func (b *Builder) Bytes() ([]byte, error) {
	switch {
	case b.err != nil:
		return nil, b.err
	case b.segments == 0:
		b.fail(ward.Invalid, "the message has no segment")
		return nil, b.err
	case len(b.out) > MaxBytes:
		b.fail(ward.TooLarge, "the message would have more than "+strconv.Itoa(MaxBytes)+" bytes")
		return nil, b.err
	}
	return bytes.Clone(b.out), nil
}

func (b *Builder) fail(kind ward.ErrorKind, public string) *Builder {
	if b.err == nil {
		b.err = ward.E(kind, "hl7v2.build", public, nil).At(b.place)
	}
	return b
}

// write writes a node where kinds up to most are allowed.
func (b *Builder) write(n Node, most nodeKind) {
	switch n.kind {
	case textNode:
		b.escape(n.text)
	case nullNode:
		b.out = append(b.out, '"', '"')
	case copyNode:
		b.copy(n.from, most)
	default:
		b.join(n, most)
	}
}

func (b *Builder) join(n Node, most nodeKind) {
	if n.kind > most {
		b.fail(ward.Invalid, "the parts are nested the wrong way: repetitions hold components, components hold subcomponents")
		return
	}
	sep := map[nodeKind]byte{subNode: b.delims.Subcomponent, compNode: b.delims.Component, repNode: b.delims.Repetition}[n.kind]
	if sep == 0 && len(n.parts) > 1 {
		b.fail(ward.Invalid, "the delimiters of the message have no character for these parts")
		return
	}
	for i, p := range n.parts {
		if i > 0 {
			b.out = append(b.out, sep)
		}
		b.write(p, n.kind-1)
	}
}

// copy writes a parsed value: its bytes if they mean the same here, else its parts.
func (b *Builder) copy(v Value, most nodeKind) {
	if v.m == nil {
		return
	}
	raw := v.Raw()
	fits := v.level != literal && (most >= compNode || v.level >= component) && (most >= subNode || v.level >= subcomponent)
	same := v.m.delims == b.delims && (v.m.cs == b.cs || isASCII(raw))
	if fits && same && !bytes.ContainsFunc(raw, isControl) {
		b.out = append(b.out, raw...)
		return
	}
	b.write(recompose(v), most)
}

// isControl reports a character that may end a segment or a frame where it stands unescaped. ESC is left to ISO 2022.
func isControl(r rune) bool { return r < 0x20 && r != '\t' && r != 0x1B || r == 0x7F }

// escape writes a text.
//
// SPEC(HL7 v2.9 2.7.1): a delimiter inside a text is written as an escape; so are line breaks, which would end the segment.
func (b *Builder) escape(s string) {
	if s == `""` { // would be a null
		b.hex('"')
		s = s[1:]
	}
	for i, r := range s {
		if r == utf8.RuneError {
			if _, n := utf8.DecodeRuneInString(s[i:]); n == 1 {
				b.fail(ward.Invalid, "the text is not valid UTF-8")
				return
			}
		}
		if name := b.delims.escapeName(r); name != 0 {
			b.escaped(string(name))
			continue
		}
		if isControl(r) || r == 0x1B {
			b.hex(byte(r))
			continue
		}
		var ok bool
		if b.out, ok = b.cs.encode(b.out, r); !ok {
			b.fail(ward.Unprocessable, "the character set of the message has no sign for a character of the text")
			return
		}
	}
}

func (b *Builder) hex(c byte) {
	const digits = "0123456789ABCDEF"
	b.escaped(string([]byte{'X', digits[c>>4], digits[c&15]}))
}

func (b *Builder) escaped(body string) {
	e := b.delims.Escape
	if e == 0 {
		b.fail(ward.Invalid, "the text needs an escape, and the delimiters have no escape character")
		return
	}
	b.out = append(append(append(b.out, e), body...), e)
}

// escapeName returns the letter that stands for a delimiter, 0 for any other character.
func (d Delimiters) escapeName(r rune) byte {
	switch {
	case r == 0 || r >= utf8.RuneSelf:
		return 0
	case byte(r) == d.Field:
		return 'F'
	case byte(r) == d.Component:
		return 'S'
	case byte(r) == d.Repetition:
		return 'R'
	case byte(r) == d.Escape:
		return 'E'
	case byte(r) == d.Subcomponent:
		return 'T'
	case byte(r) == d.Truncation:
		return 'P'
	}
	return 0
}
