package ucum

import (
	"math/big"

	"github.com/ward-health/ward"
)

// Convert expresses value, given in from, in to. It converts inside one dimension only; everything else, a special unit
// included, is ward.Unprocessable. The result is exact.
func Convert(value *big.Rat, from, to Unit) (*big.Rat, error) {
	if from.special != "" || to.special != "" {
		if from.special == to.special && from.special != "" {
			return new(big.Rat).Set(value), nil
		}
		return nil, refuse("units on a special scale are not converted")
	}
	if from.factor == nil || to.factor == nil || from.dim != to.dim {
		return nil, refuse("the units measure different kinds of quantity")
	}
	r := new(big.Rat).Mul(value, from.factor)
	return r.Quo(r, to.factor), nil
}

// ConvertMolar expresses value, given in from, in to, where one of the two counts mass and the other amount of substance
// and both are otherwise of the same dimension (mg/dL and umol/L). molarMass is in g/mol. Units of equal dimension are
// converted as Convert does. The result is exact.
func ConvertMolar(value *big.Rat, from, to Unit, molarMass *big.Rat) (*big.Rat, error) {
	if from.special != "" || to.special != "" || from.factor == nil || to.factor == nil || from.dim == to.dim {
		return Convert(value, from, to)
	}
	if molarMass == nil || molarMass.Sign() <= 0 {
		return nil, refuse("a molar mass is positive")
	}
	swapped := from.dim
	n := swapped[mass]
	if n == 0 {
		n = swapped[substance]
		swapped[mass], swapped[substance] = n, 0
	} else if swapped[substance] == 0 {
		swapped[mass], swapped[substance] = 0, n
	}
	if swapped != to.dim || n != 1 && n != -1 {
		return nil, refuse("the units measure different kinds of quantity, beyond mass and substance")
	}
	r := new(big.Rat).Mul(value, from.factor)
	r.Quo(r, to.factor)
	if (from.dim[mass] == 0) == (n == 1) { // mol becomes g, or 1/g becomes 1/mol
		return r.Mul(r, molarMass), nil
	}
	return r.Quo(r, molarMass), nil
}

func refuse(public string) *ward.Error {
	return ward.E(ward.Unprocessable, "ucum.convert", public, nil)
}
