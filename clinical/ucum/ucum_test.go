package ucum

import (
	"math/big"
	"strings"
	"testing"

	"github.com/ward-health/ward"
	"pgregory.net/rapid"
)

func rat(t testing.TB, s string) *big.Rat {
	t.Helper()
	r, ok := new(big.Rat).SetString(s)
	if !ok {
		t.Fatalf("%q is no number", s)
	}
	return r
}

func unit(t testing.TB, s string) Unit {
	t.Helper()
	u, err := Parse(s)
	if err != nil {
		t.Fatalf("Parse(%q): %v", s, err)
	}
	return u
}

func TestConvert(t *testing.T) {
	for _, c := range []struct{ value, from, to, want string }{
		{"1", "mg/dL", "g/L", "1/100"},
		{"1", "mg/dl", "ug/mL", "10"},
		{"88.4", "umol/L", "mmol/L", "0.0884"},
		{"1", "kat", "U", "60000000"},
		{"120", "mm[Hg]", "kPa", "15.99864"},
		{"1", "kcal", "J", "4184"},
		{"1", "a", "mo", "12"},
		{"1", "10*9/L", "/uL", "1000"},
		{"1", "mL", "cm3", "1"},
		{"50", "%", "1", "1/2"},
		{"1", "[iU]/L", "m[IU]/mL", "1"},
		{"1", "/m.s", "s/m", "1"},
		{"1", "g/(8.h)", "g/d", "3"},
		{"37", "Cel", "Cel", "37"},
	} {
		got, err := Convert(rat(t, c.value), unit(t, c.from), unit(t, c.to))
		if err != nil || got.Cmp(rat(t, c.want)) != 0 {
			t.Errorf("%s %s in %s: %v, %v, want %s", c.value, c.from, c.to, got, err, c.want)
		}
	}
}

// Each pair would hurt somebody if it were converted.
func TestConvertRefuses(t *testing.T) {
	for _, c := range [][2]string{
		{"mg/dL", "umol/L"}, {"meq/L", "mmol/L"}, {"osm/kg", "mol/kg"}, {"U/L", "[IU]/L"}, {"mg/dL", "mg"}, {"mol", "1"},
		{"Cel", "K"}, {"Cel", "[degF]"}, {"mCel", "Cel"}, {"K", "Cel"}, {"/[HPF]", "/[LPF]"}, {"[arb'U]/mL", "[IU]/mL"}, {"%", "mg"},
	} {
		if got, err := Convert(big.NewRat(1, 1), unit(t, c[0]), unit(t, c[1])); ward.KindOf(err) != ward.Unprocessable {
			t.Errorf("%s to %s: %v, %v", c[0], c[1], got, err)
		}
	}
	if _, err := Convert(big.NewRat(1, 1), Unit{}, Unit{}); err == nil {
		t.Error("the zero unit converts")
	}
}

func TestParseRefuses(t *testing.T) {
	for _, s := range []string{"", " mg", "mg ", "mg dL", "mg/", "mg//dL", "(mg", "mg)", "((((((((((m))))))))))", "mg{a", "mg}", "{a}mg", "mg{a{b}}",
		"m[Hg", "[[m]]", "0", "00", "1234567890123", "m99", "m-33", "m333", "mgg", "kkg", "MIN", "Mg/DL", "mmin", "Cel2", "mg.Cel", "Cel/s", "(/m)",
		"10+3", "12h", "(mg)2", "(mg){x}", strings.Repeat("m.", 64) + "m", "m\x00", "µg", "mg\n", "+3", "m+", "--", "B[10.nV"} {
		if u, err := Parse(s); err == nil {
			t.Errorf("Parse(%q) = %v", s, u.Factor())
		} else if k := ward.KindOf(err); k != ward.Invalid && k != ward.Unsupported {
			t.Errorf("Parse(%q): kind %v", s, k)
		} else if len(s) > 4 && strings.Contains(err.Error(), s) {
			t.Errorf("Parse(%q): the error repeats the input", s)
		}
	}
}

func TestMolar(t *testing.T) {
	creatinine, err := MolarMass("C4H7N3O")
	if err != nil || Text(creatinine, 3) != "113.120" {
		t.Fatalf("creatinine: %v, %v", creatinine, err)
	}
	for _, c := range []struct{ value, from, to, want string }{
		{"1", "mg/dL", "umol/L", "88.40"},
		{"88.4017", "umol/L", "mg/dL", "1.00"},
		{"0.1", "mmol/L", "mg/dL", "1.13"},
		{"10", "mg/L", "mg/dL", "1.00"},
		{"1", "L/g", "L/mol", "113.12"},
	} {
		got, err := ConvertMolar(rat(t, c.value), unit(t, c.from), unit(t, c.to), creatinine)
		if err != nil || Text(got, 2) != c.want {
			t.Errorf("%s %s: %v, %v, want %s %s", c.value, c.from, got, err, c.want, c.to)
		}
	}
	for _, c := range [][2]string{{"mg/dL", "umol"}, {"g/mol", "1"}, {"g2", "mol2"}, {"U/L", "mg/dL"}, {"eq/L", "mg/L"}, {"Cel", "mol"}, {"mg/dL", "Cel"}} {
		if got, err := ConvertMolar(big.NewRat(1, 1), unit(t, c[0]), unit(t, c[1]), creatinine); ward.KindOf(err) != ward.Unprocessable {
			t.Errorf("%s to %s: %v, %v", c[0], c[1], got, err)
		}
	}
	if _, err := ConvertMolar(big.NewRat(1, 1), unit(t, "g"), unit(t, "mol"), new(big.Rat)); err == nil {
		t.Error("a molar mass of zero converts")
	}
}

func TestMolarMass(t *testing.T) {
	for formula, want := range map[string]string{"C6H12O6": "180.156", "CH4N2O": "60.056", "C27H46O": "386.664", "H2O": "18.015", "ClNa": "58.440", "Ca": "40.078", "CO2": "44.009", "C33H36N4O6": "584.673"} {
		if m, err := MolarMass(formula); err != nil || Text(m, 3) != want {
			t.Errorf("%s: %v, %v, want %s", formula, m, err, want)
		}
	}
	for _, formula := range []string{"", "c4", "C4N3H7O", "NaCl", "C4C2", "C0", "C1", "C01", "C99999", "X2", "C4H7N3O ", "(CH2)2", strings.Repeat("C", 65), "4C", "Cc"} {
		if m, err := MolarMass(formula); ward.KindOf(err) != ward.Invalid {
			t.Errorf("%q: %v, %v", formula, m, err)
		}
	}
}

func TestParseDecimal(t *testing.T) {
	for s, want := range map[string]string{"1": "1", "-0.5": "-1/2", "1.0": "1", "1e3": "1000", "2.5E-1": "1/4", "0": "0", "0.10e+1": "1"} {
		if r, err := ParseDecimal(s); err != nil || r.Cmp(rat(t, want)) != 0 {
			t.Errorf("%s: %v, %v", s, r, err)
		}
	}
	for _, s := range []string{"", "-", "01", "1.", ".5", "+1", "1e", "1e31", "1e-31", "1e99999999999999999999", "1/2", "0x1", "1_0", "NaN", "Inf", " 1", "1 ", "--1", "1e1.5", strings.Repeat("1", 41)} {
		if r, err := ParseDecimal(s); ward.KindOf(err) != ward.Invalid {
			t.Errorf("%q: %v, %v", s, r, err)
		}
	}
}

func TestTableUnharmed(t *testing.T) {
	before := unit(t, "mg").Factor()
	unit(t, "mg").Factor().SetInt64(9)
	u := unit(t, "g")
	u.Factor().SetInt64(7)
	if _, err := Convert(big.NewRat(5, 1), u, unit(t, "mg")); err != nil {
		t.Fatal(err)
	}
	if unit(t, "mg").Factor().Cmp(before) != 0 || unit(t, "g").Factor().Cmp(big.NewRat(1, 1)) != 0 {
		t.Error("a caller changed the table")
	}
}

func TestRoundTrip(t *testing.T) {
	mass := []string{"mg/dL", "g/L", "ug/mL", "kg/m3", "ng/mL"}
	molar := []string{"umol/L", "mmol/L", "mol/m3", "nmol/mL", "pmol/uL"}
	creatinine, _ := MolarMass("C4H7N3O")
	rapid.Check(t, func(t *rapid.T) {
		units := append(append([]string{}, mass...), molar...)
		from, _ := Parse(rapid.SampledFrom(units).Draw(t, "from"))
		to, _ := Parse(rapid.SampledFrom(units).Draw(t, "to"))
		v := big.NewRat(rapid.Int64().Draw(t, "num"), rapid.Int64Range(1, 1<<40).Draw(t, "den"))
		there, err := ConvertMolar(v, from, to, creatinine)
		if err != nil {
			t.Fatal(err)
		}
		back, err := ConvertMolar(there, to, from, creatinine)
		if err != nil || back.Cmp(v) != 0 {
			t.Fatalf("%v became %v, %v", v, back, err)
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"mg/dL", "umol/L", "10*-7.s", "4.[pi].10*-7.N/A2", "/{tot}", "ng/(8.h.kg)", "dB[10.nV]", "m[H2O]", "Cel", "Ym32.Ym32"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		u, err := Parse(s)
		if err != nil {
			return
		}
		if u.Special() != (u.Factor() == nil) || !u.Special() && u.Factor().Sign() <= 0 {
			t.Fatalf("%q: factor %v", s, u.Factor())
		}
		if v, err := Convert(big.NewRat(3, 7), u, u); err != nil || v.Cmp(big.NewRat(3, 7)) != 0 {
			t.Fatalf("%q to itself: %v, %v", s, v, err)
		}
	})
}

func FuzzMolarMass(f *testing.F) {
	f.Add("C4H7N3O")
	f.Add("ClNa")
	f.Fuzz(func(t *testing.T, s string) {
		if m, err := MolarMass(s); err == nil && m.Sign() <= 0 {
			t.Fatalf("%q: %v", s, m)
		}
	})
}

func FuzzParseDecimal(f *testing.F) {
	f.Add("1.25e-3")
	f.Fuzz(func(t *testing.T, s string) {
		if r, err := ParseDecimal(s); err == nil && r.Num().BitLen()+r.Denom().BitLen() > 600 {
			t.Fatalf("%q is not bounded", s)
		}
	})
}
