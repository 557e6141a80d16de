package validate

import (
	"bytes"

	"github.com/ward-health/ward/clinical/fhir/tree"
)

// literal is a value that a definition gives.
type literal struct {
	doc  *tree.Doc
	node int
}

// newLiteral reads the JSON of a fixed value or pattern, nil if it is none.
func newLiteral(b []byte) *literal {
	d := &tree.Doc{}
	if d.Parse(b, tree.Limits{}) != nil {
		return nil
	}
	return &literal{doc: d}
}

// equal reports whether node n of d is the same value: the same members with the same values, items in the same order.
//
// SPEC(FHIR R4 elementdefinition.html#ElementDefinition.fixed): exactly this value, complex values member by member.
func (l *literal) equal(d *tree.Doc, n int) bool { return sameValue(l.doc, l.node, d, n, true) }

// within reports whether node n of d has at least what the literal has.
//
// SPEC(FHIR R4 elementdefinition.html#ElementDefinition.pattern): primitives are equal; of an object each part of the pattern is there; of an array each
// item of the pattern is met by one item of the value.
func (l *literal) within(d *tree.Doc, n int) bool { return sameValue(l.doc, l.node, d, n, false) }

// size is the number of nodes of the literal.
func (l *literal) size() int { return len(l.doc.Nodes) }

func sameValue(a *tree.Doc, i int, b *tree.Doc, k int, exact bool) bool {
	x, y := &a.Nodes[i], &b.Nodes[k]
	if x.Kind != y.Kind || exact && x.Len != y.Len {
		return false
	}
	switch x.Kind {
	case tree.Object:
		for c := a.First(i); c != tree.None; c = a.Sibling(c) {
			other := b.Member(k, a.MemberName(c))
			if other == tree.None || !sameValue(a, c, b, other, exact) {
				return false
			}
		}
		return true
	case tree.Array:
		if exact {
			o := b.First(k)
			for c := a.First(i); c != tree.None; c = a.Sibling(c) {
				if !sameValue(a, c, b, o, true) {
					return false
				}
				o = b.Sibling(o)
			}
			return true
		}
		for c := a.First(i); c != tree.None; c = a.Sibling(c) {
			if !anyItem(a, c, b, k) {
				return false
			}
		}
		return true
	}
	return bytes.Equal(a.Text(i), b.Text(k))
}

// anyItem reports whether an item of array k has what value i has.
func anyItem(a *tree.Doc, i int, b *tree.Doc, k int) bool {
	for o := b.First(k); o != tree.None; o = b.Sibling(o) {
		if sameValue(a, i, b, o, false) {
			return true
		}
	}
	return false
}
