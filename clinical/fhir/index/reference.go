package index

import (
	"bytes"

	"github.com/ward-health/ward/clinical/fhir/tree"
)

// reference takes a Reference: where it points, and its identifier.
func (c *Collector) reference(n int, m *emit) {
	if text := c.member(n, "reference"); len(text) > 0 && text[0] != '#' {
		c.target(text, m)
	}
	if at := c.d.Member(n, "identifier"); at != tree.None && c.d.Nodes[at].Kind == tree.Object {
		if value := c.member(at, "value"); value != nil {
			v := c.add(m)
			v.Form, v.System, v.Code = Identifier, c.member(at, "system"), value
		}
	}
}

func (c *Collector) target(text []byte, m *emit) {
	v := c.add(m)
	base, rt, id, version := splitReference(text)
	if rt == nil {
		v.Code = text
		return
	}
	v.Base, v.System, v.Code, v.Version = base, rt, id, version
}

// splitReference takes a literal reference apart: base is what stands before an absolute one's type. rt is nil if it has not the form of FHIR's
// REST.
//
// SPEC(FHIR R4 references.html#literal): ((http|https)://...)?[type]/[id](/_history/[version])?
func splitReference(text []byte) (base, rt, id, version []byte) {
	i := bytes.LastIndexByte(text, '/')
	if i <= 0 || i == len(text)-1 || bytes.IndexByte(text, '?') >= 0 || bytes.IndexByte(text, '#') >= 0 {
		return nil, nil, nil, nil
	}
	rest, id := text[:i], text[i+1:]
	if cut, ok := bytes.CutSuffix(rest, []byte("/_history")); ok {
		version = id
		if i = bytes.LastIndexByte(cut, '/'); i <= 0 || i == len(cut)-1 {
			return nil, nil, nil, nil
		}
		rest, id = cut[:i], cut[i+1:]
	}
	at := bytes.LastIndexByte(rest, '/')
	rt = rest[at+1:]
	if at >= 0 {
		base = rest[:at]
		if !bytes.HasPrefix(base, []byte("http://")) && !bytes.HasPrefix(base, []byte("https://")) {
			return nil, nil, nil, nil
		}
	}
	if !typeName(rt) || len(id) > 64 {
		return nil, nil, nil, nil
	}
	return base, rt, id, version
}

// typeName reports whether b looks like the name of a resource type.
func typeName(b []byte) bool {
	if len(b) == 0 || len(b) > 64 || b[0] < 'A' || b[0] > 'Z' {
		return false
	}
	for _, c := range b {
		if c|0x20 < 'a' || c|0x20 > 'z' {
			return false
		}
	}
	return true
}

// targetType is the type that a reference says it points to.
func (c *Collector) targetType(n int) []byte {
	if c.d.Nodes[n].Kind != tree.Object {
		return nil
	}
	text := c.member(n, "reference")
	if len(text) > 1 && text[0] == '#' {
		return c.containedType(text[1:])
	}
	if _, rt, _, _ := splitReference(text); rt != nil {
		return rt
	}
	return c.member(n, "type")
}

func (c *Collector) containedType(id []byte) []byte {
	list := c.d.Member(c.root, "contained")
	if list == tree.None || c.d.Nodes[list].Kind != tree.Array {
		return nil
	}
	for at := c.d.First(list); at != tree.None && c.step(1); at = c.d.Sibling(at) {
		if string(c.member(at, "id")) == string(id) {
			return c.member(at, "resourceType")
		}
	}
	return nil
}

// canonical takes a canonical or uri: its version stands behind '|'.
func (c *Collector) canonical(n int, m *emit) {
	if !c.isString(n) {
		return
	}
	v := c.add(m)
	v.Code = c.string(n)
	if i := bytes.LastIndexByte(v.Code, '|'); i >= 0 {
		v.Code, v.Version = v.Code[:i], v.Code[i+1:]
	}
}

// inline takes a resource that stands in the place of a reference to it (Bundle.entry.resource).
func (c *Collector) inline(n int, m *emit) {
	if c.d.Nodes[n].Kind != tree.Object {
		return
	}
	rt, id := c.member(n, "resourceType"), c.member(n, "id")
	if rt != nil && id != nil {
		v := c.add(m)
		v.System, v.Code = rt, id
	}
}
