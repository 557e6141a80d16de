package units

import (
	"math/big"
	"strings"
	"testing"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/clinical/terminology"
	"github.com/ward-health/ward/clinical/ucum"
	"pgregory.net/rapid"
)

func TestResolve(t *testing.T) {
	var table Table
	for _, c := range []struct{ code, value, unit, ucum, via, text string }{
		{"2160-0", "1.0", "mg/dL", "mg/dL", "ucum", "1.0"},
		{"2160-0", "1.0", "MG/DL", "mg/dL", "alias", "1.0"},
		{"2160-0", "1.00", "mg%", "mg/dL", "alias", "1.00"},
		{"2160-0", "10", "mg/L", "mg/L", "ucum", "1.00"},
		{"14682-9", "88.4", "umol/l", "umol/l", "ucum", "88.4"},
		{"14682-9", "88.4", "µmol/L", "umol/L", "alias", "88.4"},
		{"14682-9", "88.4", "μmol/L", "umol/L", "alias", "88.4"},
		{"14682-9", "0.0884", "mmol/L", "mmol/L", "ucum", "88.4"},
		{"6690-2", "7.2", "K/uL", "10*3/uL", "alias", "7.2"},
		{"6690-2", "7.2", "X10E3/uL", "10*3/uL", "alias", "7.2"},
		{"6690-2", "7.2", "10^3/uL", "10^3/uL", "ucum", "7.2"},
		{"6690-2", "7.2", "x10(3)/mcL", "10*3/uL", "alias", "7.2"},
		{"6690-2", "7.2", "x10³/µL", "10*3/uL", "alias", "7.2"},
		{"6690-2", "7.2", "10⁹/L", "10*9/L", "alias", "7.2"},
		{"6690-2", "7.2", "G/L", "10*9/L", "alias", "7.2"},
		{"6690-2", "7200", "cells/uL", "/uL", "alias", "7.200"},
		{"789-8", "4.5", "M/uL", "10*6/uL", "alias", "4.5"},
		{"789-8", "4.5", "T/L", "10*12/L", "alias", "4.5"},
		{"718-7", "140", "G/L", "g/L", "alias", "14.0"},
		{"718-7", "14", "gm/dL", "g/dL", "alias", "14"},
		{"2951-2", "140", "mEq/L", "meq/L", "alias", "140"},
		{"2601-3", "1.68", "mEq/L", "meq/L", "alias", "0.840"},
		{"3016-3", "2.1", "uIU/mL", "u[IU]/mL", "alias", "2.1"},
		{"3016-3", "2.1", "mU/L", "m[IU]/L", "alias", "2.1"},
		{"1742-6", "31", "IU/L", "U/L", "alias", "31"},
		{"1742-6", "0.5", "µkat/L", "ukat/L", "alias", "30.0"},
		{"8480-6", "120", "mm Hg", "mm[Hg]", "alias", "120"},
		{"8480-6", "16", "kPa", "kPa", "ucum", "120"},
		{"8310-5", "98.6", "F", "[degF]", "alias", "37.0"},
		{"8310-5", "37", "C", "Cel", "alias", "37"},
		{"8310-5", "310.2", "K", "K", "ucum", "37.1"},
		{"8867-4", "72", "bpm", "/min", "alias", "72"},
		{"4537-7", "12", "mm/hr", "mm/h", "alias", "12"},
		{"787-2", "90", "FL", "fL", "alias", "90"},
		{"785-6", "30", "PG", "pg", "alias", "30"},
		{"4544-3", "0.42", "L/L", "L/L", "ucum", "42.0"},
		{"29463-7", "154", "lbs", "[lb_av]", "alias", "69.9"},
		{"8302-2", "68", "in", "[in_i]", "alias", "173"},
		{"98979-8", "88", "mL/min/1.73m2", "mL/min/{1.73_m2}", "alias", "88"},
		{"98979-8", "88", "mL/min/1.73", "mL/min/{1.73_m2}", "alias", "88"},
		{"6301-6", "1.1", "", "{INR}", "default", "1.1"},
		{"2744-1", "7.40", "pH", "[pH]", "alias", "7.40"},
		{"2744-1", "7.40", "", "[pH]", "default", "7.40"},
		{"9318-7", "12", "mcg/mg creat", "ug/mg{creat}", "alias", "12"},
		{"2498-4", "100", "mcg/dL", "ug/dL", "alias", "100"},
	} {
		r, doubt := table.Resolve(Reading{LOINC: c.code, Value: c.value, Unit: c.unit})
		if doubt != nil {
			t.Errorf("%s %s %q: doubt %v", c.code, c.value, c.unit, *doubt)
			continue
		}
		if r.UCUM != c.ucum || r.Via != c.via || r.Text != c.text || r.Value == nil {
			t.Errorf("%s %s %q: %q via %s = %s, want %q via %s = %s", c.code, c.value, c.unit, r.UCUM, r.Via, r.Text, c.ucum, c.via, c.text)
		}
	}
}

func TestDoubts(t *testing.T) {
	var table Table
	for _, c := range []struct{ code, value, unit, reason, proposal string }{
		{"2160-0", "88.4", "umol/L", DimensionMismatch, "14682-9 88.4 umol/L"},
		{"14682-9", "1.0", "mg/dL", DimensionMismatch, "2160-0 1.0 mg/dL"},
		{"2160-0", "1.0", "K/uL", DimensionMismatch, ""},
		{"6690-2", "7.2", "mg/dL", DimensionMismatch, ""},
		{"6690-2", "7.2", "K", DimensionMismatch, ""},
		{"2160-0", "1.0", "", UnitMissing, ""},
		{"2160-0", "1.0", "   ", UnitMissing, ""},
		{"2160-0", "1.0", "flurbs", UnitUnknown, ""},
		{"2160-0", "1.0", strings.Repeat("m", 65), UnitUnknown, ""},
		{"4548-4", "48", "mmol/mol", DimensionMismatch, "59261-8 48 mmol/mol"},
		{"59261-8", "6.5", "%", DimensionMismatch, "4548-4 6.5 %"},
		{"19123-9", "1.68", "mEq/L", DimensionMismatch, "2601-3 1.68 meq/L"},
		{"2951-2", "322", "mg/dL", NeedsMolarMass, " 140 mmol/L"},
		{"2028-9", "25", "mg/dL", NoMolarMass, ""},
		{"38483-4", "1", "meq/L", NoMolarMass, ""},
		{"1742-6", "31", "mg/L", DimensionMismatch, ""},
		{"3016-3", "2.1", "ug/L", ArbitraryUnit, ""},
		{"1751-7", "4", "IU/L", DimensionMismatch, ""},
		{"718-7", "8.7", "mmol/L", DimensionMismatch, "59260-0 8.7 mmol/L"},
		{"1-8", "1", "mg/dL", CodeUnknown, ""},
		{"", "1", "mg/dL", CodeUnknown, ""},
		{"2160-0", "1,0", "mg/dL", ValueNotNumeric, ""},
		{"2160-0", "1e3", "mg/dL", ValueNotNumeric, ""},
		{"2160-0", "1,000", "mg/dL", ValueNotNumeric, ""},
		{"2160-0", "see note", "mg/dL", ValueNotNumeric, ""},
		{"2160-0", "", "mg/dL", ValueNotNumeric, ""},
		{"8310-5", "37", "%", DimensionMismatch, ""},
	} {
		r, d := table.Resolve(Reading{LOINC: c.code, Value: c.value, Unit: c.unit})
		if d == nil {
			t.Errorf("%s %s %q: no doubt: %v", c.code, c.value, c.unit, r)
			continue
		}
		if d.Reason == DimensionMismatch && c.reason == NoMolarMass || d.Reason != c.reason {
			t.Errorf("%s %s %q: %s, want %s", c.code, c.value, c.unit, d.Reason, c.reason)
		}
		got := ""
		if p := d.Proposal; p != nil {
			got = p.Code + " " + p.Value + " " + p.Unit
		}
		if got != c.proposal || d.Class == "" || len(d.Evidence) == 0 || r.Value != nil {
			t.Errorf("%s %s %q: proposal %q, want %q; %v", c.code, c.value, c.unit, got, c.proposal, *d)
		}
	}
}

func TestOverrides(t *testing.T) {
	table, err := New([]Override{
		{Sender: "LAB", Code: "CREA", From: "", Unit: "mg/dL"},
		{Sender: "LAB", Code: "CREA", From: "units", Unit: "umol/L"},
		{Sender: "LAB", Code: "6690-2", From: "n", Unit: "10*3/uL"},
		{Sender: "LAB", From: "mgs", Unit: "mg/dL"},
		{Sender: "LAB", Code: "X", From: "mg/dL", Unit: "mg/L"},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ sender, local, code, unit, want string }{
		{"LAB", "CREA", "2160-0", "", "1.2 override"},
		{"LAB", "CREA", "2160-0", "units", DimensionMismatch},
		{"OTHER", "CREA", "2160-0", "", UnitMissing},
		{"LAB", "WBC", "6690-2", "n", "1.2 override"},
		{"LAB", "ANY", "2160-0", "mgs", "1.2 override"},
		{"OTHER", "ANY", "2160-0", "mgs", UnitUnknown},
		{"LAB", "X", "2160-0", "mg/dL", "0.120 override"},
		{"LAB", "Y", "2160-0", "mg/dL", "1.2 ucum"},
	} {
		r, d := table.Resolve(Reading{Sender: c.sender, LocalCode: c.local, LOINC: c.code, Value: "1.2", Unit: c.unit})
		got := r.Text + " " + r.Via
		if d != nil {
			got = d.Reason
		}
		if got != c.want {
			t.Errorf("%+v: %s", c, got)
		}
	}
	for _, bad := range [][]Override{{{Code: "X", Unit: "mg"}}, {{Sender: "L", Unit: "flurb"}}, {{Sender: "L", Unit: "mg"}, {Sender: "L", Unit: "g"}}} {
		if _, err := New(bad); ward.KindOf(err) != ward.Invalid {
			t.Errorf("%v: %v", bad, err)
		}
	}
}

func TestComparator(t *testing.T) {
	var table Table
	r, d := table.Resolve(Reading{LOINC: "8480-6", Value: "40", Comparator: "<", Unit: "kPa"})
	if d != nil || r.Comparator != "<" || r.Text != "300" {
		t.Errorf("%v %v", r, d)
	}
	if _, d := table.Resolve(Reading{LOINC: "2160-0", Value: "4", Comparator: "~", Unit: "mg/dL"}); d == nil || d.Reason != ComparatorUnknown {
		t.Errorf("%v", d)
	}
}

func TestNumber(t *testing.T) {
	for text, want := range map[string]string{"1": "1", "+1.50": "1.50", "-0.5": "-0.5", ".5": "0.5", "5.": "5", "007.5": "7.5", "0": "0", "000": "0", "0.00": "0.00"} {
		if _, plain, ok := number(text); !ok || plain != want {
			t.Errorf("%q: %q %v", text, plain, ok)
		}
	}
	for _, text := range []string{"", ".", "-", "+", "1e3", "1E-3", "1,5", "1 5", "1.5.5", "--1", "0x10", "NaN", "1/2", "١", strings.Repeat("9", 41)} {
		if v, plain, ok := number(text); ok {
			t.Errorf("%q: %v %q", text, v, plain)
		}
	}
}

func TestRound(t *testing.T) {
	for _, c := range []struct {
		value string
		n     int
		want  string
	}{{"0", 3, "0"}, {"1", 3, "1.00"}, {"0.00123456", 3, "0.00123"}, {"12345", 3, "12345"}, {"99.96", 3, "100.0"}, {"-1.005", 3, "-1.01"}, {"10", 3, "10.0"}, {"9.999", 2, "10.0"}} {
		v, _ := new(big.Rat).SetString(c.value)
		if got := round(v, c.n); got != c.want {
			t.Errorf("%s to %d: %s, want %s", c.value, c.n, got, c.want)
		}
	}
}

// TestEveryUnitOfEveryRow: a value written in any listed unit comes back as the same amount, exactly.
func TestEveryUnitOfEveryRow(t *testing.T) {
	var table Table
	rapid.Check(t, func(t *rapid.T) {
		var rows []terminology.Analyte
		for a := range terminology.Analytes() {
			rows = append(rows, a)
		}
		a := rapid.SampledFrom(rows).Draw(t, "row")
		s := rapid.SampledFrom(a.Units).Draw(t, "unit")
		text := big.NewRat(rapid.Int64Range(0, 1e9).Draw(t, "value"), 1e4).FloatString(4)
		r, d := table.Resolve(Reading{LOINC: a.Code, Value: text, Unit: s})
		if d != nil {
			t.Fatalf("%s %s %s: %v", a.Code, text, s, d)
		}
		from, _ := ucum.Parse(a.Unit)
		to, _ := ucum.Parse(s)
		back, _, err := a.Convert(r.Value, from, to)
		want, _ := new(big.Rat).SetString(text)
		if err != nil || back.Cmp(want) != 0 {
			t.Fatalf("%s %s %s became %v, %v", a.Code, text, s, back, err)
		}
	})
}

// FuzzResolve: whatever is sent, exactly one of result and doubt comes, a result fits its code, and a reason is a constant.
func FuzzResolve(f *testing.F) {
	for _, s := range []string{"mg/dL", "K/uL", "µmol/L", "x10³/µL", "°C", "", "{", "10*3/uL", "\xff\xfe", "m[Hg", "℃", "1/1/1"} {
		f.Add("2160-0", "1.0", s)
		f.Add("6690-2", "7", s)
		f.Add("8310-5", "37", s)
	}
	reasons := map[string]bool{CodeUnknown: true, UnitMissing: true, UnitUnknown: true, DimensionMismatch: true, ArbitraryUnit: true, NeedsMolarMass: true, NoMolarMass: true, ValueNotNumeric: true, ComparatorUnknown: true}
	var table Table
	f.Fuzz(func(t *testing.T, code, value, unit string) {
		r, d := table.Resolve(Reading{LOINC: code, Value: value, Unit: unit})
		if (d == nil) == (r.Value == nil) {
			t.Fatalf("%q %q %q: %v and %v", code, value, unit, r, d)
		}
		if d != nil {
			if !reasons[d.Reason] || d.Class == "" {
				t.Fatalf("%q: reason %q", unit, d.Reason)
			}
			return
		}
		a, _ := terminology.Lookup(code)
		u, err := ucum.Parse(r.UCUM)
		if err != nil || !a.Fits(u) || r.Canonical != a.Unit || r.Text == "" {
			t.Fatalf("%q %q %q: %+v", code, value, unit, r)
		}
	})
}
