package conformal

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"sort"

	"github.com/ward-health/ward"
)

// steps is a rising step function of the score. Its values are fractions of counts, so that a table holds no rounding.
type steps struct {
	score     []float64 // rising
	positives []int
	rows      []int
}

// below returns the value of the last step at or below x, 0 before the first.
func (s steps) below(x float64) float64 {
	i := sort.Search(len(s.score), func(i int) bool { return s.score[i] > x })
	if i == 0 {
		return 0
	}
	return float64(s.positives[i-1]) / float64(s.rows[i-1])
}

// above returns the value of the first step at or above x, 1 after the last.
func (s steps) above(x float64) float64 {
	i := sort.SearchFloat64s(s.score, x)
	if i == len(s.score) {
		return 1
	}
	return float64(s.positives[i]) / float64(s.rows[i])
}

// point is a vertex of the cumulative sum diagram: rows so far, positives so far.
type point struct{ x, y int64 }

// FitVennAbers fits an inductive Venn-Abers predictor on the scores and outcomes of rows that trained nothing. Both outcomes
// must occur, else ward.Unprocessable. Scores must be finite; any rising function of a score gives the same probabilities.
//
// SPEC(Vovk, Petej and Fedorova, NIPS 2015, section 2): p0 and p1 are the values at the score of the isotonic regression of
// the calibration rows with the new row added as negative and as positive.
func FitVennAbers(scores []float64, positive []bool) (*Calibration, error) {
	if len(scores) != len(positive) {
		return nil, ward.E(ward.Invalid, "conformal.vennabers", "as many outcomes as scores are needed", nil)
	}
	order := make([]int, len(scores))
	c := &Calibration{method: VennAbers, n: len(scores)}
	for i, s := range scores {
		if math.IsNaN(s) || math.IsInf(s, 0) {
			return nil, ward.E(ward.Invalid, "conformal.vennabers", "a score is not a finite number", nil).At(fmt.Sprint(i))
		}
		order[i] = i
		if positive[i] {
			c.positives++
		}
	}
	if c.positives == 0 || c.positives == c.n {
		return nil, ward.E(ward.Unprocessable, "conformal.vennabers", "the calibration rows must hold both outcomes", nil)
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(scores[a], scores[b]) })
	var at []float64    // distinct scores
	var diagram []point // one more
	last := point{}
	for k, i := range order {
		if k == 0 || scores[i] != scores[order[k-1]] {
			at, diagram = append(at, scores[i]+0), append(diagram, last)
		}
		last.x++
		if positive[i] {
			last.y++
		}
	}
	diagram = append(diagram, last)
	c.p1 = keepLast(at, slopes(diagram))
	c.p0 = keepFirst(at, mirrored(diagram))
	return c, nil
}

// slopes returns for each score the slope, there, of the greatest convex minorant of the diagram after one more positive
// row has been put at that score. It takes the scores from the left: the minorant of what lies to the right is kept on a
// stack, its left end on top, and each step moves the left end by one row up the diagram.
func slopes(diagram []point) []point {
	d := append([]point{{-1, -1}}, diagram...) // d[i+1] is the diagram's point i
	var stack []point
	push := func(p point) {
		for len(stack) > 1 && !turnsLeft(p, stack[len(stack)-1], stack[len(stack)-2]) {
			stack = stack[:len(stack)-1]
		}
		stack = append(stack, p)
	}
	for i := len(d) - 1; i >= 0; i-- {
		push(d[i])
	}
	out := make([]point, len(d)-2)
	for i := range out {
		a, b := stack[len(stack)-1], stack[len(stack)-2]
		out[i] = point{b.x - a.x, b.y - a.y}
		moved := point{d[i].x + d[i+2].x - d[i+1].x, d[i].y + d[i+2].y - d[i+1].y}
		d[i+1] = moved
		if cross(a, b, moved) >= 0 {
			continue // at or above the first edge: the minorant stays
		}
		stack = stack[:len(stack)-1]
		push(moved)
	}
	return out
}

// mirrored is slopes for one more negative row, through the diagram of exchanged outcomes read backwards.
func mirrored(diagram []point) []point {
	end := diagram[len(diagram)-1]
	flip := make([]point, len(diagram))
	for i, p := range diagram {
		x := end.x - p.x
		flip[len(diagram)-1-i] = point{x, x - (end.y - p.y)}
	}
	out := slopes(flip)
	slices.Reverse(out)
	for i, p := range out {
		out[i].y = p.x - p.y
	}
	return out
}

// cross is positive when the way from a over b to c turns to the left.
func cross(a, b, c point) int64 { return (b.x-a.x)*(c.y-a.y) - (b.y-a.y)*(c.x-a.x) }

func turnsLeft(a, b, c point) bool { return cross(a, b, c) > 0 }

// keepLast joins steps of the same value, which hold up to and with their score.
func keepLast(at []float64, value []point) steps {
	var s steps
	for i, v := range value {
		if i+1 == len(value) || !same(v, value[i+1]) {
			s.add(at[i], v)
		}
	}
	return s
}

// keepFirst joins steps of the same value, which hold from their score on.
func keepFirst(at []float64, value []point) steps {
	var s steps
	for i, v := range value {
		if i == 0 || !same(v, value[i-1]) {
			s.add(at[i], v)
		}
	}
	return s
}

func same(a, b point) bool { return a.y*b.x == b.y*a.x }

func (s *steps) add(at float64, v point) {
	s.score, s.positives, s.rows = append(s.score, at), append(s.positives, int(v.y)), append(s.rows, int(v.x))
}
