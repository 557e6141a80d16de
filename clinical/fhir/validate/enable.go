package validate

import (
	"github.com/ward-health/ward/clinical/fhir/tree"
)

// enabled reports whether a question is enabled, given the answers that stand in and around the node at which it stands.
//
// SPEC(FHIR R4 questionnaire.html#Questionnaire.item.enableWhen): any or all of the conditions hold; a condition looks at the nearest question with the
// linkId: siblings and what is in them first, then those of the ancestors.
func (a *answered) enabled(q *question, parent int) bool {
	if len(q.conditions) == 0 {
		return true
	}
	for _, w := range q.conditions {
		if a.holds(q, w, parent) == q.enableAny {
			return q.enableAny
		}
	}
	return !q.enableAny
}

// holds evaluates one condition.
func (a *answered) holds(q *question, w, parent int) bool {
	at := &q.doc.Nodes[w]
	a.r.steps += int(at.Next) - w + int(at.End-at.Start)>>8
	values := a.nearest(textOf(q.doc, w, "question"), parent)
	operator := textOf(q.doc, w, "operator")
	want := -1
	for c := q.doc.First(w); c != tree.None; c = q.doc.Sibling(c) {
		if name := q.doc.MemberName(c); len(name) > len("answer") && name[:len("answer")] == "answer" {
			want = c
		}
	}
	if want < 0 {
		return false
	}
	if operator == "exists" {
		return (len(values) > 0) == (string(q.doc.Text(want)) == "true")
	}
	typ := q.doc.MemberName(want)[len("answer"):]
	for _, v := range values {
		if !a.r.step() {
			return false
		}
		if a.r.doc.MemberName(v)[len("value"):] != typ {
			continue
		}
		if a.compares(v, q.doc, want, typ, operator) {
			return true
		}
	}
	return false
}

// compares applies an operator of enableWhen to an answer.
func (a *answered) compares(v int, d *tree.Doc, want int, typ, operator string) bool {
	switch operator {
	case "=":
		return a.r.same(v, d, want, typ)
	case "!=":
		return !a.r.same(v, d, want, typ)
	}
	order, ok := a.r.order(v, d, want, typ)
	if !ok {
		return false
	}
	switch operator {
	case ">":
		return order > 0
	case "<":
		return order < 0
	case ">=":
		return order >= 0
	case "<=":
		return order <= 0
	}
	return false
}

// nearest lists the answers to a question: at the closest place going up from node n.
func (a *answered) nearest(id string, n int) (out []int) {
	for {
		a.collect(n, id, 0, &out)
		if len(out) > 0 || n == a.root {
			return out
		}
		n = int(a.r.doc.Nodes[n].Parent)
	}
}

// collect adds the values of the answers to the question in and below node n.
func (a *answered) collect(n int, id string, depth int, out *[]int) {
	// every condition may look through the whole response: what that costs is counted
	if depth > maxDepth*4 || !a.r.step() || a.r.doc.Nodes[n].Kind != tree.Object {
		return
	}
	each(a.r.doc, n, "item", func(c int) {
		if string(a.r.text(c, "linkId")) == id {
			each(a.r.doc, c, "answer", func(w int) {
				if v := valueOf(a.r.doc, w); v >= 0 {
					*out = append(*out, v)
				}
			})
		}
		each(a.r.doc, c, "answer", func(w int) { a.collect(w, id, depth+1, out) })
		a.collect(c, id, depth+1, out)
	})
}
