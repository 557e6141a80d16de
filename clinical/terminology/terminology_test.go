package terminology

import (
	"math/big"
	"strings"
	"testing"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/clinical/ucum"
)

func unit(t testing.TB, s string) ucum.Unit {
	t.Helper()
	v, err := ucum.Parse(s)
	if err != nil {
		t.Fatalf("unit %q: %v", s, err)
	}
	return v
}

func rat(t testing.TB, s string) *big.Rat {
	t.Helper()
	v, err := ucum.ParseDecimal(s)
	if err != nil {
		t.Fatalf("number %q: %v", s, err)
	}
	return v
}

func row(t testing.TB, code string) Analyte {
	t.Helper()
	a, ok := Lookup(code)
	if !ok {
		t.Fatalf("no row %s", code)
	}
	return a
}

// luhn checks the last digit of a LOINC code.
//
// SPEC(LOINC Users' Guide appendix C): the check digit is the modulus 10 digit of the number before the dash.
func luhn(code string) bool {
	body, check, _ := strings.Cut(code, "-")
	sum := 0
	for i := range len(body) {
		d := int(body[len(body)-1-i] - '0')
		if i%2 == 0 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return check == string(rune('0'+(10-sum%10)%10))
}

func TestRows(t *testing.T) {
	n := 0
	for a := range Analytes() {
		n++
		if !luhn(a.Code) {
			t.Errorf("%s: check digit", a.Code)
		}
		if a.Component == "" || a.System == "" || a.Property == "" || a.Source == "" || len(a.Units) == 0 || !strings.Contains(a.Units[0], bare(a.Unit)) && a.Units[0] != a.Unit {
			t.Errorf("%s: incomplete, or the canonical unit is not the first: %v", a.Code, a.Units)
		}
		for _, s := range a.Units {
			if u := unit(t, s); !a.Fits(u) {
				t.Errorf("%s: listed unit %s does not fit", a.Code, s)
			} else if _, _, err := a.Convert(big.NewRat(1, 1), u, unit(t, a.Unit)); err != nil {
				t.Errorf("%s: listed unit %s: %v", a.Code, s, err)
			}
		}
		low, el, eh, high := rat(t, a.Low), rat(t, a.ExpectLow), rat(t, a.ExpectHigh), rat(t, a.High)
		if low.Cmp(el) >= 0 || el.Cmp(eh) >= 0 || eh.Cmp(high) > 0 {
			t.Errorf("%s: %s < %s < %s <= %s does not hold", a.Code, a.Low, a.ExpectLow, a.ExpectHigh, a.High)
		}
		if a.Formula != "" {
			if _, err := ucum.MolarMass(a.Formula); err != nil {
				t.Errorf("%s: formula %s: %v", a.Code, a.Formula, err)
			}
		}
		for bracket, property := range map[string]string{"[Mass/volume]": "MCnc", "[Moles/volume]": "SCnc", "[#/volume]": "NCnc", "[Enzymatic activity/volume]": "CCnc",
			"[Units/volume]": "ACnc", "[Mass Fraction]": "MFr", "[Volume Fraction]": "VFr", "[Entitic volume]": "EntVol", "[Entitic mass]": "EntMass", "[Partial pressure]": "PPres",
			"[Ratio]": "Ratio", "[Mass Ratio]": "MRto", "[Volume Rate/Area]": "ArVRat", "/100 ": "NFr"} {
			if strings.Contains(a.Name, bracket) && a.Property != property {
				t.Errorf("%s: %s has property %s", a.Code, a.Name, a.Property)
			}
		}
		if a.Property == "MCnc" && !unit(t, a.Unit).Commensurable(unit(t, "g/L")) || a.Property == "SCnc" && !unit(t, a.Unit).Commensurable(unit(t, "mol/L")) ||
			a.Property == "NCnc" && !unit(t, a.Unit).Commensurable(unit(t, "/L")) || a.Property == "CCnc" && !unit(t, a.Unit).Commensurable(unit(t, "kat/L")) {
			t.Errorf("%s: unit %s under property %s", a.Code, a.Unit, a.Property)
		}
	}
	if n < 120 {
		t.Errorf("%d rows, want at least 120", n)
	}
	t.Logf("%d rows", n)
}

// TestSiblingsAgree: the limits of mass and substance rows of one component are the same quantity, within what rounding and
// two authors allow. A row whose figures were written in another unit is found here.
func TestSiblingsAgree(t *testing.T) {
	pairs := 0
	for a := range Analytes() {
		for _, b := range Siblings(a.Code) {
			if a.Formula == "" && a.Charge == 0 || a.Formula != b.Formula {
				continue
			}
			for _, x := range [][2]string{{a.ExpectLow, b.ExpectLow}, {a.ExpectHigh, b.ExpectHigh}} {
				v, _, err := b.Convert(rat(t, x[1]), unit(t, b.Unit), unit(t, a.Unit))
				if err != nil {
					t.Fatalf("%s, %s: %v", a.Code, b.Code, err)
				}
				p, _ := v.Float64()
				q, _ := rat(t, x[0]).Float64()
				if p/q > 1.12 || q/p > 1.12 {
					t.Errorf("%s %s: %s %s is %.3g here", a.Code, b.Code, x[1], b.Unit, p)
				}
			}
			pairs++
		}
	}
	if pairs < 30 {
		t.Errorf("%d pairs compared", pairs)
	}
}

func TestSiblings(t *testing.T) {
	for code, want := range map[string]string{"2160-0": "14682-9", "14682-9": "2160-0", "38483-4": "59826-8", "19123-9": "2601-3", "59261-8": "4548-4 17856-6", "2951-2": "", "1-8": ""} {
		var got []string
		for _, s := range Siblings(code) {
			got = append(got, s.Code)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %v, want %s", code, got, want)
		}
	}
}

func TestFits(t *testing.T) {
	for _, c := range []struct {
		code, unit string
		want       bool
	}{
		{"2160-0", "mg/dL", true}, {"2160-0", "g/L", true}, {"2160-0", "umol/L", false}, {"2160-0", "mg", false}, {"2160-0", "meq/L", false},
		{"14682-9", "umol/L", true}, {"14682-9", "mg/dL", false}, {"14682-9", "meq/L", false},
		{"2601-3", "meq/L", true}, {"2601-3", "mg/dL", false}, {"19123-9", "meq/L", false},
		{"6690-2", "10*3/uL", true}, {"6690-2", "/uL", true}, {"6690-2", "K/uL", false}, {"6690-2", "%", false},
		{"4548-4", "%", true}, {"4548-4", "mmol/mol", false}, {"59261-8", "mmol/mol", true}, {"59261-8", "%", false}, {"4548-4", "[ppth]", false},
		{"4544-3", "%", true}, {"4544-3", "L/L", true}, {"4544-3", "mmol/mol", false}, {"4544-3", "{ratio}", true},
		{"3016-3", "m[IU]/L", true}, {"3016-3", "mU/L", false}, {"1742-6", "U/L", true}, {"1742-6", "[IU]/L", false}, {"1742-6", "ukat/L", true},
		{"8310-5", "Cel", true}, {"8310-5", "[degF]", true}, {"8310-5", "K", true}, {"8310-5", "C", false}, {"8310-5", "mK", false}, {"8310-5", "mCel", false},
		{"2744-1", "[pH]", true}, {"2744-1", "1", false}, {"6301-6", "{INR}", true}, {"6301-6", "1", true}, {"6301-6", "%", false}, {"6301-6", "s", false},
		{"8480-6", "mm[Hg]", true}, {"8480-6", "kPa", true}, {"39156-5", "kg/m2", true}, {"39156-5", "kg", false}, {"98979-8", "mL/min/{1.73_m2}", true},
		{"4537-7", "mm/h", true}, {"4537-7", "mm", false}, {"2502-3", "%", true}, {"2502-3", "mg/dL", false},
	} {
		if got := row(t, c.code).Fits(unit(t, c.unit)); got != c.want {
			t.Errorf("%s %s: %v", c.code, c.unit, got)
		}
	}
	if (Analyte{}).Fits(unit(t, "mg")) {
		t.Error("the zero row takes a unit")
	}
}

func TestConvert(t *testing.T) {
	for _, c := range []struct{ code, value, from, to, want string }{
		{"2160-0", "88.4017", "umol/L", "mg/dL", "1.0000"},
		{"19123-9", "1", "meq/L", "mg/dL", "1.2153"}, // the trap: the same number in mEq/L and mg/dL is 22 % apart
		{"2601-3", "1", "meq/L", "mmol/L", "0.5000"},
		{"19123-9", "2.4305", "mg/dL", "mmol/L", "1.0000"},
		{"19123-9", "1.2152", "mg/dL", "meq/L", "1.0000"},
		{"2951-2", "140", "meq/L", "mmol/L", "140.0000"},
		{"3094-0", "1", "mmol/L", "mg/dL", "2.8014"},
		{"3091-6", "1", "mmol/L", "mg/dL", "6.0056"},
		{"2093-3", "1", "mmol/L", "mg/dL", "38.6664"},
		{"2345-7", "1", "mmol/L", "mg/dL", "18.0156"},
		{"2571-8", "1", "mmol/L", "mg/dL", "88.5453"},
		{"2777-1", "1", "mg/dL", "mmol/L", "0.3229"},
		{"2498-4", "100", "ug/dL", "umol/L", "17.9067"},
		{"8310-5", "98.6", "[degF]", "Cel", "37.0000"}, {"8310-5", "37", "Cel", "[degF]", "98.6000"}, {"8310-5", "310.15", "K", "Cel", "37.0000"}, {"8310-5", "37", "Cel", "K", "310.1500"},
		{"6690-2", "7.2", "10*3/uL", "10*9/L", "7.2000"}, {"6690-2", "7200", "/uL", "10*3/uL", "7.2000"},
	} {
		got, _, err := row(t, c.code).Convert(rat(t, c.value), unit(t, c.from), unit(t, c.to))
		if err != nil || ucum.Text(got, 4) != c.want {
			t.Errorf("%s %s %s: %v %v, want %s %s", c.code, c.value, c.from, got, err, c.want, c.to)
		}
	}
	for _, c := range [][3]string{{"1751-7", "mmol/L", "g/dL"}, {"2160-0", "meq/L", "mg/dL"}, {"2160-0", "K/uL", "mg/dL"}, {"2160-0", "Cel", "mg/dL"}, {"2160-0", "L/umol", "mg/dL"},
		{"2160-0", "mg.mol/L", "mg/dL"}, {"3016-3", "mU/L", "m[IU]/L"}, {"8310-5", "C", "Cel"}, {"718-7", "mmol/L", "g/dL"}, {"2160-0", "umol", "mg/dL"}} {
		if got, _, err := row(t, c[0]).Convert(big.NewRat(1, 1), unit(t, c[1]), unit(t, c[2])); ward.KindOf(err) != ward.Unprocessable {
			t.Errorf("%v: %v, %v", c, got, err)
		}
	}
}

func TestLookupIsACopy(t *testing.T) {
	a := row(t, "2160-0")
	a.Units[0] = "broken"
	if row(t, "2160-0").Units[0] != "mg/dL" || row(t, "38483-4").Units[0] != "mg/dL" {
		t.Error("a caller changed the table")
	}
}

func TestV2(t *testing.T) {
	for _, c := range []struct{ table, code, want string }{
		{"0001", "F", "female"}, {"0001", "A", "other"}, {"0001", "X", ""}, {"0004", "I", "IMP"}, {"0004", "R", "R"}, {"0078", "HH", "HH"}, {"0078", "null", ""},
		{"0085", "C", "corrected"}, {"0085", "W", "entered-in-error"}, {"0085", "R", "preliminary"}, {"0085", "U", ""}, {"0123", "F", "final"}, {"0123", "Y", ""},
		{"0203", "MR", "MR"}, {"0203", "nope", ""}, {"9999", "F", ""},
	} {
		system, got, display, ok := V2(c.table, c.code)
		if got != c.want || ok != (c.want != "") || ok && (system == "" || display == "") {
			t.Errorf("%s %s: %q %q %q %v", c.table, c.code, system, got, display, ok)
		}
	}
}

func TestCodingSystem(t *testing.T) {
	for name, want := range map[string]string{"LN": "http://loinc.org", "ln": "http://loinc.org", "SCT": "http://snomed.info/sct", "I10C": "http://hl7.org/fhir/sid/icd-10-cm", "UCUM": "http://unitsofmeasure.org",
		"CVX": "http://hl7.org/fhir/sid/cvx", "HL70078": "http://terminology.hl7.org/CodeSystem/v2-0078", "L": "", "99LAB": "", "": "", "HL7": "", "HL7abcd": ""} {
		if got, ok := CodingSystem(name); got != want || ok != (want != "") {
			t.Errorf("%s: %q %v", name, got, ok)
		}
	}
}
