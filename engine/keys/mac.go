package keys

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
	"sync"

	"github.com/ward-health/ward"
)

// mac is HMAC-SHA-256 with pooled states: a reset state re-uses the hashed key block, which saves two of the four
// compressions of a short message and every allocation.
type mac struct{ pool sync.Pool }

type macState struct {
	h     hash.Hash
	frame [8]byte
	sum   [sha256.Size]byte
}

// NewMAC returns the keyed digest for one purpose: the HMAC key is HKDF-SHA-256 of key, so that digests of two purposes
// never meet. The key has KeySize bytes.
func NewMAC(key []byte, purpose string) (MAC, error) {
	if len(key) != KeySize {
		return nil, ward.E(ward.Internal, "keys.mac", fmt.Sprintf("a key must have %d bytes", KeySize), nil)
	}
	sub, err := derive(key, nil, "ward/mac/v1|"+purpose, KeySize)
	if err != nil {
		return nil, err
	}
	return newMAC(sub), nil
}

func newMAC(key []byte) *mac {
	m := &mac{}
	m.pool.New = func() any {
		s := &macState{h: hmac.New(sha256.New, key)}
		s.h.Reset()
		return s
	}
	return m
}

// Format implements fmt.Formatter for every verb.
func (m *mac) Format(f fmt.State, _ rune) { fmt.Fprint(f, "[key]") }

// Sum implements MAC.
func (m *mac) Sum(parts ...[]byte) [32]byte { return m.digest(true, parts) }

// digest is plain HMAC of the joined parts, each behind its length as 8 bytes if framed.
func (m *mac) digest(framed bool, parts [][]byte) [32]byte {
	s := m.pool.Get().(*macState)
	for _, p := range parts {
		if framed {
			binary.BigEndian.PutUint64(s.frame[:], uint64(len(p)))
			s.h.Write(s.frame[:])
		}
		s.h.Write(p)
	}
	s.h.Sum(s.sum[:0])
	out := s.sum
	clear(s.sum[:])
	s.h.Reset()
	m.pool.Put(s)
	return out
}
