package plausible

import (
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ward-health/ward/clinical/terminology"
)

func fact(t testing.TB, code, value string) Fact {
	t.Helper()
	a, ok := terminology.Lookup(code)
	if !ok {
		t.Fatalf("no row %s", code)
	}
	v, ok := new(big.Rat).SetString(value)
	if !ok {
		t.Fatalf("value %q", value)
	}
	return Fact{Analyte: a, Value: v}
}

func codes(found []Finding) string {
	var out []string
	for _, f := range found {
		out = append(out, f.Code)
	}
	return strings.Join(out, " ")
}

func TestCheck(t *testing.T) {
	for _, c := range []struct {
		name, code, value, comparator, unit, rng, flags, want string
		hold                                                  bool
	}{
		{"normal", "2951-2", "140", "", "", "135-145", "N", "", false},
		{"abnormal is news", "2951-2", "120", "", "", "135-145", "LL", "outside-range flagged-abnormal", false},
		{"dialysis patient", "2160-0", "9.1", "", "", "0.6-1.3", "HH", "outside-range flagged-abnormal scale-suspect", false},
		{"negative", "2160-0", "-1", "", "", "", "", "below-possible", true},
		{"over the whole", "2502-3", "130", "", "", "15-50", "", "above-possible outside-range", true},
		{"pH 74", "2744-1", "74", "", "", "", "", "above-possible", true},
		{"base excess may be negative", "1925-7", "-8", "", "", "", "", "", false},
		{"sodium in mg/dL", "2951-2", "322", "", "", "", "", "above-plausible", true},
		{"sodium under detection", "2951-2", "20", "<", "", "", "", "", false},
		{"flag N outside", "2823-3", "5.9", "", "", "3.5-5.1", "N", "outside-range flag-contradicts", false},
		{"flag H inside", "2823-3", "4.0", "", "", "3.5-5.1", "H", "flagged-abnormal flag-contradicts", false},
		{"flag L above", "2823-3", "6.0", "", "", "3.5-5.1", "L", "outside-range flagged-abnormal flag-contradicts", false},
		{"range of umol/L under mg/dL", "2160-0", "0.9", "", "", "53-115", "", "outside-range unit-mislabelled", true},
		{"value and range in umol/L, small", "2160-0", "30", "", "", "53-115", "L", "outside-range flagged-abnormal unit-mislabelled", true},
		{"urea as nitrogen", "3094-0", "32", "", "", "15-43", "N", "unit-mislabelled", true},
		{"urea nitrogen", "3094-0", "15", "", "", "7-20", "N", "", false},
		{"iron in umol/L as ug/dL", "2498-4", "18", "", "", "10-30", "N", "unit-mislabelled", true},
		{"iron in ug/dL", "2498-4", "18", "", "", "60-170", "L", "outside-range flagged-abnormal", false},
		{"saturation in percent", "2502-3", "30", "", "", "20-50", "N", "", false},
		{"haemoglobin in g/L as g/dL", "718-7", "14", "", "", "120-160", "", "outside-range unit-mislabelled", true},
		{"slip, flagged normal", "2160-0", "9.0", "", "", "0.6-1.3", "N", "outside-range flag-contradicts unit-mislabelled", true},
		{"range with its own unit", "2160-0", "0.9", "", "", "0.6-1.3 mg/dL", "", "", false},
		{"range in another unit, said", "2160-0", "0.9", "", "", "53-115 umol/L", "", "range-unit", false},
		{"range of the other code's unit", "14682-9", "80", "", "", "53-115 umol/L", "", "", false},
		{"value in mmol/L, range in mmol/L", "14682-9", "80", "", "mmol/L", "0.053-0.115", "", "", false},
		{"fahrenheit as celsius", "8310-5", "98.6", "", "Cel", "", "", "above-plausible unit-mislabelled", true},
		{"fever", "8310-5", "40.1", "", "Cel", "", "", "", false},
		{"celsius as fahrenheit", "8310-5", "2.8", "", "[degF]", "", "", "below-plausible unit-mislabelled", true},
		{"height in inches", "8302-2", "68", "", "", "", "", "unit-mislabelled", true},
		{"open range", "1988-5", "3", "", "", "<5", "", "", false},
		{"open range, mg/dL as mg/L", "1988-5", "0.3", "", "", "<0.5", "", "unit-mislabelled", true},
		{"detection limit", "1988-5", "0.6", "<", "", "<5", "", "", false},
		{"range not readable", "2160-0", "1", "", "", "M: 0.7-1.3 F: 0.6-1.1", "", "range-unreadable", false},
		{"range of words", "2160-0", "1", "", "", "see comment", "", "", false},
	} {
		f := fact(t, c.code, c.value)
		f.Comparator, f.Unit, f.Range, f.Flags = c.comparator, c.unit, c.rng, strings.Fields(c.flags)
		got := Check(f)
		if codes(got) != c.want || Hold(got) != c.hold {
			t.Errorf("%s: %q hold %v, want %q hold %v", c.name, codes(got), Hold(got), c.want, c.hold)
		}
		for _, x := range got {
			if x.Level == "" || len(x.Evidence) == 0 {
				t.Errorf("%s: bare finding %v", c.name, x)
			}
		}
	}
	if Check(Fact{}) != nil || Hold(nil) {
		t.Error("an empty fact is judged")
	}
}

func TestProposals(t *testing.T) {
	for _, c := range []struct{ code, value, unit, rng, want string }{
		{"2160-0", "80", "", "53-115", "14682-9 umol/L"},
		{"3094-0", "32", "", "15-43", "3091-6 "},
		{"718-7", "140", "", "120-160", " g/L"},
		{"8310-5", "98.6", "Cel", "", " [degF]"},
		{"2777-1", "10.4", "", "7.7-13.8", " "},
	} {
		f := fact(t, c.code, c.value)
		f.Unit, f.Range = c.unit, c.rng
		found := Check(f)
		i := slices.IndexFunc(found, func(x Finding) bool { return x.Code == UnitMislabelled })
		if i < 0 {
			t.Errorf("%+v: %s", c, codes(found))
			continue
		}
		got := " "
		if p := found[i].Proposal; p != nil {
			got = p.Code + " " + p.Unit
		}
		if got != c.want {
			t.Errorf("%s: proposal %q, want %q", c.code, got, c.want)
		}
	}
}

func TestParseRange(t *testing.T) {
	for text, want := range map[string]string{
		"3.5-5.0": "3.5 5.0", "3.5 - 5.0": "3.5 5.0", "3.5 to 5.0": "3.5 5.0", "3.5–5.0": "3.5 5.0", "(3.5-5.0)": "3.5 5.0", "[3.5-5.0]": "3.5 5.0",
		"3.5 - 5.0 mmol/L": "3.5 5.0 mmol/L", "3.5-5.0 mmol/L": "3.5 5.0 mmol/L", "<5": "- 5", "< 5.0": "- 5.0", "<=5": "- 5=", "≤5": "- 5=", ">60": "60 -", ">=60": "60= -", "≥ 60": "60= -",
		"up to 5": "- 5=", "-3 - 3": "-3 3", "-3-3": "-3 3", "-3 - +3": "-3 3", ".5-1.5": "0.5 1.5", "0-5": "0 5", "007-10": "7 10", "3.5 mmol/L - 5.0 mmol/L": "3.5 5.0 mmol/L",
		"<5 mg/L": "- 5 mg/L", "-8--2": "-8 -2",
	} {
		s, ok := parse(text)
		if !ok {
			t.Errorf("%q is not read", text)
			continue
		}
		end := func(r *big.Rat, in bool) string {
			if r == nil {
				return "-"
			}
			return r.RatString() + map[bool]string{true: "="}[in && (s.low == nil || s.high == nil)]
		}
		norm := func(w string) string {
			if r, ok := new(big.Rat).SetString(strings.TrimSuffix(w, "=")); ok {
				return r.RatString() + strings.TrimPrefix(w, strings.TrimSuffix(w, "="))
			}
			return w
		}
		fields := strings.Fields(want)
		got := end(s.low, s.lowIn) + " " + end(s.high, s.highIn)
		if got != norm(fields[0])+" "+norm(fields[1]) || len(fields) == 3 && s.unit != fields[2] || len(fields) == 2 && s.unit != "" {
			t.Errorf("%q: %s %q, want %s", text, got, s.unit, want)
		}
	}
	for _, text := range []string{"", "-", "5", "5-", "-5", "5.0-3.5", "3,5-5,0", "negative", "<", "<>5", "1-2-3", "a-b", "1e3-1e4", "3.5-5.0 furlongs", "< 5 or > 9", "1..2-3", strings.Repeat("1", 65), "1:40", "M 1-2"} {
		if s, ok := parse(text); ok {
			t.Errorf("%q: %v", text, s)
		}
	}
}

func TestDelta(t *testing.T) {
	now := time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		code, value, before string
		days                int
		want                string
	}{
		{"2951-2", "141", "139", 1, ""}, {"2951-2", "118", "140", 1, "delta-large"}, {"2160-0", "1.4", "0.9", 1, ""}, {"2160-0", "5", "0.9", 1, "delta-large"}, {"2160-0", "5", "0.9", 400, ""},
		{"2160-0", "5", "0.9", -1, ""},
	} {
		f := fact(t, c.code, c.value)
		f.At, f.Range = now, ""
		f.Previous = []Previous{{Value: fact(t, c.code, c.before).Value, At: now.Add(-time.Duration(c.days) * 24 * time.Hour)}, {At: now}}
		got := Check(f)
		has := slices.ContainsFunc(got, func(x Finding) bool { return x.Code == DeltaLarge })
		if has != (c.want == DeltaLarge) {
			t.Errorf("%+v: %s", c, codes(got))
		}
		if has && Hold(got) {
			t.Errorf("%+v holds", c)
		}
	}
}

// TestSteady: without a range, an earlier value of the same size confirms an unusual one.
func TestSteady(t *testing.T) {
	f := fact(t, "2160-0", "9")
	if got := Check(f); !Hold(got) {
		t.Errorf("9 mg/dL without range and past: %s", codes(got))
	}
	f.Previous = []Previous{{Value: big.NewRat(8, 1)}}
	if got := Check(f); Hold(got) {
		t.Errorf("9 mg/dL after 8: %s", codes(got))
	}
	f = fact(t, "8302-2", "68")
	f.Child = true
	if got := Check(f); Hold(got) {
		t.Errorf("a child of 68 cm: %s", codes(got))
	}
}

func TestPanel(t *testing.T) {
	for _, c := range []struct{ facts, want string }{
		{"2951-2=140 2075-0=103 1963-8=25", ""}, {"2951-2=140 2075-0=60 1963-8=25", "panel-anion-gap"}, {"2951-2=140 2075-0=130 2028-9=25", "panel-anion-gap"},
		{"4544-3=42 718-7=14", ""}, {"4544-3=42 718-7=8", "panel-hct-hb"}, {"4544-3=42 59260-0=8.7", ""},
		{"786-4=33.3 718-7=14 4544-3=42", ""}, {"786-4=45 718-7=14 4544-3=42", "panel-mchc"},
		{"1968-7=0.3 1975-2=0.9", ""}, {"1968-7=3 1975-2=0.9", "panel-bilirubin"}, {"1968-7=3 14631-6=15.4", "panel-bilirubin"},
		{"2085-9=50 2093-3=190 2089-1=110", ""}, {"2085-9=250 2093-3=190", "panel-lipids"}, {"2085-9=80 2093-3=190 2089-1=170", "panel-lipids"},
		{"2502-3=30 2498-4=100 2500-7=330", ""}, {"2502-3=60 2498-4=100 2500-7=330", "panel-iron"}, {"1751-7=4 2885-2=7", ""}, {"1751-7=8 2885-2=7", "panel-protein"},
		{"8480-6=120 8462-4=80", ""}, {"8480-6=80 8462-4=120", "panel-pressure"}, {"39156-5=24.2 29463-7=70 8302-2=170", ""}, {"39156-5=24.2 29463-7=154 8302-2=170", "panel-bmi"}, {"", ""},
	} {
		var facts []Fact
		for _, w := range strings.Fields(c.facts) {
			code, value, _ := strings.Cut(w, "=")
			facts = append(facts, fact(t, code, value))
		}
		got := Panel(facts)
		if codes(got) != c.want || Hold(got) {
			t.Errorf("%s: %q, want %q", c.facts, codes(got), c.want)
		}
		slices.Reverse(facts)
		if again := Panel(facts); codes(again) != codes(got) {
			t.Errorf("%s: the order of facts matters", c.facts)
		}
	}
}

// TestEveryRowAtRest: the middle of every row's usual range, with that range, has no findings but hard facts of its own.
func TestEveryRowAtRest(t *testing.T) {
	for a := range terminology.Analytes() {
		low, high := number(a.ExpectLow), number(a.ExpectHigh)
		v := new(big.Rat).Add(low, high)
		v.Quo(v, big.NewRat(2, 1))
		f := Fact{Analyte: a, Value: v, Range: a.ExpectLow + " - " + a.ExpectHigh, Flags: []string{"N"}}
		if got := Check(f); len(got) != 0 {
			t.Errorf("%s: %s", a.Code, codes(got))
		}
	}
}

func FuzzCheck(f *testing.F) {
	for _, s := range []string{"3.5-5.0", "<5", "(1 to 2)", "-3 - +3 mmol/L", "≥60", "1-2-3", "\xff", "[", "up to ", "0-0"} {
		f.Add("2160-0", int64(10), int64(10), s, "N", "mg/dL")
		f.Add("8310-5", int64(986), int64(10), s, "", "[degF]")
	}
	f.Fuzz(func(t *testing.T, code string, num, den int64, rng, flag, unit string) {
		a, _ := terminology.Lookup(code)
		if den == 0 {
			return
		}
		x := Fact{Analyte: a, Value: big.NewRat(num, den), Range: rng, Flags: []string{flag}, Unit: unit}
		for _, g := range Check(x) {
			if g.Level == "" || g.Code == "" || len(g.Evidence) == 0 {
				t.Fatalf("%v", g)
			}
		}
		if s, ok := parse(rng); ok && s.empty() {
			t.Fatalf("%q is read as nothing", rng)
		}
		Panel([]Fact{x, x})
	})
}
