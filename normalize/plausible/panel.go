package plausible

import (
	"cmp"
	"math/big"
	"slices"
	"strings"

	"github.com/ward-health/ward/clinical/ucum"
)

// Panel judges results of one specimen or moment together. The order of facts does not matter; facts with a comparator or
// without value are left out. Findings flag and never hold: which of the companions is wrong they do not say, so their
// evidence names all.
func Panel(facts []Fact) []Finding {
	sorted := slices.Clone(facts)
	slices.SortStableFunc(sorted, func(a, b Fact) int { return cmp.Compare(a.Analyte.Code, b.Analyte.Code) })
	var out []Finding
	for _, r := range rules {
		if values, evidence, ok := r.gather(sorted); ok && r.broken(values) {
			out = append(out, Finding{Level: Inconsistent, Code: r.code, Evidence: evidence})
		}
	}
	return out
}

// part is one quantity of a rule: the component, or one of several separated by "|", and the unit the rule counts in.
type part struct{ component, unit string }

// rule is a relation that holds between results of one specimen.
type rule struct {
	code   string
	parts  []part
	broken func(x []float64) bool
}

var rules = []rule{
	{PanelGap, []part{{"sodium", "mmol/L"}, {"chloride", "mmol/L"}, {"bicarbonate|carbon dioxide total", "mmol/L"}},
		func(x []float64) bool { gap := x[0] - x[1] - x[2]; return gap < -4 || gap > 45 }},
	{PanelHct, []part{{"hematocrit", "%"}, {"hemoglobin", "g/dL"}},
		func(x []float64) bool { return x[0] < 2.2*x[1] || x[0] > 4*x[1] }},
	{PanelMCHC, []part{{"mchc", "g/dL"}, {"hemoglobin", "g/dL"}, {"hematocrit", "%"}},
		func(x []float64) bool { return x[2] > 0 && differ(x[0], 100*x[1]/x[2], 1.15) }},
	{PanelBilirubin, []part{{"bilirubin direct", "mg/dL"}, {"bilirubin", "mg/dL"}},
		func(x []float64) bool { return x[0] > 1.1*x[1]+0.1 }},
	{PanelLipids, []part{{"cholesterol hdl", "mg/dL"}, {"cholesterol", "mg/dL"}},
		func(x []float64) bool { return x[0] > x[1] }},
	{PanelLipids, []part{{"cholesterol hdl", "mg/dL"}, {"cholesterol ldl", "mg/dL"}, {"cholesterol", "mg/dL"}},
		func(x []float64) bool { return x[0] <= x[2] && x[0]+x[1] > 1.1*x[2] }},
	{PanelIron, []part{{"iron saturation", "%"}, {"iron", "ug/dL"}, {"iron binding capacity", "ug/dL"}},
		func(x []float64) bool {
			return x[2] > 0 && differ(x[0], 100*x[1]/x[2], 1.25) && max(x[0]-100*x[1]/x[2], 100*x[1]/x[2]-x[0]) > 4
		}},
	{PanelProtein, []part{{"albumin", "g/dL"}, {"protein", "g/dL"}},
		func(x []float64) bool { return x[0] > x[1] }},
	{PanelPressure, []part{{"diastolic pressure", "mm[Hg]"}, {"systolic pressure", "mm[Hg]"}},
		func(x []float64) bool { return x[0] >= x[1] }},
	{PanelBMI, []part{{"body mass index", "kg/m2"}, {"body weight", "kg"}, {"body height", "m"}},
		func(x []float64) bool { return x[2] > 0 && differ(x[0], x[1]/(x[2]*x[2]), 1.12) }},
}

// differ reports whether two amounts are further apart than the ratio; an amount of zero differs from any other.
func differ(x, y, ratio float64) bool {
	if x <= 0 || y <= 0 {
		return x != y
	}
	return away(x, y) > ratio
}

// gather finds the quantities of the rule among the facts.
func (r rule) gather(facts []Fact) (values []float64, evidence []string, ok bool) {
	for _, p := range r.parts {
		at := slices.IndexFunc(facts, func(f Fact) bool {
			return f.Comparator == "" && f.Value != nil && slices.Contains(strings.Split(p.component, "|"), f.Analyte.Component) && p.of(f) != nil
		})
		if at < 0 {
			return nil, nil, false
		}
		x, _ := p.of(facts[at]).Float64()
		values = append(values, x)
		evidence = append(evidence, facts[at].Analyte.Code+" "+brief(x)+" "+p.unit)
	}
	return values, evidence, true
}

// of expresses the fact in the unit of the part, nil if that cannot be done.
func (p part) of(f Fact) *big.Rat {
	from, err := ucum.Parse(f.Analyte.Unit)
	to, err2 := ucum.Parse(p.unit)
	if err != nil || err2 != nil {
		return nil
	}
	v, _, err := f.Analyte.Convert(f.Value, from, to)
	if err != nil {
		return nil
	}
	return v
}
