package conformal

import (
	"bytes"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/ward-health/ward"
)

// isotonic is the textbook regression: for each distinct score the largest over what begins at or before it of the smallest
// mean over what ends at or after it.
func isotonic(scores []float64, y []bool, at float64) float64 {
	u := slices.Clone(scores)
	slices.Sort(u)
	u = slices.Compact(u)
	best := math.Inf(-1)
	for _, a := range u {
		if a > at {
			break
		}
		least := math.Inf(1)
		for _, b := range u {
			if b < at {
				continue
			}
			n, k := 0, 0
			for i, s := range scores {
				if s >= a && s <= b {
					n++
					if y[i] {
						k++
					}
				}
			}
			least = min(least, float64(k)/float64(n))
		}
		best = max(best, least)
	}
	return best
}

func drawRows(t *rapid.T) ([]float64, []bool) {
	n := rapid.IntRange(2, 30).Draw(t, "n")
	scores, y := make([]float64, n), make([]bool, n)
	for i := range scores {
		scores[i] = float64(rapid.IntRange(-6, 6).Draw(t, "score")) / 2
		y[i] = rapid.Bool().Draw(t, "y")
	}
	y[0], y[1] = true, false
	return scores, y
}

// TestVennAbersIsIsotonic compares with two isotonic regressions per query, done anew by the textbook.
func TestVennAbersIsIsotonic(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		scores, y := drawRows(t)
		c, err := FitVennAbers(scores, y)
		if err != nil {
			t.Fatal(err)
		}
		for x := -3.75; x < 4; x += 0.25 {
			got := c.Interval(x)
			p0 := isotonic(append(slices.Clone(scores), x), append(slices.Clone(y), false), x)
			p1 := isotonic(append(slices.Clone(scores), x), append(slices.Clone(y), true), x)
			if math.Abs(got.Low-p0) > 1e-12 || math.Abs(got.High-p1) > 1e-12 {
				t.Fatalf("at %v: %v to %v, want %v to %v", x, got.Low, got.High, p0, p1)
			}
			if !(got.Low <= got.High) || !got.Known() || got.Method != VennAbers {
				t.Fatalf("at %v: %+v", x, got)
			}
		}
	})
}

// TestFileForm reads back what was written, and the intervals are the same.
func TestFileForm(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		scores, y := drawRows(t)
		want, err := FitVennAbers(scores, y)
		if err != nil {
			t.Fatal(err)
		}
		if rapid.Bool().Draw(t, "split") {
			if want, err = FitSplit(scores, 0.5); err != nil {
				t.Fatal(err)
			}
		}
		got, err := Read(want.JSON())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(Calibration{}, steps{})); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestReadRefuses(t *testing.T) {
	c, err := FitVennAbers([]float64{1, 2, 3, 4, 5, 6}, []bool{false, true, false, true, true, false})
	if err != nil {
		t.Fatal(err)
	}
	good := strings.TrimSpace(string(c.JSON()))
	s, err := FitSplit([]float64{1, 2, 3, 4, 5, 6, 7, 8, 9}, 0.1)
	if err != nil {
		t.Fatal(err)
	}
	split := strings.TrimSpace(string(s.JSON()))
	t.Log(good, split)
	for name, c := range map[string]struct {
		from, old, new string
		kind           ward.ErrorKind
	}{
		"schema":        {good, Schema, "ward/calibration/2", ward.Unsupported},
		"method":        {good, VennAbers, "platt/1", ward.Unsupported},
		"unknown":       {good, `{"schema"`, `{"x":1,"schema"`, ward.Invalid},
		"twice":         {good, `{"schema"`, `{"rows":6,"schema"`, ward.Invalid},
		"case":          {good, `"rows":6`, `"Rows":6`, ward.Invalid},
		"null":          {good, `"rows":6`, `"rows":null`, ward.Invalid},
		"inner twice":   {good, `"p0":{`, `"p0":{"score":[1],`, ward.Invalid},
		"inner unknown": {good, `"p0":{`, `"p0":{"x":[1],`, ward.Invalid},
		"after":         {good, `}}`, `}} 1`, ward.Invalid},
		"no rows":       {good, `"rows":6`, `"rows":0`, ward.Invalid},
		"one outcome":   {good, `"positives":3`, `"positives":6`, ward.Invalid},
		"mixed":         {good, `"rows":6`, `"rows":6,"alpha":0.1`, ward.Invalid},
		"fraction":      {good, `"rows":6`, `"rows":6.5`, ward.Invalid},
		"falling":       {good, `"score":[1,2`, `"score":[2,1`, ward.Invalid},
		"short":         {good, `"score":[1,`, `"score":[`, ward.Invalid},
		"alpha":         {split, `0.1`, `0.12345`, ward.Invalid},
		"too few":       {split, `0.1`, `0.05`, ward.Invalid},
		"quantile":      {split, `"quantile":9`, `"quantile":-9`, ward.Invalid},
		"no quantile":   {split, `,"quantile":9`, ``, ward.Invalid},
		"infinite":      {split, `"quantile":9`, `"quantile":1e999`, ward.Invalid},
		"list":          {split, split, `[]`, ward.Invalid},
		"nothing":       {split, split, ``, ward.Invalid},
	} {
		text := strings.Replace(c.from, c.old, c.new, 1)
		if text == c.from {
			t.Errorf("%s: %q is not there", name, c.old)
		} else if _, err := Read([]byte(text)); ward.KindOf(err) != c.kind || err == nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Read(bytes.Repeat([]byte(" "), MaxTable+1)); ward.KindOf(err) != ward.TooLarge {
		t.Error(err)
	}
	crossed := `{"schema":"ward/calibration/1","method":"venn-abers/1","rows":9,"positives":4,` +
		`"p0":{"score":[1],"positives":[1],"rows":[2]},"p1":{"score":[2],"positives":[1],"rows":[3]}}`
	if _, err := Read([]byte(crossed)); err == nil || !strings.Contains(err.Error(), "p0 is above p1") {
		t.Error(err)
	}
}

func TestRefusals(t *testing.T) {
	if _, err := FitSplit(make([]float64, 8), 0.1); ward.KindOf(err) != ward.Unprocessable || !strings.Contains(err.Error(), "at least 9") {
		t.Error(err)
	}
	for _, alpha := range []float64{0, -1, 0.6, 0.10001, math.NaN()} {
		if _, err := FitSplit(make([]float64, 5000), alpha); ward.KindOf(err) != ward.Invalid {
			t.Errorf("alpha %v: %v", alpha, err)
		}
	}
	if _, err := FitSplit([]float64{1, math.NaN(), 1}, 0.5); ward.KindOf(err) != ward.Invalid {
		t.Error(err)
	}
	if _, err := FitVennAbers([]float64{1, math.Inf(1)}, []bool{true, false}); ward.KindOf(err) != ward.Invalid {
		t.Error(err)
	}
	if _, err := FitVennAbers([]float64{1, 2}, []bool{true, true}); ward.KindOf(err) != ward.Unprocessable {
		t.Error(err)
	}
	if _, err := FitVennAbers([]float64{1, 2}, []bool{true}); ward.KindOf(err) != ward.Invalid {
		t.Error(err)
	}
	c, err := FitVennAbers([]float64{1, 2}, []bool{true, false})
	if err != nil {
		t.Fatal(err)
	}
	if i := c.Interval(math.NaN()); i.Known() || i.Reason == "" {
		t.Errorf("%+v", i)
	}
}

// TestRankIsTheSmallestThatCovers: k/(n+1) >= 1-alpha, and no smaller k has it.
func TestRankIsTheSmallestThatCovers(t *testing.T) {
	for mille := 1; mille <= 500; mille++ {
		for n := 1; n < 2500; n += 7 {
			k := rank(n, mille)
			if k*1000 < (n+1)*(1000-mille) || (k-1)*1000 >= (n+1)*(1000-mille) {
				t.Fatalf("n %d, alpha %d/1000: %d", n, mille, k)
			}
		}
		if n := fewest(mille); rank(n, mille) > n || n > 1 && rank(n-1, mille) <= n-1 {
			t.Fatalf("alpha %d/1000: %d rows", mille, n)
		}
	}
}

// TestSplitCovers simulates: over many fits the covered share of new outcomes must be that of the theory, k/(n+1), within
// five standard errors, whatever the noise.
func TestSplitCovers(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 11))
	noise := map[string]func() float64{"normal": r.NormFloat64, "exponential": r.ExpFloat64, "heavy": func() float64 { return math.Tan(3 * (r.Float64() - 0.5)) }}
	for name, draw := range noise {
		for _, alpha := range []float64{0.05, 0.1, 0.2} {
			const fits, n = 20_000, 50
			hit := 0
			for range fits {
				residuals := make([]float64, n)
				for i := range residuals {
					residuals[i] = draw()
				}
				c, err := FitSplit(residuals, alpha)
				if err != nil {
					t.Fatal(err)
				}
				if i, y := c.Interval(10), 10+draw(); i.Low <= y && y <= i.High {
					hit++
				}
			}
			want := float64(rank(n, int(math.Round(alpha*1000)))) / (n + 1)
			if got := float64(hit) / fits; math.Abs(got-want) > 5*math.Sqrt(want*(1-want)/fits) || want < 1-alpha {
				t.Errorf("%s, alpha %v: %v covered, want %v", name, alpha, got, want)
			}
		}
	}
}

// TestVennAbersIsCalibrated simulates outcomes whose risk a distorted score orders rightly: of the rows with an interval, as
// many have the event as lie between the sums of p0 and of p1, within five standard errors, in every third of the risk.
func TestVennAbersIsCalibrated(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 5))
	row := func() (float64, bool) {
		risk := r.Float64()
		return risk * risk * risk * 0.2, r.Float64() < risk
	}
	var events, low, high, spread [3]float64
	for range 400 {
		scores, y := make([]float64, 300), make([]bool, 300)
		for i := range scores {
			scores[i], y[i] = row()
		}
		c, err := FitVennAbers(scores, y)
		if err != nil {
			t.Fatal(err)
		}
		for range 50 {
			s, event := row()
			i := c.Interval(s)
			third := min(2, int(math.Cbrt(s/0.2)*3))
			low[third] += i.Low
			high[third] += i.High
			p := (i.Low + i.High) / 2
			spread[third] += p * (1 - p)
			if event {
				events[third]++
			}
		}
	}
	for k := range events {
		slack := 5 * math.Sqrt(spread[k])
		if events[k] < low[k]-slack || events[k] > high[k]+slack || slack > events[k]/5 {
			t.Errorf("third %d: %v events, p0 %v to p1 %v, slack %v", k, events[k], low[k], high[k], slack)
		}
	}
}

// TestDoesNotDependOnScale: a rising function of the score changes nothing.
func TestDoesNotDependOnScale(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		scores, y := drawRows(t)
		c, err := FitVennAbers(scores, y)
		if err != nil {
			t.Fatal(err)
		}
		risen := slices.Clone(scores)
		for i := range risen {
			risen[i] = math.Exp(risen[i]) - 100
		}
		d, err := FitVennAbers(risen, y)
		if err != nil {
			t.Fatal(err)
		}
		for x := -3.75; x < 4; x += 0.25 {
			if c.Interval(x) != d.Interval(math.Exp(x)-100) {
				t.Fatalf("at %v: %+v, %+v", x, c.Interval(x), d.Interval(math.Exp(x)-100))
			}
		}
	})
}

func FuzzRead(f *testing.F) {
	c, err := FitVennAbers([]float64{1, 2, 3, 4}, []bool{false, true, false, true})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(c.JSON())
	f.Add([]byte(`{"schema":"ward/calibration/1","method":"split/1","rows":9,"alpha":0.1,"quantile":2.5}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := Read(b)
		if err != nil {
			return
		}
		again, err := Read(c.JSON())
		if err != nil {
			t.Fatal(err)
		}
		for x := -5.0; x < 5; x += 0.25 {
			i := c.Interval(x)
			if i != again.Interval(x) || i.Known() && !(i.Low <= i.High) {
				t.Fatalf("%+v", i)
			}
			if c.Method() == VennAbers && !(i.Low >= 0 && i.High <= 1) {
				t.Fatalf("%+v", i)
			}
		}
	})
}
