package ucum

import "math/big"

// base numbers the dimensions. Arbitrary units come after the physical ones, each a dimension of its own.
type base int

const (
	length base = iota
	duration
	mass
	angle
	temperature
	charge
	luminosity
	substance  // mol; UCUM calls it a pure number, here it is kept apart from counts
	equivalent // eq; mmol and meq differ by the valence
	osmole
	international // [IU]
	arbitrary     // [arb'U]
	gpl           // [GPL'U]
	mpl           // [MPL'U]
	apl           // [APL'U]
	highField     // [HPF]
	lowField      // [LPF]
	drop          // [drp]
	colony        // [CFU]
	plaque        // [PFU]
	bases
)

// Dimension is the vector of exponents over the base dimensions. Two units are commensurable when their dimensions
// are equal.
type Dimension [bases]int16

// Unit is a parsed unit. The zero Unit is not usable; Parse makes one.
type Unit struct {
	text    string
	factor  *big.Rat // how many base units one of this unit is; nil for a special unit
	dim     Dimension
	special string // name of the special atom with its prefix, "" for units on a ratio scale
}

// String returns the text that was parsed.
func (u Unit) String() string { return u.text }

// Factor returns a copy of the size of the unit in base units (m, s, g, rad, K, C, cd, mol, eq, osm), nil for a special unit.
func (u Unit) Factor() *big.Rat {
	if u.factor == nil {
		return nil
	}
	return new(big.Rat).Set(u.factor)
}

// Dimension returns the exponents.
func (u Unit) Dimension() Dimension { return u.dim }

// Special reports whether the unit is on a scale that is not a ratio scale (Cel, pH ...).
func (u Unit) Special() bool { return u.special != "" }

// Commensurable reports whether a value in u can be expressed in v without knowledge about the substance.
func (u Unit) Commensurable(v Unit) bool {
	if u.factor == nil || v.factor == nil {
		return u.special != "" && u.special == v.special
	}
	return u.dim == v.dim
}

// Equal reports whether u and v are the same size of the same dimension, however written (mL and cm3).
func (u Unit) Equal(v Unit) bool {
	return u.Commensurable(v) && (u.factor == nil || u.factor.Cmp(v.factor) == 0)
}
