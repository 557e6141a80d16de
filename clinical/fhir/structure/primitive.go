package structure

import (
	"unicode/utf8"

	"github.com/ward-health/ward/clinical/fhir/tree"
)

// primitive checks the value of a primitive.
func (c *Checker) primitive(n int, m *member) {
	v := &c.doc.Nodes[n]
	f := m.sort.form
	if want := f.kind(); v.Kind != want && (want != tree.True || v.Kind != tree.False) {
		c.wrongKind(n, wanted(want))
		return
	}
	text := c.doc.Src[v.Start:v.End]
	if v.Kind == tree.String {
		text = text[1 : len(text)-1]
		if v.Flag&tree.Escaped != 0 {
			c.text = tree.AppendUnescaped(c.text[:0], text)
			text = c.text
		}
		// SPEC(FHIR R4 json.html#primitive): a string is never empty.
		if len(text) == 0 {
			c.report(n, "structure", IDJSONEmpty, "a string may not be empty; leave the element out")
			return
		}
		if f == formXHTML {
			c.narrative(n, text)
			return
		}
		// SPEC(FHIR R4 datatypes.html#string): at most 1 MiB of characters.
		if len(text) > maxText && (f == formString || f == formMarkdown) && utf8.RuneCount(text) > maxText {
			c.report(n, "too-long", IDLength, "a string has at most 1,048,576 characters")
		}
	}
	if !f.holds(text) {
		c.report(n, "value", IDPrimitive, expected[f])
		return
	}
	if m.codes != nil && !m.codes.has(nil, text, true) {
		c.notInSet(n, m, "a code out of ")
	}
	if m.role != roleNone {
		c.refer(n, m, text)
	}
}

func (c *Checker) narrative(n int, text []byte) {
	problem, at := xhtml(text)
	if problem == "" {
		return
	}
	offset := int(c.doc.Nodes[n].Start) + 1 + at
	if c.doc.Nodes[n].Flag&tree.Escaped != 0 {
		offset = int(c.doc.Nodes[n].Start)
	}
	c.reportAt(n, offset, "invalid", IDNarrative, "the narrative is not as it should be; expected "+problem)
}

func wanted(k tree.Kind) string {
	switch k {
	case tree.True:
		return "true or false"
	case tree.Number:
		return "a number"
	}
	return "a string"
}

// align checks an array of primitives that has nulls, or an array of "_x", against its partner. An array that is shorter than the other counts as
// if nulls followed.
//
// SPEC(FHIR R4 json.html#primitive): nulls fill both arrays so that values and extensions of one index belong together; a null has something at
// its index in the other array.
func (c *Checker) align(n int, t *sort, m *member) {
	d := c.doc
	partner := t.members[m.partner-1].name
	b := tree.None
	if other := d.Member(int(d.Nodes[n].Parent), partner); other != tree.None && d.Nodes[other].Kind == tree.Array {
		b = d.First(other)
	}
	for a := d.First(n); a != tree.None; a = d.Sibling(a) {
		// Two nulls are said once, at the value.
		if d.Nodes[a].Kind == tree.Null && (b == tree.None || d.Nodes[b].Kind == tree.Null && !m.extra) {
			c.report(a, "structure", IDJSONNull, "null needs a value or extensions at the same place of "+partner)
		}
		if b != tree.None {
			b = d.Sibling(b)
		}
	}
}
