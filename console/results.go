package console

import (
	"math/big"
	"strings"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/clinical/terminology"
	"github.com/ward-health/ward/clinical/ucum"
)

// The systems of codes that results are recognised by.
const (
	loinc     = "http://loinc.org"
	ucumURI   = "http://unitsofmeasure.org"
	tagSystem = "urn:ward:fact" // what normalisation thinks of a fact
)

// result is one Observation as the pages show it.
type result struct {
	Ref     ward.Reference
	Version int64
	Code    string // LOINC, "" if it has none
	Name    string
	Kind    string // category: laboratory, vital-signs ...
	Taken   time.Time
	At      string // the clinical time as it stands in the record
	Sent    string // value and unit as sent
	Exact   *big.Rat
	Unit    ucum.Unit // of Exact
	Known   bool      // Exact can be drawn
	Flag    flag
	Range   string   // reference range as sent
	Low     *big.Rat // its ends in Unit, nil: none
	High    *big.Rat
	Status  string
	Void    bool // entered in error or cancelled: never drawn
	Tags    []string

	Converted bool   // Canonical is in another unit than Sent
	Canonical string // value in the unit of its group, "" if it cannot be converted
}

// Href is the page of the record as it stands.
func (r result) Href() string { return recordLink(r.Ref, r.Version) }

// flag is an interpretation: letters that stand for themselves beside the colour.
type flag struct {
	Code string
	Text string
	Tone string // "", low, high, critical
}

func flagOf(cs []concept) flag {
	for _, c := range cs {
		for _, x := range c.Coding {
			f := flag{Code: x.Code, Text: x.Display}
			switch x.Code {
			case "H", "HU":
				f.Tone, f.Text = "high", "high"
			case "L", "LU":
				f.Tone, f.Text = "low", "low"
			case "HH":
				f.Tone, f.Text = "critical", "critically high"
			case "LL":
				f.Tone, f.Text = "critical", "critically low"
			case "A", "AA":
				f.Tone, f.Text = "high", "abnormal"
				if x.Code == "AA" {
					f.Tone, f.Text = "critical", "critically abnormal"
				}
			case "N":
				f.Text = "normal"
			}
			if f.Code != "" {
				return f
			}
		}
	}
	return flag{}
}

// resultOf reads an Observation.
func resultOf(v ward.Version) (result, error) {
	o, err := decode[observationBody](v)
	r := result{Ref: v.Ref, Version: v.Number, Name: "result without a name"}
	if err != nil {
		return r, err
	}
	if n := o.Code.words(); n != "" {
		r.Name = n
	}
	for _, c := range o.Code.Coding {
		if c.System == loinc && r.Code == "" {
			r.Code = c.Code
		}
	}
	for _, c := range o.Category {
		for _, x := range c.Coding {
			if r.Kind == "" {
				r.Kind = x.Code
			}
		}
	}
	r.Taken, r.At = o.taken()
	r.Status, r.Flag = o.Status, flagOf(o.Interpretation)
	r.Void = o.Status == "entered-in-error" || o.Status == "cancelled"
	for _, t := range o.Meta.Tag {
		if t.System == tagSystem {
			r.Tags = append(r.Tags, t.Code)
		}
	}
	r.value(o)
	r.span(o)
	return r, nil
}

// value takes what was reported. Only a number with a UCUM unit and without comparator is drawn.
func (r *result) value(o observationBody) {
	switch {
	case o.Quantity != nil && o.Quantity.Value != "":
		r.Sent = o.Quantity.text()
		if o.Quantity.Comparator == "" && o.Quantity.System == ucumURI {
			unit, err := ucum.Parse(o.Quantity.Code)
			exact, bad := ucum.ParseDecimal(o.Quantity.Value.String())
			if err == nil && bad == nil {
				r.Exact, r.Unit, r.Known = exact, unit, !r.Void
			}
		}
	case o.Concept.words() != "":
		r.Sent = o.Concept.words()
	case o.String != "":
		r.Sent = o.String
	case o.Integer != "":
		r.Sent = o.Integer.String()
	case o.Boolean != nil:
		r.Sent = map[bool]string{true: "yes", false: "no"}[*o.Boolean]
	case o.DateTime != "":
		r.Sent = o.DateTime
	case len(o.Component) > 0:
		var parts []string
		for _, c := range o.Component {
			if c.Quantity != nil {
				parts = append(parts, c.Code.words()+" "+c.Quantity.text())
			}
		}
		r.Sent = strings.Join(parts, ", ")
	case o.Absent.words() != "":
		r.Sent = "no value: " + o.Absent.words()
	default:
		r.Sent = "no value"
	}
}

// span takes the reference range as sent; its ends are drawn if they are in the unit of the value.
func (r *result) span(o observationBody) {
	if len(o.Range) == 0 {
		return
	}
	x := o.Range[0]
	low, high := x.Low.Value.String(), x.High.Value.String()
	switch {
	case x.Text != "" && low == "" && high == "":
		r.Range = x.Text
	case low != "" && high != "":
		r.Range = low + " – " + high
	case low != "":
		r.Range = "from " + low
	case high != "":
		r.Range = "up to " + high
	}
	if !r.Known || o.Quantity == nil || (x.Low.Unit != o.Quantity.Unit && low != "") || (x.High.Unit != o.Quantity.Unit && high != "") {
		return
	}
	if end, err := ucum.ParseDecimal(low); err == nil {
		r.Low = end
	}
	if end, err := ucum.ParseDecimal(high); err == nil {
		r.High = end
	}
}

// in expresses a number of the result in another unit: by the formula of its code between mass and substance.
func (r *result) in(x *big.Rat, to ucum.Unit) (*big.Rat, bool) {
	if x == nil {
		return nil, false
	}
	var out *big.Rat
	var err error
	if a, ok := terminology.Lookup(r.Code); ok {
		out, _, err = a.Convert(x, r.Unit, to)
	} else {
		out, err = ucum.Convert(x, r.Unit, to)
	}
	return out, err == nil
}
