package predict

import (
	"fmt"
	"math/big"
	"strings"

	"github.com/ward-health/ward/clinical/ucum"
	"github.com/ward-health/ward/predict/registry"
)

// amount is the value in the model's unit, and the unit it was given in, which is the zero Unit when it is not understood.
// An error is a refusal that ends a sentence.
//
// SPEC(FHIR R4 extensibility.html#modifierExtension): who does not understand a modifier extension must not act on the data.
// SPEC(FHIR R4 Observation.focus): focus names what was observed where that is not the subject itself.
func (r *result) amount(in registry.Input) (*big.Rat, ucum.Unit, error) {
	switch {
	case r.modified:
		return nil, ucum.Unit{}, refusal("carries a modifierExtension, which may change its meaning and is not understood")
	case r.disputed:
		return nil, ucum.Unit{}, refusal("is disputed: its source has sent something else since, which is held until a person releases it")
	case r.unsure:
		return nil, ucum.Unit{}, refusal("is in a unit that its sender has not confirmed, and the number could be meant in another unit too")
	case r.focused:
		return nil, ucum.Unit{}, refusal("was measured on somebody or something other than the patient (Observation.focus)")
	case r.several:
		return nil, ucum.Unit{}, refusal("carries the quantity in several components, and which of them counts is not said")
	case r.value == "":
		return nil, ucum.Unit{}, refusal("carries no numeric quantity")
	case r.comparator != "":
		return nil, ucum.Unit{}, refusal("is only a bound, not a value")
	}
	given, err := ucum.ParseDecimal(r.value)
	if err != nil {
		return nil, ucum.Unit{}, refusal("carries a number that is out of bounds")
	}
	if r.system != "http://unitsofmeasure.org" {
		return nil, ucum.Unit{}, refusal("has no UCUM unit")
	}
	from, err := ucum.Parse(r.unit)
	if err != nil {
		return nil, ucum.Unit{}, refusal("has a unit that is not understood as UCUM")
	}
	value, err := convert(in, given, from)
	if err != nil {
		return nil, from, refusal("has a unit of another kind of quantity; a unit such as " + in.Unit + expected(in) + " was expected")
	}
	return value, from, nil
}

// expected names the other forms of unit that molecular formula and charge make possible.
func expected(in registry.Input) string {
	switch {
	case in.Molecule == "":
		return ""
	case in.Charge > 0:
		return ", mmol/L or mg/dL"
	}
	return " or umol/L"
}

// The concentrations between which molecular formula and charge mediate.
var (
	molar      = unit("mol/L")
	equivalent = unit("eq/L")
)

func unit(s string) ucum.Unit {
	u, err := ucum.Parse(s)
	if err != nil {
		panic(err) // a constant
	}
	return u
}

// convert expresses a value in the model's unit: inside one dimension, through the molecular formula where mass meets
// substance, and through the charge where substance, or mass by way of it, meets equivalents.
//
// SPEC(UCUM 1.9 table 8, eq): an equivalent is the amount of substance times the charge of one ion.
func convert(in registry.Input, value *big.Rat, from ucum.Unit) (*big.Rat, error) {
	to, err := ucum.Parse(in.Unit)
	if err != nil {
		return nil, err
	}
	if in.Molecule == "" || from.Commensurable(to) {
		return ucum.Convert(value, from, to)
	}
	mass, err := ucum.MolarMass(in.Molecule)
	if err != nil {
		return nil, err
	}
	charge := big.NewRat(int64(in.Charge), 1)
	switch {
	case in.Charge > 0 && to.Commensurable(equivalent):
		moles, err := ucum.ConvertMolar(value, from, molar, mass)
		if err != nil {
			return nil, err
		}
		return ucum.Convert(moles.Mul(moles, charge), equivalent, to)
	case in.Charge > 0 && from.Commensurable(equivalent):
		equivalents, err := ucum.Convert(value, from, equivalent)
		if err != nil {
			return nil, err
		}
		return ucum.ConvertMolar(equivalents.Quo(equivalents, charge), molar, to, mass)
	}
	return ucum.ConvertMolar(value, from, to, mass)
}

// path names what the given unit had to be converted through, empty for a conversion inside one dimension.
func path(in registry.Input, given string) string {
	_, text, _ := strings.Cut(given, " ")
	if text == in.Unit || in.Molecule == "" {
		return ""
	}
	from, err1 := ucum.Parse(text)
	to, err2 := ucum.Parse(in.Unit)
	if err1 != nil || err2 != nil || from.Commensurable(to) {
		return ""
	}
	charged := from.Commensurable(equivalent) || to.Commensurable(equivalent)
	switch {
	case charged && (from.Commensurable(molar) || to.Commensurable(molar)):
		return fmt.Sprintf("the charge %d of %s", in.Charge, in.Molecule)
	case charged:
		return fmt.Sprintf("the molecular formula %s and its charge %d", in.Molecule, in.Charge)
	}
	return "the molecular formula " + in.Molecule
}
