package units

import (
	"math/big"
	"slices"
	"strings"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/clinical/terminology"
	"github.com/ward-health/ward/clinical/ucum"
)

const maxText = 64 // bytes of a unit text; longer is unknown

// Table resolves readings. The zero Table has the curated aliases and no overrides. It is safe for concurrent use.
type Table struct {
	overrides map[key]Override
}

type key struct{ sender, code, from string }

// New makes a Table with the overrides of a deployment. An override without sender, with a unit that is not UCUM, or that
// contradicts another one is ward.Invalid.
func New(overrides []Override) (*Table, error) {
	t := &Table{overrides: make(map[key]Override, len(overrides))}
	for _, o := range overrides {
		k := key{o.Sender, o.Code, strings.TrimSpace(o.From)}
		if o.Sender == "" {
			return nil, ward.E(ward.Invalid, "units.override", "a unit override names its sender", nil)
		}
		if _, err := ucum.Parse(o.Unit); err != nil {
			return nil, ward.E(ward.Invalid, "units.override", "the unit of an override is UCUM", err)
		}
		if before, found := t.overrides[k]; found && before.Unit != o.Unit {
			return nil, ward.E(ward.Invalid, "units.override", "two unit overrides for one sender, code and text differ", nil)
		}
		t.overrides[k] = o
	}
	return t, nil
}

// Resolve says what a reading means, or why that is in doubt. With a Doubt the Result is empty.
func (t *Table) Resolve(r Reading) (Result, *Doubt) {
	a, ok := terminology.Lookup(r.LOINC)
	if !ok {
		return Result{}, &Doubt{Class: ClassUnmappedCode, Reason: CodeUnknown, Evidence: []string{"code " + clip(r.LOINC) + ", sent as " + clip(r.LocalCode) + ", is not in the table"}}
	}
	value, plain, ok := number(r.Value)
	if !ok {
		return Result{}, &Doubt{Class: ClassValue, Reason: ValueNotNumeric, Evidence: []string{"the value is no plain decimal number"}}
	}
	if !slices.Contains([]string{"", "<", "<=", ">=", ">"}, r.Comparator) {
		return Result{}, &Doubt{Class: ClassValue, Reason: ComparatorUnknown, Evidence: []string{"comparator " + clip(r.Comparator)}}
	}
	unit, via, doubt := t.meaning(a, r, value, plain)
	if doubt != nil {
		return Result{}, doubt
	}
	return express(a, r, unit, via, value, plain)
}

// meaning finds the unit that the text stands for and that fits the code.
func (t *Table) meaning(a terminology.Analyte, r Reading, value *big.Rat, plain string) (ucum.Unit, string, *Doubt) {
	text := strings.TrimSpace(r.Unit)
	if u, found := t.override(r, text); found {
		if a.Fits(u) {
			return u, "override", nil
		}
		return ucum.Unit{}, "", contradiction(a, u, value, plain, "an override makes "+clip(text)+" "+u.String())
	}
	if text == "" {
		if u, ok := natural(a); ok {
			return u, "default", nil
		}
		return ucum.Unit{}, "", &Doubt{Class: ClassUnit, Reason: UnitMissing, Evidence: []string{"no unit was sent; " + a.Code + " is kept in " + a.Unit}}
	}
	if len(text) > maxText {
		return ucum.Unit{}, "", &Doubt{Class: ClassUnit, Reason: UnitUnknown, Evidence: []string{"the unit is longer than 64 bytes"}}
	}
	as, also := meanings(text), []ucum.Unit(nil)
	if u, ok := standard(text); ok {
		if a.Fits(u) {
			// A text that is UCUM and fits means that, whatever its fold: Mg/dL is no mg/dL.
			return u, "ucum", nil
		}
		also = append(also, u)
	}
	for _, u := range as {
		if a.Fits(u) {
			return u, "alias", nil
		}
	}
	known := append(as, also...)
	if len(known) == 0 {
		return ucum.Unit{}, "", &Doubt{Class: ClassUnit, Reason: UnitUnknown, Evidence: []string{"unit " + clip(text) + " is neither an override, an alias nor UCUM"}}
	}
	return ucum.Unit{}, "", mismatch(a, known, value, plain, text)
}

// standard reads a text as UCUM.
//
// SPEC(UCUM 2.3 #8): factors are integers, so that mL/min/1.73 is 73 mL/min; whoever writes a decimal point between digits
// means no UCUM, and only an alias can say what.
func standard(text string) (ucum.Unit, bool) {
	inside := false
	for i := range len(text) {
		switch {
		case text[i] == '{':
			inside = true
		case text[i] == '}':
			inside = false
		case text[i] == '.' && !inside && i > 0 && i+1 < len(text) && digit(text[i-1]) && digit(text[i+1]):
			return ucum.Unit{}, false
		}
	}
	u, err := ucum.Parse(text)
	return u, err == nil
}

func digit(c byte) bool { return c >= '0' && c <= '9' }

// override is the unit that the sender has said that it means.
func (t *Table) override(r Reading, text string) (ucum.Unit, bool) {
	o, found := t.said(r, text)
	if !found || o.Lapsed {
		return ucum.Unit{}, false
	}
	u, err := ucum.Parse(o.Unit)
	return u, err == nil
}

// Said returns what is said of the sender's unit text under the code, if anything is.
func (t *Table) Said(r Reading) (Override, bool) { return t.said(r, strings.TrimSpace(r.Unit)) }

// said looks for the local code, then the LOINC code, then all codes of the sender.
func (t *Table) said(r Reading, text string) (Override, bool) {
	for _, code := range []string{r.LocalCode, r.LOINC, ""} {
		if o, found := t.overrides[key{r.Sender, code, text}]; found {
			return o, true
		}
	}
	return Override{}, false
}

// natural is the unit of the two quantities that have only one and are written without: pH and INR.
func natural(a terminology.Analyte) (ucum.Unit, bool) {
	if a.Property != "LsCnc" && a.Property != "RelTime" {
		return ucum.Unit{}, false
	}
	u, err := ucum.Parse(a.Unit)
	return u, err == nil
}

// express converts to the canonical unit.
func express(a terminology.Analyte, r Reading, unit ucum.Unit, via string, value *big.Rat, plain string) (Result, *Doubt) {
	to, err := ucum.Parse(a.Unit)
	if err != nil {
		return Result{}, &Doubt{Class: ClassUnit, Reason: UnitUnknown, Evidence: []string{"the canonical unit is not UCUM"}}
	}
	v, step, err := a.Convert(value, unit, to)
	if err != nil {
		return Result{}, &Doubt{Class: ClassUnit, Reason: DimensionMismatch, Evidence: []string{ward.PublicText(err)}}
	}
	out := Result{UCUM: unit.String(), Via: via, Value: v, Comparator: r.Comparator, Canonical: a.Unit, Text: plain}
	if text := strings.TrimSpace(r.Unit); text != unit.String() {
		out.Steps = append(out.Steps, via+" "+clip(text)+" -> "+unit.String())
	}
	if step != "" {
		out.Text = textOf(a, v, plain)
		out.Steps = append(out.Steps, plain+" "+unit.String()+" = "+out.Text+" "+a.Unit, step)
	}
	return out, nil
}

// textOf rounds a converted value: by significant digits, on scales with an offset by decimals.
func textOf(a terminology.Analyte, v *big.Rat, plain string) string {
	if a.Property == "Temp" {
		return ucum.Text(v, max(places(plain), 1))
	}
	return round(v, max(significant(plain), carried))
}

// clip bounds text from outside that goes into evidence.
func clip(s string) string {
	if len(s) > maxText {
		s = s[:maxText]
	}
	return strings.ToValidUTF8(s, "?")
}
