package format

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/clinical/fhir/definition"
	"github.com/ward-health/ward/clinical/fhir/tree"
)

// Namespaces of FHIR XML.
const (
	spaceFHIR  = "http://hl7.org/fhir"
	spaceXHTML = "http://www.w3.org/1999/xhtml"
	spaceXSI   = "http://www.w3.org/2001/XMLSchema-instance"
)

// converter is what both directions share: where they are, and what they have written.
type converter struct {
	set      *definition.Set
	op       string
	path     []byte // FHIRPath of the element that is being read
	out      []byte
	position func(offset int) (line, column int)
}

// fail names the element that is being read, and the place in the text.
func (c *converter) fail(offset int, expected string) error {
	line, column := c.position(offset)
	return misread(ward.Invalid, c.op, line, column, "expected "+expected, string(c.path))
}

// Error is an error of what was read, with the place in it. It is a *ward.Error too, whose text names the place.
type Error struct {
	Line, Column int // from 1, in characters
	Text         string
	err          *ward.Error
}

// Error implements error for the operator.
func (e *Error) Error() string { return e.err.Error() }

// Unwrap returns the *ward.Error.
func (e *Error) Unwrap() error { return e.err }

func misread(kind ward.ErrorKind, op string, line, column int, text, path string) *Error {
	return &Error{line, column, text, ward.E(kind, op, fmt.Sprintf("line %d, column %d: %s", line, column, text), nil).At(path)}
}

// push adds an element to the path, index < 0: without a position; what it returns is for pop.
func (c *converter) push(name string, index int) (mark int) {
	mark = len(c.path)
	c.path = append(c.path, '.')
	c.path = append(c.path, plain(name)...)
	if index >= 0 {
		c.path = append(c.path, '[')
		c.path = strconv.AppendInt(c.path, int64(index), 10)
		c.path = append(c.path, ']')
	}
	return mark
}

func (c *converter) pop(mark int) { c.path = c.path[:mark] }

func (c *converter) write(parts ...string) {
	for _, p := range parts {
		c.out = append(c.out, p...)
	}
}

// plain keeps names that can be element names; others may be anything and are not echoed.
func plain(name string) string {
	if len(name) > 64 {
		return "?"
	}
	for _, c := range []byte(name) {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_' {
			return "?"
		}
	}
	return name
}

// unreadable is the error of a text that is no JSON or XML.
func unreadable(op string, err error) error {
	var e *tree.Error
	if !errors.As(err, &e) {
		return ward.E(ward.Invalid, op, "the text cannot be read", err)
	}
	kind := ward.Invalid
	if e.TooLarge {
		kind = ward.TooLarge
	}
	parts := strings.Split(e.Path, ".")
	for i, p := range parts {
		name, rest, _ := strings.Cut(p, "[")
		if plain(name) != name || strings.Trim(rest, "0123456789[]") != "" {
			parts[i] = "?"
		}
	}
	return misread(kind, op, e.Line, e.Column, e.Text, strings.Join(parts, "."))
}

// resourceType returns the type of a resource that can stand for itself, nil if there is none of the name.
func (c *converter) resourceType(name string) *definition.Type {
	t := c.set.Type(name)
	if t == nil || t.Kind != definition.Resource || t.Abstract || t.Name != name {
		return nil
	}
	return t
}

// number reports whether s is a JSON number.
//
// SPEC(RFC 8259 section 6).
func number(s []byte) bool {
	i := 0
	digits := func() bool {
		from := i
		for i < len(s) && s[i] >= '0' && s[i] <= '9' {
			i++
		}
		return i > from
	}
	if i < len(s) && s[i] == '-' {
		i++
	}
	if i < len(s) && s[i] == '0' {
		i++
	} else if !digits() {
		return false
	}
	if i < len(s) && s[i] == '.' {
		if i++; !digits() {
			return false
		}
	}
	if i < len(s) && s[i]|0x20 == 'e' {
		if i++; i < len(s) && (s[i] == '+' || s[i] == '-') {
			i++
		}
		if !digits() {
			return false
		}
	}
	return i == len(s) && i > 0
}

// unreadableText says what was expected of a text within a text.
func unreadableText(err error) string {
	var e *tree.Error
	if errors.As(err, &e) {
		return e.Text
	}
	return "text"
}
