// Package ucum reads units of measure in the case-sensitive form of the Unified Code for Units of Measure and converts
// between units of one dimension with exact rational arithmetic.
//
// The atoms are the common clinical and SI ones, written by hand as facts of measurement; an atom that is not in the
// table is refused by name, never guessed. The package is stricter than the standard where a looser reading has harmed
// patients: amount of substance (mol), chemical equivalents (eq) and osmoles are dimensions of their own, and each
// arbitrary unit ([IU], [arb'U] ...) is commensurable with itself alone. Mass becomes substance by ConvertMolar only,
// with a molar mass that the caller names. Special units on other scales (Cel, [degF], pH ...) are understood but never
// converted.
//
// It never rounds: values are big.Rat, and rounding is a separate, named step. Every input is bounded.
//
// Read in this order: unit.go, parse.go, atoms.go, convert.go, molar.go, decimal.go.
package ucum
