package validate

import (
	"strings"

	"github.com/ward-health/ward/clinical/fhir/definition"
	"github.com/ward-health/ward/clinical/fhir/tree"
)

// plan is what there is to do with values of one type beyond their structure.
type plan struct {
	typ     *definition.Type
	rules   []*invariant // of the type
	members []member
	table   []uint16 // open addressing by hash: index into members plus 1, 0 = free
	mask    uint32
	special special
}

// special types have code of their own.
type special uint8

const (
	plain special = iota
	specialExtension
	specialReference
	specialCoding
	specialAttachment
	specialIdentifier
	specialQuantity
	specialText // string and markdown
	specialURI
)

var specials = map[string]special{"Extension": specialExtension, "Reference": specialReference, "Coding": specialCoding, "Attachment": specialAttachment, "Identifier": specialIdentifier, "Quantity": specialQuantity, "Age": specialQuantity, "Duration": specialQuantity, "Count": specialQuantity, "Distance": specialQuantity, "SimpleQuantity": specialQuantity, "MoneyQuantity": specialQuantity,

	"string": specialText, "markdown": specialText, "uri": specialURI, "url": specialURI, "canonical": specialURI}

// member is what one JSON member name means.
type member struct {
	name     string
	hash     uint32
	elem     *definition.Element
	typ      *definition.Type
	plan     *plan // of the values; nil of a resource of any type
	partner  int   // index of "_x" of x and the other way round, -1 = none
	rules    []*invariant
	binding  *binding
	targets  *targets
	profiles []string // of a complex type, of which one is met: SimpleQuantity
	extra    bool     // "_x"
	extends  bool     // extension or modifierExtension
	resource bool     // the values are resources
	ident    bool     // the id of an element
	idle     bool     // nothing in the values is looked at
}

// find returns the member at tape node n, nil if the type has none of that name.
func (p *plan) find(d *tree.Doc, n int) *member {
	if len(p.table) == 0 {
		return nil
	}
	hash := d.Nodes[n].Hash
	for i := hash & p.mask; ; i = (i + 1) & p.mask {
		k := p.table[i]
		if k == 0 {
			return nil
		}
		if m := &p.members[k-1]; m.hash == hash && d.NameIs(n, m.name) {
			return m
		}
	}
}

// plan returns the plan of a type.
func (v *Validator) plan(t *definition.Type) *plan {
	if p, ok := v.plans.Load(t); ok {
		return p.(*plan)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	fresh := map[*definition.Type]*plan{}
	p := v.compile(t, fresh)
	for t, p := range fresh {
		v.plans.Store(t, p)
	}
	return p
}

// compile makes the plan of a type and of all that it is made of, under the lock.
func (v *Validator) compile(t *definition.Type, fresh map[*definition.Type]*plan) *plan {
	if p, ok := v.plans.Load(t); ok {
		return p.(*plan)
	}
	if p := fresh[t]; p != nil {
		return p
	}
	p := &plan{typ: t, rules: v.invariants(t.Constraints), special: specials[t.Name]}
	fresh[t] = p
	t.Members(func(m *definition.Member) {
		c := member{name: m.Name, hash: tree.Hash(m.Name), elem: m.Element, typ: m.Type, extra: m.Extra, partner: -1}
		if c.extra {
			c.plan = v.compile(m.Type, fresh)
			c.name = m.Name
			p.members = append(p.members, c)
			return
		}
		c.resource = m.Type.Kind == definition.Resource
		if !c.resource {
			c.plan = v.compile(m.Type, fresh)
		}
		c.rules = v.invariants(m.Element.Constraints)
		c.binding = v.baseBinding(m.Element.Binding)
		c.extends = m.Type.Name == "Extension" && (m.Element.Name == "extension" || m.Element.Name == "modifierExtension")
		if m.Element.Content == nil && m.Ordinal < len(m.Element.Types) {
			c.targets = newTargets(m.Element.Types[m.Ordinal])
			if !c.extends {
				c.profiles = m.Element.Types[m.Ordinal].Profiles
			}
		}
		if m.Type.Kind == definition.Primitive {
			c.ident = c.name == "id" && t.Kind != definition.Resource && t.Name != "ElementDefinition" // its ids are paths

			c.idle = !c.ident && len(c.rules) == 0 && c.binding == nil && c.targets == nil && len(c.plan.rules) == 0 && c.plan.special == plain
		}
		p.members = append(p.members, c)
	})
	for i := range p.members {
		for k := range p.members {
			if p.members[k].name == "_"+p.members[i].name {
				p.members[i].partner, p.members[k].partner = k, i
			}
		}
	}
	p.index()
	return p
}

// index builds the table, at most half full.
func (p *plan) index() {
	size := 4
	for size < 2*len(p.members) {
		size *= 2
	}
	p.table, p.mask = make([]uint16, size), uint32(size-1)
	for i := range p.members {
		at := p.members[i].hash & p.mask
		for p.table[at] != 0 {
			at = (at + 1) & p.mask
		}
		p.table[at] = uint16(i + 1)
	}
}

// elementOf returns the element of t with the name, which may be that of a JSON member of a choice ("valueQuantity"), and the type if the name says it.
func elementOf(t *definition.Type, name string) (*definition.Element, *definition.Type) {
	name = strings.TrimSuffix(name, "[x]")
	for _, e := range t.Elements {
		if e.Name == name {
			return e, nil
		}
	}
	if m := t.Member(name); m != nil && !m.Extra {
		return m.Element, m.Type
	}
	return nil, nil
}
