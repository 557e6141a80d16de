package explain

import "github.com/ward-health/ward/predict/engine"

// block is how many rows are taken through a tree together.
const block = 32

// Row sets phi, of len(Features) values, to the contributions of one row and returns the base. NaN stands for a missing
// value. Base and contributions sum to the margin but for rounding in float64.
func (e *Explainer) Row(phi []float64, x []float32) (base float64) {
	e.Batch(phi[:e.features], x[:e.features])
	return e.base
}

// Batch sets phi to the contributions of as many rows as x holds, row after row in both, with the bits of Row.
func (e *Explainer) Batch(phi []float64, x []float32) {
	n := e.features
	phi = phi[:len(x)/n*n]
	clear(phi)
	rows := min(block, len(x)/n)
	r := run{Explainer: e, keys: make([]int32, 2*n*rows), patterns: make([]uint64, e.slots*rows), own: make([]float64, 64)}
	for len(phi) > 0 {
		rows = min(block, len(phi)/n)
		engine.Order(r.keys, x[:n*rows])
		for i := range e.plans {
			r.tree(&e.plans[i], phi[:n*rows], rows)
		}
		phi, x = phi[n*rows:], x[n*rows:]
	}
}

// run is the room that one call needs.
type run struct {
	*Explainer
	keys     []int32  // of the rows of a block, row after row
	patterns []uint64 // of the rows of a block, slot after slot
	own      []float64
}

// tree adds the contributions of one tree to a block of rows: first the patterns of every slot, then group after group.
func (r *run) tree(p *plan, phi []float64, rows int) {
	clear(r.patterns[:rows])
	for i := range p.forks {
		f := &p.forks[i]
		in := r.patterns[i*rows : (i+1)*rows]
		left := r.patterns[int(f.left)*rows:][:len(in)]
		right := r.patterns[int(f.right)*rows:][:len(in)]
		fresh := uint64(0)
		if f.fresh {
			fresh = f.bit
		}
		at, width := int(f.key), 2*r.features
		for n, m := range in {
			goes := goesRight(r.keys[at], f.cut)
			m |= fresh
			left[n] = m &^ (f.bit & -goes)
			right[n] = m &^ (f.bit & (goes - 1))
			at += width
		}
	}
	for i := range p.groups {
		if g := &p.groups[i]; r.tabled {
			r.look(g, phi, rows)
		} else {
			r.compute(g, phi, rows)
		}
	}
}

// look adds the table rows of one group.
func (r *run) look(g *group, phi []float64, rows int) {
	columns := g.columns
	for n, pattern := range r.patterns[int(g.slot)*rows : (int(g.slot)+1)*rows] {
		keys := r.keys[2*r.features*n:]
		shift := g.shift
		for i := range g.forks {
			f := &g.forks[i]
			pattern |= goesRight(keys[f.key], f.cut) << (shift & 63)
			shift++
		}
		own := g.table[int(pattern)*len(columns):][:len(columns)]
		sums := phi[r.features*n:][:r.features]
		for j, c := range columns {
			sums[c] += own[j]
		}
	}
}

// compute adds the contributions of one leaf without a table.
func (r *run) compute(g *group, phi []float64, rows int) {
	own := r.own[:len(g.columns)]
	for n, pattern := range r.patterns[int(g.slot)*rows : (int(g.slot)+1)*rows] {
		g.leaf.shapley(own, pattern, r.rules)
		sums := phi[r.features*n:]
		for j, c := range g.columns {
			sums[c] += own[j]
		}
	}
}

// goesRight returns 1 where the key goes to the right child, without a branch.
func goesRight(key, cut int32) uint64 {
	var r uint64
	if key >= cut {
		r = 1
	}
	return r
}
