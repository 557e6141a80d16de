package normalize

import (
	"github.com/ward-health/ward"
	"github.com/ward-health/ward/clinical/terminology"
	"github.com/ward-health/ward/clinical/ucum"
	"github.com/ward-health/ward/normalize/plausible"
	"github.com/ward-health/ward/normalize/units"
)

// CheckUnit refuses what cannot be said of a sender's unit: one that is not UCUM or of another kind than its LOINC code, or a reference
// range that cannot be read. ward.Invalid names the field.
func CheckUnit(o units.Override) error {
	bad := func(path, what string) error { return ward.E(ward.Invalid, "normalize.unit", what, nil).At(path) }
	u, err := ucum.Parse(o.Unit)
	if err != nil {
		return bad("unit", "what the sender means must be a unit of UCUM, mg/dL for example")
	}
	if a, ok := terminology.Lookup(o.Code); ok && !a.Fits(u) {
		return bad("unit", "the unit is of another kind than the code, which is kept in "+a.Unit)
	}
	for _, r := range o.Ranges {
		if !plausible.ReadableRange(r) {
			return bad("ranges", "a reference range reads low-high, <high or >low, as OBX-7 has it")
		}
	}
	return nil
}
