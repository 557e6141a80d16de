package format

import (
	"cmp"
	"slices"

	"github.com/ward-health/ward/clinical/fhir/tree"
)

// Canonicalization is a canonical form of JSON by the URL of the standard.
type Canonicalization string

// The canonical forms.
//
// SPEC(FHIR R4 json.html#canonical): no white space between values, members in alphabetical order. Of the root resource, Data leaves out text, Static
// text and meta; Narrative keeps id and text only; Document leaves out id and meta.
const (
	Canonical Canonicalization = "http://hl7.org/fhir/canonicalization/json"
	Data      Canonicalization = Canonical + "#data"
	Static    Canonicalization = Canonical + "#static"
	Narrative Canonicalization = Canonical + "#narrative"
	Document  Canonicalization = Canonical + "#document"
)

// keeps reports whether the form keeps a member of the root resource.
func (c Canonicalization) keeps(name string) bool {
	switch c {
	case Data:
		return name != "text"
	case Static:
		return name != "text" && name != "meta"
	case Narrative:
		return name == "resourceType" || name == "id" || name == "text"
	case Document:
		return name != "id" && name != "meta"
	}
	return true
}

// AppendCanonical appends the canonical form of a text. Strings are written with as few escapes as JSON allows; numbers keep their digits, since they
// are part of a decimal's meaning, and strings their white space.
func AppendCanonical(dst []byte, d *tree.Doc, c Canonicalization) []byte {
	return c.value(dst, d, 0)
}

func (c Canonicalization) value(dst []byte, d *tree.Doc, n int) []byte {
	switch d.Nodes[n].Kind {
	case tree.String:
		return appendQuote(dst, d.Text(n))
	case tree.Array:
		dst = append(dst, '[')
		for k := d.First(n); k != tree.None; k = d.Sibling(k) {
			if k != d.First(n) {
				dst = append(dst, ',')
			}
			dst = c.value(dst, d, k)
		}
		return append(dst, ']')
	case tree.Object:
		return c.object(dst, d, n)
	}
	return append(dst, d.Raw(n)...)
}

func (c Canonicalization) object(dst []byte, d *tree.Doc, n int) []byte {
	type member struct {
		name string
		node int
	}
	list := make([]member, 0, d.Nodes[n].Len)
	for k := d.First(n); k != tree.None; k = d.Sibling(k) {
		if name := d.MemberName(k); n != 0 || c.keeps(name) {
			list = append(list, member{name, k})
		}
	}
	slices.SortFunc(list, func(a, b member) int { return cmp.Compare(a.name, b.name) })
	dst = append(dst, '{')
	for i, m := range list {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(appendQuote(dst, []byte(m.name)), ':')
		dst = c.value(dst, d, m.node)
	}
	return append(dst, '}')
}

const hexDigits = "0123456789abcdef"

// appendQuote appends text, which is valid UTF-8, as a JSON string.
func appendQuote(dst, text []byte) []byte {
	dst = append(dst, '"')
	for _, c := range text {
		switch {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c >= 0x20:
			dst = append(dst, c)
		case c == '\n':
			dst = append(dst, '\\', 'n')
		case c == '\t':
			dst = append(dst, '\\', 't')
		case c == '\r':
			dst = append(dst, '\\', 'r')
		case c == '\b':
			dst = append(dst, '\\', 'b')
		case c == '\f':
			dst = append(dst, '\\', 'f')
		default:
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	return append(dst, '"')
}
