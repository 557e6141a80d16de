package index

import (
	"bytes"
	"math"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/ward-health/ward/clinical/fhir/tree"
	"github.com/ward-health/ward/clinical/ucum"
)

const ucumSystem = "http://unitsofmeasure.org"

var (
	ucumBytes     = []byte(ucumSystem)
	currencyBytes = []byte("urn:iso:std:iso:4217")
)

// decimal is a number with the interval that its digits stand for.
type decimal struct{ num, low, high float64 }

// Decimal reads a number as JSON writes it: its value, and the interval from low to high that it stands for by its precision.
//
// SPEC(FHIR R4 search.html#number): 100 stands for 99.5 to before 100.5, 100.00 for 99.995 to before 100.005, 1e2 for 95 to before 105.
func Decimal(text []byte) (num, low, high float64, ok bool) {
	mantissa, exponent, negative, ok := digitsOf(text)
	if !ok {
		return 0, 0, 0, false
	}
	num = scaled(float64(mantissa), exponent)
	if !bytes.ContainsRune(text, '.') && bytes.ContainsAny(text, "eE") {
		mantissa, exponent = 10*mantissa, exponent-1 // so the standard counts the digits of 1e2
	}
	low, high = scaled(float64(10*mantissa-5), exponent-1), scaled(float64(10*mantissa+5), exponent-1)
	if negative {
		num, low, high = -num, -high, -low
	}
	return num, low, high, !math.IsInf(low, 0) && !math.IsInf(high, 0)
}

const maxMantissa = 1e15 // more digits than these are rounded away

// digitsOf reads mantissa * 10^exponent.
func digitsOf(text []byte) (mantissa int64, exponent int, negative, ok bool) {
	i, point := 0, false
	if i < len(text) && text[i] == '-' {
		negative = true
		i++
	}
	seen := false
	for ; i < len(text); i++ {
		b := text[i]
		switch {
		case b >= '0' && b <= '9':
			seen = true
			if mantissa < maxMantissa {
				mantissa = mantissa*10 + int64(b-'0')
				if point {
					exponent--
				}
			} else if !point {
				exponent++
			}
		case b == '.' && !point:
			point = true
		case (b == 'e' || b == 'E') && seen:
			e, err := strconv.Atoi(string(text[i+1:]))
			return mantissa, exponent + e, negative, err == nil && e > -400 && e < 400
		default:
			return 0, 0, false, false
		}
	}
	return mantissa, exponent, negative, seen
}

// scaled is m * 10^e, rounded once where the power of ten is exact.
func scaled(m float64, e int) float64 {
	switch {
	case m == 0:
		return 0
	case e >= 0 && e <= 22:
		return m * powers[e]
	case e < 0 && e >= -22:
		return m / powers[-e]
	}
	return rounded(m * math.Pow10(e))
}

var powers = [...]float64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22}

// rounded keeps 13 digits, so that the same quantity has the same number from whichever unit it comes.
func rounded(f float64) float64 {
	if f == 0 || math.IsInf(f, 0) || math.IsNaN(f) {
		return f
	}
	var room [32]byte
	r, err := strconv.ParseFloat(string(strconv.AppendFloat(room[:0], f, 'e', 12, 64)), 64)
	if err != nil {
		return f
	}
	return r
}

// unit is what a UCUM unit is in base units.
type unit struct {
	base   []byte // "m-3.g"; nil: not on a ratio scale, or no unit of UCUM
	factor float64
}

// units remembers units by their text.
type units struct {
	known sync.Map // string -> unit
	n     atomic.Int32
}

const maxUnits = 4096 // that are remembered

func newUnits() *units { return &units{} }

// of returns the unit of a code.
func (u *units) of(code []byte) unit {
	if v, ok := u.known.Load(string(code)); ok {
		return v.(unit)
	}
	v := unit{}
	if parsed, err := ucum.Parse(string(code)); err == nil && !parsed.Special() {
		if f, _ := parsed.Factor().Float64(); f > 0 && !math.IsInf(f, 0) {
			v = unit{base: []byte(parsed.Dimension().String()), factor: f}
		}
	}
	if u.n.Add(1) <= maxUnits {
		u.known.Store(string(code), v)
	}
	return v
}

// CanonicalUnit returns the base units of a UCUM unit ("m-3.g" of "mg/dL") and how many of them it is; ok is false for a unit on a special
// scale (Cel) and for what is no unit of UCUM. Numbers times factor are rounded to 13 digits (Canonical).
func (x *Index) CanonicalUnit(code []byte) (base []byte, factor float64, ok bool) {
	u := x.units.of(code)
	return u.base, u.factor, u.base != nil
}

// Canonical is the number of base units of a number of units: rounded, so that equal quantities are equal numbers.
func Canonical(num, factor float64) float64 { return rounded(float64(num * factor)) }

func (c *Collector) number(n int, m *emit) {
	if num, low, high, ok := Decimal(c.d.Raw(n)); ok && c.d.Nodes[n].Kind == tree.Number {
		v := c.add(m)
		v.Num, v.Low, v.High = num, low, high
	}
}

// quantity takes a Quantity (Age, Duration, ...): as it is written, and in base units.
func (c *Collector) quantity(n int, m *emit) {
	q, ok := c.decimalOf(c.d.Member(n, "value"))
	if !ok {
		return
	}
	switch string(c.member(n, "comparator")) {
	case "<", "<=":
		q.low = -infinite
	case ">", ">=":
		q.high = infinite
	}
	c.measured(m, q, c.member(n, "system"), c.member(n, "code"), c.member(n, "unit"))
}

func (c *Collector) decimalOf(n int) (decimal, bool) {
	if n == tree.None || c.d.Nodes[n].Kind != tree.Number {
		return decimal{}, false
	}
	num, low, high, ok := Decimal(c.d.Raw(n))
	return decimal{num, low, high}, ok
}

// measured adds a quantity of a unit.
func (c *Collector) measured(m *emit, q decimal, system, code, text []byte) {
	v := c.add(m)
	v.Num, v.Low, v.High = q.num, q.low, q.high
	v.System, v.Code = system, code
	if code == nil {
		v.System, v.Code = nil, text
	}
	if code == nil || !bytes.Equal(system, ucumBytes) {
		return
	}
	u := c.t.units.of(code)
	if u.base == nil {
		return
	}
	v = c.add(m)
	v.Form, v.System, v.Code = InBaseUnits, ucumBytes, u.base
	v.Num, v.Low, v.High = Canonical(q.num, u.factor), Canonical(q.low, u.factor), Canonical(q.high, u.factor)
}

// money takes an amount in its currency.
func (c *Collector) money(n int, m *emit) {
	if q, ok := c.decimalOf(c.d.Member(n, "value")); ok {
		currency := c.member(n, "currency")
		var system []byte
		if currency != nil {
			system = currencyBytes
		}
		c.measured(m, q, system, currency, nil)
	}
}

// rangeOf takes a Range: from the low end of low to the high end of high.
func (c *Collector) rangeOf(n int, m *emit) {
	low, high := c.d.Member(n, "low"), c.d.Member(n, "high")
	q := decimal{math.NaN(), -infinite, infinite}
	unitAt := tree.None
	for _, end := range [...]int{low, high} {
		if end == tree.None || c.d.Nodes[end].Kind != tree.Object {
			continue
		}
		if e, ok := c.decimalOf(c.d.Member(end, "value")); ok {
			unitAt = end
			if end == low {
				q.low = e.low
			} else {
				q.high = e.high
			}
		}
	}
	if unitAt == tree.None {
		return
	}
	if m.kind == Number {
		v := c.add(m)
		v.Num, v.Low, v.High = q.num, q.low, q.high
		return
	}
	c.measured(m, q, c.member(unitAt, "system"), c.member(unitAt, "code"), c.member(unitAt, "unit"))
}

// sampled takes SampledData: from the least to the greatest of what was sampled, in the units of the origin.
//
// SPEC(FHIR R4 datatypes.html#SampledData): a point is origin + data * factor; E is an error, L and U are beyond the limits of detection.
func (c *Collector) sampled(n int, m *emit) {
	origin := c.d.Member(n, "origin")
	if origin == tree.None || c.d.Nodes[origin].Kind != tree.Object {
		return
	}
	zero, ok := c.decimalOf(c.d.Member(origin, "value"))
	if !ok {
		return
	}
	factor := 1.0
	if f, ok := c.decimalOf(c.d.Member(n, "factor")); ok {
		factor = f.num
	}
	q := decimal{math.NaN(), infinite, -infinite}
	for data := c.member(n, "data"); len(data) > 0; {
		word := data
		if i := bytes.IndexByte(data, ' '); i >= 0 {
			word, data = data[:i], data[i+1:]
		} else {
			data = nil
		}
		num, _, _, ok := Decimal(word)
		switch {
		case ok:
			at := rounded(zero.num + float64(num*factor))
			q.low, q.high = min(q.low, at), max(q.high, at)
		case string(word) == "L":
			q.low = -infinite
		case string(word) == "U":
			q.high = infinite
		}
	}
	if q.low <= q.high {
		c.measured(m, q, c.member(origin, "system"), c.member(origin, "code"), c.member(origin, "unit"))
	}
}
