package plausible

import (
	"math"
	"math/big"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/ward-health/ward/clinical/terminology"
	"github.com/ward-health/ward/clinical/ucum"
)

// Tolerances of the scale test, as ratios. Laboratories differ in their ranges; units differ by more.
const (
	near      = 1.7  // a ratio this close to a factor is explained by it
	apart     = 1.5  // the middle of a range this close to the usual one is right
	apartOpen = 1.8  // the same for the one end of an open range
	far       = 4.0  // an end or middle this far away, and by no factor, is suspect
	beyond    = 1.25 // a value this far outside of the usual range may be of another unit, where there is no range
	steady    = 1.6  // an earlier value this close confirms the unit
)

// factor is a way in which a number may have got under a wrong unit: ratio is what it reads as over what it is.
type factor struct {
	ratio float64
	unit  string // UCUM, what the number is in; empty: the sent unit
	code  string // the code it then belongs to; empty: the same
	why   string
}

// factors lists, for a number sent in unit, the other units in use for the code and for its siblings, the component that is
// taken for it, and, with tens, the powers of ten. Ratios come from units and molecular formulas.
func factors(a terminology.Analyte, unit string, tens bool) []factor {
	key := factorKey{a.Code, unit, tens}
	if have, ok := computed.Load(key); ok {
		return have.([]factor)
	}
	out := computeFactors(a, unit, tens)
	if computedCount.Add(1) > maxComputed {
		computed.Clear()
		computedCount.Store(0)
	}
	computed.Store(key, out)
	return out
}

// computed remembers factors, which depend on nothing but the rows: at most maxComputed lists, then all are forgotten.
var (
	computed      sync.Map
	computedCount atomic.Int64
)

const maxComputed = 4096

type factorKey struct {
	code, unit string
	tens       bool
}

func computeFactors(a terminology.Analyte, unit string, tens bool) []factor {
	sent, err := ucum.Parse(unit)
	to, err2 := ucum.Parse(a.Unit)
	if err != nil || err2 != nil || sent.Special() {
		return nil
	}
	read := size(a, sent, to)
	var out []factor
	add := func(code string, units []string) {
		for _, s := range units {
			w, err := ucum.Parse(s)
			if err != nil || w.Equal(sent) {
				continue
			}
			if is := size(a, w, to); is > 0 && read > 0 {
				out = append(out, factor{read / is, s, code, "the number fits " + s})
			}
		}
	}
	add("", a.Units)
	for _, s := range terminology.Siblings(a.Code) {
		add(s.Code, s.Units)
	}
	out = append(out, mistaken(a, sent)...)
	if tens {
		for _, k := range []int{1, -1, 2, -2, 3, -3, 6, -6} {
			out = append(out, factor{ratio: pow10(k), why: "the number is off by a power of ten"})
		}
	}
	return out
}

// size is how many canonical units one of w is, 0 if that cannot be said.
func size(a terminology.Analyte, w, to ucum.Unit) float64 {
	if w.Special() {
		return 0
	}
	r, _, err := a.Convert(big.NewRat(1, 1), w, to)
	if err != nil {
		return 0
	}
	x, _ := r.Float64()
	return x
}

// others are the molecules that share a name with the component: urea is reported as urea and as its nitrogen, phosphate as
// phosphorus and as the ion.
var others = map[string]struct{ formula, code, why string }{
	"urea nitrogen": {"CH4N2O", "3091-6", "the number fits urea instead of urea nitrogen"},
	"urea":          {"N2", "3094-0", "the number fits urea nitrogen instead of urea"},
	"phosphate":     {"O4P", "", "the number fits the phosphate ion instead of phosphorus"},
}

// mistaken are the factors between a component and the one that is taken for it: of the masses, where mass is sent.
func mistaken(a terminology.Analyte, sent ucum.Unit) []factor {
	o, ok := others[a.Component]
	gram, err := ucum.Parse("g/L")
	if !ok || err != nil || !sent.Commensurable(gram) {
		return nil
	}
	own, err1 := ucum.MolarMass(a.Formula)
	alias, err2 := ucum.MolarMass(o.formula)
	if err1 != nil || err2 != nil {
		return nil
	}
	x, _ := new(big.Rat).Quo(alias, own).Float64()
	return []factor{{ratio: x, code: o.code, why: o.why}}
}

func pow10(k int) float64 {
	x := 1.0
	for range max(k, -k) {
		x *= 10
	}
	if k < 0 {
		return 1 / x
	}
	return x
}

// away is the ratio of two positive numbers, at least 1.
func away(x, y float64) float64 { return max(x/y, y/x) }

// nearest returns the factor that explains ratio best, and how far it is from it.
func nearest(fs []factor, ratio float64) (factor, float64) {
	best, at := factor{}, math.Inf(1)
	for _, f := range fs {
		if d := away(ratio, f.ratio); d < at*0.999 { // named units stand before bare powers of ten
			best, at = f, d
		}
	}
	return best, at
}

// scale asks whether the numbers fit another unit than the one they were sent with.
func scale(f Fact, s span) []Finding {
	if f.Analyte.Property == "Temp" {
		return degrees(f)
	}
	el := float(f.Analyte.ExpectLow)
	eh := float(f.Analyte.ExpectHigh)
	v, _ := f.Value.Float64()
	if el <= 0 || v <= 0 {
		return nil
	}
	ratio, open, ok := middle(s, el, eh)
	if !ok {
		return bare(f, v, el, eh)
	}
	limit := apart
	if open {
		limit = apartOpen
	}
	if off := away(ratio, 1); off > limit {
		if by, d := nearest(factors(f.Analyte, f.Unit, true), ratio); d < near && d*d < off {
			return []Finding{f.mislabelled(by, "the reference range is "+brief(ratio)+" times the usual one")}
		} else if off > far {
			return []Finding{f.found(Inconsistent, ScaleSuspect, "the reference range is "+brief(ratio)+" times the usual one")}
		}
		return nil
	}
	return slipped(f, s, v, el, eh)
}

// middle compares the range with the usual one: the geometric middle, or the one end of an open range.
func middle(s span, el, eh float64) (ratio float64, open, ok bool) {
	switch {
	case s.low != nil && s.high != nil && s.low.Sign() > 0:
		low, _ := s.low.Float64()
		high, _ := s.high.Float64()
		return math.Sqrt(low * high / (el * eh)), false, true
	case s.high != nil && s.high.Sign() > 0:
		high, _ := s.high.Float64()
		return high / eh, true, true
	case s.high == nil && s.low != nil && s.low.Sign() > 0:
		low, _ := s.low.Float64()
		return low / el, true, true
	}
	return 0, false, false
}

// slipped judges a value whose range is in the right unit: far outside it is news, unless the laboratory calls it normal.
func slipped(f Fact, s span, v, el, eh float64) []Finding {
	if s.holds(f.Value) || v >= el && v <= eh {
		return nil
	}
	var by *factor
	for _, c := range factors(f.Analyte, f.Unit, true) {
		is := new(big.Rat).SetFloat64(v / c.ratio)
		if away(c.ratio, 1) > near && is != nil && s.holds(is) {
			by = &c
			break
		}
	}
	switch {
	case by == nil:
		return nil
	case f.Comparator == "" && slices.Contains(f.Flags, "N"):
		return []Finding{f.mislabelled(*by, "flagged normal, and outside of the range "+clip(f.Range))}
	case v > eh*far || v < el/far:
		return []Finding{f.found(Inconsistent, ScaleSuspect, by.why)}
	}
	return nil
}

// bare judges a value that comes without a usable range, as vital signs do, by the value alone: outside of the usual range,
// and inside if the number is in another unit in use. An earlier value of about the same size confirms the unit.
func bare(f Fact, v, el, eh float64) []Finding {
	if f.Child || v <= eh*beyond && v >= el/beyond || f.Comparator != "" {
		return nil
	}
	for _, p := range f.Previous {
		if p.Value == nil {
			continue
		}
		if x, _ := p.Value.Float64(); x > 0 && away(v, x) < steady {
			return nil
		}
	}
	for _, c := range factors(f.Analyte, f.Unit, false) {
		if is := v / c.ratio; away(c.ratio, 1) > near && is >= el && is <= eh {
			return []Finding{f.mislabelled(c, "no reference range")}
		}
	}
	return nil
}

// degrees judges a temperature: a number that is usual on the other scale, and not on its own.
func degrees(f Fact) []Finding {
	sent, err := ucum.Parse(f.Unit)
	to, err2 := ucum.Parse(f.Analyte.Unit)
	if err != nil || err2 != nil || f.within(f.Value) {
		return nil
	}
	n, _, err := f.Analyte.Convert(f.Value, to, sent)
	if err != nil {
		return nil
	}
	for _, s := range f.Analyte.Units {
		w, err := ucum.Parse(s)
		if err != nil || w.Equal(sent) {
			continue
		}
		if is, _, err := f.Analyte.Convert(n, w, to); err == nil && f.within(is) {
			return []Finding{f.mislabelled(factor{unit: s, why: "the number fits " + s}, "no other unit fits")}
		}
	}
	return nil
}

// within reports whether v is in the usual range.
func (f Fact) within(v *big.Rat) bool {
	return v.Cmp(number(f.Analyte.ExpectLow)) >= 0 && v.Cmp(number(f.Analyte.ExpectHigh)) <= 0
}

// mislabelled makes the finding that holds.
func (f Fact) mislabelled(by factor, evidence string) Finding {
	out := f.found(Inconsistent, UnitMislabelled, evidence, by.why)
	if by.unit != "" || by.code != "" {
		out.Proposal = &Proposal{Unit: by.unit, Code: by.code, Why: by.why}
	}
	return out
}

// brief writes a number for evidence.
func brief(x float64) string { return strconv.FormatFloat(x, 'g', 4, 64) }
