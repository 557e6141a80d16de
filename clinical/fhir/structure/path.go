package structure

import (
	"strconv"

	"github.com/ward-health/ward/clinical/fhir/tree"
)

// Expression names the place of node n in FHIRPath: "Patient.name[0].given[1]", "Observation.value.ofType(Quantity).unit". A member that is no
// element is shown if its name looks like one; "_x" is shown as x.
func (s *Schema) Expression(d *tree.Doc, n int) string {
	chain := make([]int, 0, 16)
	for at := n; at != 0; at = int(d.Nodes[at].Parent) {
		chain = append(chain, at)
	}
	var t *sort
	out := make([]byte, 0, 64)
	if t = s.sortAt(d, 0); t != nil {
		out = append(out, t.name...)
	}
	var m *member
	for i := len(chain) - 1; i >= 0; i-- {
		at := chain[i]
		if d.Nodes[d.Nodes[at].Parent].Kind == tree.Array {
			out = append(out, '[')
			out = strconv.AppendInt(out, int64(position(d, at)), 10)
			out = append(out, ']')
			t = s.inside(d, at, m)
			continue
		}
		name := d.MemberName(at)
		if m = t.byName(name); m == nil {
			t = nil
			out = appendName(out, name)
			continue
		}
		out = appendName(out, t.elements[m.element].name)
		if m.suffix != "" {
			out = append(out, ".ofType("...)
			out = append(out, m.suffix...)
			out = append(out, ')')
		}
		if d.Nodes[at].Kind != tree.Array {
			t = s.inside(d, at, m)
		}
	}
	return string(out)
}

// sortAt returns the type of the resource at node n, nil if it has none.
func (s *Schema) sortAt(d *tree.Doc, n int) *sort {
	at := d.Member(n, "resourceType")
	if at == tree.None || d.Nodes[at].Kind != tree.String {
		return nil
	}
	return s.resource(d.Text(at))
}

// inside is the type of the value at node n, which is of member m.
func (s *Schema) inside(d *tree.Doc, n int, m *member) *sort {
	switch {
	case m == nil:
		return nil
	case m.sort.special == anyResource:
		return s.sortAt(d, n)
	}
	return m.sort
}

func (t *sort) byName(name string) *member {
	if t == nil || len(t.table) == 0 {
		return nil
	}
	if i := t.find(tree.Hash(name), []byte(name)); i >= 0 {
		return &t.members[i]
	}
	return nil
}

// appendName adds a step; a name that does not look like that of an element is not shown.
func appendName(out []byte, name string) []byte {
	ok := len(name) > 0 && len(name) <= 64
	for i := 0; ok && i < len(name); i++ {
		c := name[i]
		ok = c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_'
	}
	if !ok {
		return out
	}
	if len(out) > 0 {
		out = append(out, '.')
	}
	return append(out, name...)
}

// position is the place of an item in its array.
func position(d *tree.Doc, n int) (k int) {
	for c := int(d.Nodes[n].Parent) + 1; c < n; k++ {
		c = int(d.Nodes[c].Next)
	}
	return k
}
