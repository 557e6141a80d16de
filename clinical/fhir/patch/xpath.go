package patch

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/ward-health/ward/clinical/fhir/xmltree"
)

// selector is a location path of the subset of XPath that XML Patch has.
//
// SPEC(RFC 5261 section 4.1): child steps by name or *, with positions and tests for equality, and at the end perhaps an attribute, text, a
// comment or a namespace declaration.
type selector struct {
	steps []nodeTest
	last  target
	name  xmltree.Name // of the attribute; Local is the prefix of a namespace declaration
}

// target says what the end of a selector names.
type target uint8

const (
	anElement target = iota
	anAttribute
	aNamespace
	aText
	aComment
)

type nodeTest struct {
	kind   xmltree.Kind
	name   xmltree.Name
	any    bool // *
	filter []predicate
}

// predicate is a position from 1, or a test for equality of what path (and attribute) name in the node with text.
type predicate struct {
	position  int
	path      []nodeTest
	attribute *xmltree.Name
	text      string
}

const maxSelector = 4096

// selectorParser reads a selector; prefix resolves prefixes as the patch document declares them.
type selectorParser struct {
	s      string
	i      int
	prefix func(string) (string, bool)
}

type selectorError string

func (e selectorError) Error() string { return string(e) }

func (p *selectorParser) fail(want string) error {
	return selectorError(fmt.Sprintf("sel, character %d: %s was expected", p.i+1, want))
}

func parseSelector(s string, prefix func(string) (string, bool)) (selector, error) {
	p := selectorParser{s: s, prefix: prefix}
	var sel selector
	if len(s) > maxSelector {
		return sel, selectorError(fmt.Sprintf("sel has more than %d bytes", maxSelector))
	}
	p.space()
	p.take("/")
	for {
		end, err := p.step(&sel)
		if err != nil {
			return sel, err
		}
		p.space()
		switch more := p.take("/"); {
		case !more && p.i < len(p.s):
			return sel, p.fail("/ or the end")
		case !more:
			return sel, nil
		case end:
			return sel, p.fail("the end")
		}
	}
}

// step reads one step; end reports that none can follow.
func (p *selectorParser) step(sel *selector) (end bool, err error) {
	p.space()
	switch {
	case p.take("@"):
		sel.last = anAttribute
		sel.name, err = p.name(false)
		return true, err
	case p.take("namespace::"):
		sel.last = aNamespace
		sel.name.Local, err = p.word()
		return true, err
	case p.take("text()"):
		sel.last = aText
		return true, p.test(sel, nodeTest{kind: xmltree.Text})
	case p.take("comment()"):
		sel.last = aComment
		return true, p.test(sel, nodeTest{kind: xmltree.Comment})
	}
	t, err := p.element()
	if err != nil {
		return false, err
	}
	return false, p.test(sel, t)
}

func (p *selectorParser) element() (nodeTest, error) {
	if p.take("*") {
		return nodeTest{kind: xmltree.Element, any: true}, nil
	}
	name, err := p.name(true)
	return nodeTest{kind: xmltree.Element, name: name}, err
}

// test reads the predicates of a step and adds it.
func (p *selectorParser) test(sel *selector, t nodeTest) error {
	for p.space(); p.take("["); p.space() {
		f, err := p.predicate()
		if err != nil {
			return err
		}
		t.filter = append(t.filter, f)
	}
	sel.steps = append(sel.steps, t)
	return nil
}

func (p *selectorParser) predicate() (f predicate, err error) {
	p.space()
	if from := p.i; p.digits() {
		if f.position, err = strconv.Atoi(p.s[from:p.i]); err != nil || f.position < 1 {
			return f, p.fail("a position from 1")
		}
		return f, p.close()
	}
	if !p.take(".") {
		if err := p.inner(&f); err != nil {
			return f, err
		}
	}
	p.space()
	if !p.take("=") {
		return f, p.fail("=")
	}
	p.space()
	if p.i >= len(p.s) || p.s[p.i] != '\'' && p.s[p.i] != '"' {
		return f, p.fail("a text in quotes")
	}
	end := strings.IndexByte(p.s[p.i+1:], p.s[p.i])
	if end < 0 {
		return f, p.fail("the closing quote")
	}
	f.text = p.s[p.i+1 : p.i+1+end]
	p.i += end + 2
	return f, p.close()
}

// inner reads the path of a predicate: names of child elements, at the end perhaps an attribute.
func (p *selectorParser) inner(f *predicate) error {
	for {
		if p.take("@") {
			name, err := p.name(false)
			f.attribute = &name
			return err
		}
		t, err := p.element()
		if err != nil {
			return err
		}
		f.path = append(f.path, t)
		if !p.take("/") {
			return nil
		}
	}
}

func (p *selectorParser) close() error {
	if p.space(); !p.take("]") {
		return p.fail("]")
	}
	return nil
}

// name reads a name with or without a prefix.
//
// SPEC(RFC 5261 section 4.2.2): a name without a prefix is of the default namespace of the patch document if it is of an element.
func (p *selectorParser) name(element bool) (n xmltree.Name, err error) {
	if n.Local, err = p.word(); err != nil {
		return n, err
	}
	if p.take(":") {
		n.Prefix = n.Local
		if n.Local, err = p.word(); err != nil {
			return n, err
		}
	}
	if n.Prefix == "" && !element {
		return n, nil
	}
	space, ok := p.prefix(n.Prefix)
	if !ok {
		return n, p.fail("a declared prefix")
	}
	n.Space = space
	return n, nil
}

func (p *selectorParser) word() (string, error) {
	from := p.i
	for p.i < len(p.s) && strings.IndexByte(" \t\r\n/@[]()='\":*.,!<>|+$", p.s[p.i]) < 0 || p.i > from && p.i < len(p.s) && p.s[p.i] == '.' {
		p.i++
	}
	if p.i == from {
		return "", p.fail("a name")
	}
	return p.s[from:p.i], nil
}

func (p *selectorParser) digits() bool {
	from := p.i
	for p.i < len(p.s) && p.s[p.i] >= '0' && p.s[p.i] <= '9' {
		p.i++
	}
	return p.i > from
}

func (p *selectorParser) space() {
	for p.i < len(p.s) && strings.IndexByte(" \t\r\n", p.s[p.i]) >= 0 {
		p.i++
	}
}

func (p *selectorParser) take(s string) bool {
	if !strings.HasPrefix(p.s[p.i:], s) {
		return false
	}
	p.i += len(s)
	return true
}

// cost is how often evaluation may go over the document.
func (s *selector) cost() int {
	n := 1
	for _, t := range s.steps {
		n += 1 + len(t.filter)
	}
	return n
}

// find returns the nodes that the steps name: for an attribute or a namespace declaration, the elements that it is sought in.
func (s *selector) find(d *xmltree.Doc) []int {
	var at []int
	for i, t := range s.steps {
		if i == 0 {
			at = t.filtered(d, []int{d.Root})
			continue
		}
		var next []int
		for _, n := range at {
			next = append(next, t.children(d, n)...)
		}
		at = next
	}
	return at
}

func (t *nodeTest) matches(d *xmltree.Doc, n int) bool {
	v := &d.Nodes[n]
	return v.Kind == t.kind && (t.kind != xmltree.Element || t.any || v.Local == t.name.Local && v.Space == t.name.Space)
}

func (t *nodeTest) children(d *xmltree.Doc, n int) []int {
	var all []int
	for c := d.First(n); c != xmltree.None; c = d.Sibling(c) {
		all = append(all, c)
	}
	return t.filtered(d, all)
}

// filtered keeps what is of the name and passes each predicate; positions count what the predicates before have left.
func (t *nodeTest) filtered(d *xmltree.Doc, all []int) []int {
	kept := all[:0]
	for _, n := range all {
		if t.matches(d, n) {
			kept = append(kept, n)
		}
	}
	for _, f := range t.filter {
		if f.position > 0 {
			if f.position > len(kept) {
				return nil
			}
			kept = kept[f.position-1 : f.position]
			continue
		}
		passed := kept[:0]
		for _, n := range kept {
			if f.holds(d, n, f.path) {
				passed = append(passed, n)
			}
		}
		kept = passed
	}
	return kept
}

// holds reports whether one of what the path names, from node n on, has the text.
func (f *predicate) holds(d *xmltree.Doc, n int, path []nodeTest) bool {
	if len(path) > 0 {
		for c := d.First(n); c != xmltree.None; c = d.Sibling(c) {
			if path[0].matches(d, c) && f.holds(d, c, path[1:]) {
				return true
			}
		}
		return false
	}
	if f.attribute == nil {
		return textOf(d, n) == f.text
	}
	if d.Nodes[n].Kind != xmltree.Element {
		return false
	}
	a := attributeOf(d, n, *f.attribute)
	return a != nil && string(d.Value(a)) == f.text
}

// textOf is all text in node n.
//
// SPEC(XPath 1.0 section 5.2): the string-value of an element is that of all texts in it.
func textOf(d *xmltree.Doc, n int) string {
	var b strings.Builder
	for i := n; i < d.Nodes[n].Next; i++ {
		if d.Nodes[i].Kind == xmltree.Text {
			b.Write(d.Text(i))
		}
	}
	return b.String()
}

func attributeOf(d *xmltree.Doc, n int, name xmltree.Name) *xmltree.Attr {
	list := d.AttrsOf(n)
	for i := range list {
		if list[i].Local == name.Local && list[i].Space == name.Space {
			return &list[i]
		}
	}
	return nil
}
