package units

import (
	"strings"
	"testing"

	"github.com/ward-health/ward/clinical/terminology"
	"github.com/ward-health/ward/clinical/ucum"
)

// TestAliasesAreUnits: every target is UCUM, is a measure of something, and fits a row, so that no entry is dead.
func TestAliasesAreUnits(t *testing.T) {
	texts := 0
	for _, table := range [][]spelling{concentrations, counts, measures} {
		for _, s := range table {
			u, err := ucum.Parse(s.unit)
			if err != nil {
				t.Errorf("target %q: %v", s.unit, err)
				continue
			}
			fits := false
			for a := range terminology.Analytes() {
				fits = fits || a.Fits(u)
			}
			if !fits && s.unit != "[oz_av]" && s.unit != "mm" && s.unit != "[ft_i]" && s.unit != "L/L" && s.unit != "10*5/uL" {
				t.Errorf("target %q fits no row", s.unit)
			}
			for _, text := range strings.Fields(s.folded) {
				if texts++; fold(text) != strings.TrimSuffix(text, ".") && fold(text) != text {
					t.Errorf("%q is not in folded form: %q", text, fold(text))
				}
			}
		}
	}
	if texts < 400 {
		t.Errorf("%d aliases, want about 400 or more", texts)
	}
	t.Logf("%d aliases", texts)
}

// TestAliasesAreUnambiguous: for no row do two meanings of one text fit and differ in size, be they two aliases or an alias
// and the UCUM reading of the folded text.
func TestAliasesAreUnambiguous(t *testing.T) {
	for text := range aliases {
		var all []ucum.Unit
		all = append(all, meanings(text)...)
		if u, ok := standard(text); ok {
			all = append(all, u)
		}
		for a := range terminology.Analytes() {
			for i, u := range all {
				for _, v := range all[i+1:] {
					if a.Fits(u) && a.Fits(v) && !u.Equal(v) {
						t.Errorf("%q under %s may be %s and %s", text, a.Code, u, v)
					}
				}
			}
		}
	}
}

// TestUCUMIsNotShadowed: no text that is UCUM and fits a code gets another size from an alias, in any case of letters.
func TestUCUMIsNotShadowed(t *testing.T) {
	var table Table
	for text := range aliases {
		for _, sent := range []string{text, strings.ToUpper(text), strings.ToUpper(text[:1]) + text[1:]} {
			as, ok := standard(sent)
			if !ok {
				continue
			}
			for a := range terminology.Analytes() {
				if !a.Fits(as) {
					continue
				}
				r, doubt := table.Resolve(Reading{LOINC: a.Code, Value: "1", Unit: sent})
				if doubt != nil {
					t.Fatalf("%s %s: %v", a.Code, sent, doubt)
				}
				if got, _ := ucum.Parse(r.UCUM); !got.Equal(as) {
					t.Errorf("%q under %s is UCUM and was read as %s", sent, a.Code, r.UCUM)
				}
			}
		}
	}
}
