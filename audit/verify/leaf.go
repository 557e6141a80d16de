package verify

import (
	"bytes"
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

// ParseLeaf reads a leaf and refuses every encoding but the one that Append gives.
//
// SPEC(RFC 8785 3.2): sorted keys, no white space, shortest integers; here the check is that encoding again gives the
// same bytes, so two different leaves never mean the same.
func ParseLeaf(b []byte) (Leaf, error) {
	var l Leaf
	if len(b) > MaxLeaf || len(b) < 3 || b[0] != LeafVersion || b[1] != '{' || b[len(b)-1] != '}' {
		return Leaf{}, errLeaf
	}
	rest := b[2 : len(b)-1]
	for len(rest) > 0 {
		var err error
		if rest, err = l.member(rest); err != nil {
			return Leaf{}, err
		}
	}
	var again [MaxLeaf + 64]byte
	both := !isZero(l.Model[:]) && !isZero(l.Policy[:])
	if both || l.Act == 0 || l.Outcome == 0 || l.Outcome > 3 || l.At <= 0 || !bytes.Equal(l.Append(again[:0]), b) {
		return Leaf{}, errLeaf
	}
	return l, nil
}

// member reads one `"k":value` and the comma behind it.
func (l *Leaf) member(s []byte) ([]byte, error) {
	if len(s) < 5 || s[0] != '"' || s[2] != '"' || s[3] != ':' {
		return nil, errLeaf
	}
	key, s := s[1], s[4:]
	end := bytes.IndexByte(s, ',')
	value, rest := s, []byte(nil)
	if end >= 0 {
		value, rest = s[:end], s[end+1:]
		if len(rest) == 0 {
			return nil, errLeaf
		}
	}
	if dst := l.bytesOf(key); dst != nil {
		return rest, decodeInto(dst, value)
	}
	n, err := number(value)
	if err != nil {
		return nil, err
	}
	switch {
	case key == 'a' && n <= 255:
		l.Act = uint8(n)
	case key == 'o' && n <= 255:
		l.Outcome = uint8(n)
	case key == 'p' && n <= 255:
		l.Purpose = uint8(n)
	case key == 't':
		l.At = n
	default:
		return nil, errLeaf
	}
	return rest, nil
}

func (l *Leaf) bytesOf(key byte) []byte {
	switch key {
	case 'c':
		return l.Actor[:]
	case 'd':
		return l.Detail[:]
	case 'i':
		return l.ID[:]
	case 'm':
		return l.Model[:]
	case 'q':
		return l.Policy[:]
	case 's':
		return l.Subjects[:]
	case 'u':
		return l.Tenant[:]
	case 'w':
		return l.Writes[:]
	}
	return nil
}

func decodeInto(dst, quoted []byte) error {
	n := len(quoted) - 2
	if n < 0 || quoted[0] != '"' || quoted[n+1] != '"' || n != leafBase64.EncodedLen(len(dst)) {
		return errLeaf
	}
	var buf [48]byte // DecodedLen of the longest field, 43 characters, and room
	k, err := leafBase64.Decode(buf[:], quoted[1:n+1])
	if err != nil || k != len(dst) {
		return errLeaf
	}
	copy(dst, buf[:k])
	return nil
}

func number(s []byte) (int64, error) {
	if len(s) == 0 || len(s) > 15 {
		return 0, errLeaf
	}
	var n int64
	for _, c := range s {
		if c < '0' || c > '9' {
			return 0, errLeaf
		}
		n = n*10 + int64(c-'0')
	}
	return n, nil
}
