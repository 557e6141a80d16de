package structure

import (
	"math/bits"
	"strconv"

	"github.com/ward-health/ward/clinical/fhir/issue"
	"github.com/ward-health/ward/clinical/fhir/moment"
	"github.com/ward-health/ward/clinical/fhir/tree"
)

// Checker checks one resource after another. Its results are valid until the next Check. The zero Checker is ready.
type Checker struct {
	Issues []issue.Issue
	More   bool  // there was more to say than the bound of Issues
	Refs   []Ref // references in the order of the text, those in contained resources and extensions included
	Hits   []Hit // what the Watch asked for, in the order of the text

	schema *Schema
	doc    *tree.Doc
	max    int
	locals []local        // what begins with '#' in the resource that is being read
	text   []byte         // scratch of unescaped strings
	items  []item         // scratch: the contained resources of the resource that ends
	byID   map[string]int // of items, when they are many
}

// Ref is a Reference.reference.
type Ref struct {
	Node int // of the string; its object is the parent
}

// Options of a Check.
type Options struct {
	Max   int    // issues that are kept, 0 = DefaultMax
	Watch *Watch // of the type of the resource (Schema.Watch), nil = nothing is watched
	Node  int    // the resource; 0 = the whole text
}

// Check walks the resource of a parsed text and reports whether it has no error. What was found is in the fields of c.
func (c *Checker) Check(s *Schema, doc *tree.Doc, o Options) bool {
	c.schema, c.doc, c.max = s, doc, o.Max
	if c.max <= 0 {
		c.max = DefaultMax
	}
	c.Issues, c.Refs, c.Hits, c.More, c.locals = c.Issues[:0], c.Refs[:0], c.Hits[:0], false, c.locals[:0]
	c.resource(o.Node, o.Watch)
	return len(c.Issues) == 0
}

// Forget lets go of the resource and wipes what was copied out of it. Issues, Refs and Hits are gone.
func (c *Checker) Forget() {
	clear(c.text[:cap(c.text)])
	clear(c.Issues)
	c.schema, c.doc, c.byID, c.text = nil, nil, nil, c.text[:0]
	c.Issues, c.Refs, c.Hits = c.Issues[:0], c.Refs[:0], c.Hits[:0]
}

// Type returns the type of the resource at node n as its resourceType says, "" if there is none that is known.
func (s *Schema) Type(doc *tree.Doc, n int) string {
	at := doc.Member(n, "resourceType")
	if at == tree.None || doc.Nodes[at].Kind != tree.String {
		return ""
	}
	if t := s.resource(doc.Text(at)); t != nil {
		return t.name
	}
	return ""
}

// typeOf finds the compiled type of a resource, or says why there is none.
func (c *Checker) typeOf(n int) *sort {
	d := c.doc
	if d.Nodes[n].Kind != tree.Object {
		c.wrongKind(n, "a resource (an object)")
		return nil
	}
	at := d.Member(n, "resourceType")
	switch {
	case at == tree.None:
		c.report(n, "structure", IDTypeMissing, "a resource needs a resourceType")
		return nil
	case d.Nodes[at].Kind != tree.String:
		c.wrongKind(at, "a string")
		return nil
	}
	t := c.schema.resource(d.Text(at))
	if t == nil {
		c.report(at, "structure", IDTypeUnknown, "the name of a resource type of FHIR R4 was expected")
	}
	return t
}

// resource checks a resource that is not contained: contained ones of its own and what refers to them are looked at when it ends.
func (c *Checker) resource(n int, w *Watch) {
	t := c.typeOf(n)
	if t == nil {
		return
	}
	mark := len(c.locals)
	c.object(n, t, w)
	if len(c.locals) > mark || t.contained >= 0 {
		c.settle(n, t, mark)
	}
	c.locals = c.locals[:mark]
}

// object checks an object of type t.
func (c *Checker) object(n int, t *sort, w *Watch) {
	d := c.doc
	nodes := d.Nodes
	if nodes[n].Kind != tree.Object {
		c.wrongKind(n, "an object")
		return
	}
	// SPEC(FHIR R4 json.html#null, ele-1): an object is never empty.
	if nodes[n].Len == 0 {
		c.report(n, "structure", IDJSONEmpty, "an object may not be empty; leave the element out")
		return
	}
	var seen set
	at := n + 1
	for k := nodes[n].Len; k > 0; k-- {
		v := &nodes[at]
		name := d.Src[v.Name : v.Name+uint32(v.NameLen)]
		if v.Flag&tree.NameEscaped != 0 {
			name = tree.AppendUnescaped(nil, name)
		}
		if i := t.find(v.Hash, name); i >= 0 {
			m := &t.members[i]
			if seen.has(m.element) && t.elements[m.element].choice {
				c.choice(n, at, t, m)
			}
			seen.add(m.element)
			var next *Watch
			if w != nil && w.next != nil {
				next = w.next[i]
			}
			c.member(at, t, m, next)
		} else if t.special != resource || string(name) != "resourceType" {
			c.unknown(at, t)
		}
		at = int(v.Next)
	}
	if low, high := t.required[0]&^seen[0], t.required[1]&^seen[1]; low|high != 0 {
		c.missing(n, t, set{low, high})
	}
	switch t.special {
	case extension:
		c.extension(n, t, &seen)
	case period:
		c.period(n)
	}
}

// member checks the value of a member by its cardinality.
func (c *Checker) member(n int, t *sort, m *member, w *Watch) {
	v := &c.doc.Nodes[n]
	if !m.array {
		if v.Kind == tree.Array {
			c.report(n, "structure", IDJSONSingle, "one value was expected here, not an array: this element does not repeat")
			return
		}
		if v.Kind == tree.Null {
			c.report(n, "structure", IDJSONNull, "null is allowed in arrays of primitives only; leave the element out")
			return
		}
		c.value(n, m, w)
		return
	}
	switch {
	case v.Kind == tree.Null:
		c.report(n, "structure", IDJSONNull, "null is allowed in arrays of primitives only; leave the element out")
		return
	case v.Kind != tree.Array:
		c.report(n, "structure", IDJSONArray, "an array was expected here: this element repeats")
		c.value(n, m, w)
		return
	case v.Len == 0:
		c.report(n, "structure", IDJSONEmpty, "an array may not be empty; leave the element out")
		return
	}
	if most := t.elements[m.element].max; most > 0 && int(v.Len) > most {
		c.report(n, "structure", IDMax, "at most "+strconv.Itoa(most)+" values are allowed here")
	}
	if m.role == roleContained {
		c.contained(n)
		return
	}
	nulls := 0
	at := n + 1
	for k := v.Len; k > 0; k-- {
		item := &c.doc.Nodes[at]
		if item.Kind == tree.Null {
			nulls++
			if m.partner == 0 {
				c.report(at, "structure", IDJSONNull, "null is allowed in arrays of primitives only")
			}
		} else {
			c.value(at, m, w)
		}
		at = int(item.Next)
	}
	if m.partner != 0 && (nulls > 0 || m.extra) {
		c.align(n, t, m)
	}
}

// value checks one value.
func (c *Checker) value(n int, m *member, w *Watch) {
	if w != nil && w.mark != 0 {
		c.Hits = append(c.Hits, Hit{Node: n, Mark: int(w.mark)})
	}
	switch {
	case m.extra:
		c.object(n, m.sort, nil)
	case m.sort.form != 0:
		c.primitive(n, m)
	case m.sort.special == anyResource:
		c.resource(n, nil)
	default:
		c.object(n, m.sort, w)
		if m.codes != nil && m.sort.special == bound {
			c.bound(n, m)
		}
	}
}

// unknown reports a member that the type does not have.
func (c *Checker) unknown(n int, t *sort) {
	c.reportAt(n, int(c.doc.Nodes[n].Name)-1, "structure", IDElementUnknown, t.name+" has no such element")
}

// missing reports the elements of a set.
//
// SPEC(FHIR R4 conformance-rules.html#cardinality): an element with a minimum of 1 must be there, with a value or extensions.
func (c *Checker) missing(n int, t *sort, s set) {
	for half, word := range s {
		for ; word != 0; word &= word - 1 {
			e := &t.elements[half*64+bits.TrailingZeros64(word)]
			name := e.name
			if e.choice {
				name += "[x]"
			}
			c.report(n, "required", IDMin, name+" is required here")
		}
	}
}

// choice reports a second type of a choice. The value and the extensions of one type are no second.
//
// SPEC(FHIR R4 formats.html#choice): an element with a choice of types has one of them only.
func (c *Checker) choice(parent, n int, t *sort, m *member) {
	d := c.doc
	for at := d.First(parent); at != tree.None && at < n; at = d.Sibling(at) {
		i := t.find(d.Nodes[at].Hash, []byte(d.MemberName(at)))
		if i >= 0 && t.members[i].element == m.element && uint16(i+1) != m.partner {
			c.reportAt(n, int(d.Nodes[n].Name)-1, "structure", IDChoice, t.elements[m.element].name+"[x] may have one type only")
			return
		}
	}
}

// extension checks the form of an extension.
//
// SPEC(FHIR R4 extensibility.html#Extension, ext-1): a value or extensions, not both.
func (c *Checker) extension(n int, t *sort, seen *set) {
	switch value, more := seen.has(t.value), seen.has(t.extension); {
	case value && more:
		c.report(n, "structure", IDExtension, "an extension has a value or extensions, not both")
	case !value && !more:
		c.report(n, "structure", IDExtension, "an extension needs a value or extensions")
	}
}

// period checks the order of a Period's ends.
//
// SPEC(FHIR R4 datatypes.html#Period, per-1): start is not after end; ends of unlike precision may overlap.
func (c *Checker) period(n int) {
	d := c.doc
	start, end := d.Member(n, "start"), d.Member(n, "end")
	if start == tree.None || end == tree.None || d.Nodes[start].Kind != tree.String || d.Nodes[end].Kind != tree.String {
		return
	}
	lo, _, ok := moment.Parse(d.Text(start), moment.DateTime)
	_, hi, ok2 := moment.Parse(d.Text(end), moment.DateTime)
	if ok && ok2 && lo >= hi {
		c.report(n, "invariant", IDPeriod, "a period may not end before it starts")
	}
}

func (c *Checker) wrongKind(n int, want string) {
	c.report(n, "structure", IDJSONKind, want+" was expected here, not "+kindName(c.doc.Nodes[n].Kind))
}

func kindName(k tree.Kind) string {
	return [...]string{"", "null", "a boolean", "a boolean", "a number", "a string", "an object", "an array"}[k&7]
}
