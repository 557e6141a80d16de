package watch

import (
	"context"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/clinical/terminology"
	"github.com/ward-health/ward/clinical/ucum"
	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/engine/db/dbtest"
	"github.com/ward-health/ward/store/storetest"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

var at = time.Date(2026, 11, 1, 8, 0, 0, 0, time.UTC)

// source draws values of a code as a hospital sees them: log-normal around the usual range and shifted by a factor of its population, every
// sixteenth patient far outside.
type source struct {
	*rand.Rand
	a     terminology.Analyte
	shift float64
}

func (s source) draw() float64 {
	low, high := decimal(s.a.ExpectLow), decimal(s.a.ExpectHigh)
	v := s.shift * math.Sqrt(low*high) * math.Exp(1.5*math.Log(high/low)/3.92*s.NormFloat64())
	if s.IntN(16) == 0 {
		v = low / 4 * math.Exp(s.Float64()*math.Log(16*high/low))
	}
	return min(max(v, decimal(s.a.Low)), decimal(s.a.High))
}

func row(t testing.TB, code string) terminology.Analyte {
	t.Helper()
	a, ok := terminology.Lookup(code)
	if !ok {
		t.Fatalf("no row %s", code)
	}
	return a
}

// factor is what numbers in unit read as under the canonical unit, over what they are.
func factor(t testing.TB, a terminology.Analyte, unit string) float64 {
	t.Helper()
	from, err := ucum.Parse(unit)
	if err != nil {
		t.Fatal(err)
	}
	to, _ := ucum.Parse(a.Unit)
	one, _, err := a.Convert(big.NewRat(1, 1), to, from)
	if err != nil {
		t.Fatal(err)
	}
	x, _ := one.Float64()
	return x
}

func feed(s *Series, a terminology.Analyte, v float64) {
	if bin, ok := binOf(a, v); ok {
		s.add(bin)
		s.judge(a, nil, at)
	}
}

// TestSilentSwitchIsFound measures after how many results a laboratory is found that sends the numbers of another unit under the unit
// that it always named.
func TestSilentSwitchIsFound(t *testing.T) {
	for _, c := range []struct{ code, now string }{
		{"19123-9", "meq/L"}, {"19123-9", "mmol/L"}, {"3094-0", "mmol/L"}, {"2500-7", "umol/L"}, {"2160-0", "umol/L"}, {"2093-3", "mmol/L"}, {"2885-2", "g/L"},
	} {
		a := row(t, c.code)
		by := factor(t, a, c.now)
		var after []int
		for seed := range uint64(40) {
			src := source{rand.New(rand.NewPCG(seed, 7)), a, 0.95 + 0.1*float64(seed%3)/2}
			s := &Series{Name: Name{Sender: "lab", LOINC: a.Code, Unit: a.Unit}}
			for range 500 {
				feed(s, a, src.draw())
			}
			if s.Shift != nil {
				t.Errorf("%s seed %d: found before there was one: %+v", c.code, seed, *s.Shift)
			}
			n := 0
			for ; s.Shift == nil && n < 2000; n++ {
				feed(s, a, src.draw()*by)
			}
			after = append(after, n)
		}
		slices.Sort(after)
		t.Logf("%s silently in %-6s (a factor of %7.3f): found after %d results (median of 40 laboratories), %d at most", c.code, c.now, by, after[20], after[39])
		if after[39] > 200 {
			t.Errorf("%s in %s: found after %d results", c.code, c.now, after[39])
		}
	}
}

// TestNoShiftWhereThereIsNone: what stays as it is, and what a hospital's seasons and departments do to it, is not found.
func TestNoShiftWhereThereIsNone(t *testing.T) {
	found, series, results := 0, 0, 0
	for a := range terminology.Analytes() {
		if _, ok := binOf(a, decimal(a.ExpectLow)); !ok {
			continue
		}
		for seed := range uint64(2) {
			src := source{rand.New(rand.NewPCG(seed, 11)), a, 1}
			s := &Series{Name: Name{Sender: "lab", LOINC: a.Code, Unit: a.Unit}}
			series++
			for n := range 1000 {
				src.shift = 1 + 0.05*math.Sin(float64(n)/80) // by 5 % up and down
				feed(s, a, src.draw())
				results++
			}
			if s.Shift != nil {
				found++
				t.Logf("%s: %+v", a.Code, *s.Shift)
			}
		}
	}
	t.Logf("%d series of %d results: %d found shifted", series, results, found)
	if found > 0 {
		t.Errorf("%d of %d series", found, series)
	}
}

var ctx = context.Background()

// TestWatchIsKept: counts outlast the node, two nodes count together, a new sender is compared with others, and persons end a doubt.
func TestWatchIsKept(t *testing.T) {
	storetest.Each(t, func(t *testing.T, n *storetest.Running) {
		p := n.Permit(ward.Integration, access.Receive, "")
		tn := db.Tenant(n.Tenant.Number)
		open := func() *Watch {
			w := New(n.Store, func() time.Time { return at })
			if err := w.Load(ctx, p); err != nil {
				t.Fatal(err)
			}
			return w
		}
		a := row(t, "19123-9")
		src := source{rand.New(rand.NewPCG(1, 2)), a, 1}
		send := func(w *Watch, sender string, count int, by float64) {
			for range count {
				w.Add(tn, Result{Name{sender, "MG", a.Code, a.Unit}, new(big.Rat).SetFloat64(src.draw() * by)})
			}
		}
		flush := func(w *Watch) {
			t.Helper()
			if err := w.Flush(ctx, p, true); err != nil {
				t.Fatal(err)
			}
		}
		one, two := open(), open()
		send(one, "lab", 100, 1)
		send(two, "lab", 60, 1)
		flush(one)
		flush(two)
		send(one, "lab", 40, 1)
		flush(one)
		three := open()
		if s := three.Standings(tn, "lab"); len(s) != 1 || s[0].Seen != 200 || s[0].Median < 1.7 || s[0].Median > 2.3 || s[0].Shift != nil {
			t.Fatalf("%+v", s)
		}
		name := Name{"lab", "MG", a.Code, a.Unit}
		send(three, "lab", 64, factor(t, a, "meq/L"))
		if !three.Shifted(tn, name, time.Time{}) {
			t.Fatal("64 results in another unit were not found")
		}
		flush(three)
		four := open()
		s := four.Standings(tn, "lab")[0]
		if !four.Shifted(tn, name, at.Add(-time.Hour)) || s.Shift == nil || s.Shift.Unit != "meq/L" {
			t.Errorf("after a restart: %+v", s)
		}
		if four.Shifted(tn, name, at.Add(time.Hour)) {
			t.Error("in doubt after persons have said that the unit is right")
		}
		// A second laboratory that begins in another unit than all others: at most as many as are compared.
		send(four, "other", 400, 1)
		after := 0
		for ; after < young && !four.Shifted(tn, Name{"late", "MG", a.Code, a.Unit}, time.Time{}); after++ {
			send(four, "late", 1, factor(t, a, "mmol/L"))
		}
		if after == young {
			t.Error("a sender apart from all others was not found")
		}
		fmt.Printf("# watch: a new sender in mmol/L among others in mg/dL is found after %d results\n", after)
		if three.Shifted(db.Tenant(n.Other.Number), name, time.Time{}) || len(four.Standings(db.Tenant(n.Other.Number), "lab")) != 0 {
			t.Error("seen from another tenant")
		}
		n.Clean()
	})
}
