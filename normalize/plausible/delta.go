package plausible

import "time"

// recent is how long an earlier value speaks about the present one.
const recent = 366 * 24 * time.Hour

// slack is how far from a factor between two units the ratio to the earlier value may be, and still be explained by it.
const slack = 1.3

// moves is how much a patient's values may differ from one to the next before it is news. What counts as far follows from how wide
// the values of adults lie: sodium moves little, creatine kinase much. 0 where that is not known.
func (f Fact) moves() float64 {
	el := float(f.Analyte.ExpectLow)
	eh := float(f.Analyte.ExpectHigh)
	if el <= 0 {
		return 0
	}
	return 1.05 + 1.6*(eh/el-1)
}

// last is the patient's newest earlier value that is recent, 0 if there is none.
func (f Fact) last() float64 {
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
		return 0
	}
	x, _ := last.Value.Float64()
	return x
}

// delta holds the value against the patient's newest earlier one. A value that is further from it than such values move is flagged.
// One that is as far from it as two units in use are from each other, is not usual as it stands and would be usual in the other unit is
// mislabelled, unless a reference range in the sent unit speaks for it.
func delta(f Fact, s span) []Finding {
	far := f.moves()
	v, _ := f.Value.Float64()
	x := f.last()
	if far <= 0 || v <= 0 || x <= 0 || f.Comparator != "" || away(v, x) <= far {
		return nil
	}
	said := "newest earlier value " + brief(x) + " " + f.Analyte.Unit
	if s.empty() && !f.within(f.Value) {
		for _, c := range factors(f.Analyte, f.Unit, false) {
			if away(c.ratio, 1) > near && away(v/x, c.ratio) < slack {
				return []Finding{f.mislabelled(c, said+", "+brief(v/x)+" times")}
			}
		}
	}
	return []Finding{f.found(Inconsistent, DeltaLarge, said)}
}
