package ward

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"sync"
	"time"
)

// ID is a UUID. Ids that Ward makes are version 7 (time-ordered); ids derived from a business key are version 8.
type ID [16]byte

var idState struct {
	sync.Mutex
	last uint64 // milliseconds<<12 | counter of the newest id made
}

// NewID returns a UUIDv7 that is greater than every one made before it in this process.
//
// SPEC(RFC 9562 5.7 and 6.2 method 1): 48 bits of Unix milliseconds, 12 bits of counter, 62 random bits.
func NewID() ID {
	var id ID
	rand.Read(id[8:])
	now := uint64(time.Now().UnixMilli()) << 12
	idState.Lock()
	if now <= idState.last {
		now = idState.last + 1
	}
	idState.last = now
	idState.Unlock()
	binary.BigEndian.PutUint64(id[:8], now>>12<<16|now&0xfff)
	id[6] = id[6]&0x0f | 0x70
	id[8] = id[8]&0x3f | 0x80
	return id
}

// DerivedID returns the UUIDv8 of a 128-bit keyed digest: equal digests give equal ids, so that a replay is an upsert.
//
// SPEC(RFC 9562 5.8): version 8, variant 10, the other 122 bits are the maker's.
func DerivedID(digest [16]byte) ID {
	id := ID(digest)
	id[6] = id[6]&0x0f | 0x80
	id[8] = id[8]&0x3f | 0x80
	return id
}

// IsZero reports whether the id was never set.
func (id ID) IsZero() bool { return id == ID{} }

// String returns the canonical lower-case form.
func (id ID) String() string {
	var b [36]byte
	hex.Encode(b[:8], id[:4])
	hex.Encode(b[9:13], id[4:6])
	hex.Encode(b[14:18], id[6:8])
	hex.Encode(b[19:23], id[8:10])
	hex.Encode(b[24:], id[10:])
	b[8], b[13], b[18], b[23] = '-', '-', '-', '-'
	return string(b[:])
}

// ParseID reads the canonical form, either case.
func ParseID(s string) (ID, error) {
	var id ID
	bad := E(Invalid, "id.parse", "an id has the form of a UUID, xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx", nil)
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return id, bad
	}
	flat := s[:8] + s[9:13] + s[14:18] + s[19:23] + s[24:]
	if _, err := hex.Decode(id[:], []byte(flat)); err != nil {
		return ID{}, bad
	}
	return id, nil
}

// MarshalText implements encoding.TextMarshaler.
func (id ID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (id *ID) UnmarshalText(b []byte) error {
	got, err := ParseID(string(b))
	if err == nil {
		*id = got
	}
	return err
}
