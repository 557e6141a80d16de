package tree

import "hash/maphash"

// names is the set of the member names of an object that has many. Its hash has a secret seed, since names may be made to collide.
type names struct {
	seed  maphash.Seed
	slots []slot // open addressing; node 0 is free: no member is the root
	n     int
}

type slot struct{ hash, node uint32 }

func newNames() *names {
	return &names{seed: maphash.MakeSeed(), slots: make([]slot, 4*manyMembers)}
}

// add puts the name of node n into the set and reports whether it was there already.
func (s *names) add(d *Doc, n int, name []byte) bool {
	if 2*s.n >= len(s.slots) {
		s.grow()
	}
	h := uint32(maphash.Bytes(s.seed, name))
	i := s.place(h)
	for ; s.slots[i].node != 0; i = (i + 1) % len(s.slots) {
		if s.slots[i].hash == h && d.named(int(s.slots[i].node), name) {
			return true
		}
	}
	s.slots[i] = slot{h, uint32(n)}
	s.n++
	return false
}

func (s *names) place(h uint32) int { return int(h) % len(s.slots) }

func (s *names) grow() {
	old := s.slots
	s.slots = make([]slot, 2*len(old))
	for _, o := range old {
		if o.node == 0 {
			continue
		}
		i := s.place(o.hash)
		for s.slots[i].node != 0 {
			i = (i + 1) % len(s.slots)
		}
		s.slots[i] = o
	}
}
