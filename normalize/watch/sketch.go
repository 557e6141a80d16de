package watch

import (
	"encoding/json"
	"math"

	"github.com/ward-health/ward/clinical/terminology"
)

// The scale: bins to the doubling, and how many to either side of the middle of where values usually lie.
const (
	perDoubling = 16
	furthest    = 160 // a thousandfold
)

// maxCount is how many results a sketch counts; beyond that all counts are halved, so that what is long ago fades.
const maxCount = 4096

// Sketch counts values by bin. Its JSON names the bins that are not empty.
type Sketch [2*furthest + 1]uint32

// MarshalJSON implements json.Marshaler.
func (s Sketch) MarshalJSON() ([]byte, error) {
	out := map[int]uint32{}
	for i, n := range s {
		if n > 0 {
			out[i-furthest] = n
		}
	}
	return json.Marshal(out)
}

// UnmarshalJSON implements json.Unmarshaler. Bins off the scale are left out.
func (s *Sketch) UnmarshalJSON(b []byte) error {
	var in map[int]uint32
	if err := json.Unmarshal(b, &in); err != nil {
		return err
	}
	*s = Sketch{}
	for bin, n := range in {
		if bin >= -furthest && bin <= furthest {
			s[bin+furthest] = min(n, maxCount)
		}
	}
	return nil
}

// binOf returns the bin of a value in the canonical unit; false if the code has no usual range, or the value none on this scale.
func binOf(a terminology.Analyte, value float64) (int, bool) {
	low, high := decimal(a.ExpectLow), decimal(a.ExpectHigh)
	if low <= 0 || high <= 0 || value <= 0 || math.IsInf(value, 0) || math.IsNaN(value) {
		return 0, false
	}
	x := math.Round(perDoubling * math.Log2(value/math.Sqrt(low*high)))
	return int(max(-furthest, min(furthest, x))), true
}

// valueOf is the middle of a bin, in the canonical unit.
func valueOf(a terminology.Analyte, bin int) float64 {
	return math.Sqrt(decimal(a.ExpectLow)*decimal(a.ExpectHigh)) * ratio(bin)
}

// ratio is how far so many bins are apart.
func ratio(bins int) float64 { return math.Exp2(float64(bins) / perDoubling) }

func (s *Sketch) add(bins ...int) {
	for _, b := range bins {
		s[max(-furthest, min(furthest, b))+furthest]++
	}
	if s.count() > maxCount {
		for i := range s {
			s[i] /= 2
		}
	}
}

func (s *Sketch) merge(o *Sketch) {
	for i, n := range o {
		s[i] += n
	}
}

func (s *Sketch) count() (n int) {
	for _, c := range s {
		n += int(c)
	}
	return n
}

// quantile is the bin below which the share p of the values lies.
func (s *Sketch) quantile(p float64) int {
	left := p * float64(s.count())
	for i, n := range s {
		if left -= float64(n); left < 0 {
			return i - furthest
		}
	}
	return furthest
}

// distance is the greatest distance between two cumulative distributions (Kolmogorov and Smirnov), 0 to 1.
func distance(a, b *Sketch) (d float64) {
	n, m := float64(a.count()), float64(b.count())
	x, y := 0.0, 0.0
	for i := range a {
		x, y = x+float64(a[i]), y+float64(b[i])
		d = max(d, math.Abs(x/n-y/m))
	}
	return d
}

// chance is how rare a distance by chance alone has to be before it counts: the test is made anew with every result.
const chance = 1e-8

// critical is the distance that chance alone exceeds with probability chance.
func critical(n, m int) float64 {
	return math.Sqrt(-math.Log(chance/2)/2) * math.Sqrt(float64(n+m)/(float64(n)*float64(m)))
}
