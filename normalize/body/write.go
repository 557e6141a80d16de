package body

import (
	"strings"
	"unicode/utf8"
)

// Bytes writes the value; what is Empty is left out.
func (v *Value) Bytes() []byte { return v.write(make([]byte, 0, usual)) }

// usual is the size of most bodies, rounded up.
const usual = 1 << 10

func (v *Value) write(b []byte) []byte {
	switch v.Kind() {
	case String:
		return quote(b, v.text)
	case Literal:
		return append(b, v.text...)
	case Array:
		b = append(b, '[')
		n := 0
		for _, x := range v.items {
			if x.Empty() {
				continue
			}
			if n > 0 {
				b = append(b, ',')
			}
			b, n = x.write(b), n+1
		}
		return append(b, ']')
	case Object:
		b = append(b, '{')
		n := 0
		for _, m := range v.members {
			if m.value.Empty() {
				continue
			}
			if n > 0 {
				b = append(b, ',')
			}
			b = append(quote(b, m.name), ':')
			b, n = m.value.write(b), n+1
		}
		return append(b, '}')
	}
	return append(b, "null"...)
}

// plain are the bytes that stand in a JSON string as they are.
var plain = func() (t [256]bool) {
	for c := byte(' '); c < 0x7f; c++ {
		t[c] = !strings.ContainsRune(`"\\<>&`, rune(c))
	}
	return t
}()

const hexDigits = "0123456789abcdef"

// quote writes a JSON string.
//
// SPEC(FHIR R4 datatypes.html#string): control characters but tab, line feed and carriage return have no place in a
// string; they are written as blanks.
func quote(b []byte, s string) []byte {
	b = append(b, '"')
	for i := 0; i < len(s); {
		n := i
		for n < len(s) && plain[s[n]] {
			n++
		}
		if n > i {
			b = append(b, s[i:n]...)
			i = n
			continue
		}
		c := s[i]
		if c < utf8.RuneSelf {
			i++
			switch {
			case c == '"' || c == '\\':
				b = append(b, '\\', c)
			case c == '\n':
				b = append(b, '\\', 'n')
			case c == '\r':
				b = append(b, '\\', 'r')
			case c == '\t':
				b = append(b, '\\', 't')
			case c < ' ' || c == 0x7f:
				b = append(b, ' ')
			default: // < > &
				b = append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
			}
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		b = utf8.AppendRune(b, r)
		i += size
	}
	return append(b, '"')
}
