package engine

import "math"

// step is a node laid out for walking: 16 bytes, the children of a node side by side. A leaf is its own left child and its
// cut lies above every key, so that a walk of the tree's depth stays there and needs no test for the end.
type step struct {
	cut   int32 // threshold as Cut orders it
	key   int32 // 2*feature, plus 1 when a missing value goes to the right
	child int32 // the left child; the right one follows it
	value float32
}

// root is where a tree begins in the walk and how many steps its deepest leaf is away.
type root struct{ at, depth int32 }

// Keys of missing values: below and above those of all numbers, the infinities included. A leaf's cut is above them all.
const (
	missingLeft  = math.MinInt32
	missingRight = math.MaxInt32 - 1
	leafCut      = math.MaxInt32
)

// Cut returns an integer that orders as the float32 does, both zeros being equal; f must not be NaN.
func Cut(f float32) int32 {
	b := int32(math.Float32bits(f + 0))
	if f == 0 {
		b = 0
	}
	return b ^ int32(uint32(b>>31)>>1)
}

// Order sets dst[2*f] and dst[2*f+1] to the key of x[f] for nodes that send a missing value to the left and to the right:
// a row goes to the left where its key is less than Cut of the threshold. dst holds 2*len(x) keys.
func Order(dst []int32, x []float32) {
	dst = dst[:2*len(x)]
	for i, f := range x {
		if f != f {
			dst[2*i], dst[2*i+1] = missingLeft, missingRight
			continue
		}
		k := Cut(f)
		dst[2*i], dst[2*i+1] = k, k
	}
}

// right returns 1 where the key goes to the right child, without a branch.
func right(key, cut int32) int32 {
	var r int32
	if key >= cut {
		r = 1
	}
	return r
}

// block adds the leaves of every tree to the sums of the rows whose keys lie width apart. Four rows walk side by side, so
// that one waits for memory while another compares.
func (t *Trees) block(sums []float64, keys []int32, width int) {
	walk := t.walk
	for _, r := range t.roots {
		n := 0
		for ; n+4 <= len(sums); n += 4 {
			a, b := keys[n*width:(n+1)*width], keys[(n+1)*width:(n+2)*width]
			c, d := keys[(n+2)*width:(n+3)*width], keys[(n+3)*width:(n+4)*width]
			i, j, k, l := r.at, r.at, r.at, r.at
			for range r.depth {
				p, q, s, u := &walk[i], &walk[j], &walk[k], &walk[l]
				i, j = p.child+right(a[p.key], p.cut), q.child+right(b[q.key], q.cut)
				k, l = s.child+right(c[s.key], s.cut), u.child+right(d[u.key], u.cut)
			}
			sums[n] += float64(walk[i].value)
			sums[n+1] += float64(walk[j].value)
			sums[n+2] += float64(walk[k].value)
			sums[n+3] += float64(walk[l].value)
		}
		for ; n < len(sums); n++ {
			i := r.at
			for range r.depth {
				i = walk[i].child + right(keys[n*width+int(walk[i].key)], walk[i].cut)
			}
			sums[n] += float64(walk[i].value)
		}
	}
}

// lay appends a tree to the walk, breadth first; deepest is the depth of its deepest leaf.
func (t *Trees) lay(nodes []Node, deepest int) {
	at := int32(len(t.walk))
	t.roots = append(t.roots, root{at, int32(deepest)})
	t.walk = append(t.walk, step{})
	for todo := []int32{0}; len(todo) > 0; todo, at = todo[1:], at+1 {
		n := nodes[todo[0]]
		if n.Leaf() {
			t.walk[at] = step{cut: leafCut, child: at, value: n.Value}
			continue
		}
		s := step{cut: Cut(n.Value), key: 2 * n.Feature, child: int32(len(t.walk))}
		if !n.DefaultLeft {
			s.key++
		}
		t.walk[at] = s
		t.walk = append(t.walk, step{}, step{})
		todo = append(todo, n.Left, n.Right)
	}
}
