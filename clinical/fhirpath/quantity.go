package fhirpath

import (
	"math/big"

	"github.com/ward-health/ward/clinical/ucum"
)

// relation says how two units are related.
type relation uint8

const (
	otherKind relation = iota // they measure different things, or one is no unit that is known
	sameKind                  // values in one can be expressed in the other
	uncertain                 // a year or month of the calendar against a duration of fixed length
)

// unitText is the unit of a Quantity, or of a number: 1.
func (v *Value) unitText() string {
	if v.kind != KindQuantity || v.text == "" {
		return "1"
	}
	return v.text
}

// compareQuantities orders two quantities, one of which may be a number.
//
// SPEC(FHIRPath N1 6.1.1, 6.2): units are converted to the most granular of the two; of different dimensions there is no result.
// SPEC(FHIRPath N1 4.1.8.1): year and month of the calendar are not comparable with a and mo; week and shorter are equal to their UCUM units.
func compareQuantities(x, y *Value) (order int, r relation) {
	a, b := asWritten(x, y)
	x, y = &a, &b
	if x.unitText() == y.unitText() && (x.sub == 0) == (y.sub == 0) || x.sub != 0 && x.sub == y.sub {
		return x.decimal().cmp(y.decimal()), sameKind
	}
	p, q, r := commensurate(x, y)
	if r != sameKind {
		return 0, r
	}
	return p.Cmp(q), sameKind
}

// asWritten gives a Quantity of FHIR its unit of UCUM back, unless the other one is of the calendar.
func asWritten(x, y *Value) (a, b Value) {
	a, b = *x, *y
	if x.inUCUM() && y.inUCUM() {
		return roughly(x), roughly(y)
	}
	return a, b
}

// inUCUM reports whether the unit was written in UCUM.
func (v *Value) inUCUM() bool { return v.kind != KindQuantity || v.sub == 0 || v.tz == 1 }

// commensurate returns both values in one unit.
func commensurate(x, y *Value) (a, b *big.Rat, r relation) {
	v, w := asWritten(x, y)
	x, y = &v, &w
	if long(x) || long(y) {
		if long(x) && long(y) && x.sub != 0 && y.sub != 0 {
			return months(x), months(y), sameKind
		}
		return nil, nil, uncertain
	}
	from, err1 := ucum.Parse(x.code())
	to, err2 := ucum.Parse(y.code())
	if err1 != nil || err2 != nil || !from.Commensurable(to) {
		return nil, nil, otherKind
	}
	a, err1 = ucum.Convert(x.decimal().rat(), from, to)
	if err1 != nil {
		return nil, nil, otherKind
	}
	return a, y.decimal().rat(), sameKind
}

// long reports whether the unit is a year or month of the calendar.
func long(v *Value) bool {
	return v.kind == KindQuantity && (unit(v.sub) == unitYear || unit(v.sub) == unitMonth)
}

func months(v *Value) *big.Rat {
	r := v.decimal().rat()
	if unit(v.sub) == unitYear {
		r.Mul(r, big.NewRat(12, 1))
	}
	return r
}

// code is the UCUM unit of a Quantity; a week and shorter have one.
func (v *Value) code() string {
	if v.kind == KindQuantity && v.sub != 0 {
		return definite[v.sub]
	}
	return v.unitText()
}

// equivalentQuantities compares after rounding both to the precision of the less precise one.
func equivalentQuantities(x, y *Value) bool {
	if x.unitText() == y.unitText() && x.sub == y.sub || x.sub != 0 && x.sub == y.sub {
		return equivalentDecimals(x.decimal(), y.decimal())
	}
	if long(x) || long(y) { // a year is about an a
		a, b := roughly(x), roughly(y)
		x, y = &a, &b
	}
	a, b, r := commensurate(x, y)
	if r != sameKind {
		return false
	}
	if a.Cmp(b) == 0 {
		return true
	}
	// one unit of the last place of each, in the unit of y
	u, err1 := ucum.Parse(x.code())
	v, err2 := ucum.Parse(y.code())
	if err1 != nil || err2 != nil {
		return false
	}
	placeX, err := ucum.Convert(place(x), u, v)
	if err != nil {
		return false
	}
	coarse := place(y)
	if placeX.Cmp(coarse) > 0 {
		coarse = placeX
	}
	return roundTo(a, coarse).Cmp(roundTo(b, coarse)) == 0
}

// roughly makes the UCUM unit of a calendar unit.
//
// SPEC(FHIRPath N1 4.1.8.1): for equivalence a year is equivalent to 'a' and a month to 'mo'.
func roughly(v *Value) Value {
	w := *v
	if w.kind == KindQuantity && w.sub != 0 {
		w.text, w.sub, w.tz = definite[w.sub], 0, 0
	}
	return w
}

func place(v *Value) *big.Rat {
	return new(big.Rat).SetFrac(big.NewInt(1), bigPow10(v.decimal().trim(0).scale))
}

// roundTo is the count of units, rounded half away from zero.
func roundTo(r, unit *big.Rat) *big.Int {
	q := new(big.Rat).Quo(r, unit)
	return roundBig(q.Num(), q.Denom())
}

// express returns the value of x in the unit of y.
func express(x, y *Value) (*big.Rat, bool) {
	a, _, r := commensurate(x, y)
	if r != sameKind {
		return nil, false
	}
	if unit(y.sub) == unitYear && (y.tz == 0 || !x.inUCUM()) { // commensurate gave months
		a.Quo(a, big.NewRat(12, 1))
	}
	return a, true
}
