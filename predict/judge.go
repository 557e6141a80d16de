package predict

import (
	"fmt"
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

// judge is the whole of a decision as a function of the artefact, the two sources and the time. A nil result means that
// none is on record. Inputs stand in a fixed order; one that is not usable has an empty Unit and the Value 0. The age is in
// completed years on the UTC date of at; the sex is 1 for female, 2 for male.
func judge(v registry.Verified, who *person, r *result, at time.Time) ([]ward.Input, *ward.Output, []string) {
	m := v.Manifest()
	var inputs []ward.Input
	var why []string
	lab, err := quantity(m.Inputs[0], r, at)
	if r != nil {
		inputs = append(inputs, lab)
	}
	why = reason(why, err)
	age, err := years(m.Subject, who, at)
	why = reason(why, err)
	sex, err := sexOf(m.Subject, who)
	why = reason(why, err)
	inputs = append(inputs, age, sex)
	if len(why) > 0 {
		return inputs, nil, why
	}
	x, err := v.Equation().Compute(lab.Value, engine.Subject{Age: int(age.Value), Sex: engine.Sex(sex.Value)})
	if err != nil {
		return inputs, nil, reason(nil, err)
	}
	out := outputOf(m.Output, x)
	return inputs, out, explain(m, inputs, out)
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

// quantity checks the result and expresses it in the model's unit.
func quantity(in registry.Input, r *result, at time.Time) (ward.Input, error) {
	if r == nil {
		return ward.Input{}, refusal("no " + in.Name + " result is on record for this patient")
	}
	x := r.input(in.Name, r.code)
	if r.hasTime {
		x.At = r.at
	}
	newest := "the newest " + in.Name + " result "
	switch {
	case !r.finished():
		return x, refusal(newest + "is " + statusText(r.status) + ", and there is no finished one")
	case !r.hasTime:
		return x, refusal(newest + "does not say when it was taken")
	case r.at.After(at.Add(ahead)):
		return x, refusal(newest + "is dated in the future")
	case at.Sub(r.at) > time.Duration(in.MaxAgeDays)*24*time.Hour:
		return x, refusal(fmt.Sprintf("%sis older than %d days", newest, in.MaxAgeDays))
	case r.value == "":
		return x, refusal(newest + "carries no numeric quantity")
	case r.comparator != "":
		return x, refusal(newest + "is only a bound, not a value")
	}
	return measured(in, r, x)
}

// measured converts the value and checks its range.
func measured(in registry.Input, r *result, x ward.Input) (ward.Input, error) {
	newest := "the newest " + in.Name + " result "
	given, err := ucum.ParseDecimal(r.value)
	if err != nil {
		return x, refusal(newest + "carries a number that is out of bounds")
	}
	if r.system != "http://unitsofmeasure.org" {
		return x, refusal(newest + "has no UCUM unit")
	}
	from, err := ucum.Parse(r.unit)
	if err != nil {
		return x, refusal(newest + "has a unit that is not understood as UCUM")
	}
	x.Given = r.value + " " + r.unit
	value, err := convert(in, given, from)
	if err != nil {
		return x, refusal(newest + "has a unit of another kind of quantity; a unit such as " + in.Unit + expected(in) + " was expected")
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
func explain(m registry.Manifest, inputs []ward.Input, out *ward.Output) []string {
	in, lab := m.Inputs[0], inputs[0]
	text := fmt.Sprintf("%s %s %s", in.Name, Number(lab.Value, 3), in.Unit)
	if _, unit, _ := strings.Cut(lab.Given, " "); unit != in.Unit && Plain(lab.Given) != "" {
		text += ", reported as " + lab.Given
	}
	if viaMolecule(in, lab.Given) {
		text += ", converted by the molecular formula " + in.Molecule
	}
	why := []string{
		text + ", taken on " + lab.At.Format(time.DateOnly),
		fmt.Sprintf("age %d years, sex %s", int(inputs[1].Value), inputs[2].Given),
		"equation " + m.Formula.Equation,
	}
	for _, b := range m.Output.Bands {
		if b.Name == out.Band {
			why = append(why, fmt.Sprintf("%s: %s (%s)", b.Name, b.Meaning, m.Output.BandSource))
		}
	}
	return why
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
