package predict

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/clinical/ucum"
	"github.com/ward-health/ward/predict/engine"
	"github.com/ward-health/ward/predict/explain"
	"github.com/ward-health/ward/predict/registry"
)

// LogOdds is the scale of an explanation of trees.
const LogOdds = "log-odds"

// treeJudge collects what a model of trees is given.
type treeJudge struct {
	m      registry.Manifest
	values []float64 // by input, NaN: the model does without
	inputs []ward.Input
	aside  []ward.Input
	basis  []string // one sentence for each value that the model was given
	gaps   []string // one for each that it does without
	notes  []string
	why    []string // reasons for not answering
	given  int      // inputs that may be missing and are there
	may    int      // inputs that may be missing
	age    ward.Input
	sex    ward.Input
}

// judgeTrees judges every input of the manifest, in its order. Age and sex, when they are no inputs, stand behind them: whom the model
// is for is decided by them.
func judgeTrees(v registry.Verified, who *person, results [][]*result, at time.Time) verdict {
	t := treeJudge{m: v.Manifest()}
	t.why = reason(t.why, who.readable())
	for i, in := range t.m.Inputs {
		var value float64
		switch in.Source {
		case registry.FromAge:
			value = t.years(in, who, at)
		case registry.FromSex:
			value = t.coded(in, who)
		default:
			value = t.measured(in, choose(in, results[i]), at)
		}
		t.values = append(t.values, value)
	}
	t.whom(who, at)
	if t.given < t.m.Needed {
		t.why = append(t.why, fmt.Sprintf("only %d of the %d values that may be missing are there; the model needs at least %d", t.given, t.may, t.m.Needed))
	}
	d := verdict{inputs: append(t.inputs, t.aside...)}
	if len(t.why) > 0 {
		d.reasons = slices.Concat(t.why, t.notes)
		return d
	}
	d.output, d.explain = t.answer(v)
	said := fmt.Sprintf("age %d years, sex %s", int(t.age.Value), t.sex.Given)
	d.reasons = slices.Concat([]string{said}, t.basis, t.gaps, meaning(t.m.Output, d.output), t.notes)
	return d
}

func (t *treeJudge) years(in registry.Input, who *person, at time.Time) float64 {
	x, err := years(in.Name, t.m.Subject, who, at)
	if low, high := bounds(in); err == nil && (x.Value < low || x.Value > high) {
		x.Value, x.Unit, err = 0, "", refusal(fmt.Sprintf("the model is for ages %s to %s years", in.Low, in.High))
	}
	t.why, t.age, t.inputs = reason(t.why, err), x, append(t.inputs, x)
	return x.Value
}

// coded is the sex as the number that the manifest gives to it.
func (t *treeJudge) coded(in registry.Input, who *person) float64 {
	x, err := sexOf(in.Name, t.m.Subject, who)
	if err == nil {
		code, bad := ucum.ParseDecimal(in.Coding[who.gender])
		if bad != nil {
			x.Value, x.Unit, err = 0, "", refusal("the model gives no number to the patient's administrative gender")
		} else {
			x.Value, _ = code.Float64()
		}
	}
	t.why, t.sex, t.inputs = reason(t.why, err), x, append(t.inputs, x)
	return x.Value
}

// measured judges the results of one input. No value is a missing value only where there is none; one that is there and
// cannot be used is a reason for not answering.
func (t *treeJudge) measured(in registry.Input, c choice, at time.Time) float64 {
	x, err := quantity(in, c, at)
	optional := in.Missing == "allow"
	if optional {
		t.may++
	}
	for _, note := range c.notes() {
		t.notes = append(t.notes, in.Name+": "+note)
	}
	for _, r := range c.aside() {
		t.aside = append(t.aside, r.named(in))
	}
	if gap, ok := err.(absent); ok && optional {
		x.Missing = string(gap)
		t.gaps = append(t.gaps, x.Missing+"; the model did without it")
		t.inputs = append(t.inputs, x)
		return math.NaN()
	}
	if x.Name == "" {
		x.Name = in.Name
	}
	t.inputs = append(t.inputs, x)
	if err != nil {
		t.why = reason(t.why, err)
		return math.NaN()
	}
	if optional {
		t.given++
	}
	t.basis = append(t.basis, measured(in, x, c.newest))
	for _, s := range contradiction(in, c.newest) {
		t.basis = append(t.basis, in.Name+": "+s)
	}
	return x.Value
}

// whom asks for age and sex where the model itself does not.
func (t *treeJudge) whom(who *person, at time.Time) {
	if t.age.Name == "" {
		x, err := years("age", t.m.Subject, who, at)
		t.why, t.age, t.inputs = reason(t.why, err), x, append(t.inputs, x)
	}
	if t.sex.Name == "" {
		x, err := sexOf("sex", t.m.Subject, who)
		t.why, t.sex, t.inputs = reason(t.why, err), x, append(t.inputs, x)
	}
}

// answer computes. Values are rounded to float32 once, as the ensemble demands.
func (t *treeJudge) answer(v registry.Verified) (*ward.Output, *ward.Explanation) {
	order := v.Order()
	row := make([]float32, len(order))
	for feature, input := range order {
		row[feature] = float32(t.values[input])
	}
	margin := v.Trees().Margin(row)
	out := outputOf(t.m.Output, scaled(t.m.Output, v.Trees().Link(margin)))
	t.interval(v, margin, out)
	phi := make([]float64, len(row))
	e := &ward.Explanation{Method: explain.Version, Scale: LogOdds, Parts: make([]ward.Contribution, len(t.m.Inputs))}
	e.Base = v.Explainer().Row(phi, row)
	for feature, input := range order {
		e.Parts[input] = ward.Contribution{Input: t.m.Inputs[input].Name, Value: phi[feature]}
	}
	return out, e
}

func (t *treeJudge) interval(v registry.Verified, margin float64, out *ward.Output) {
	c := v.Calibration()
	if c == nil {
		out.Interval = t.m.Interval.Reason
		return
	}
	i := c.Interval(margin)
	if !i.Known() {
		out.Interval = i.Reason
		return
	}
	low := engine.Round(scaled(t.m.Output, i.Low), t.m.Output.Decimals)
	high := engine.Round(scaled(t.m.Output, i.High), t.m.Output.Decimals)
	out.Low, out.High, out.Interval = &low, &high, i.Method
}

// scaled is a probability in the unit of the output.
func scaled(o registry.Output, p float64) float64 {
	if o.Unit == "%" {
		return float64(100 * p)
	}
	return p
}

func bounds(in registry.Input) (low, high float64) {
	l, err1 := ucum.ParseDecimal(in.Low)
	h, err2 := ucum.ParseDecimal(in.High)
	if err1 != nil || err2 != nil {
		return math.NaN(), math.NaN()
	}
	low, _ = l.Float64()
	high, _ = h.Float64()
	return low, high
}
