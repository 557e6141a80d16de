package cdshooks

import (
	"fmt"
	"strings"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/predict"
	"github.com/ward-health/ward/predict/registry"
)

// spoken is the detail of a card with a number. The reasons hold no free text of a source (predict sees to it), so they need no escaping.
func spoken(d ward.Decision, m registry.Manifest) string {
	var b strings.Builder
	fmt.Fprintf(&b, "**%s**\n\n", value(d, m))
	if d.Explain != nil {
		b.WriteString("Computed by a model (artificial intelligence), not by a person.\n\n")
		reasons(&b, d, m)
		without(&b, d, m)
	} else {
		b.WriteString("Basis\n\n")
		list(&b, d.Reasons)
	}
	inputs(&b, d)
	fmt.Fprintf(&b, "%s: `%s`\n\n", map[bool]string{true: "Equation", false: "Method"}[m.Kind == registry.KindFormula], m.Card.Equation)
	b.WriteString("Limits\n\n")
	list(&b, m.Card.Limits)
	fmt.Fprintf(&b, "%s\n\n", predict.IntervalText(d, m))
	closing(&b, d, m)
	return b.String()
}

func list(b *strings.Builder, lines []string) {
	for _, l := range lines {
		fmt.Fprintf(b, "- %s\n", l)
	}
	b.WriteString("\n")
}

// inputs is a table of what the model was given.
func inputs(b *strings.Builder, d ward.Decision) {
	b.WriteString("| input | value | taken | source |\n|---|---|---|---|\n")
	for i, in := range d.Inputs {
		if in.Source == "" {
			continue
		}
		value := shown(in)
		switch {
		case unused(d, i):
			value = "not used"
		case in.Missing != "":
			value = "not taken"
		case in.Unit == "":
			value = "not usable"
		}
		fmt.Fprintf(b, "| %s | %s | %s | %s, version %d |\n", in.Name, value, taken(in), in.Source, in.Version)
	}
	b.WriteString("\n")
}

// shown is a value as it was reported, if that is a plain one, else in the model's unit.
func shown(in ward.Input) string {
	if in.Given != "" && predict.Plain(in.Given) != "" {
		return in.Given
	}
	if in.Unit == "a" {
		return predict.Number(in.Value, 3) + " years"
	}
	return predict.Number(in.Value, 3) + " " + in.Unit
}

// both adds the value in the model's unit where that is another.
func both(in ward.Input) string {
	text := shown(in)
	if _, unit, _ := strings.Cut(text, " "); strings.HasPrefix(in.Source, "Observation/") && unit != in.Unit {
		text += " = " + predict.Number(in.Value, 3) + " " + in.Unit
	}
	return text
}

func taken(in ward.Input) string {
	if in.At.IsZero() {
		return ""
	}
	return in.At.Format(time.DateOnly)
}

// silent is the detail of a card without a number.
func silent(d ward.Decision, m registry.Manifest) string {
	var b strings.Builder
	fmt.Fprintf(&b, "**%s was not computed**\n\n", m.Output.Name)
	list(&b, d.Reasons)
	b.WriteString("Nothing was estimated or carried over from an older result.\n\n")
	inputs(&b, d)
	closing(&b, d, m)
	return b.String()
}

// closing names model and decision, by which the answer can be looked up and recomputed.
func closing(b *strings.Builder, d ward.Decision, m registry.Manifest) {
	fmt.Fprintf(b, "Model %s, artefact sha256:%.16s…, decision %s. Source: %s\n", d.Model, d.Digest, d.ID, m.Sources[0])
}
