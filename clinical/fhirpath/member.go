package fhirpath

import (
	"sync"

	"github.com/ward-health/ward/clinical/fhir/definition"
	"github.com/ward-health/ward/clinical/fhir/tree"
)

// members are the elements of a type as a path finds them.
type members struct {
	byName map[string]*memberOf
	all    []*memberOf
	byHash map[uint32][]jsonMember
}

// jsonMember is what a JSON member name of a type means.
type jsonMember struct {
	name  string
	of    *memberOf
	typ   *definition.Type
	under string // the member with id and extensions of a primitive, "" if there is none
	value string // of "_birthDate" it is "birthDate", else ""
}

// json finds a JSON member of d, nil if the type has none of its name.
func (m *members) json(d *tree.Doc, c int) *jsonMember {
	list := m.byHash[d.Nodes[c].Hash]
	for i := range list {
		if d.NameIs(c, list[i].name) {
			return &list[i]
		}
	}
	return nil
}

// addJSON adds the JSON members of an element.
func (m *members) addJSON(k *memberOf) {
	add := func(name, under string, t *definition.Type) {
		h := tree.Hash(name)
		if t == nil || t.Kind != definition.Primitive {
			m.byHash[h] = append(m.byHash[h], jsonMember{name: name, of: k, typ: t})
			return
		}
		m.byHash[h] = append(m.byHash[h], jsonMember{name: name, of: k, typ: t, under: under})
		h = tree.Hash(under)
		m.byHash[h] = append(m.byHash[h], jsonMember{name: under, of: k, typ: t, value: name})
	}
	if k.choices == nil {
		add(k.name, k.extra, k.typ)
	}
	for i := range k.choices {
		add(k.choices[i].name, k.choices[i].extra, k.choices[i].typ)
	}
}

// memberOf says how the JSON of an element is found in the object that it is a member of.
type memberOf struct {
	name, extra         string // "birthDate", "_birthDate"
	hash, extraHash     uint32
	elem                *definition.Element
	typ                 *definition.Type // nil of a choice
	primitive, resource bool
	choices             []choice
}

type choice struct {
	name, extra     string // "valueQuantity", "_valueQuantity"
	hash, extraHash uint32
	typ             *definition.Type
}

var tables sync.Map // *definition.Type -> *members

// membersOf returns the table of a type, which is made once.
func membersOf(t *definition.Type) *members {
	if m, ok := tables.Load(t); ok {
		return m.(*members)
	}
	m := &members{byName: map[string]*memberOf{}, byHash: map[uint32][]jsonMember{}}
	for _, e := range t.Elements {
		if t.Kind == definition.Primitive && e.Name == "value" {
			continue // it is the node itself
		}
		k := newMember(e)
		m.byName[e.Name] = k
		m.all = append(m.all, k)
		m.addJSON(k)
	}
	stored, _ := tables.LoadOrStore(t, m)
	return stored.(*members)
}

func newMember(e *definition.Element) *memberOf {
	m := &memberOf{name: e.Name, extra: "_" + e.Name, elem: e, typ: e.Content}
	m.hash, m.extraHash = tree.Hash(m.name), tree.Hash(m.extra)
	if e.Choice {
		for _, ref := range e.Types {
			name := e.Name + upperFirst(ref.Type.Name)
			m.choices = append(m.choices, choice{name, "_" + name, tree.Hash(name), tree.Hash("_" + name), ref.Type})
		}
		return m
	}
	if m.typ == nil && len(e.Types) > 0 {
		m.typ = e.Types[0].Type
	}
	if m.typ != nil {
		m.primitive = m.typ.Kind == definition.Primitive
		m.resource = m.typ.Kind == definition.Resource
	}
	return m
}

func upperFirst(s string) string {
	if s != "" && s[0] >= 'a' && s[0] <= 'z' {
		return string(s[0]-0x20) + s[1:]
	}
	return s
}

// member returns how an element of t is found, nil if t has none of that name.
func member(t *definition.Type, name string) *memberOf {
	if t == nil {
		return nil
	}
	return membersOf(t).byName[name]
}

// object returns the index of the object that the members of v are in, -1 if it has none.
func (v *Value) object() int {
	if v.kind != KindNode {
		return -1
	}
	if i := v.value(); i >= 0 && v.doc.Nodes[i].Kind == tree.Object {
		return i
	}
	return v.extra()
}

// find looks the element up among the members of object obj; -1 is what is not there.
func (m *memberOf) find(d *tree.Doc, obj int) (value, extra int, t *definition.Type) {
	value, extra, t = -1, -1, m.typ
	if m.choices != nil {
		return m.choose(d, obj)
	}
	nodes := d.Nodes
	for c, k := obj+1, nodes[obj].Len; k > 0; k-- {
		n := &nodes[c]
		if n.Hash == m.hash && d.NameIs(c, m.name) {
			value = c
			if !m.primitive || extra >= 0 {
				return value, extra, t
			}
		} else if m.primitive && n.Hash == m.extraHash && d.NameIs(c, m.extra) {
			extra = c
			if value >= 0 {
				return value, extra, t
			}
		}
		c = int(n.Next)
	}
	return value, extra, t
}

// choose finds the member of a choice that is there; of several the first.
func (m *memberOf) choose(d *tree.Doc, obj int) (value, extra int, t *definition.Type) {
	value, extra = -1, -1
	nodes := d.Nodes
	for c, k := obj+1, nodes[obj].Len; k > 0; k-- {
		n := &nodes[c]
		if int(n.NameLen) > len(m.name) {
			m.try(d, c, &value, &extra, &t)
		}
		c = int(n.Next)
	}
	return value, extra, t
}

func (m *memberOf) try(d *tree.Doc, c int, value, extra *int, t **definition.Type) {
	n := &d.Nodes[c]
	raw := d.Src[n.Name : n.Name+uint32(n.NameLen)]
	under := raw[0] == '_'
	if under {
		raw = raw[1:]
	}
	if n.Flag&tree.NameEscaped == 0 && (len(raw) < len(m.name) || string(raw[:len(m.name)]) != m.name) {
		return
	}
	for i := range m.choices {
		ch := &m.choices[i]
		switch {
		case *t != nil && *t != ch.typ:
		case ch.hash == n.Hash && d.NameIs(c, ch.name):
			*value, *t = c, ch.typ
			return
		case ch.extraHash == n.Hash && d.NameIs(c, ch.extra):
			*extra, *t = c, ch.typ
			return
		}
	}
}

// each calls f for the children of v that the element has.
func (m *memberOf) each(v *Value, set *definition.Set, f func(*Value) error) error {
	obj := v.object()
	if obj < 0 {
		return nil
	}
	it := items{m: m, doc: v.doc, set: set}
	it.begin(v.doc, obj)
	var c Value
	for it.next(&c) {
		if err := f(&c); err != nil {
			return err
		}
	}
	return nil
}

// items goes through the children that an element has, pairing the items of "given" with those of "_given".
type items struct {
	m            *memberOf
	doc          *tree.Doc
	set          *definition.Set
	typ          *definition.Type
	kind         Kind
	value, extra int  // the next of each, -1 = no more
	vUp, eUp     bool // they are items of an array
}

func (it *items) begin(d *tree.Doc, obj int) {
	it.value, it.extra, it.typ = it.m.find(d, obj)
	it.open(d)
}

// open goes into the arrays of what was found.
func (it *items) open(d *tree.Doc) {
	if it.value < 0 && it.extra < 0 {
		return
	}
	it.kind = primitiveKind(it.typ)
	it.value, it.vUp = enter(d, it.value)
	it.extra, it.eUp = enter(d, it.extra)
}

// enter goes into an array.
func enter(d *tree.Doc, n int) (first int, array bool) {
	if n < 0 || d.Nodes[n].Kind != tree.Array {
		return n, false
	}
	if d.Nodes[n].Len == 0 {
		return -1, true
	}
	return n + 1, true
}

func step(d *tree.Doc, n int, array bool) int {
	if n < 0 || !array {
		return -1
	}
	if n = d.Sibling(n); n == tree.None {
		return -1
	}
	return n
}

// next makes the next child, or returns false.
func (it *items) next(c *Value) bool {
	d := it.doc
	for it.value >= 0 || it.extra >= 0 {
		v, e, t := it.value, it.extra, it.typ
		it.value, it.extra = step(d, v, it.vUp), step(d, e, it.eUp)
		if v >= 0 && d.Nodes[v].Kind == tree.Null {
			v = -1
		}
		if e >= 0 && d.Nodes[e].Kind != tree.Object {
			e = -1
		}
		if v < 0 && e < 0 {
			continue
		}
		if it.m.resource {
			if t = resourceType(d, v, it.set); t == nil {
				continue
			}
		}
		c.kind, c.sub, c.doc, c.typ, c.elem = KindNode, uint8(it.kind), d, t, it.m.elem
		c.num = int64(uint32(int32(v))) | int64(e)<<32
		return true
	}
	return false
}

// primitiveKind is the System type that the primitive type t converts to, 0 if t is not primitive.
//
// SPEC(FHIR R4 fhirpath.html#types): boolean; string, uri, code, oid, id, uuid, markdown, base64Binary and theirs; integer, unsignedInt and
// positiveInt; decimal; date; dateTime and instant; time.
func primitiveKind(t *definition.Type) Kind {
	if t == nil || t.Kind != definition.Primitive {
		return 0
	}
	switch t.Name {
	case "boolean":
		return KindBoolean
	case "integer", "unsignedInt", "positiveInt":
		return KindInteger
	case "decimal":
		return KindDecimal
	case "date":
		return KindDate
	case "dateTime", "instant":
		return KindDateTime
	case "time":
		return KindTime
	}
	return KindString
}
