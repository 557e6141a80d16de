package predict

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/clinical/ucum"
	"github.com/ward-health/ward/predict/engine"
	"github.com/ward-health/ward/predict/registry"
)

// basis states where a number comes from, one sentence an input.
func basis(m registry.Manifest, inputs []ward.Input, r *result, out *ward.Output) []string {
	why := []string{
		measured(m.Inputs[0], inputs[0], r),
		fmt.Sprintf("age %d years, sex %s", int(inputs[1].Value), inputs[2].Given),
		"equation " + m.Formula.Equation,
	}
	why = append(why, meaning(m.Output, out)...)
	return append(why, contradiction(m.Inputs[0], r)...)
}

// measured is the sentence of one result.
func measured(in registry.Input, x ward.Input, r *result) string {
	text := fmt.Sprintf("%s %s %s", in.Name, Number(x.Value, 3), in.Unit)
	if _, unit, _ := strings.Cut(x.Given, " "); unit != in.Unit && Plain(x.Given) != "" {
		text += ", reported as " + x.Given
	}
	if through := path(in, x.Given); through != "" {
		text += ", converted by " + through
	}
	return text + ", taken " + r.when()
}

// meaning says what the output's band stands for.
func meaning(o registry.Output, out *ward.Output) (why []string) {
	for _, b := range o.Bands {
		if b.Name == out.Band {
			why = append(why, fmt.Sprintf("%s: %s (%s)", b.Name, b.Meaning, o.BandSource))
		}
	}
	return why
}

// when is the clinical time in days, as vague as it is.
func (r *result) when() string {
	from := r.at().Format(time.DateOnly)
	switch {
	case r.hi == math.MaxInt64:
		return "on or after " + from
	case r.hi-r.lo > (24 * time.Hour).Microseconds():
		return "between " + from + " and " + time.UnixMicro(r.hi-1).UTC().Format(time.DateOnly)
	}
	return "on " + from
}

// contradiction tells when none of the result's codes is for the kind of quantity that its unit is of. r is usable.
func contradiction(in registry.Input, r *result) []string {
	said := ""
	for _, c := range in.Codes {
		if p := property(c); p != "" && slices.Contains(r.codes, c.Code) {
			said = p
		}
	}
	if said == "" {
		return nil
	}
	is := "substance"
	if u, err := ucum.Parse(r.unit); err != nil || u.Commensurable(massPerVolume) {
		is = "mass"
	}
	for _, c := range in.Codes {
		if property(c) == is && slices.Contains(r.codes, c.Code) {
			return nil
		}
	}
	return []string{"the result's code speaks of " + said + ", its unit of " + is + "; the unit was taken"}
}

var massPerVolume = unit("g/L")

// property is the kind of concentration that a code stands for, empty when it says neither.
//
// SPEC(LOINC Users' Guide, Long Common Name): the property stands in brackets, [Mass/volume] or [Moles/volume].
func property(c registry.Code) string {
	switch {
	case c.System != registry.LOINC:
	case strings.Contains(c.Meaning, "[Mass/volume]"):
		return "mass"
	case strings.Contains(c.Meaning, "[Moles/volume]"):
		return "substance"
	}
	return ""
}

// Number writes a value with at most n decimals, without trailing zeros.
func Number(x float64, n int) string {
	return strconv.FormatFloat(engine.Round(x, n), 'f', -1, 64)
}

// Plain returns s if it consists of letters, digits, spaces and the signs of plain units, else "": text of a source that
// could carry markup or more than a unit is not shown.
func Plain(s string) string {
	for _, c := range []byte(s) {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !letter && !strings.ContainsRune(" ./%+-", rune(c)) {
			return ""
		}
	}
	return s
}
