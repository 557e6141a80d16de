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

// ParseDecimal reads a decimal number as JSON and FHIR write it, exactly. Longer than 40 characters or with an exponent
// beyond 30 it is ward.Invalid: no measured quantity needs more, and the work stays bounded.
//
// SPEC(FHIR R4 2.24.0.1 decimal): -?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?
func ParseDecimal(s string) (*big.Rat, error) {
	bad := ward.E(ward.Invalid, "ucum.decimal", "a number has the form -12.5 or 1.25e-3, at most 40 characters and an exponent of at most 30", nil)
	if len(s) > maxDecimal {
		return nil, bad
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
		return nil, bad
	}
	r, ok := new(big.Rat).SetString(s)
	if !ok {
		return nil, bad
	}
	return r, nil
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
