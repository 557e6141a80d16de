package plausible

import "time"

// recent is how long an earlier value speaks about the present one.
const recent = 366 * 24 * time.Hour

// delta holds the value against the patient's newest earlier one. What counts as far follows from how wide the values of
// adults lie: sodium moves little, creatine kinase much. It flags and never holds.
func delta(f Fact) []Finding {
	el, _ := number(f.Analyte.ExpectLow).Float64()
	eh, _ := number(f.Analyte.ExpectHigh).Float64()
	v, _ := f.Value.Float64()
	if el <= 0 || v <= 0 || f.Comparator != "" {
		return nil
	}
	var last *Previous
	for i, p := range f.Previous {
		if p.Value == nil || p.Value.Sign() <= 0 || !f.At.IsZero() && (p.At.After(f.At) || f.At.Sub(p.At) > recent) {
			continue
		}
		if last == nil || p.At.After(last.At) {
			last = &f.Previous[i]
		}
	}
	if last == nil {
		return nil
	}
	x, _ := last.Value.Float64()
	if away(v, x) <= 1.05+1.6*(eh/el-1) {
		return nil
	}
	return []Finding{f.found(Inconsistent, DeltaLarge, "newest earlier value "+brief(x)+" "+f.Analyte.Unit)}
}
