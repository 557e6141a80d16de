package plausible

import (
	"math"
	"math/big"
	"slices"

	"github.com/ward-health/ward/clinical/terminology"
)

// same is how close to 1 the ratio of two units is when it does not matter which of them was meant: mmol/L and meq/L of sodium.
const same = 1.02

// Rivals returns the other units, and codes, in which the number as sent could just as well be meant: what nothing in this one
// result, nor an earlier one of the patient, rules out. The laboratory's range rules out a unit in which its middle would be far
// from the usual one, unless the value is outside of the range and would be inside in that unit: then the value alone may be in it.
// Without a range only the hard limits rule out. A fact with a rival is no error and not held; whether its unit is the
// one that was sent only its sender can say. Units that a number may stand under for a power of ten alone are not looked at.
func Rivals(f Fact) (out []Proposal) {
	for _, c := range rivals(f) {
		out = append(out, Proposal{Unit: c.unit, Code: c.code, Why: c.why})
	}
	return out
}

func rivals(f Fact) (out []factor) {
	v, _ := positive(f.Value)
	el := float(f.Analyte.ExpectLow)
	eh := float(f.Analyte.ExpectHigh)
	if v <= 0 || f.Analyte.Code == "" {
		return nil
	}
	if f.Unit == "" {
		f.Unit = f.Analyte.Unit
	}
	s, said := f.span()
	q, open, ranged := middle(s, el, eh)
	ranged = ranged && el > 0 && !foreign(said)
	limit := apart
	if open {
		limit = apartOpen
	}
	for _, c := range factors(f.Analyte, f.Unit, false) {
		switch {
		case away(c.ratio, 1) < same,
			ranged && away(q/c.ratio, 1) > limit && !f.alone(s, v/c.ratio, c.ratio),
			!f.fits(v / c.ratio),
			f.earlier(v, v/c.ratio):
			continue
		}
		out = append(out, c)
	}
	return out
}

// alone reports whether the value, and not the range, could be in the other unit: it is outside of the range as it is read, and inside
// as it would be.
func (f Fact) alone(s span, is, ratio float64) bool {
	r := new(big.Rat).SetFloat64(is)
	return away(ratio, 1) > near && r != nil && f.Comparator == "" && !s.holds(f.Value) && s.holds(r)
}

// foreign reports whether the range speaks of another unit than the value: then it says nothing about the value's.
func foreign(said []Finding) bool {
	return slices.ContainsFunc(said, func(f Finding) bool { return f.Code == RangeUnit })
}

func positive(r *big.Rat) (float64, bool) {
	if r == nil {
		return 0, false
	}
	return r.Float64()
}

// fits reports whether an amount in the canonical unit is within the hard limits of the code.
func (f Fact) fits(is float64) bool {
	low := float(f.Analyte.Low)
	high := float(f.Analyte.High)
	return is >= low && is <= high
}

// earlier reports whether the patient's earlier value tells the two amounts apart: the one is near it and the other further from it
// than such values move.
func (f Fact) earlier(read, is float64) bool {
	x := f.last()
	return x > 0 && away(read, x) < steady && away(is, x) > max(f.moves(), steady)
}

// Wants reports whether the patient's earlier values could change what is thought of the fact: it is a plain number, and further from
// usual than half of how wide usual values lie, or could be meant in another unit.
func Wants(f Fact) bool {
	if f.Value == nil || f.Value.Sign() <= 0 || f.Comparator != "" || f.Analyte.ExpectLow == "" {
		return false
	}
	el, eh, v := float(f.Analyte.ExpectLow), float(f.Analyte.ExpectHigh), 0.0
	if v, _ = f.Value.Float64(); el > 0 && (v > eh*math.Sqrt(eh/el) || v < el/math.Sqrt(eh/el)) {
		return true
	}
	return slices.ContainsFunc(rivals(f), func(c factor) bool { return away(c.ratio, 1) > steady })
}

func float(s string) float64 { return numberOf(s).near }

// SameRange reports whether two reference ranges, as laboratories write them, are one; one that cannot be read is none.
func SameRange(a, b string) bool {
	x, okA := parse(a)
	y, okB := parse(b)
	return okA && okB && x.unit == y.unit && end(x.low, x.lowIn, y.low, y.lowIn) && end(x.high, x.highIn, y.high, y.highIn)
}

// ReadableRange reports whether a reference range can be read.
func ReadableRange(text string) bool {
	s, ok := parse(text)
	return ok && !s.empty()
}

func end(a *big.Rat, aIn bool, b *big.Rat, bIn bool) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return aIn == bIn && a.Cmp(b) == 0
}

// Explain names the unit, or the sibling code, that numbers under a unit would be in if they read as ratio times what they are; false if none
// in use is as far away. A power of ten alone explains nothing.
func Explain(a terminology.Analyte, unit string, ratio float64) (Proposal, bool) {
	by, off := nearest(factors(a, unit, false), ratio)
	if off > explained || away(by.ratio, 1) < same {
		return Proposal{}, false
	}
	return Proposal{Unit: by.unit, Code: by.code, Why: by.why}, true
}

// explained is how close to the ratio of two units the ratio of two medians must be.
const explained = 1.12
