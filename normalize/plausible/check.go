package plausible

import (
	"math/big"
	"slices"
	"sync"

	"github.com/ward-health/ward/clinical/terminology"
	"github.com/ward-health/ward/clinical/ucum"
)

// Check judges one fact. Findings stand in a fixed order: physics, hard limits, the laboratory's range and flags, scale,
// delta. A fact without value, or of an analyte without row, has none.
func Check(f Fact) []Finding {
	if f.Value == nil || f.Analyte.Code == "" {
		return nil
	}
	if f.Unit == "" {
		f.Unit = f.Analyte.Unit
	}
	out := possible(f)
	if len(out) == 0 {
		out = limits(f)
	}
	s, said := f.span()
	out = append(out, said...)
	out = append(out, flags(f, s)...)
	out = append(out, scale(f, s)...)
	return append(out, delta(f, s)...)
}

// Hold reports whether the findings keep the fact from being used before a person has looked at it: what is impossible,
// implausible or under a wrong unit does, an earlier value of the patient being one way to tell; what is abnormal never does; flags,
// a large step from the earlier value and panel only accompany the fact.
func Hold(findings []Finding) bool {
	return slices.ContainsFunc(findings, func(f Finding) bool {
		return f.Level == Impossible || f.Level == Implausible || f.Code == UnitMislabelled
	})
}

// possible holds the value against physics: no amount is negative, no fraction over the whole, pH between 0 and 14, nothing
// colder than 0 K.
func possible(f Fact) []Finding {
	low, high := bounds(f.Analyte)
	if low != nil && f.Value.Cmp(low) < 0 {
		return []Finding{f.found(Impossible, BelowPossible, "under "+ucum.Text(low, 2))}
	}
	if high != nil && f.Value.Cmp(high) > 0 && !below(f) {
		return []Finding{f.found(Impossible, AbovePossible, "over "+ucum.Text(high, 2))}
	}
	return nil
}

func bounds(a terminology.Analyte) (low, high *big.Rat) {
	switch a.Property {
	case "MFr", "SFr", "NFr", "VFr":
		whole := big.NewRat(100, 1)
		if a.Unit == "mmol/mol" {
			whole = big.NewRat(1000, 1)
		}
		return new(big.Rat), whole
	case "LsCnc":
		return new(big.Rat), big.NewRat(14, 1)
	case "Temp":
		return big.NewRat(-27315, 100), nil
	}
	if number(a.Low).Sign() < 0 { // base excess, anion gap: differences
		return nil, nil
	}
	return new(big.Rat), nil
}

// limits holds the value against the hard limits of the code. "<0.01" says nothing about the lower one.
func limits(f Fact) []Finding {
	a := f.Analyte
	switch {
	case f.Value.Cmp(number(a.Low)) < 0 && !below(f):
		return []Finding{f.found(Implausible, BelowPlausible, "hard limit "+a.Low+" "+a.Unit)}
	case f.Value.Cmp(number(a.High)) > 0:
		return []Finding{f.found(Implausible, AbovePlausible, "hard limit "+a.High+" "+a.Unit)}
	}
	return nil
}

// below reports whether the value is only an upper bound.
func below(f Fact) bool { return f.Comparator == "<" || f.Comparator == "<=" }

// number reads a limit of a row; the rows are checked by the tests of terminology.
// The result is not to be changed.
func number(s string) *big.Rat { return numberOf(s).exact }

func numberOf(s string) limit {
	if x, ok := numbers.Load(s); ok {
		return x.(limit)
	}
	x := limit{exact: new(big.Rat)}
	if r, err := ucum.ParseDecimal(s); err == nil {
		x.exact = r
	}
	x.near, _ = x.exact.Float64()
	numbers.Store(s, x)
	return x
}

// limit is a number of a row, and the float64 that is nearest to it.
type limit struct {
	exact *big.Rat
	near  float64
}

// numbers remembers the limits of the rows, of which there are as many as the table has.
var numbers sync.Map

// found makes a finding with the value as first evidence.
func (f Fact) found(level Level, code string, evidence ...string) Finding {
	return Finding{Level: level, Code: code, Evidence: append([]string{f.Analyte.Code + " " + f.Comparator + short(f.Value) + " " + f.Analyte.Unit}, evidence...)}
}

// short writes a value for evidence with about four significant digits.
func short(r *big.Rat) string {
	x, _ := r.Float64()
	return brief(x)
}
