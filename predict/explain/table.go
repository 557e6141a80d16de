package explain

import "slices"

// fill makes the tables of a plan: for each group and each pattern the sum of the contributions of its leaves.
func (t *tree) fill(p *plan, rules []rule) {
	size := 0
	for _, g := range p.groups {
		size += len(g.columns) << (int(g.shift) + len(g.forks))
	}
	p.table = make([]float64, size)
	rest := p.table
	for i := range p.groups {
		g := &p.groups[i]
		n := len(g.columns) << (int(g.shift) + len(g.forks))
		g.table, rest = rest[:n:n], rest[n:]
		f := filler{tree: t, group: g, rules: rules, phi: make([]float64, 64)}
		f.visit(p.roots[i], 0, nil)
	}
}

// turn is a fork of the group on the way to a leaf: which bit of the pattern says right, and which way the leaf lies.
type turn struct {
	bit   int
	right uint64
	slot  int
}

type filler struct {
	*tree
	group *group
	rules []rule
	phi   []float64
}

// visit adds every leaf under at to the table; next is the preorder number of at among the forks. It returns the number
// that follows the subtree's.
func (f *filler) visit(at int32, next int, way []turn) int {
	n := f.nodes[at]
	if n.Leaf() {
		f.add(f.leaves[f.place[at]], way)
		return next
	}
	here := turn{bit: int(f.group.shift) + next, slot: f.slot[at]}
	next = f.visit(n.Left, next+1, append(slices.Clone(way), here))
	here.right = 1
	return f.visit(n.Right, next, append(slices.Clone(way), here))
}

// add puts one leaf's contributions into every row of the table, each set of satisfied parts being computed once.
func (f *filler) add(l leaf, way []turn) {
	width := len(f.group.columns)
	column := make([]int, len(l.parts))
	for j, p := range l.parts {
		column[j] = slices.Index(f.group.columns, p.feature)
	}
	known := make([][]float64, 1<<len(l.parts))
	for pattern := range uint64(len(f.group.table) / max(width, 1)) {
		mask := f.mask(l, way, pattern)
		if known[mask] == nil {
			known[mask] = make([]float64, len(l.parts))
			l.shapley(known[mask], mask, f.rules)
		}
		row := f.group.table[int(pattern)*width:]
		for j, phi := range known[mask] {
			row[column[j]] += phi
		}
	}
}

// mask tells which parts of the leaf a row with this pattern satisfies.
func (f *filler) mask(l leaf, way []turn, pattern uint64) uint64 {
	above := pattern & (1<<f.group.shift - 1)
	mask := above | (1<<len(l.parts)-1)&^(1<<f.group.shift-1)
	for _, t := range way {
		if pattern>>t.bit&1 != t.right {
			mask &^= 1 << t.slot
		}
	}
	return mask
}
