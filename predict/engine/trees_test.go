package engine_test

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/predict/engine"
	"github.com/ward-health/ward/predict/engine/enginetest"
)

// TestWalkIsTheContract compares the laid-out walk with following the nodes one by one, on random trees.
func TestWalkIsTheContract(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		width := rapid.IntRange(1, 80).Draw(t, "features")
		var trees [][]engine.Node
		for range rapid.IntRange(1, 5).Draw(t, "trees") {
			trees = append(trees, enginetest.Tree(t, width, rapid.IntRange(0, 7).Draw(t, "depth")))
		}
		m, err := engine.ReadXGBoost(enginetest.JSON(engine.SquaredError, "0.5", width, trees...))
		if err != nil {
			t.Fatal(err)
		}
		n := rapid.IntRange(0, 9).Draw(t, "rows")
		got, x := make([]float64, n), []float32{}
		for range n {
			x = append(x, enginetest.Row(t, width)...)
		}
		m.Batch(got, x)
		for i := range got {
			row, want := x[i*width:(i+1)*width], 0.5
			for _, nodes := range trees {
				want += float64(walk(nodes, row).Value)
			}
			if got[i] != want || m.Margin(row) != want || m.Predict(row) != want {
				t.Fatalf("row %d: %v and %v, want %v", i, got[i], m.Margin(row), want)
			}
		}
	})
}

// TestOrderIsThatOfFloats: keys compare as the numbers do, at every kind of number.
func TestOrderIsThatOfFloats(t *testing.T) {
	inf := float32(math.Inf(1))
	special := []float32{0, float32(math.Copysign(0, -1)), 1, -1, math.MaxFloat32, -math.MaxFloat32, math.SmallestNonzeroFloat32, -math.SmallestNonzeroFloat32}
	rapid.Check(t, func(t *rapid.T) {
		draw := func(name string) float32 {
			return rapid.OneOf(rapid.Float32(), rapid.SampledFrom(special)).Draw(t, name)
		}
		cut := rapid.SampledFrom(special).Draw(t, "special cut")
		if rapid.Bool().Draw(t, "any cut") {
			cut = rapid.Float32Range(-math.MaxFloat32, math.MaxFloat32).Draw(t, "cut")
		}
		for _, x := range []float32{draw("x"), inf, -inf, cut} {
			var keys [2]int32
			engine.Order(keys[:], []float32{x})
			if x == x && (keys[0] < engine.Cut(cut)) != (x < cut) || keys[0] != keys[1] {
				t.Fatalf("%v against %v: keys %v, cut %v", x, cut, keys, engine.Cut(cut))
			}
		}
		var keys [2]int32
		engine.Order(keys[:], []float32{float32(math.NaN())})
		if !(keys[0] < engine.Cut(cut)) || keys[1] < engine.Cut(cut) {
			t.Fatalf("a missing value has the keys %v", keys)
		}
	})
}

// TestGoldenBitsOfTrees fixes every bit of the semantics trees/1 on the committed model: link, sum and routing.
func TestGoldenBitsOfTrees(t *testing.T) {
	const want = "47fa0d57909a815f8213"
	m := read(t, mortality(t))
	nan := float32(math.NaN())
	for i, c := range []struct {
		row  []float32
		bits uint64
	}{
		{[]float32{65, 1, 150, 90, 27.5, 4.1, 240, 80, 340, 23.5, 7.2, 1.6, 7.4, 21}, 0x3fd86a510a6227a2},
		{[]float32{30, 2, 110, 70, 22, 4.6, 180, 110, 360, 30.5, 7.1, 1.7, 6.5, 8}, 0x3f830ba342256752},
		{[]float32{74, 1, nan, nan, nan, nan, nan, nan, nan, nan, nan, nan, nan, nan}, 0x3fdd63c5780ce798},
		{[]float32{nan, nan, nan, nan, nan, nan, nan, nan, nan, nan, nan, nan, nan, nan}, 0x3f99a37555ace6dd},
	} {
		if got := math.Float64bits(m.Predict(c.row)); got != c.bits {
			t.Errorf("row %d: %#x (%v), want %#x (%v)", i, got, m.Predict(c.row), c.bits, math.Float64frombits(c.bits))
		}
	}
	h, x := sha256.New(), enginetest.Rows(m, 500, 42)
	for i := range 500 {
		h.Write(binary.BigEndian.AppendUint64(nil, math.Float64bits(m.Predict(x[14*i:14*(i+1)]))))
	}
	if got := hex.EncodeToString(h.Sum(nil))[:20]; got != want {
		t.Errorf("the bits of %s changed: %s, want %s", engine.TreesVersion, got, want)
	}
}

func TestLink(t *testing.T) {
	leaf := []engine.Node{{Feature: -1, Value: 0, Cover: 1}}
	m := read(t, enginetest.JSON(engine.Logistic, "5E-1", 1, leaf))
	for _, x := range []float64{-2000, -700, -30, -1, -1e-9, 0, 0.3, 5, 40, 700, 2000} {
		want := 1 / (1 + math.Exp(-min(max(x, -700), 700)))
		if got := m.Link(x); math.Abs(got-want) > 1e-15*want {
			t.Errorf("link of %v is %v, want %v", x, got, want)
		}
	}
	for base, want := range map[string]float64{"5E-1": 0, "[5E-1]": 0, "0.25": -math.Log(3), "[9e-1]": math.Log(9)} {
		m := read(t, enginetest.JSON(engine.Logistic, base, 1, leaf))
		if math.Abs(m.Base()-want) > 1e-6 || math.Signbit(m.Base()) && m.Base() == 0 {
			t.Errorf("base_score %s: %v, want %v", base, m.Base(), want)
		}
	}
}

// small is a model of two trees, two features and depth 2, for spoiling.
func small() []byte {
	nodes := []engine.Node{{Feature: 0, Left: 1, Right: 2, Value: 0.5, Cover: 10}, {Feature: -1, Value: 1, Cover: 4},
		{Feature: 1, Left: 3, Right: 4, Value: 1.5, Cover: 6, DefaultLeft: true}, {Feature: -1, Value: 2, Cover: 3}, {Feature: -1, Value: 3, Cover: 3}}
	return enginetest.JSON(engine.Logistic, "5E-1", 2, nodes, nodes)
}

// TestReadRefuses spoils one member at a time and wants the kind and the place of the fault.
func TestReadRefuses(t *testing.T) {
	const tree = "/learner/gradient_booster/model/trees/1"
	for _, c := range []struct {
		path  string
		value any // nil: the member is removed
		kind  ward.ErrorKind
		at    string
	}{
		{"/version", []int{0, 9, 0}, ward.Unsupported, "/version"},
		{"/version", nil, ward.Unsupported, "/version"},
		{"/learner/gradient_booster/name", "dart", ward.Unsupported, ""},
		{"/learner/gradient_booster/name", "gblinear", ward.Unsupported, ""},
		{"/learner/objective/name", "survival:cox", ward.Unsupported, ""},
		{"/learner/learner_model_param/num_class", "3", ward.Unsupported, ""},
		{"/learner/learner_model_param/num_target", "2", ward.Unsupported, ""},
		{"/learner/gradient_booster/model/gbtree_model_param/num_parallel_tree", "4", ward.Unsupported, ""},
		{"/learner/attributes/best_iteration", "0", ward.Unsupported, ""},
		{"/learner/feature_types", []string{"float", "c"}, ward.Unsupported, "/learner/feature_types/1"},
		{"/learner/feature_types", []string{"float"}, ward.Invalid, ""},
		{"/learner/feature_names", []string{}, ward.Invalid, ""},
		{"/learner/feature_names", []string{"a", "a"}, ward.Invalid, "/learner/feature_names/1"},
		{"/learner/feature_names", []string{"", "a"}, ward.Invalid, "/learner/feature_names/0"},
		{"/learner/feature_names", []string{"a", "b\n"}, ward.Invalid, "/learner/feature_names/1"},
		{"/learner/feature_names", []string{"a", strings.Repeat("b", 129)}, ward.Invalid, "/learner/feature_names/1"},
		{"/learner/learner_model_param/num_feature", "0", ward.Invalid, ""},
		{"/learner/learner_model_param/num_feature", "many", ward.Invalid, ""},
		{"/learner/learner_model_param/num_feature", "5000", ward.TooLarge, ""},
		{"/learner/learner_model_param/base_score", "NaN", ward.Invalid, ""},
		{"/learner/learner_model_param/base_score", "[5E-1", ward.Invalid, ""},
		{"/learner/learner_model_param/base_score", "[5E-1,5E-1]", ward.Invalid, ""},
		{"/learner/learner_model_param/base_score", "0", ward.Invalid, ""},
		{"/learner/learner_model_param/base_score", "1", ward.Invalid, ""},
		{"/learner/learner_model_param/base_score", "", ward.Invalid, ""},
		{"/learner/gradient_booster/model/tree_info", []int{0, 1}, ward.Unsupported, "/learner/gradient_booster/model/tree_info/1"},
		{"/learner/gradient_booster/model/tree_info", []int{0}, ward.Invalid, "/learner/gradient_booster/model/trees"},
		{"/learner/gradient_booster/model/gbtree_model_param/num_trees", "3", ward.Invalid, "/learner/gradient_booster/model/trees"},
		{"/learner/gradient_booster/model/trees", []any{}, ward.Invalid, ""},
		{tree + "/left_children", []int{1, -1, 3, -1}, ward.Invalid, tree + "/right_children"},
		{tree + "/left_children", []int{1, -1, 0, -1, -1}, ward.Invalid, tree + "/left_children/2"},
		{tree + "/left_children", []int{2, -1, 3, -1, -1}, ward.Invalid, tree + "/left_children/2"},
		{tree + "/left_children", []int{1, -1, 5, -1, -1}, ward.Invalid, tree + "/left_children/2"},
		{tree + "/left_children", []int{1, -1, -7, -1, -1}, ward.Invalid, tree + "/left_children/2"},
		{tree + "/left_children", []int{-1, -1, 3, -1, -1}, ward.Invalid, tree + "/left_children/0"},
		{tree + "/left_children", []any{1, -1, "3", -1, -1}, ward.Invalid, tree + "/left_children/2"},
		{tree + "/left_children", []any{1, -1, 1e12, -1, -1}, ward.Invalid, tree + "/left_children/2"},
		{tree + "/left_children", []any{1, -1, nil, -1, -1}, ward.Invalid, tree + "/left_children/2"},
		{tree + "/right_children", []int{2, -1, 2, -1, -1}, ward.Invalid, tree + "/left_children/2"},
		{tree + "/split_indices", []int{2, 0, 1, 0, 0}, ward.Invalid, tree + "/split_indices/0"},
		{tree + "/split_indices", []int{-1, 0, 1, 0, 0}, ward.Invalid, tree + "/split_indices/0"},
		{tree + "/split_type", []int{0, 0, 1, 0, 0}, ward.Unsupported, tree + "/split_type/2"},
		{tree + "/split_type", []int{0}, ward.Invalid, tree + "/split_type"},
		{tree + "/categories", []int{1}, ward.Unsupported, tree + "/categories"},
		{tree + "/split_conditions", []any{"NaN", 1, 1, 1, 1}, ward.Invalid, tree + "/split_conditions/0"},
		{tree + "/split_conditions", []any{nil, 1, 1, 1, 1}, ward.Invalid, tree + "/split_conditions/0"},
		{tree + "/split_conditions", []any{1e39, 1, 1, 1, 1}, ward.Invalid, tree + "/split_conditions/0"},
		{tree + "/split_conditions", []any{1, 1, 1, -1e200, 1}, ward.Invalid, tree + "/split_conditions/3"},
		{tree + "/sum_hessian", []any{1, 1, 1, -1, 1}, ward.Invalid, tree + "/sum_hessian/3"},
		{tree + "/sum_hessian", nil, ward.Invalid, tree + "/sum_hessian"},
		{tree + "/default_left", []any{1, 0, 2, 0, 0}, ward.Invalid, tree + "/default_left/2"},
		{tree + "/tree_param/num_nodes", "6", ward.Invalid, ""},
		{tree + "/tree_param/num_deleted", "1", ward.Invalid, tree + "/left_children"},
		{tree + "/tree_param/num_deleted", "-1", ward.Invalid, ""},
		{tree + "/tree_param/num_deleted", "9", ward.Invalid, ""},
		{tree + "/tree_param/size_leaf_vector", "2", ward.Unsupported, ""},
	} {
		at := c.at
		if at == "" {
			at = c.path
		}
		_, err := engine.ReadXGBoost(spoil(t, small(), c.path, c.value))
		e, ok := err.(*ward.Error)
		if !ok || e.Kind != c.kind || e.Path != at {
			t.Errorf("%s = %v: %v, want %v at %s", c.path, c.value, err, c.kind, at)
		}
	}
	for _, text := range []string{"", "null", "[]", "{}", "\x80\x04\x95pickle", `{"learner":1}`, string(small()) + "{}"} {
		if m, err := engine.ReadXGBoost([]byte(text)); err == nil || m != nil || ward.KindOf(err) == ward.Internal {
			t.Errorf("%.20q: %v", text, err)
		}
	}
	if _, err := engine.ReadXGBoost(make([]byte, engine.MaxModel+1)); ward.KindOf(err) != ward.TooLarge {
		t.Error(err)
	}
}

// spoil replaces or removes the member at a JSON pointer.
func spoil(t *testing.T, b []byte, path string, value any) []byte {
	t.Helper()
	var top any
	if err := json.Unmarshal(b, &top); err != nil {
		t.Fatal(err)
	}
	steps := strings.Split(path, "/")[1:]
	at := top
	for _, s := range steps[:len(steps)-1] {
		switch v := at.(type) {
		case map[string]any:
			at = v[s]
		case []any:
			at = v[s[0]-'0']
		}
	}
	if last := at.(map[string]any); value == nil {
		delete(last, steps[len(steps)-1])
	} else {
		last[steps[len(steps)-1]] = value
	}
	b, err := json.Marshal(top)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// chain is a tree of the given depth whose right children are leaves.
func chain(depth int) []engine.Node {
	var nodes []engine.Node
	for i := range depth {
		at := int32(2 * i)
		nodes = append(nodes, engine.Node{Feature: 0, Left: at + 2, Right: at + 1, Value: float32(-i), Cover: 2},
			engine.Node{Feature: -1, Value: float32(i), Cover: 1})
	}
	return append(nodes, engine.Node{Feature: -1, Value: float32(depth), Cover: 1})
}

func TestBounds(t *testing.T) {
	m := read(t, enginetest.JSON(engine.SquaredError, "0", 1, chain(engine.MaxDepth)))
	for i := range engine.MaxDepth + 1 {
		if got := m.Margin([]float32{float32(-i) - 0.0}); got != float64(i) && i < engine.MaxDepth {
			t.Errorf("%d: %v", -i, got)
		}
	}
	if _, err := engine.ReadXGBoost(enginetest.JSON(engine.SquaredError, "0", 1, chain(engine.MaxDepth+1))); ward.KindOf(err) != ward.TooLarge {
		t.Error(err)
	}
	leaf := []engine.Node{{Feature: -1, Value: 1, Cover: 1}}
	many := make([][]engine.Node, engine.MaxTrees+1)
	for i := range many {
		many[i] = leaf
	}
	if _, err := engine.ReadXGBoost(enginetest.JSON(engine.SquaredError, "0", 1, many...)); ward.KindOf(err) != ward.TooLarge {
		t.Error(err)
	}
	if m := read(t, enginetest.JSON(engine.SquaredError, "0", 1, many[1:]...)); m.Margin([]float32{1}) != engine.MaxTrees {
		t.Error("a model of the most trees was read wrongly")
	}
}

// TestReadWhatOthersWrite: booleans, newer members and a missing split_type are read.
func TestReadWhatOthersWrite(t *testing.T) {
	b := spoil(t, small(), "/learner/gradient_booster/model/trees/0/default_left", []bool{false, false, true, false, false})
	b = spoil(t, b, "/learner/gradient_booster/model/trees/0/split_type", nil)
	b = spoil(t, b, "/learner/gradient_booster/model/iteration_indptr", []int{0, 1, 2})
	b = spoil(t, b, "/learner/gradient_booster/model/trees/0/tree_param/size_leaf_vector", "1")
	b = spoil(t, b, "/learner/attributes/best_iteration", "1")
	m, x := read(t, b), []float32{1, float32(math.NaN())}
	if got := m.Margin(x); got != 4 {
		t.Errorf("margin %v", got)
	}
	if got := fmt.Sprintln(m.Features(), m.Objective(), m.Count()); got != "[f0 f1] binary:logistic 2\n" {
		t.Error(got)
	}
}

func FuzzReadXGBoost(f *testing.F) {
	f.Add(small())
	f.Add(enginetest.JSON(engine.SquaredError, "[2.5E0]", 1, chain(3)))
	f.Add([]byte(`{"version":[1,7,4],"learner":{}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := engine.ReadXGBoost(b)
		if err != nil {
			if k := ward.KindOf(err); m != nil || k != ward.Invalid && k != ward.Unsupported && k != ward.TooLarge {
				t.Fatalf("%v, %v", m, err)
			}
			return
		}
		x := enginetest.Rows(m, 3, 9)
		batch, width := make([]float64, 3), len(m.Features())
		m.Batch(batch, x)
		for i := range batch {
			row, want := x[i*width:(i+1)*width], m.Base()
			for k := range m.Count() {
				want += float64(walk(m.Nodes(k), row).Value)
			}
			if p := m.Predict(row); batch[i] != want || m.Margin(row) != want || p != p {
				t.Fatalf("%v and %v, want %v; prediction %v", batch[i], m.Margin(row), want, p)
			}
		}
	})
}

func BenchmarkMargin(b *testing.B) {
	m := read(b, mortality(b))
	x := enginetest.Rows(m, 1000, 1)
	for i := 0; b.Loop(); i = (i + 1) % 1000 {
		m.Margin(x[14*i : 14*(i+1)])
	}
}

func BenchmarkBatch(b *testing.B) {
	m := read(b, mortality(b))
	x, dst := enginetest.Rows(m, 1000, 1), make([]float64, 1000)
	for b.Loop() {
		m.Batch(dst, x)
	}
	b.ReportMetric(float64(b.N)*1000/b.Elapsed().Seconds(), "rows/s")
}
