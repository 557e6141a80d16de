package body

import (
	"strings"
	"unicode"
)

// Kind says what a Value is.
type Kind uint8

// The kinds.
const (
	None Kind = iota // nothing: left out when written
	Object
	Array
	String
	Literal // a number, true or false, as it is written
)

// Value is one JSON value. A nil Value is None.
type Value struct {
	kind    Kind
	text    string // of String, decoded; of Literal, as written
	members []member
	items   []*Value
}

type member struct {
	name  string
	value *Value
}

// NewObject returns an empty object.
func NewObject() *Value { return &Value{kind: Object} }

// NewArray returns an array of the items.
func NewArray(items ...*Value) *Value { return &Value{kind: Array, items: items} }

// Text returns a string; one of nothing but blanks and what is written as a blank is None.
//
// SPEC(FHIR R4 datatypes.html#string): a string is never empty, and more than white space.
func Text(s string) *Value {
	if strings.TrimFunc(s, Blank) == "" {
		return nil
	}
	return &Value{kind: String, text: s}
}

// Blank reports whether a character is white space or a control character.
func Blank(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }

// Number returns a number written as the digits given, which must be a JSON number.
func Number(digits string) *Value { return &Value{kind: Literal, text: digits} }

// Bool returns true or false.
func Bool(b bool) *Value {
	if b {
		return &Value{kind: Literal, text: "true"}
	}
	return &Value{kind: Literal, text: "false"}
}

// Kind returns what the value is.
func (v *Value) Kind() Kind {
	if v == nil {
		return None
	}
	return v.kind
}

// Str returns the text of a String or Literal, "" of everything else.
func (v *Value) Str() string {
	if k := v.Kind(); k != String && k != Literal {
		return ""
	}
	return v.text
}

// Get returns a member of an object, nil if there is none.
func (v *Value) Get(name string) *Value {
	if v.Kind() != Object {
		return nil
	}
	for i := range v.members {
		if v.members[i].name == name {
			return v.members[i].value
		}
	}
	return nil
}

// Set puts a member into an object, in the place of one with the same name; a value that is Empty removes it.
// It returns v.
func (v *Value) Set(name string, to *Value) *Value {
	for i := range v.members {
		if v.members[i].name != name {
			continue
		}
		if to.Empty() {
			v.members = append(v.members[:i:i], v.members[i+1:]...)
		} else {
			v.members[i].value = to
		}
		return v
	}
	if !to.Empty() {
		v.members = append(v.members, member{name, to})
	}
	return v
}

// Names returns the names of an object's members in order.
func (v *Value) Names() []string {
	if v.Kind() != Object {
		return nil
	}
	out := make([]string, len(v.members))
	for i, m := range v.members {
		out[i] = m.name
	}
	return out
}

// Items returns the items of an array; they must not be changed through the slice.
func (v *Value) Items() []*Value {
	if v.Kind() != Array {
		return nil
	}
	return v.items
}

// Append adds an item to an array, unless it is Empty.
func (v *Value) Append(item *Value) {
	if !item.Empty() {
		v.items = append(v.items, item)
	}
}

// Empty reports that nothing would be written: none, an empty string, or an object or array in which all is empty.
func (v *Value) Empty() bool {
	switch v.Kind() {
	case None:
		return true
	case Object:
		for _, m := range v.members {
			if !m.value.Empty() {
				return false
			}
		}
		return true
	case Array:
		for _, x := range v.items {
			if !x.Empty() {
				return false
			}
		}
		return true
	}
	return v.text == ""
}

// Clone returns a deep copy.
func (v *Value) Clone() *Value {
	if v == nil {
		return nil
	}
	out := &Value{kind: v.kind, text: v.text}
	for _, m := range v.members {
		out.members = append(out.members, member{m.name, m.value.Clone()})
	}
	for _, x := range v.items {
		out.items = append(out.items, x.Clone())
	}
	return out
}

// Each calls f for every value below and including v, parents first.
func (v *Value) Each(f func(*Value)) {
	if v == nil {
		return
	}
	f(v)
	for _, m := range v.members {
		m.value.Each(f)
	}
	for _, x := range v.items {
		x.Each(f)
	}
}

// Replace changes the text of a String in place.
func (v *Value) Replace(text string) {
	if v.Kind() == String {
		v.text = text
	}
}
