package console

import (
	"cmp"
	"math"
	"slices"

	"github.com/ward-health/ward"
)

// maxBars is how many contributions are drawn one by one; what is left is one bar.
//
// SPEC(Ward models 4.3): a clinician sees the five to seven strongest reasons, the rest as one, base and final value.
const maxBars = 7

// bar is one contribution on its way from the base to the score.
type bar struct {
	Name  string
	Given string // value and unit of the input
	Value float64
	Text  string // signed
	From  float64
	To    float64
	X, W  float64
	Y     float64
	Up    bool
	Label float64 // where Text stands
	End   string  // its anchor
}

// waterfall is the drawing of an explanation: from the base, each bar begins where the one before ended.
type waterfall struct {
	W, H   float64
	Method string
	Scale  string
	Base   float64
	Bars   []bar // the strongest first, the rest last
	Score  float64
	Prob   string // the score as a probability, when the scale is log-odds
	BaseAt string // the base as a probability
	Mid    float64
	ScoreX float64
	BaseX  float64
	Foot   float64
	Ticks  []tick
	Count  int // inputs in the rest
}

const (
	fallW, fallName, fallRight = 640.0, 246.0, 58.0
	fallTop, fallRow           = 30.0, 26.0
)

// drawWaterfall lays an explanation out; nil without one.
func drawWaterfall(d ward.Decision, titles map[string]string, given map[string]string) *waterfall {
	if d.Explain == nil {
		return nil
	}
	f := &waterfall{W: fallW, Method: d.Explain.Method, Scale: d.Explain.Scale}
	for _, p := range d.Explain.Parts {
		name := titles[p.Input]
		if name == "" {
			name = p.Input
		}
		f.Bars = append(f.Bars, bar{Name: name, Given: given[p.Input], Value: p.Value})
	}
	slices.SortStableFunc(f.Bars, func(a, b bar) int { return cmp.Compare(math.Abs(b.Value), math.Abs(a.Value)) })
	if len(f.Bars) > maxBars+1 {
		rest := bar{Given: ""}
		for _, b := range f.Bars[maxBars:] {
			rest.Value += b.Value
		}
		f.Count = len(f.Bars) - maxBars
		rest.Name = plural(f.Count, "other input", "other inputs")
		f.Bars = append(f.Bars[:maxBars:maxBars], rest)
	}
	f.lay(d.Explain.Base)
	if d.Explain.Scale == "log-odds" {
		f.Prob, f.BaseAt = percent(f.Score), percent(d.Explain.Base)
	}
	return f
}

// percent is the probability of log-odds.
func percent(score float64) string { return num(100/(1+math.Exp(-score)), 1) + " %" }

// lay gives every bar its place.
func (f *waterfall) lay(base float64) {
	f.Base = base
	at := base
	least, most := base, base
	for i := range f.Bars {
		b := &f.Bars[i]
		b.From, b.To, b.Up, b.Text = at, at+b.Value, b.Value >= 0, signed(b.Value)
		at = b.To
		least, most = min(least, at), max(most, at)
	}
	f.Score = at
	room := max((most-least)*0.04, 1e-6)
	x := axis{least - room, most + room, fallName, fallW - fallRight}
	for i := range f.Bars {
		b := &f.Bars[i]
		left, right := x.at(min(b.From, b.To)), x.at(max(b.From, b.To))
		b.X, b.W, b.Y = left, max(round(right-left), 1), fallTop+float64(i)*fallRow
		b.Label, b.End = right+6, "start"
	}
	f.BaseX, f.ScoreX = x.at(base), x.at(f.Score)
	f.Foot = fallTop + float64(len(f.Bars))*fallRow
	f.H = f.Foot + 40
	f.Mid = fallName
}

// signed writes a contribution with its sign, so that the direction does not hang on a colour.
func signed(v float64) string {
	s := num(v, 3)
	if v > 0 && s != "0" {
		return "+" + s
	}
	if v < 0 && s != "0" {
		return "−" + s[1:]
	}
	return s
}
