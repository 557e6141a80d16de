package engine

import (
	"math"
	"math/big"
)

// The functions here are the ones of FreeBSD's msun (e_log.c, e_exp.c; Copyright (C) 1993 by Sun Microsystems, Inc.; permission
// to use, copy, modify, and distribute is freely granted, provided that this notice is preserved), with every product held
// back from fusion. The conversion float64(a*b) rounds, so no compiler may merge it into a following addition (Go
// specification, Floating-point operators).
const (
	ln2Hi = 6.93147180369123816490e-01
	ln2Lo = 1.90821492927058770002e-10
	log2e = 1.44269504088896338700e+00
)

// ln returns the natural logarithm of a positive finite normal number, NaN for anything else.
func ln(x float64) float64 {
	if !(x >= 0x1p-1022) || x > math.MaxFloat64 {
		return math.NaN()
	}
	const (
		l1 = 6.666666666666735130e-01
		l2 = 3.999999999940941908e-01
		l3 = 2.857142874366239149e-01
		l4 = 2.222219843214978396e-01
		l5 = 1.818357216161805012e-01
		l6 = 1.531383769920937332e-01
		l7 = 1.479819860511658591e-01
	)
	// x = f1 * 2^e with sqrt(2)/2 <= f1 < sqrt(2), read from the bits.
	bits := math.Float64bits(x)
	e := int(bits>>52&0x7ff) - 1022
	f1 := math.Float64frombits(bits&^(0x7ff<<52) | 1022<<52)
	if f1 < math.Sqrt2/2 {
		f1 += f1
		e--
	}
	f, k := f1-1, float64(e)
	s := f / (2 + f)
	s2 := float64(s * s)
	s4 := float64(s2 * s2)
	t1 := float64(s2 * (l1 + float64(s4*(l3+float64(s4*(l5+float64(s4*l7)))))))
	t2 := float64(s4 * (l2 + float64(s4*(l4+float64(s4*l6)))))
	r := t1 + t2
	half := float64(float64(0.5*f) * f)
	tail := float64(s*(half+r)) + float64(k*ln2Lo)
	return float64(k*ln2Hi) - ((half - tail) - f)
}

// exp returns e to the x for |x| <= 700, NaN for anything else.
func exp(x float64) float64 {
	if !(x >= -700 && x <= 700) {
		return math.NaN()
	}
	const (
		p1 = 1.66666666666666657415e-01
		p2 = -2.77777777770155933842e-03
		p3 = 6.61375632143793436117e-05
		p4 = -1.65339022054652515390e-06
		p5 = 4.13813679705723846039e-08
	)
	half := 0.5
	if x < 0 {
		half = -0.5
	}
	k := int(float64(log2e*x) + half)
	hi := x - float64(float64(k)*ln2Hi)
	lo := float64(float64(k) * ln2Lo)
	r := hi - lo
	t := float64(r * r)
	c := r - float64(t*(p1+float64(t*(p2+float64(t*(p3+float64(t*(p4+float64(t*p5)))))))))
	y := 1 - ((lo - float64(r*c)/(2-c)) - hi)
	return float64(y * math.Float64frombits(uint64(k+1023)<<52))
}

// pow returns x to the y for positive x, exact at x = 1 and y = 0, else within a few units of the last place while |y ln x| is small.
func pow(x, y float64) float64 {
	if x == 1 || y == 0 {
		return 1
	}
	return exp(float64(y * ln(x)))
}

// Round returns x rounded to the given number of decimals, half away from zero, decided on the exact value of x and
// returned as the nearest float64.
func Round(x float64, decimals int) float64 {
	r := new(big.Rat).SetFloat64(x)
	if r == nil {
		return math.NaN()
	}
	r, _ = new(big.Rat).SetString(r.FloatString(decimals))
	f, _ := r.Float64()
	return f
}
