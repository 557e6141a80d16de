package terminology

import (
	"iter"
	"slices"
	"strings"

	"github.com/ward-health/ward/clinical/ucum"
)

// Analyte is one LOINC code with what Ward must know to judge a result under it. Numbers are decimal text in Unit.
type Analyte struct {
	Code       string   // LOINC code
	Name       string   // LOINC long common name, unchanged
	Component  string   // group key: rows of one component and system measure the same thing
	System     string   // LOINC system axis, such as "Ser/Plas" or "Bld"
	Property   string   // LOINC property axis, such as "MCnc" or "SCnc"
	Unit       string   // canonical unit, UCUM
	Units      []string // units in use for the code, UCUM, the canonical one first
	Low, High  string   // hard limits: a value outside is implausible
	ExpectLow  string   // lower end of where adults' values usually lie: for telling units apart, no clinical truth
	ExpectHigh string   // upper end
	Formula    string   // molecular formula in Hill order; empty: no molar conversion
	Charge     int      // equivalents per mole; 0: no conversion of equivalents
	Source     string   // where code and name were checked, and where the limits come from
}

// Lookup returns the row of a LOINC code.
func Lookup(code string) (Analyte, bool) {
	i, ok := index[code]
	if !ok {
		return Analyte{}, false
	}
	return rows[i].clone(), true
}

// Analytes yields all rows in a fixed order.
func Analytes() iter.Seq[Analyte] {
	return func(yield func(Analyte) bool) {
		for _, a := range rows {
			if !yield(a.clone()) {
				return
			}
		}
	}
}

// Siblings returns the rows that measure the same component in the same system as code but as another property, such as
// 14682-9 (substance) for 2160-0 (mass). It is empty for an unknown code.
func Siblings(code string) []Analyte {
	i, ok := index[code]
	if !ok {
		return nil
	}
	a := rows[i]
	var out []Analyte
	for _, b := range rows {
		if b.Component == a.Component && b.System == a.System && b.Property != a.Property {
			out = append(out, b.clone())
		}
	}
	return out
}

func (a Analyte) clone() Analyte {
	a.Units = slices.Clone(a.Units)
	return a
}

// Fits reports whether a result of this code may be given in u.
//
// SPEC(LOINC Users' Guide 2.2 Kind of Property): the property axis separates mass, substance, number, catalytic and
// arbitrary concentrations and fractions; a unit of another kind contradicts the code. Amounts of charge (eq) count as
// substance where the ion's charge is known.
//
// Fractions have no dimension, and 48 mmol/mol and 48 % are not the same haemoglobin A1c: among units without dimension
// only those that the row lists, annotations aside, fit.
func (a Analyte) Fits(u ucum.Unit) bool {
	canonical, err := ucum.Parse(a.Unit)
	if err != nil {
		return false
	}
	switch {
	case canonical.Special() || u.Special():
		return a.Property == "Temp" && temperature(u) || canonical.Special() && canonical.Commensurable(u)
	case canonical.Dimension() == (ucum.Dimension{}):
		return u.Dimension() == canonical.Dimension() && slices.ContainsFunc(a.Units, func(s string) bool { return bare(s) == bare(u.String()) })
	case u.Commensurable(canonical):
		return true
	}
	return a.Charge > 0 && substanceTwin(u, canonical)
}

// bare removes annotations; "{INR}" alone leaves "1".
func bare(unit string) string {
	for {
		open := strings.IndexByte(unit, '{')
		end := strings.IndexByte(unit, '}')
		if open < 0 || end < open {
			break
		}
		unit = unit[:open] + unit[end+1:]
	}
	if unit == "" {
		return "1"
	}
	return unit
}

var index = func() map[string]int {
	m := make(map[string]int, len(rows))
	for i, a := range rows {
		if _, twice := m[a.Code]; twice {
			panic("terminology: code " + a.Code + " has two rows")
		}
		m[a.Code] = i
	}
	return m
}()

var rows = slices.Concat(chemistry, gases, blood, bedside)
