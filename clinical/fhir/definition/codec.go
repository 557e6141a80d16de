package definition

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"io"
	"maps"
	"slices"
)

// coder writes or reads a table: one description of the form serves both ways, so that they cannot differ. Numbers are
// varints; a string is a number of the table's list of strings.
type coder struct {
	writing bool
	buf     []byte // what was written, or what is left to read
	strings []string
	ids     map[string]uint64
	err     error

	constraints pool[*Constraint]
	lists       pool[[]*Constraint]
	bindings    pool[*Binding]
	types       pool[[]TypeRefText]
}

// pool holds values that many elements have in common: each is written once, and read into one.
type pool[T any] struct {
	all []T
	ids map[string]uint64 // what was written -> position in all
}

// shared codes a value as its position in the pool; one that is new follows its position.
func shared[T any](c *coder, p *pool[T], v *T, fn func(*T)) {
	id := uint64(len(p.all))
	if !c.writing {
		c.uint(&id)
		switch {
		case id < uint64(len(p.all)):
			*v = p.all[id]
		case id == uint64(len(p.all)):
			fn(v)
			p.all = append(p.all, *v)
		default:
			c.err = errTable
		}
		return
	}
	before := c.buf
	c.buf = nil
	fn(v)
	key := string(c.buf)
	c.buf = before
	if have, ok := p.ids[key]; ok {
		c.uint(&have)
		return
	}
	if p.ids == nil {
		p.ids = map[string]uint64{}
	}
	p.ids[key], p.all = id, append(p.all, *v)
	c.uint(&id)
	c.buf = append(c.buf, key...)
}

var errTable = errors.New("definition: the embedded table is damaged")

func (c *coder) uint(v *uint64) {
	if c.writing {
		c.buf = binary.AppendUvarint(c.buf, *v)
		return
	}
	n, size := binary.Uvarint(c.buf)
	if size <= 0 {
		c.err, c.buf, *v = errTable, nil, 0
		return
	}
	*v, c.buf = n, c.buf[size:]
}

// num is a small number, -2 and more.
func (c *coder) num(v *int) {
	u := uint64(*v + 2)
	c.uint(&u)
	*v = int(u) - 2
}

func (c *coder) str(v *string) {
	if c.writing {
		id, ok := c.ids[*v]
		if !ok {
			id = uint64(len(c.strings))
			c.ids[*v], c.strings = id, append(c.strings, *v)
		}
		c.uint(&id)
		return
	}
	var id uint64
	c.uint(&id)
	if id >= uint64(len(c.strings)) {
		c.err = errTable
		return
	}
	*v = c.strings[id]
}

func (c *coder) bytes(v *[]byte) {
	var text string
	if c.writing {
		text = string(*v)
	}
	c.str(&text)
	if !c.writing && text != "" {
		*v = []byte(text)
	}
}

func (c *coder) bits(all ...*bool) {
	var u uint64
	for i, b := range all {
		if *b {
			u |= 1 << i
		}
	}
	c.uint(&u)
	for i, b := range all {
		*b = u&(1<<i) != 0
	}
}

// each codes a list.
func each[T any](c *coder, list *[]T, fn func(*T)) {
	n := uint64(len(*list))
	c.uint(&n)
	if !c.writing {
		if n > uint64(len(c.buf)) { // every item takes a byte
			c.err, n = errTable, 0
		}
		if n > 0 {
			*list = make([]T, n)
		}
	}
	for i := range *list {
		if c.err != nil {
			return
		}
		fn(&(*list)[i])
	}
}

func (c *coder) list(v *[]string) { each(c, v, c.str) }

// whether codes a pointer that may be nil.
func whether[T any](c *coder, v **T, fn func(*T)) {
	has := *v != nil
	c.bits(&has)
	if !has || c.err != nil {
		return
	}
	if *v == nil {
		*v = new(T)
	}
	fn(*v)
}

func (c *coder) structure(s *Structure) {
	for _, v := range []*string{&s.URL, &s.Version, &s.Name, &s.Title, &s.Type, &s.Base, &s.Package} {
		c.str(v)
	}
	kind := int(s.Kind)
	c.num(&kind)
	s.Kind = Kind(kind)
	c.bits(&s.Abstract, &s.Derived, &s.Logical, &s.Partial)
	c.list(&s.Context)
	c.list(&s.ContextTypes)
	c.list(&s.ContextInvariants)
	c.list(&s.Withheld)
	var slab []ElementDefinition
	each(c, &s.Elements, func(e **ElementDefinition) {
		if *e == nil {
			if slab == nil {
				slab = make([]ElementDefinition, len(s.Elements))
			}
			*e, slab = &slab[0], slab[1:]
		}
		c.element(*e)
	})
}

func (c *coder) element(e *ElementDefinition) {
	for _, v := range []*string{&e.ID, &e.Path, &e.SliceName, &e.Content, &e.ValueType, &e.BoundType, &e.Regexp} {
		c.str(v)
	}
	for _, v := range []*int{&e.Min, &e.Max, &e.BaseMax, &e.MaxLength} {
		c.num(v)
	}
	for _, v := range []*[]byte{&e.Fixed, &e.Pattern, &e.MinValue, &e.MaxValue} {
		c.bytes(v)
	}
	c.bits(&e.XMLAttr, &e.MustSupport, &e.Modifier, &e.Summary)
	shared(c, &c.types, &e.Types, c.typeRefs)
	whether(c, &e.Binding, func(*Binding) { shared(c, &c.bindings, &e.Binding, c.binding) })
	shared(c, &c.lists, &e.Constraints, func(list *[]*Constraint) {
		each(c, list, func(k **Constraint) { shared(c, &c.constraints, k, c.constraint) })
	})
	whether(c, &e.Slicing, func(s *Slicing) {
		c.bits(&s.Ordered)
		c.str(&s.Rules)
		each(c, &s.Discriminators, func(d *Discriminator) { c.str(&d.Kind); c.str(&d.Path) })
	})
}

func (c *coder) typeRefs(list *[]TypeRefText) {
	each(c, list, func(t *TypeRefText) {
		c.str(&t.Code)
		c.list(&t.Profiles)
		c.list(&t.Targets)
		c.list(&t.Aggregation)
	})
}

func (c *coder) binding(to **Binding) {
	if !c.writing {
		*to = &Binding{}
	}
	b := *to
	strength := int(b.Strength)
	c.num(&strength)
	b.Strength = Strength(strength)
	c.str(&b.ValueSet)
	c.str(&b.Max)
}

func (c *coder) constraint(to **Constraint) {
	if !c.writing {
		*to = &Constraint{}
	}
	k := *to
	for _, v := range []*string{&k.Key, &k.Severity, &k.Human, &k.Expression, &k.Source} {
		c.str(v)
	}
	c.bits(&k.BestPractice)
}

func (c *coder) searchParameter(p *SearchParameter) {
	for _, v := range []*string{&p.Code, &p.URL, &p.Kind, &p.Expression} {
		c.str(v)
	}
	c.list(&p.Base)
	c.list(&p.Targets)
	each(c, &p.Components, func(k *Component) { c.str(&k.Definition); c.str(&k.Expression) })
}

func (c *coder) compartment(p *Compartment) {
	c.str(&p.Code)
	keys := slices.Sorted(maps.Keys(p.Params))
	if !c.writing {
		p.Params = map[string][]string{}
	}
	each(c, &keys, func(k *string) {
		c.str(k)
		list := p.Params[*k]
		c.list(&list)
		p.Params[*k] = list
	})
}

func (c *coder) codeSystem(s *CodeSystem) {
	c.str(&s.URL)
	c.str(&s.Version)
	c.bits(&s.Complete, &s.CaseSensitive)
	keys := slices.Sorted(maps.Keys(s.Codes))
	if !c.writing {
		s.Codes = map[string]Concept{}
	}
	each(c, &keys, func(k *string) {
		c.str(k)
		con := s.Codes[*k]
		c.str(&con.Display)
		c.list(&con.Parents)
		c.bits(&con.Abstract)
		s.Codes[*k] = con
	})
}

func (c *coder) compose(s *compose) {
	for _, v := range []*string{&s.url, &s.version, &s.name} {
		c.str(v)
	}
	c.bits(&s.whole)
	for _, list := range []*[]part{&s.include, &s.exclude, &s.expansion} {
		each(c, list, func(p *part) {
			c.str(&p.system)
			c.bits(&p.all)
			c.num(&p.hidden)
			each(c, &p.concepts, func(k *member) { c.str(&k.code); c.str(&k.display) })
			each(c, &p.filters, func(f *filter) { c.str(&f.property); c.str(&f.op); c.str(&f.value) })
			c.list(&p.valueSets)
		})
	}
}

// pack makes the bytes of a table: the size, and compressed the strings, each with its length, then what fn writes.
func pack(fn func(*coder)) []byte {
	c := &coder{writing: true, ids: map[string]uint64{}}
	fn(c)
	head := binary.AppendUvarint(nil, uint64(len(c.strings)))
	for _, s := range c.strings {
		head = append(binary.AppendUvarint(head, uint64(len(s))), s...)
	}
	out := *bytes.NewBuffer(binary.AppendUvarint(nil, uint64(len(head)+len(c.buf))))
	w, err := flate.NewWriter(&out, flate.BestCompression)
	if err != nil {
		panic(err) // the level is a constant
	}
	for _, b := range [][]byte{head, c.buf} {
		if _, err := w.Write(b); err != nil {
			panic(err) // a buffer takes everything
		}
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return out.Bytes()
}

// maxTable bounds a table when it is unpacked.
const maxTable = 64 << 20

// unpack reads the bytes of a table.
func unpack(table []byte, fn func(*coder)) error {
	c := &coder{buf: table}
	var size, n uint64
	c.uint(&size)
	if size > maxTable || size > 1100*uint64(len(table)) { // deflate makes at most 1032 bytes of one
		return errTable
	}
	all := make([]byte, size)
	from := flate.NewReader(bytes.NewReader(c.buf))
	if _, err := io.ReadFull(from, all); err != nil {
		return err
	}
	c.buf = all
	c.uint(&n)
	if n > uint64(len(c.buf)) {
		return errTable
	}
	c.strings = make([]string, n)
	text := string(all) // once for all strings
	for i := range c.strings {
		var size uint64
		c.uint(&size)
		if size > uint64(len(c.buf)) {
			return errTable
		}
		at := uint64(len(all) - len(c.buf))
		c.strings[i], c.buf = text[at:at+size], c.buf[size:]
	}
	fn(c)
	if c.err == nil && len(c.buf) > 0 {
		c.err = errTable
	}
	return c.err
}
