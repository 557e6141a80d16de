package audit

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/audit/verify"
	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/engine/keys/seal"
)

const (
	payloadForm = 1
	maxPayload  = 4 << 20 // 10,000 subjects of 10,000 patients and 10,000 digests take 1.9 MiB
	maxParts    = MaxSubjects + 1
)

// payload is an entry as both sources keep it. Slices may alias the buffer it was read from.
type payload struct {
	id     ward.ID
	tenant db.Tenant
	leaf   []byte
	salt   [32]byte
	detail []byte // parts
}

// commitment is what the leaf carries for the detail.
func (p *payload) commitment() [32]byte {
	h := sha256.New()
	h.Write(p.salt[:])
	h.Write(p.detail)
	var out [32]byte
	h.Sum(out[:0])
	return out
}

func (p *payload) size() int { return 1 + 16 + 8 + 2 + len(p.leaf) + 32 + len(p.detail) }

// append encodes: form, id, tenant, leaf behind its length, salt, parts.
func (p *payload) append(b []byte) []byte {
	b = append(b, payloadForm)
	b = append(b, p.id[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(p.tenant))
	b = binary.BigEndian.AppendUint16(b, uint16(len(p.leaf)))
	b = append(b, p.leaf...)
	b = append(b, p.salt[:]...)
	return append(b, p.detail...)
}

var errPayload = errors.New("not an entry of a known form")

// parsePayload reads an entry. Its leaf must be canonical and bear its id.
func parsePayload(b []byte) (payload, error) {
	if len(b) > maxPayload {
		return payload{}, errPayload
	}
	s := &scanner{b: b}
	if s.u8() != payloadForm {
		return payload{}, errPayload
	}
	p := payload{id: ward.ID(s.next(16)), tenant: db.Tenant(s.u64())}
	p.leaf = s.next(s.u16())
	p.salt = [32]byte(s.next(32))
	p.detail = s.b
	if s.bad || p.tenant < 0 {
		return payload{}, errPayload
	}
	leaf, err := verify.ParseLeaf(p.leaf)
	if err != nil || leaf.ID != p.id {
		return payload{}, errPayload
	}
	return p, nil
}

func appendParts(b []byte, parts []part) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(len(parts)))
	for _, p := range parts {
		b = append(b, p.tag[:]...)
		b = binary.BigEndian.AppendUint32(b, uint32(len(p.sealed)))
		b = append(b, p.sealed...)
	}
	return b
}

func parseParts(b []byte) ([]part, error) {
	s := &scanner{b: b}
	n := s.u32()
	if s.bad || n > maxParts || n > len(s.b)/20 {
		return nil, errPayload
	}
	parts := make([]part, n)
	for i := range parts {
		parts[i].tag = seal.Subject(s.next(16))
		parts[i].sealed = s.next(s.u32())
	}
	if s.bad || len(s.b) != 0 {
		return nil, errPayload
	}
	return parts, nil
}

// tags returns the patients that the entry names.
func (p *payload) tags() ([]seal.Subject, error) {
	parts, err := parseParts(p.detail)
	if err != nil {
		return nil, err
	}
	var tags []seal.Subject
	for _, part := range parts {
		if part.tag != (seal.Subject{}) {
			tags = append(tags, part.tag)
		}
	}
	return tags, nil
}
