package view

import (
	"bufio"
	"io"
	"strconv"
)

// NDJSON writes a JSON object a line: every column is a member, null where it has no value; collections are arrays, numbers are
// numbers as FHIR writes them, elements that are not primitive are their own JSON.
type NDJSON struct {
	w    *bufio.Writer
	keys []string
	line []byte
}

// NewNDJSON returns a writer of rows of these columns.
func NewNDJSON(w io.Writer, columns []Column) *NDJSON {
	out := &NDJSON{w: bufio.NewWriterSize(w, 64<<10)}
	for i, c := range columns {
		key := string(appendJSONString(nil, []byte(c.Name))) + ":"
		if i > 0 {
			key = "," + key
		}
		out.keys = append(out.keys, key)
	}
	return out
}

// Row writes one line.
func (n *NDJSON) Row(row []Value) error {
	n.line = append(n.line[:0], '{')
	for i := range row {
		n.line = append(n.line, n.keys[i]...)
		n.line = appendJSON(n.line, &row[i])
	}
	n.line = append(n.line, '}', '\n')
	_, err := n.w.Write(n.line)
	return err
}

// Close writes what is buffered.
func (n *NDJSON) Close() error { return n.w.Flush() }

func appendJSON(dst []byte, v *Value) []byte {
	switch v.Kind {
	case Boolean:
		return strconv.AppendBool(dst, v.Int != 0)
	case Integer:
		return strconv.AppendInt(dst, v.Int, 10)
	case Decimal, JSON:
		return append(dst, v.Text...)
	case Text:
		return appendJSONString(dst, v.Text)
	case List:
		dst = append(dst, '[')
		for i := range v.Items {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = appendJSON(dst, &v.Items[i])
		}
		return append(dst, ']')
	}
	return append(dst, "null"...)
}

// appendJSONString appends valid UTF-8 as a JSON string.
//
// SPEC(RFC 8259 section 7): quotes, backslashes and control characters are escaped; all else may stand as it is.
func appendJSONString(dst, text []byte) []byte {
	const digits = "0123456789abcdef"
	dst = append(dst, '"')
	from := 0
	for i, c := range text {
		if c >= 0x20 && c != '"' && c != '\\' {
			continue
		}
		dst = append(dst, text[from:i]...)
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		default:
			dst = append(dst, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
		}
		from = i + 1
	}
	return append(append(dst, text[from:]...), '"')
}
