package audit

import (
	"encoding/binary"
	"hash/crc32"

	"github.com/ward-health/ward/engine/keys"
)

// A frame is head(8) | payload | mac(32). The mac is a keyed digest over the mac of the frame before it, head and
// payload: a changed, missing or moved frame breaks the chain. The head is
//
//	kind(1, top bit: last frame of its group) | payload length(3) | group(2) | check(2)
//
// A group is what is made durable by one sync. Its number tells recovery whether a broken frame can be the torn end of
// a write that nobody was told about, or must have been durable.
const (
	frameHead     = 8
	frameMAC      = 32
	frameOverhead = frameHead + frameMAC
	maxFrame      = frameOverhead + maxPayload
)

const (
	frameSegment  = 1 // first of every file: magic and number
	frameEntry    = 2
	frameMerged   = 3 // an entry that waited in the emergency journal
	frameAnchor   = 4 // what was published, see anchor
	frameRecovery = 5 // a torn end was cut off here
	frameLast     = 0x80
)

type head struct {
	kind  byte
	last  bool
	n     int
	group uint16
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func headCheck(b []byte) uint16 { return uint16(crc32.Checksum(b[:6], castagnoli)) }

func (h head) append(b []byte) []byte {
	kind := h.kind
	if h.last {
		kind |= frameLast
	}
	start := len(b)
	b = append(b, kind, byte(h.n>>16), byte(h.n>>8), byte(h.n))
	b = binary.BigEndian.AppendUint16(b, h.group)
	return binary.BigEndian.AppendUint16(b, headCheck(b[start:]))
}

// parseHead reads a head; false if it is none.
func parseHead(b []byte) (head, bool) {
	if len(b) < frameHead || binary.BigEndian.Uint16(b[6:8]) != headCheck(b) {
		return head{}, false
	}
	h := head{kind: b[0] &^ frameLast, last: b[0]&frameLast != 0, n: int(b[1])<<16 | int(b[2])<<8 | int(b[3]),
		group: binary.BigEndian.Uint16(b[4:6])}
	return h, h.kind >= frameSegment && h.kind <= frameRecovery && h.n <= maxPayload
}

// link returns the mac of a frame behind the frame with mac prev.
func link(m keys.MAC, prev *[32]byte, head, payload []byte) [32]byte {
	return m.Sum(prev[:], head, payload)
}
