package tree

import (
	"encoding/binary"
	"math/bits"
)

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// scanString passes over the inside of a string that begins at i, behind its quote. end is the offset behind the closing quote, -1 if
// the string is not well formed (badString then says where).
func scanString(src []byte, i int) (end int, escaped bool) {
	for {
		for ; i+8 <= len(src); i += 8 {
			// A byte's high bit is set in m where it is below 0x20, a quote or a backslash. A borrow may set it above such a byte too, so
			// that only the lowest counts.
			w := binary.LittleEndian.Uint64(src[i:])
			q, b := w^('"'*ones), w^('\\'*ones)
			if m := ((w-0x20*ones)&^w | (q-ones)&^q | (b-ones)&^b) & highs; m != 0 {
				i += bits.TrailingZeros64(m) >> 3
				break
			}
		}
		for i < len(src) && src[i] != '"' && src[i] != '\\' && src[i] >= 0x20 {
			i++
		}
		switch {
		case i >= len(src) || src[i] < 0x20:
			return -1, escaped
		case src[i] == '"':
			return i + 1, escaped
		}
		n := escape(src[i:])
		if n == 0 {
			return -1, true
		}
		escaped = true
		i += n
	}
}

// badString says what scanString stopped at in the string whose inside begins at i.
func (p *parser) badString(i int) error {
	src := p.d.Src
	for {
		switch {
		case i >= len(src):
			return p.fail(i, "the end of the string")
		case src[i] == '\\':
			n := escape(src[i:])
			if n == 0 {
				return p.fail(i, "a valid escape")
			}
			i += n
		case src[i] < 0x20:
			return p.fail(i, "no control character in a string")
		default:
			i++
		}
	}
}

// escape returns the length of the escape that b begins with, 0 if it is none.
func escape(b []byte) int {
	if len(b) < 2 {
		return 0
	}
	switch b[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
	default:
		return 0
	}
	r := hex4(b[2:])
	switch {
	case r < 0 || isLow(r):
		return 0
	case !isHigh(r):
		return 6
	case len(b) >= 12 && b[6] == '\\' && b[7] == 'u' && isLow(hex4(b[8:])):
		return 12
	}
	return 0
}
