package patch

import (
	"errors"
	"fmt"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/clinical/fhir/tree"
)

// editor holds the JSON text as the operations so far have made it.
type editor struct {
	doc    tree.Doc
	limits Limits
	work   int
}

// load makes text the text that is edited.
func (e *editor) load(text []byte) error {
	if err := e.charge(len(text)); err != nil {
		return err
	}
	return e.doc.Parse(text, tree.Limits{Bytes: e.limits.Bytes})
}

// charge counts bytes that an operation goes over.
func (e *editor) charge(bytes int) error {
	if e.work += bytes; e.work > e.limits.Work {
		return &tree.Error{Text: fmt.Sprintf("expected operations that go over at most %d bytes in all", e.limits.Work), TooLarge: true}
	}
	return nil
}

// edited turns a failure to load what an operation has made into its error.
func (s step) edited(err error) error {
	var e *tree.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &e) && e.TooLarge:
		return s.fail(ward.TooLarge, e.Text, plainPath(e.Path))
	}
	return s.fail(ward.Internal, "", "")
}

// splice puts parts in the place of Src[start:end].
func (e *editor) splice(start, end int, parts ...[]byte) error {
	src := e.doc.Src
	size := len(src) - (end - start)
	for _, p := range parts {
		size += len(p)
	}
	if size > e.limits.Bytes {
		return &tree.Error{Text: fmt.Sprintf("expected a result of at most %d bytes", e.limits.Bytes), TooLarge: true}
	}
	out := append(make([]byte, 0, size), src[:start]...)
	for _, p := range parts {
		out = append(out, p...)
	}
	return e.load(append(out, src[end:]...))
}

// replace puts value in the place of node n.
func (e *editor) replace(n int, value []byte) error {
	v := e.doc.Nodes[n]
	return e.splice(int(v.Start), int(v.End), value)
}

// cut takes node n, which is not the root, out of its object or array, with the comma that goes with it.
func (e *editor) cut(n int) error {
	d := &e.doc
	v := &d.Nodes[n]
	up := int(v.Parent)
	before := tree.None
	for c := d.First(up); c != n; c = d.Sibling(c) {
		before = c
	}
	switch after := d.Sibling(n); {
	case before != tree.None:
		return e.splice(int(d.Nodes[before].End), int(v.End))
	case after != tree.None:
		return e.splice(e.begin(n), e.begin(after))
	}
	return e.splice(int(d.Nodes[up].Start)+1, int(d.Nodes[up].End)-1)
}

// begin is where node n begins, with its name.
func (e *editor) begin(n int) int {
	v := &e.doc.Nodes[n]
	if e.doc.Nodes[v.Parent].Kind == tree.Object {
		return int(v.Name) - 1
	}
	return int(v.Start)
}

// add puts value into object n as its last member; name is a JSON string with quotes.
func (e *editor) add(n int, name, value []byte) error {
	return e.put(n, e.last(n), name, []byte{':'}, value)
}

// insert puts value into array n at position at, which is at most its length.
func (e *editor) insert(n, at int, value []byte) error {
	d := &e.doc
	if at == int(d.Nodes[n].Len) {
		return e.put(n, e.last(n), value)
	}
	start := int(d.Nodes[e.item(n, at)].Start)
	return e.splice(start, start, value, []byte{','})
}

// put adds parts behind the child last of n, or into n, which is empty.
func (e *editor) put(n, last int, parts ...[]byte) error {
	d := &e.doc
	if last == tree.None {
		return e.splice(int(d.Nodes[n].Start)+1, int(d.Nodes[n].End)-1, parts...)
	}
	end := int(d.Nodes[last].End)
	return e.splice(end, end, append([][]byte{{','}}, parts...)...)
}

// last is the last child of n, None if it has none.
func (e *editor) last(n int) int {
	last := tree.None
	for c := e.doc.First(n); c != tree.None; c = e.doc.Sibling(c) {
		last = c
	}
	return last
}

// item is item number at of array n, None if it is not there.
func (e *editor) item(n, at int) int {
	c := e.doc.First(n)
	for ; c != tree.None && at > 0; at-- {
		c = e.doc.Sibling(c)
	}
	return c
}
