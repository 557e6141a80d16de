package engine_test

import (
	"fmt"
	"math"
	"os"
	"testing"

	"github.com/ward-health/ward/predict/engine"
	"github.com/ward-health/ward/predict/engine/enginetest"
)

const rowsPerModel = 2000

func mortality(t testing.TB) []byte {
	t.Helper()
	b, err := os.ReadFile("../../examples/mortality/artefact/model.json")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func read(t testing.TB, b []byte) *engine.Trees {
	t.Helper()
	m, err := engine.ReadXGBoost(b)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// walk follows one tree by its nodes, as the contract of Node says.
func walk(nodes []engine.Node, x []float32) engine.Node {
	n := nodes[0]
	for !n.Leaf() {
		v := x[n.Feature]
		if v != v && n.DefaultLeft || v < n.Value {
			n = nodes[n.Left]
		} else {
			n = nodes[n.Right]
		}
	}
	return n
}

// TestAgainstXGBoost compares every prediction with XGBoost's. Predictions are to agree to 1e-6 (for a
// model that predicts a quantity: of the value or of the base, where these are larger than 1). Besides, the leaves summed as XGBoost sums them, in float32, must give its margin bit by bit:
// that the two differ at all is its rounding.
func TestAgainstXGBoost(t *testing.T) {
	if testing.Short() {
		fmt.Println("NOT RUN: XGBoost as a peer: -short")
		t.Skip("-short: the peer takes long")
	}
	const name = "xgboost.predict"
	o := enginetest.New(t)
	if o == nil {
		n := (len(enginetest.Names) + 1) * rowsPerModel
		fmt.Printf("suite %s total %d pass 0 listed 0 notrun %d\n", name, n, n)
		return
	}
	o.Add(t, "mortality", mortality(t))
	rows, models := map[string][]float32{}, map[string]*engine.Trees{}
	for i, name := range append([]string{"mortality"}, enginetest.Names...) {
		models[name] = read(t, o.Model(t, name))
		rows[name] = enginetest.Rows(models[name], rowsPerModel, uint64(i))
	}
	total, pass, worst := 0, 0, 0.0
	for name, want := range o.Predict(t, rows) {
		m, x := models[name], rows[name]
		width := len(m.Features())
		sums := sums32(m, x)
		batch := make([]float64, rowsPerModel)
		m.Batch(batch, x)
		for i := range batch {
			row := x[i*width : (i+1)*width]
			total++
			got, wanted := m.Predict(row), float64(want.Predict[i])
			scale := 1.0
			if m.Objective() == engine.SquaredError {
				scale = max(1, math.Abs(wanted), math.Abs(m.Base()))
			}
			off := math.Abs(got-wanted) / scale
			worst = max(worst, off)
			switch {
			case !(off <= 1e-6):
				t.Errorf("%s row %d: %v, XGBoost says %v", name, i, got, wanted)
			case sums[i] != want.Margin[i]:
				t.Errorf("%s row %d: leaves sum to %v in float32, XGBoost's margin is %v", name, i, sums[i], want.Margin[i])
			case m.Margin(row) != batch[i]:
				t.Errorf("%s row %d: Batch %v, Margin %v", name, i, batch[i], m.Margin(row))
			default:
				pass++
			}
		}
	}
	t.Logf("largest difference %.3g", worst)
	fmt.Printf("suite %s total %d pass %d listed 0 notrun 0\n", name, total, pass)
}

func sums32(m *engine.Trees, x []float32) []float32 {
	width := len(m.Features())
	sums := make([]float32, len(x)/width)
	for i := range sums {
		sums[i] = float32(m.Base())
	}
	for k := range m.Count() {
		nodes := m.Nodes(k)
		for i := range sums {
			sums[i] += walk(nodes, x[i*width:(i+1)*width]).Value
		}
	}
	return sums
}
