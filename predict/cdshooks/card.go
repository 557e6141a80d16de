package cdshooks

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/predict"
	"github.com/ward-health/ward/predict/registry"
)

// card is one card of a response (CDS Hooks 2.0, Card Attributes).
type card struct {
	UUID      string     `json:"uuid"`
	Summary   string     `json:"summary"`
	Detail    string     `json:"detail"`
	Indicator string     `json:"indicator"`
	Source    cardSource `json:"source"`
}

type cardSource struct {
	Label string `json:"label"`
	URL   string `json:"url"`
}

// maxSummary is exclusive.
//
// SPEC(CDS Hooks 2.0, Card Attributes): summary is a one-sentence message of fewer than 140 characters.
const maxSummary = 140

// cardOf says what was decided and on what basis, or why there is no number.
func cardOf(d ward.Decision, m registry.Manifest) card {
	c := card{UUID: d.ID.String(), Indicator: "info", Source: cardSource{m.Card.SourceLabel, m.Card.SourceURL}}
	if d.Output == nil {
		c.Summary = cut(m.Output.Name + " not computed: " + strings.Join(d.Reasons, "; "))
		c.Detail = silent(d, m)
		return c
	}
	shown := predict.Number(d.Output.Value, m.Output.ShownDecimals)
	c.Summary = fmt.Sprintf("%s %s %s", m.Output.Name, shown, m.Output.Display)
	for _, b := range m.Output.Bands {
		if b.Name == d.Output.Band {
			c.Indicator = b.Indicator
			c.Summary = fmt.Sprintf("%s (%s, %s)", c.Summary, b.Name, b.Meaning)
		}
	}
	if slices.ContainsFunc(d.Inputs[1:], func(in ward.Input) bool { return unused(in, d) }) {
		c.Summary += "; another result was not used, see the detail"
		if c.Indicator == "info" {
			c.Indicator = "warning"
		}
	}
	c.Summary = cut(c.Summary)
	c.Detail = spoken(d, m)
	return c
}

// unused reports whether an input of a decision with a number is a result that was looked at and not used.
func unused(in ward.Input, d ward.Decision) bool {
	return in.Unit == "" && in.Name == d.Inputs[0].Name && in.Source != d.Inputs[0].Source
}

// cut keeps a summary below the limit, counted in characters.
func cut(s string) string {
	if r := []rune(s); len(r) >= maxSummary {
		return string(r[:maxSummary-2]) + "…"
	}
	return s
}

// spoken is the detail of a card with a number. The reasons hold no free text of a source (predict sees to it), so they need no escaping.
func spoken(d ward.Decision, m registry.Manifest) string {
	var b strings.Builder
	fmt.Fprintf(&b, "**%s %s %s**\n\n", m.Output.Name, predict.Number(d.Output.Value, m.Output.ShownDecimals), m.Output.Display)
	b.WriteString("Basis\n\n")
	for _, r := range d.Reasons {
		fmt.Fprintf(&b, "- %s\n", r)
	}
	b.WriteString("\n")
	inputs(&b, d)
	fmt.Fprintf(&b, "Equation: `%s`\n\n", m.Card.Equation)
	b.WriteString("Limits\n\n")
	for _, l := range m.Card.Limits {
		fmt.Fprintf(&b, "- %s\n", l)
	}
	b.WriteString("\nNo interval is claimed for this value.\n\n")
	closing(&b, d, m)
	return b.String()
}

// inputs is a table of what the model was given.
func inputs(b *strings.Builder, d ward.Decision) {
	b.WriteString("| input | value | taken | source |\n|---|---|---|---|\n")
	for _, in := range d.Inputs {
		value := predict.Number(in.Value, 3) + " " + in.Unit
		if in.Given != "" && predict.Plain(in.Given) != "" {
			value = in.Given
		}
		taken := ""
		if !in.At.IsZero() {
			taken = in.At.Format(time.DateOnly)
		}
		if in.Unit == "" {
			value = "not usable"
		}
		if unused(in, d) {
			value = "not used"
		}
		fmt.Fprintf(b, "| %s | %s | %s | %s, version %d |\n", in.Name, value, taken, in.Source, in.Version)
	}
	b.WriteString("\n")
}

// silent is the detail of a card without a number.
func silent(d ward.Decision, m registry.Manifest) string {
	var b strings.Builder
	fmt.Fprintf(&b, "**%s was not computed**\n\n", m.Output.Name)
	for _, r := range d.Reasons {
		fmt.Fprintf(&b, "- %s\n", r)
	}
	b.WriteString("\nNothing was estimated or carried over from an older result.\n\n")
	inputs(&b, d)
	closing(&b, d, m)
	return b.String()
}

// closing names model and decision, by which the answer can be looked up and recomputed.
func closing(b *strings.Builder, d ward.Decision, m registry.Manifest) {
	fmt.Fprintf(b, "Model %s, artefact sha256:%.16s…, decision %s. Source: %s\n", d.Model, d.Digest, d.ID, m.Sources[0])
}
