package explain_test

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"math/bits"
	"os"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/predict/engine"
	"github.com/ward-health/ward/predict/engine/enginetest"
	"github.com/ward-health/ward/predict/explain"
)

func compile(t interface{ Fatal(...any) }, m *engine.Trees, budget int) *explain.Explainer {
	e, err := explain.Compile(m, explain.Options{MaxTableBytes: budget})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// expected is the value of a coalition: a feature outside it follows both branches in proportion to their cover. This is the
// definition of the game, written without any of the package's algebra.
func expected(nodes []engine.Node, at int32, x []float32, coalition uint) float64 {
	n := nodes[at]
	if n.Leaf() {
		return float64(n.Value)
	}
	left, right := nodes[n.Left], nodes[n.Right]
	if coalition>>n.Feature&1 == 1 {
		if v := x[n.Feature]; v != v && n.DefaultLeft || v < n.Value {
			return expected(nodes, n.Left, x, coalition)
		}
		return expected(nodes, n.Right, x, coalition)
	}
	share := 0.5
	if left.Cover+right.Cover > 0 {
		share = float64(left.Cover) / (float64(left.Cover) + float64(right.Cover))
	}
	return share*expected(nodes, n.Left, x, coalition) + (1-share)*expected(nodes, n.Right, x, coalition)
}

// shapley is the definition: over all 2^d coalitions, weighted by |S|!(d-|S|-1)!/d!.
func shapley(trees [][]engine.Node, x []float32) (phi []float64, empty float64) {
	d := len(x)
	value := make([]float64, 1<<d)
	for s := range value {
		for _, nodes := range trees {
			value[s] += expected(nodes, 0, x, uint(s))
		}
	}
	phi = make([]float64, d)
	for s := range value {
		size := bits.OnesCount(uint(s))
		for i := range d {
			if s>>i&1 == 0 {
				phi[i] += (value[s|1<<i] - value[s]) / (float64(d) * choose(d-1, size))
			}
		}
	}
	return phi, value[0]
}

func choose(n, k int) float64 {
	c := 1.0
	for i := range k {
		c = c * float64(n-i) / float64(i+1)
	}
	return c
}

func drawTrees(t *rapid.T, width int) [][]engine.Node {
	var trees [][]engine.Node
	for range rapid.IntRange(1, 3).Draw(t, "trees") {
		trees = append(trees, enginetest.Tree(t, width, rapid.IntRange(0, 7).Draw(t, "depth")))
	}
	return trees
}

func model(t *rapid.T, width int, trees [][]engine.Node) *engine.Trees {
	m, err := engine.ReadXGBoost(enginetest.JSON(engine.SquaredError, "0.25", width, trees...))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestBruteForce compares tables and the leaf-by-leaf way with the definition, on random trees with missing values, branches
// without cover and features that come again on a path, and holds additivity.
func TestBruteForce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		width := rapid.IntRange(1, 8).Draw(t, "features")
		trees := drawTrees(t, width)
		m := model(t, width, trees)
		tables, leaves := compile(t, m, 0), compile(t, m, -1)
		if tables.Bytes() == 0 && m.Count() > 0 && len(trees[0]) > 1 || leaves.Bytes() != 0 {
			t.Fatalf("tables of %d and %d bytes", tables.Bytes(), leaves.Bytes())
		}
		for range 3 {
			x := enginetest.Row(t, width)
			want, empty := shapley(trees, x)
			for name, e := range map[string]*explain.Explainer{"tables": tables, "leaves": leaves} {
				phi := make([]float64, width)
				base := e.Row(phi, x)
				sum := base
				for i := range phi {
					sum += phi[i]
					if !(math.Abs(phi[i]-want[i]) < 1e-9) {
						t.Fatalf("%s, feature %d of %v: %v, want %v", name, i, x, phi, want)
					}
				}
				if !(math.Abs(base-empty-0.25) < 1e-9) || base != e.Base() {
					t.Fatalf("%s: base %v, want %v", name, base, empty+0.25)
				}
				if !(math.Abs(sum-m.Margin(x)) < 1e-9) {
					t.Fatalf("%s: sums to %v, the margin is %v", name, sum, m.Margin(x))
				}
			}
		}
	})
}

// TestDummyAndSymmetry: a feature that no tree asks for gets exactly 0, and exchanging two features exchanges their values.
func TestDummyAndSymmetry(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const width, dummy = 6, 5
		trees := drawTrees(t, width-1)
		x := enginetest.Row(t, width)
		phi, other := make([]float64, width), make([]float64, width)
		compile(t, model(t, width, trees), 0).Row(phi, x)
		if phi[dummy] != 0 || math.Signbit(phi[dummy]) {
			t.Fatalf("the dummy gets %v", phi[dummy])
		}
		a, b := rapid.IntRange(0, width-2).Draw(t, "a"), rapid.IntRange(0, width-2).Draw(t, "b")
		swapped := make([][]engine.Node, len(trees))
		for k, nodes := range trees {
			swapped[k] = slices.Clone(nodes)
			for i := range nodes {
				switch int(nodes[i].Feature) {
				case a:
					swapped[k][i].Feature = int32(b)
				case b:
					swapped[k][i].Feature = int32(a)
				}
			}
		}
		y := slices.Clone(x)
		y[a], y[b] = x[b], x[a]
		compile(t, model(t, width, swapped), 0).Row(other, y)
		other[a], other[b] = other[b], other[a]
		if !slices.Equal(phi, other) {
			t.Fatalf("%v, exchanged %v", phi, other)
		}
	})
}

// TestEqualPlayersGetEqualShares: in x0 AND x1 with even covers both get the same bits.
func TestEqualPlayersGetEqualShares(t *testing.T) {
	nodes := []engine.Node{{Feature: 0, Left: 1, Right: 2, Value: 0.5, Cover: 8}, {Feature: -1, Value: 0, Cover: 4},
		{Feature: 1, Left: 3, Right: 4, Value: 0.5, Cover: 4}, {Feature: -1, Value: 0, Cover: 2}, {Feature: -1, Value: 1, Cover: 2}}
	m, err := engine.ReadXGBoost(enginetest.JSON(engine.SquaredError, "0", 2, nodes))
	if err != nil {
		t.Fatal(err)
	}
	for _, budget := range []int{0, -1} {
		phi := make([]float64, 2)
		base := compile(t, m, budget).Row(phi, []float32{1, 1})
		if phi[0] != phi[1] || math.Abs(phi[0]-0.375) > 1e-15 || base != 0.25 {
			t.Errorf("%v over %v", phi, base)
		}
	}
}

// TestBatchHasTheBitsOfRow at sizes around the block, and when run twice.
func TestBatchHasTheBitsOfRow(t *testing.T) {
	m := committed(t)
	width := len(m.Features())
	for _, budget := range []int{0, -1} {
		e := compile(t, m, budget)
		for _, n := range []int{0, 1, 31, 32, 33, 100} {
			x := enginetest.Rows(m, n, uint64(n))
			batch, row := make([]float64, n*width), make([]float64, width)
			for i := range batch {
				batch[i] = math.NaN()
			}
			e.Batch(batch, x)
			for i := range n {
				e.Row(row, x[i*width:(i+1)*width])
				if !slices.Equal(row, batch[i*width:(i+1)*width]) {
					t.Fatalf("budget %d, row %d of %d: %v, in the batch %v", budget, i, n, row, batch[i*width:(i+1)*width])
				}
			}
		}
	}
}

// TestDeepTrees: a path of 64 distinct features, which no table holds, sums to the margin; the budget is kept.
func TestDeepTrees(t *testing.T) {
	var nodes []engine.Node
	for i := range engine.MaxDepth {
		at := int32(2 * i)
		nodes = append(nodes, engine.Node{Feature: int32(i), Left: at + 2, Right: at + 1, Value: 0.5, Cover: float32(2 * (engine.MaxDepth + 1 - i))},
			engine.Node{Feature: -1, Value: float32(i % 7), Cover: 2})
	}
	nodes = append(nodes, engine.Node{Feature: -1, Value: 9, Cover: 2})
	m, err := engine.ReadXGBoost(enginetest.JSON(engine.SquaredError, "0", engine.MaxDepth, nodes))
	if err != nil {
		t.Fatal(err)
	}
	e := compile(t, m, 0)
	if e.Bytes() != 0 {
		t.Errorf("tables of %d bytes", e.Bytes())
	}
	for stop := range engine.MaxDepth + 1 {
		x, phi := make([]float32, engine.MaxDepth), make([]float64, engine.MaxDepth)
		if stop < len(x) {
			x[stop] = 1
		}
		sum := e.Row(phi, x)
		for _, p := range phi {
			sum += p
		}
		if !(math.Abs(sum-m.Margin(x)) < 1e-9) {
			t.Errorf("stop at %d: %v, margin %v", stop, sum, m.Margin(x))
		}
	}
}

// TestGoldenBitsOfContributions fixes every bit of the semantics treeshap/1 on the committed model, both ways.
func TestGoldenBitsOfContributions(t *testing.T) {
	m := committed(t)
	x := enginetest.Rows(m, 300, 42)
	for budget, want := range map[int]string{0: "8bc363881baea6652747", -1: "077a3f9215dd326770e4"} {
		e, h, phi := compile(t, m, budget), sha256.New(), make([]float64, len(x))
		e.Batch(phi, x)
		for _, v := range append(phi, e.Base()) {
			h.Write(binary.BigEndian.AppendUint64(nil, math.Float64bits(v)))
		}
		if got := hex.EncodeToString(h.Sum(nil))[:20]; got != want {
			t.Errorf("budget %d: the bits of %s changed: %s, want %s", budget, explain.Version, got, want)
		}
	}
}

// TestTooManyPaths: an ensemble whose paths are too long together is refused before it fills the memory.
func TestTooManyPaths(t *testing.T) {
	const width = 18 // levels of a full tree, each of which asks for another feature
	nodes := make([]engine.Node, 2<<width-1)
	for i := range nodes {
		level := bits.Len(uint(i+1)) - 1
		nodes[i] = engine.Node{Feature: int32(level), Left: int32(2*i + 1), Right: int32(2*i + 2), Value: 0.5, Cover: 1}
		if level == width {
			nodes[i] = engine.Node{Feature: -1, Value: 1, Cover: 1}
		}
	}
	m, err := engine.ReadXGBoost(enginetest.JSON(engine.SquaredError, "0", width, nodes))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := explain.Compile(m, explain.Options{MaxTableBytes: -1}); ward.KindOf(err) != ward.TooLarge {
		t.Error(err)
	}
}

func TestBudget(t *testing.T) {
	m := committed(t)
	full := compile(t, m, 0)
	if full.Bytes() == 0 || full.Bytes() > explain.DefaultTableBytes {
		t.Fatalf("tables of %d bytes", full.Bytes())
	}
	if e := compile(t, m, full.Bytes()); e.Bytes() != full.Bytes() {
		t.Errorf("%d bytes in a budget of %d", e.Bytes(), full.Bytes())
	}
	if e := compile(t, m, full.Bytes()-1); e.Bytes() != 0 {
		t.Errorf("%d bytes in a budget of %d", e.Bytes(), full.Bytes()-1)
	}
	bare := []engine.Node{{Feature: 0, Left: 1, Right: 2, Value: 0.5}, {Feature: -1, Value: 1}, {Feature: -1, Value: 2}}
	none, err := engine.ReadXGBoost(enginetest.JSON(engine.SquaredError, "0", 1, bare))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := explain.Compile(none, explain.Options{}); ward.KindOf(err) != ward.Invalid {
		t.Errorf("a tree without cover: %v", err)
	}
}

func committed(t testing.TB) *engine.Trees {
	t.Helper()
	b, err := os.ReadFile("../../examples/mortality/artefact/model.json")
	if err != nil {
		t.Fatal(err)
	}
	m, err := engine.ReadXGBoost(b)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestAgainstXGBoost compares every contribution and the base with XGBoost's pred_contribs, to 1e-5, with tables and without.
func TestAgainstXGBoost(t *testing.T) {
	if testing.Short() {
		fmt.Println("NOT RUN: XGBoost as a peer: -short")
		t.Skip("-short: the peer takes long")
	}
	const suite, n = "xgboost.contribs", 300
	o := enginetest.New(t)
	if o == nil {
		total := (len(enginetest.Names) + 1) * n
		fmt.Printf("suite %s total %d pass 0 listed 0 notrun %d\n", suite, total, total)
		return
	}
	b, err := os.ReadFile("../../examples/mortality/artefact/model.json")
	if err != nil {
		t.Fatal(err)
	}
	o.Add(t, "mortality", b)
	rows, models := map[string][]float32{}, map[string]*engine.Trees{}
	for i, name := range append([]string{"mortality"}, enginetest.Names...) {
		if models[name], err = engine.ReadXGBoost(o.Model(t, name)); err != nil {
			t.Fatal(err)
		}
		rows[name] = enginetest.Rows(models[name], n, uint64(100+i))
	}
	total, pass := 0, 0
	for name, want := range o.Contribs(t, rows) {
		m, x := models[name], rows[name]
		for _, budget := range []int{0, -1} {
			e := compile(t, m, budget)
			c := comparison{model: m, explainer: e}
			ok := c.rows(t, x, want)
			t.Logf("%s: tables of %d bytes, largest difference %.3g, sums to the margin within %.3g", name, e.Bytes(), c.worst, c.sum)
			if budget == 0 {
				total, pass = total+n, pass+ok
			}
		}
	}
	fmt.Printf("suite %s total %d pass %d listed 0 notrun 0\n", suite, total, pass)
}

type comparison struct {
	model      *engine.Trees
	explainer  *explain.Explainer
	worst, sum float64
}

// rows returns how many rows agree.
func (c *comparison) rows(t *testing.T, x, want []float32) int {
	width, ok := len(c.model.Features()), 0
	for i := range len(x) / width {
		row, theirs := x[i*width:(i+1)*width], want[i*(width+1):(i+1)*(width+1)]
		phi := make([]float64, width)
		base := c.explainer.Row(phi, row)
		off, sum := math.Abs(base-float64(theirs[width])), base
		for j, p := range phi {
			off = max(off, math.Abs(p-float64(theirs[j])))
			sum += p
		}
		c.worst, c.sum = max(c.worst, off), max(c.sum, math.Abs(sum-c.model.Margin(row)))
		if off <= 1e-5 && c.sum <= 1e-9 {
			ok++
		} else {
			t.Errorf("row %d: off by %v, sums to the margin within %v", i, off, c.sum)
		}
	}
	return ok
}

func BenchmarkRow(b *testing.B) {
	m := committed(b)
	e, width := compile(b, m, 0), len(m.Features())
	x, phi := enginetest.Rows(m, 1000, 1), make([]float64, width)
	for i := 0; b.Loop(); i = (i + 1) % 1000 {
		e.Row(phi, x[width*i:width*(i+1)])
	}
}

func BenchmarkBatch(b *testing.B) {
	m := committed(b)
	for name, budget := range map[string]int{"tables": 0, "leaves": -1} {
		b.Run(name, func(b *testing.B) {
			e, x := compile(b, m, budget), enginetest.Rows(m, 1000, 1)
			phi := make([]float64, len(x))
			for b.Loop() {
				e.Batch(phi, x)
			}
			b.ReportMetric(float64(b.N)*1000/b.Elapsed().Seconds(), "rows/s")
		})
	}
}

func BenchmarkCompile(b *testing.B) {
	m := committed(b)
	for b.Loop() {
		compile(b, m, 0)
	}
}
