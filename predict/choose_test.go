package predict

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/predict/registry"
	"pgregory.net/rapid"
)

// TestChooseAgain: the choice depends neither on the order nor on more than the results that a decision records, and a number
// is never taken while a finished result that may be as new says another.
func TestChooseAgain(t *testing.T) {
	m, err := registry.Read(registry.Builtin()[0].Manifest)
	if err != nil {
		t.Fatal(err)
	}
	in := m.Inputs[0]
	rapid.Check(t, func(t *rapid.T) {
		var rs []*result
		for i := range rapid.IntRange(0, 6).Draw(t, "n") {
			lo := rapid.SampledFrom([]int64{math.MinInt64, 0, 1, 2, 3}).Draw(t, "lo")
			r := &result{lo: lo, hi: math.MaxInt64, status: rapid.SampledFrom([]string{"final", "final", "preliminary", "cancelled"}).Draw(t, "status"),
				value: rapid.SampledFrom([]string{"1.0", "6.0", ""}).Draw(t, "value"), unit: "mg/dL", system: "http://unitsofmeasure.org"}
			if lo != math.MinInt64 && rapid.Bool().Draw(t, "ends") {
				r.hi = lo + rapid.Int64Range(1, 3).Draw(t, "width")
			}
			r.ref, r.updated = ward.Reference{Type: "Observation", ID: fmt.Sprint(i)}, time.Unix(rapid.Int64Range(0, 1).Draw(t, "updated"), 0)
			rs = append(rs, r)
		}
		c := choose(in, rs)
		if c.newest == nil {
			if len(rs) > 0 {
				t.Fatal("nothing is chosen")
			}
			return
		}
		if again := choose(in, append(c.aside(), c.newest)); again != c {
			t.Fatalf("%+v, again %+v", c, again)
		}
		back := slices.Clone(rs)
		slices.Reverse(back)
		if again := choose(in, back); again != c {
			t.Fatalf("%+v, in another order %+v", c, again)
		}
		for _, r := range rs {
			if c.newest.finished() && c.newest.timed() && c.rival == nil && r.finished() && r.timed() && r != c.newest && r.hi > c.newest.lo && r.value != c.newest.value {
				t.Fatalf("%+v is taken although %+v may be newer", c.newest, r)
			}
		}
	})
}
