package mllp

import (
	"math/bits"
	"sync"
	"sync/atomic"
)

const (
	slabSize = 32 << 10 // a slab that no frame made larger
	minRoom  = 2 << 10  // less room than this is not read into
)

// slab is one buffer that the network is read into. Frames lie in it where they were read and are never copied: each
// frame in flight holds a reference, and so does the Reader while it reads into it. Bytes are wiped by whoever is done
// with them, so a slab without references is all zero.
type slab struct {
	b    []byte
	refs atomic.Int32
	free func() // gives back what the slab was charged; may be nil
}

// pools holds slabs of slabSize, twice that, and so on to 1 MiB; larger ones are left to the garbage collector.
var pools [6]sync.Pool

func class(size int) int { return bits.Len(uint((size - 1) / slabSize)) }

// newSlab returns an all-zero slab of size bytes with one reference. size is a power of two times slabSize, or is not
// kept for later use.
func newSlab(size int, free func()) *slab {
	var s *slab
	if c := class(size); c < len(pools) && size == slabSize<<c {
		s, _ = pools[c].Get().(*slab)
	}
	if s == nil {
		s = &slab{b: make([]byte, size)}
	}
	s.free = free
	s.refs.Store(1)
	return s
}

// wipe clears bytes of the slab that nobody else holds and gives one reference back.
func (s *slab) wipe(b []byte) {
	clear(b)
	s.release()
}

func (s *slab) release() {
	if s.refs.Add(-1) > 0 {
		return
	}
	if s.free != nil {
		s.free()
		s.free = nil
	}
	if c := class(len(s.b)); c < len(pools) && len(s.b) == slabSize<<c {
		pools[c].Put(s)
	}
}

// alone reports whether the only reference is the caller's.
func (s *slab) alone() bool { return s.refs.Load() == 1 }
