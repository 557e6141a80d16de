package hl7v2

import (
	"bytes"
	"fmt"
	"iter"
	"slices"
)

// Field is one field of a segment: its repetitions. The zero Field stands for a field that was not sent.
type Field struct {
	m          *Message
	start, end uint32
	at         uint32 // index in m.fields
	literal    bool   // MSH-1 and MSH-2: delimiters are content
}

// Raw returns the bytes of the whole field; they must not be changed.
func (f Field) Raw() []byte {
	if f.m == nil {
		return nil
	}
	return f.m.raw[f.start:f.end:f.end]
}

// Empty reports that nothing was sent: no bytes, or delimiters only. It means "no change", unlike Null.
func (f Field) Empty() bool {
	if f.literal {
		return false
	}
	for _, c := range f.Raw() {
		if d := &f.m.delims; c != d.Component && c != d.Subcomponent && c != d.Repetition || c == 0 {
			return false
		}
	}
	return true
}

// Null reports that the field is `""`: the receiver is told to delete what it has.
func (f Field) Null() bool { return f.First().Null() && f.Repeats() == 1 }

// Repeats returns the number of repetitions: 0 if the field has no bytes, else one more than its repetition delimiters.
func (f Field) Repeats() int {
	if f.start == f.end {
		return 0
	}
	if f.literal || len(f.m.repField) == 0 {
		return 1
	}
	from, to := f.repetitions()
	return 1 + to - from
}

// repetitions returns the range of this field's extra repetitions in m.repStart.
func (f Field) repetitions() (from, to int) {
	from, _ = slices.BinarySearch(f.m.repField, f.at)
	n, _ := slices.BinarySearch(f.m.repField[from:], f.at+1)
	return from, from + n
}

// Repeat returns the i-th repetition, from 0, or the zero Value.
func (f Field) Repeat(i int) Value {
	if i < 0 || i >= f.Repeats() {
		return Value{}
	}
	if f.literal {
		return Value{f.m, f.start, f.end, literal}
	}
	v := Value{f.m, f.start, f.end, repetition}
	if len(f.m.repField) == 0 {
		return v
	}
	from, to := f.repetitions()
	if i > 0 {
		v.start = f.m.repStart[from+i-1]
	}
	if from+i < to {
		v.end = f.m.repStart[from+i] - 1
	}
	return v
}

// First returns the first repetition, or the zero Value.
func (f Field) First() Value { return f.Repeat(0) }

// All goes over the repetitions, with their numbers from 0.
func (f Field) All() iter.Seq2[int, Value] {
	return func(yield func(int, Value) bool) {
		for i, n := 0, f.Repeats(); i < n; i++ {
			if !yield(i, f.Repeat(i)) {
				return
			}
		}
	}
}

// Format implements fmt.Formatter for every verb: the size only, never content.
func (f Field) Format(s fmt.State, _ rune) { fmt.Fprintf(s, "[hl7v2 field, %d bytes]", f.end-f.start) }

// level says what a Value is, and so which delimiter splits it.
type level uint8

const (
	repetition level = iota
	component
	subcomponent
	literal // MSH-1, MSH-2: never split, never unescaped
)

// Value is one repetition of a field, one component or one subcomponent. The zero Value stands for "not sent".
type Value struct {
	m          *Message
	start, end uint32
	level      level
}

// Raw returns the bytes as they stand in the message; they must not be changed.
func (v Value) Raw() []byte {
	if v.m == nil {
		return nil
	}
	return v.m.raw[v.start:v.end:v.end]
}

// Span returns where the bytes stand in the message, as offsets into Encode(): evidence without content.
func (v Value) Span() (start, end int) { return int(v.start), int(v.end) }

// Empty reports that nothing was sent: no bytes, or delimiters only.
//
// SPEC(HL7 v2.9 2.5.3): a field that is sent without a value leaves what the receiver has as it is.
func (v Value) Empty() bool {
	if v.level == literal {
		return false
	}
	for _, c := range v.Raw() {
		if d := &v.m.delims; c != d.Component && c != d.Subcomponent || c == 0 {
			return false
		}
	}
	return true
}

// Null reports that the value is `""` and nothing else.
//
// SPEC(HL7 v2.9 2.5.3): two quotation marks and nothing else tell the receiver to delete what it has.
func (v Value) Null() bool {
	return v.end-v.start == 2 && v.m.raw[v.start] == '"' && v.m.raw[v.start+1] == '"' && v.level != literal
}

// Component returns the n-th component of a repetition, from 1, or the zero Value. A value below that level is its own
// first component.
//
// SPEC(HL7 v2.9 2.8): a receiver reads a component that an older sender sent undivided as its first part.
func (v Value) Component(n int) Value {
	return v.part(n, repetition, v.componentDelimiter(), component)
}

// Components returns the number of components: 0 if there are no bytes, 1 below the level of repetitions.
func (v Value) Components() int { return v.parts(repetition, v.componentDelimiter()) }

// Sub returns the n-th subcomponent of a component, from 1, or the zero Value. Of a repetition it is that of the first
// component; a subcomponent is its own first.
func (v Value) Sub(n int) Value {
	if v.level == repetition {
		v = v.Component(1)
	}
	return v.part(n, component, v.subcomponentDelimiter(), subcomponent)
}

// Subs returns the number of subcomponents: 0 if there are no bytes; of a repetition it is that of the first component.
func (v Value) Subs() int {
	if v.level == repetition {
		v = v.Component(1)
	}
	return v.parts(component, v.subcomponentDelimiter())
}

// Parts goes over the components of a repetition, or the subcomponents of a component, with their numbers from 1. It is
// linear where a loop over Component is quadratic. A subcomponent has no parts.
func (v Value) Parts() iter.Seq2[int, Value] {
	sep, inner := v.componentDelimiter(), component
	if v.level == component {
		sep, inner = v.subcomponentDelimiter(), subcomponent
	}
	return func(yield func(int, Value) bool) {
		if v.level > component || v.start == v.end {
			return
		}
		at := v.start
		for n := 1; ; n++ {
			end := v.end
			if i := bytes.IndexByte(v.m.raw[at:v.end], sep); sep != 0 && i >= 0 {
				end = at + uint32(i)
			}
			if !yield(n, Value{v.m, at, end, inner}) || end == v.end {
				return
			}
			at = end + 1
		}
	}
}

func (v Value) componentDelimiter() byte {
	if v.m == nil {
		return 0
	}
	return v.m.delims.Component
}

func (v Value) subcomponentDelimiter() byte {
	if v.m == nil {
		return 0
	}
	return v.m.delims.Subcomponent
}

// part returns the n-th part of a value of the outer level.
func (v Value) part(n int, outer level, sep byte, inner level) Value {
	if n < 1 || v.start == v.end {
		return Value{}
	}
	if v.level != outer {
		if n == 1 {
			return v
		}
		return Value{}
	}
	at, raw := v.start, v.m.raw[:v.end]
	for ; ; n-- {
		i := -1
		if sep != 0 {
			i = bytes.IndexByte(raw[at:], sep)
		}
		switch {
		case n == 1 && i >= 0:
			return Value{v.m, at, at + uint32(i), inner}
		case n == 1:
			return Value{v.m, at, v.end, inner}
		case i < 0:
			return Value{}
		}
		at += uint32(i) + 1
	}
}

func (v Value) parts(outer level, sep byte) int {
	switch {
	case v.start == v.end:
		return 0
	case v.level != outer || sep == 0:
		return 1
	}
	return 1 + bytes.Count(v.Raw(), []byte{sep})
}

// Format implements fmt.Formatter for every verb: the size only, never content.
func (v Value) Format(s fmt.State, _ rune) { fmt.Fprintf(s, "[hl7v2 value, %d bytes]", v.end-v.start) }

// Exists reports whether there is such a value: one that was not sent, unlike one that was sent without bytes between
// delimiters, does not exist.
func (v Value) Exists() bool { return v.m != nil }
