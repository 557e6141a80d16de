package ucum

import (
	"math/big"
	"strings"

	"github.com/ward-health/ward"
)

const (
	maxDecimal = 40 // characters of a decimal
	maxPower   = 30 // of its exponent
)

var errDecimal = ward.E(ward.Invalid, "ucum.decimal", "a number has the form -12.5 or 1.25e-3, at most 40 characters and an exponent of at most 30", nil)

// ParseDecimal reads a decimal number as JSON and FHIR write it, exactly. Longer than 40 characters or with an exponent
// beyond 30 it is ward.Invalid: no measured quantity needs more, and the work stays bounded.
//
// SPEC(FHIR R4 2.24.0.1 decimal): -?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?
func ParseDecimal(s string) (*big.Rat, error) {
	if len(s) > maxDecimal {
		return nil, errDecimal
	}
	rest := strings.TrimPrefix(s, "-")
	whole, rest := digits(rest)
	ok := whole > 0 && (whole == 1 || strings.TrimPrefix(s, "-")[0] != '0')
	if ok && strings.HasPrefix(rest, ".") {
		var n int
		n, rest = digits(rest[1:])
		ok = n > 0
	}
	if ok && rest != "" && (rest[0] == 'e' || rest[0] == 'E') {
		ok, rest = exponent(rest[1:])
	}
	if !ok || rest != "" {
		return nil, errDecimal
	}
	if r, ok := short(s); ok {
		return r, nil
	}
	r, ok := new(big.Rat).SetString(s)
	if !ok {
		return nil, errDecimal
	}
	return r, nil
}

// short is the value of a decimal in the right form that has no exponent and at most 18 digits: what nearly all are, without the work
// that longer ones need.
func short(s string) (*big.Rat, bool) {
	if len(s) > 18 {
		return nil, false
	}
	rest := strings.TrimPrefix(s, "-")
	n, ten, after := int64(0), int64(1), false
	for _, c := range []byte(rest) {
		switch {
		case c == '.':
			after = true
			continue
		case c < '0' || c > '9':
			return nil, false
		case after:
			ten *= 10
		}
		n = n*10 + int64(c-'0')
	}
	for ten > 1 && n%10 == 0 {
		n, ten = n/10, ten/10
	}
	if len(rest) < len(s) {
		n = -n
	}
	if ten == 1 {
		return new(big.Rat).SetInt64(n), true
	}
	return big.NewRat(n, ten), true
}

// digits counts the leading digits of s and returns what follows.
func digits(s string) (int, string) {
	rest := strings.TrimLeft(s, "0123456789")
	return len(s) - len(rest), rest
}

// exponent checks the digits after the e.
func exponent(s string) (bool, string) {
	if s != "" && (s[0] == '+' || s[0] == '-') {
		s = s[1:]
	}
	n, rest := digits(s)
	value := 0
	for _, c := range []byte(s[:n]) {
		if value = value*10 + int(c-'0'); value > maxPower {
			return false, rest
		}
	}
	return n > 0, rest
}

// Text writes r rounded to the given number of decimals, half away from zero, always with that many decimals.
func Text(r *big.Rat, decimals int) string { return r.FloatString(decimals) }
