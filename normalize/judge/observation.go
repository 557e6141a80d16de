package judge

import (
	"math/big"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/ward-health/ward/clinical/terminology"
	"github.com/ward-health/ward/normalize/body"
	"github.com/ward-health/ward/normalize/plausible"
	"github.com/ward-health/ward/normalize/units"
)

// The systems and extensions that are read and written.
const (
	LOINC       = "http://loinc.org"
	UCUM        = "http://unitsofmeasure.org"
	Translation = "http://hl7.org/fhir/StructureDefinition/extension-quantity-translation"
)

// The fields of OBX that a verdict may be about.
const (
	fieldCode  = 3
	fieldValue = 5
	fieldUnit  = 6
)

// About is what is known beside the Observation itself.
type About struct {
	Sender    string    // channel
	LocalCode string    // OBX-3.1 as sent
	Birth     time.Time // of the patient; zero if unknown
	Believe   bool      // a person says that the value is right, however unlikely it looks
	Sure      bool      // a person has seen this very result: its unit needs no other confirmation
	Units     *units.Table

	// Earlier are the patient's earlier values by LOINC code, in its canonical unit; nil: they are not known, and Verdict.Wants is set
	// where they could matter.
	Earlier map[string][]plausible.Previous
	// Standing of the sender's results under a code and unit (UCUM), since the time given; nil: Even.
	Standing func(localCode, loinc, ucum string, since time.Time) Standing
}

// Observation judges a body and completes its quantity if it is accepted.
func Observation(o *body.Value, a About) Verdict {
	var v Verdict
	known, named := codes(o)
	quantity := o.Get("valueQuantity")
	switch {
	case !named:
		v.tag(Unmapped)
		return v
	case quantity == nil || len(known) == 0:
		if quantity != nil || counted(o) || len(known) > 0 && valued(o) {
			v.tag(Unchecked)
		}
		return v
	}
	var result units.Result
	for i, row := range known {
		got, doubt := a.Units.Resolve(reading(o, row.Code, a))
		if doubt != nil {
			v.doubted(doubt)
			return withdrawn(o, v)
		}
		if i > 0 && got.UCUM != result.UCUM {
			v.Hold, v.Class, v.Reason, v.Field = true, ClassCode, CodesDisagree, fieldCode
			return withdrawn(o, v)
		}
		if i == 0 {
			result = got
		}
		v.Why = append(v.Why, got.Steps...)
		v.judge(o, row, got, a)
	}
	if v.Hold || v.Wants {
		return withdrawn(o, v)
	}
	complete(quantity, result)
	return v
}

// codes returns the rows of the LOINC codes of an Observation, and whether it has any LOINC code.
func codes(o *body.Value) (known []terminology.Analyte, named bool) {
	for _, c := range o.At("code.coding").Items() {
		if c.Get("system").Str() != LOINC {
			continue
		}
		named = true
		if a, ok := terminology.Lookup(c.Get("code").Str()); ok {
			known = append(known, a)
		}
	}
	return known, named
}

// counted reports whether there are numbers that are not looked at.
func counted(o *body.Value) bool {
	return o.Get("component") != nil || o.Get("valueRange") != nil || o.Get("valueRatio") != nil
}

func valued(o *body.Value) bool {
	for _, name := range o.Names() {
		if strings.HasPrefix(name, "value") {
			return true
		}
	}
	return false
}

// Withdrawn reports whether a body says that there is no such result.
func Withdrawn(o *body.Value) bool {
	s := o.Get("status").Str()
	return s == "entered-in-error" || s == "cancelled"
}

// withdrawn lets through what says that there is no such result: nobody computes with it, and to hold it back would leave
// the result in force that it takes back.
func withdrawn(o *body.Value, v Verdict) Verdict {
	if v.Hold && Withdrawn(o) {
		return Verdict{Why: v.Why, Tags: []string{Unchecked}}
	}
	return v
}

func reading(o *body.Value, code string, a About) units.Reading {
	q := o.Get("valueQuantity")
	r := units.Reading{Sender: a.Sender, LocalCode: a.LocalCode, LOINC: code, Value: q.Get("value").Str(),
		Comparator: q.Get("comparator").Str(), Unit: q.Get("unit").Str()}
	if r.Unit == "" {
		r.Unit = q.Get("code").Str()
	}
	return r
}

func (v *Verdict) doubted(d *units.Doubt) {
	v.Hold, v.Class, v.Reason, v.Field = true, d.Class, d.Reason, fieldUnit
	switch d.Class {
	case units.ClassValue:
		v.Class, v.Field = ClassParse, fieldValue
	case units.ClassUnmappedCode:
		v.Field = fieldCode
	}
	v.Why = append(v.Why, d.Evidence...)
	if p := d.Proposal; p != nil {
		v.Proposals = append(v.Proposals, Proposal{p.Unit, p.Value, p.Code, p.Why})
	}
}

// judge asks whether the value can be believed.
func (v *Verdict) judge(o *body.Value, row terminology.Analyte, r units.Result, a About) {
	f := plausible.Fact{Analyte: row, Value: r.Value, Comparator: r.Comparator, Unit: r.UCUM, At: Moment(o)}
	f.Range = o.At("referenceRange[0].text").Str()
	for _, i := range o.Get("interpretation").Items() {
		f.Flags = append(f.Flags, i.At("coding[0].code").Str())
	}
	f.Child = !a.Birth.IsZero() && !f.At.IsZero() && f.At.Before(a.Birth.AddDate(18, 0, 0))
	f.Previous = a.Earlier[row.Code]
	v.Wants = v.Wants || a.Earlier == nil && !a.Sure && plausible.Wants(f)
	v.Fact = &f
	v.confirm(o, f, r, a)
	for _, found := range plausible.Check(f) {
		v.Findings = append(v.Findings, Finding{string(found.Level), found.Code, found.Evidence})
		if p := found.Proposal; p != nil {
			v.Proposals = append(v.Proposals, Proposal{Unit: p.Unit, Code: p.Code, Why: p.Why})
		}
		if plausible.Hold([]plausible.Finding{found}) && !a.Believe {
			if !v.Hold {
				v.Hold, v.Class, v.Reason, v.Field = true, ClassPlausibility, found.Code, fieldValue
			}
			v.Why = append(v.Why, found.Evidence...)
		} else if found.Level == plausible.Inconsistent {
			v.tag(Inconsistent)
		}
	}
}

// confirm asks whether the unit can be taken for the one that the sender means.
func (v *Verdict) confirm(o *body.Value, f plausible.Fact, r units.Result, a About) {
	if a.Sure {
		return
	}
	said, found := a.Units.Said(reading(o, f.Analyte.Code, a))
	switch {
	case found && said.Lapsed:
		v.unconfirmed("what the sender means by this unit was said, and taken back")
		return
	case a.Standing != nil && a.Standing(a.LocalCode, f.Analyte.Code, r.UCUM, said.Since) == Shifted:
		v.unconfirmed("the sender's results under this code have shifted")
		return
	case found && covers(said.Ranges, f.Range):
		return
	}
	for _, rival := range plausible.Rivals(f) {
		v.unconfirmed(rival.Why + " as well, and the sender's unit is not confirmed")
	}
}

// covers reports whether a result comes with one of the ranges, or without one: nothing then speaks of another unit.
func covers(ranges []string, sent string) bool {
	return strings.TrimSpace(sent) == "" || slices.ContainsFunc(ranges, func(r string) bool { return plausible.SameRange(r, sent) })
}

func (v *Verdict) unconfirmed(why string) {
	v.tag(Unconfirmed)
	v.Why = append(v.Why, why)
}

// Moment is when the specimen was taken, as exactly as the body says it; zero if it does not.
func Moment(o *body.Value) time.Time {
	text := o.Get("effectiveDateTime").Str()
	if text == "" {
		text = o.At("effectivePeriod.start").Str()
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02", "2006-01", "2006"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t
		}
	}
	return time.Time{}
}

// annotation is what UCUM lets stand beside a unit.
var annotation = regexp.MustCompile(`\{[^{}]*\}`)

// complete says what the quantity means in UCUM, and in the canonical unit where that is another.
//
// SPEC(UCUM 2.1 6, 12): an annotation has no meaning of its own: {beats}/min is /min, which is the code that FHIR's vital signs ask for.
func complete(q *body.Value, r units.Result) {
	same := r.UCUM == r.Canonical || annotation.ReplaceAllString(r.UCUM, "") == r.Canonical
	if same {
		r.UCUM = r.Canonical
	}
	q.Set("system", body.Text(UCUM)).Set("code", body.Text(r.UCUM))
	if same {
		return
	}
	to := body.NewObject().Set("value", body.Number(number(r))).Set("comparator", body.Text(r.Comparator)).
		Set("unit", body.Text(r.Canonical)).Set("system", body.Text(UCUM)).Set("code", body.Text(r.Canonical))
	list := body.NewArray()
	for _, x := range q.Get("extension").Items() {
		if x.Get("url").Str() != Translation {
			list.Append(x)
		}
	}
	list.Append(body.NewObject().Set("url", body.Text(Translation)).Set("valueQuantity", to))
	q.Set("extension", list)
}

// number is the canonical value as JSON writes a number.
func number(r units.Result) string {
	if n, ok := new(big.Rat).SetString(r.Text); ok && r.Text != "" && strings.Trim(r.Text, "-0123456789.") == "" && n != nil {
		return r.Text
	}
	return r.Value.FloatString(12)
}

// TagAlso adds a tag of normalisation to those that a body bears.
func TagAlso(o *body.Value, tag string) {
	tags := []string{tag}
	for _, t := range o.At("meta.tag").Items() {
		if t.Get("system").Str() == TagSystem && t.Get("code").Str() != tag {
			tags = append(tags, t.Get("code").Str())
		}
	}
	slices.Sort(tags)
	Tag(o, tags...)
}

// Untag takes one tag of normalisation from a body.
func Untag(o *body.Value, tag string) {
	meta := o.Get("meta").Clone()
	list := body.NewArray()
	for _, t := range meta.Get("tag").Items() {
		if t.Get("system").Str() != TagSystem || t.Get("code").Str() != tag {
			list.Append(t)
		}
	}
	if meta == nil {
		return
	}
	if len(list.Items()) == 0 {
		list = nil
	}
	o.Set("meta", meta.Set("tag", list))
}

// Tag says which tags of normalisation a body bears; those of others stay.
func Tag(o *body.Value, tags ...string) {
	if len(tags) == 0 {
		return
	}
	meta := o.Get("meta")
	if meta == nil {
		meta = body.NewObject()
	}
	list := body.NewArray()
	for _, t := range meta.Get("tag").Items() {
		if t.Get("system").Str() != TagSystem {
			list.Append(t)
		}
	}
	for _, t := range tags {
		list.Append(body.NewObject().Set("system", body.Text(TagSystem)).Set("code", body.Text(t)))
	}
	meta.Set("tag", list)
	o.Set("meta", meta)
}

// Tagged reports whether a body bears a tag of normalisation.
func Tagged(o *body.Value, tag string) bool {
	for _, t := range o.At("meta.tag").Items() {
		if t.Get("system").Str() == TagSystem && t.Get("code").Str() == tag {
			return true
		}
	}
	return false
}
