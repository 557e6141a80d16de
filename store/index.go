package store

import (
	"bytes"
	"encoding/binary"
	"slices"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/clinical/fhir"
)

// maxIndexRows bounds the index rows of one resource.
const maxIndexRows = 10_000

// The index tables, as packed keys name them.
const (
	tokTable  = 1
	refTable  = 2
	dateTable = 3
)

// keySize is the length of an ixKey: table, parameter, 16 bytes of value.
const keySize = 1 + 2 + 16

// ixKey is one index row without tenant and rid: table(1) | parameter(2) | value(16), where the value is v8 and zeros, rk16,
// or lo and hi. Packed in order it is res.rev.
type ixKey [keySize]byte

func newKey(table byte, sp fhir.Param) (k ixKey) {
	k[0] = table
	binary.BigEndian.PutUint16(k[1:], uint16(sp))
	return k
}

func tokKey(sp fhir.Param, v8 int64) ixKey {
	k := newKey(tokTable, sp)
	binary.BigEndian.PutUint64(k[3:], uint64(v8))
	return k
}

func refKey(sp fhir.Param, rk []byte) ixKey {
	k := newKey(refTable, sp)
	copy(k[3:], rk)
	return k
}

func dateKey(sp fhir.Param, lo, hi int64) ixKey {
	k := newKey(dateTable, sp)
	binary.BigEndian.PutUint64(k[3:], uint64(lo))
	binary.BigEndian.PutUint64(k[11:], uint64(hi))
	return k
}

func (k ixKey) table() byte           { return k[0] }
func (k ixKey) sp() int64             { return int64(int16(binary.BigEndian.Uint16(k[1:]))) }
func (k ixKey) v8() int64             { return int64(binary.BigEndian.Uint64(k[3:])) }
func (k ixKey) rk() []byte            { return slices.Clone(k[3:19]) }
func (k ixKey) lo() int64             { return int64(binary.BigEndian.Uint64(k[3:])) }
func (k ixKey) hi() int64             { return int64(binary.BigEndian.Uint64(k[11:])) }
func compare(a, b ixKey) int          { return bytes.Compare(a[:], b[:]) }
func (k ixKey) isLabel() bool         { return k.table() == tokTable && k.sp() == int64(fhir.ParamSecurity) }
func paramBytes(sp fhir.Param) []byte { return binary.BigEndian.AppendUint16(nil, uint16(sp)) }

// token is v8 of a token with its system, which may be empty: "|code" and "system|code".
//
// 64 bits: two different tokens of a tenant meet with probability 2^-64 per pair. Hits are verified on the body; counts
// are taken from the index.
func (n names) token(sp fhir.Param, system, code string) int64 {
	sum := n.index.Sum([]byte("system|code"), paramBytes(sp), []byte(system), []byte(code))
	return int64(binary.BigEndian.Uint64(sum[:]))
}

// code is v8 of a token whatever its system.
func (n names) code(sp fhir.Param, code string) int64 {
	sum := n.index.Sum([]byte("code"), paramBytes(sp), []byte(code))
	return int64(binary.BigEndian.Uint64(sum[:]))
}

// label is v8 of a security label whatever its system: what a filter asks for.
func (n names) label(code string) int64 { return n.code(fhir.ParamSecurity, code) }

// keys returns the index rows of a resource, in order and without doubles.
func (n names) keys(f fhir.Facts) ([]ixKey, error) {
	out := make([]ixKey, 0, 2*len(f.Values)+len(f.Labels))
	for _, v := range f.Values {
		switch v.Kind {
		case fhir.Token:
			out = append(out, tokKey(v.Param, n.token(v.Param, v.System, v.Code)), tokKey(v.Param, n.code(v.Param, v.Code)))
		case fhir.Ref:
			out = append(out, refKey(v.Param, n.ref(ward.Reference{Type: v.System, ID: v.Code})))
		case fhir.Date:
			out = append(out, dateKey(v.Param, v.Lo, v.Hi))
		}
	}
	for _, l := range f.Labels {
		out = append(out, tokKey(fhir.ParamSecurity, n.label(l)))
	}
	slices.SortFunc(out, compare)
	out = slices.Compact(out)
	if len(out) > maxIndexRows {
		return nil, ward.E(ward.TooLarge, "store.index", "the resource has more than 10000 search values; split it", nil)
	}
	return out, nil
}

// labelsOf keeps only the security labels: what a deletion leaves in the index, so that filters on labels still hold.
func labelsOf(ks []ixKey) []ixKey {
	return slices.DeleteFunc(slices.Clone(ks), func(k ixKey) bool { return !k.isLabel() })
}

func pack(ks []ixKey) []byte {
	out := make([]byte, 0, len(ks)*keySize)
	for _, k := range ks {
		out = append(out, k[:]...)
	}
	return out
}

func unpack(rev []byte) ([]ixKey, error) {
	if len(rev)%keySize != 0 {
		return nil, internal("store.index", "a pointer row carries broken index keys; run ward store check", nil)
	}
	out := make([]ixKey, 0, len(rev)/keySize)
	for chunk := range slices.Chunk(rev, keySize) {
		out = append(out, ixKey(chunk))
	}
	return out, nil
}

// difference returns what is in a and not in b; both in order.
func difference(a, b []ixKey) (out []ixKey) {
	for _, k := range a {
		if _, found := slices.BinarySearchFunc(b, k, compare); !found {
			out = append(out, k)
		}
	}
	return out
}
