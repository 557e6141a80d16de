package cdshooks

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/predict"
	"github.com/ward-health/ward/predict/registry"
)

// topReasons is how many contributions a card shows one by one.
const topReasons = 7

// reasons is a table of what moved the estimate most, the rest in one row, and the point from which the model started.
func reasons(b *strings.Builder, d ward.Decision, m registry.Manifest) {
	parts := slices.Clone(d.Explain.Parts)
	slices.SortStableFunc(parts, func(x, y ward.Contribution) int { return cmp.Compare(math.Abs(y.Value), math.Abs(x.Value)) })
	n := min(topReasons, len(parts))
	fmt.Fprintf(b, "Why: what moved the estimate, the strongest first (%s)\n\n| reason | value | taken | moved the estimate |\n|---|---|---|---|\n", d.Explain.Scale)
	for _, p := range parts[:n] {
		in := input(d, p.Input)
		value := both(in)
		if in.Missing != "" {
			value = "not on record"
		}
		fmt.Fprintf(b, "| %s | %s | %s | %s |\n", title(m, p.Input), value, taken(in), moved(p.Value))
	}
	if rest := parts[n:]; len(rest) > 0 {
		sum := 0.0
		for _, p := range rest {
			sum += p.Value
		}
		fmt.Fprintf(b, "| the other %d inputs together | | | %s |\n", len(rest), moved(sum))
	}
	fmt.Fprintf(b, "| where the model starts, before it knows anything | | | %s |\n\n", signed(d.Explain.Base))
}

// moved is the direction in words, because colour and sign alone are easily overlooked.
func moved(x float64) string {
	switch text := signed(x); {
	case text == "0":
		return "not at all"
	case x > 0:
		return "up by " + strings.TrimPrefix(text, "+")
	default:
		return "down by " + strings.TrimPrefix(text, "-")
	}
}

func signed(x float64) string {
	text := predict.Number(x, 2)
	if x > 0 && text != "0" {
		text = "+" + text
	}
	return text
}

// without names the inputs that the model did without, and why.
func without(b *strings.Builder, d ward.Decision, m registry.Manifest) {
	var lines []string
	for _, in := range d.Inputs {
		if in.Missing != "" {
			lines = append(lines, title(m, in.Name)+": "+in.Missing)
		}
	}
	if len(lines) > 0 {
		b.WriteString("The model did without\n\n")
		list(b, lines)
	}
	for _, r := range d.Reasons {
		if strings.Contains(r, "was not used") || strings.Contains(r, "the unit was taken") {
			fmt.Fprintf(b, "Note: %s.\n\n", r)
		}
	}
}

func input(d ward.Decision, name string) ward.Input {
	if i := slices.IndexFunc(d.Inputs, func(in ward.Input) bool { return in.Name == name }); i >= 0 {
		return d.Inputs[i]
	}
	return ward.Input{}
}

// title is the plain name of an input, fit for a table.
func title(m registry.Manifest, name string) string {
	for _, in := range m.Inputs {
		if in.Name == name {
			name = in.Title
		}
	}
	return strings.ReplaceAll(name, "|", "/")
}
