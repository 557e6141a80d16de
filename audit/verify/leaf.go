package verify

import (
	"encoding/base64"
	"errors"
	"strconv"
)

// MaxLeaf is the greatest length of a leaf in bytes.
const MaxLeaf = 300

// LeafVersion is the first byte of every leaf of this form.
const LeafVersion = 0x01

// Leaf is what the log commits to in public: numbers, pseudonyms and digests, never patient data. A zero Actor, Model,
// Policy, Subjects or Writes is absent from the encoding.
type Leaf struct {
	Act      uint8    // a: number of the act
	Actor    [16]byte // c: pseudonym of the actor
	Detail   [32]byte // d: SHA-256(salt | sealed detail)
	ID       [16]byte // i: entry id
	Model    [8]byte  // m: first bytes of the model digest (then Policy is absent)
	Outcome  uint8    // o: 1 done, 2 denied, 3 failed
	Purpose  uint8    // p: number of the purpose of use, 0 none
	Policy   [8]byte  // q: first bytes of the policy digest
	Subjects [32]byte // s: salted RFC 6962 root over the subjects
	At       int64    // t: Unix milliseconds
	Tenant   [8]byte  // u: pseudonym of the tenant
	Writes   [32]byte // w: RFC 6962 root over the ciphertext digests; of exactly one, that digest
}

var leafBase64 = base64.RawStdEncoding.Strict()

// Append appends the one encoding of the leaf: version byte, then JSON with sorted keys and no white space.
func (l *Leaf) Append(b []byte) []byte {
	b = append(b, LeafVersion)
	b = append(b, `{"a":`...)
	b = strconv.AppendUint(b, uint64(l.Act), 10)
	b = appendField(b, 'c', l.Actor[:])
	b = appendBytes(b, 'd', l.Detail[:])
	b = appendBytes(b, 'i', l.ID[:])
	b = appendField(b, 'm', l.Model[:])
	b = appendNumber(b, 'o', uint64(l.Outcome))
	b = appendNumber(b, 'p', uint64(l.Purpose))
	b = appendField(b, 'q', l.Policy[:])
	b = appendField(b, 's', l.Subjects[:])
	b = appendNumber(b, 't', uint64(l.At))
	b = appendBytes(b, 'u', l.Tenant[:])
	b = appendField(b, 'w', l.Writes[:])
	return append(b, '}')
}

func appendNumber(b []byte, key byte, n uint64) []byte {
	b = append(b, ',', '"', key, '"', ':')
	return strconv.AppendUint(b, n, 10)
}

func appendBytes(b []byte, key byte, v []byte) []byte {
	b = append(b, ',', '"', key, '"', ':', '"')
	b = leafBase64.AppendEncode(b, v)
	return append(b, '"')
}

func appendField(b []byte, key byte, v []byte) []byte {
	if isZero(v) {
		return b
	}
	return appendBytes(b, key, v)
}

func isZero(v []byte) bool {
	for _, c := range v {
		if c != 0 {
			return false
		}
	}
	return true
}

var errLeaf = errors.New("not a canonical leaf")

// ParseLeaf reads a leaf and refuses every encoding but the one that Append gives, so that two different leaves never
// mean the same.
//
// SPEC(RFC 8785 3.2): sorted keys, no white space, shortest integers.
func ParseLeaf(b []byte) (Leaf, error) {
	var l Leaf
	if len(b) > MaxLeaf || len(b) < 8 || b[0] != LeafVersion || string(b[1:6]) != `{"a":` {
		return Leaf{}, errLeaf
	}
	c := members{b: b[6:]}
	l.Act = uint8(c.number(255))
	c.optional('c', l.Actor[:])
	c.bytes('d', l.Detail[:])
	c.bytes('i', l.ID[:])
	c.optional('m', l.Model[:])
	c.key('o')
	l.Outcome = uint8(c.number(3))
	c.key('p')
	l.Purpose = uint8(c.number(255))
	if l.Model == [8]byte{} {
		c.optional('q', l.Policy[:])
	}
	c.optional('s', l.Subjects[:])
	c.key('t')
	l.At = int64(c.number(999_999_999_999_999))
	c.bytes('u', l.Tenant[:])
	c.optional('w', l.Writes[:])
	if c.bad || len(c.b) != 1 || c.b[0] != '}' || l.Act == 0 || l.Outcome == 0 || l.At == 0 {
		return Leaf{}, errLeaf
	}
	return l, nil
}

// members reads the members of a leaf in their order and remembers whether any was not as it must be.
type members struct {
	b   []byte
	bad bool
}

// next reports whether the member with this key follows, and takes its key.
func (c *members) next(key byte) bool {
	b := c.b
	if len(b) < 5 || b[0] != ',' || b[1] != '"' || b[2] != key || b[3] != '"' || b[4] != ':' {
		return false
	}
	c.b = b[5:]
	return true
}

func (c *members) key(key byte) {
	if !c.next(key) {
		c.bad = true
	}
}

func (c *members) number(limit uint64) (n uint64) {
	digits := 0
	for digits < len(c.b) && c.b[digits]-'0' <= 9 && digits < 16 {
		n = n*10 + uint64(c.b[digits]-'0')
		digits++
	}
	if digits == 0 || digits > 1 && c.b[0] == '0' || n > limit {
		c.bad = true
	}
	c.b = c.b[digits:]
	return n
}

// optional reads a field that is absent when it is zero.
func (c *members) optional(key byte, dst []byte) {
	if c.next(key) {
		c.value(dst)
		c.bad = c.bad || isZero(dst)
	}
}

func (c *members) bytes(key byte, dst []byte) {
	c.key(key)
	c.value(dst)
}

func (c *members) value(dst []byte) {
	n := (len(dst)*8 + 5) / 6
	if c.bad || len(c.b) < n+2 || c.b[0] != '"' || c.b[n+1] != '"' || !decode64(dst, c.b[1:n+1]) {
		c.bad = true
		return
	}
	c.b = c.b[n+2:]
}

// sextet maps a character of base64 to its value, everything else to 0xff.
var sextet = func() (t [256]byte) {
	for i := range t {
		t[i] = 0xff
	}
	for i, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/") {
		t[c] = byte(i)
	}
	return t
}()

// decode64 fills dst from unpadded base64 of exactly that length. It exists beside encoding/base64 because that one
// skips line ends and costs half of a log's verification.
//
// SPEC(RFC 4648 3.5): bits that stand for nothing must be zero.
func decode64(dst, src []byte) bool {
	bad := byte(0)
	for ; len(src) >= 4; src, dst = src[4:], dst[3:] {
		a, b, c, d := sextet[src[0]], sextet[src[1]], sextet[src[2]], sextet[src[3]]
		bad |= a | b | c | d
		dst[0], dst[1], dst[2] = a<<2|b>>4, b<<4|c>>2, c<<6|d
	}
	switch len(src) {
	case 2:
		a, b := sextet[src[0]], sextet[src[1]]
		bad |= a | b
		dst[0] = a<<2 | b>>4
	case 3:
		a, b, c := sextet[src[0]], sextet[src[1]], sextet[src[2]]
		bad |= a | b | c
		dst[0], dst[1] = a<<2|b>>4, b<<4|c>>2
	}
	return bad&0xc0 == 0 && spare(src) == 0
}

// spare returns the bits of the last character that stand for nothing.
func spare(tail []byte) byte {
	switch len(tail) {
	case 2:
		return sextet[tail[1]] & 0x0f
	case 3:
		return sextet[tail[2]] & 0x03
	}
	return 0
}
