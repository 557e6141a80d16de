package cdshooks

import (
	"fmt"
	"strings"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/predict"
	"github.com/ward-health/ward/predict/registry"
)

// card is one card of a response (CDS Hooks 2.0, Card Attributes).
type card struct {
	UUID            string     `json:"uuid"`
	Summary         string     `json:"summary"`
	Detail          string     `json:"detail"`
	Indicator       string     `json:"indicator"`
	Source          cardSource `json:"source"`
	OverrideReasons []coding   `json:"overrideReasons"`
	Links           []link     `json:"links,omitempty"`
}

type cardSource struct {
	Label string `json:"label"`
	URL   string `json:"url"`
}

type link struct {
	Label string `json:"label"`
	URL   string `json:"url"`
	Type  string `json:"type"`
}

// maxSummary is exclusive.
//
// SPEC(CDS Hooks 2.0, Card Attributes): summary is a one-sentence message of fewer than 140 characters.
const maxSummary = 140

// cardOf says what was decided and on what basis, or why there is no number.
func cardOf(d ward.Decision, m registry.Manifest, base string) card {
	c := card{UUID: d.ID.String(), Indicator: "info", Source: cardSource{m.Card.SourceLabel, m.Card.SourceURL}, OverrideReasons: overrideReasons}
	if base != "" {
		c.Links = []link{{"Reasons, sources and proof in Ward", base + "/console/decisions/" + d.ID.String(), "absolute"}}
	}
	if d.Output == nil {
		c.Summary = cut(m.Output.Name + " not computed: " + strings.Join(d.Reasons, "; "))
		c.Detail = silent(d, m)
		return c
	}
	c.Summary = value(d, m)
	for _, b := range m.Output.Bands {
		if b.Name == d.Output.Band {
			c.Indicator = b.Indicator
			if d.Explain == nil {
				c.Summary = fmt.Sprintf("%s (%s, %s)", c.Summary, b.Name, b.Meaning)
			}
		}
	}
	if low, high, ok := between(d, m); ok {
		c.Summary += fmt.Sprintf(" (calibrated %s to %s %s)", low, high, m.Output.Display)
	}
	if n := gaps(d); n > 0 {
		c.Summary += fmt.Sprintf("; %d of %d values not on record", n, optional(m))
	}
	if aside(d) {
		c.Summary += "; another result was not used, see the detail"
		if c.Indicator == "info" {
			c.Indicator = "warning"
		}
	}
	c.Summary = cut(c.Summary)
	c.Detail = spoken(d, m)
	return c
}

// value is the output as it is shown.
func value(d ward.Decision, m registry.Manifest) string {
	return fmt.Sprintf("%s %s %s", m.Output.Name, predict.Number(d.Output.Value, m.Output.ShownDecimals), m.Output.Display)
}

// between is the interval as it is shown.
func between(d ward.Decision, m registry.Manifest) (low, high string, ok bool) {
	if d.Output.Low == nil || d.Output.High == nil {
		return "", "", false
	}
	n := m.Output.ShownDecimals
	return predict.Number(*d.Output.Low, n), predict.Number(*d.Output.High, n), true
}

// gaps counts the inputs that the model did without.
func gaps(d ward.Decision) (n int) {
	for _, in := range d.Inputs {
		if in.Missing != "" {
			n++
		}
	}
	return n
}

func optional(m registry.Manifest) (n int) {
	for _, in := range m.Inputs {
		if in.Missing == "allow" {
			n++
		}
	}
	return n
}

// aside reports whether a result was looked at and not used.
func aside(d ward.Decision) bool {
	for i := range d.Inputs {
		if unused(d, i) {
			return true
		}
	}
	return false
}

// unused reports whether an input of a decision is a result that was looked at beside the one that was judged.
func unused(d ward.Decision, i int) bool {
	in := d.Inputs[i]
	if in.Unit != "" || in.Missing != "" {
		return false
	}
	for _, before := range d.Inputs[:i] {
		if before.Name == in.Name {
			return true
		}
	}
	return false
}

// cut keeps a summary below the limit, counted in characters.
func cut(s string) string {
	if r := []rune(s); len(r) >= maxSummary {
		return string(r[:maxSummary-2]) + "…"
	}
	return s
}
