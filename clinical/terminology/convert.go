package terminology

import (
	"math/big"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/clinical/ucum"
)

var (
	gram, mole, equivalent = must("g"), must("mol"), must("eq")
	celsius, fahrenheit    = must("Cel"), must("[degF]")
	kelvin                 = must("K")
)

func must(s string) ucum.Unit {
	u, err := ucum.Parse(s)
	if err != nil {
		panic("terminology: unit " + s)
	}
	return u
}

// Convert expresses value, given in from, in to, for this analyte, and returns the step in words for the evidence: empty if
// the units are the same size. Inside one dimension the conversion is a ratio; temperatures have an offset; mass, substance
// and equivalents pass through the analyte's formula and charge. Everything else, and a missing formula or charge, is
// ward.Unprocessable. The result is exact; the step never holds the value.
func (a Analyte) Convert(value *big.Rat, from, to ucum.Unit) (result *big.Rat, step string, err error) {
	if a.Property == "Temp" && temperature(from) && temperature(to) {
		return degrees(value, from, to)
	}
	if from.Equal(to) {
		return new(big.Rat).Set(value), "", nil
	}
	if from.Commensurable(to) {
		r, err := ucum.Convert(value, from, to)
		return r, from.String() + " to " + to.String() + " by ratio", err
	}
	return a.bridge(value, from, to)
}

// bridge converts between dimensions that differ in mass, substance or equivalents only.
func (a Analyte) bridge(value *big.Rat, from, to ucum.Unit) (*big.Rat, string, error) {
	if from.Special() || to.Special() {
		return nil, "", refuse("units on a special scale are not converted")
	}
	kindFrom, restFrom := kind(from)
	kindTo, restTo := kind(to)
	if kindFrom == none || kindTo == none || restFrom != restTo {
		return nil, "", refuse("the units measure different kinds of quantity")
	}
	r := new(big.Rat).Mul(value, from.Factor())
	r.Quo(r, to.Factor())
	how := ""
	if kindFrom == ofMass || kindTo == ofMass {
		if a.Formula == "" {
			return nil, "", refuse("mass and substance of this analyte have no molecular formula between them")
		}
		molar, err := ucum.MolarMass(a.Formula)
		if err != nil {
			return nil, "", err
		}
		how = " through " + a.Formula + " " + ucum.Text(molar, 3) + " g/mol"
		if kindFrom == ofMass {
			r.Quo(r, molar)
		} else {
			r.Mul(r, molar)
		}
	}
	if kindFrom == ofCharge || kindTo == ofCharge {
		if a.Charge <= 0 {
			return nil, "", refuse("equivalents of this analyte have no charge to convert by")
		}
		n := big.NewRat(int64(a.Charge), 1)
		how += " at " + n.Num().String() + " eq/mol"
		if kindFrom == ofCharge {
			r.Quo(r, n)
		} else {
			r.Mul(r, n)
		}
	}
	return r, from.String() + " to " + to.String() + how, nil
}

type quantity int

const (
	none quantity = iota
	ofMass
	ofSubstance
	ofCharge
)

// kind says whether a unit counts mass, substance or equivalents, once and in the numerator, and what dimension is left.
func kind(u ucum.Unit) (quantity, ucum.Dimension) {
	dim := u.Dimension()
	found, rest := none, dim
	for k, of := range map[quantity]ucum.Unit{ofMass: gram, ofSubstance: mole, ofCharge: equivalent} {
		for i, e := range of.Dimension() {
			if e == 0 || dim[i] == 0 {
				continue
			}
			if dim[i] != 1 || found != none {
				return none, dim
			}
			found = k
			rest[i] = 0
		}
	}
	return found, rest
}

// substanceTwin reports whether one unit counts mol and the other eq, and nothing else differs.
func substanceTwin(u, v ucum.Unit) bool {
	ku, ru := kind(u)
	kv, rv := kind(v)
	return ru == rv && (ku == ofCharge && kv == ofSubstance || ku == ofSubstance && kv == ofCharge)
}

func temperature(u ucum.Unit) bool {
	return u.Commensurable(celsius) || u.Commensurable(fahrenheit) || u.Equal(kelvin)
}

// degrees converts between Cel, [degF] and K.
//
// SPEC(SI brochure 9th edition 2.3.1): t/°C = T/K - 273.15; the Fahrenheit degree is 5/9 K and 32 °F are 0 °C.
func degrees(value *big.Rat, from, to ucum.Unit) (*big.Rat, string, error) {
	r := new(big.Rat).Set(value)
	switch {
	case from.Commensurable(fahrenheit):
		r.Sub(r, big.NewRat(32, 1))
		r.Mul(r, big.NewRat(5, 9))
	case from.Equal(kelvin):
		r.Sub(r, big.NewRat(27315, 100))
	}
	switch {
	case to.Commensurable(fahrenheit):
		r.Mul(r, big.NewRat(9, 5))
		r.Add(r, big.NewRat(32, 1))
	case to.Equal(kelvin):
		r.Add(r, big.NewRat(27315, 100))
	}
	if from.String() == to.String() {
		return r, "", nil
	}
	return r, from.String() + " to " + to.String() + " by the definition of the degree", nil
}

func refuse(public string) *ward.Error {
	return ward.E(ward.Unprocessable, "terminology.convert", public, nil)
}
