package ucum

import (
	"math/big"

	"github.com/ward-health/ward"
)

// weights are the abridged standard atomic weights of the elements of clinical chemistry (IUPAC Commission on Isotopic
// Abundances and Atomic Weights, Standard Atomic Weights, abridged to five digits: Prohaska et al., Pure Appl. Chem. 94
// (2022) 573). For elements whose weight varies in nature it is the conventional value.
var weights = map[string]string{
	"H": "1.008", "Li": "6.94", "B": "10.81", "C": "12.011", "N": "14.007", "O": "15.999", "F": "18.998",
	"Na": "22.990", "Mg": "24.305", "Al": "26.982", "P": "30.974", "S": "32.06", "Cl": "35.45", "K": "39.098",
	"Ca": "40.078", "Cr": "51.996", "Mn": "54.938", "Fe": "55.845", "Co": "58.933", "Cu": "63.546", "Zn": "65.38",
	"As": "74.922", "Se": "78.971", "Br": "79.904", "Cd": "112.41", "I": "126.90", "Hg": "200.59", "Pb": "207.2",
}

const (
	maxFormula = 64
	maxAtoms   = 9999
)

// MolarMass returns the molar mass in g/mol of a formula in Hill notation without parentheses, such as C4H7N3O.
//
// SPEC(Hill system, J. Am. Chem. Soc. 22 (1900) 478): carbon first, then hydrogen, then the others in alphabetical order;
// without carbon all in alphabetical order. A formula in another order or with an element twice is refused.
func MolarMass(formula string) (*big.Rat, error) {
	if formula == "" || len(formula) > maxFormula {
		return nil, badFormula("a molecular formula is 1 to 64 characters")
	}
	sum, before, carbon := new(big.Rat), "", formula[0] == 'C' && (len(formula) == 1 || !lower(formula[1]))
	for at := 0; at < len(formula); {
		element, n, next, err := part(formula, at)
		if err != nil {
			return nil, err
		}
		weight, ok := weights[element]
		if !ok {
			return nil, badFormula("a molecular formula holds an element that is not supported")
		}
		if rank := hill(element, carbon); rank <= before {
			return nil, badFormula("a molecular formula is written in Hill order, each element once")
		} else {
			before = rank
		}
		w, _ := new(big.Rat).SetString(weight)
		sum.Add(sum, w.Mul(w, new(big.Rat).SetInt64(n)))
		at = next
	}
	return sum, nil
}

// hill returns what to sort by.
func hill(element string, carbon bool) string {
	if carbon && element == "C" {
		return "0"
	}
	if carbon && element == "H" {
		return "1"
	}
	return element
}

// part reads one element and its count.
func part(s string, at int) (element string, n int64, next int, err error) {
	if s[at] < 'A' || s[at] > 'Z' {
		return "", 0, 0, badFormula("an element in a molecular formula begins with a capital letter")
	}
	next = at + 1
	if next < len(s) && lower(s[next]) {
		next++
	}
	element = s[at:next]
	digits := next
	for ; next < len(s) && s[next] >= '0' && s[next] <= '9'; next++ {
		if n = n*10 + int64(s[next]-'0'); n > maxAtoms {
			return "", 0, 0, badFormula("a molecular formula has at most 9999 atoms of an element")
		}
	}
	if next == digits {
		return element, 1, next, nil
	}
	if n < 2 || s[digits] == '0' {
		return "", 0, 0, badFormula("a count in a molecular formula is 2 or more, without leading zero")
	}
	return element, n, next, nil
}

func lower(c byte) bool { return c >= 'a' && c <= 'z' }

func badFormula(public string) *ward.Error {
	return ward.E(ward.Invalid, "ucum.molarmass", public, nil)
}
