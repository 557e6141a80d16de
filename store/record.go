package store

import (
	"bytes"
	"encoding/binary"

	"github.com/ward-health/ward/engine/keys/seal"
)

// schemaVersion is the form of the header inside a sealed text.
const schemaVersion = 1

// header stands before the body inside every sealed text, so that the clear columns of a row can be compared with what
// was sealed. Deletions have no body: labels keeps the index keys of their security labels.
type header struct {
	op      Op
	updUS   int64
	conf    int
	patient seal.Subject
	rt, id  string // payloads: kind and empty
	topic   [16]byte
	labels  []int64
}

func (h header) append(b []byte) []byte {
	b = append(b, schemaVersion, byte(h.op))
	b = binary.BigEndian.AppendUint64(b, uint64(h.updUS))
	b = append(b, byte(h.conf))
	b = append(b, h.patient[:]...)
	b = append(b, h.topic[:]...)
	b = appendText(appendText(b, h.rt), h.id)
	b = binary.AppendUvarint(b, uint64(len(h.labels)))
	for _, l := range h.labels {
		b = binary.BigEndian.AppendUint64(b, uint64(l))
	}
	return b
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// cutHeader splits an opened text into header and body. Opened texts are authentic, so a failure means a defect or a form
// that this build does not know.
func cutHeader(text []byte) (h header, body []byte, ok bool) {
	const fixed = 1 + 1 + 8 + 1 + 16 + 16
	if len(text) < fixed || text[0] != schemaVersion {
		return h, nil, false
	}
	h.op, h.updUS, h.conf = Op(text[1]), int64(binary.BigEndian.Uint64(text[2:])), int(text[10])
	h.patient, h.topic = seal.Subject(text[11:27]), [16]byte(text[27:43])
	rest := text[fixed:]
	if h.rt, rest, ok = cutText(rest); !ok {
		return h, nil, false
	}
	if h.id, rest, ok = cutText(rest); !ok {
		return h, nil, false
	}
	n, used := binary.Uvarint(rest)
	if used <= 0 || n > uint64(len(rest)-used)/8 {
		return h, nil, false
	}
	rest = rest[used:]
	for range n {
		h.labels = append(h.labels, int64(binary.BigEndian.Uint64(rest)))
		rest = rest[8:]
	}
	return h, rest, true
}

func cutText(b []byte) (string, []byte, bool) {
	n, used := binary.Uvarint(b)
	if used <= 0 || n > uint64(len(b)-used) {
		return "", nil, false
	}
	return string(b[used : used+int(n)]), b[used+int(n):], true
}

// be8 is the row identity that sealed records and audit subjects carry.
func be8(n int64) []byte { return binary.BigEndian.AppendUint64(nil, uint64(n)) }

// zero16 is "no patient" in a column.
var zero16 = make([]byte, 16)

func isZero(b []byte) bool { return bytes.Equal(b, zero16) }
