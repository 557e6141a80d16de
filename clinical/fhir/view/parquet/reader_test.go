package parquet_test

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"math"
)

// A small reader of what this package writes, made from the specification and not from the writer, so that properties and fuzzing
// have something to compare with. It checks sizes, sums and counts on the way and panics on what does not fit.

// thriftReader reads the compact protocol into maps of field ids.
type thriftReader struct {
	b []byte
	i int
}

func (r *thriftReader) byte() byte {
	r.i++
	return r.b[r.i-1]
}

func (r *thriftReader) varint() int64 {
	v, n := binary.Varint(r.b[r.i:])
	if n <= 0 {
		panic("varint")
	}
	r.i += n
	return v
}

func (r *thriftReader) uvarint() int {
	v, n := binary.Uvarint(r.b[r.i:])
	if n <= 0 {
		panic("uvarint")
	}
	r.i += n
	return int(v)
}

func (r *thriftReader) value(wire byte) any {
	switch wire {
	case 1:
		return true
	case 2:
		return false
	case 4, 5, 6:
		return r.varint()
	case 8:
		n := r.uvarint()
		r.i += n
		return string(r.b[r.i-n : r.i])
	case 9:
		h := r.byte()
		n := int(h >> 4)
		if n == 15 {
			n = r.uvarint()
		}
		out := []any{}
		for range n {
			out = append(out, r.value(h&15))
		}
		return out
	case 12:
		return r.object()
	}
	panic(fmt.Sprintf("wire type %d", wire))
}

type object map[int]any

func (o object) int(id int) int {
	v, _ := o[id].(int64)
	return int(v)
}
func (o object) list(id int) []any    { v, _ := o[id].([]any); return v }
func (o object) object(id int) object { v, _ := o[id].(object); return v }

func (r *thriftReader) object() object {
	out, id := object{}, 0
	for {
		h := r.byte()
		if h == 0 {
			return out
		}
		if delta := int(h >> 4); delta > 0 {
			id += delta
		} else {
			id = int(r.varint())
		}
		out[id] = r.value(h & 15)
	}
}

// leaf is a column as the schema describes it.
type leaf struct {
	name                     string
	physical, logical, scale int
	def, rep                 int
}

// file is a file that was read. A cell is nil, a bool, int64, float64 or string, or a []any of them.
type file struct {
	leaves   []leaf
	rows     [][]any
	groups   []int // rows of each
	metadata object
}

func read(b []byte) file {
	if string(b[:4]) != "PAR1" || string(b[len(b)-4:]) != "PAR1" {
		panic("magic")
	}
	n := int(binary.LittleEndian.Uint32(b[len(b)-8:]))
	t := thriftReader{b: b[len(b)-8-n : len(b)-8]}
	f := file{metadata: t.object()}
	if t.i != n {
		panic("footer length")
	}
	f.schema()
	at := 4
	for _, g := range f.metadata.list(4) {
		at = f.group(b, g.(object), at)
	}
	if at != len(b)-8-n || len(f.rows) != f.metadata.int(3) {
		panic("bytes or rows that nothing tells of")
	}
	return f
}

func (f *file) schema() {
	all := f.metadata.list(2)
	for i := 1; i < len(all); i++ {
		e := all[i].(object)
		l := leaf{name: e[4].(string), def: 1}
		if e.int(5) == 1 { // a list
			list, item := all[i+1].(object), all[i+2].(object)
			if e.int(6) != 3 || list[4] != "list" || list.int(3) != 2 || item[4] != "element" || item.int(3) != 0 {
				panic("list")
			}
			l.def, l.rep = 2, 1
			e, i = item, i+2
		} else if e.int(3) != 1 {
			panic("not optional")
		}
		l.physical, l.scale = e.int(1), e.int(7)
		for id := range e.object(10) {
			l.logical = id
		}
		f.leaves = append(f.leaves, l)
	}
	if all[0].(object).int(5) != len(f.leaves) {
		panic("children")
	}
}

func (f *file) group(b []byte, g object, at int) int {
	rows := g.int(3)
	f.groups = append(f.groups, rows)
	base := len(f.rows)
	f.rows = append(f.rows, make([][]any, rows)...)
	for i := range rows {
		f.rows[base+i] = make([]any, len(f.leaves))
	}
	var uncompressed int
	for c, chunk := range g.list(1) {
		meta := chunk.(object).object(3)
		end := at + meta.int(7)
		cells := f.leaves[c].chunk(b[at:end], meta, at)
		if len(cells) != rows {
			panic(fmt.Sprintf("column %d: %d rows of %d", c, len(cells), rows))
		}
		for i, v := range cells {
			f.rows[base+i][c] = v
		}
		uncompressed += meta.int(6)
		at = end
	}
	if uncompressed != g.int(2) {
		panic("size of the group")
	}
	return at
}

func (l leaf) chunk(b []byte, meta object, start int) (cells []any) {
	var dictionary []any
	seen, sizes := 0, 0
	for at := 0; at < len(b); {
		t := thriftReader{b: b[at:]}
		h := t.object()
		body := b[at+t.i : at+t.i+h.int(3)]
		if uint32(int32(h.int(4))) != crc32.ChecksumIEEE(body) {
			panic("sum of the page")
		}
		at, sizes = at+t.i+len(body), sizes+t.i+h.int(2)
		if meta.int(4) == 2 {
			z, err := gzip.NewReader(bytes.NewReader(body))
			if err != nil {
				panic(err)
			}
			if body, err = io.ReadAll(z); err != nil {
				panic(err)
			}
		}
		if len(body) != h.int(2) {
			panic("size of the page")
		}
		if h.int(1) == 2 {
			dictionary, _ = l.plain(body, h.object(7).int(1))
			continue
		}
		if seen == 0 && start+at-t.i-h.int(3) != meta.int(9) {
			panic("offset of the first data page")
		}
		page := h.object(5)
		seen += page.int(1)
		cells = append(cells, l.page(body, page, dictionary)...)
	}
	if seen != meta.int(5) || sizes != meta.int(6) {
		panic("values or size of the chunk")
	}
	return cells
}

func (l leaf) page(b []byte, h object, dictionary []any) (cells []any) {
	n := h.int(1)
	reps := make([]int, n)
	levels := func(most int) []int {
		size := int(binary.LittleEndian.Uint32(b))
		out := hybrid(b[4:4+size], most, n)
		b = b[4+size:]
		return out
	}
	if l.rep > 0 {
		reps = levels(l.rep)
	}
	defs := levels(l.def)
	present := 0
	for _, d := range defs {
		if d == l.def {
			present++
		}
	}
	var values []any
	if h.int(2) == 0 {
		values, b = l.plain(b, present)
		if len(b) > 0 {
			panic("bytes behind the values")
		}
	} else {
		for _, i := range hybridWidth(b[1:], int(b[0]), present) {
			values = append(values, dictionary[i])
		}
	}
	for i, d := range defs {
		var v any
		if d == l.def {
			v, values = values[0], values[1:]
		}
		switch {
		case l.rep == 0:
			cells = append(cells, v)
		case reps[i] == 1:
			last := cells[len(cells)-1].([]any)
			cells[len(cells)-1] = append(last, v)
		case d == 0:
			cells = append(cells, nil)
		case d == 1:
			cells = append(cells, []any{})
		default:
			cells = append(cells, []any{v})
		}
	}
	return cells
}

func (l leaf) plain(b []byte, n int) (out []any, rest []byte) {
	if l.physical == 0 {
		for i := range n {
			out = append(out, b[i/8]>>(i%8)&1 == 1)
		}
		return out, b[(n+7)/8:]
	}
	for range n {
		switch l.physical {
		case 1:
			out, b = append(out, int64(int32(binary.LittleEndian.Uint32(b)))), b[4:]
		case 2:
			out, b = append(out, int64(binary.LittleEndian.Uint64(b))), b[8:]
		case 5:
			out, b = append(out, math.Float64frombits(binary.LittleEndian.Uint64(b))), b[8:]
		case 6:
			size := int(binary.LittleEndian.Uint32(b))
			out, b = append(out, string(b[4:4+size])), b[4+size:]
		}
	}
	return out, b
}

func hybrid(b []byte, most, n int) []int {
	width := 0
	for ; most > 0; most >>= 1 {
		width++
	}
	return hybridWidth(b, width, n)
}

func hybridWidth(b []byte, width, n int) (out []int) {
	for len(out) < n {
		h, k := binary.Uvarint(b)
		b = b[k:]
		if h&1 == 0 {
			v := 0
			for i := range (width + 7) / 8 {
				v |= int(b[i]) << (8 * i)
			}
			b = b[(width+7)/8:]
			for range h >> 1 {
				out = append(out, v)
			}
			continue
		}
		for i := range int(h>>1) * 8 {
			v := 0
			for j := range width {
				bit := i*width + j
				v |= int(b[bit/8]>>(bit%8)&1) << j
			}
			out = append(out, v)
		}
		b = b[int(h>>1)*width:]
	}
	return out[:n]
}
