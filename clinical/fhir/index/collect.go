package index

import (
	"math"

	"github.com/ward-health/ward/clinical/fhir/structure"
	"github.com/ward-health/ward/clinical/fhir/tree"
)

// MaxValues bounds the search values of one resource.
const MaxValues = 20_000

// Collector takes values out of one resource after another. The zero Collector is ready.
type Collector struct {
	Values []Value
	More   bool // there were more than MaxValues, or finding them took too long

	d     *tree.Doc
	root  int
	t     *Table
	text  []byte // what values point to that does not stand in the resource
	group int32
	steps int       // that may still be taken where work is not linear in the size of the resource
	parts [][]Value // scratch of composites
}

// maxSteps bounds the work of composites and of references to contained resources in one resource.
const maxSteps = 1 << 20

// step reports whether there is leave for n more steps.
func (c *Collector) step(n int) bool {
	if c.steps < n {
		c.steps, c.More = 0, true
		return false
	}
	c.steps -= n
	return true
}

// reader takes the values of one kind from a node.
type reader func(c *Collector, n int, m *emit)

// Collect takes the values of a resource (at node root) at the hits of a Check with the table's Watch. They are in c.Values until the next
// Collect.
func (c *Collector) Collect(t *Table, d *tree.Doc, root int, hits []structure.Hit) {
	c.Values, c.More, c.text, c.group, c.steps = c.Values[:0], false, c.text[:0], 0, maxSteps
	c.d, c.t, c.root = d, t, root
	for i := range t.roots {
		t.roots[i].read(c, root, &t.roots[i])
	}
	for _, h := range hits {
		list := t.marks[h.Mark]
		for i := range list {
			if m := &list[i]; len(m.tests) == 0 || c.holds(h.Node, m.tests) {
				m.read(c, h.Node, m)
			}
		}
	}
}

// Forget lets go of the resource and wipes what was copied out of it.
func (c *Collector) Forget() {
	clear(c.Values[:cap(c.Values)])
	clear(c.text[:cap(c.text)])
	for i := range c.parts {
		clear(c.parts[i][:cap(c.parts[i])])
	}
	c.d, c.t, c.Values, c.text = nil, nil, c.Values[:0], c.text[:0]
}

// add appends a value of m; the caller fills it.
func (c *Collector) add(m *emit) *Value {
	if len(c.Values) >= MaxValues {
		c.More = true
		c.Values = c.Values[:MaxValues-1]
	}
	c.Values = append(c.Values, Value{Param: m.param, Kind: m.kind})
	return &c.Values[len(c.Values)-1]
}

// holds reports whether all conditions hold for the value at node n.
func (c *Collector) holds(n int, tests []upTest) bool {
	for i := range tests {
		t := &tests[i]
		at := n
		for range t.up {
			at = c.owner(at)
		}
		switch t.kind {
		case testEquals:
			if string(c.member(at, t.member)) != t.value {
				return false
			}
		case testIndex:
			if !c.isItem(at, t.index) {
				return false
			}
		case testResolve:
			if string(c.targetType(at)) != t.is {
				return false
			}
		}
	}
	return true
}

// isItem reports whether node n is item k of its array; what does not repeat is item 0.
func (c *Collector) isItem(n, k int) bool {
	up := int(c.d.Nodes[n].Parent)
	if c.d.Nodes[up].Kind != tree.Array {
		return k == 0
	}
	at := up + 1
	for ; k > 0 && at != tree.None; k-- {
		at = c.d.Sibling(at)
	}
	return at == n
}

// owner is the object that the value at node n is a member of, be it within an array.
func (c *Collector) owner(n int) int {
	up := int(c.d.Nodes[n].Parent)
	if c.d.Nodes[up].Kind == tree.Array {
		up = int(c.d.Nodes[up].Parent)
	}
	return up
}

// member returns the text of a string member, nil if there is none.
func (c *Collector) member(n int, name string) []byte {
	at := c.d.Member(n, name)
	if at == tree.None || c.d.Nodes[at].Kind != tree.String {
		return nil
	}
	return c.string(at)
}

// string returns the text of the string at node n.
func (c *Collector) string(n int) []byte {
	v := &c.d.Nodes[n]
	raw := c.d.Src[v.Start+1 : v.End-1]
	if v.Flag&tree.Escaped == 0 {
		return raw
	}
	from := len(c.text)
	c.text = tree.AppendUnescaped(c.text, raw)
	return c.text[from:len(c.text):len(c.text)]
}

func (c *Collector) isString(n int) bool { return n != tree.None && c.d.Nodes[n].Kind == tree.String }

// truthOf reads whether one of the members of the root is there and not false.
func truthOf(names []string) reader {
	return func(c *Collector, n int, m *emit) {
		code := falseText
		for _, name := range names {
			if at := c.d.Member(n, name); at != tree.None && c.d.Nodes[at].Kind != tree.False {
				code = trueText
			}
		}
		c.token(m, nil, code)
	}
}

var trueText, falseText = []byte("true"), []byte("false")

var infinite = math.Inf(1)

// readerOf is how values of a kind are taken from a type, nil if they are not.
func readerOf(k Kind, p path) reader {
	if k == Reference && p.leaf.Name == "Resource" {
		return (*Collector).inline
	}
	for t := p.leaf; t != nil; t = t.Base {
		if r := readers[k][t.Name]; r != nil {
			return r
		}
	}
	return nil
}

var readers = [...]map[string]reader{
	Token: {
		"code": (*Collector).code, "Coding": (*Collector).coding, "CodeableConcept": (*Collector).concept, "Identifier": (*Collector).identifier,
		"ContactPoint": (*Collector).contact, "boolean": (*Collector).boolean, "string": (*Collector).plain, "uri": (*Collector).plain,
	},
	Reference: {"Reference": (*Collector).reference, "canonical": (*Collector).canonical, "uri": (*Collector).canonical},
	Date: {
		"date": (*Collector).date, "dateTime": (*Collector).date, "instant": (*Collector).date, "Period": (*Collector).period, "Timing": (*Collector).timing,
	},
	String: {
		"string": (*Collector).folded, "HumanName": (*Collector).words, "Address": (*Collector).words, "CodeableConcept": (*Collector).conceptText,
	},
	Quantity: {
		"Quantity": (*Collector).quantity, "Money": (*Collector).money, "Range": (*Collector).rangeOf, "SampledData": (*Collector).sampled,
	},
	Number:    {"integer": (*Collector).number, "decimal": (*Collector).number, "Range": (*Collector).rangeOf},
	URI:       {"uri": (*Collector).plain},
	Composite: {},
}
