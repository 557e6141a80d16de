package predict

import (
	"fmt"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/clinical/ucum"
	"github.com/ward-health/ward/predict/engine"
	"github.com/ward-health/ward/predict/registry"
)

// ahead is how far a clinical time may lie after the decision: dates without time stand for midnight in an unknown zone.
const ahead = 24 * time.Hour

// judge is the whole of a decision as a function of the artefact, the sources and the time. Without results none is on
// record. Inputs stand in a fixed order: the result, age, sex, then results that were looked at and not used; one that is not
// usable or not used has an empty Unit and the Value 0. The age is in completed years on the UTC date of at; the sex is 1 for
// female, 2 for male.
func judge(v registry.Verified, who *person, rs []*result, at time.Time) ([]ward.Input, *ward.Output, []string) {
	m := v.Manifest()
	c := choose(m.Inputs[0], rs)
	var inputs []ward.Input
	var why []string
	lab, err := quantity(m.Inputs[0], c, at)
	if c.newest != nil {
		inputs = append(inputs, lab)
	}
	why = reason(why, err)
	if who.modified {
		why = reason(why, refusal("the patient's record carries a modifierExtension, which may change its meaning and is not understood"))
	}
	age, err := years(m.Subject, who, at)
	why = reason(why, err)
	sex, err := sexOf(m.Subject, who)
	why = reason(why, err)
	inputs = append(inputs, age, sex)
	for _, r := range c.aside() {
		inputs = append(inputs, r.named(m.Inputs[0]))
	}
	if len(why) > 0 {
		return inputs, nil, append(why, c.notes()...)
	}
	x, err := v.Equation().Compute(lab.Value, engine.Subject{Age: int(age.Value), Sex: engine.Sex(sex.Value)})
	if err != nil {
		return inputs, nil, append(reason(nil, err), c.notes()...)
	}
	out := outputOf(m.Output, x)
	return inputs, out, append(explain(m, inputs, c.newest, out), c.notes()...)
}

// refusal is a reason for not answering.
type refusal string

func (r refusal) Error() string { return string(r) }

func reason(why []string, err error) []string {
	if err == nil {
		return why
	}
	return append(why, said(err))
}

func said(err error) string {
	if r, ok := err.(refusal); ok {
		return string(r)
	}
	return ward.PublicText(err)
}

// named is the Input of a result before its value is looked at.
func (r *result) named(in registry.Input) ward.Input {
	x := r.input(in.Name, r.codes[0])
	if r.timed() {
		x.At = r.at()
	}
	return x
}

// quantity checks the result and expresses it in the model's unit.
func quantity(in registry.Input, c choice, at time.Time) (ward.Input, error) {
	r := c.newest
	if r == nil {
		return ward.Input{}, refusal("no " + in.Name + " result is on record for this patient")
	}
	x := r.named(in)
	newest := "the newest " + in.Name + " result "
	switch {
	case !r.finished():
		return x, refusal(newest + "is " + statusText(r.status) + ", and there is no finished one")
	case !r.timed():
		return x, refusal(newest + "does not say when it was taken")
	case r.at().After(at.Add(ahead)):
		return x, refusal(newest + "is dated in the future")
	case at.Sub(r.at()) > time.Duration(in.MaxAgeDays)*24*time.Hour:
		return x, refusal(fmt.Sprintf("%sis older than %d days", newest, in.MaxAgeDays))
	case c.rival != nil:
		return x, refusal("which " + in.Name + " result is the newest cannot be told: the times of two overlap and their values differ")
	}
	value, from, err := r.amount(in)
	if from.String() != "" {
		x.Given = r.value + " " + r.unit
	}
	if err != nil {
		return x, refusal(newest + said(err))
	}
	low, _ := ucum.ParseDecimal(in.Low)
	high, _ := ucum.ParseDecimal(in.High)
	if value.Cmp(low) < 0 || value.Cmp(high) > 0 {
		return x, refusal(fmt.Sprintf("%slies outside of the plausible range of %s to %s %s; its unit may be wrong", newest, in.Low, in.High, in.Unit))
	}
	x.Unit = in.Unit
	x.Value, _ = value.Float64()
	return x, nil
}

// amount is the value in the model's unit, and the unit it was given in, which is the zero Unit when it is not understood.
// An error is a refusal that ends a sentence.
//
// SPEC(FHIR R4 extensibility.html#modifierExtension): who does not understand a modifier extension must not act on the data.
// SPEC(FHIR R4 Observation.focus): focus names what was observed where that is not the subject itself.
func (r *result) amount(in registry.Input) (*big.Rat, ucum.Unit, error) {
	switch {
	case r.modified:
		return nil, ucum.Unit{}, refusal("carries a modifierExtension, which may change its meaning and is not understood")
	case r.focused:
		return nil, ucum.Unit{}, refusal("was measured on somebody or something other than the patient (Observation.focus)")
	case r.value == "":
		return nil, ucum.Unit{}, refusal("carries no numeric quantity")
	case r.comparator != "":
		return nil, ucum.Unit{}, refusal("is only a bound, not a value")
	}
	given, err := ucum.ParseDecimal(r.value)
	if err != nil {
		return nil, ucum.Unit{}, refusal("carries a number that is out of bounds")
	}
	if r.system != "http://unitsofmeasure.org" {
		return nil, ucum.Unit{}, refusal("has no UCUM unit")
	}
	from, err := ucum.Parse(r.unit)
	if err != nil {
		return nil, ucum.Unit{}, refusal("has a unit that is not understood as UCUM")
	}
	value, err := convert(in, given, from)
	if err != nil {
		return nil, from, refusal("has a unit of another kind of quantity; a unit such as " + in.Unit + expected(in) + " was expected")
	}
	return value, from, nil
}

// expected names the other form of unit that the molecular formula makes possible.
func expected(in registry.Input) string {
	if in.Molecule == "" {
		return ""
	}
	return " or umol/L"
}

// convert goes through the molecular formula only where mass meets substance.
func convert(in registry.Input, value *big.Rat, from ucum.Unit) (*big.Rat, error) {
	to, err := ucum.Parse(in.Unit)
	if err != nil {
		return nil, err
	}
	if in.Molecule == "" || from.Commensurable(to) {
		return ucum.Convert(value, from, to)
	}
	molar, err := ucum.MolarMass(in.Molecule)
	if err != nil {
		return nil, err
	}
	return ucum.ConvertMolar(value, from, to, molar)
}

var statuses = []string{"registered", "preliminary", "cancelled", "entered-in-error", "unknown"}

// statusText repeats a status of the standard only, never other text of the source.
func statusText(s string) string {
	if slices.Contains(statuses, s) {
		return "marked " + s
	}
	return "not marked final"
}

// years is the age in completed years.
func years(s registry.Subject, who *person, at time.Time) (ward.Input, error) {
	x := who.input("age", "Patient.birthDate")
	if who.deceased {
		return x, refusal("the patient is recorded as deceased")
	}
	if who.birth == "" {
		return x, refusal("the patient's birth date is not on record")
	}
	born, err := time.Parse(time.DateOnly, who.birth)
	if err != nil {
		return x, refusal("the patient's birth date is not known to the day")
	}
	at = at.UTC()
	age := at.Year() - born.Year()
	if at.Month() < born.Month() || at.Month() == born.Month() && at.Day() < born.Day() {
		age--
	}
	if age < 0 {
		return x, refusal("the patient's birth date lies in the future")
	}
	x.Value, x.Unit = float64(age), "a"
	if age < s.AgeLow || age > s.AgeHigh {
		return x, refusal(fmt.Sprintf("the model is for ages %d to %d years", s.AgeLow, s.AgeHigh))
	}
	return x, nil
}

func sexOf(s registry.Subject, who *person) (ward.Input, error) {
	x := who.input("sex", "Patient.gender")
	sex := map[string]engine.Sex{"female": engine.Female, "male": engine.Male}[who.gender]
	if sex == engine.Unstated || !slices.Contains(s.Sexes, who.gender) {
		return x, refusal("the model needs the administrative gender female or male")
	}
	x.Value, x.Unit, x.Given = float64(sex), "1", who.gender
	return x, nil
}

// outputOf rounds as the manifest declares; the band is that of the value as it is shown.
func outputOf(o registry.Output, x float64) *ward.Output {
	value := engine.Round(x, o.Decimals)
	out := &ward.Output{Name: o.Name, Code: o.Code, Value: value, Unit: o.Unit}
	shown := new(big.Rat).SetFloat64(engine.Round(value, o.ShownDecimals))
	for _, b := range o.Bands {
		if from, err := ucum.ParseDecimal(b.From); err == nil && shown.Cmp(from) >= 0 {
			out.Band = b.Name
			break
		}
	}
	return out
}

// explain states the basis of a number, one sentence an input.
func explain(m registry.Manifest, inputs []ward.Input, r *result, out *ward.Output) []string {
	in, lab := m.Inputs[0], inputs[0]
	text := fmt.Sprintf("%s %s %s", in.Name, Number(lab.Value, 3), in.Unit)
	if _, unit, _ := strings.Cut(lab.Given, " "); unit != in.Unit && Plain(lab.Given) != "" {
		text += ", reported as " + lab.Given
	}
	if viaMolecule(in, lab.Given) {
		text += ", converted by the molecular formula " + in.Molecule
	}
	why := []string{
		text + ", taken " + r.when(),
		fmt.Sprintf("age %d years, sex %s", int(inputs[1].Value), inputs[2].Given),
		"equation " + m.Formula.Equation,
	}
	for _, b := range m.Output.Bands {
		if b.Name == out.Band {
			why = append(why, fmt.Sprintf("%s: %s (%s)", b.Name, b.Meaning, m.Output.BandSource))
		}
	}
	return append(why, contradiction(in, r)...)
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

// contradiction tells when none of the result's codes is for the kind of quantity that its unit is of.
func contradiction(in registry.Input, r *result) []string {
	_, unit, err := r.amount(in)
	if err != nil {
		return nil
	}
	is := "substance"
	if mass, err := ucum.Parse("g/L"); err == nil && unit.Commensurable(mass) {
		is = "mass"
	}
	said := ""
	for _, c := range in.Codes {
		if p := property(c); p == is && slices.Contains(r.codes, c.Code) {
			return nil
		} else if p != "" && slices.Contains(r.codes, c.Code) {
			said = p
		}
	}
	if said == "" {
		return nil
	}
	return []string{"the result's code speaks of " + said + ", its unit of " + is + "; the unit was taken"}
}

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

// viaMolecule reports whether the given value had to be converted between mass and substance.
func viaMolecule(in registry.Input, given string) bool {
	_, unit, _ := strings.Cut(given, " ")
	from, err1 := ucum.Parse(unit)
	to, err2 := ucum.Parse(in.Unit)
	return err1 == nil && err2 == nil && in.Molecule != "" && !from.Commensurable(to)
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
