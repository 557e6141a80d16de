package hl7v2

import (
	"fmt"
	"iter"
	"strings"
)

// Message is one parsed message: the bytes, and where everything begins.
type Message struct {
	raw       []byte
	delims    Delimiters
	cs        *charset
	segments  []span
	fields    []uint32 // start of each field, segment after segment
	repField  []uint32 // ascending: the field (index in fields) that an extra repetition belongs to
	repStart  []uint32 // where that repetition begins
	nth       []uint32 // how many segments before have the name of this one; nil: there are few segments
	tolerated Tolerance
	plain     bool // the bytes are valid UTF-8 that needs no decoding
	undecoded bool
}

// span is one segment: its bytes without the terminator, its fields, its name packed into a number.
type span struct {
	start, end    uint32
	first, fields uint32
	name          uint32
}

// Tolerance is a set of liberties that a message took and Parse accepted.
type Tolerance uint16

// The liberties.
const (
	LeadingBytes       Tolerance = 1 << iota // a byte order mark or blanks before MSH
	LineFeeds                                // segments end with LF or CRLF instead of CR
	BlankLines                               // lines without content between or after segments
	NoLastTerminator                         // the last segment has no terminator
	LineFeedInField                          // a bare LF inside a field of a message whose segments end with CR
	ShortEncoding                            // MSH-2 has fewer than four characters
	CharsetContradicts                       // the bytes cannot be in the character set that MSH-18 names; it was ignored
)

var toleranceNames = [...]string{"leading-bytes", "line-feeds", "blank-lines", "no-last-terminator", "line-feed-in-field",
	"short-encoding", "charset-contradicts"}

// String returns the names of the set, separated by blanks, as metrics and evidence show them.
func (t Tolerance) String() string {
	var names []string
	for i, n := range toleranceNames {
		if t&(1<<i) != 0 {
			names = append(names, n)
		}
	}
	return strings.Join(names, " ")
}

// Encode returns the very bytes that were parsed, not a copy: they must not be changed.
func (m *Message) Encode() []byte { return m.raw[:len(m.raw):len(m.raw)] }

// Delimiters returns the delimiters of MSH-1 and MSH-2.
func (m *Message) Delimiters() Delimiters { return m.delims }

// Charset returns the IANA name of the character set in force, or "unknown" if MSH-18 (or Options.Charset) names one
// that Ward has never heard of.
func (m *Message) Charset() string { return m.cs.name }

// Undecoded reports that some bytes of the message cannot be read in the character set in force: the set is not
// supported (GB 18030, the sets of ISO 2022 ...), or the bytes are not valid in it. Text shows U+FFFD in their place,
// Raw has them, and Value.Undecoded says which values they stand in. In an unsupported multi-byte set a byte of a
// character may look like a delimiter, so positions after such a character are not certain either; MSH always is. Bytes
// hidden in \X..\, \C..\ and \M..\ escapes are seen by Value.Undecoded only.
func (m *Message) Undecoded() bool { return m.undecoded }

// Tolerated returns the liberties that the message took.
func (m *Message) Tolerated() Tolerance { return m.tolerated }

// Len returns the number of segments.
func (m *Message) Len() int { return len(m.segments) }

// Segment returns the i-th segment, from 0, or the zero Segment outside the message.
func (m *Message) Segment(i int) Segment {
	if i < 0 || i >= len(m.segments) {
		return Segment{}
	}
	return Segment{m, uint32(i)}
}

// First returns the first segment of that name, or the zero Segment.
func (m *Message) First(name string) Segment { return m.Nth(name, 0) }

// Nth returns the n-th segment of that name, from 0, or the zero Segment.
func (m *Message) Nth(name string, n int) Segment {
	if n < 0 {
		return Segment{}
	}
	for s := range m.All(name) {
		if n == 0 {
			return s
		}
		n--
	}
	return Segment{}
}

// All goes over the segments of that name in the order of the message.
func (m *Message) All(name string) iter.Seq[Segment] {
	want := packName(name)
	return func(yield func(Segment) bool) {
		for i := range m.segments {
			if want != 0 && m.segments[i].name == want && !yield(Segment{m, uint32(i)}) {
				return
			}
		}
	}
}

// Segments goes over all segments in the order of the message.
func (m *Message) Segments() iter.Seq[Segment] {
	return func(yield func(Segment) bool) {
		for i := range m.segments {
			if !yield(Segment{m, uint32(i)}) {
				return
			}
		}
	}
}

// Format implements fmt.Formatter for every verb: sizes only, never content.
func (m Message) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "[hl7v2 message, %d bytes, %d segments]", len(m.raw), len(m.segments))
}

// packName makes a number of a three-character name, 0 of anything else.
func packName(name string) uint32 {
	if len(name) != 3 {
		return 0
	}
	return uint32(name[0])<<16 | uint32(name[1])<<8 | uint32(name[2])
}

// Segment is one segment of a message. The zero Segment stands for "there is none": its accessors give zero values.
type Segment struct {
	m *Message
	i uint32
}

// Exists reports whether this is a segment of a message.
func (s Segment) Exists() bool { return s.m != nil }

// Name returns the segment's name, "PID"; "" of the zero Segment.
func (s Segment) Name() string {
	if s.m == nil {
		return ""
	}
	at := s.m.segments[s.i].start
	return string(s.m.raw[at : at+3])
}

// Is reports whether the segment has that name; it does not allocate.
func (s Segment) Is(name string) bool {
	n := packName(name)
	return s.m != nil && n != 0 && s.m.segments[s.i].name == n
}

// Index returns the position in the message, from 0.
func (s Segment) Index() int { return int(s.i) }

// Fields returns the number of the last field sent. For MSH it counts the field separator (MSH-1) and the encoding
// characters (MSH-2).
func (s Segment) Fields() int {
	if s.m == nil {
		return 0
	}
	return int(s.m.segments[s.i].fields)
}

// Field returns the n-th field, from 1. MSH-1 is the field separator and MSH-2 the encoding characters; both are never
// split. A field that was not sent is the zero Field.
func (s Segment) Field(n int) Field {
	if s.m == nil {
		return Field{}
	}
	sp := &s.m.segments[s.i]
	if n < 1 || n > int(sp.fields) {
		return Field{}
	}
	if s.i == 0 && n == 1 {
		return Field{m: s.m, start: sp.start + 3, end: sp.start + 4, literal: true}
	}
	at := sp.first + uint32(n) - 1
	end := sp.end
	if n < int(sp.fields) {
		end = s.m.fields[at+1] - 1
	}
	return Field{m: s.m, start: s.m.fields[at], end: end, at: at, literal: s.i == 0 && n == 2}
}

// All goes over the fields, with their numbers from 1.
func (s Segment) All() iter.Seq2[int, Field] {
	return func(yield func(int, Field) bool) {
		for n := 1; n <= s.Fields(); n++ {
			if !yield(n, s.Field(n)) {
				return
			}
		}
	}
}

// Raw returns the segment's bytes without the terminator; they must not be changed.
func (s Segment) Raw() []byte {
	if s.m == nil {
		return nil
	}
	sp := s.m.segments[s.i]
	return s.m.raw[sp.start:sp.end:sp.end]
}

// Format implements fmt.Formatter for every verb: name and sizes only, never content.
func (s Segment) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "[hl7v2 segment %s, %d fields]", s.Name(), s.Fields())
}
