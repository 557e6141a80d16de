package units

import (
	"math/big"
	"strings"

	"github.com/ward-health/ward/clinical/ucum"
)

const carried = 3 // significant digits that a converted value shows at least

// number reads the numeric form of HL7 v2 and FHIR: sign, digits, point. Powers of ten and separators of thousands are no
// numbers here; somebody meant something by them, and that is not for guessing.
//
// SPEC(HL7 v2.5.1 2.A.47 NM): an optional sign, digits and an optional decimal point; leading zeros and trailing zeros after
// the point are not significant to the value.
func number(text string) (value *big.Rat, plain string, ok bool) {
	if strings.ContainsAny(text, "eE") {
		return nil, "", false
	}
	rest, sign := text, ""
	if rest != "" && (rest[0] == '+' || rest[0] == '-') {
		sign, rest = strings.TrimPrefix(rest[:1], "+"), rest[1:]
	}
	whole, part, pointed := strings.Cut(rest, ".")
	if whole == "" && part == "" {
		return nil, "", false
	}
	whole = strings.TrimLeft(whole, "0")
	if whole == "" {
		whole = "0"
	}
	plain = sign + whole
	if pointed && part != "" {
		plain += "." + part
	}
	value, err := ucum.ParseDecimal(plain)
	return value, plain, err == nil
}

// significant counts the significant digits of a plain decimal; zeros before the first other digit do not count.
func significant(plain string) int {
	digits := strings.TrimLeft(strings.Replace(strings.TrimPrefix(plain, "-"), ".", "", 1), "0")
	return len(digits)
}

// places returns the decimals of a plain decimal.
func places(plain string) int {
	_, part, _ := strings.Cut(plain, ".")
	return len(part)
}

// round writes v with n significant digits; digits before the point are never cut off.
func round(v *big.Rat, n int) string {
	if v.Sign() == 0 {
		return "0"
	}
	size := new(big.Rat).Abs(v)
	decimals, ten := n-1, big.NewRat(10, 1)
	for limit := big.NewRat(10, 1); size.Cmp(limit) >= 0 && decimals > 0; limit.Mul(limit, ten) {
		decimals--
	}
	for limit := big.NewRat(1, 1); size.Cmp(limit) < 0 && decimals < 60; {
		limit.Quo(limit, ten)
		decimals++
	}
	return ucum.Text(v, decimals)
}
