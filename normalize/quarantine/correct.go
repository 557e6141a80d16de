package quarantine

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/clinical/terminology"
	"github.com/ward-health/ward/clinical/ucum"
	"github.com/ward-health/ward/normalize/body"
	"github.com/ward-health/ward/normalize/judge"
	"github.com/ward-health/ward/normalize/units"
)

// The extensions that keep what a correction replaced.
const (
	unitAsSent = "urn:ward:unit-as-sent"
	codeAsSent = "urn:ward:code-as-sent"
)

func refuse(text string) error { return ward.E(ward.Unprocessable, "quarantine.correct", text, nil) }

// correct applies a correction to the fact as it would be and judges it again. Who looks at it decides about its unit too.
func correct(e Evidence, c Correction, said *units.Table) (Preview, *body.Value, error) {
	p := Preview{Correction: c}
	if err := c.check(); err != nil {
		return p, nil, err
	}
	if len(e.Resource) == 0 {
		return p, nil, refuse("nothing is kept that could be released; replay or reject the message")
	}
	before, err := body.Parse(e.Resource)
	if err != nil {
		return p, nil, err
	}
	o := before.Clone()
	about := judge.About{Sender: e.Sender, LocalCode: e.LocalCode, Birth: e.Birth, Units: said, Sure: true}
	switch {
	case c.Unit != "":
		about.Units = &units.Table{} // the person names the unit itself, whatever its sender means by that text
		err = setUnit(o, c.Unit)
	case c.Code != "":
		err = setCode(o, c.Code)
	default:
		about.Believe = true
		if e.Reason == "status-without-result" || e.Reason == "not-visible" || e.Class == "profile" {
			err = refuse("this fact has no result of its own or is no valid resource; it can be rejected, or its message replayed")
		}
	}
	if err != nil {
		return p, nil, err
	}
	var v judge.Verdict
	if o.Get("resourceType").Str() == "Observation" {
		if v = judge.Observation(o, about); v.Hold {
			return p, nil, refuse("with this correction the fact is still in doubt: " + v.Class + ", " + v.Reason)
		}
	}
	p.Tags = append(slices.Clone(v.Tags), judge.Released)
	judge.Tag(o, p.Tags...)
	p.Findings, p.Resource, p.Diff = v.Findings, o.Bytes(), diff(before, o)
	return p, o, nil
}

// check refuses what is not one correction with a reason.
func (c Correction) check() error {
	n := 0
	for _, given := range []bool{c.Unit != "", c.Code != "", c.Accept} {
		if given {
			n++
		}
	}
	if n != 1 {
		return ward.E(ward.Invalid, "quarantine.correct", "a correction gives the unit that was meant, or the code that was meant, or accepts the fact as it is", nil)
	}
	if c.Reason = strings.TrimSpace(c.Reason); c.Reason == "" || utf8.RuneCountInString(c.Reason) > 200 {
		return ward.E(ward.Invalid, "quarantine.correct", "a correction needs a reason of 1 to 200 characters", nil).At("reason")
	}
	return nil
}

// setUnit says which unit was meant; the text as sent is kept beside it.
func setUnit(o *body.Value, unit string) error {
	q := o.Get("valueQuantity")
	if q == nil {
		return refuse("the fact has no number whose unit could be another")
	}
	if _, err := ucum.Parse(unit); err != nil {
		return ward.E(ward.Invalid, "quarantine.correct", "the unit must be UCUM", nil).At("unit")
	}
	before := q.Get("unit").Str()
	if before == "" {
		before = "none"
	}
	mark(q, unitAsSent, before)
	q.Set("unit", body.Text(unit))
	for _, r := range o.Get("referenceRange").Items() {
		for _, end := range []string{"low", "high"} {
			if x := r.Get(end); x != nil {
				x.Set("unit", body.Text(unit))
			}
		}
	}
	return nil
}

// setCode says which sibling was meant: the same component in the same system as another property.
func setCode(o *body.Value, code string) error {
	to, ok := terminology.Lookup(code)
	if !ok {
		return ward.E(ward.Invalid, "quarantine.correct", "the code is not one that can be judged", nil).At("code")
	}
	done := false
	for _, c := range o.At("code.coding").Items() {
		was := c.Get("code").Str()
		if c.Get("system").Str() != judge.LOINC {
			continue
		}
		if !slices.ContainsFunc(terminology.Siblings(was), func(a terminology.Analyte) bool { return a.Code == code }) {
			return refuse("the code measures something else than the one that was sent; only a sibling may take its place")
		}
		mark(c, codeAsSent, was)
		c.Set("code", body.Text(to.Code)).Set("display", body.Text(to.Name))
		done = true
	}
	if !done {
		return refuse("the fact has no LOINC code that another could take the place of")
	}
	return nil
}

func mark(v *body.Value, url, text string) {
	list := v.Get("extension")
	if list == nil {
		list = body.NewArray()
	}
	list.Append(body.NewObject().Set("url", body.Text(url)).Set("valueString", body.Text(text)))
	v.Set("extension", list)
}
