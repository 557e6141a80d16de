package enginetest

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"

	"pgregory.net/rapid"

	"github.com/ward-health/ward/predict/engine"
)

// Rows draws n rows that search a model's edges: values at its thresholds, just beside them, anywhere, and missing ones.
func Rows(t *engine.Trees, n int, seed uint64) []float32 {
	r, width := rand.New(rand.NewPCG(seed, 1)), len(t.Features())
	at := make([][]float32, width)
	for i := range t.Count() {
		for _, node := range t.Nodes(i) {
			if !node.Leaf() {
				at[node.Feature] = append(at[node.Feature], node.Value)
			}
		}
	}
	x := make([]float32, n*width)
	for i := range x {
		cuts := at[i%width]
		if len(cuts) == 0 {
			cuts = []float32{0}
		}
		v := cuts[r.IntN(len(cuts))]
		switch r.IntN(10) {
		case 0:
			v = float32(math.NaN())
		case 1:
			v = math.Nextafter32(v, float32(math.Inf(1)))
		case 2:
			v = math.Nextafter32(v, float32(math.Inf(-1)))
		case 3, 4, 5:
		default:
			v += float32(r.NormFloat64()) * (1 + float32(math.Abs(float64(v)))) / 4
		}
		x[i] = v
	}
	return x
}

// Row draws one row for random trees: their thresholds are among the values.
func Row(t *rapid.T, features int) []float32 {
	x := make([]float32, features)
	for i := range x {
		if x[i] = float32(rapid.IntRange(-2, 3).Draw(t, "value")); x[i] == 3 {
			x[i] = float32(math.NaN())
		}
	}
	return x
}

// Tree draws a tree over the features, with covers that may be zero on one side of a split, never on both sides of the root.
func Tree(t *rapid.T, features, depth int) []engine.Node {
	g := grower{t: t, features: features}
	g.grow(depth, float32(rapid.IntRange(1, 40).Draw(t, "cover")))
	return g.nodes
}

type grower struct {
	t        *rapid.T
	features int
	nodes    []engine.Node
}

func (g *grower) grow(depth int, cover float32) int32 {
	at := int32(len(g.nodes))
	g.nodes = append(g.nodes, engine.Node{Feature: -1, Cover: cover})
	if depth == 0 || rapid.IntRange(0, 4).Draw(g.t, "stop") == 0 {
		g.nodes[at].Value = float32(rapid.IntRange(-50, 50).Draw(g.t, "leaf")) / 16
		return at
	}
	left := float32(rapid.IntRange(0, int(cover)).Draw(g.t, "left"))
	n := engine.Node{Feature: int32(rapid.IntRange(0, g.features-1).Draw(g.t, "feature")), Cover: cover,
		Value: float32(rapid.IntRange(-3, 5).Draw(g.t, "threshold")) / 2, DefaultLeft: rapid.Bool().Draw(g.t, "default")}
	n.Left = g.grow(depth-1, left)
	n.Right = g.grow(depth-1, cover-left)
	g.nodes[at] = n
	return at
}

// JSON writes trees as XGBoost would, with the features f0, f1 and so on.
func JSON(objective, base string, features int, trees ...[]engine.Node) []byte {
	type object = map[string]any
	names, list, info := []string{}, []object{}, []int{}
	for i := range features {
		names = append(names, "f"+strconv.Itoa(i))
	}
	for i, nodes := range trees {
		o := arrays(nodes)
		o["id"] = i
		o["tree_param"] = object{"num_deleted": "0", "num_nodes": strconv.Itoa(len(nodes)), "size_leaf_vector": "0", "num_feature": strconv.Itoa(features)}
		list, info = append(list, o), append(info, 0)
	}
	b, err := json.Marshal(object{"version": []int{1, 7, 4}, "learner": object{
		"attributes": object{}, "feature_names": names, "feature_types": []string{},
		"gradient_booster": object{"name": "gbtree", "model": object{
			"gbtree_model_param": object{"num_trees": strconv.Itoa(len(trees)), "num_parallel_tree": "1"}, "tree_info": info, "trees": list}},
		"learner_model_param": object{"base_score": base, "num_class": "0", "num_feature": strconv.Itoa(features), "num_target": "1"},
		"objective":           object{"name": objective}}})
	if err != nil {
		panic(fmt.Sprint("enginetest: ", err))
	}
	return b
}

func arrays(nodes []engine.Node) map[string]any {
	n := len(nodes)
	left, right, index, kind, dl := make([]int32, n), make([]int32, n), make([]int32, n), make([]int32, n), make([]int, n)
	value, cover := make([]float32, n), make([]float32, n)
	for i, d := range nodes {
		left[i], right[i], index[i], value[i], cover[i] = d.Left, d.Right, d.Feature, d.Value, d.Cover
		if d.Leaf() {
			left[i], right[i], index[i] = -1, -1, 0
		}
		if d.DefaultLeft {
			dl[i] = 1
		}
	}
	return map[string]any{"left_children": left, "right_children": right, "split_indices": index, "split_type": kind,
		"default_left": dl, "split_conditions": value, "sum_hessian": cover, "categories": []int{}}
}
