package units

import (
	"strings"

	"github.com/ward-health/ward/clinical/ucum"
)

// aliases leads from folded spellings to what they may mean, in the order of the tables. Which of several meanings holds is
// decided by the property of the code alone: no two of them ever fit one row (held by TestAliasesAreUnambiguous).
var aliases = func() map[string][]string {
	m := map[string][]string{}
	for _, table := range [][]spelling{concentrations, counts, measures} {
		for _, s := range table {
			for _, text := range strings.Fields(s.folded) {
				m[text] = append(m[text], s.unit)
			}
		}
	}
	return m
}()

// spelling is a UCUM unit and the folded texts, separated by spaces, that laboratories and devices write for it.
type spelling struct{ unit, folded string }

var glyphs = strings.NewReplacer("µ", "u", "μ", "u", "×", "x", "²", "^2", "³", "^3", "⁶", "^6", "⁹", "^9", "¹²", "^12", "º", "°", "\u00a0", "", " ", "", "\t", "")

// fold writes a unit text in lower case, without spaces and final full stop, with one letter for micro and with plain digits.
func fold(text string) string {
	return strings.TrimSuffix(glyphs.Replace(strings.ToLower(glyphs.Replace(text))), ".")
}

// meanings returns the units that a text may stand for as an alias, parsed.
func meanings(text string) []ucum.Unit {
	var out []ucum.Unit
	for _, s := range aliases[fold(text)] {
		if u, err := ucum.Parse(s); err == nil {
			out = append(out, u)
		}
	}
	return out
}
