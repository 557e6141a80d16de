package fhirpath

import (
	"math/big"

	"github.com/ward-health/ward/clinical/fhir/definition"
	"github.com/ward-health/ward/clinical/fhir/tree"
)

// Kind of a Value.
type Kind uint8

// The kinds: KindNode is an element of a resource; the others are the types of the namespace System, and what type() returns.
const (
	KindNode Kind = iota + 1
	KindBoolean
	KindString
	KindInteger
	KindDecimal
	KindDate
	KindDateTime
	KindTime
	KindQuantity
	KindType
)

var kindNames = [...]string{KindNode: "Node", KindBoolean: "Boolean", KindString: "String", KindInteger: "Integer", KindDecimal: "Decimal",
	KindDate: "Date", KindDateTime: "DateTime", KindTime: "Time", KindQuantity: "Quantity", KindType: "ClassInfo"}

// String returns the name of the type in the namespace System.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return ""
}

// Value is one item of a collection. It is a small struct that is copied; the zero Value is none.
type Value struct {
	kind  Kind
	sub   uint8 // of a node the kind that its primitive converts to, 0 if it is no primitive; precision of moments; calendar unit of a Quantity
	tz    int16 // of moments; of a Quantity 1 if its calendar unit was written in UCUM
	scale int32 // of decimals; nanoseconds of moments
	num   int64 // Boolean 0 or 1, Integer, coefficient, seconds; of a node its two indices
	text  string
	big   *big.Int
	doc   *tree.Doc
	typ   *definition.Type
	elem  *definition.Element
}

// Collection is what an expression yields: an ordered list that may be empty.
type Collection []Value

// Boolean makes a System.Boolean.
func Boolean(b bool) Value {
	if b {
		return Value{kind: KindBoolean, num: 1}
	}
	return Value{kind: KindBoolean}
}

// String makes a System.String.
func String(s string) Value { return Value{kind: KindString, text: s} }

// Integer makes a System.Integer.
func Integer(n int32) Value { return Value{kind: KindInteger, num: int64(n)} }

func integer(n int) Value { return Value{kind: KindInteger, num: int64(n)} }

// Decimal makes a System.Decimal from its text, for example "1.50"; ok is false if it is none, or beyond the bounds of the package
// (38 digits before the point, 28 behind it).
func Decimal(text string) (v Value, ok bool) {
	d, ok := parseDecimal(text)
	return d.value(), ok
}

// Date makes a System.Date from YYYY, YYYY-MM or YYYY-MM-DD.
func Date(text string) (v Value, ok bool) {
	m, ok := parseDate(text)
	return m.value(), ok
}

// DateTime makes a System.DateTime from the form of FHIR's dateTime; minutes and seconds may be left out.
func DateTime(text string) (v Value, ok bool) {
	m, ok := parseDateTime(text)
	return m.value(), ok
}

// Time makes a System.Time from hh, hh:mm, hh:mm:ss or hh:mm:ss.fff.
func Time(text string) (v Value, ok bool) {
	m, ok := parseTime(text)
	return m.value(), ok
}

// Quantity makes a System.Quantity from a decimal and a UCUM unit.
func Quantity(value, unit string) (v Value, ok bool) {
	d, ok := parseDecimal(value)
	return quantityOf(d, unit, false), ok
}

func (d decimal) value() Value {
	return Value{kind: KindDecimal, scale: d.scale, num: d.coef, big: d.big}
}

func (m moment) value() Value {
	return Value{kind: m.kind, sub: m.prec, tz: m.tz, scale: m.nano, num: m.sec}
}

// quantityOf makes a Quantity. A calendar unit keeps the word that it was written with.
func quantityOf(d decimal, unit string, calendar bool) Value {
	v := Value{kind: KindQuantity, scale: d.scale, num: d.coef, big: d.big, text: unit}
	if calendar {
		v.sub = uint8(calendarUnit(unit))
	}
	return v
}

func literalNumber(text string) (Value, bool) {
	d, ok := parseDecimal(text)
	for i := range text {
		if text[i] == '.' {
			return d.value(), ok
		}
	}
	n, fits := d.integer()
	return Value{kind: KindInteger, num: n}, ok && fits
}

// decimal of an Integer, a Decimal or a Quantity.
func (v *Value) decimal() decimal {
	if v.kind == KindInteger {
		return decimal{coef: v.num}
	}
	return decimal{coef: v.num, scale: v.scale, big: v.big}
}

func (v *Value) moment() moment {
	return moment{kind: v.kind, prec: v.sub, tz: v.tz, sec: v.num, nano: v.scale}
}

// Kind returns what v is.
func (v Value) Kind() Kind { return v.kind }

// Bool returns a Boolean; ok is false if v is none, or a node that does not hold one.
func (v Value) Bool() (b, ok bool) {
	s, ok := v.System()
	return s.num != 0, ok && s.kind == KindBoolean
}

// Int returns an Integer; ok is false if v is none, or a node that does not hold one.
func (v Value) Int() (n int64, ok bool) {
	s, ok := v.System()
	return s.num, ok && s.kind == KindInteger
}

// Unit returns the unit of a Quantity: UCUM, or a calendar word such as "month" (calendar is true).
func (v Value) Unit() (unit string, calendar bool) { return v.text, v.sub != 0 }

// Text returns what toString() gives: the text of a String, true or false, a number, a moment as FHIR writes it, a Quantity with its unit; ok is
// false where there is no such text.
func (v Value) Text() (text string, ok bool) {
	s, ok := v.System()
	if !ok {
		return "", false
	}
	switch s.kind {
	case KindString, KindType:
		return s.text, true
	case KindBoolean:
		if s.num != 0 {
			return "true", true
		}
		return "false", true
	case KindInteger, KindDecimal:
		return s.decimal().String(), true
	case KindQuantity:
		if s.sub != 0 {
			return s.decimal().String() + " " + s.text, true
		}
		return s.decimal().String() + " '" + s.text + "'", true
	}
	return s.moment().text(), true
}

// String returns the text of v for people, "" where there is none.
func (v Value) String() string {
	s, _ := v.Text()
	return s
}

// TypeName returns the type with its namespace: "FHIR.HumanName", "System.Integer".
func (v Value) TypeName() string {
	if v.kind == KindNode {
		return "FHIR." + v.fhirName()
	}
	return "System." + v.kind.String()
}

func (v *Value) fhirName() string {
	if v.typ == nil {
		return ""
	}
	return v.typ.Name
}
