package structure

import (
	"bytes"
	"slices"

	"github.com/ward-health/ward/clinical/fhir/tree"
)

// local is a text that begins with '#'.
type local struct {
	node int
	must bool // it has to resolve
}

// refer looks at a reference, canonical or uri.
func (c *Checker) refer(n int, m *member, text []byte) {
	if m.role == roleReference {
		c.Refs = append(c.Refs, Ref{Node: n})
		if !c.schema.reference(text) {
			c.report(n, "value", IDReference, "a reference is Type/id, Type/id/_history/version, an absolute URL, #id, or Type?search")
			return
		}
	}
	if len(text) > 0 && text[0] == '#' {
		c.locals = append(c.locals, local{node: n, must: m.role != roleURI})
	}
}

// reference reports whether text has the form of a reference.
//
// SPEC(FHIR R4 references.html#literal): relative, [type]/[id](/_history/[vid]), absolute, or a fragment. SPEC(http.html#trules): in
// transactions also a search, [type]?[parameters].
func (s *Schema) reference(text []byte) bool {
	if !isURI(text) {
		return false
	}
	if text[0] == '#' {
		return len(text) == 1 || isID(text[1:])
	}
	i := bytes.IndexAny(text, "/?:#")
	switch {
	case i <= 0:
		return false
	case text[i] == ':':
		return absolute(text, i)
	case text[i] == '#' || s.resource(text[:i]) == nil:
		return false
	case text[i] == '?':
		return len(text) > i+1
	}
	id := text[i+1:]
	if k := bytes.IndexByte(id, '/'); k >= 0 {
		const history = "/_history/"
		if rest := id[k:]; len(rest) < len(history) || string(rest[:len(history)]) != history || !isID(rest[len(history):]) {
			return false
		}
		id = id[:k]
	} else if k := bytes.IndexByte(id, '#'); k >= 0 {
		id = id[:k]
	}
	return isID(id)
}

// absolute checks a URL whose scheme ends at i.
func absolute(text []byte, i int) bool {
	scheme, rest := text[:i], text[i+1:]
	for _, b := range scheme {
		if (b|0x20 < 'a' || b|0x20 > 'z') && (b < '0' || b > '9') && b != '+' && b != '-' && b != '.' {
			return false
		}
	}
	switch string(scheme) {
	case "http", "https":
		return len(rest) > 2 && rest[0] == '/' && rest[1] == '/' && rest[2] != '/'
	}
	return len(rest) > 0
}

// contained checks the resources that are contained in another.
//
// SPEC(FHIR R4 references.html#contained, dom-2): contained resources have an id, and do not contain resources themselves.
func (c *Checker) contained(n int) {
	d := c.doc
	for at := d.First(n); at != tree.None; at = d.Sibling(at) {
		if d.Nodes[at].Kind == tree.Null {
			c.report(at, "structure", IDJSONNull, "null is allowed in arrays of primitives only")
			continue
		}
		t := c.typeOf(at)
		if t == nil {
			continue
		}
		if deep := d.Member(at, "contained"); deep != tree.None {
			c.report(deep, "structure", IDContainedIn, "a contained resource may not contain resources")
			continue
		}
		if d.Member(at, "id") == tree.None {
			c.report(at, "required", IDContainedID, "a contained resource needs an id")
		}
		c.object(at, t, nil)
	}
}

// settle looks at what refers to contained resources and what does not.
//
// SPEC(FHIR R4 references.html#contained, dom-3): a fragment names a contained resource of this container or the container itself; each
// contained resource is referred to from elsewhere in the container, or refers to the container.
func (c *Checker) settle(n int, t *sort, mark int) {
	d := c.doc
	list := tree.None
	if t.contained >= 0 {
		if list = d.Member(n, "contained"); list != tree.None && d.Nodes[list].Kind != tree.Array {
			list = tree.None
		}
	}
	c.items = c.items[:0]
	if list != tree.None {
		c.gather(list)
	}
	for i := mark; i < len(c.locals); i++ {
		l := &c.locals[i]
		around := itemAround(d, list, l.node)
		if d.Nodes[l.node].End-d.Nodes[l.node].Start == 3 { // "#": the container
			if at := c.itemAt(around); at >= 0 {
				c.items[at].named = true
			}
			continue
		}
		switch at := c.itemNamed(l.node); {
		case at < 0 && l.must:
			c.report(l.node, "not-found", IDLocal, "this names a contained resource that is not there")
		case at >= 0 && c.items[at].node != around:
			c.items[at].named = true
		}
	}
	for i := range c.items {
		if it := &c.items[i]; !it.named && !it.deep {
			c.report(it.node, "structure", IDContainedUnref, "a contained resource is referred to from the resource that contains it, or refers to it")
		}
	}
}

// item is a contained resource that has an id.
type item struct {
	node, id int
	named    bool // it is referred to, or refers to the container
	deep     bool // it contains resources
}

const manyItems = 32 // from here on ids are found through a map

// gather lists the contained resources that have ids of their own.
func (c *Checker) gather(list int) {
	d := c.doc
	c.byID = nil
	if d.Nodes[list].Len > manyItems {
		c.byID = make(map[string]int, d.Nodes[list].Len)
	}
	for at := d.First(list); at != tree.None; at = d.Sibling(at) {
		id := d.Member(at, "id")
		if id == tree.None || d.Nodes[id].Kind != tree.String {
			continue
		}
		if c.find(d.Text(id)) >= 0 {
			c.report(id, "duplicate", IDContainedTwice, "each contained resource has an id of its own")
			continue
		}
		if c.byID != nil {
			c.byID[string(d.Text(id))] = len(c.items)
		}
		c.items = append(c.items, item{node: at, id: id, deep: d.Member(at, "contained") != tree.None})
	}
}

// find returns the item with an id, -1 if there is none.
func (c *Checker) find(id []byte) int {
	if c.byID != nil {
		if at, ok := c.byID[string(id)]; ok {
			return at
		}
		return -1
	}
	for i := range c.items {
		if string(c.doc.Text(c.items[i].id)) == string(id) {
			return i
		}
	}
	return -1
}

// itemNamed returns the item that the text of node n, "#id", names, -1 if there is none.
func (c *Checker) itemNamed(n int) int { return c.find(c.doc.Text(n)[1:]) }

// itemAt returns the item whose resource is node n, -1 if there is none.
func (c *Checker) itemAt(n int) int {
	at, ok := slices.BinarySearchFunc(c.items, n, func(it item, n int) int { return it.node - n })
	if !ok {
		return -1
	}
	return at
}

// itemAround returns the item of list that node n lies in, None if it lies in none.
func itemAround(d *tree.Doc, list, n int) int {
	if list == tree.None || n <= list || n >= int(d.Nodes[list].Next) {
		return tree.None
	}
	for int(d.Nodes[n].Parent) != list {
		n = int(d.Nodes[n].Parent)
	}
	return n
}
