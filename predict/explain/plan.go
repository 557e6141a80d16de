package explain

import "github.com/ward-health/ward/predict/engine"

// fork is an inner node as a row meets it.
type fork struct {
	cut, key    int32  // as the engine orders them
	left, right int32  // slots that take the pattern of the children; unused inside a group
	bit         uint64 // of the feature in the pattern, one bit
	fresh       bool   // the feature was not on the path before
}

// group is a subtree whose contributions are looked up together. The pattern that reaches it has one bit per distinct
// feature above it (1 = every edge so far satisfied); each of its forks adds the bit 1 for right.
type group struct {
	slot    int32 // where the pattern stands
	shift   uint8 // bits of that pattern
	forks   []fork
	columns []int32 // features in the order of a table row
	table   []float64
	leaf    leaf // of a group of one leaf, for plans without tables
}

// plan is one tree as a row meets it: forks from the root down, then the groups they lead to.
type plan struct {
	forks  []fork // fork i takes its pattern from slot i
	groups []group
	slots  int
	table  []float64
	roots  []int32 // the node at which each group begins
}

// plan lays the tree out. Without tables every leaf is a group of its own.
func (t *tree) plan(tabled bool) plan {
	var p plan
	var ends []int32 // nodes at which groups begin
	upper := map[int32]int32{}
	var visit func(int32)
	visit = func(at int32) {
		if _, ok := t.grouped(at); t.inner[at] == 0 || ok && tabled {
			ends = append(ends, at)
			return
		}
		upper[at] = int32(len(p.forks))
		p.forks = append(p.forks, t.fork(at))
		visit(t.nodes[at].Left)
		visit(t.nodes[at].Right)
	}
	visit(0)
	slot := map[int32]int32{}
	for i, at := range ends {
		slot[at] = int32(len(p.forks) + i)
		p.groups = append(p.groups, t.group(at, slot[at]))
	}
	for at, i := range upper {
		slot[at] = i
	}
	for at, i := range upper {
		p.forks[i].left, p.forks[i].right = slot[t.nodes[at].Left], slot[t.nodes[at].Right]
	}
	p.slots, p.roots = len(p.forks)+len(ends), ends
	return p
}

func (t *tree) fork(at int32) fork {
	n := t.nodes[at]
	f := fork{cut: engine.Cut(n.Value), key: 2 * n.Feature, bit: 1 << t.slot[at], fresh: t.slot[at] == len(t.above[at])}
	if !n.DefaultLeft {
		f.key++
	}
	return f
}

// group lays out the subtree under at, its forks in preorder.
func (t *tree) group(at, slot int32) group {
	g := group{slot: slot, shift: uint8(len(t.above[at])), columns: t.columns(at)}
	if t.nodes[at].Leaf() {
		g.leaf = t.leaves[t.place[at]]
	}
	var visit func(int32)
	visit = func(at int32) {
		if n := t.nodes[at]; !n.Leaf() {
			g.forks = append(g.forks, t.fork(at))
			visit(n.Left)
			visit(n.Right)
		}
	}
	visit(at)
	return g
}
