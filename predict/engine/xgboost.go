package engine

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/ward-health/ward"
)

// Bounds of a model that ReadXGBoost accepts.
const (
	MaxModel    = 32 << 20 // bytes
	MaxTrees    = 10_000
	MaxNodes    = 1 << 21 // of all trees together
	MaxDepth    = 64      // edges from a root to a leaf
	MaxFeatures = 4096
)

// xgbModel is the part of XGBoost's JSON that fixes predictions.
type xgbModel struct {
	Learner struct {
		Attributes   map[string]string `json:"attributes"`
		FeatureNames []string          `json:"feature_names"`
		FeatureTypes []string          `json:"feature_types"`
		Booster      struct {
			Name  string `json:"name"`
			Model struct {
				Param struct {
					Trees    string `json:"num_trees"`
					Parallel string `json:"num_parallel_tree"`
				} `json:"gbtree_model_param"`
				TreeInfo []int32   `json:"tree_info"`
				Trees    []xgbTree `json:"trees"`
			} `json:"model"`
		} `json:"gradient_booster"`
		Param struct {
			Base     string `json:"base_score"`
			Classes  string `json:"num_class"`
			Features string `json:"num_feature"`
			Targets  string `json:"num_target"`
		} `json:"learner_model_param"`
		Objective struct {
			Name string `json:"name"`
		} `json:"objective"`
	} `json:"learner"`
	Version []int `json:"version"`
}

type xgbTree struct {
	DefaultLeft []bit     `json:"default_left"`
	Left        []int32   `json:"left_children"`
	Right       []int32   `json:"right_children"`
	Conditions  []float32 `json:"split_conditions"`
	Indices     []int32   `json:"split_indices"`
	SplitType   []int32   `json:"split_type"`
	Hessian     []float32 `json:"sum_hessian"`
	Categories  []int32   `json:"categories"`
	Param       struct {
		Deleted string `json:"num_deleted"`
		Nodes   string `json:"num_nodes"`
		Vector  string `json:"size_leaf_vector"`
	} `json:"tree_param"`
}

// bit is a truth value, written 0 or 1 by some versions of XGBoost and as a boolean by others.
type bit bool

// UnmarshalJSON implements json.Unmarshaler.
func (b *bit) UnmarshalJSON(text []byte) error {
	switch string(text) {
	case "1", "true":
		*b = true
	case "0", "false":
		*b = false
	default:
		return errors.New("want 0, 1, false or true")
	}
	return nil
}

// noNull refuses null where a number has to stand, which would otherwise read as zero.
var noNull = json.WithUnmarshalers(json.JoinUnmarshalers(json.UnmarshalFromFunc(notNull[float32]), json.UnmarshalFromFunc(notNull[int32])))

func notNull[T any](d *jsontext.Decoder, _ *T) error {
	if d.PeekKind() == 'n' {
		return errors.New("want a number")
	}
	return errors.ErrUnsupported // the usual reading
}

// fault makes the errors of ReadXGBoost; path is the JSON pointer of what is wrong.
func fault(kind ward.ErrorKind, path, format string, args ...any) error {
	return ward.E(kind, "engine.xgboost", fmt.Sprintf(format, args...), nil).At(path)
}

// ReadXGBoost reads a model that XGBoost 1.x or later saved as JSON: booster gbtree, objective Logistic or SquaredError, one
// output, numeric features, all of them named. base_score may be "5E-1" or "[5E-1]".
//
// A model over a bound is ward.TooLarge, one that asks for more than this reader knows is ward.Unsupported, anything
// malformed (cycles, children out of range, thresholds or leaves that are no finite float32, negative covers) is
// ward.Invalid. The path of the error is a JSON pointer.
func ReadXGBoost(b []byte) (*Trees, error) {
	if len(b) > MaxModel {
		return nil, fault(ward.TooLarge, "", "the model is longer than %d bytes", MaxModel)
	}
	var m xgbModel
	if err := json.Unmarshal(b, &m, noNull); err != nil {
		return nil, malformed(err)
	}
	if err := m.supported(); err != nil {
		return nil, err
	}
	t := &Trees{features: m.Learner.FeatureNames, objective: m.Learner.Objective.Name}
	if err := m.readFeatures(); err != nil {
		return nil, err
	}
	var err error
	if t.base, err = baseMargin(m.Learner.Param.Base, t.objective); err != nil {
		return nil, err
	}
	if err := m.readTrees(t); err != nil {
		return nil, err
	}
	return t, nil
}

func malformed(err error) error {
	path := ""
	var s *json.SemanticError
	var x *jsontext.SyntacticError
	if errors.As(err, &s) {
		path = string(s.JSONPointer)
	} else if errors.As(err, &x) {
		path = string(x.JSONPointer)
	}
	e := ward.E(ward.Invalid, "engine.xgboost", "this is not the JSON of an XGBoost model; save it with save_model(\"model.json\")", err)
	return e.At(path)
}

// supported refuses what would change predictions in a way that this reader does not know.
func (m *xgbModel) supported() error {
	l, p := &m.Learner, "/learner"
	if len(m.Version) != 3 || m.Version[0] < 1 {
		return fault(ward.Unsupported, "/version", "the model must be saved by XGBoost 1.0 or later")
	}
	if l.Booster.Name != "gbtree" {
		return fault(ward.Unsupported, p+"/gradient_booster/name", "the booster must be gbtree")
	}
	if o := l.Objective.Name; o != Logistic && o != SquaredError {
		return fault(ward.Unsupported, p+"/objective/name", "the objective must be %s or %s", Logistic, SquaredError)
	}
	if c := l.Param.Classes; c != "0" && c != "" {
		return fault(ward.Unsupported, p+"/learner_model_param/num_class", "the model must have one output")
	}
	if n := l.Param.Targets; n != "1" && n != "0" && n != "" {
		return fault(ward.Unsupported, p+"/learner_model_param/num_target", "the model must have one target")
	}
	if n := l.Booster.Model.Param.Parallel; n != "1" && n != "0" && n != "" {
		return fault(ward.Unsupported, p+"/gradient_booster/model/gbtree_model_param/num_parallel_tree", "forests of parallel trees are not read")
	}
	if best, ok := l.Attributes["best_iteration"]; ok && best != strconv.Itoa(len(l.Booster.Model.Trees)-1) {
		return fault(ward.Unsupported, p+"/attributes/best_iteration",
			"the model has trees after its best iteration; save booster[:best_iteration+1]")
	}
	return nil
}

func (m *xgbModel) readFeatures() error {
	names, path := m.Learner.FeatureNames, "/learner/feature_names"
	n, err := strconv.Atoi(m.Learner.Param.Features)
	if err != nil || n < 1 {
		return fault(ward.Invalid, "/learner/learner_model_param/num_feature", "the number of features must be a positive integer")
	}
	if n > MaxFeatures {
		return fault(ward.TooLarge, "/learner/learner_model_param/num_feature", "the model has more than %d features", MaxFeatures)
	}
	if len(names) != n {
		return fault(ward.Invalid, path, "%d names for %d features; train on columns with names", len(names), n)
	}
	seen := map[string]bool{}
	for i, s := range names {
		bad := s == "" || len(s) > 128 || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f })
		if bad || seen[s] {
			return fault(ward.Invalid, fmt.Sprintf("%s/%d", path, i), "a name must be unique, of 1 to 128 bytes, without control characters")
		}
		seen[s] = true
	}
	types := m.Learner.FeatureTypes
	if len(types) != 0 && len(types) != n {
		return fault(ward.Invalid, "/learner/feature_types", "%d types for %d features", len(types), n)
	}
	for i, s := range types {
		if !slices.Contains([]string{"float", "int", "i", "q"}, s) {
			return fault(ward.Unsupported, fmt.Sprintf("/learner/feature_types/%d", i), "features must be numeric (float, int, i or q)")
		}
	}
	return nil
}

// baseMargin returns base_score, which stands on the scale of the prediction, on the scale of the margin.
func baseMargin(text, objective string) (float64, error) {
	const path = "/learner/learner_model_param/base_score"
	if inner, ok := strings.CutPrefix(text, "["); ok {
		text, ok = strings.CutSuffix(inner, "]")
		if !ok {
			return 0, fault(ward.Invalid, path, "base_score must be one number, with or without brackets")
		}
	}
	b, err := strconv.ParseFloat(text, 32)
	if err != nil || len(text) > 32 || math.IsNaN(b) || math.IsInf(b, 0) {
		return 0, fault(ward.Invalid, path, "base_score must be one number, with or without brackets")
	}
	if objective != Logistic {
		return b, nil
	}
	odds := 1/float32(b) - 1 // of not being the case, rounded as XGBoost rounds it
	if !(b > 0) || !(odds > 0) || math.IsInf(float64(odds), 0) {
		return 0, fault(ward.Invalid, path, "base_score must be a probability between 0 and 1")
	}
	return 0 - float64(float32(ln(float64(odds)))), nil
}

func (m *xgbModel) readTrees(t *Trees) error {
	model, path := &m.Learner.Booster.Model, "/learner/gradient_booster/model"
	n := len(model.Trees)
	if n > MaxTrees {
		return fault(ward.TooLarge, path+"/trees", "the model has more than %d trees", MaxTrees)
	}
	if n < 1 || model.Param.Trees != strconv.Itoa(n) || len(model.TreeInfo) != n {
		return fault(ward.Invalid, path+"/trees", "%d trees, but num_trees and tree_info say otherwise", n)
	}
	if i := slices.IndexFunc(model.TreeInfo, func(g int32) bool { return g != 0 }); i >= 0 {
		return fault(ward.Unsupported, fmt.Sprintf("%s/tree_info/%d", path, i), "every tree must belong to the one output")
	}
	total := 0
	for i := range model.Trees {
		if total += len(model.Trees[i].Left); total > MaxNodes {
			return fault(ward.TooLarge, path+"/trees", "the model has more than %d nodes", MaxNodes)
		}
		r := treeReader{xgbTree: &model.Trees[i], path: fmt.Sprintf("%s/trees/%d", path, i), features: int32(len(t.features))}
		if err := r.read(); err != nil {
			return err
		}
		t.trees = append(t.trees, r.nodes)
		t.lay(r.nodes, r.deepest)
	}
	return nil
}
