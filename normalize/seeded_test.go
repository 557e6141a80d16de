package normalize_test

import (
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/ward-health/ward/clinical/terminology"
	"github.com/ward-health/ward/clinical/ucum"
)

// inPlay are the analytes that the models of this build ask for, and their siblings.
var inPlay = []string{"2160-0", "14682-9", "1751-7", "2093-3", "14647-2", "2498-4", "14798-3", "2500-7", "14800-7", "2502-3", "2885-2",
	"19123-9", "2601-3", "26464-8", "6690-2", "30341-2", "4537-7", "8480-6", "8462-4", "39156-5", "2951-2", "2823-3"}

// seeded is one result, as it is in truth and as it was sent.
type seeded struct {
	analyte  terminology.Analyte
	truth    *big.Rat // in the canonical unit of the analyte
	obx      string
	corrupt  bool
	what     string
	position int
}

// draw makes a result and, most times, labels it wrongly: the number and the range stay those of the true unit.
func draw(t *rapid.T, n int, rows []terminology.Analyte) seeded {
	a := rapid.SampledFrom(rows).Draw(t, "analyte")
	low, high := rat(a.ExpectLow), rat(a.ExpectHigh)
	share := big.NewRat(int64(rapid.IntRange(0, 100).Draw(t, "share")), 100)
	truth := new(big.Rat).Add(low, new(big.Rat).Mul(share, new(big.Rat).Sub(high, low)))
	unit := rapid.SampledFrom(a.Units).Draw(t, "unit")
	in := func(r *big.Rat) string {
		from, _ := ucum.Parse(a.Unit)
		to, err := ucum.Parse(unit)
		if err != nil {
			t.Fatal(err)
		}
		v, _, err := a.Convert(r, from, to)
		if err != nil {
			t.Fatal(err)
		}
		return v.FloatString(8)
	}
	s := seeded{analyte: a, position: n}
	value := in(truth)
	s.truth = back(t, a, value, unit)
	code, label := a.Code, unit
	switch rapid.SampledFrom([]string{"none", "sibling", "unit", "power", "text"}).Draw(t, "corruption") {
	case "sibling":
		if sib := terminology.Siblings(a.Code); len(sib) > 0 {
			code, s.corrupt, s.what = rapid.SampledFrom(sib).Draw(t, "as").Code, true, "code"
		}
	case "unit":
		other := rapid.SampledFrom([]string{"mg/dL", "umol/L", "mmol/L", "g/L", "g/dL", "meq/L", "ug/dL", "%", "10*3/uL", "kPa", "mm[Hg]", "mm/h", "U/L", "K"}).Draw(t, "as")
		if other != unit {
			label, s.corrupt, s.what = other, true, "unit"
		}
	case "power":
		if len(a.Units) > 1 {
			if other := rapid.SampledFrom(a.Units).Draw(t, "as"); other != unit {
				label, s.corrupt, s.what = other, true, "unit in use"
			}
		}
	case "text":
		label, s.corrupt, s.what = rapid.SampledFrom([]string{"", "K/uL", "C", "F", "IU/L", "units", "g%"}).Draw(t, "as"), true, "text"
	}
	s.what += fmt.Sprintf(" %s %s sent as %s %s", a.Code, unit, code, label)
	s.obx = fmt.Sprintf("OBX|%d|NM|%s^x^LN|%d|%s|%s|%s-%s||||F", n, code, n, value, label, in(low), in(high))
	return s
}

func rat(s string) *big.Rat {
	r, ok := new(big.Rat).SetString(s)
	if !ok {
		panic("no number: " + s)
	}
	return r
}

// back is a value as it was written, in the canonical unit.
func back(t *rapid.T, a terminology.Analyte, value, unit string) *big.Rat {
	from, err := ucum.Parse(unit)
	if err != nil {
		t.Fatal(err)
	}
	to, _ := ucum.Parse(a.Unit)
	v, _, err := a.Convert(rat(value), from, to)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestSeededErrorsReachNoModel: a stored result reads, by its UCUM code and its LOINC code, as the value that was measured;
// where that cannot be known it is not stored.
func TestSeededErrorsReachNoModel(t *testing.T) {
	w := start(t)
	var rows []terminology.Analyte
	for _, c := range inPlay {
		if a, ok := terminology.Lookup(c); ok && a.ExpectLow != "" {
			rows = append(rows, a)
		}
	}
	if len(rows) < 12 {
		t.Fatalf("%d analytes in play", len(rows))
	}
	order, clean, cleanHeld, corrupt, caught := 0, 0, 0, 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		order++
		lines := []string{msh("ORU^R01", "20261101090000"), pid, obr(fmt.Sprintf("S%d", order))}
		var all []seeded
		for n := range 12 {
			s := draw(rt, n+1, rows)
			all, lines = append(all, s), append(lines, s.obx)
		}
		id := w.send(lines...)
		stored := map[string]map[string]any{}
		for _, ref := range w.refs(id, "Observation") {
			o := w.get(ref)
			stored[fmt.Sprint(at(o, "extension", 0, "valueString"))] = o
		}
		for _, s := range all {
			o := stored[fmt.Sprint(s.position)]
			if s.corrupt {
				corrupt++
			} else {
				clean++
			}
			if o == nil {
				if s.corrupt {
					caught++
				} else {
					cleanHeld++
				}
				continue
			}
			if got, ok := readAs(s.analyte, o); ok && !near(got, s.truth) {
				rt.Errorf("%s: reads as %s %s, is %s", s.what, got.FloatString(4), s.analyte.Unit, s.truth.FloatString(4))
			}
		}
	})
	t.Logf("clean %d, of them held %d; wrong %d, of them held %d", clean, cleanHeld, corrupt, caught)
}

// readAs reads a stored Observation as a model does: by a LOINC code that it knows, by the UCUM code of the quantity.
func readAs(truth terminology.Analyte, o map[string]any) (*big.Rat, bool) {
	code := fmt.Sprint(at(o, "code", "coding", 0, "code"))
	known := append([]terminology.Analyte{truth}, terminology.Siblings(truth.Code)...)
	i := slices.IndexFunc(known, func(a terminology.Analyte) bool { return a.Code == code })
	if i < 0 || at(o, "valueQuantity", "system") != "http://unitsofmeasure.org" || !slices.Contains([]string{"final", "corrected"}, fmt.Sprint(at(o, "status"))) {
		return nil, false
	}
	unit, err := ucum.Parse(fmt.Sprint(at(o, "valueQuantity", "code")))
	if err != nil {
		return nil, false
	}
	canonical, _ := ucum.Parse(truth.Unit)
	value := rat(strings.TrimSpace(fmt.Sprint(at(o, "valueQuantity", "value"))))
	got, _, err := truth.Convert(value, unit, canonical)
	return got, err == nil
}

func near(a, b *big.Rat) bool {
	d := new(big.Rat).Sub(a, b)
	return d.Abs(d).Cmp(new(big.Rat).Mul(big.NewRat(1, 1000), new(big.Rat).Abs(b))) <= 0
}
