package structure

import (
	"github.com/ward-health/ward/clinical/fhir/moment"
	"github.com/ward-health/ward/clinical/fhir/tree"
)

// form is the rule of a primitive type.
type form uint8

const (
	formString form = iota + 1
	formBoolean
	formInteger
	formUnsigned
	formPositive
	formDecimal
	formDate
	formDateTime
	formInstant
	formTime
	formCode
	formID
	formOID
	formUUID
	formURI
	formBase64
	formMarkdown
	formXHTML
)

// forms names the form of each primitive of R4.
var forms = map[string]form{
	"string": formString, "boolean": formBoolean, "integer": formInteger, "unsignedInt": formUnsigned, "positiveInt": formPositive,
	"decimal": formDecimal, "date": formDate, "dateTime": formDateTime, "instant": formInstant, "time": formTime, "code": formCode,
	"id": formID, "oid": formOID, "uuid": formUUID, "uri": formURI, "url": formURI, "canonical": formURI, "base64Binary": formBase64,
	"markdown": formMarkdown, "xhtml": formXHTML,
}

// expected says what each form asks for.
var expected = [...]string{
	formString:   "a string is not blank and holds no control characters but tab, line feed and carriage return",
	formBoolean:  "true or false",
	formInteger:  "a whole number from -2,147,483,648 to 2,147,483,647, without point or exponent",
	formUnsigned: "a whole number from 0 to 2,147,483,647, without point or exponent",
	formPositive: "a whole number from 1 to 2,147,483,647, without point or exponent",
	formDecimal:  "a number of at most 100 characters",
	formDate:     "a date has the form YYYY, YYYY-MM or YYYY-MM-DD and must exist in the calendar",
	formDateTime: "a dateTime has the form YYYY, YYYY-MM, YYYY-MM-DD or YYYY-MM-DDThh:mm:ss(.s...)(Z or +hh:mm) and must exist in the calendar",
	formInstant:  "an instant has the form YYYY-MM-DDThh:mm:ss(.s...)(Z or +hh:mm) and must exist in the calendar",
	formTime:     "a time has the form hh:mm:ss(.s...), 00:00:00 to 23:59:60",
	formCode:     "a code has no white space at its ends and single spaces inside",
	formID:       "an id has 1 to 64 characters out of A-Z a-z 0-9 - and .",
	formOID:      "an oid has the form urn:oid:1.2.3, the first number 0 to 2, no leading zeros",
	formUUID:     "a uuid has the form urn:uuid: with 32 hexadecimal digits in lower case, grouped 8-4-4-4-12",
	formURI:      "a URI holds no white space",
	formBase64:   "base64 in groups of four, padded with =, white space between the groups allowed",
	formMarkdown: "markdown is not blank and holds no control characters but tab, line feed and carriage return",
	formXHTML:    "a div of XHTML",
}

// kinds says in which JSON kind each form is written.
func (f form) kind() tree.Kind {
	switch f {
	case formBoolean:
		return tree.True
	case formInteger, formUnsigned, formPositive, formDecimal:
		return tree.Number
	}
	return tree.String
}

// holds reports whether text, the text of a value of the right JSON kind, has the form. xhtml has a check of its own.
//
// SPEC(FHIR R4 datatypes.html#primitive): each type's regular expression and range.
func (f form) holds(text []byte) bool {
	switch f {
	case formString, formMarkdown:
		return isText(text)
	case formInteger:
		return isInteger(text, -1<<31)
	case formUnsigned:
		return isInteger(text, 0)
	case formPositive:
		return isInteger(text, 1)
	case formDecimal:
		return len(text) <= maxDecimal
	case formDate:
		_, _, ok := moment.Parse(text, moment.Date)
		return ok
	case formDateTime:
		_, _, ok := moment.Parse(text, moment.DateTime)
		return ok
	case formInstant:
		_, _, ok := moment.Parse(text, moment.Instant)
		return ok
	case formTime:
		_, ok := moment.Time(text)
		return ok
	case formCode:
		return isCode(text)
	case formID:
		return isID(text)
	case formOID:
		return IsOID(text)
	case formUUID:
		return IsUUID(text)
	case formURI:
		return isURI(text)
	case formBase64:
		return isBase64(text)
	}
	return true
}

const (
	maxText    = 1 << 20 // characters of a string
	maxDecimal = 100     // bytes of a decimal: what computes with it must have a bound
)

// isText: a string or markdown. Its length is checked apart.
//
// SPEC(FHIR R4 datatypes.html#string): [ \r\n\t\S]+; strings are not empty. White space alone says nothing either.
func isText(b []byte) bool {
	solid := false
	for _, c := range b {
		if c > ' ' {
			if c == 0x7F {
				return false
			}
			solid = true
		} else if c != ' ' && c != '\t' && c != '\n' && c != '\r' {
			return false
		}
	}
	return solid
}

// isInteger: [0]|[-+]?[1-9][0-9]*, of JSON (no plus), from low to 2^31-1.
func isInteger(b []byte, low int64) bool {
	digits := b
	if len(b) > 0 && b[0] == '-' {
		if digits = b[1:]; len(digits) > 0 && digits[0] == '0' {
			return false
		}
	}
	if len(digits) == 0 || len(digits) > 10 {
		return false
	}
	v := int64(0)
	for _, c := range digits {
		if c -= '0'; c > 9 {
			return false
		}
		v = v*10 + int64(c)
	}
	if len(digits) != len(b) {
		v = -v
	}
	return v >= low && v <= 1<<31-1
}

// isCode: [^\s]+(\s[^\s]+)*
func isCode(b []byte) bool {
	space := true
	for _, c := range b {
		switch {
		case c > ' ':
			space = false
		case space || c != ' ':
			return false
		default:
			space = true
		}
	}
	return !space
}

// isID: [A-Za-z0-9\-\.]{1,64}
func isID(b []byte) bool {
	if len(b) == 0 || len(b) > 64 {
		return false
	}
	for _, c := range b {
		if !idByte[c] {
			return false
		}
	}
	return true
}

var idByte = func() (t [256]bool) {
	for c := range t {
		t[c] = c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '-' || c == '.'
	}
	return t
}()

// IsOID reports whether b has the form of an oid: urn:oid:[0-2](\.(0|[1-9][0-9]*))+
//
// SPEC(FHIR R4 datatypes.html#oid).
func IsOID(b []byte) bool {
	const head = "urn:oid:"
	if len(b) < len(head)+3 || string(b[:len(head)]) != head || b[len(head)] < '0' || b[len(head)] > '2' {
		return false
	}
	for b = b[len(head)+1:]; len(b) > 0; {
		if b[0] != '.' {
			return false
		}
		n := 1
		for n < len(b) && b[n] >= '0' && b[n] <= '9' {
			n++
		}
		if n == 1 || n > 2 && b[1] == '0' {
			return false
		}
		b = b[n:]
	}
	return true
}

// IsUUID reports whether b has the form of a uuid: urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}
//
// SPEC(FHIR R4 datatypes.html#uuid).
func IsUUID(b []byte) bool {
	const head = "urn:uuid:"
	if len(b) != len(head)+36 || string(b[:len(head)]) != head {
		return false
	}
	for i, c := range b[len(head):] {
		switch i {
		case 8, 13, 18, 23:
			if c != '-' {
				return false
			}
		default:
			if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
				return false
			}
		}
	}
	return true
}

// isURI: \S*, not empty.
func isURI(b []byte) bool {
	for _, c := range b {
		if c <= ' ' || c == 0x7F {
			return false
		}
	}
	return len(b) > 0
}

// isBase64: (\s*([0-9a-zA-Z\+\/=]){4}\s*)+, padded at the end only: white space stands between groups of four.
func isBase64(b []byte) bool {
	n, pads := 0, 0
	for len(b) > 0 {
		if len(b) >= 8 && pads == 0 {
			w := b[:8]
			if base64Byte[w[0]]&base64Byte[w[1]]&base64Byte[w[2]]&base64Byte[w[3]]&base64Byte[w[4]]&base64Byte[w[5]]&base64Byte[w[6]]&base64Byte[w[7]]&1 != 0 {
				n += 8
				b = b[8:]
				continue
			}
		}
		switch base64Byte[b[0]] {
		case 1:
			if pads > 0 {
				return false
			}
			n++
		case 2:
			pads++
			n++
		case 4:
			if n%4 != 0 {
				return false
			}
		case 0:
			return false
		}
		b = b[1:]
	}
	return n > 0 && n%4 == 0 && pads <= 2
}

// base64Byte: 1 a digit of base64, 2 padding, 4 white space, 0 anything else.
var base64Byte = func() (t [256]byte) {
	for c := range t {
		switch {
		case c >= 'A' && c <= 'Z', c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '+', c == '/':
			t[c] = 1
		case c == '=':
			t[c] = 2
		case c == ' ', c == '\t', c == '\n', c == '\r':
			t[c] = 4
		}
	}
	return t
}()
