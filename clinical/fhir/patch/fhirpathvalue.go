package patch

import (
	"bytes"
	"slices"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/clinical/fhir/definition"
	"github.com/ward-health/ward/clinical/fhir/tree"
	"github.com/ward-health/ward/clinical/fhirpath"
)

// fragment is the JSON of one element: its value, and of a primitive its id and extensions. nil: there is none.
type fragment struct{ value, extra []byte }

// place says which member of which object a node is, and its position if the member is a list (-1 if not).
type place struct {
	object int
	name   string // without the underscore
	index  int
}

func (f *fhirPatch) place(n fhirpath.Node) place {
	at, extra := n.Value, false
	if at < 0 {
		at, extra = n.Extra, true
	}
	p := place{index: -1}
	holder := at
	if up := int(f.doc.Nodes[at].Parent); f.doc.Nodes[up].Kind == tree.Array {
		p.index, holder = f.indexOf(at), up
	}
	p.object, p.name = int(f.doc.Nodes[holder].Parent), f.doc.MemberName(holder)
	if extra {
		p.name = p.name[1:]
	}
	return p
}

// indexOf is the position of item n in its array.
func (f *fhirPatch) indexOf(n int) (index int) {
	for c := f.doc.First(int(f.doc.Nodes[n].Parent)); c != n; c = f.doc.Sibling(c) {
		index++
	}
	return index
}

// items are the items of a list, which may be not there.
func (f *fhirPatch) items(object int, name string) []fragment {
	var list []fragment
	for _, extra := range []bool{false, true} {
		member := name
		if extra {
			member = "_" + name
		}
		array := f.doc.Member(object, member)
		if array == tree.None || f.doc.Nodes[array].Kind != tree.Array {
			continue
		}
		i := 0
		for c := f.doc.First(array); c != tree.None; c = f.doc.Sibling(c) {
			if i == len(list) {
				list = append(list, fragment{})
			}
			if f.doc.Nodes[c].Kind != tree.Null {
				if extra {
					list[i].extra = bytes.Clone(f.doc.Raw(c))
				} else {
					list[i].value = bytes.Clone(f.doc.Raw(c))
				}
			}
			i++
		}
	}
	return list
}

// insert puts an item into a list: by one splice where no item has an id or extensions.
func (f *fhirPatch) insert(object int, name string, items []fragment, index int, v fragment) error {
	array := f.doc.Member(object, name)
	if array != tree.None && f.doc.Nodes[array].Kind == tree.Array && v.extra == nil && f.doc.Member(object, "_"+name) == tree.None {
		return f.step.edited(f.editor.insert(array, index, v.value))
	}
	return f.store(object, name, slices.Insert(items, index, v))
}

// store writes a list; without items it is not there.
func (f *fhirPatch) store(object int, name string, items []fragment) error {
	return f.write(object, name, joined(items))
}

// joined is a list of items: values, and ids and extensions beside them.
//
// SPEC(FHIR R4 json.html#primitive): null stands where an item has no value, or neither id nor extensions.
func joined(items []fragment) fragment {
	var values, extras [][]byte
	anyValue, anyExtra := false, false
	null := []byte("null")
	for _, item := range items {
		v, x := null, null
		if item.value != nil {
			v, anyValue = item.value, true
		}
		if item.extra != nil {
			x, anyExtra = item.extra, true
		}
		values, extras = append(values, v), append(extras, x)
	}
	whole := func(there bool, list [][]byte) []byte {
		if !there {
			return nil
		}
		return slices.Concat([]byte{'['}, bytes.Join(list, []byte{','}), []byte{']'})
	}
	return fragment{whole(anyValue, values), whole(anyExtra, extras)}
}

// write writes both members of an element, or takes out what is nil.
func (f *fhirPatch) write(object int, name string, v fragment) error {
	if err := f.step.edited(f.setMember(object, name, v.value)); err != nil {
		return err
	}
	return f.step.edited(f.setMember(object, "_"+name, v.extra))
}

func (f *fhirPatch) setMember(object int, name string, value []byte) error {
	m := f.doc.Member(object, name)
	switch {
	case m != tree.None && value != nil:
		return f.replace(m, value)
	case m != tree.None:
		return f.cut(m)
	case value != nil:
		return f.add(object, quote(name), value)
	}
	return nil
}

// elementOf is the element of a type by its name ("value", also "valueQuantity"), nil if there is none.
func elementOf(t *definition.Type, name string) *definition.Element {
	for _, e := range t.Elements {
		if e.Name == name {
			return e
		}
	}
	if m := t.Member(name); m != nil && !m.Extra {
		return m.Element
	}
	return nil
}

// membersOf are the JSON names of an element, of every type of a choice and with an underscore too.
func membersOf(t *definition.Type, e *definition.Element) (list []string) {
	t.Members(func(m *definition.Member) {
		if m.Element == e {
			list = append(list, m.Name)
		}
	})
	return list
}

// value reads the value at a part as one of an element and returns the JSON name that it has there.
//
// SPEC(FHIR R4 fhirpatch.html): the type of the value is one of the element, else it is an error; an element without a type of its own, or of a type that
// Parameters does not take, is given by parts.
func (f *fhirPatch) value(part int, e *definition.Element) (member string, v fragment, err error) {
	if inner := f.list.Member(part, "part"); inner != tree.None {
		return f.built(inner, e)
	}
	if r := f.list.Member(part, "resource"); r != tree.None {
		name, _ := f.text(r, "resourceType")
		return f.typed(e, f.set.Type(name), fragment{value: f.list.Raw(r)})
	}
	var t *definition.Type
	for c := f.list.First(part); c != tree.None; c = f.list.Sibling(c) {
		m := f.parameter.Member(f.list.MemberName(c))
		if m == nil || m.Element.Name != "value" {
			continue
		}
		if m.Extra {
			v.extra = f.list.Raw(c)
			m = f.parameter.Member(m.Name[1:])
		} else {
			v.value = f.list.Raw(c)
		}
		if t != nil && t != m.Type {
			return "", v, f.invalid("a part has one value")
		}
		t = m.Type
	}
	if t == nil {
		return "", v, f.invalid("the part value has a value, parts or a resource")
	}
	return f.typed(e, t, v)
}

// typed checks that an element takes a type.
//
// SPEC(FHIR R4 element.html, extensibility.html): the id of an element and the url of an extension have neither an id nor extensions.
func (f *fhirPatch) typed(e *definition.Element, t *definition.Type, v fragment) (string, fragment, error) {
	if e.XMLAttr && v.extra != nil {
		return "", v, f.step.fail(ward.Unprocessable, "the element "+e.Name+" has neither an id nor extensions", plainPath(e.Path))
	}
	if t != nil && e.Content == nil {
		for _, ref := range e.Types {
			fits := ref.Type == t || ref.Type.Name == "Resource" && t.Is(ref.Type) || ref.Type.Name == "xhtml" && t.Name == "string" // Parameters has no value of type xhtml
			if !fits {
				continue
			}
			if e.Choice {
				return e.Name + definition.Suffix(t.Name), v, nil
			}
			return e.Name, v, nil
		}
	}
	return "", v, f.step.fail(ward.Unprocessable, "the value is not of a type that the element "+e.Name+" takes", plainPath(e.Path))
}

// built makes the value of an element of parts.
func (f *fhirPatch) built(parts int, e *definition.Element) (string, fragment, error) {
	t := e.Content
	if t == nil && len(e.Types) == 1 {
		t = e.Types[0].Type
	}
	if t == nil || t.Kind == definition.Primitive || t.Kind == definition.Resource || f.list.Nodes[parts].Kind != tree.Array {
		return "", fragment{}, f.invalid("parts make an element of one type that has elements itself")
	}
	type entry struct {
		name  string
		array bool
		items []fragment
	}
	var entries []*entry
	for p := f.list.First(parts); p != tree.None; p = f.list.Sibling(p) {
		name, _ := f.text(p, "name")
		inner := elementOf(t, name)
		if inner == nil {
			return "", fragment{}, f.step.fail(ward.Unprocessable, "there is no element of this name in "+t.Name, plainPath(e.Path))
		}
		member, v, err := f.value(p, inner)
		if err != nil {
			return "", v, err
		}
		at := slices.IndexFunc(entries, func(x *entry) bool { return x.name == member })
		if at < 0 {
			at = len(entries)
			entries = append(entries, &entry{name: member, array: inner.Array})
		}
		if entries[at].items = append(entries[at].items, v); len(entries[at].items) > 1 && !inner.Array {
			return "", v, f.step.fail(ward.Unprocessable, "the element "+inner.Name+" is given twice", plainPath(inner.Path))
		}
	}
	if len(entries) == 0 {
		return "", fragment{}, f.invalid("the part value has a value, parts or a resource")
	}
	var out [][]byte
	put := func(name string, value []byte) { out = append(out, slices.Concat(quote(name), []byte{':'}, value)) }
	for _, x := range entries {
		v := x.items[0]
		if x.array {
			v = joined(x.items)
		}
		if v.value != nil {
			put(x.name, v.value)
		}
		if v.extra != nil {
			put("_"+x.name, v.extra)
		}
	}
	return e.Name, fragment{value: slices.Concat([]byte{'{'}, bytes.Join(out, []byte{','}), []byte{'}'})}, nil
}
