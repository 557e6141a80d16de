package console

import (
	"math"
	"strings"
	"time"
)

// point is one value to draw.
type point struct {
	At    time.Time
	Value float64
	Text  string
	Flag  flag
}

// The size of a trend chart in its own units, and the room for its axes.
const (
	trendW, trendH                             = 640.0, 220.0
	trendLeft, trendRight, trendTop, trendFoot = 56.0, 16.0, 14.0, 30.0
)

// trend is the geometry of a chart of values over time with the reference range as a band.
type trend struct {
	Title  string
	Unit   string
	W, H   float64
	Box    box // plotting area
	Band   *box
	Range  string // the band in words
	Y, X   []tick
	Line   string // points of the polyline
	Marks  []mark
	Points []point // oldest first; the table beside the chart shows the same
}

type box struct{ X, Y, W, H float64 }

type tick struct {
	At     float64
	Text   string
	Anchor string
}

// mark is a value: a circle, or a triangle that points to where it is out of range.
type mark struct {
	X, Y  float64
	Shape string // "" circle, else points of a polygon
	Tone  string
}

// axis maps numbers to positions.
type axis struct{ from, to, low, high float64 }

func (a axis) at(x float64) float64 {
	if a.to == a.from {
		return round((a.low + a.high) / 2)
	}
	return round(a.low + (x-a.from)/(a.to-a.from)*(a.high-a.low))
}

// round keeps coordinates short.
func round(x float64) float64 { return math.Round(x*10) / 10 }

// drawTrend lays the chart out; nil with fewer than two values: one is no trend.
func drawTrend(title, unit string, ps []point, low, high *float64) *trend {
	if len(ps) < 2 {
		return nil
	}
	t := &trend{Title: title, Unit: unit, W: trendW, H: trendH, Points: ps,
		Box: box{trendLeft, trendTop, trendW - trendLeft - trendRight, trendH - trendTop - trendFoot}}
	ticks, from, to := scaleOf(spread(ps, low, high))
	y := axis{from, to, t.Box.Y + t.Box.H, t.Box.Y}
	for _, v := range ticks {
		t.Y = append(t.Y, tick{At: y.at(v), Text: num(v, 6)})
	}
	x := times(ps)
	x.low, x.high = t.Box.X+10, t.Box.X+t.Box.W-10
	t.X = timeTicks(ps, x)
	t.Band, t.Range = bandOf(t.Box, y, low, high)
	t.Line = line(ps, x, y)
	for _, p := range ps {
		t.Marks = append(t.Marks, markOf(x.at(seconds(p.At)), y.at(p.Value), p.Flag))
	}
	return t
}

func seconds(t time.Time) float64 { return float64(t.Unix()) }

// times is the axis of the points' times.
func times(ps []point) axis { return axis{from: seconds(ps[0].At), to: seconds(ps[len(ps)-1].At)} }

// spread is the smallest and greatest number to be shown.
func spread(ps []point, low, high *float64) (least, most float64) {
	least, most = ps[0].Value, ps[0].Value
	for _, p := range ps {
		least, most = min(least, p.Value), max(most, p.Value)
	}
	for _, end := range []*float64{low, high} {
		if end != nil {
			least, most = min(least, *end), max(most, *end)
		}
	}
	return least, most
}

// scaleOf chooses round numbers around the values: three to six ticks, with room above and below.
func scaleOf(least, most float64) (ticks []float64, from, to float64) {
	room := (most - least) * 0.08
	if most == least {
		room = max(math.Abs(most)*0.1, 1e-3)
	}
	from, to = least-room, most+room
	if least >= 0 {
		from = max(from, 0)
	}
	step := math.Pow(10, math.Floor(math.Log10((to-from)/4)))
	for _, m := range []float64{1, 2, 5, 10} {
		if (to-from)/(step*m) <= 5 {
			step *= m
			break
		}
	}
	for i := math.Ceil(from / step); i*step <= to; i++ {
		ticks = append(ticks, i*step)
	}
	return ticks, from, to
}

func bandOf(b box, y axis, low, high *float64) (*box, string) {
	if low == nil && high == nil {
		return nil, ""
	}
	top, foot := b.Y, b.Y+b.H
	text := ""
	switch {
	case low != nil && high != nil:
		text = num(*low, 4) + " to " + num(*high, 4)
	case low != nil:
		text = "from " + num(*low, 4)
	default:
		text = "up to " + num(*high, 4)
	}
	if high != nil {
		top = y.at(*high)
	}
	if low != nil {
		foot = y.at(*low)
	}
	return &box{b.X, top, b.W, round(foot - top)}, text
}

// timeTicks labels first and last, and up to two days between that have room.
func timeTicks(ps []point, x axis) []tick {
	form := time.DateOnly
	if ps[len(ps)-1].At.Sub(ps[0].At) < 48*time.Hour {
		form = "01-02 15:04"
	}
	name := func(s float64) string { return time.Unix(int64(s), 0).UTC().Format(form) }
	if x.from == x.to {
		return []tick{{At: x.at(x.from), Text: name(x.from), Anchor: "middle"}}
	}
	var out []tick
	for i := 0; i <= 3; i++ {
		s := x.from + (x.to-x.from)*float64(i)/3
		out = append(out, tick{At: x.at(s), Text: name(s), Anchor: [...]string{"start", "middle", "middle", "end"}[i]})
	}
	return out
}

func line(ps []point, x, y axis) string {
	var b strings.Builder
	for i, p := range ps {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(num(x.at(seconds(p.At)), 1) + "," + num(y.at(p.Value), 1))
	}
	return b.String()
}

func markOf(x, y float64, f flag) mark {
	m := mark{X: x, Y: y, Tone: f.Tone}
	at := func(dx, dy float64) string { return num(x+dx, 1) + "," + num(y+dy, 1) }
	switch {
	case f.Tone == "low" || f.Code == "LL":
		m.Shape = at(-5.5, -4) + " " + at(5.5, -4) + " " + at(0, 6)
	case f.Tone != "":
		m.Shape = at(-5.5, 4) + " " + at(5.5, 4) + " " + at(0, -6)
	}
	return m
}

// spark is a small trend without axes, for a row of a table.
type spark struct {
	W, H float64
	Band *box
	Line string
	Last mark
}

func drawSpark(ps []point, low, high *float64) *spark {
	if len(ps) < 2 {
		return nil
	}
	s := &spark{W: 120, H: 28}
	least, most := spread(ps, low, high)
	room := max((most-least)*0.1, 1e-9)
	y := axis{least - room, most + room, s.H - 2, 2}
	x := times(ps)
	x.low, x.high = 3, s.W-8
	s.Band, _ = bandOf(box{0, 0, s.W, s.H}, y, low, high)
	s.Line = line(ps, x, y)
	last := ps[len(ps)-1]
	s.Last = mark{X: x.at(seconds(last.At)), Y: y.at(last.Value), Tone: last.Flag.Tone}
	return s
}
