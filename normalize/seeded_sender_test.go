package normalize_test

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ward-health/ward/clinical/terminology"
	"github.com/ward-health/ward/clinical/ucum"
	"github.com/ward-health/ward/normalize/units"
)

// laboratory is a sender with one unit and one reference range for each code, as laboratories are.
type laboratory struct {
	*rand.Rand
	unit  map[string]string
	low   map[string]float64 // of the range, in the canonical unit
	high  map[string]float64
	order int
}

func newLaboratory(seed uint64, rows []terminology.Analyte) *laboratory {
	l := &laboratory{Rand: rand.New(rand.NewPCG(seed, 2026)), unit: map[string]string{}, low: map[string]float64{}, high: map[string]float64{}}
	differ := func() float64 { return math.Exp((l.Float64()*2 - 1) * math.Log(1.15)) }
	for _, a := range rows {
		l.unit[a.Code] = a.Unit
		if l.IntN(10) >= 7 {
			l.unit[a.Code] = a.Units[l.IntN(len(a.Units))]
		}
		l.low[a.Code], l.high[a.Code] = float(a.ExpectLow)*differ(), float(a.ExpectHigh)*differ()
		if l.high[a.Code] <= l.low[a.Code] {
			l.low[a.Code], l.high[a.Code] = float(a.ExpectLow), float(a.ExpectHigh)
		}
	}
	return l
}

func float(s string) float64 { x, _ := rat(s).Float64(); return x }

// draw is a value: mostly around the usual range, one of sixteen patients far outside.
func (l *laboratory) draw(a terminology.Analyte) float64 {
	el, eh := float(a.ExpectLow), float(a.ExpectHigh)
	v := math.Sqrt(el*eh) * math.Exp(math.Log(eh/el)/3.92*l.NormFloat64())
	if l.IntN(16) == 0 {
		from, to := max(float(a.Low), el/5), min(float(a.High), eh*8)
		v = from * math.Exp(l.Float64()*math.Log(to/from))
	}
	return min(max(v, float(a.Low)*1.001), float(a.High)*0.999)
}

// in writes so many canonical units in another unit, with four digits.
func in(a terminology.Analyte, x float64, unit string) (string, bool) {
	from, err1 := ucum.Parse(a.Unit)
	to, err2 := ucum.Parse(unit)
	r := new(big.Rat).SetFloat64(x)
	if err1 != nil || err2 != nil || r == nil {
		return "", false
	}
	v, _, err := a.Convert(r, from, to)
	if err != nil {
		return "", false
	}
	y, _ := v.Float64()
	return strings.TrimSuffix(new(big.Rat).SetFloat64(y).FloatString(max(0, 3-int(math.Floor(math.Log10(y))))), "."), true
}

// An error of a sender: which numbers are in another unit than the label says.
const (
	errNone   = "clean"
	errAll    = "value and range in another unit" // the analyser and its ranges were changed, the label was not
	errLabel  = "value and range right, label wrong"
	errCode   = "sibling code"
	errBare   = "value in another unit, no range sent"
	errValue  = "value alone in another unit" // under the unit and the range that are always sent
	cleanBare = "clean, no range sent"
)

// result writes one OBX of the laboratory. ok is false where the code cannot have the error.
func (l *laboratory) result(a terminology.Analyte, n int, kind string) (s seeded, ok bool) {
	v := l.draw(a)
	label, code := l.unit[a.Code], a.Code
	numbers, ranged := label, label
	others := slices.Clone(a.Units)
	siblings := terminology.Siblings(a.Code)
	for _, b := range siblings {
		others = append(others, b.Units...)
	}
	others = slices.DeleteFunc(others, func(u string) bool { return u == label })
	other := ""
	if len(others) > 0 {
		other = others[l.IntN(len(others))]
	}
	switch kind {
	case errAll:
		numbers, ranged = other, other
	case errBare, errValue:
		numbers = other
	case errLabel:
		label = other
	case errCode:
		if len(siblings) == 0 {
			return s, false
		}
		code = siblings[l.IntN(len(siblings))].Code
	}
	if label == "" || numbers == "" {
		return s, false
	}
	value, ok1 := in(a, v, numbers)
	low, ok2 := in(a, l.low[a.Code], ranged)
	high, ok3 := in(a, l.high[a.Code], ranged)
	if !ok1 || !ok2 || !ok3 {
		return s, false
	}
	between := low + "-" + high
	if kind == errBare || kind == cleanBare {
		between = ""
	}
	s = seeded{analyte: a, position: n, corrupt: kind != errNone && kind != cleanBare, what: fmt.Sprintf("%s: %s %s %s [%s] sent as %s %s", kind, a.Code, value, numbers, between, code, label)}
	s.truth = new(big.Rat).SetFloat64(v)
	s.obx = fmt.Sprintf("OBX|%d|NM|%s^x^LN|%d|%s|%s|%s||||F", n, code, n, value, label, between)
	return s, true
}

// confirm says of every unit and range of the laboratory that two persons have confirmed them.
func (l *laboratory) confirm(t *testing.T, rows []terminology.Analyte, sender string) *units.Table {
	t.Helper()
	var all []units.Override
	for _, a := range rows {
		low, _ := in(a, l.low[a.Code], l.unit[a.Code])
		high, _ := in(a, l.high[a.Code], l.unit[a.Code])
		all = append(all, units.Override{Sender: sender, Code: a.Code, From: l.unit[a.Code], Unit: l.unit[a.Code], Ranges: []string{low + "-" + high}, Since: time.Now()})
	}
	table, err := units.New(all)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// fate counts what became of results of one kind.
type fate struct{ harmful, held, unsure, reached, usable int }

// run sends results of one kind through the node and counts: a harmful one would have been read wrong by a model, one that reached is.
func (l *laboratory) run(w *world, rows []terminology.Analyte, kind string, count int) (f fate) {
	w.t.Helper()
	for f.harmful+f.usable+f.held+f.unsure < count {
		l.order++
		lines := []string{msh("ORU^R01", "20261101090000"), fmt.Sprintf("PID|1||P%d^^^WARD^MR||Amsel^Ada||19600214|F", l.order), obr(fmt.Sprintf("%s-%d", w.channel().ID, l.order))}
		var all []seeded
		for n := 1; n <= 40; n++ {
			if s, ok := l.result(rows[l.IntN(len(rows))], n, kind); ok {
				all, lines = append(all, s), append(lines, s.obx)
			}
		}
		id := w.send(lines...)
		stored := map[string]map[string]any{}
		for _, ref := range w.refs(id, "Observation") {
			o := w.get(ref)
			stored[fmt.Sprint(at(o, "extension", 0, "valueString"))] = o
		}
		for _, s := range all {
			o := stored[fmt.Sprint(s.position)]
			var got *big.Rat
			ok := false
			if o != nil {
				got, ok = readAs(s.analyte, o)
			}
			switch right := ok && close4(got, s.truth); {
			case o == nil:
				f.held++
				f.count(s.corrupt)
			case tagged(o, "unit-unconfirmed"):
				f.unsure++
				f.count(s.corrupt && !right)
			case s.corrupt && ok && !right:
				f.harmful++
				f.reached++
				if kind != errValue && (kind != errBare || w.said == nil) {
					w.t.Logf("reached: %s reads as %s %s", s.what, got.FloatString(4), s.analyte.Unit)
				}
			default:
				f.usable++
			}
		}
	}
	return f
}

func (f *fate) count(harmful bool) {
	if harmful {
		f.harmful++
	}
}

// close4 compares to what four digits can say.
func close4(a, b *big.Rat) bool {
	d := new(big.Rat).Sub(a, b)
	return d.Abs(d).Cmp(new(big.Rat).Mul(big.NewRat(1, 200), new(big.Rat).Abs(b))) <= 0
}

// TestSeededErrorsOfSenders sends the analytes in play through the node as senders do who make errors of unit and code: senders of whom
// nobody has said anything, and senders whose units and ranges two persons have confirmed. None of the errors may reach a model. What is
// listed: a value that is in another unit with nothing else beside it to show it, its range and label being right or, where persons have
// confirmed that a sender's unit comes without range, left out; all results together show that (watch.TestSilentSwitchIsFound).
func TestSeededErrorsOfSenders(t *testing.T) {
	var rows []terminology.Analyte
	for _, c := range inPlay {
		if a, ok := terminology.Lookup(c); ok && a.ExpectLow != "" {
			rows = append(rows, a)
		}
	}
	reached, left := fate{}, fate{}
	for _, confirmed := range []bool{false, true} {
		name := map[bool]string{false: "nothing confirmed", true: "units and ranges confirmed"}[confirmed]
		all := map[string]*fate{}
		for seed := range uint64(5) {
			w := start(t)
			l := newLaboratory(seed, rows)
			if confirmed {
				w.said = l.confirm(t, rows, channel.ID)
			}
			for _, kind := range []string{errNone, cleanBare, errAll, errLabel, errCode, errBare, errValue} {
				if all[kind] == nil {
					all[kind] = &fate{}
				}
				all[kind].add(l.run(w, rows, kind, 300))
			}
			w.Clean()
		}
		for _, kind := range []string{errNone, cleanBare} {
			f := all[kind]
			n := f.usable + f.held + f.unsure
			t.Logf("%s, %s: %d, held %d (%.2f %%), unit to be confirmed %d (%.1f %%)", name, kind, n, f.held, 100*float64(f.held)/float64(n), f.unsure, 100*float64(f.unsure)/float64(n))
			if f.held*200 > n {
				t.Errorf("%s, %s: %d of %d are held, the bound is 0.5 %%", name, kind, f.held, n)
			}
			if confirmed && f.unsure > 0 {
				t.Errorf("%s, %s: %d results of a confirmed sender are not usable", name, kind, f.unsure)
			}
		}
		for _, kind := range []string{errAll, errLabel, errCode, errBare, errValue} {
			f := all[kind]
			t.Logf("%s, %s: harmful %d, held %d, unit to be confirmed %d, reached a model %d", name, kind, f.harmful, f.held, f.unsure, f.reached)
			if kind == errValue || confirmed && kind == errBare {
				left.add(*f)
				continue
			}
			if reached.add(*f); f.reached > 0 {
				t.Errorf("%s, %s: %d errors reached a model", name, kind, f.reached)
			}
		}
	}
	t.Logf("%d harmful errors, %d reached a model; of %d more that only all results together can show, %d", reached.harmful, reached.reached, left.harmful, left.reached)
	if left.reached*5 > left.harmful {
		t.Errorf("%d of %d", left.reached, left.harmful)
	}
	fmt.Printf("suite feed.seeded total %d pass %d listed %d notrun 0\n", reached.harmful+left.harmful, reached.harmful-reached.reached+left.harmful-left.reached, left.reached)
}

func (f *fate) add(o fate) {
	f.harmful, f.held, f.unsure, f.reached, f.usable = f.harmful+o.harmful, f.held+o.held, f.unsure+o.unsure, f.reached+o.reached, f.usable+o.usable
}
