package parquet

import "encoding/binary"

// Wire types of Thrift's compact protocol.
const (
	wireTrue   = 1
	wireFalse  = 2
	wireI16    = 4
	wireI32    = 5
	wireI64    = 6
	wireBinary = 8
	wireList   = 9
	wireStruct = 12
)

// thrift appends one struct in the compact protocol. Field ids have to rise within a struct.
//
// SPEC(Thrift compact protocol, struct encoding): a field header holds the distance to the id before; numbers are zigzag
// variable-length integers; a struct ends in a zero byte.
type thrift struct {
	b    []byte
	last []int16 // id of the field before, for each open struct
}

func (t *thrift) field(id int16, wire byte) {
	top := len(t.last) - 1
	if delta := id - t.last[top]; delta > 0 && delta < 16 {
		t.b = append(t.b, byte(delta)<<4|wire)
	} else {
		t.b = append(t.b, wire)
		t.b = binary.AppendVarint(t.b, int64(id))
	}
	t.last[top] = id
}

func (t *thrift) open()  { t.last = append(t.last, 0) }
func (t *thrift) close() { t.b, t.last = append(t.b, 0), t.last[:len(t.last)-1] }

func (t *thrift) i16(id int16, v int16) {
	t.field(id, wireI16)
	t.b = binary.AppendVarint(t.b, int64(v))
}

func (t *thrift) i32(id int16, v int) {
	t.field(id, wireI32)
	t.b = binary.AppendVarint(t.b, int64(v))
}

func (t *thrift) i64(id int16, v int64) {
	t.field(id, wireI64)
	t.b = binary.AppendVarint(t.b, v)
}

func (t *thrift) boolean(id int16, v bool) {
	if v {
		t.field(id, wireTrue)
	} else {
		t.field(id, wireFalse)
	}
}

func (t *thrift) text(id int16, v string) {
	t.field(id, wireBinary)
	t.raw(v)
}

func (t *thrift) raw(v string) {
	t.b = binary.AppendUvarint(t.b, uint64(len(v)))
	t.b = append(t.b, v...)
}

// list begins a list; its items follow, structs each between open and close.
func (t *thrift) list(id int16, wire byte, n int) {
	t.field(id, wireList)
	if n < 15 {
		t.b = append(t.b, byte(n)<<4|wire)
		return
	}
	t.b = append(t.b, 0xF0|wire)
	t.b = binary.AppendUvarint(t.b, uint64(n))
}

func (t *thrift) enums(id int16, v ...int) {
	t.list(id, wireI32, len(v))
	for _, e := range v {
		t.b = binary.AppendVarint(t.b, int64(e))
	}
}

// in writes a struct as a field.
func (t *thrift) in(id int16, write func()) {
	t.field(id, wireStruct)
	t.open()
	write()
	t.close()
}

// empty writes a struct without fields: the variants of a union that carry nothing.
func (t *thrift) empty(id int16) { t.in(id, func() {}) }
