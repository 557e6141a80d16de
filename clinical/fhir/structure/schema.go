package structure

import (
	"fmt"
	"maps"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/ward-health/ward/clinical/fhir/definition"
	"github.com/ward-health/ward/clinical/fhir/tree"
)

// Schema is the compiled form of a Set's types. Types are compiled when they first occur.
type Schema struct {
	set    *definition.Set
	sorts  atomic.Pointer[map[string]*sort] // of resources, by name
	mu     sync.Mutex                       // held while compiling
	byType map[*definition.Type]*sort
	codes  map[string]*codeSet // by the canonical URL of the value set; nil: not known whole
}

// New returns a Schema of the set.
func New(set *definition.Set) *Schema {
	s := &Schema{set: set, byType: map[*definition.Type]*sort{}, codes: map[string]*codeSet{}}
	s.sorts.Store(&map[string]*sort{})
	return s
}

// Set returns what the Schema was compiled from.
func (s *Schema) Set() *definition.Set { return s.set }

// special kinds of types that need more than their table.
type special uint8

const (
	plain special = iota
	resource
	anyResource // the value is a resource of any type
	extension
	refs  // Reference
	bound // Coding, CodeableConcept, Quantity: what a binding looks into
	period
)

// sort is a compiled type.
type sort struct {
	def       *definition.Type
	name      string
	form      form // of a primitive
	special   special
	members   []member
	table     []uint16 // open addressing by hash: index into members plus 1, 0 = free
	mask      uint32
	elements  []element
	required  set
	concept   bool // CodeableConcept
	contained int  // index of the member contained, -1 = none
	// places in members of an Extension's parts
	url, value, extension uint8
}

// set is a set of elements of one type.
type set [2]uint64

const maxElements = 128

func (b *set) add(i uint8)      { b[i>>6] |= 1 << (i & 63) }
func (b *set) has(i uint8) bool { return b[i>>6]&(1<<(i&63)) != 0 }

// element is what the members of one element have in common.
type element struct {
	name     string // as an expression shows it
	choice   bool
	min, max int
}

// member is what one JSON member name means.
type member struct {
	name    string
	hash    uint32
	partner uint16 // of "x" the index of "_x" plus 1, and the other way round; 0 = none
	element uint8
	array   bool
	extra   bool // "_x"
	sort    *sort
	codes   *codeSet // of a required binding to a value set that is known whole
	suffix  string   // of a choice: the name of the type
	role    role
}

// role of a member whose text needs more than its form.
type role uint8

const (
	roleNone      role = iota
	roleReference      // Reference.reference
	roleCanonical      // may name a contained resource, which must be there
	roleURI            // may name a contained resource
	roleContained      // DomainResource.contained
)

// find returns the index of a member of t, -1 if there is none.
func (t *sort) find(hash uint32, name []byte) int {
	for i := hash & t.mask; ; i = (i + 1) & t.mask {
		k := t.table[i]
		if k == 0 {
			return -1
		}
		if m := &t.members[k-1]; m.hash == hash && m.name == string(name) {
			return int(k - 1)
		}
	}
}

// resource returns the compiled type of a resource, nil if there is no such concrete resource type.
func (s *Schema) resource(name []byte) *sort {
	if t := (*s.sorts.Load())[string(name)]; t != nil {
		return t
	}
	def := s.set.Type(string(name))
	if def == nil || def.Kind != definition.Resource || def.Abstract || def.Name != string(name) {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.compile(def)
	all := maps.Clone(*s.sorts.Load())
	all[def.Name] = t
	s.sorts.Store(&all)
	return t
}

// compile returns the compiled type, under the lock.
func (s *Schema) compile(def *definition.Type) *sort {
	if t := s.byType[def]; t != nil {
		return t
	}
	t := &sort{def: def, name: def.Name, special: specialOf(def), concept: def.Name == "CodeableConcept", contained: -1}
	s.byType[def] = t
	if def.Kind == definition.Primitive {
		t.form = formOf(def)
	}
	if t.special == anyResource {
		t.table = make([]uint16, 1)
		return t
	}
	for _, e := range def.Elements {
		s.addElement(t, e)
	}
	t.index()
	return t
}

func specialOf(def *definition.Type) special {
	switch {
	case def.Kind == definition.Resource && def.Abstract:
		return anyResource
	case def.Kind == definition.Resource:
		return resource
	}
	for t := def; t != nil; t = t.Base {
		switch t.Name {
		case "Extension":
			return extension
		case "Reference":
			return refs
		case "Period":
			return period
		case "Coding", "CodeableConcept", "Quantity":
			return bound
		}
	}
	return plain
}

// formOf is the form of a primitive; one that is not in the table has that of what it derives from.
func formOf(def *definition.Type) form {
	for t := def; t != nil; t = t.Base {
		if f, ok := forms[t.Name]; ok {
			return f
		}
	}
	return formString
}

func (s *Schema) addElement(t *sort, e *definition.Element) {
	if t.def.Kind == definition.Primitive && e.Name == "value" {
		return
	}
	if len(t.elements) == maxElements {
		panic(fmt.Sprintf("structure: %s has more than %d elements", t.name, maxElements))
	}
	n := uint8(len(t.elements))
	switch e.Name {
	case "url":
		t.url = n
	case "value":
		t.value = n
	case "extension":
		t.extension = n
	}
	t.elements = append(t.elements, element{name: e.Name, choice: e.Choice, min: e.Min, max: e.Max})
	if e.Min > 0 {
		t.required.add(n)
	}
	codes := s.binding(e.Binding)
	if e.Content != nil {
		t.add(member{name: e.Name, element: n, array: e.Array, sort: s.compile(e.Content)})
		return
	}
	for _, ref := range e.Types {
		m := member{name: e.Name, element: n, array: e.Array, sort: s.compile(ref.Type), codes: codes}
		if t.special == resource && e.Name == "id" {
			m.sort = s.compile(s.set.Type("id")) // the definitions say string, the text says id
		}
		if e.Choice {
			m.suffix = ref.Type.Name
			m.name += strings.ToUpper(m.suffix[:1]) + m.suffix[1:]
		}
		m.role = roleOf(t, &m, ref.Type)
		t.add(m)
		if m.role == roleContained {
			t.contained = len(t.members) - 1
		}
		if ref.Type.Kind == definition.Primitive && m.sort.form != formXHTML && !e.XMLAttr {
			t.add(member{name: "_" + m.name, element: n, array: e.Array, extra: true, sort: s.extraSort(), suffix: m.suffix})
			k := len(t.members)
			t.members[k-1].partner, t.members[k-2].partner = uint16(k-1), uint16(k)
		}
	}
}

func roleOf(t *sort, m *member, value *definition.Type) role {
	switch {
	case t.special == refs && m.name == "reference":
		return roleReference
	case t.special == resource && m.name == "contained":
		return roleContained
	case value.Name == "canonical":
		return roleCanonical
	case value.Name == "uri" || value.Name == "url":
		return roleURI
	}
	return roleNone
}

// extraSort is the type of "_x".
func (s *Schema) extraSort() *sort { return s.compile(s.set.Type("Element")) }

func (t *sort) add(m member) {
	m.hash = tree.Hash(m.name)
	t.members = append(t.members, m)
}

// index builds the table, at most half full.
func (t *sort) index() {
	size := 4
	for size < 2*len(t.members) {
		size *= 2
	}
	t.table, t.mask = make([]uint16, size), uint32(size-1)
	for i := range t.members {
		at := t.members[i].hash & t.mask
		for t.table[at] != 0 {
			at = (at + 1) & t.mask
		}
		t.table[at] = uint16(i + 1)
	}
}
