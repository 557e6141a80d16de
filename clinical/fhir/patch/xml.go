package patch

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/clinical/fhir/tree"
	"github.com/ward-health/ward/clinical/fhir/xmltree"
)

// Namespaces whose prefixes f and h selectors may use without declaring them.
const (
	spaceFHIR  = "http://hl7.org/fhir"
	spaceXHTML = "http://www.w3.org/1999/xhtml"
)

// XML applies an XML Patch to an XML document and returns the new text; neither argument is changed. The root element of the patch is diff or
// patch; in it stand add, replace and remove. Errors are *ward.Error: Invalid when patch or document is malformed, Unprocessable when an operation
// does not fit the document, TooLarge.
//
// SPEC(RFC 5261 section 4): operations apply in order, each to one node.
func XML(target, patch []byte, l Limits) ([]byte, error) {
	x := xmlPatch{limits: l.full(), step: step{form: "xml"}}
	if err := x.list.Parse(patch, tree.Limits{Bytes: x.limits.Bytes}); err != nil {
		return nil, syntax("xml", "the patch", err)
	}
	if err := x.load(target); err != nil {
		return nil, syntax("xml", "the resource", err)
	}
	if name := x.list.Nodes[x.list.Root].Local; name != "diff" && name != "patch" {
		return nil, x.step.fail(ward.Invalid, "the root element of an XML Patch is diff or patch", "")
	}
	for n := x.list.First(x.list.Root); n != xmltree.None; n = x.list.Sibling(n) {
		switch x.list.Nodes[n].Kind {
		case xmltree.Text:
			if !x.list.Blank(n) {
				return nil, x.step.fail(ward.Invalid, "text stands between the operations", "")
			}
		case xmltree.Element:
			x.step.number++
			x.step.op = ""
			if x.step.number > x.limits.Operations {
				return nil, x.step.fail(ward.TooLarge, fmt.Sprintf("at most %d operations", x.limits.Operations), "")
			}
			if err := x.operation(n); err != nil {
				return nil, err
			}
		}
	}
	if x.step.number == 0 {
		return nil, x.step.fail(ward.Invalid, "there is no operation in it", "")
	}
	return bytes.Clone(x.doc.Src), nil
}

// xmlPatch is one run. list is the patch; n is the node of the operation in it, at the node of doc that it is about.
type xmlPatch struct {
	doc, list xmltree.Doc
	limits    Limits
	work      int
	step      step
	n, at     int
	sel       selector
}

func (x *xmlPatch) charge(bytes int) error {
	if x.work += bytes; x.work > x.limits.Work {
		return &tree.Error{Text: fmt.Sprintf("expected operations that go over at most %d bytes in all", x.limits.Work), TooLarge: true}
	}
	return nil
}

func (x *xmlPatch) load(text []byte) error {
	if err := x.charge(len(text)); err != nil {
		return err
	}
	return x.doc.Parse(text, tree.Limits{Bytes: x.limits.Bytes})
}

func (x *xmlPatch) invalid(text string) error { return x.step.fail(ward.Invalid, text, "") }

func (x *xmlPatch) misfit(text string) error {
	place := ""
	if x.at != xmltree.None {
		place = x.doc.Path(x.at)
	}
	return x.step.fail(ward.Unprocessable, text, place)
}

// operation applies the operation at node n of the list.
func (x *xmlPatch) operation(n int) error {
	x.n, x.at = n, xmltree.None
	run, ok := map[string]func() error{"add": x.opAdd, "replace": x.opReplace, "remove": x.opRemove}[x.list.Nodes[n].Local]
	if !ok {
		return x.invalid("an operation is add, replace or remove")
	}
	x.step.op = x.list.Nodes[n].Local
	sel := attributeOf(&x.list, n, xmltree.Name{Local: "sel"})
	if sel == nil {
		return x.invalid("the operation needs sel, an XPath")
	}
	var err error
	if x.sel, err = parseSelector(string(x.list.Value(sel)), x.prefix); err != nil {
		return x.invalid(err.Error())
	}
	if err := x.charge(len(x.doc.Src) * x.sel.cost()); err != nil {
		return x.edited(err)
	}
	found := x.sel.find(&x.doc)
	switch len(found) {
	case 0:
		return x.misfit("sel names nothing in the resource")
	case 1:
		x.at = found[0]
		return run()
	}
	return x.misfit("sel names several nodes; it has to name one")
}

// prefix resolves a prefix of a selector.
func (x *xmlPatch) prefix(prefix string) (string, bool) {
	if space, ok := x.list.Lookup(x.n, prefix); ok {
		return space, true
	}
	space, ok := map[string]string{"f": spaceFHIR, "h": spaceXHTML}[prefix]
	return space, ok
}

// splice puts parts in the place of Src[start:end] of the document.
func (x *xmlPatch) splice(start, end int, parts ...[]byte) error {
	src := x.doc.Src
	size := len(src) - (end - start)
	for _, p := range parts {
		size += len(p)
	}
	if size > x.limits.Bytes {
		return x.step.fail(ward.TooLarge, fmt.Sprintf("expected a result of at most %d bytes", x.limits.Bytes), "")
	}
	out := append(make([]byte, 0, size), src[:start]...)
	for _, p := range parts {
		out = append(out, p...)
	}
	return x.edited(x.load(append(out, src[end:]...)))
}

// edited turns a failure to load what an operation has made into its error.
func (x *xmlPatch) edited(err error) error {
	var e *tree.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &e) && e.TooLarge:
		return x.step.fail(ward.TooLarge, e.Text, e.Path)
	case errors.As(err, &e):
		return x.step.fail(ward.Unprocessable, "the result would not be XML: "+e.Text, e.Path)
	}
	return err
}

func (x *xmlPatch) option(name string) string {
	a := attributeOf(&x.list, x.n, xmltree.Name{Local: name})
	if a == nil {
		return ""
	}
	return string(x.list.Value(a))
}

// text is the content of an operation that has to be text only.
func (x *xmlPatch) text() (string, error) {
	for c := x.list.First(x.n); c != xmltree.None; c = x.list.Sibling(c) {
		if x.list.Nodes[c].Kind != xmltree.Text {
			return "", x.invalid("the operation takes text only")
		}
	}
	return textOf(&x.list, x.n), nil
}
