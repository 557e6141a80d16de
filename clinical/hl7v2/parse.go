package hl7v2

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"strconv"

	"github.com/ward-health/ward"
)

// Options say how to read what a message leaves open.
type Options struct {
	// Charset is the IANA or HL7 table 0211 name assumed when MSH-18 is empty, or names ASCII or UTF-16 while the bytes
	// say otherwise. "" assumes UTF-8 if the bytes are valid UTF-8, else ISO 8859-1. Check a configured name with
	// KnownCharset; an unknown one makes every message with such bytes Undecoded.
	Charset string
}

// Parse reads one message: the bytes between the frames of MLLP, or one message of a file (see Split). The message keeps
// b, which must not be changed afterwards.
//
// Accepted beside the standard: segments that end with LF or CRLF, blank lines, a missing last terminator, a byte order
// mark or blanks before MSH, and a bare LF inside a field where segments end with CR and the next line is no segment.
//
// Errors are *ward.Error: Invalid, TooLarge or Unsupported (UTF-16), with Path "MSH-1", "MSH-2" or "segment 7" (counted
// from 1), and never with content.
func Parse(b []byte, o Options) (*Message, error) {
	if len(b) > MaxBytes {
		return nil, tooLarge("", "the message has more than "+strconv.Itoa(MaxBytes)+" bytes")
	}
	start, err := begin(b)
	if err != nil {
		return nil, err
	}
	d, n, err := readDelimiters(b[start:])
	if err != nil {
		return nil, err
	}
	m := &Message{raw: b, delims: d}
	if start > 0 {
		m.tolerated |= LeadingBytes
	}
	if n < 4 {
		m.tolerated |= ShortEncoding
	}
	m.reserve()
	if err := m.scan(start, start+4+n); err != nil {
		return nil, err
	}
	m.number()
	m.chooseCharset(o)
	return m, nil
}

// begin returns where MSH stands: after a byte order mark and blanks, if any.
func begin(b []byte) (int, error) {
	if len(b) >= 2 && (b[0] == 0xFF && b[1] == 0xFE || b[0] == 0xFE && b[1] == 0xFF || b[0] == 0 || b[1] == 0) {
		return 0, ward.E(ward.Unsupported, "hl7v2.parse",
			"the message is in UTF-16 or UTF-32; send it in UTF-8 or in a single-byte set of HL7 table 0211", nil)
	}
	at := 0
	if bytes.HasPrefix(b, byteOrderMark) {
		at = 3
	}
	for at < len(b) && (isBlank(b[at]) || isBreak(b[at])) {
		at++
	}
	if at == len(b) {
		return 0, invalid("segment 1", "the message is empty")
	}
	if !bytes.HasPrefix(b[at:], []byte("MSH")) {
		if isFileSegment(b[at:]) {
			return 0, invalid("segment 1", "this is a batch file; its messages are parsed one by one, see Split")
		}
		return 0, invalid("segment 1", "a message begins with MSH")
	}
	return at, nil
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' }
func isBreak(c byte) bool { return c == '\r' || c == '\n' }

// isFileSegment reports whether a line is one that wraps messages in a batch file.
func isFileSegment(line []byte) bool {
	if len(line) < 3 {
		return false
	}
	switch string(line[:3]) {
	case "FHS", "BHS", "BTS", "FTS":
		return len(line) == 3 || canDelimit(line[3]) || isBreak(line[3])
	}
	return false
}

// reserve makes room for all offsets at once: one allocation for segments, one for fields and repetitions.
func (m *Message) reserve() {
	segments := bytes.Count(m.raw, []byte{'\r'})
	if segments == 0 {
		segments = bytes.Count(m.raw, []byte{'\n'})
	}
	fields := min(bytes.Count(m.raw, []byte{m.delims.Field})+2, MaxFields+2)
	repeats := 0
	if m.delims.Repetition != 0 {
		repeats = min(bytes.Count(m.raw, []byte{m.delims.Repetition}), MaxRepeats)
	}
	m.segments = make([]span, 0, min(segments+1, MaxSegments))
	slab := make([]uint32, fields+2*repeats)
	m.fields = slab[:0:fields]
	m.repField = slab[fields : fields : fields+repeats]
	m.repStart = slab[fields+repeats:][:0]
}

// scan notes where segments, fields and repetitions begin. start is where MSH stands, at is the end of MSH-2.
func (m *Message) scan(start, at int) error {
	s := scanner{m: m, b: m.raw, repeat: m.delims.Repetition}
	if s.repeat == 0 {
		s.repeat = '\r'
	}
	m.fields = append(m.fields, uint32(start+3), uint32(start+4))
	at, err := s.segment(start, at, 0)
	if err != nil {
		return err
	}
	s.linefeeds = at < len(s.b) && s.b[at] == '\n'
	for {
		if at = s.skipBreaks(at); at == len(s.b) {
			break
		}
		if err := s.nameAt(at); err != nil {
			return err
		}
		if at, err = s.segment(at, at+3, len(m.fields)); err != nil {
			return err
		}
	}
	if int(m.segments[len(m.segments)-1].end) == len(s.b) {
		m.tolerated |= NoLastTerminator
	}
	return nil
}

type scanner struct {
	m         *Message
	b         []byte
	repeat    byte // the repetition delimiter; CR, which is looked for anyway, if there is none
	linefeeds bool // MSH ended with a bare LF, so every LF ends a segment
}

// lowBits has 1 in every byte, highBits 0x80.
const (
	lowBits  = 0x0101010101010101
	highBits = 0x8080808080808080
)

// zeroBytes sets the high bit of every byte of x that is 0, and no other bit.
func zeroBytes(x uint64) uint64 { return ^((x&^highBits + ^uint64(highBits)) | x | ^uint64(highBits)) }

// word returns the eight bytes from at on; beyond the end they are 0, which is no delimiter.
func (s *scanner) word(at int) uint64 {
	if at+8 <= len(s.b) {
		return binary.LittleEndian.Uint64(s.b[at:])
	}
	var rest [8]byte
	copy(rest[:], s.b[at:])
	return binary.LittleEndian.Uint64(rest[:])
}

// segment reads one segment that starts at start and whose bytes up to at are read already; first is the index of its
// first field. It returns the place of its terminator. Eight bytes are looked at together: XOR makes a 0 of every byte
// that is looked for.
func (s *scanner) segment(start, at, first int) (int, error) {
	m, b, fields, separator := s.m, s.b, s.m.fields, s.m.delims.Field
	f, r := uint64(separator)*lowBits, uint64(s.repeat)*lowBits
	limit := min(first+MaxFieldsPerSegment, MaxFields)
	if len(m.segments) == MaxSegments {
		return 0, tooLarge("", "the message has more than "+strconv.Itoa(MaxSegments)+" segments")
	}
scan:
	for at < len(b) {
		x := s.word(at)
		hits := zeroBytes(x^f) | zeroBytes(x^r) | zeroBytes(x^('\r'*lowBits)) | zeroBytes(x^('\n'*lowBits))
		for base := at; hits != 0; hits &= hits - 1 {
			at = base + bits.TrailingZeros64(hits)/8
			switch c := b[at]; {
			case c == separator:
				if len(fields) == limit {
					return 0, s.tooManyFields()
				}
				fields = append(fields, uint32(at+1))
			case isBreak(c):
				next, inside := s.insideField(at)
				if !inside || len(fields) == first {
					break scan
				}
				m.tolerated |= LineFeedInField
				at = next
				continue scan
			default:
				if len(m.repField) == MaxRepeats {
					return 0, tooLarge(s.place(), "the message has more than "+strconv.Itoa(MaxRepeats)+" repetitions")
				}
				m.repField = append(m.repField, uint32(len(fields)-1))
				m.repStart = append(m.repStart, uint32(at+1))
			}
			at = base
		}
		at += 8
	}
	at = min(at, len(b))
	m.fields = fields
	m.segments = append(m.segments, span{start: uint32(start), end: uint32(at), first: uint32(first),
		fields: uint32(len(fields) - first), name: packName(string(b[start : start+3]))})
	return at, nil
}

func (s *scanner) tooManyFields() error {
	return tooLarge(s.place(), "there are more than "+strconv.Itoa(MaxFieldsPerSegment)+" fields in the segment or "+
		strconv.Itoa(MaxFields)+" in the message")
}

// insideField reports whether the line break at at is a bare LF that belongs to the text of a field, and where to go on:
// segments of this message end with CR, and what follows is neither a segment nor the end of one.
//
// SPEC(HL7 v2.9 2.5.2): a segment ends with a carriage return and with nothing else.
func (s *scanner) insideField(at int) (int, bool) {
	if s.b[at] == '\r' || s.linefeeds || len(s.m.segments) == 0 {
		return at, false
	}
	next := at
	for next < len(s.b) && (s.b[next] == '\n' || isBlank(s.b[next])) {
		next++
	}
	if next == len(s.b) || s.b[next] == '\r' || s.b[next-1] == '\n' && isSegment(s.b[next:], s.m.delims.Field) {
		return at, false
	}
	return next, true
}

// skipBreaks goes past the terminator and past lines without content, to the beginning of the next line.
func (s *scanner) skipBreaks(at int) int {
	from := at
	for at < len(s.b) && (isBreak(s.b[at]) || isBlank(s.b[at])) {
		at++
	}
	if at < len(s.b) && isBlank(s.b[at-1]) {
		at-- // an indented line: nameAt refuses it
	}
	skipped := s.b[from:at]
	if bytes.IndexByte(skipped, '\n') >= 0 {
		s.m.tolerated |= LineFeeds
	}
	if len(skipped) > 2 || len(skipped) == 2 && string(skipped) != "\r\n" {
		s.m.tolerated |= BlankLines
	}
	return at
}

// nameAt refuses a line that is not a segment of a message.
func (s *scanner) nameAt(at int) error {
	line := s.b[at:]
	if !isSegment(line, s.m.delims.Field) {
		return invalid(s.place(), "the line does not begin with a segment name: three capital letters or digits, then the field separator")
	}
	switch {
	case string(line[:3]) == "MSH":
		return invalid(s.place(), "another message begins here; a file of several messages is parsed one by one, see Split")
	case isFileSegment(line):
		return invalid(s.place(), "a segment of a batch file stands inside the message; see Split")
	}
	return nil
}

// isSegment reports whether a line begins with a segment name.
func isSegment(line []byte, separator byte) bool {
	if len(line) < 3 || !isUpper(line[0]) {
		return false
	}
	for _, c := range line[1:3] {
		if !isUpper(c) && (c < '0' || c > '9') {
			return false
		}
	}
	return len(line) == 3 || line[3] == separator || isBreak(line[3])
}

func isUpper(c byte) bool { return c >= 'A' && c <= 'Z' }

// place names the segment that is being read.
func (s *scanner) place() string { return "segment " + strconv.Itoa(len(s.m.segments)+1) }

func tooLarge(path, public string) *ward.Error {
	return ward.E(ward.TooLarge, "hl7v2.parse", public, nil).At(path)
}
