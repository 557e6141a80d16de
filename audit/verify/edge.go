package verify

import (
	"crypto/sha256"
	"errors"
	"math/bits"
)

// Hash is a SHA-256 tree hash.
type Hash = [32]byte

// LeafHash returns the hash of an entry.
//
// SPEC(RFC 6962 2.1): the hash of a leaf is SHA-256(0x00 | leaf).
func LeafHash(leaf []byte) Hash {
	var small [1 + MaxLeaf]byte
	b := append(small[:0], 0)
	return sha256.Sum256(append(b, leaf...))
}

// NodeHash returns the hash of an inner node.
//
// SPEC(RFC 6962 2.1): the hash of a node is SHA-256(0x01 | left | right).
func NodeHash(left, right Hash) Hash {
	var b [65]byte
	b[0] = 1
	copy(b[1:33], left[:])
	copy(b[33:], right[:])
	return sha256.Sum256(b[:])
}

// Edge is the right edge of a tree: the roots of its complete subtrees, largest first. It is all that is needed to
// append and to compute the root. The zero Edge is the empty tree. Not safe for concurrent use.
type Edge struct {
	Size  int64
	Nodes []Hash // as many as Size has one bits
}

// Append adds a leaf hash.
func (e *Edge) Append(h Hash) { e.push(h, e.Size, 1) }

// AppendTile adds the root of a full tile of 256 leaves. The size must be a multiple of 256.
func (e *Edge) AppendTile(root Hash) error {
	if e.Size%TileWidth != 0 {
		return errors.New("verify: a tile can only follow full tiles")
	}
	e.push(root, e.Size/TileWidth, TileWidth)
	return nil
}

func (e *Edge) push(h Hash, count, leaves int64) {
	for ; count&1 == 1; count >>= 1 {
		last := len(e.Nodes) - 1
		h = NodeHash(e.Nodes[last], h)
		e.Nodes = e.Nodes[:last]
	}
	e.Nodes = append(e.Nodes, h)
	e.Size += leaves
}

// Root returns the tree hash.
//
// SPEC(RFC 6962 2.1): the hash of an empty tree is the hash of an empty string.
func (e *Edge) Root() Hash {
	if len(e.Nodes) == 0 {
		return sha256.Sum256(nil)
	}
	h := e.Nodes[len(e.Nodes)-1]
	for i := len(e.Nodes) - 2; i >= 0; i-- {
		h = NodeHash(e.Nodes[i], h)
	}
	return h
}

// Clone returns an independent copy.
func (e *Edge) Clone() Edge { return Edge{Size: e.Size, Nodes: append([]Hash(nil), e.Nodes...)} }

// Bytes returns the nodes, one after the other.
func (e *Edge) Bytes() []byte {
	b := make([]byte, 0, 32*len(e.Nodes))
	for _, n := range e.Nodes {
		b = append(b, n[:]...)
	}
	return b
}

// ParseEdge is the inverse of Bytes.
func ParseEdge(size int64, b []byte) (Edge, error) {
	if size < 0 || len(b) != 32*bits.OnesCount64(uint64(size)) {
		return Edge{}, errors.New("verify: right edge does not fit the size")
	}
	e := Edge{Size: size}
	for ; len(b) > 0; b = b[32:] {
		e.Nodes = append(e.Nodes, Hash(b))
	}
	return e, nil
}

// Root returns the RFC 6962 tree hash over leaf hashes.
func Root(leaves []Hash) Hash {
	var e Edge
	for _, h := range leaves {
		e.Append(h)
	}
	return e.Root()
}
