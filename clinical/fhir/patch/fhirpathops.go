package patch

import (
	"slices"
	"strings"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/clinical/fhir/definition"
	"github.com/ward-health/ward/clinical/fhir/tree"
	"github.com/ward-health/ward/clinical/fhirpath"
)

// opAdd adds a value under a name.
//
// SPEC(FHIR R4 fhirpatch.html): at the end of a list; an element that does not repeat must not be there yet.
func (f *fhirPatch) opAdd(at fhirpath.Node) error {
	name, ok := f.text(f.parts["name"], "valueString")
	if !ok {
		return f.invalid("the part name has a valueString")
	}
	t := f.holds(at)
	e := elementOf(t, name)
	if e == nil {
		return f.misfit(at, "there is no element of this name in "+t.Name)
	}
	member, v, err := f.value(f.parts["value"], e)
	if err != nil {
		return err
	}
	object, err := f.objectOf(at)
	switch {
	case err != nil:
		return err
	case object < 0:
		return f.addExtra(at, e, member, v)
	}
	if e.Array {
		items := f.items(object, member)
		return f.insert(object, member, items, len(items), v)
	}
	for _, one := range membersOf(t, e) {
		if f.doc.Member(object, one) != tree.None {
			return f.misfit(at, "the element "+e.Name+" is there already; use replace")
		}
	}
	return f.write(object, member, v)
}

// holds is the type that says which elements can be in a node: in a primitive, id and extensions.
func (f *fhirPatch) holds(at fhirpath.Node) *definition.Type {
	if at.Type.Kind == definition.Primitive {
		return f.element
	}
	return at.Type
}

// objectOf is the object of the elements in a node, negative if it is a primitive that has none. What an operation before has put there may be of
// another form.
func (f *fhirPatch) objectOf(at fhirpath.Node) (int, error) {
	object := at.Value
	if at.Type.Kind == definition.Primitive {
		object = at.Extra
	}
	if object >= 0 && f.doc.Nodes[object].Kind != tree.Object {
		return 0, f.misfit(at, "path names what is not an object of "+f.holds(at).Name)
	}
	return object, nil
}

// addExtra gives a primitive that has neither id nor extensions the one or the other.
func (f *fhirPatch) addExtra(at fhirpath.Node, e *definition.Element, member string, v fragment) error {
	text := v.value
	if e.Array {
		text = slices.Concat([]byte{'['}, text, []byte{']'})
	}
	p := f.place(at)
	object := slices.Concat([]byte{'{'}, quote(member), []byte{':'}, text, []byte{'}'})
	if p.index < 0 {
		return f.step.edited(f.setMember(p.object, "_"+p.name, object))
	}
	items := f.items(p.object, p.name)
	items[p.index].extra = object
	return f.store(p.object, p.name, items)
}

// opInsert puts a value into a list.
//
// SPEC(FHIR R4 fhirpatch.html): the position is from 0 to the length of the list.
func (f *fhirPatch) opInsert(path string, nodes []fhirpath.Node) error {
	index, err := f.number("index")
	if err != nil {
		return err
	}
	if len(nodes) == 0 {
		return f.insertFirst(path, index)
	}
	p, items, err := f.whole(nodes)
	if err != nil {
		return err
	}
	_, v, err := f.value(f.parts["value"], nodes[0].Element)
	if err != nil {
		return err
	}
	if index > len(items) {
		return f.misfit(nodes[0], "index is larger than the length of the list")
	}
	return f.insert(p.object, p.name, items, index, v)
}

// insertFirst makes a list that is not there yet: the path in front of its last name has to name what the list belongs to.
func (f *fhirPatch) insertFirst(path string, index int) error {
	dot := strings.LastIndexByte(path, '.')
	if dot < 0 || !plainName(path[dot+1:]) || index != 0 {
		return f.step.fail(ward.Unprocessable, "path names no list in the resource", "")
	}
	nodes, err := f.eval(path[:dot])
	if err != nil {
		return err
	}
	if len(nodes) != 1 {
		return f.step.fail(ward.Unprocessable, "path names no list in the resource", "")
	}
	at := nodes[0]
	e := elementOf(f.holds(at), path[dot+1:])
	if e == nil || !e.Array {
		return f.misfit(at, "path names no list in the resource")
	}
	member, v, err := f.value(f.parts["value"], e)
	if err != nil {
		return err
	}
	object, err := f.objectOf(at)
	switch {
	case err != nil:
		return err
	case object < 0:
		return f.addExtra(at, e, member, v)
	}
	return f.insert(object, member, nil, 0, v)
}

// opMove moves an item within its list.
func (f *fhirPatch) opMove(nodes []fhirpath.Node) error {
	from, err := f.number("source")
	if err != nil {
		return err
	}
	to, err := f.number("destination")
	if err != nil {
		return err
	}
	if len(nodes) == 0 {
		return f.step.fail(ward.Unprocessable, "path names nothing in the resource", "")
	}
	p, items, err := f.whole(nodes)
	if err != nil {
		return err
	}
	if from >= len(items) || to >= len(items) {
		return f.misfit(nodes[0], "source and destination are positions in the list, from 0")
	}
	item := items[from]
	items = slices.Insert(slices.Delete(items, from, from+1), to, item)
	return f.store(p.object, p.name, items)
}

// whole returns the list of which nodes are all items.
func (f *fhirPatch) whole(nodes []fhirpath.Node) (place, []fragment, error) {
	p := f.place(nodes[0])
	if p.index < 0 {
		return p, nil, f.misfit(nodes[0], "path names an element that is no list")
	}
	items := f.items(p.object, p.name)
	for i, n := range nodes {
		if q := f.place(n); q.object != p.object || q.name != p.name || q.index != i {
			return p, nil, f.misfit(nodes[0], "path has to name one list, all of it")
		}
	}
	if len(nodes) != len(items) {
		return p, nil, f.misfit(nodes[0], "path has to name one list, all of it")
	}
	return p, items, nil
}

// opReplace puts a value in the place of an element.
func (f *fhirPatch) opReplace(at fhirpath.Node) error {
	if at.Element == nil {
		return f.misfit(at, "the whole resource cannot be replaced")
	}
	member, v, err := f.value(f.parts["value"], at.Element)
	if err != nil {
		return err
	}
	p := f.place(at)
	switch {
	case p.index < 0 && member != p.name: // another type of a choice
		if err := f.write(p.object, p.name, fragment{}); err != nil {
			return err
		}
		return f.write(p.object, member, v)
	case p.index < 0:
		return f.write(p.object, member, v)
	case v.extra == nil && at.Value >= 0 && f.doc.Member(p.object, "_"+p.name) == tree.None:
		return f.step.edited(f.replace(at.Value, v.value))
	}
	items := f.items(p.object, p.name)
	items[p.index] = v
	return f.store(p.object, p.name, items)
}

// opDelete takes an element out, and what is left empty by it.
//
// SPEC(FHIR R4 json.html): objects and arrays are never empty.
func (f *fhirPatch) opDelete(at fhirpath.Node) error {
	if at.Element == nil {
		return f.misfit(at, "the whole resource cannot be deleted")
	}
	p := f.place(at)
	var err error
	switch {
	case p.index < 0:
		err = f.write(p.object, p.name, fragment{})
	case at.Extra < 0 && f.doc.Member(p.object, "_"+p.name) == tree.None && f.doc.Nodes[f.doc.Nodes[at.Value].Parent].Len > 1:
		return f.step.edited(f.cut(at.Value))
	default:
		items := f.items(p.object, p.name)
		err = f.store(p.object, p.name, slices.Delete(items, p.index, p.index+1))
	}
	if err != nil {
		return err
	}
	return f.prune(p.object)
}

// prune takes out object n if it is empty, and then what is around it if that is empty too.
func (f *fhirPatch) prune(n int) error {
	for n != 0 && f.doc.Nodes[n].Len == 0 {
		up := int(f.doc.Nodes[n].Parent)
		if f.doc.Nodes[up].Kind == tree.Object {
			if err := f.step.edited(f.cut(n)); err != nil {
				return err
			}
			n = up
			continue
		}
		object, member := int(f.doc.Nodes[up].Parent), f.doc.MemberName(up)
		var err error
		switch name, isExtra := strings.CutPrefix(member, "_"); {
		case isExtra: // null takes its place, so that the others stay beside their values; without a value of its own the item goes
			items, at := f.items(object, name), f.indexOf(n)
			if items[at].extra = nil; items[at].value == nil {
				if err := f.store(object, name, slices.Delete(items, at, at+1)); err != nil {
					return err
				}
				break
			}
			err = f.setMember(object, member, joined(items).extra)
		case f.doc.Nodes[up].Len > 1:
			err = f.cut(n)
		default:
			err = f.cut(up)
		}
		if err := f.step.edited(err); err != nil {
			return err
		}
		n = object
	}
	return nil
}
