package fhirpath

import (
	"strconv"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/clinical/fhir/definition"
	"github.com/ward-health/ward/clinical/fhir/tree"
)

// Node is one element of a resource as FHIRPath sees it: the value and the extensions of a primitive are one node.
type Node struct {
	Doc     *tree.Doc
	Value   int                 // index of the value; -1 = not there (null, or nothing but extensions)
	Extra   int                 // index of the object of the "_" member with id and extensions; -1 = not there
	Type    *definition.Type    // of the value: of a choice the one that is there, of a resource its own
	Element *definition.Element // nil at the root
}

// Root returns the node of the resource that doc holds. It is ward.Invalid if the text is no object with a resourceType that set has.
func Root(doc *tree.Doc, set *definition.Set) (Node, error) {
	n := Node{Doc: doc, Extra: -1}
	if len(doc.Nodes) == 0 || doc.Nodes[0].Kind != tree.Object {
		return n, ward.E(ward.Invalid, "fhirpath.root", "a resource is a JSON object", nil)
	}
	if n.Type = resourceType(doc, 0, set); n.Type == nil {
		return n, ward.E(ward.Invalid, "fhirpath.root", "a resource has a resourceType that is defined", nil)
	}
	return n, nil
}

const resourceTypeName = "resourceType"

var resourceTypeHash = tree.Hash(resourceTypeName)

// resourceType returns the type that object n says it is, nil if it says none that set has.
func resourceType(doc *tree.Doc, n int, set *definition.Set) *definition.Type {
	if set == nil {
		return nil
	}
	for c := doc.First(n); c != tree.None; c = doc.Sibling(c) {
		if doc.Nodes[c].Hash == resourceTypeHash && doc.NameIs(c, resourceTypeName) {
			if doc.Nodes[c].Kind != tree.String {
				return nil
			}
			t := set.Type(string(doc.Text(c)))
			if t == nil || t.Kind != definition.Resource || t.Abstract {
				return nil
			}
			return t
		}
	}
	return nil
}

// Item returns n as a Value, which is none if n is the zero Node.
func (n Node) Item() Value {
	if n.Doc == nil {
		return Value{}
	}
	return node(n.Doc, n.Value, n.Extra, n.Type, n.Element)
}

func node(doc *tree.Doc, value, extra int, t *definition.Type, e *definition.Element) Value {
	return Value{kind: KindNode, sub: uint8(primitiveKind(t)), num: int64(uint32(int32(value))) | int64(extra)<<32, doc: doc, typ: t, elem: e}
}

func (v *Value) value() int { return int(int32(v.num)) }
func (v *Value) extra() int { return int(v.num >> 32) }

// Node returns the element that v is; ok is false if v is of the namespace System.
func (v Value) Node() (n Node, ok bool) {
	if v.kind != KindNode {
		return Node{Value: -1, Extra: -1}, false
	}
	return Node{Doc: v.doc, Value: v.value(), Extra: v.extra(), Type: v.typ, Element: v.elem}, true
}

// Children appends to dst the children of n with the name, which is that of the element ("value", not "valueQuantity").
func (n Node) Children(dst []Node, set *definition.Set, name string) []Node {
	v := n.Item()
	m := member(n.Type, name)
	if m == nil {
		return dst
	}
	_ = m.each(&v, set, func(c *Value) error {
		k, _ := c.Node()
		dst = append(dst, k)
		return nil
	})
	return dst
}

// Text returns the text of a primitive's value, nil if it has none. It points into the text of the resource where nothing is escaped.
func (n Node) Text() []byte {
	if n.Value < 0 || n.Doc.Nodes[n.Value].Kind == tree.Object || n.Doc.Nodes[n.Value].Kind == tree.Array {
		return nil
	}
	return n.Doc.Text(n.Value)
}

// index is that of the value, or of the extensions where there is none.
func (n Node) index() int {
	if n.Value >= 0 {
		return n.Value
	}
	return n.Extra
}

// Path returns where n is: "Patient.name[0].given[1]". Positions are given in arrays only.
func (n Node) Path() string {
	if n.Doc == nil || n.index() < 0 {
		return ""
	}
	return string(appendPath(nil, n.Doc, n.index()))
}

func appendPath(b []byte, d *tree.Doc, n int) []byte {
	if n == 0 {
		if c := d.Member(0, resourceTypeName); c != tree.None {
			return append(b, d.Text(c)...)
		}
		return b
	}
	up := int(d.Nodes[n].Parent)
	b = appendPath(b, d, up)
	if d.Nodes[up].Kind == tree.Array {
		at := 0
		for c := d.First(up); c != n && c != tree.None; c = d.Sibling(c) {
			at++
		}
		return append(strconv.AppendInt(append(b, '['), int64(at), 10), ']')
	}
	name := d.MemberName(n)
	if name != "" && name[0] == '_' {
		name = name[1:]
	}
	return append(append(b, '.'), name...)
}

// Resource returns the resource that n is in, which is n itself where it is one.
func (n Node) Resource(set *definition.Set) Node {
	for i := n.index(); i >= 0; i = int(n.Doc.Nodes[i].Parent) {
		if n.Doc.Nodes[i].Kind == tree.Object {
			if t := resourceType(n.Doc, i, set); t != nil {
				return Node{Doc: n.Doc, Value: i, Extra: -1, Type: t}
			}
		}
		if i == 0 {
			break
		}
	}
	return Node{Value: -1, Extra: -1}
}

// container is the resource that n is contained in, n itself if it is in no "contained".
func (n Node) container(set *definition.Set) Node {
	if n.Doc == nil || n.index() <= 0 {
		return n
	}
	up := int(n.Doc.Nodes[n.index()].Parent)
	if n.Doc.Nodes[up].Kind != tree.Array || !n.Doc.NameIs(up, "contained") {
		return n
	}
	r := Node{Doc: n.Doc, Value: int(n.Doc.Nodes[up].Parent), Extra: -1}.Resource(set)
	if r.Doc == nil {
		return n
	}
	return r.container(set)
}
