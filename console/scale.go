package console

import (
	"math"
	"strconv"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/predict/registry"
)

// strip is the drawing of an output on its scale: bands, the interval as a bar, the value as a mark.
type strip struct {
	W, H     float64
	From, To string
	Y        float64
	Left     float64
	Right    float64
	Interval *box
	Value    float64
	Text     string
	Bands    []segment
}

// segment is one band of the scale.
type segment struct {
	X, W  float64
	Name  string
	Here  bool // the value lies in it
	Odd   bool
	Wide  bool // its name has room
	Label float64
}

const stripW, stripSide = 640.0, 12.0

// drawStrip lays the scale out: from 0 to a round number that leaves room for the value, its interval and the bands.
func drawStrip(o *ward.Output, m registry.Manifest) *strip {
	if o == nil || o.Value < 0 || math.IsNaN(o.Value) || math.IsInf(o.Value, 0) {
		return nil
	}
	most := o.Value
	if o.High != nil {
		most = max(most, *o.High)
	}
	starts := make([]float64, len(m.Output.Bands))
	for i, b := range m.Output.Bands {
		starts[i], _ = strconv.ParseFloat(b.From, 64)
		most = max(most, starts[i])
	}
	top := roundUp(most * 1.2)
	if o.Unit == "%" {
		top = min(top, 100)
	}
	s := &strip{W: stripW, H: 84, From: "0", To: num(top, 2), Y: 34, Left: stripSide, Right: stripW - stripSide,
		Text: num(o.Value, m.Output.ShownDecimals)}
	x := axis{0, top, s.Left, s.Right}
	s.Value = x.at(o.Value)
	if o.Low != nil && o.High != nil {
		left := x.at(max(*o.Low, 0))
		s.Interval = &box{left, s.Y - 6, max(round(x.at(min(*o.High, top))-left), 1), 26}
	}
	end := top
	for i, b := range m.Output.Bands { // falling
		from := max(starts[i], 0)
		g := segment{X: x.at(from), Name: b.Name, Here: b.Name == o.Band, Odd: i%2 == 1}
		g.W = round(x.at(end) - g.X)
		g.Label, g.Wide = round(g.X+g.W/2), g.W > float64(len([]rune(b.Name)))*6.6
		s.Bands = append(s.Bands, g)
		end = from
	}
	return s
}

// roundUp is the next of 1, 2, 2.5, 5 and 10 times a power of ten.
func roundUp(x float64) float64 {
	if x <= 0 {
		return 1
	}
	p := math.Pow(10, math.Floor(math.Log10(x)))
	for _, m := range []float64{1, 1.5, 2, 2.5, 3, 4, 5, 6, 8} {
		if x <= m*p {
			return m * p
		}
	}
	return 10 * p
}
