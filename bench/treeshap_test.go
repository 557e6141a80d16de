package main

import (
	"math"
	"testing"

	"github.com/ward-health/ward/examples/mortality"
	"github.com/ward-health/ward/predict/engine"
)

// TestDifferenceIsFound: figures of speed stand only beside contributions that are the same.
func TestDifferenceIsFound(t *testing.T) {
	phi, want := []float64{0.5, -1, 0.25, 2}, []float32{0.5, -1, 7, 0.25, 2, 7}
	if most, err := difference(phi, 7, want, 2); err != nil || most != 0 {
		t.Errorf("%v, %v", most, err)
	}
	for i, wrong := range []float32{0.5001, float32(math.NaN()), 7.1} {
		other := append([]float32(nil), want...)
		other[i] = wrong
		if _, err := difference(phi, 7, other, 2); err == nil {
			t.Errorf("contribution %d is %v and was taken", i, wrong)
		}
	}
	if _, err := difference(phi, 7, want[:5], 2); err == nil {
		t.Error("a missing contribution was not missed")
	}
}

// TestRowsReachBothSides: rows have missing values and values on both sides of what each feature is asked for.
func TestRowsReachBothSides(t *testing.T) {
	_, files := mortality.Artefact()
	trees, err := engine.ReadXGBoost(files["model.json"])
	if err != nil {
		t.Fatal(err)
	}
	width := len(trees.Features())
	x := shapInput(trees, 500)
	for i := range trees.Count() {
		root := trees.Nodes(i)[0]
		if root.Leaf() {
			continue
		}
		var below, above, missing int
		for at := int(root.Feature); at < len(x); at += width {
			switch v := x[at]; {
			case v != v:
				missing++
			case v < root.Value:
				below++
			default:
				above++
			}
		}
		if below == 0 || above == 0 || missing == 0 {
			t.Fatalf("tree %d: %d below, %d above, %d missing", i, below, above, missing)
		}
	}
	if ms, err := bareEngine(); err != nil || !(ms > 0) {
		t.Errorf("the bare engine: %v ms, %v", ms, err)
	}
}
