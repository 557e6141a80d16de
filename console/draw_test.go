package console

import (
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/predict/registry"
)

// near compares coordinates, which are rounded to a tenth.
func near(a, b float64) bool { return math.Abs(a-b) <= 0.16 }

// TestWaterfall: every bar begins where the one before ended, widths are to one scale, nothing is lost in the rest, and the
// drawing stays in its room.
func TestWaterfall(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := ward.Decision{Explain: &ward.Explanation{Method: "m/1", Scale: "log-odds", Base: rapid.Float64Range(-5, 5).Draw(t, "base")}}
		n := rapid.IntRange(1, 20).Draw(t, "n")
		score := d.Explain.Base
		for i := range n {
			v := rapid.Float64Range(-3, 3).Draw(t, "v")
			d.Explain.Parts = append(d.Explain.Parts, ward.Contribution{Input: "i" + strconv.Itoa(i), Value: v})
			score += v
		}
		f := drawWaterfall(d, map[string]string{"i0": "First"}, map[string]string{"i0": "1 g"})
		if f.Base != d.Explain.Base || math.Abs(f.Score-score) > 1e-9 {
			t.Fatalf("base %v score %v, want %v and %v", f.Base, f.Score, d.Explain.Base, score)
		}
		if len(f.Bars) > maxBars+1 || f.Count != 0 && f.Count != n-maxBars {
			t.Fatalf("%d bars, %d in the rest, of %d", len(f.Bars), f.Count, n)
		}
		at := d.Explain.Base
		last := math.Inf(1)
		for i, b := range f.Bars {
			if math.Abs(b.From-at) > 1e-9 || math.Abs(b.To-b.From-b.Value) > 1e-9 || b.Up != (b.Value >= 0) {
				t.Fatalf("bar %d goes from %v to %v, value %v, at %v", i, b.From, b.To, b.Value, at)
			}
			at = b.To
			if b.X < fallName || b.X+b.W > fallW-fallRight+1 || b.W < 1 {
				t.Fatalf("bar %d is drawn at %v, %v wide", i, b.X, b.W)
			}
			if f.Count == 0 || i < maxBars {
				if math.Abs(b.Value) > last {
					t.Fatalf("bar %d is stronger than the one before", i)
				}
				last = math.Abs(b.Value)
			}
		}
		scale := (f.ScoreX - f.BaseX)
		if score != f.Base && math.Abs(scale) > 20 {
			for i, b := range f.Bars {
				if want := math.Abs(b.Value / (f.Score - f.Base) * scale); math.Abs(b.W-max(want, 1)) > 1+want*0.02 {
					t.Fatalf("bar %d is %v wide, not %v", i, b.W, want)
				}
			}
		}
	})
	if drawWaterfall(ward.Decision{}, nil, nil) != nil {
		t.Error("a decision without explanation is drawn")
	}
}

// TestStrip: value and interval stand on the scale where they belong, and the bands cover it.
func TestStrip(t *testing.T) {
	m := registry.Manifest{}
	m.Output.ShownDecimals = 1
	m.Output.Bands = []registry.Band{{From: "20", Name: "high"}, {From: "5", Name: "middle"}, {From: "0", Name: "low"}}
	low, high := 10.0, 20.0
	s := drawStrip(&ward.Output{Value: 12.5, Unit: "%", Low: &low, High: &high, Band: "middle"}, m)
	if s.To != "25" || s.Text != "12.5" {
		t.Fatalf("%+v", s)
	}
	width := s.Right - s.Left
	if !near(s.Value, s.Left+width/2) || !near(s.Interval.X, s.Left+width*0.4) || !near(s.Interval.W, width*0.4) {
		t.Errorf("%+v %+v", s, s.Interval)
	}
	covered := 0.0
	for _, b := range s.Bands {
		covered += b.W
		if b.Here != (b.Name == "middle") {
			t.Errorf("%+v", b)
		}
	}
	if !near(covered, width) {
		t.Errorf("the bands cover %v of %v", covered, width)
	}
	if s := drawStrip(&ward.Output{Value: 97, Unit: "%"}, registry.Manifest{}); s.To != "100" {
		t.Errorf("a percentage goes to %s", s.To)
	}
	if drawStrip(nil, m) != nil || drawStrip(&ward.Output{Value: math.NaN()}, m) != nil || drawStrip(&ward.Output{Value: -1}, m) != nil {
		t.Error("what has no place is drawn")
	}
}

// TestTrend: every mark lies in the plotting area, in the order of time, and the band where the range is.
func TestTrend(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		var ps []point
		for range rapid.IntRange(2, 30).Draw(t, "n") {
			at = at.Add(time.Duration(rapid.IntRange(0, 1e6).Draw(t, "later")) * time.Second)
			ps = append(ps, point{At: at, Value: rapid.Float64Range(0, 1e4).Draw(t, "value"), Flag: flag{Code: "H", Tone: rapid.SampledFrom([]string{"", "high", "low"}).Draw(t, "tone")}})
		}
		low := rapid.Float64Range(0, 5e3).Draw(t, "low")
		high := low + rapid.Float64Range(0, 5e3).Draw(t, "span")
		c := drawTrend("x", "u", ps, &low, &high)
		before := 0.0
		for i, m := range c.Marks {
			if m.X < c.Box.X || m.X > c.Box.X+c.Box.W || m.Y < c.Box.Y-0.1 || m.Y > c.Box.Y+c.Box.H+0.1 || m.X < before {
				t.Fatalf("mark %d at %v %v, box %+v", i, m.X, m.Y, c.Box)
			}
			before = m.X
			for j, o := range c.Marks {
				if ps[i].Value > ps[j].Value && m.Y > o.Y {
					t.Fatalf("%v is drawn below %v", ps[i].Value, ps[j].Value)
				}
			}
		}
		if c.Band.Y < c.Box.Y-0.1 || c.Band.Y+c.Band.H > c.Box.Y+c.Box.H+0.2 || c.Band.H < 0 {
			t.Fatalf("band %+v in %+v", c.Band, c.Box)
		}
		if len(c.Y) < 2 || len(c.Y) > 8 || strings.Count(c.Line, ",") != len(ps) {
			t.Fatalf("%d ticks, line %s", len(c.Y), c.Line)
		}
	})
	if drawTrend("x", "u", nil, nil, nil) != nil || drawSpark([]point{{}}, nil, nil) != nil {
		t.Error("one value is no trend")
	}
}

// TestGroups: mass and substance of one analyte are one group in one unit; what is void is not drawn.
func TestGroups(t *testing.T) {
	body := func(id, code, value, unit, status, day string) result {
		r, err := resultOf(ward.Version{Ref: ward.Reference{Type: "Observation", ID: id}, Number: 1, Body: ward.Protected(`{"resourceType":"Observation","status":"` + status +
			`","code":{"coding":[{"system":"http://loinc.org","code":"` + code + `"}],"text":"Creatinine"},"effectiveDateTime":"` + day + `","valueQuantity":{"value":` + value +
			`,"unit":"` + unit + `","system":"http://unitsofmeasure.org","code":"` + unit + `"},"referenceRange":[{"low":{"value":44,"unit":"umol/L"},"high":{"value":97,"unit":"umol/L"}}]}`)})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	got := groupResults([]result{body("a", "2160-0", "1.00", "mg/dL", "final", "2026-01-01"), body("b", "14682-9", "88.4", "umol/L", "final", "2026-02-01"),
		body("c", "2160-0", "9.99", "mg/dL", "entered-in-error", "2026-03-01")})
	if len(got) != 1 || len(got[0].Groups) != 1 {
		t.Fatalf("%+v", got)
	}
	g := got[0].Groups[0]
	if g.Unit != "mg/dL" || g.Latest.Ref.ID != "b" || g.Latest.Sent != "88.4 umol/L" || g.Latest.Canonical != "1" || !g.Latest.Converted || len(g.All) != 3 {
		t.Errorf("%+v", g)
	}
	if len(g.Trend.Points) != 2 || g.Trend.Range != "0.4977 to 1.0973" {
		t.Errorf("%+v", g.Trend)
	}
}

func TestWords(t *testing.T) {
	at := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	for birth, want := range map[string]string{"1961-02-14": "65 years", "1961-11-23": "64 years", "2026-01-30": "9 months", "2024-11-22": "2 years", "2026-11-22": "0 months",
		"1961": "", "": "", "2030-01-01": ""} {
		if got := ageText(birth, at); got != want {
			t.Errorf("born %q: %q, want %q", birth, got, want)
		}
	}
	id := ward.NewID().String()
	for ref, want := range map[string]string{"Observation/x/_history/3": "/console/records/Observation/x/3", "hold/" + id: "/console/quarantine/" + id,
		"Observation/x": "", "hold/x": "", "Observation/x/_history/03": "", "Observation/a b/_history/1": "", "javascript:alert(1)": ""} {
		if got := link(ref); got != want {
			t.Errorf("%s leads to %q, want %q", ref, got, want)
		}
	}
	for to, want := range map[string]string{"/console/log?act=read&before=5": "/console/log?act=read&before=5", "/console/\\evil": home, "/console/%2e%2e/": home, "": home,
		"/console/signin?to=/console/": home, "/console/theme": home, strings.Repeat("/console/", 100): home} {
		if got := ownPath(to); got != want {
			t.Errorf("%q: %q, want %q", to, got, want)
		}
	}
}
