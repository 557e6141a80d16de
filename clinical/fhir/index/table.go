package index

import (
	"fmt"
	"strings"
	"sync"

	"github.com/ward-health/ward/clinical/fhir/definition"
	"github.com/ward-health/ward/clinical/fhir/structure"
)

// Index compiles the search parameters of a Set, type by type as they are asked for.
type Index struct {
	schema *structure.Schema
	mu     sync.Mutex
	tables sync.Map                             // resource type -> *Table
	want   func(resourceType, code string) bool // nil: all
	units  *units
}

// New returns an Index of the schema's Set. want says which parameters are wanted; nil is all. Table.Params lists the others too, they give no
// values.
func New(schema *structure.Schema, want func(resourceType, code string) bool) *Index {
	return &Index{schema: schema, want: want, units: newUnits()}
}

// Table holds the compiled search parameters of one resource type.
type Table struct {
	Type   string
	Params []*definition.SearchParameter // as the Set lists them
	Watch  *structure.Watch              // to be given to the Checker

	Skipped []Skipped // what gives no values

	marks [][]emit // by mark
	roots []emit   // those that look at the resource itself
	units *units
}

// Skipped says why a search parameter gives no values.
type Skipped struct {
	Param  *definition.SearchParameter
	Reason string
	Part   bool // others of the elements that it looks at do give values
}

// emit is what is taken from a value at the end of a path.
type emit struct {
	param      int
	kind       Kind
	read       reader
	tests      []upTest
	implied    *implied
	components []component // of a composite
}

// upTest is a condition on what stands up names above the value.
type upTest struct {
	test
	up int
}

// Table returns the table of a resource type, nil if the Set has no such type.
func (x *Index) Table(resourceType string) *Table {
	if t, ok := x.tables.Load(resourceType); ok {
		return t.(*Table)
	}
	def := x.schema.Set().Type(resourceType)
	if def == nil || def.Kind != definition.Resource || def.Abstract || def.Name != resourceType {
		return nil
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if t, ok := x.tables.Load(resourceType); ok {
		return t.(*Table)
	}
	t := x.compile(def)
	x.tables.Store(resourceType, t)
	return t
}

func (x *Index) compile(def *definition.Type) *Table {
	set := x.schema.Set()
	b := builder{set: set, def: def, t: &Table{Type: def.Name, Params: set.SearchParameters(def.Name), units: x.units}, byPath: map[string]int{}}
	b.t.marks = make([][]emit, 1)
	for i, p := range b.t.Params {
		if x.want != nil && !x.want(def.Name, p.Code) {
			continue
		}
		b.some = false
		if err := b.param(i, p); err != nil {
			b.t.Skipped = append(b.t.Skipped, Skipped{p, err.Error(), b.some})
		}
	}
	w, err := x.schema.Watch(def.Name, b.byPath)
	if err != nil {
		panic("index: " + err.Error()) // both come from the same definitions
	}
	b.t.Watch = w
	return b.t
}

// builder makes one table.
type builder struct {
	set    *definition.Set
	def    *definition.Type
	t      *Table
	byPath map[string]int
	some   bool // the parameter that is being compiled gives values
}

func (b *builder) param(i int, p *definition.SearchParameter) error {
	kind := kinds[p.Kind]
	switch {
	case p.Expression == "":
		return fmt.Errorf("it has no expression: what it looks at is not an element")
	case kind == 0:
		return fmt.Errorf("its kind is %q: a server computes it", p.Kind)
	}
	e, err := parseExpression(p.Expression)
	if err != nil {
		return err
	}
	paths, err := compilePaths(b.set, b.def, e)
	if err != nil {
		return err
	}
	if kind == Composite {
		return b.composite(i, p, paths)
	}
	var odd, truth []string
	for _, path := range paths {
		if path.truth {
			truth = append(truth, path.names...)
			continue
		}
		m := emit{param: i, kind: kind, read: readerOf(kind, path)}
		if m.read == nil {
			odd = append(odd, path.leaf.Name)
			continue
		}
		if kind == Token && path.of != nil && path.leaf.Name == "code" {
			m.implied = impliedBy(b.set, path.of.Binding)
		}
		b.add(path, m)
	}
	if truth != nil {
		b.add(path{}, emit{param: i, kind: kind, read: truthOf(truth)})
	}
	if len(odd) > 0 {
		return fmt.Errorf("a %s is not taken from values of type %s", p.Kind, strings.Join(odd, ", "))
	}
	return nil
}

// add ties an emit to the end of a path.
func (b *builder) add(p path, m emit) {
	b.some = true
	for _, t := range p.tests {
		m.tests = append(m.tests, upTest{t.test, len(p.names) - t.depth})
	}
	if len(p.names) == 0 {
		b.t.roots = append(b.t.roots, m)
		return
	}
	key := strings.Join(p.names, ".")
	mark, ok := b.byPath[key]
	if !ok {
		mark = len(b.t.marks)
		b.byPath[key] = mark
		b.t.marks = append(b.t.marks, nil)
	}
	b.t.marks[mark] = append(b.t.marks[mark], m)
}
