package validate

import (
	"github.com/ward-health/ward/clinical/fhir/definition"
	"github.com/ward-health/ward/clinical/fhir/issue"
	"github.com/ward-health/ward/clinical/fhir/structure"
	"github.com/ward-health/ward/clinical/fhir/tree"
)

// walk looks at a value and all that is in it with the plan of its type.
func (r *runner) walk(v value, p *plan) {
	if !r.step() {
		return
	}
	for _, rule := range p.rules {
		r.invariant(rule, v)
	}
	object := v.node
	if p.typ.Kind == definition.Primitive {
		if v.node >= 0 {
			r.primitive(v, p)
		}
		return
	}
	d := r.doc
	if object < 0 || d.Nodes[object].Kind != tree.Object {
		return
	}
	switch p.special {
	case specialExtension:
		return // its members are walked when its definition is looked up
	case specialReference:
		r.refer(v)
	case specialCoding:
		r.coding(v)
	case specialAttachment:
		r.attachment(v)
	case specialQuantity:
		r.quantity(v)
	case specialIdentifier:
		r.identifier(v)
	}
	r.members(v, p)
}

// members looks at what is in an object.
func (r *runner) members(v value, p *plan) {
	d := r.doc
	for c := d.First(v.node); c != tree.None; c = d.Sibling(c) {
		m := p.find(d, c)
		switch {
		case m == nil || m.idle:
		case m.extra:
			r.beside(v, c, m, p)
		case d.Nodes[c].Kind == tree.Array:
			r.list(v, c, m, p)
		default:
			extra := -1
			if len(m.rules) > 0 && m.partner >= 0 {
				if x := r.partner(c, m, p); x != tree.None {
					extra = x
				}
			}
			r.item(v, c, extra, m)
		}
	}
}

func (r *runner) list(v value, list int, m *member, p *plan) {
	d := r.doc
	if len(m.rules) > 0 && m.partner >= 0 {
		from := len(r.vals)
		r.vals = r.items(r.vals, list, r.partner(list, m, p), m)
		for i := from; i < len(r.vals); i++ {
			r.item(v, r.vals[i].node, r.vals[i].extra, m)
		}
		r.vals = r.vals[:from]
		return
	}
	for c := d.First(list); c != tree.None; c = d.Sibling(c) {
		if d.Nodes[c].Kind != tree.Null {
			r.item(v, c, -1, m)
		}
	}
}

// beside looks at the id and the extensions of primitives.
func (r *runner) beside(v value, n int, m *member, p *plan) {
	d := r.doc
	x := &p.members[m.partner]
	alone := r.partner(n, m, p) == tree.None
	one := func(c int) {
		if d.Nodes[c].Kind != tree.Object {
			return
		}
		if m.elem.Name == "id" && v.typ.Kind == definition.Resource && d.Member(c, "extension") != tree.None {
			// SPEC(FHIR R4 resource.html#id): the logical id is a plain string without extensions.
			r.fail(c, "structure", IDExtensionPlace, "", "the id of a resource has no extensions")
		}
		if alone {
			for _, rule := range x.rules {
				r.invariant(rule, value{-1, c, x.typ, x.elem})
			}
		}
		r.walk(value{c, -1, x.typ, m.elem}, m.plan)
	}
	if d.Nodes[n].Kind != tree.Array {
		one(n)
		return
	}
	for c := d.First(n); c != tree.None; c = d.Sibling(c) {
		one(c)
	}
}

// item looks at one value of a member. parent is the object that it is in.
func (r *runner) item(parent value, n, extra int, m *member) {
	v := value{n, extra, m.typ, m.elem}
	if m.resource {
		r.nested(parent, n, m)
		return
	}
	for _, rule := range m.rules {
		r.invariant(rule, v)
	}
	if n < 0 {
		return
	}
	if m.ident {
		r.ident(n)
		return
	}
	if m.binding != nil {
		r.bound(v, m.binding, "")
	}
	if m.targets != nil {
		r.target(v, m.targets, "")
	}
	if m.extends {
		r.extension(parent, v, m)
		return
	}
	if len(m.profiles) > 0 {
		r.oneOf(v, m.profiles, "")
	}
	r.walk(v, m.plan)
}

// identifier checks the system of an Identifier.
//
// SPEC(FHIR R4 datatypes.html#Identifier.system): a URI that is absolute; with urn:ietf:rfc:3986 the value is a full URI itself.
func (r *runner) identifier(v value) {
	system := r.text(v.node, "system")
	if system == nil {
		return
	}
	if !absoluteURI(system) {
		r.fail(r.doc.Member(v.node, "system"), "value", IDSystem, "", "the system of an Identifier is an absolute URI")
		return
	}
	if text := r.text(v.node, "value"); text != nil && string(system) == "urn:ietf:rfc:3986" && !absoluteURI(text) {
		r.fail(r.doc.Member(v.node, "value"), "value", IDSystem, "", "the value of an Identifier of the system urn:ietf:rfc:3986 is a full URI")
	}
}

// ident notes the id of an element.
//
// SPEC(FHIR R4 element.html#id): unique within the resource.
func (r *runner) ident(n int) {
	if r.doc.Nodes[n].Kind != tree.String {
		return
	}
	if r.ids == nil {
		r.ids = map[elementID]bool{}
	}
	key := elementID{r.here().node, string(r.doc.Text(n))}
	if r.ids[key] {
		r.fail(n, "value", IDElementID, "", "the id of an element is unique within its resource")
	}
	r.ids[key] = true
}

// nested looks at a resource within a resource.
func (r *runner) nested(parent value, n int, m *member) {
	t := r.v.resourceType(r.doc, n)
	if t == nil {
		return
	}
	if len(r.scopes) > maxDepth {
		r.deep = true
		return
	}
	v := value{n, -1, t, m.elem}
	contained := m.elem.Name == "contained"
	entry := -1
	if parent.typ.Name == "Bundle.entry" {
		entry = parent.node
	}
	r.resource(v, entry, contained, nil)
}

// primitive looks at the text of a primitive.
func (r *runner) primitive(v value, p *plan) {
	switch p.special {
	case specialText:
		if r.v.o.ForbidMarkup && r.doc.Nodes[v.node].Kind == tree.String && markup(r.doc.Text(v.node)) {
			r.fail(v.node, "security", IDMarkup, "", "this text looks as if it had markup in it, which is not allowed here")
		}
	case specialURI:
		if r.doc.Nodes[v.node].Kind == tree.String && !goodURN(r.doc.Text(v.node)) {
			r.fail(v.node, "value", structure.IDPrimitive, "", "urn:uuid: is followed by a UUID, urn:oid: by an OID")
		}
		if r.v.o.ForbidExamples && r.doc.Nodes[v.node].Kind == tree.String && exampleURL(r.doc.Text(v.node)) {
			r.fail(v.node, "business-rule", IDExample, "", "a URL of a domain that is for examples is not allowed here")
		}
		if p.typ.Name == "canonical" {
			r.canonical(v)
		}
	}
}

// severityOf is that of an invariant or binding by its word.
func severityOf(word string) issue.Severity {
	if word == "warning" {
		return issue.Warning
	}
	return issue.Error
}
