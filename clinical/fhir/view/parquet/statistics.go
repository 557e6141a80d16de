package parquet

import (
	"bytes"
	"encoding/binary"
	"math"
)

// longest is the length of a byte string beyond which a chunk has no bounds in its statistics.
const longest = 64

// statistics are the bounds of a chunk. Byte strings are compared as unsigned bytes, numbers as what they are.
type statistics struct {
	nulls                 int64
	some                  bool // there is a value, and least and most hold
	unbounded             bool // a value cannot be ordered or is too long
	leastInt, mostInt     int64
	leastFloat, mostFloat float64
	least, most           []byte
}

func (s *statistics) int(v int64) {
	if !s.some {
		s.some, s.leastInt, s.mostInt = true, v, v
		return
	}
	s.leastInt, s.mostInt = min(s.leastInt, v), max(s.mostInt, v)
}

// float takes a value in. NaN has no place in an order.
func (s *statistics) float(v float64) {
	switch {
	case math.IsNaN(v):
		s.unbounded = true
	case !s.some:
		s.some, s.leastFloat, s.mostFloat = true, v, v
	default:
		s.leastFloat, s.mostFloat = min(s.leastFloat, v), max(s.mostFloat, v)
	}
}

func (s *statistics) bytes(v []byte) {
	switch {
	case s.unbounded:
	case len(v) > longest:
		s.unbounded = true
	case !s.some:
		s.some, s.least, s.most = true, append(s.least[:0], v...), append(s.most[:0], v...)
	case bytes.Compare(v, s.least) < 0:
		s.least = append(s.least[:0], v...)
	case bytes.Compare(v, s.most) > 0:
		s.most = append(s.most[:0], v...)
	}
}

// write writes the Statistics struct.
//
// SPEC(parquet.thrift Statistics): bounds are PLAIN without a length; a lower bound of zero is written as -0 and an upper
// one as +0.
func (s *statistics) write(t *thrift, k Kind) {
	t.i64(3, s.nulls)
	if !s.some || s.unbounded || k == Boolean {
		return
	}
	var least, most []byte
	switch {
	case k.bytes():
		least, most = s.least, s.most
	case k == Double:
		lo, hi := s.leastFloat, s.mostFloat
		if lo == 0 {
			lo = math.Copysign(0, -1)
		}
		if hi == 0 {
			hi = math.Copysign(0, 1)
		}
		least, most = binary.LittleEndian.AppendUint64(nil, math.Float64bits(lo)), binary.LittleEndian.AppendUint64(nil, math.Float64bits(hi))
	case k.physical() == typeInt32:
		least, most = binary.LittleEndian.AppendUint32(nil, uint32(s.leastInt)), binary.LittleEndian.AppendUint32(nil, uint32(s.mostInt))
	default:
		least, most = binary.LittleEndian.AppendUint64(nil, uint64(s.leastInt)), binary.LittleEndian.AppendUint64(nil, uint64(s.mostInt))
	}
	t.text(5, string(most))
	t.text(6, string(least))
}
