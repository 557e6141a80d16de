package predict

import (
	"fmt"
	"math/big"
	"slices"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/clinical/ucum"
	"github.com/ward-health/ward/predict/engine"
	"github.com/ward-health/ward/predict/registry"
)

// ahead is how far a clinical time may lie after the decision: dates without time stand for midnight in an unknown zone.
const ahead = 24 * time.Hour

// verdict is what a decision says.
type verdict struct {
	inputs  []ward.Input
	output  *ward.Output
	reasons []string
	explain *ward.Explanation
}

func (x verdict) into(d *ward.Decision) {
	d.Inputs, d.Output, d.Reasons, d.Explain = x.inputs, x.output, x.reasons, x.explain
}

// judge is the whole of a decision as a function of the artefact, the sources and the time; results are those of each input of
// the manifest. Without results none is on record. Results that were looked at and not used stand behind the inputs; an input
// that is not usable or not used has an empty Unit and the Value 0. The age is in completed years on the UTC date of at.
func judge(v registry.Verified, who *person, results [][]*result, at time.Time) verdict {
	if v.Trees() != nil {
		return judgeTrees(v, who, results, at)
	}
	inputs, out, why := judgeFormula(v, who, results[0], at)
	if out != nil {
		out.Interval = v.Manifest().Interval.Reason
	}
	return verdict{inputs, out, why, nil}
}

// judgeFormula judges one result with age and sex, in this order. The sex is 1 for female, 2 for male.
func judgeFormula(v registry.Verified, who *person, rs []*result, at time.Time) ([]ward.Input, *ward.Output, []string) {
	m := v.Manifest()
	c := choose(m.Inputs[0], rs)
	var inputs []ward.Input
	var why []string
	lab, err := quantity(m.Inputs[0], c, at)
	if c.newest != nil {
		inputs = append(inputs, lab)
	}
	why = reason(why, err)
	why = reason(why, who.readable())
	age, err := years("age", m.Subject, who, at)
	why = reason(why, err)
	sex, err := sexOf("sex", m.Subject, who)
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
	return inputs, out, append(basis(m, inputs, c.newest, out), c.notes()...)
}

// refusal is a reason for not answering.
type refusal string

func (r refusal) Error() string { return string(r) }

// absent is a refusal because there is no value: nothing on record, nothing finished, or nothing within the greatest age. A
// model that was trained to do without the input does without it. Every other refusal is about a value that is there, and
// stays one: a wrong unit is no missing value.
type absent string

func (a absent) Error() string { return string(a) }

func reason(why []string, err error) []string {
	if err == nil {
		return why
	}
	return append(why, said(err))
}

func said(err error) string {
	switch r := err.(type) {
	case refusal:
		return string(r)
	case absent:
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
		if in.Missing == "allow" {
			return ward.Input{Name: in.Name}, absent(fmt.Sprintf("no %s result of the last %d days is on record", in.Name, in.MaxAgeDays))
		}
		return ward.Input{}, absent("no " + in.Name + " result is on record for this patient")
	}
	x := r.named(in)
	newest := "the newest " + in.Name + " result "
	switch {
	case !r.finished() && in.Missing == "allow":
		return x, absent(fmt.Sprintf("%sis %s, and there is no finished one of the last %d days", newest, statusText(r.status), in.MaxAgeDays))
	case !r.finished():
		return x, absent(newest + "is " + statusText(r.status) + ", and there is no finished one")
	case !r.timed():
		return x, refusal(newest + "does not say when it was taken")
	case r.at().After(at.Add(ahead)):
		return x, refusal(newest + "is dated in the future")
	case at.Sub(r.at()) > time.Duration(in.MaxAgeDays)*24*time.Hour:
		return x, absent(fmt.Sprintf("%sis older than %d days", newest, in.MaxAgeDays))
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

var statuses = []string{"registered", "preliminary", "cancelled", "entered-in-error", "unknown"}

// statusText repeats a status of the standard only, never other text of the source.
func statusText(s string) string {
	if slices.Contains(statuses, s) {
		return "marked " + s
	}
	return "not marked final"
}

// readable refuses a record that may mean something else than it says.
func (p *person) readable() error {
	if p.modified {
		return refusal("the patient's record carries a modifierExtension, which may change its meaning and is not understood")
	}
	return nil
}

// years is the age in completed years.
func years(name string, s registry.Subject, who *person, at time.Time) (ward.Input, error) {
	x := who.input(name, "Patient.birthDate")
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

func sexOf(name string, s registry.Subject, who *person) (ward.Input, error) {
	x := who.input(name, "Patient.gender")
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
