package explain

import (
	"fmt"
	"math"
	"slices"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/predict/engine"
)

// A group is the largest subtree with at most groupInner inner nodes whose patterns need at most groupBits bits. Its leaves
// share one table, so that a row looks up one table row instead of one per leaf.
const (
	groupInner = 3
	groupBits  = 10
)

// tree is one tree of the ensemble with the game of each leaf.
type tree struct {
	nodes  []engine.Node
	inner  []int     // inner nodes of the subtree under each node
	place  []int     // index into leaves of each node that is one
	slot   []int     // of each inner node: which distinct feature of its path it tests
	above  [][]int32 // of each node: the distinct features on the path to it
	leaves []leaf
	room   int // parts that the leaves may still have together
}

// least is the smallest share that is told from none: below it products would lose their last bits.
const least = 1e-300

// newTree makes the games of a tree whose leaves have at most room parts together.
func newTree(nodes []engine.Node, room int) (*tree, *ward.Error) {
	n := len(nodes)
	t := &tree{nodes: nodes, room: room, inner: make([]int, n), place: make([]int, n), slot: make([]int, n), above: make([][]int32, n)}
	if top := nodes[0]; !top.Leaf() && nodes[top.Left].Cover == 0 && nodes[top.Right].Cover == 0 {
		return nil, ward.E(ward.Invalid, "explain.compile", "the tree has no cover: train it with weights above 0", nil)
	}
	if t.descend(0, nil); t.room < 0 {
		return nil, ward.E(ward.TooLarge, "explain.compile", fmt.Sprintf("the paths of the ensemble have more than %d features together", MaxParts), nil)
	}
	return t, nil
}

// descend fills what the tree knows about the subtree under at, which is reached through the given parts.
func (t *tree) descend(at int32, parts []part) {
	if t.room < 0 {
		return
	}
	for _, p := range parts {
		t.above[at] = append(t.above[at], p.feature)
	}
	n := t.nodes[at]
	if n.Leaf() {
		t.place[at], t.room = len(t.leaves), t.room-len(parts)
		t.leaves = append(t.leaves, leaf{float64(n.Value), slices.Clone(parts)})
		return
	}
	t.slot[at] = slices.Index(t.above[at], n.Feature)
	if t.slot[at] < 0 {
		t.slot[at] = len(parts)
		parts = append(parts, part{n.Feature, 1})
	}
	left := t.leftShare(n)
	for _, child := range []struct {
		at    int32
		share float64
	}{{n.Left, left}, {n.Right, 1 - left}} {
		below := slices.Clone(parts)
		p := &below[t.slot[at]]
		if p.share = weighted(p.share, child.share); p.share < least {
			p.share = 0
		}
		t.descend(child.at, below)
		t.inner[at] += t.inner[child.at]
	}
	t.inner[at]++
}

// leftShare is the proportion of the cover that goes to the left, a half where nothing came through.
func (t *tree) leftShare(n engine.Node) float64 {
	left, right := float64(t.nodes[n.Left].Cover), float64(t.nodes[n.Right].Cover)
	if left+right == 0 {
		return 0.5
	}
	return left / (left + right)
}

// grouped reports whether the subtree under at shares one table, and how many bits tell its patterns apart.
func (t *tree) grouped(at int32) (bits int, ok bool) {
	bits = len(t.above[at]) + t.inner[at]
	return bits, t.inner[at] == 0 || t.inner[at] <= groupInner && bits <= groupBits
}

// columns lists the distinct features of the paths to the leaves under at: those above it first.
func (t *tree) columns(at int32) []int32 {
	out := slices.Clone(t.above[at])
	var visit func(int32)
	visit = func(at int32) {
		n := t.nodes[at]
		if n.Leaf() {
			return
		}
		if !slices.Contains(out, n.Feature) {
			out = append(out, n.Feature)
		}
		visit(n.Left)
		visit(n.Right)
	}
	visit(at)
	return out
}

// tableBytes is the size of the tables of this tree, which may be far more than can be had.
func (t *tree) tableBytes() float64 {
	var visit func(int32) float64
	visit = func(at int32) float64 {
		if bits, ok := t.grouped(at); ok {
			return math.Ldexp(float64(8*len(t.columns(at))), bits)
		}
		return visit(t.nodes[at].Left) + visit(t.nodes[at].Right)
	}
	return visit(0)
}
