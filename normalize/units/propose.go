package units

import (
	"math/big"
	"slices"
	"strings"

	"github.com/ward-health/ward/clinical/terminology"
	"github.com/ward-health/ward/clinical/ucum"
)

// mismatch is the doubt about a text that is known but fits the code in none of its meanings. A meaning that a sibling code
// would take is the likeliest.
func mismatch(a terminology.Analyte, known []ucum.Unit, value *big.Rat, plain, text string) *Doubt {
	said := "unit " + clip(text)
	var other []string
	for _, u := range known {
		if u.String() != text && !slices.Contains(other, u.String()) {
			other = append(other, u.String())
		}
	}
	if len(other) > 0 {
		said += " may mean " + strings.Join(other, " or ")
	}
	for _, u := range known {
		if _, ok := taker(a, u); ok {
			return contradiction(a, u, value, plain, said)
		}
	}
	return contradiction(a, known[0], value, plain, said)
}

// taker returns the sibling code that a result in u belongs to.
func taker(a terminology.Analyte, u ucum.Unit) (terminology.Analyte, bool) {
	for _, s := range terminology.Siblings(a.Code) {
		if s.Fits(u) {
			return s, true
		}
	}
	return terminology.Analyte{}, false
}

// contradiction is the doubt about a unit whose kind is not that of the code. Nothing is converted: either the code is wrong
// or the unit, and only somebody who knows the sender can say which.
func contradiction(a terminology.Analyte, u ucum.Unit, value *big.Rat, plain, said string) *Doubt {
	d := &Doubt{Class: ClassUnit, Reason: DimensionMismatch, Evidence: []string{said + " is of another kind than the code", "code " + a.Code + " has property " + a.Property + " and is kept in " + a.Unit}}
	if s, ok := taker(a, u); ok {
		d.Proposal = &Proposal{Unit: u.String(), Value: plain, Code: s.Code, Why: "the unit belongs to " + s.Code + ", the same component with property " + s.Property}
		return d
	}
	to, err := ucum.Parse(a.Unit)
	if err != nil {
		return d
	}
	if arbitrary(u) != arbitrary(to) {
		d.Reason = ArbitraryUnit
		return d
	}
	if !molar(u, to) {
		return d
	}
	d.Reason = NoMolarMass
	if v, step, err := a.Convert(value, u, to); err == nil {
		d.Reason = NeedsMolarMass
		d.Proposal = &Proposal{Unit: a.Unit, Value: round(v, max(significant(plain), carried)), Why: step}
	}
	return d
}

// arbitrary reports whether u counts units that an assay defines.
func arbitrary(u ucum.Unit) bool {
	dim := u.Dimension()
	for _, s := range []string{"[IU]", "[arb'U]", "[GPL'U]", "[MPL'U]", "[APL'U]"} {
		v, err := ucum.Parse(s)
		if err != nil {
			continue
		}
		for i, e := range v.Dimension() {
			if e != 0 && dim[i] != 0 {
				return true
			}
		}
	}
	return false
}

// molar reports whether both units count mass, substance or equivalents and are alike otherwise.
func molar(u, v ucum.Unit) bool {
	if u.Special() || v.Special() || u.Dimension() == v.Dimension() {
		return false
	}
	du, dv := u.Dimension(), v.Dimension()
	inU, inV := false, false
	for _, s := range []string{"g", "mol", "eq"} {
		b, err := ucum.Parse(s)
		if err != nil {
			return false
		}
		for i, e := range b.Dimension() {
			if e != 0 {
				inU, inV = inU || du[i] == 1, inV || dv[i] == 1
				du[i], dv[i] = 0, 0
			}
		}
	}
	return inU && inV && du == dv
}
