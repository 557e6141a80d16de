package fhirpath

import (
	"math/big"
)

func init() {
	define(map[string]*function{
		"abs":      {eval: (*machine).fnAbs, sig: same},
		"ceiling":  {eval: rounded(up), sig: toInteger},
		"floor":    {eval: rounded(down), sig: toInteger},
		"truncate": {eval: rounded(toZero), sig: toInteger},
		"round":    {most: 1, eval: (*machine).fnRound, sig: toDecimal},
		"sqrt":     {eval: computed(sqrt), sig: toDecimal},
		"exp":      {eval: computed(exp), sig: toDecimal},
		"ln":       {eval: computed(ln), sig: toDecimal},
		"log":      {least: 1, most: 1, eval: (*machine).fnLog, sig: toDecimal},
		"power":    {least: 1, most: 1, eval: (*machine).fnPower, sig: anything},
	})
}

// number is the single number of the input.
func (o *callOp) number(m *machine, base int) (s Value, ok bool, err error) {
	v, ok, err := o.in(m, base)
	if err != nil || !ok {
		return s, false, err
	}
	s, ok = v.System()
	if v.lacks() {
		return s, false, nil
	}
	if !ok || !isNumber(s.kind) && (s.kind != KindQuantity || o.name != "abs") {
		return s, false, failf(o.at, "%s() is defined on numbers, not on %s", o.name, v.TypeName())
	}
	return s, true, nil
}

func (m *machine) fnAbs(o *callOp, base int) error {
	s, ok, err := o.number(m, base)
	m.stack = m.stack[:base]
	if err != nil || !ok {
		return err
	}
	if d := s.decimal(); d.sign() < 0 {
		d = d.neg()
		s.num, s.big = d.coef, d.big
	}
	if s.kind == KindInteger {
		return m.pushNumber(s.decimal(), true)
	}
	return m.push(&s)
}

func rounded(dir direction) func(*machine, *callOp, int) error {
	return func(m *machine, o *callOp, base int) error {
		s, ok, err := o.number(m, base)
		m.stack = m.stack[:base]
		if err != nil || !ok {
			return err
		}
		return m.pushNumber(s.decimal().round(0, dir), true)
	}
}

// fnRound rounds half away from zero to the given number of decimals.
func (m *machine) fnRound(o *callOp, base int) error {
	s, ok, err := o.number(m, base)
	m.stack = m.stack[:base]
	if err != nil || !ok {
		return err
	}
	places := int64(0)
	if len(o.args) > 0 {
		if places, ok, err = o.intArg(m, 0); err != nil || !ok {
			return err
		}
	}
	if places < 0 {
		return failf(o.at, "round() takes a precision that is not negative")
	}
	d := s.decimal()
	if places < int64(d.scale) {
		d = d.round(int32(places), nearest)
	}
	return m.pushNumber(d, false)
}

func computed(f func(decimal) (decimal, bool)) func(*machine, *callOp, int) error {
	return func(m *machine, o *callOp, base int) error {
		s, ok, err := o.number(m, base)
		m.stack = m.stack[:base]
		if err != nil || !ok {
			return err
		}
		if err := m.step(100); err != nil {
			return err
		}
		d, ok := f(s.decimal())
		if !ok {
			return nil
		}
		return m.pushNumber(d, false)
	}
}

func (m *machine) fnLog(o *callOp, base int) error {
	x, b, ok, err := o.twoNumbers(m, base)
	if err != nil || !ok {
		return err
	}
	lx, ok1 := lnFixed(x.decimal())
	lb, ok2 := lnFixed(b.decimal())
	if !ok1 || !ok2 || lb.Sign() == 0 {
		return nil
	}
	q := new(big.Int).Quo(new(big.Int).Mul(lx, one40), lb)
	d, ok := fromFixed(q)
	if !ok {
		return nil
	}
	return m.pushNumber(d, false)
}

func (o *callOp) twoNumbers(m *machine, base int) (x, y Value, ok bool, err error) {
	x, ok1, err := o.number(m, base)
	m.stack = m.stack[:base]
	if err != nil {
		return x, y, false, err
	}
	y, ok2, err := m.oneOf(o.args[0], o.at)
	if err == nil && ok2 && !isNumber(y.kind) {
		err = failf(o.at, "%s() takes a number, not %s", o.name, y.TypeName())
	}
	if err == nil {
		err = m.step(100)
	}
	return x, y, ok1 && ok2, err
}

// fnPower is exact for a whole exponent of at most 64.
//
// SPEC(FHIRPath N1 5.7.7): integers yield an Integer where it is one; what is not a real number has no result.
func (m *machine) fnPower(o *callOp, base int) error {
	x, y, ok, err := o.twoNumbers(m, base)
	if err != nil || !ok {
		return err
	}
	whole := x.kind == KindInteger && y.kind == KindInteger && y.num >= 0
	if n, isWhole := y.decimal().integer(); isWhole && n >= -64 && n <= 64 {
		d, ok := integerPower(x.decimal(), n)
		if !ok {
			return nil
		}
		return m.pushNumber(d, whole)
	}
	l, ok := lnFixed(x.decimal())
	if !ok {
		if x.decimal().sign() == 0 && y.decimal().sign() > 0 {
			return m.pushNumber(decimal{}, whole)
		}
		return nil
	}
	e := new(big.Int).Mul(l, fixed40(y.decimal()))
	d, ok := expFixed(e.Quo(e, one40))
	if !ok {
		return nil
	}
	return m.pushNumber(d, whole)
}

func integerPower(x decimal, n int64) (decimal, bool) {
	r := decimal{coef: 1}
	for range abs64(n) {
		next, ok := r.mul(x)
		if !ok {
			return r, false
		}
		r = next
	}
	if n < 0 {
		return decimal{coef: 1}.quo(r)
	}
	return r, true
}

// The functions below compute with integers that stand for 40 digits behind the point, so that the result is the same on every machine.
// They answer with 20 digits behind the point, or 20 significant ones.

const fixedScale = 40

var (
	one40 = bigPow10(fixedScale)
	ln2   = series(big.NewInt(2))
)

func fixed40(d decimal) *big.Int { return new(big.Int).Mul(d.int(), bigPow10(fixedScale-d.scale)) }

// fromFixed rounds to 20 digits behind the point.
func fromFixed(c *big.Int) (decimal, bool) {
	d, ok := fromBig(roundBig(c, bigPow10(fixedScale-20)), 20)
	return d.trim(0), ok
}

func sqrt(d decimal) (decimal, bool) {
	if d.sign() < 0 {
		return d, false
	}
	c := new(big.Int).Mul(fixed40(d), one40)
	return fromFixed(c.Sqrt(c))
}

// series is ln(x) of a small whole number x by ln(x) = 2 artanh((x-1)/(x+1)).
func series(x *big.Int) *big.Int {
	return artanh(new(big.Int).Mul(new(big.Int).Sub(x, big.NewInt(1)), one40), new(big.Int).Add(x, big.NewInt(1)))
}

// artanh is 2 artanh(num/den), num at 40 digits.
func artanh(num, den *big.Int) *big.Int {
	t := new(big.Int).Quo(num, den)
	square := new(big.Int).Mul(t, t)
	square.Quo(square, one40)
	sum := new(big.Int)
	for k := int64(1); t.Sign() != 0; k += 2 {
		sum.Add(sum, new(big.Int).Quo(t, big.NewInt(k)))
		t.Mul(t, square)
		t.Quo(t, one40)
	}
	return sum.Lsh(sum, 1)
}

// lnFixed is ln(d) at 40 digits; d is halved or doubled into [1, 2) first.
func lnFixed(d decimal) (*big.Int, bool) {
	if d.sign() <= 0 {
		return nil, false
	}
	x, halves := fixed40(d), int64(0)
	two := new(big.Int).Lsh(one40, 1)
	for x.Cmp(two) >= 0 {
		x.Rsh(x, 1)
		halves++
	}
	for x.Cmp(one40) < 0 {
		x.Lsh(x, 1)
		halves--
	}
	num := new(big.Int).Sub(x, one40)
	r := artanh(num.Mul(num, one40), new(big.Int).Add(x, one40))
	return r.Add(r, new(big.Int).Mul(ln2, big.NewInt(halves))), true
}

func ln(d decimal) (decimal, bool) {
	l, ok := lnFixed(d)
	if !ok {
		return d, false
	}
	return fromFixed(l)
}

func exp(d decimal) (decimal, bool) { return expFixed(fixed40(d)) }

// expFixed is e to the power of x, which has 40 digits: 2 to the power of k times e to the power of what remains.
func expFixed(x *big.Int) (decimal, bool) {
	k, r := new(big.Int).QuoRem(x, ln2, new(big.Int))
	if !k.IsInt64() || k.Int64() > 140 {
		return decimal{}, false
	}
	sum, t := new(big.Int).Set(one40), new(big.Int).Set(one40)
	for n := int64(1); t.Sign() != 0; n++ {
		t.Mul(t, r)
		t.Quo(t, one40)
		t.Quo(t, big.NewInt(n))
		sum.Add(sum, t)
	}
	if n := k.Int64(); n >= 0 {
		sum.Lsh(sum, uint(n))
	} else {
		sum.Rsh(sum, uint(min(-n, 1000)))
	}
	return fromFixed(sum)
}
