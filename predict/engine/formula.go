package engine

import (
	"math"
	"strconv"

	"github.com/ward-health/ward"
)

// Version names the engine and its semantics as decisions record them.
const Version = "formula/1"

// CKDEPI2021 is the identifier of the equation
//
//	scale * min(Scr/kappa, 1)^alpha * max(Scr/kappa, 1)^beta * aging^age [* female]
//
// of Inker et al., N Engl J Med 385 (2021) 1737 (creatinine, without a race term). All its constants stand in the manifest.
const CKDEPI2021 = "ckd-epi-2021-creatinine"

// Formula is what a manifest declares: an equation by identifier and each constant by name as a decimal text.
type Formula struct {
	Engine     string            `json:"engine"`
	Equation   string            `json:"equation"`
	Parameters map[string]string `json:"parameters"`
}

// Sex as the equations know it.
type Sex int

// The sexes; Unstated is refused by every equation that asks.
const (
	Unstated Sex = iota
	Female
	Male
)

// Subject is what an equation may ask about, besides its measured inputs.
type Subject struct {
	Age int // completed years
	Sex Sex
}

// Equation is a compiled formula.
type Equation struct {
	scale, beta, aging, female float64
	kappa, alpha               [2]float64 // female, male
}

var ckdNames = [...]string{"scale", "kappa.female", "kappa.male", "alpha.female", "alpha.male", "beta", "aging", "female"}

// Compile checks a formula: engine version and equation known, exactly the constants that the equation has, each a plain
// decimal number. Anything else is ward.Invalid.
func Compile(f Formula) (*Equation, error) {
	if f.Engine != Version {
		return nil, bad("the engine must be "+Version, "engine")
	}
	if f.Equation != CKDEPI2021 {
		return nil, bad("the equation must be "+CKDEPI2021, "equation")
	}
	v := [len(ckdNames)]float64{}
	for i, name := range ckdNames {
		text, ok := f.Parameters[name]
		x, err := strconv.ParseFloat(text, 64)
		if !ok || err != nil || len(text) > 20 || math.IsNaN(x) || math.Abs(x) > 1e6 {
			return nil, bad("the parameter must be a decimal number between -1000000 and 1000000", "parameters."+name)
		}
		v[i] = x
	}
	if len(f.Parameters) != len(ckdNames) {
		return nil, bad("the equation has 8 parameters and no others", "parameters")
	}
	if !(v[0] > 0 && v[1] > 0 && v[2] > 0 && v[6] > 0 && v[7] > 0) {
		return nil, bad("scale, kappa, aging and female must be positive", "parameters")
	}
	return &Equation{scale: v[0], kappa: [2]float64{v[1], v[2]}, alpha: [2]float64{v[3], v[4]}, beta: v[5], aging: v[6], female: v[7]}, nil
}

func bad(public, path string) error {
	return ward.E(ward.Invalid, "engine.compile", public, nil).At("formula." + path)
}

// Compute returns the unrounded result for serum creatinine in mg/dL. Factors are multiplied in the order in which the
// equation is printed. Outside its domain (no sex, no positive creatinine, age below 0 or above 150) it fails with
// ward.Unprocessable; it never returns NaN or an infinity.
func (e *Equation) Compute(creatinine float64, s Subject) (float64, error) {
	refuse := ward.E(ward.Unprocessable, "engine.compute", "the equation is not defined for these inputs", nil)
	if s.Sex != Female && s.Sex != Male || !(creatinine > 0) || math.IsInf(creatinine, 0) || s.Age < 0 || s.Age > 150 {
		return 0, refuse
	}
	i := int(s.Sex - Female)
	ratio := creatinine / e.kappa[i]
	low, high := math.Min(ratio, 1), math.Max(ratio, 1)
	x := float64(e.scale * pow(low, e.alpha[i]))
	x = float64(x * pow(high, e.beta))
	x = float64(x * pow(e.aging, float64(s.Age)))
	if s.Sex == Female {
		x = float64(x * e.female)
	}
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return 0, refuse
	}
	return x, nil
}
