package validate

import (
	"github.com/ward-health/ward/clinical/fhir/definition"
	"github.com/ward-health/ward/clinical/fhir/tree"
)

// value is one element of a resource: the value and the extensions of a primitive are one.
type value struct {
	node  int              // of the value; -1 = not there
	extra int              // of the object of "_x"; -1 = not there
	typ   *definition.Type // of the value: of a choice the one that is there, of a resource its own
	elem  *definition.Element
}

// at is the node that stands for the value in issues.
func (v value) at() int {
	if v.node >= 0 {
		return v.node
	}
	return v.extra
}

// resourceTypeHash is that of the member that names a resource's type.
var resourceTypeHash = tree.Hash("resourceType")

// resourceType returns the type of the resource at node n, nil if it names none that can be.
func (v *Validator) resourceType(d *tree.Doc, n int) *definition.Type {
	if d.Nodes[n].Kind != tree.Object {
		return nil
	}
	for c := d.First(n); c != tree.None; c = d.Sibling(c) {
		if d.Nodes[c].Hash == resourceTypeHash && d.NameIs(c, "resourceType") {
			if d.Nodes[c].Kind != tree.String {
				return nil
			}
			t := v.set.Type(string(d.Text(c)))
			if t == nil || t.Kind != definition.Resource || t.Abstract {
				return nil
			}
			return t
		}
	}
	return nil
}

// children appends the values of the element with the name (without "[x]") of p.
func (r *runner) children(dst []value, p value, name string) []value {
	object, typ := p.node, p.typ
	if typ.Kind == definition.Primitive {
		object = p.extra // all that a primitive has beside its value
	}
	if object < 0 || r.doc.Nodes[object].Kind != tree.Object {
		return dst
	}
	pl := r.v.plan(typ)
	d := r.doc
	from := len(dst)
	r.steps += int(d.Nodes[object].Len) >> 4
	for c := d.First(object); c != tree.None; c = d.Sibling(c) {
		m := pl.find(d, c)
		if m == nil || m.elem.Name != name {
			continue
		}
		if !m.extra {
			dst = r.items(dst, c, r.partner(c, m, pl), m)
		} else if r.partner(c, m, pl) == tree.None {
			dst = r.extras(dst, c, &pl.members[m.partner])
		}
	}
	r.steps += (len(dst) - from) >> 2
	return dst
}

// partner returns the "_x" of x, or the other way round, tree.None if it is not there.
func (r *runner) partner(n int, m *member, pl *plan) int {
	if m.partner < 0 {
		return tree.None
	}
	d := r.doc
	other := &pl.members[m.partner]
	for c := d.First(int(d.Nodes[n].Parent)); c != tree.None; c = d.Sibling(c) {
		if d.Nodes[c].Hash == other.hash && d.NameIs(c, other.name) {
			return c
		}
	}
	return tree.None
}

// items appends the values at member node n, whose extensions are at node extra.
func (r *runner) items(dst []value, n, extra int, m *member) []value {
	d := r.doc
	if d.Nodes[n].Kind != tree.Array {
		if extra == tree.None || d.Nodes[extra].Kind != tree.Object {
			extra = -1
		}
		return r.add(dst, n, extra, m)
	}
	more := tree.None
	if extra != tree.None && d.Nodes[extra].Kind == tree.Array {
		more = d.First(extra)
	}
	for c := d.First(n); c != tree.None; c = d.Sibling(c) {
		x := -1
		if more != tree.None {
			if d.Nodes[more].Kind == tree.Object {
				x = more
			}
			more = d.Sibling(more)
		}
		dst = r.add(dst, c, x, m)
	}
	return dst
}

// extras appends the values of which there are extensions only.
func (r *runner) extras(dst []value, n int, m *member) []value {
	d := r.doc
	if d.Nodes[n].Kind != tree.Array {
		return append(dst, value{-1, n, m.typ, m.elem})
	}
	for c := d.First(n); c != tree.None; c = d.Sibling(c) {
		if d.Nodes[c].Kind == tree.Object {
			dst = append(dst, value{-1, c, m.typ, m.elem})
		}
	}
	return dst
}

func (r *runner) add(dst []value, n, extra int, m *member) []value {
	if r.doc.Nodes[n].Kind == tree.Null {
		if extra < 0 {
			return dst
		}
		n = -1
	}
	typ := m.typ
	if typ.Kind == definition.Resource {
		if n < 0 {
			return dst
		}
		if typ = r.v.resourceType(r.doc, n); typ == nil {
			return dst
		}
	}
	if typ.Kind != definition.Primitive && (n < 0 || r.doc.Nodes[n].Kind != tree.Object) {
		return dst // package structure has said so
	}
	return append(dst, value{n, extra, typ, m.elem})
}

// text returns the text of the primitive child of p with the JSON member name, nil if there is none.
func (r *runner) text(p int, name string) []byte {
	if p < 0 {
		return nil
	}
	r.steps += int(r.doc.Nodes[p].Len) >> 5
	if c := r.doc.Member(p, name); c != tree.None && r.doc.Nodes[c].Kind >= tree.False && r.doc.Nodes[c].Kind <= tree.String {
		shift := 8
		if r.doc.Nodes[c].Flag&tree.Escaped != 0 {
			shift = 6 // it is made anew each time
		}
		r.steps += int(r.doc.Nodes[c].End-r.doc.Nodes[c].Start) >> shift
		return r.doc.Text(c)
	}
	return nil
}

// each calls fn for the items of the array at the member with the name of the object p.
func each(d *tree.Doc, p int, name string, fn func(n int)) {
	if p < 0 {
		return
	}
	list := d.Member(p, name)
	if list == tree.None || d.Nodes[list].Kind != tree.Array {
		return
	}
	for c := d.First(list); c != tree.None; c = d.Sibling(c) {
		fn(c)
	}
}
