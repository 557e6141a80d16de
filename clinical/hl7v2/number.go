package hl7v2

import "strings"

// MaxDigits bounds a number; the standard allows 16.
const MaxDigits = 64

// Number reads an NM: [+-]digits[.digits], blanks around it ignored. It returns decimal text with a leading + and
// leading zeros removed, a zero before a leading point, and no trailing point; every other digit is kept, so "1.50"
// stays "1.50". A zero has no sign. Exponents, commas and anything else are not numbers: ok is false, as it is for a
// value that is empty or null.
//
// SPEC(HL7 v2.9 2A, NM): NM is a sign, digits and at most one point, and leading zeros do not count.
func (v Value) Number() (text string, ok bool) {
	s := strings.Trim(v.Text(), " ")
	sign := ""
	if s != "" && (s[0] == '+' || s[0] == '-') {
		if s[0] == '-' {
			sign = "-"
		}
		s = s[1:]
	}
	whole, part, _ := strings.Cut(s, ".")
	if len(whole)+len(part) == 0 || len(s) > MaxDigits || !allDigits(whole) || !allDigits(part) {
		return "", false
	}
	whole = strings.TrimLeft(whole, "0")
	if whole == "" && strings.Trim(part, "0") == "" {
		sign = ""
	}
	if whole == "" {
		whole = "0"
	}
	if part != "" {
		part = "." + part
	}
	return sign + whole + part, true
}

func allDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}
