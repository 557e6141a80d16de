package engine

import (
	"slices"
)

// TreesVersion names the semantics of tree ensembles as decisions record them: routing on float32, leaves summed in
// float64 beginning with the base, in the order of the trees.
const TreesVersion = "trees/1"

// The objectives whose link this version knows.
const (
	Logistic     = "binary:logistic"
	SquaredError = "reg:squarederror"
)

// Node is one node of a tree as it was read. A leaf has Feature -1. An inner node sends a row to Left when the row's value
// is missing and DefaultLeft holds, or when it is less than Value; else to Right.
type Node struct {
	Feature     int32   // index into Features, -1 in a leaf
	Left, Right int32   // indices into the tree's nodes, 0 in a leaf
	Value       float32 // threshold, or the leaf's value on the margin's scale
	Cover       float32 // weight of the training rows that came through (sum of the hessian), not negative
	DefaultLeft bool
}

// Leaf reports whether the node has no children.
func (n Node) Leaf() bool { return n.Feature < 0 }

// Trees is an ensemble of regression trees, checked and laid out for walking. It is immutable and safe for concurrent use.
type Trees struct {
	features  []string
	objective string
	base      float64
	trees     [][]Node
	walk      []step
	roots     []root
}

// Features returns the names of the columns in the order in which rows hold them.
func (t *Trees) Features() []string { return slices.Clone(t.features) }

// Objective returns the training objective, which fixes the link that Predict applies: Logistic or SquaredError.
func (t *Trees) Objective() string { return t.objective }

// Base returns the margin before any tree.
func (t *Trees) Base() float64 { return t.base }

// Count returns the number of trees.
func (t *Trees) Count() int { return len(t.trees) }

// Nodes returns a copy of one tree, its root first; 0 <= i < Count.
func (t *Trees) Nodes(i int) []Node { return slices.Clone(t.trees[i]) }

// Margin returns the sum of the base and of one leaf per tree for a row of len(Features) values, NaN standing for a
// missing one. Values are float32 because thresholds are: a float64 value has to be rounded once, before the call.
//
// The leaves are float32 and the sum is float64, taken in the order of the trees. Nothing is multiplied, so no compiler can
// fuse anything, and the result has the same bits everywhere. XGBoost sums in float32 and differs by its own rounding.
func (t *Trees) Margin(x []float32) float64 {
	var room [2 * 64]int32
	keys := room[:]
	if len(t.features) > 64 {
		keys = make([]int32, 2*len(t.features))
	}
	Order(keys, x[:len(t.features)])
	sum := t.base
	for _, r := range t.roots {
		i := r.at
		for range r.depth {
			s := &t.walk[i]
			i = s.child + right(keys[s.key], s.cut)
		}
		sum += float64(t.walk[i].value)
	}
	return sum
}

// Predict returns Margin after the link of the objective: the probability for Logistic, the margin itself for SquaredError.
func (t *Trees) Predict(x []float32) float64 { return t.Link(t.Margin(x)) }

// Link maps a margin to the scale of the prediction. The logistic function is computed with the package's own exponential
// from additions, multiplications and divisions; margins beyond 700 count as 700.
func (t *Trees) Link(margin float64) float64 {
	if t.objective != Logistic {
		return margin
	}
	return 1 / (1 + exp(-min(max(margin, -700), 700)))
}

// Batch sets dst[i] to the Margin of row i of x, which holds len(dst) rows one after the other, with the same bits.
func (t *Trees) Batch(dst []float64, x []float32) {
	const block = 64
	n := len(t.features)
	x = x[:n*len(dst)]
	keys := make([]int32, 2*n*min(block, len(dst)))
	for len(dst) > 0 {
		rows := min(block, len(dst))
		for i := range rows {
			Order(keys[2*n*i:2*n*(i+1)], x[n*i:n*(i+1)])
			dst[i] = t.base
		}
		t.block(dst[:rows], keys, 2*n)
		dst, x = dst[rows:], x[n*rows:]
	}
}
