package fhirpath

import (
	"math"
	"math/big"
	"math/bits"
	"strconv"
	"strings"
)

// The bounds of a Decimal: what would have more digits before the point is an overflow, which has no result; what would have more
// behind it is rounded, half away from zero.
//
// SPEC(FHIRPath N1 4.1.4 Decimal): at least 18 digits before and 8 behind the point.
const (
	maxScale  = 28
	maxDigits = 38
)

// decimal is an exact decimal number: coef, or big where it is not nil, times 10 to the power of -scale.
type decimal struct {
	coef  int64
	scale int32 // digits behind the point, 0 to maxScale
	big   *big.Int
}

var pow10 = func() (p [19]int64) {
	p[0] = 1
	for i := 1; i < len(p); i++ {
		p[i] = p[i-1] * 10
	}
	return p
}()

var bigTen = big.NewInt(10)

func bigPow10(n int32) *big.Int {
	if n >= 0 && int(n) < len(pow10) {
		return big.NewInt(pow10[n])
	}
	return new(big.Int).Exp(bigTen, big.NewInt(int64(n)), nil)
}

var overflow = bigPow10(maxDigits)

func (d decimal) int() *big.Int {
	if d.big != nil {
		return d.big
	}
	return big.NewInt(d.coef)
}

// fromBig makes a decimal of c times 10 to the power of -scale; ok is false on overflow.
func fromBig(c *big.Int, scale int32) (decimal, bool) {
	if scale > maxScale {
		c, scale = roundBig(c, bigPow10(scale-maxScale)), maxScale
	}
	if scale < 0 {
		c, scale = new(big.Int).Mul(c, bigPow10(-scale)), 0
	}
	if c.IsInt64() {
		return decimal{coef: c.Int64(), scale: scale}, true
	}
	if new(big.Int).Quo(c, bigPow10(scale)).CmpAbs(overflow) >= 0 {
		return decimal{}, false
	}
	return decimal{scale: scale, big: c}, true
}

// roundBig divides and rounds half away from zero. div is positive.
func roundBig(c, div *big.Int) *big.Int {
	q, r := new(big.Int).QuoRem(c, div, new(big.Int))
	if r.Lsh(r, 1).CmpAbs(div) >= 0 {
		q.Add(q, big.NewInt(int64(c.Sign())))
	}
	return q
}

// parseDecimal reads -?digits(.digits)?([eE][+-]?digits)?; ok is false on any other form, and out of bounds.
func parseDecimal[T string | []byte](s T) (d decimal, ok bool) {
	i, neg := 0, false
	if len(s) > 0 && (s[0] == '-' || s[0] == '+') {
		neg, i = s[0] == '-', 1
	}
	first, point, digits := i, -1, 0
	var c int64
	for ; i < len(s); i++ {
		if s[i] == '.' && point < 0 && digits > 0 {
			point = i
			continue
		}
		if !isDigit(s[i]) {
			break
		}
		if digits++; digits <= 18 {
			c = c*10 + int64(s[i]-'0')
		}
	}
	if digits == 0 || point == i-1 {
		return d, false
	}
	exp := int64(0)
	if point >= 0 {
		exp = int64(point + 1 - i)
	}
	end := i
	if i < len(s) {
		if exp, ok = exponent(string(s[i:]), exp); !ok {
			return d, false
		}
	}
	if neg {
		c = -c
	}
	if digits <= 18 && exp <= 0 && exp >= -maxScale {
		return decimal{coef: c, scale: int32(-exp)}, true
	}
	return parseBig(string(s[first:end]), neg, exp)
}

func exponent(s string, exp int64) (int64, bool) {
	if len(s) > 6 || s[0]|0x20 != 'e' {
		return 0, false
	}
	n, err := strconv.Atoi(s[1:])
	return exp + int64(n), err == nil
}

func parseBig(digits string, neg bool, exp int64) (decimal, bool) {
	digits = strings.TrimLeft(strings.Replace(digits, ".", "", 1), "0")
	if digits == "" {
		return decimal{scale: int32(max(0, min(-exp, maxScale)))}, true
	}
	if len(digits) > 200 || exp > maxDigits || exp < -300 {
		return decimal{}, false
	}
	c, _ := new(big.Int).SetString(digits, 10)
	if neg {
		c.Neg(c)
	}
	return fromBig(c, int32(-exp))
}

// String writes all digits, those behind the point as many as scale says.
func (d decimal) String() string {
	if d.scale == 0 && d.big == nil {
		return strconv.FormatInt(d.coef, 10)
	}
	s, sign := d.int().String(), ""
	if s[0] == '-' {
		s, sign = s[1:], "-"
	}
	if n := int(d.scale) + 1 - len(s); n > 0 {
		s = strings.Repeat("0", n) + s
	}
	if d.scale == 0 {
		return sign + s
	}
	at := len(s) - int(d.scale)
	return sign + s[:at] + "." + s[at:]
}

func (d decimal) sign() int {
	if d.big != nil {
		return d.big.Sign()
	}
	switch {
	case d.coef < 0:
		return -1
	case d.coef > 0:
		return 1
	}
	return 0
}

func (d decimal) neg() decimal {
	if d.big != nil || d.coef == math.MinInt64 {
		return decimal{scale: d.scale, big: new(big.Int).Neg(d.int())}
	}
	return decimal{coef: -d.coef, scale: d.scale}
}

// scaled is the coefficient of d at a scale that is not smaller than d's; ok is false if it is no int64.
func (d decimal) scaled(scale int32) (c int64, ok bool) {
	n := scale - d.scale
	if d.big != nil || int(n) >= len(pow10) {
		return 0, false
	}
	hi, lo := bits.Mul64(uint64(abs64(d.coef)), uint64(pow10[n]))
	if hi != 0 || lo > math.MaxInt64 {
		return 0, false
	}
	if d.coef < 0 {
		return -int64(lo), true
	}
	return int64(lo), true
}

// abs64 is the absolute value; that of the least int64 is itself, which as an unsigned number is right.
func abs64(n int64) int64 {
	if n < 0 {
		return -n
	}
	return n
}

func (d decimal) bigAt(scale int32) *big.Int {
	if scale == d.scale {
		return d.int()
	}
	return new(big.Int).Mul(d.int(), bigPow10(scale-d.scale))
}

func (d decimal) cmp(e decimal) int {
	scale := max(d.scale, e.scale)
	a, ok1 := d.scaled(scale)
	b, ok2 := e.scaled(scale)
	if ok1 && ok2 {
		switch {
		case a < b:
			return -1
		case a > b:
			return 1
		}
		return 0
	}
	return d.bigAt(scale).Cmp(e.bigAt(scale))
}

func (d decimal) add(e decimal) (decimal, bool) {
	scale := max(d.scale, e.scale)
	a, ok1 := d.scaled(scale)
	b, ok2 := e.scaled(scale)
	if sum := a + b; ok1 && ok2 && (sum > a) == (b > 0) {
		return decimal{coef: sum, scale: scale}, true
	}
	return fromBig(new(big.Int).Add(d.bigAt(scale), e.bigAt(scale)), scale)
}

func (d decimal) sub(e decimal) (decimal, bool) { return d.add(e.neg()) }

func (d decimal) mul(e decimal) (decimal, bool) {
	scale := d.scale + e.scale
	if d.big == nil && e.big == nil && scale <= maxScale {
		hi, lo := bits.Mul64(uint64(abs64(d.coef)), uint64(abs64(e.coef)))
		if hi == 0 && lo <= math.MaxInt64 {
			c := int64(lo)
			if (d.coef < 0) != (e.coef < 0) {
				c = -c
			}
			return decimal{coef: c, scale: scale}, true
		}
	}
	return fromBig(new(big.Int).Mul(d.int(), e.int()), scale)
}

// quo divides, exactly where maxScale digits behind the point allow it. ok is false on overflow and for a zero divisor.
func (d decimal) quo(e decimal) (decimal, bool) {
	if e.sign() == 0 {
		return decimal{}, false
	}
	num := new(big.Int).Mul(d.int(), bigPow10(maxScale+e.scale))
	den := new(big.Int).Mul(e.int(), bigPow10(d.scale))
	if den.Sign() < 0 {
		num, den = num.Neg(num), den.Neg(den)
	}
	q, ok := fromBig(roundBig(num, den), maxScale)
	return q.trim(max(0, d.scale-e.scale)), ok
}

// trim takes zeros away behind the point, down to least digits.
func (d decimal) trim(least int32) decimal {
	if d.big == nil {
		for d.scale > least && d.coef%10 == 0 {
			d.coef, d.scale = d.coef/10, d.scale-1
		}
		return d
	}
	c, r := new(big.Int).Set(d.big), new(big.Int)
	for d.scale > least {
		q, _ := new(big.Int).QuoRem(c, bigTen, r)
		if r.Sign() != 0 {
			break
		}
		c, d.scale = q, d.scale-1
	}
	t, _ := fromBig(c, d.scale)
	return t
}

// divMod is the quotient truncated to an integer, and what remains. ok is false for a zero divisor.
func (d decimal) divMod(e decimal) (q, r decimal, ok bool) {
	if e.sign() == 0 {
		return d, d, false
	}
	scale := max(d.scale, e.scale)
	a, ok1 := d.scaled(scale)
	b, ok2 := e.scaled(scale)
	if ok1 && ok2 && b != -1 {
		return decimal{coef: a / b}, decimal{coef: a % b, scale: scale}, true
	}
	bq, br := new(big.Int).QuoRem(d.bigAt(scale), e.bigAt(scale), new(big.Int))
	q, ok1 = fromBig(bq, 0)
	r, ok2 = fromBig(br, scale)
	return q, r, ok1 && ok2
}

// direction of a rounding.
type direction int8

const (
	down    direction = iota // to negative infinity
	up                       // to positive infinity
	toZero                   // truncation
	nearest                  // half away from zero
)

// round rounds to scale digits behind the point; a d that has fewer gets zeros. What is rounded up may pass the bounds: see beyond.
func (d decimal) round(scale int32, dir direction) decimal {
	if scale >= d.scale {
		r, _ := fromBig(d.bigAt(scale), scale)
		return r
	}
	div := bigPow10(d.scale - scale)
	var q *big.Int
	if dir == nearest {
		q = roundBig(d.int(), div)
	} else {
		r := new(big.Int)
		q, r = new(big.Int).QuoRem(d.int(), div, r)
		if dir == down && r.Sign() < 0 || dir == up && r.Sign() > 0 {
			q.Add(q, big.NewInt(int64(r.Sign())))
		}
	}
	if q.IsInt64() {
		return decimal{coef: q.Int64(), scale: scale}
	}
	return decimal{big: q, scale: scale}
}

// beyond reports whether d has more digits before the point than a Decimal has.
func (d decimal) beyond() bool {
	return d.big != nil && new(big.Int).Quo(d.big, bigPow10(d.scale)).CmpAbs(overflow) >= 0
}

// integer returns d as an Integer of FHIRPath; ok is false if it is out of range. What is behind the point must be zero.
func (d decimal) integer() (int64, bool) {
	if d.beyond() {
		return 0, false
	}
	t := d.trim(0)
	if t.big != nil || t.scale != 0 || t.coef > math.MaxInt32 || t.coef < math.MinInt32 {
		return 0, false
	}
	return t.coef, true
}

func (d decimal) rat() *big.Rat { return new(big.Rat).SetFrac(d.int(), bigPow10(d.scale)) }

// fromRat rounds r to maxScale digits behind the point.
func fromRat(r *big.Rat) (decimal, bool) {
	num := new(big.Int).Mul(r.Num(), bigPow10(maxScale))
	d, ok := fromBig(roundBig(num, r.Denom()), maxScale)
	return d.trim(0), ok
}
