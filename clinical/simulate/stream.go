package simulate

import (
	"encoding/binary"
	"encoding/hex"
	"math/bits"
	"strconv"
)

// stream is SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, OOPSLA 2014), written out
// here so that no release of a library changes what a seed means. Not for secrets.
type stream struct{ state uint64 }

func (s *stream) next() uint64 {
	s.state += 0x9e3779b97f4a7c15
	z := s.state
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// split returns a stream of its own for the n-th part of something, so that parts do not depend on each other's length.
func (s stream) split(n uint64) *stream {
	s.state ^= bits.RotateLeft64(n*0xd1342543de82ef95+1, 32)
	return &stream{s.next()}
}

// below returns a number from 0 to n-1 (multiply and shift; its bias is below n/2^64).
func (s *stream) below(n int) int {
	hi, _ := bits.Mul64(s.next(), uint64(n))
	return int(hi)
}

// between returns a number from lo to hi.
func (s *stream) between(lo, hi int) int { return lo + s.below(hi-lo+1) }

// around returns a number from lo to hi that is more often in the middle.
func (s *stream) around(lo, hi int) int {
	return lo + (s.below(hi-lo+1)+s.below(hi-lo+1)+s.below(hi-lo+1))/3
}

// chance is true in percent of all cases.
func (s *stream) chance(percent int) bool { return s.below(100) < percent }

func pick[T any](s *stream, from []T) T { return from[s.below(len(from))] }

// id returns a UUID of version 8: FHIR ids that say nothing about anybody.
func (s *stream) id() string {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], s.next())
	binary.BigEndian.PutUint64(b[8:], s.next())
	b[6] = b[6]&0x0f | 0x80
	b[8] = b[8]&0x3f | 0x80
	h := hex.EncodeToString(b[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// decimal writes n thousandths, hundredths ... as a decimal number: decimal(105, 2) is 1.05.
func decimal(n, places int) string {
	sign := ""
	if n < 0 {
		sign, n = "-", -n
	}
	s := strconv.Itoa(n)
	if places == 0 {
		return sign + s
	}
	for len(s) <= places {
		s = "0" + s
	}
	return sign + s[:len(s)-places] + "." + s[len(s)-places:]
}
