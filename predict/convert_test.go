package predict

import (
	"math/big"
	"testing"

	"github.com/ward-health/ward/clinical/ucum"
	"github.com/ward-health/ward/predict/registry"
	"pgregory.net/rapid"
)

func magnesium(unit string) registry.Input {
	return registry.Input{Name: "magnesium", Unit: unit, Molecule: "Mg", Charge: 2}
}

// TestConvert goes between mass, substance and equivalents in every direction, exactly.
func TestConvert(t *testing.T) {
	for _, c := range []struct {
		value, from, to, want string
		via                   string
	}{
		{"1.21525", "mg/dL", "meq/L", "1", "the molecular formula Mg and its charge 2"},
		{"12.1525", "mg/L", "meq/L", "1", "the molecular formula Mg and its charge 2"},
		{"0.5", "mmol/L", "meq/L", "1", "the charge 2 of Mg"},
		{"500", "umol/L", "meq/L", "1", "the charge 2 of Mg"},
		{"1000", "ueq/L", "meq/L", "1", ""},
		{"0.1", "meq/dL", "meq/L", "1", ""},
		{"1", "meq/L", "mmol/L", "0.5", "the charge 2 of Mg"},
		{"1", "meq/L", "mg/dL", "1.21525", "the molecular formula Mg and its charge 2"},
		{"0.5", "mmol/L", "mg/dL", "1.21525", "the molecular formula Mg"},
		{"2.4305", "mg/dL", "mmol/L", "1", "the molecular formula Mg"},
	} {
		value, _ := ucum.ParseDecimal(c.value)
		from, err := ucum.Parse(c.from)
		if err != nil {
			t.Fatal(err)
		}
		got, err := convert(magnesium(c.to), value, from)
		if err != nil || got.RatString() != rat(t, c.want).RatString() {
			t.Errorf("%+v: %v, %v", c, got, err)
		}
		if via := path(magnesium(c.to), c.value+" "+c.from); via != c.via {
			t.Errorf("%+v: %q", c, via)
		}
	}
}

func rat(t *testing.T, s string) *big.Rat {
	t.Helper()
	r, err := ucum.ParseDecimal(s)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestConvertRefuses: what neither formula nor charge connects stays apart.
func TestConvertRefuses(t *testing.T) {
	uncharged := magnesium("meq/L")
	uncharged.Charge = 0
	bare := registry.Input{Name: "x", Unit: "meq/L"}
	for _, c := range []struct {
		in   registry.Input
		from string
	}{
		{uncharged, "mmol/L"}, {uncharged, "mg/dL"}, {bare, "mmol/L"}, {bare, "mg/dL"},
		{magnesium("meq/L"), "meq"}, {magnesium("meq/L"), "meq/(24.h)"}, {magnesium("meq/L"), "mg"}, {magnesium("meq/L"), "mosm/L"}, {magnesium("meq/L"), "[IU]/L"},
		{magnesium("meq/L"), "U/L"}, {magnesium("meq/L"), "1"}, {magnesium("meq/L"), "%"}, {magnesium("meq/L"), "mmol/kg"}, {magnesium("mmol/L"), "mosm/L"}, {magnesium("mg/dL"), "meq"},
	} {
		from, err := ucum.Parse(c.from)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := convert(c.in, big.NewRat(1, 1), from); err == nil {
			t.Errorf("1 %s is %v %s", c.from, got, c.in.Unit)
		}
	}
}

// TestConvertBack: there and back is where it began.
func TestConvertBack(t *testing.T) {
	units := []string{"meq/L", "ueq/mL", "mmol/L", "umol/dL", "mg/dL", "g/L", "ng/mL"}
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.SampledFrom(units).Draw(t, "a"), rapid.SampledFrom(units).Draw(t, "b")
		value := big.NewRat(rapid.Int64Range(1, 1_000_000).Draw(t, "value"), rapid.Int64Range(1, 1000).Draw(t, "over"))
		there, err := convert(magnesium(b), value, unit(a))
		if err != nil {
			t.Fatal(err)
		}
		back, err := convert(magnesium(a), there, unit(b))
		if err != nil || back.Cmp(value) != 0 {
			t.Fatalf("%v %s is %v %s, which is %v %s (%v)", value, a, there, b, back, a, err)
		}
	})
}
