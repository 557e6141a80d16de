package structure

import (
	"bytes"

	"github.com/ward-health/ward/clinical/fhir/tree"
)

// local is a text that begins with '#'.
type local struct {
	node int
	must bool // it has to resolve
	used bool
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
	case "urn":
		const oid, uuid = "urn:oid:", "urn:uuid:"
		switch {
		case bytes.HasPrefix(text, []byte(oid)):
			return isOID(text)
		case bytes.HasPrefix(text, []byte(uuid)):
			return isUUIDAnyCase(text)
		}
	}
	return len(rest) > 0
}

// isUUIDAnyCase is isUUID with capital letters too: references of many systems have them, and identity of URNs ignores case (RFC 4122).
func isUUIDAnyCase(b []byte) bool {
	const head = len("urn:uuid:")
	if len(b) != head+36 {
		return false
	}
	var low [head + 36]byte
	copy(low[:], b)
	for i := head; i < len(low); i++ {
		if low[i] >= 'A' && low[i] <= 'F' {
			low[i] |= 0x20
		}
	}
	return isUUID(low[:])
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
	if list == tree.None && len(c.locals) == mark {
		return
	}
	var byID map[string]int
	if list != tree.None {
		byID = make(map[string]int, d.Nodes[list].Len)
		for at := d.First(list); at != tree.None; at = d.Sibling(at) {
			id := d.Member(at, "id")
			if id == tree.None || d.Nodes[id].Kind != tree.String {
				continue
			}
			text := string(d.Text(id))
			if _, there := byID[text]; there {
				c.report(id, "duplicate", IDContainedOrder, "each contained resource has an id of its own")
				continue
			}
			byID[text] = at
		}
	}
	c.resolve(byID, list, mark)
}

// resolve ties what begins with '#' to contained resources.
func (c *Checker) resolve(byID map[string]int, list, mark int) {
	d := c.doc
	named := make(map[int]bool, len(byID))
	for _, l := range c.locals[mark:] {
		id := string(d.Text(l.node)[1:])
		at, there := byID[id]
		switch {
		case id == "":
			if up := itemAround(d, list, l.node); up != tree.None {
				named[up] = true
			}
		case there && itemAround(d, list, l.node) != at:
			named[at] = true
		case !there && l.must:
			c.report(l.node, "not-found", IDLocal, "this names a contained resource that is not there")
		}
	}
	if list == tree.None {
		return
	}
	for at := d.First(list); at != tree.None; at = d.Sibling(at) {
		if !named[at] && d.Member(at, "id") != tree.None && d.Member(at, "contained") == tree.None {
			c.report(at, "structure", IDContainedUnref, "a contained resource is referred to from the resource that contains it, or refers to it")
		}
	}
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
