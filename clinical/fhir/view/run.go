package view

import (
	"errors"
	"fmt"

	"github.com/ward-health/ward/clinical/fhir/tree"
	"github.com/ward-health/ward/clinical/fhirpath"
)

// Limits bound what one resource may cost. A field that is 0 takes that of DefaultLimits.
type Limits struct {
	Rows  int             // of a resource, those of its parts before they are joined included; and steps of iterations
	Cells int             // columns times rows, and values of collections
	Depth int             // of repeat
	Text  int             // bytes that are made for its cells: JSON, and texts that are not taken as they stand in the resource
	Steps int             // of all expressions together
	Path  fhirpath.Limits // of one expression
}

// DefaultLimits suit resources of clinical systems.
var DefaultLimits = Limits{Rows: 100_000, Cells: 2_000_000, Depth: 100, Text: 128 << 20, Steps: 200_000_000}

// Options of a Runner.
type Options struct {
	Limits Limits
	// Context is what expressions may ask for beside the resource; its Set, Resource, Root and Vars are set by the Runner.
	Context fhirpath.Context
}

// Runner makes rows of resources, one resource at a time.
type Runner struct {
	v      *View
	l      Limits
	c      fhirpath.Context
	rows   int // of the resource, in all blocks
	cells  int
	visits int // of iterations
	made   int // bytes of text
	steps  int // that expressions took, where Options say no place for them
	begun  int // steps before the resource
	free   []*block
	text   []byte // of the cells of a resource
	items  []Value
	row    []Value
	emit   func([]Value) error
	got    fhirpath.Collection // of the path at hand
	stack  fhirpath.Collection // of the iterations that are open
	at     fhirpath.Collection // %rowIndex
}

// usual is how many parts are joined without further memory.
const usual = 8

// block is rows of a selection before they are joined with others.
type block struct {
	n     int
	cells []Value
}

// NewRunner returns a Runner of the view.
func (v *View) NewRunner(o Options) *Runner {
	l := o.Limits
	l.Rows, l.Cells, l.Depth = or(l.Rows, DefaultLimits.Rows), or(l.Cells, DefaultLimits.Cells), or(l.Depth, DefaultLimits.Depth)
	l.Text, l.Steps = or(l.Text, DefaultLimits.Text), or(l.Steps, DefaultLimits.Steps)
	r := &Runner{v: v, l: l, c: o.Context, row: make([]Value, len(v.columns))}
	r.c.Set, r.c.Limits = v.set, l.Path
	if r.c.Spent == nil {
		r.c.Spent = &r.steps
	}
	r.c.Vars = map[string]fhirpath.Collection{}
	for name, value := range v.vars {
		r.c.Vars[name] = value
	}
	r.at = indexValue(0)
	r.c.Vars[rowIndex] = r.at
	return r
}

func or(v, otherwise int) int {
	if v > 0 {
		return v
	}
	return otherwise
}

// Run calls emit for each row of the resource. A row is of use until emit returns. Resources of other types have no rows. The error
// is that of emit or a *RunError; rows that were emitted before it stand.
func (r *Runner) Run(doc *tree.Doc, emit func(row []Value) error) error {
	kind := doc.Member(0, "resourceType")
	if kind == tree.None || string(doc.Text(kind)) != r.v.Resource {
		return nil
	}
	root, err := fhirpath.Root(doc, r.v.set)
	if err != nil {
		return &RunError{Text: "expected a resource", Reason: err}
	}
	r.c.Resource, r.c.Root = root, root
	r.made, r.begun = 0, *r.c.Spent
	r.rows, r.cells, r.visits, r.text, r.items, r.stack, r.emit = 0, 0, 0, r.text[:0], r.items[:0], r.stack[:0], emit
	r.index(0)
	focus := root.Item()
	for _, w := range r.v.where {
		pass, err := r.holds(w, focus)
		if err != nil || !pass {
			return err
		}
	}
	out := r.block()
	defer r.release(out)
	return r.process(r.v.root, focus, 0, out)
}

// index sets %rowIndex, which only this Runner sees.
func (r *Runner) index(i int) {
	if r.v.indexed {
		r.at[0] = fhirpath.Integer(int32(i))
	}
}

// eval appends what an expression gives on focus to dst. path, name and text are those of the error.
func (r *Runner) eval(e *fhirpath.Expression, dst fhirpath.Collection, focus fhirpath.Value, path, name, text string) (fhirpath.Collection, error) {
	got, err := e.Append(dst, &r.c, focus)
	if err == nil && *r.c.Spent-r.begun > r.l.Steps {
		err = fhirpath.ErrSteps
	}
	if err != nil {
		limit := errors.Is(err, fhirpath.ErrSteps) || errors.Is(err, fhirpath.ErrItems) || errors.Is(err, fhirpath.ErrText)
		return got, &RunError{Path: path, Name: name, Text: text, Limit: limit, Reason: err}
	}
	return got, nil
}

// holds evaluates a filter.
//
// SPEC(SQL on FHIR ViewDefinition.where): a filter has to be true for the resource to be in the view; nothing and false keep it out.
func (r *Runner) holds(w filter, root fhirpath.Value) (bool, error) {
	got, err := r.eval(w.path, r.got[:0], root, w.at, "", "the filter cannot be evaluated")
	if r.got = got; err != nil {
		return false, err
	}
	if len(got) == 0 {
		return false, nil
	}
	if b, ok := asBoolean(got); ok {
		return b, nil
	}
	return false, &RunError{Path: w.at, Text: "expected the filter to be true, false or nothing"}
}

// process appends the rows of a selection to out.
//
// SPEC(SQL on FHIR ViewDefinition, Process): for each focus, columns are evaluated, and joined with all rows of the nested
// selections and of the union in every combination; forEachOrNull of nothing gives one row without values.
func (r *Runner) process(s *selected, focus fhirpath.Value, index int, out *block) error {
	if s.each == nil && s.repeat == nil {
		return r.one(s, focus, index, out)
	}
	n := 0
	visit := func(f fhirpath.Value) error {
		if r.visits++; r.visits > r.l.Rows {
			return r.tooLarge(s)
		}
		n++
		r.index(n - 1)
		return r.one(s, f, n-1, out)
	}
	var err error
	if s.repeat != nil {
		err = r.descend(s, focus, 0, visit)
	} else {
		err = r.foci(s.each, s, focus, visit)
	}
	if err != nil {
		return err
	}
	if n == 0 && s.orNull {
		return r.nothing(s, out)
	}
	r.index(index)
	return nil
}

// foci calls visit for each value that an expression gives.
func (r *Runner) foci(e *fhirpath.Expression, s *selected, focus fhirpath.Value, visit func(fhirpath.Value) error) error {
	from := len(r.stack)
	var err error
	if r.stack, err = r.eval(e, r.stack, focus, s.path, "", "what to iterate over cannot be evaluated"); err != nil {
		return err
	}
	for i, to := from, len(r.stack); i < to; i++ {
		if err := visit(r.stack[i]); err != nil {
			return err
		}
	}
	r.stack = r.stack[:from]
	return nil
}

// descend visits what the paths of repeat reach, each node before what is below it.
func (r *Runner) descend(s *selected, focus fhirpath.Value, depth int, visit func(fhirpath.Value) error) error {
	if depth > r.l.Depth {
		return &RunError{Path: s.path, Text: fmt.Sprintf("expected at most %d levels of repeat", r.l.Depth), Limit: true}
	}
	for _, e := range s.repeat {
		err := r.foci(e, s, focus, func(f fhirpath.Value) error {
			if err := visit(f); err != nil {
				return err
			}
			return r.descend(s, f, depth+1, visit)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// nothing appends the row of forEachOrNull without a focus.
func (r *Runner) nothing(s *selected, out *block) error {
	row, err := r.append(s, out)
	if err != nil {
		return err
	}
	clear(row)
	r.zero(s, s.start, row)
	return r.hand(s, out)
}

// zero sets the columns of a selection and of what is in it that are %rowIndex.
func (r *Runner) zero(s *selected, start int, row []Value) {
	for _, c := range s.own {
		if c.index {
			row[c.column-start] = Value{Kind: Integer}
		}
	}
	for _, nested := range s.selects {
		r.zero(nested, start, row)
	}
	for _, branch := range s.unions[:min(1, len(s.unions))] {
		r.zero(branch, start, row)
	}
}

// append makes room for one more row of a selection.
func (r *Runner) append(s *selected, out *block) ([]Value, error) {
	r.rows++
	r.cells += s.width
	if r.rows > r.l.Rows || r.cells > r.l.Cells {
		return nil, r.tooLarge(s)
	}
	at := len(out.cells)
	if at+s.width > cap(out.cells) {
		grown := make([]Value, at, 2*(at+s.width))
		copy(grown, out.cells)
		out.cells = grown
	}
	out.cells = out.cells[:at+s.width]
	out.n++
	return out.cells[at:], nil
}

// hand gives a row of the whole view away at once, so that only parts are kept.
func (r *Runner) hand(s *selected, out *block) error {
	if s != r.v.root {
		return nil
	}
	copy(r.row, out.cells)
	out.cells, out.n = out.cells[:0], 0
	return r.emit(r.row)
}

func (r *Runner) tooLarge(s *selected) error {
	return &RunError{Path: s.path, Text: fmt.Sprintf("expected at most %d rows, %d cells and %d bytes of text made of one resource", r.l.Rows, r.l.Cells, r.l.Text), Limit: true}
}

func (r *Runner) block() *block {
	if n := len(r.free); n > 0 {
		b := r.free[n-1]
		r.free = r.free[:n-1]
		return b
	}
	return &block{}
}

func (r *Runner) release(b *block) {
	b.n, b.cells = 0, b.cells[:0]
	r.free = append(r.free, b)
}

// one appends the rows of a selection for one focus.
func (r *Runner) one(s *selected, focus fhirpath.Value, index int, out *block) error {
	if len(s.selects) == 0 && len(s.unions) == 0 {
		row, err := r.append(s, out)
		if err != nil {
			return err
		}
		if err := r.fill(s, focus, row); err != nil {
			return err
		}
		return r.hand(s, out)
	}
	own := r.block()
	defer r.release(own)
	own.cells = append(own.cells, make([]Value, len(s.own))...)
	if err := r.fill(s, focus, own.cells); err != nil {
		return err
	}
	var few [usual]*block
	parts := few[:0]
	defer func() {
		for _, p := range parts {
			r.release(p)
		}
	}()
	for _, nested := range s.selects {
		p := r.block()
		parts = append(parts, p)
		if err := r.process(nested, focus, index, p); err != nil {
			return err
		}
	}
	if len(s.unions) > 0 {
		p := r.block()
		parts = append(parts, p)
		for _, branch := range s.unions {
			if err := r.process(branch, focus, index, p); err != nil {
				return err
			}
		}
	}
	return r.join(s, own.cells, parts, out)
}

// join appends every combination of one row of each part. The first part turns slowest.
func (r *Runner) join(s *selected, own []Value, parts []*block, out *block) error {
	var few [usual]int
	at := append(few[:0], make([]int, len(parts))...)
	for _, p := range parts {
		if p.n == 0 {
			return nil
		}
	}
	for {
		row, err := r.append(s, out)
		if err != nil {
			return err
		}
		n := copy(row, own)
		for i, p := range parts {
			width := len(p.cells) / p.n
			n += copy(row[n:], p.cells[at[i]*width:(at[i]+1)*width])
		}
		if err := r.hand(s, out); err != nil {
			return err
		}
		i := len(parts) - 1
		for ; i >= 0; i-- {
			if at[i]++; at[i] < parts[i].n {
				break
			}
			at[i] = 0
		}
		if i < 0 {
			return nil
		}
	}
}

// fill evaluates the columns of a selection into the front of a row.
func (r *Runner) fill(s *selected, focus fhirpath.Value, row []Value) error {
	for i := range s.own {
		c := &s.own[i]
		got, err := r.eval(c.path, r.got[:0], focus, c.at, r.v.columns[c.column].Name, "the path cannot be evaluated")
		if r.got = got; err != nil {
			return err
		}
		if row[i], err = r.value(c, got); err != nil {
			return err
		}
		if r.made > r.l.Text || r.cells > r.l.Cells {
			return r.tooLarge(s)
		}
	}
	return nil
}

// value makes the cell of what a path gave.
//
// SPEC(SQL on FHIR ViewDefinition.select.column.collection): more than one value where a collection is not allowed is an error.
func (r *Runner) value(c *cell, got fhirpath.Collection) (Value, error) {
	column := &r.v.columns[c.column]
	if column.Collection {
		from := len(r.items)
		for _, v := range got {
			item, err := r.convert(c, column, v)
			if err != nil {
				return item, err
			}
			if item.Kind != Null {
				r.cells++
				r.items = append(r.items, item)
			}
		}
		return Value{Kind: List, Items: r.items[from:len(r.items):len(r.items)]}, nil
	}
	switch len(got) {
	case 0:
		return Value{}, nil
	case 1:
		return r.convert(c, column, got[0])
	}
	return Value{}, &RunError{Path: c.at, Name: column.Name, Text: "expected one value; say collection: true to take more"}
}
