package console

import (
	"context"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/predict"
	"github.com/ward-health/ward/predict/conformal"
	"github.com/ward-health/ward/predict/registry"
)

// card is a decision with its reasons, as a clinician reads it.
type card struct {
	ID       ward.ID
	At       time.Time
	Patient  string
	Title    string // of the model
	Model    string // name@version
	Digest   string
	Key      string // id of the key that signed the artefact
	Asked    string
	Name     string // of the output
	Value    string // "" when there is no number
	Unit     string
	Band     string
	Meaning  string
	Tone     string // info, warning, critical
	Interval string // in words
	Reasons  []string
	Inputs   []cardInput
	Limits   []string
	Equation string
	Sources  []string
	Fall     *waterfall
	Strip    *strip
	Unknown  string // why nothing of the model can be shown
}

// cardInput is what the model was given for one input.
type cardInput struct {
	Title   string
	Name    string
	Value   string // as the model took it
	Given   string // as it was sent, when that differs
	Taken   string
	Link    string
	Source  string
	Missing string
	State   string // "", missing, unused
	Part    string // contribution
}

// cardOf joins a decision with the manifest that it names. The manifest is taken by its digest and verified; without one the
// decision is shown as it was kept, and says so.
func (c *Console) cardOf(ctx context.Context, g access.Grant, d ward.Decision) card {
	k := card{ID: d.ID, At: d.At, Patient: d.Patient, Title: d.Model, Model: d.Model, Digest: d.Digest, Asked: d.Asked, Reasons: d.Reasons, Tone: "info", Name: "Answer"}
	var m registry.Manifest
	v, err := c.artefact(ctx, g, d)
	if err != nil {
		c.observe(ctx, err)
		k.Unknown = "The model's declaration cannot be verified now; the decision is shown as it was kept."
	} else {
		m, k.Key = v.Manifest(), v.Key()
		k.Title, k.Name, k.Limits, k.Equation, k.Sources = m.Title, m.Output.Name, m.Card.Limits, m.Card.Equation, m.Sources
	}
	k.answer(d, m)
	k.inputs(d, m)
	return k
}

// artefact returns what a decision was made with, verified anew.
func (c *Console) artefact(ctx context.Context, g access.Grant, d ward.Decision) (registry.Verified, error) {
	var digest [32]byte
	if n, err := hex.Decode(digest[:], []byte(d.Digest)); err != nil || n != len(digest) {
		return registry.Verified{}, ward.E(ward.Internal, "console.card", "the decision names no artefact", nil)
	}
	return c.registry.ByDigest(ctx, g.Permit.Tenant(), digest)
}

// answer states the number, its band and its interval.
func (k *card) answer(d ward.Decision, m registry.Manifest) {
	o := d.Output
	if o == nil {
		return
	}
	decimals, unit := 4, o.Unit
	if m.Name != "" {
		decimals, unit = m.Output.ShownDecimals, m.Output.Display
	}
	k.Name, k.Value, k.Unit, k.Band = o.Name, predict.Number(o.Value, decimals), unit, o.Band
	for _, b := range m.Output.Bands {
		if b.Name == o.Band {
			k.Meaning, k.Tone = b.Meaning, b.Indicator
		}
	}
	switch {
	case o.Low != nil && o.High != nil:
		name := "Interval "
		if strings.HasPrefix(o.Interval, conformal.VennAbers) {
			name = "Interval of the calibrated probability: " // it need not hold the value that the model itself gives
		}
		k.Interval = name + predict.Number(*o.Low, decimals) + " to " + predict.Number(*o.High, decimals) + " " + unit
		if o.Coverage != nil {
			k.Interval += ", meant to hold " + num(*o.Coverage*100, 1) + " % of cases"
		}
		if o.Interval != "" {
			k.Interval += " (" + o.Interval + ")"
		}
	case o.Interval != "":
		k.Interval = "No interval is claimed: " + o.Interval
	default:
		k.Interval = "No interval is claimed."
	}
	k.Strip = drawStrip(o, m)
}

// inputs lists what was looked at and draws what it contributed.
func (k *card) inputs(d ward.Decision, m registry.Manifest) {
	titles, given := map[string]string{}, map[string]string{}
	for _, in := range m.Inputs {
		titles[in.Name] = in.Title
	}
	parts := map[string]float64{}
	if d.Explain != nil {
		for _, p := range d.Explain.Parts {
			parts[p.Input] = p.Value
		}
	}
	for _, in := range d.Inputs {
		row := inputRow(in, titles)
		if given[in.Name] == "" && row.State == "" {
			given[in.Name] = row.Value
		}
		if v, ok := parts[in.Name]; ok && row.State != "unused" {
			row.Part = signed(v)
		}
		if row.State == "missing" {
			given[in.Name] = "missing"
		}
		k.Inputs = append(k.Inputs, row)
	}
	k.Fall = drawWaterfall(d, titles, given)
}

func inputRow(in ward.Input, titles map[string]string) cardInput {
	row := cardInput{Title: titles[in.Name], Name: in.Name, Source: in.Source, Missing: in.Missing}
	if row.Title == "" {
		row.Title = in.Name
	}
	if !in.At.IsZero() {
		row.Taken = day(in.At)
	}
	if ref, err := ward.ParseReference(in.Source); err == nil && in.Version > 0 {
		row.Link = recordLink(ref, in.Version)
	}
	switch {
	case in.Missing != "":
		row.State, row.Value = "missing", "missing"
	case in.Unit == "":
		row.State, row.Value = "unused", "not used"
	case in.Unit == "1" && predict.Plain(in.Given) != "":
		row.Value = predict.Plain(in.Given)
	default:
		row.Value = predict.Number(in.Value, 3) + " " + unitText(in.Unit)
	}
	if sent := predict.Plain(in.Given); sent != "" && row.State != "missing" && sent != row.Value && !sameAmount(sent, in) {
		row.Given = sent
	}
	return row
}

// sameAmount reports whether what was sent says the same as what the model took, digits aside.
func sameAmount(sent string, in ward.Input) bool {
	number, unit, _ := strings.Cut(sent, " ")
	x, err := strconv.ParseFloat(number, 64)
	return err == nil && x == in.Value && unit == in.Unit
}

// readable are the marks of UCUM that people write in another way.
var readable = strings.NewReplacer("{1.73_m2}", "1.73 m²", "mm[Hg]", "mmHg", "10*3/", "10³/", "10*6/", "10⁶/", "kg/m2", "kg/m²", "ug/", "µg/", "umol/", "µmol/")

// unitText writes units that people do not read as UCUM writes them.
func unitText(u string) string {
	switch u {
	case "a":
		return "years"
	case "1":
		return ""
	}
	return readable.Replace(u)
}

// newestCards are the cards of the newest decision of each model.
func (c *Console) newestCards(ctx context.Context, g access.Grant, ds []decided) []card {
	var seen []string
	var out []card
	for _, d := range ds {
		if name := modelName(d.Decision.Model); !slices.Contains(seen, name) {
			seen = append(seen, name)
			out = append(out, c.cardOf(ctx, g, d.Decision))
		}
	}
	return out
}
