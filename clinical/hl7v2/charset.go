package hl7v2

import (
	"bytes"
	"encoding/binary"
	"strings"
	"unicode/utf8"
)

// charset is one character set: how its bytes become text.
type charset struct {
	name  string // IANA
	kind  charsetKind
	upper [128]rune // of a single-byte set: the characters 0x80 to 0xFF; U+FFFD where there is none
}

type charsetKind uint8

const (
	unsupported charsetKind = iota // only ASCII can be read
	ascii
	utf8Bytes
	singleByte
)

var (
	setASCII  = &charset{name: "US-ASCII", kind: ascii}
	setUTF8   = &charset{name: "UTF-8", kind: utf8Bytes}
	setLatin1 = newLatin1()

	set88592  = newISO("ISO-8859-2", iso88592Upper)
	set88593  = newISO("ISO-8859-3", iso88593Upper)
	set88594  = newISO("ISO-8859-4", iso88594Upper)
	set88595  = newISO("ISO-8859-5", iso88595Upper)
	set88596  = newISO("ISO-8859-6", iso88596Upper)
	set88597  = newISO("ISO-8859-7", iso88597Upper)
	set88598  = newISO("ISO-8859-8", iso88598Upper)
	set88599  = newISO("ISO-8859-9", iso88599Upper)
	set885915 = newISO("ISO-8859-15", iso885915Upper)

	setUnknown = &charset{name: "unknown"}
	setOpaque  = &charset{name: "opaque"} // after a switch to a set that cannot be read: no byte is certain
	setUTF16   = &charset{name: "UTF-16"} // contradicted by the very fact that MSH-18 was readable
)

// charsets has every name by its letters and digits, in capitals.
//
// SPEC(HL7 table 0211): the names of MSH-18; the names of IANA and the usual misspellings are known beside them.
var charsets = map[string]*charset{
	"ASCII": setASCII, "USASCII": setASCII, "ISOIR6": setASCII, "ISO646": setASCII, "ANSIX341968": setASCII,
	"UNICODEUTF8": setUTF8, "UTF8": setUTF8, "UNICODE": setUTF8,
	"88591": setLatin1, "LATIN1": setLatin1, "ISOIR100": setLatin1,
	"88592": set88592, "LATIN2": set88592, "ISOIR101": set88592,
	"88593": set88593, "LATIN3": set88593, "ISOIR109": set88593,
	"88594": set88594, "LATIN4": set88594, "ISOIR110": set88594,
	"88595": set88595, "ISOIR144": set88595,
	"88596": set88596, "ISOIR127": set88596,
	"88597": set88597, "ISOIR126": set88597,
	"88598": set88598, "ISOIR138": set88598,
	"88599": set88599, "LATIN5": set88599, "ISOIR148": set88599,
	"885915": set885915, "LATIN9": set885915, "ISOIR203": set885915,
	"1250": newUpper("windows-1250", windows1250Upper),
	"1251": newUpper("windows-1251", windows1251Upper),
	"1252": newUpper("windows-1252", windows1252Upper),

	"UNICODEUTF16": setUTF16, "UTF16": setUTF16, "UTF16LE": setUTF16, "UTF16BE": setUTF16,
	"UNICODEUTF32": setUTF16, "UTF32": setUTF16,
	"ISOIR14": {name: "JIS_C6220-1969-ro"}, "ISOIR13": {name: "JIS_X0201"},
	"ISOIR87": {name: "JIS_C6226-1983"}, "ISOIR159": {name: "JIS_X0212-1990"},
	"GB180302000": {name: "GB18030"}, "GB18030": {name: "GB18030"}, "GB2312": {name: "GB2312"}, "GBK": {name: "GBK"},
	"KSX1001": {name: "KS_C_5601-1987"}, "EUCKR": {name: "EUC-KR"}, "ISOIR149": {name: "KS_C_5601-1987"},
	"CNS116431992": {name: "CNS11643"}, "BIG5": {name: "Big5"}, "SHIFTJIS": {name: "Shift_JIS"}, "EUCJP": {name: "EUC-JP"},
	"ISO2022JP": {name: "ISO-2022-JP"}, "ISOIR166": {name: "TIS-620"},
}

// newLatin1 reads 0x80 to 0x9F as windows-1252 does: senders that say 8859/1 mean the quotation marks of that set, and
// the control characters of ISO 8859-1 mean nothing in a text.
func newLatin1() *charset { return newUpper("ISO-8859-1", windows1252Upper) }

// newISO makes a set of ISO 8859, whose 0x80 to 0x9F are control characters and not text.
func newISO(name, upper string) *charset {
	return newUpper(name, strings.Repeat("\uFFFD", 32)+upper)
}

func newUpper(name, upper string) *charset {
	c := &charset{name: name, kind: singleByte}
	n := 0
	for _, r := range upper {
		c.upper[n] = r
		n++
	}
	return c
}

// byteOrderMark is that of UTF-8; one before MSH outweighs MSH-18.
var byteOrderMark = []byte("\xEF\xBB\xBF")

// KnownCharset reports whether the name is one of HL7 table 0211 or IANA that Ward knows, and whether it can decode it.
func KnownCharset(name string) (known, supported bool) {
	c := charsetOf(name)
	return c != setUnknown, c.kind != unsupported
}

// charsetOf finds a set by any spelling: case, blanks and punctuation do not count, nor does a leading ISO, WINDOWS or CP.
// It does not allocate.
func charsetOf[T string | []byte](name T) *charset {
	var buf [24]byte
	key := buf[:0]
	for i := range len(name) {
		c := name[i]
		if c >= 'a' && c <= 'z' {
			c -= 'a' - 'A'
		}
		if isUpper(c) || c >= '0' && c <= '9' {
			if len(key) == len(buf) {
				return setUnknown
			}
			key = append(key, c)
		}
	}
	if c := charsets[string(key)]; c != nil {
		return c
	}
	for _, prefix := range [...]string{"ISO", "WINDOWS", "CP"} {
		if rest, found := bytes.CutPrefix(key, []byte(prefix)); found && charsets[string(rest)] != nil {
			return charsets[string(rest)]
		}
	}
	return setUnknown
}

// chooseCharset settles the set in force and whether all bytes can be read in it.
//
// SPEC(HL7 v2.9 2, MSH-18): the first repetition of MSH-18 names the set of the message; the others are reached by escapes.
func (m *Message) chooseCharset(o Options) {
	body, marked := bytes.CutPrefix(m.raw, byteOrderMark)
	high := !isASCII(body)
	escape := bytes.IndexByte(body, 0x1B) >= 0
	valid := !high || utf8.Valid(body)
	declared := m.Segment(0).Field(18).First()
	m.cs = nil
	if name := bytes.TrimSpace(declared.Raw()); len(name) > 0 && !declared.Null() {
		m.cs = charsetOf(name)
	}
	if m.cs == setUTF16 || m.cs == setASCII && high {
		m.cs = nil
		m.tolerated |= CharsetContradicts
	}
	if marked && valid && m.cs != nil && m.cs != setUTF8 && high {
		m.cs = setUTF8
		m.tolerated |= CharsetContradicts
	}
	if m.cs == nil {
		m.cs = assumed(o, valid)
	}
	m.plain = !high && (!escape || m.cs == setUTF8) || m.cs == setUTF8 && valid
	if !m.plain {
		m.undecoded = m.cs.undecoded(body, valid)
	}
}

func assumed(o Options, valid bool) *charset {
	switch {
	case o.Charset != "":
		return charsetOf(o.Charset)
	case valid:
		return setUTF8
	}
	return setLatin1
}

// undecoded reports whether b has bytes, or switches to sets, that cannot be read.
func (c *charset) undecoded(b []byte, valid bool) bool {
	if c.kind == utf8Bytes {
		return !valid
	}
	for i, x := range b {
		if x >= 0x80 && (c.kind != singleByte || c.upper[x-0x80] == utf8.RuneError) {
			return true
		}
		if x == 0x1B {
			if set, _ := switchTo(b[i+1:], c); set == setOpaque {
				return true
			}
		}
	}
	return false
}

// isASCII reports whether there is no byte above 0x7F.
func isASCII(b []byte) bool {
	for len(b) >= 8 {
		if binary.LittleEndian.Uint64(b)&highBits != 0 {
			return false
		}
		b = b[8:]
	}
	for _, c := range b {
		if c >= 0x80 {
			return false
		}
	}
	return true
}

// switches has the sets that ISO 2022 brings into the upper half by ESC - F.
var switches = map[byte]*charset{'A': setLatin1, 'B': set88592, 'C': set88593, 'D': set88594, 'F': set88597, 'G': set88596,
	'H': set88598, 'L': set88595, 'M': set88599, 'b': set885915}

// switchTo reads what follows an escape character of ISO 2022 and returns the set that is now in force and the bytes
// used. base is the set of the message, to which a return to ASCII leads back.
//
// SPEC(HL7 v2.9 2.7.2): \Cxxyy\ and \Mxxyyzz\ carry the bytes that follow ESC in ISO 2022.
func switchTo(b []byte, base *charset) (*charset, int) {
	switch {
	case len(b) >= 2 && b[0] == '(' && b[1] == 'B':
		return base, 2
	case len(b) >= 2 && b[0] == '-' && switches[b[1]] != nil:
		return switches[b[1]], 2
	case len(b) >= 3 && b[0] == '$' && b[1] >= '(' && b[1] <= '/':
		return setOpaque, 3
	case len(b) >= 2:
		return setOpaque, 2
	}
	return setOpaque, len(b)
}

// decode appends the text of b to out and reports whether all of it could be read. What could not is U+FFFD: one for
// each byte of a single-byte set, one for each run otherwise.
func (c *charset) decode(out, b []byte) ([]byte, bool) {
	ok := true
	for len(b) > 0 {
		if c == setOpaque {
			return utf8.AppendRune(out, utf8.RuneError), false
		}
		if b[0] < 0x80 {
			n := 1
			for n < len(b) && b[n] < 0x80 {
				n++
			}
			out, b = append(out, b[:n]...), b[n:]
			continue
		}
		var r rune
		var n int
		switch c.kind {
		case singleByte:
			r, n = c.upper[b[0]-0x80], 1
			ok = ok && r != utf8.RuneError
		case utf8Bytes:
			r, n = utf8.DecodeRune(b)
			ok = ok && (r != utf8.RuneError || n > 1)
		default:
			for n < len(b) && b[n] >= 0x80 {
				n++
			}
			r, ok = utf8.RuneError, false
		}
		out, b = utf8.AppendRune(out, r), b[n:]
	}
	return out, ok
}

// encode appends r in this set, or reports that the set has no such character.
func (c *charset) encode(out []byte, r rune) ([]byte, bool) {
	switch {
	case r < 0x80:
		return append(out, byte(r)), true
	case c.kind == utf8Bytes:
		return utf8.AppendRune(out, r), true
	case c.kind != singleByte || r == utf8.RuneError:
		return out, false
	}
	from := 0
	if c == setLatin1 {
		from = 0x20
	}
	for i, u := range c.upper[from:] {
		if u == r {
			return append(out, byte(0x80+from+i)), true
		}
	}
	return out, false
}
