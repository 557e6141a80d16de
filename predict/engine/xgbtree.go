package engine

import (
	"fmt"
	"math"
	"strconv"

	"github.com/ward-health/ward"
)

// treeReader turns the arrays of one tree into nodes, following it from its root.
type treeReader struct {
	*xgbTree
	path     string
	features int32
	nodes    []Node
	deepest  int
}

// spot is a node still to be read: where it stands in the arrays, how deep, and where its index is to be written.
type spot struct {
	at     int32
	depth  int
	parent int32 // -1 for the root
	right  bool
}

func (r *treeReader) fault(kind ward.ErrorKind, member string, at int32, format string, args ...any) error {
	return fault(kind, fmt.Sprintf("%s/%s/%d", r.path, member, at), format, args...)
}

// shape checks the lengths of the arrays and returns how many nodes are marked as deleted.
func (r *treeReader) shape() (int, error) {
	n := len(r.Left)
	for _, a := range []struct {
		member string
		length int
	}{{"right_children", len(r.Right)}, {"default_left", len(r.DefaultLeft)}, {"split_conditions", len(r.Conditions)},
		{"split_indices", len(r.Indices)}, {"sum_hessian", len(r.Hessian)}} {
		if a.length != n || n == 0 {
			return 0, fault(ward.Invalid, r.path+"/"+a.member, "the arrays of a tree must have the same length, at least 1")
		}
	}
	if s := len(r.SplitType); s != 0 && s != n {
		return 0, fault(ward.Invalid, r.path+"/split_type", "the arrays of a tree must have the same length")
	}
	if len(r.Categories) > 0 {
		return 0, fault(ward.Unsupported, r.path+"/categories", "splits by category are not read")
	}
	if v := r.Param.Vector; v != "0" && v != "1" && v != "" {
		return 0, fault(ward.Unsupported, r.path+"/tree_param/size_leaf_vector", "leaves must be single numbers")
	}
	if r.Param.Nodes != strconv.Itoa(n) {
		return 0, fault(ward.Invalid, r.path+"/tree_param/num_nodes", "the arrays have %d nodes", n)
	}
	deleted, err := strconv.Atoi("0" + r.Param.Deleted)
	if err != nil || deleted >= n {
		return 0, fault(ward.Invalid, r.path+"/tree_param/num_deleted", "the number of deleted nodes must be less than that of all")
	}
	return deleted, nil
}

// read follows the tree depth first, left before right, and numbers its nodes in that order.
func (r *treeReader) read() error {
	deleted, err := r.shape()
	if err != nil {
		return err
	}
	seen := make([]bool, len(r.Left))
	for todo := []spot{{parent: -1}}; len(todo) > 0; {
		s := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if seen[s.at] {
			return r.fault(ward.Invalid, "left_children", s.at, "the node has two parents: this is no tree")
		}
		if s.depth > MaxDepth {
			return r.fault(ward.TooLarge, "left_children", s.at, "the tree is deeper than %d", MaxDepth)
		}
		seen[s.at] = true
		if err := r.add(s); err != nil {
			return err
		}
		if !r.nodes[len(r.nodes)-1].Leaf() {
			own := int32(len(r.nodes) - 1)
			todo = append(todo, spot{r.Right[s.at], s.depth + 1, own, true}, spot{r.Left[s.at], s.depth + 1, own, false})
		}
	}
	if len(r.nodes)+deleted != len(r.Left) {
		return fault(ward.Invalid, r.path+"/left_children", "%d of %d nodes hang on the root and %d are deleted", len(r.nodes), len(r.Left), deleted)
	}
	return nil
}

// add checks one node and appends it.
func (r *treeReader) add(s spot) error {
	node, err := r.node(s.at)
	if err != nil {
		return err
	}
	own := int32(len(r.nodes))
	switch {
	case s.parent < 0:
	case s.right:
		r.nodes[s.parent].Right = own
	default:
		r.nodes[s.parent].Left = own
	}
	r.deepest = max(r.deepest, s.depth)
	r.nodes = append(r.nodes, node)
	return nil
}

// node reads the values of one node; its children are checked here and numbered by add.
func (r *treeReader) node(at int32) (Node, error) {
	n, left, right := int32(len(r.Left)), r.Left[at], r.Right[at]
	value, cover := r.Conditions[at], r.Hessian[at]
	if !finite32(value) {
		return Node{}, r.fault(ward.Invalid, "split_conditions", at, "the value must be a finite float32")
	}
	if !finite32(cover) || cover < 0 {
		return Node{}, r.fault(ward.Invalid, "sum_hessian", at, "the cover must be a finite float32 and not negative")
	}
	node := Node{Feature: -1, Value: value, Cover: cover}
	if left == -1 && right == -1 {
		return node, nil
	}
	if left < 1 || left >= n || right < 1 || right >= n {
		return Node{}, r.fault(ward.Invalid, "left_children", at, "both children must be nodes of the tree below the root, or both -1")
	}
	if r.Indices[at] < 0 || r.Indices[at] >= r.features {
		return Node{}, r.fault(ward.Invalid, "split_indices", at, "the feature must be one of the %d", r.features)
	}
	if len(r.SplitType) > 0 && r.SplitType[at] != 0 {
		return Node{}, r.fault(ward.Unsupported, "split_type", at, "splits by category are not read")
	}
	node.Feature, node.DefaultLeft = r.Indices[at], bool(r.DefaultLeft[at])
	return node, nil
}

func finite32(x float32) bool { return math.Abs(float64(x)) <= math.MaxFloat32 }
