package parquet

import (
	"encoding/binary"
	"math/bits"
)

// appendHybrid appends values of width bits each as runs and bit-packed groups.
//
// SPEC(Parquet Encodings.md, RLE): a run is its length shifted left by one, then the value in whole bytes; a packed
// sequence is its number of groups of eight shifted left by one with the low bit set, then the bits, the lowest first. Only the
// last group may be filled up.
func appendHybrid[T uint8 | uint32](dst []byte, values []T, width int) []byte {
	for i := 0; i < len(values); {
		if run := runAt(values, i); run >= 8 {
			dst = binary.AppendUvarint(dst, uint64(run)<<1)
			for k := 0; k < width; k += 8 {
				dst = append(dst, byte(uint32(values[i])>>k))
			}
			i += run
			continue
		}
		end := i + 8
		for end < len(values) && runAt(values, end) < 8 {
			end += 8
		}
		dst = binary.AppendUvarint(dst, uint64(end-i)/8<<1|1)
		dst = appendPacked(dst, values[i:min(end, len(values))], width, end-i)
		i = end
	}
	return dst
}

// runAt counts equal values from i on; beyond eight it goes on to the end of the run.
func runAt[T uint8 | uint32](values []T, i int) int {
	n := 1
	for i+n < len(values) && values[i+n] == values[i] {
		n++
	}
	return n
}

// appendPacked packs values, filled up with zeros to n values, n a multiple of eight.
func appendPacked[T uint8 | uint32](dst []byte, values []T, width, n int) []byte {
	var acc uint64
	var have int
	for i := range n {
		if i < len(values) {
			acc |= uint64(values[i]) << have
		}
		for have += width; have >= 8; have -= 8 {
			dst = append(dst, byte(acc))
			acc >>= 8
		}
	}
	return dst
}

// widthOf is the number of bits that values up to most need.
func widthOf(most int) int { return bits.Len(uint(most)) }
