package fhirpath

import (
	"math/big"
	"testing"

	"pgregory.net/rapid"
)

// genDecimal makes decimals of all sizes, in the fast form and in the large one.
var genDecimal = rapid.Custom(func(t *rapid.T) decimal {
	digits := rapid.StringMatching(`-?(0|[1-9][0-9]{0,24})(\.[0-9]{1,12})?`).Draw(t, "decimal")
	d, ok := parseDecimal(digits)
	if !ok {
		t.Fatalf("%s is not read", digits)
	}
	if got := d.String(); got != digits && "-"+got != digits {
		t.Fatalf("%s is written %s", digits, got)
	}
	return d
})

// TestDecimalLaws: sums, products, order, quotients and rounding are those of rational numbers.
func TestDecimalLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := genDecimal.Draw(t, "a"), genDecimal.Draw(t, "b")
		x, y := a.rat(), b.rat()
		agree := func(what string, d decimal, ok bool, want *big.Rat) {
			t.Helper()
			if ok && d.rat().Cmp(want) != 0 {
				t.Fatalf("%s %s %s = %s, not %s", a, what, b, d, want)
			}
		}
		sum, ok := a.add(b)
		agree("+", sum, ok, new(big.Rat).Add(x, y))
		if back, ok2 := sum.sub(b); ok && ok2 && back.cmp(a) != 0 {
			t.Fatalf("%s + %s - %s = %s", a, b, b, back)
		}
		product, ok := a.mul(b)
		agree("*", product, ok, new(big.Rat).Mul(x, y))
		if a.cmp(b) != x.Cmp(y) {
			t.Fatalf("%s <=> %s is %d", a, b, a.cmp(b))
		}
		if b.sign() != 0 {
			q, r, ok := a.divMod(b)
			if ok {
				p, _ := q.mul(b)
				s, _ := p.add(r)
				agree("div, mod", s, true, x)
				if q.scale != 0 || r.sign()*a.sign() < 0 {
					t.Fatalf("%s div %s = %s, mod %s", a, b, q, r)
				}
			}
			if q, ok := a.quo(b); ok {
				near := new(big.Rat).Sub(q.rat(), new(big.Rat).Quo(x, y))
				if near.Abs(near).Cmp(new(big.Rat).SetFrac(big.NewInt(1), bigPow10(maxScale))) > 0 {
					t.Fatalf("%s / %s = %s", a, b, q)
				}
			}
		}
		scale := int32(rapid.IntRange(0, 12).Draw(t, "scale"))
		low, high := a.round(scale, down), a.round(scale, up)
		if low.cmp(a) > 0 || high.cmp(a) < 0 || low.scale != scale {
			t.Fatalf("%s lies not between %s and %s", a, low, high)
		}
		if near := a.round(scale, nearest); near.cmp(low) != 0 && near.cmp(high) != 0 {
			t.Fatalf("%s rounds to %s", a, near)
		}
	})
}

// TestDecimalBounds: what is too large has no result; what is too fine is rounded half away from zero.
func TestDecimalBounds(t *testing.T) {
	big, ok := parseDecimal("99999999999999999999999999999999999999")
	if !ok {
		t.Fatal("38 digits are not read")
	}
	if _, ok := big.add(decimal{coef: 1}); ok {
		t.Error("39 digits are a result")
	}
	if _, ok := parseDecimal("1e39"); ok {
		t.Error("39 digits are read")
	}
	for _, s := range []string{"", "-", ".5", "1.", "1e", "1e9999999", "0x1", "1_0", "--1", "1.2.3", " 1"} {
		if d, ok := parseDecimal(s); ok {
			t.Errorf("%q is read as %s", s, d)
		}
	}
	if d, ok := parseDecimal("-1e-28"); !ok || d.String() != "-0.0000000000000000000000000001" {
		t.Error(d, ok)
	}
	if d, ok := parseDecimal("5e-29"); !ok || d.String() != "0.0000000000000000000000000001" {
		t.Error(d, ok)
	}
}

// TestTranscendental compares with values of published tables, to 20 digits.
func TestTranscendental(t *testing.T) {
	for _, c := range []struct {
		f       func(decimal) (decimal, bool)
		in, out string
	}{
		{ln, "2", "0.69314718055994530942"}, {ln, "10", "2.30258509299404568402"}, {ln, "1", "0"}, {ln, "0.0001", "-9.21034037197618273607"},
		{exp, "1", "2.71828182845904523536"}, {exp, "-1", "0.36787944117144232160"}, {exp, "0", "1"},
		{sqrt, "2", "1.4142135623730950488"}, {sqrt, "81", "9"}, {sqrt, "0.25", "0.5"},
	} {
		in, _ := parseDecimal(c.in)
		want, _ := parseDecimal(c.out)
		if got, ok := c.f(in); !ok || got.cmp(want) != 0 {
			t.Errorf("f(%s) = %s, not %s", c.in, got, c.out)
		}
	}
	for _, c := range []struct {
		f  func(decimal) (decimal, bool)
		in string
	}{{ln, "0"}, {ln, "-1"}, {sqrt, "-1"}, {exp, "1000"}} {
		in, _ := parseDecimal(c.in)
		if got, ok := c.f(in); ok {
			t.Errorf("f(%s) = %s", c.in, got)
		}
	}
}
