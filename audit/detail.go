package audit

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/audit/verify"
	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/engine/keys/seal"
)

// detailSchema is the form of the plaintexts below.
const detailSchema = 1

// Detail is the sealed part of an entry, opened.
type Detail struct {
	Request  ward.ID
	Actor    ward.PrincipalID
	Note     string
	Subjects []Subject
	Policy   [32]byte
	Model    [32]byte
	Writes   [][32]byte // SHA-256 of each ciphertext written, in order
	Missing  int        // subjects whose audit key was erased
}

// part is one sealed piece of the detail: the first is under the tenant's shared audit key, the others under the audit
// key of the patient whose tag they bear.
type part struct {
	tag    seal.Subject
	sealed []byte
}

// build makes the payload of an entry: leaf, salt and sealed detail.
func (l *Log) build(ctx context.Context, in *Intent) (payload, error) {
	if err := in.check(); err != nil {
		return payload{}, err
	}
	p := payload{id: ward.NewID(), tenant: in.Tenant}
	rand.Read(p.salt[:])
	parts, err := l.sealParts(ctx, in, p.id)
	if err != nil {
		return payload{}, err
	}
	size := 4
	for _, part := range parts {
		size += 20 + len(part.sealed)
	}
	p.detail = appendParts(make([]byte, 0, size), parts)
	leaf, err := l.leaf(ctx, in, &p)
	if err != nil {
		return payload{}, err
	}
	p.leaf = leaf
	return p, nil
}

func (l *Log) leaf(ctx context.Context, in *Intent, p *payload) ([]byte, error) {
	macs, err := l.pseudonyms(ctx, in.Tenant)
	if err != nil {
		return nil, err
	}
	leaf := verify.Leaf{Act: uint8(in.Act), ID: p.id, Outcome: uint8(in.Outcome), Purpose: purposeNumber(in.Purpose),
		At: time.Now().UnixMilli(), Tenant: macs.tenant, Detail: p.commitment(), Subjects: subjectRoot(p.salt, in.Subjects),
		Writes: writesRoot(in.Writes)}
	if in.Actor != "" {
		leaf.Actor = macs.actor(in.Actor)
	}
	if in.Model != ([32]byte{}) {
		leaf.Model = [8]byte(in.Model[:8])
	} else {
		leaf.Policy = [8]byte(in.Policy[:8])
	}
	return leaf.Append(make([]byte, 0, verify.MaxLeaf)), nil
}

// subjectRoot is the RFC 6962 root over the subjects, each behind a salt of its own, so that one can be disclosed without
// giving a way to guess the others. Zero for none.
func subjectRoot(salt [32]byte, subjects []Subject) [32]byte {
	if len(subjects) == 0 {
		return [32]byte{}
	}
	var edge verify.Edge
	for i := range subjects {
		var numbered [36]byte
		copy(numbered[:], salt[:])
		binary.BigEndian.PutUint32(numbered[32:], uint32(i))
		own := sha256.Sum256(numbered[:])
		var room [160]byte
		b := append(append(room[:0], own[:]...), subjects[i].Patient[:]...)
		edge.Append(verify.LeafHash(appendSubject(b, &subjects[i])))
	}
	return edge.Root()
}

// writesRoot is the digest itself for one write, else the RFC 6962 root whose leaf data are the digests. Zero for none.
func writesRoot(writes [][32]byte) [32]byte {
	if len(writes) <= 1 {
		var one [32]byte
		for _, w := range writes {
			one = w
		}
		return one
	}
	var edge verify.Edge
	for i := range writes {
		edge.Append(verify.LeafHash(writes[i][:]))
	}
	return edge.Root()
}

// sealParts encrypts the detail: the common part and the subjects without patient under the tenant's shared audit key,
// the subjects of each patient under that patient's.
func (l *Log) sealParts(ctx context.Context, in *Intent, id ward.ID) ([]part, error) {
	order, lists := byPatient(in.Subjects)
	shared, err := l.ring.Current(ctx, in.Tenant, seal.Subject{}, seal.Audit)
	if err != nil {
		return nil, err
	}
	if err := l.ensure(ctx, in.Tenant, order); err != nil {
		return nil, err
	}
	var room [512]byte
	sealed, err := shared.Seal(record(id, 0), appendCommon(room[:0], in, lists[seal.Subject{}]))
	if err != nil {
		return nil, err
	}
	parts := make([]part, 1, 1+len(order))
	parts[0].sealed = sealed
	for i, tag := range order {
		key, err := l.ring.Current(ctx, in.Tenant, tag, seal.Audit)
		if ward.KindOf(err) == ward.Gone { // the audit key was erased too: the entry must not be lost for that
			key, err = shared, nil
		}
		if err != nil {
			return nil, err
		}
		if sealed, err = key.Seal(record(id, i+1), appendItems(room[:0], in.Subjects, lists[tag])); err != nil {
			return nil, err
		}
		parts = append(parts, part{tag: tag, sealed: sealed})
	}
	return parts, nil
}

// ensure makes audit keys for patients that have none yet. A patient whose data was erased keeps the audit key.
func (l *Log) ensure(ctx context.Context, tn db.Tenant, patients []seal.Subject) error {
	var fresh []seal.Subject
	for _, tag := range patients {
		if _, err := l.ring.Current(ctx, tn, tag, seal.Audit); ward.KindOf(err) == ward.NotFound {
			fresh = append(fresh, tag)
		}
	}
	if len(fresh) == 0 {
		return nil
	}
	err := l.ring.Ensure(ctx, tn, fresh...)
	if ward.KindOf(err) != ward.Gone {
		return err
	}
	for _, tag := range fresh { // one was erased meanwhile and stopped the others
		if err := l.ring.Ensure(ctx, tn, tag); err != nil && ward.KindOf(err) != ward.Gone {
			return err
		}
	}
	return nil
}

// byPatient returns the patients in order of first mention and the positions of each one's subjects; those without
// patient stand under the zero Subject, which is not in the order.
func byPatient(subjects []Subject) (order []seal.Subject, lists map[seal.Subject][]int) {
	lists = make(map[seal.Subject][]int, 1)
	for i := range subjects {
		tag := subjects[i].Patient
		if len(lists[tag]) == 0 && tag != (seal.Subject{}) {
			order = append(order, tag)
		}
		lists[tag] = append(lists[tag], i)
	}
	return order, lists
}

func record(id ward.ID, part int) seal.Record {
	return seal.Record{Kind: "detail", RID: id[:], Version: int64(part), Schema: detailSchema}
}

func appendCommon(b []byte, in *Intent, shared []int) []byte {
	b = append(b, detailSchema)
	b = append(b, in.Request[:]...)
	b = append(b, in.Policy[:]...)
	b = append(b, in.Model[:]...)
	b = binary.BigEndian.AppendUint16(b, uint16(len(in.Actor)))
	b = append(b, in.Actor...)
	b = binary.BigEndian.AppendUint16(b, uint16(len(in.Note)))
	b = append(b, in.Note...)
	b = binary.BigEndian.AppendUint32(b, uint32(len(in.Subjects)))
	b = binary.BigEndian.AppendUint32(b, uint32(len(in.Writes)))
	for i := range in.Writes {
		b = append(b, in.Writes[i][:]...)
	}
	return appendItems(b, in.Subjects, shared)
}

// appendItems writes the subjects at the given positions, each with its position, so that the order comes back.
func appendItems(b []byte, subjects []Subject, at []int) []byte {
	b = append(b, detailSchema)
	b = binary.BigEndian.AppendUint32(b, uint32(len(at)))
	for _, i := range at {
		b = binary.BigEndian.AppendUint32(b, uint32(i))
		b = appendSubject(b, &subjects[i])
	}
	return b
}

var errDetail = errors.New("the sealed detail has an unknown form")

// scanner reads length-prefixed fields and remembers whether any was cut off.
type scanner struct {
	b   []byte
	bad bool
}

func (s *scanner) next(n int) []byte {
	if s.bad || n < 0 || n > len(s.b) {
		s.bad = true
		return make([]byte, min(max(n, 0), 64))
	}
	out := s.b[:n]
	s.b = s.b[n:]
	return out
}

func (s *scanner) u8() int { return int(s.next(1)[0]) }

func (s *scanner) u16() int { return int(binary.BigEndian.Uint16(s.next(2))) }

func (s *scanner) u32() int { return int(binary.BigEndian.Uint32(s.next(4))) }

func (s *scanner) u64() int64 { return int64(binary.BigEndian.Uint64(s.next(8))) }

// parseCommon reads the common part; d.Subjects gets its full length, with holes for the patients' parts.
func parseCommon(b []byte, d *Detail) error {
	s := &scanner{b: b}
	if s.u8() != detailSchema {
		return errDetail
	}
	d.Request = ward.ID(s.next(16))
	d.Policy, d.Model = [32]byte(s.next(32)), [32]byte(s.next(32))
	d.Actor = ward.PrincipalID(s.next(s.u16()))
	d.Note = string(s.next(s.u16()))
	subjects, writes := s.u32(), s.u32()
	if s.bad || subjects > MaxSubjects || writes > MaxSubjects {
		return errDetail
	}
	for range writes {
		d.Writes = append(d.Writes, [32]byte(s.next(32)))
	}
	d.Subjects = make([]Subject, subjects)
	return parseItems(s, seal.Subject{}, d.Subjects)
}

func parseItems(s *scanner, tag seal.Subject, into []Subject) error {
	if s.u8() != detailSchema {
		return errDetail
	}
	n := s.u32()
	for range n {
		at := s.u32()
		item := Subject{Patient: tag, Kind: string(s.next(s.u8()))}
		item.RID = append([]byte(nil), s.next(s.u8())...)
		item.Version = s.u64()
		if s.bad || at >= len(into) || into[at].Kind != "" {
			return errDetail
		}
		into[at] = item
	}
	if s.bad || len(s.b) != 0 {
		return errDetail
	}
	return nil
}

// open decrypts a detail. Subjects under an erased audit key stay zero and are counted in Missing. What comes out is
// compared with the leaf's commitments.
func (l *Log) open(ctx context.Context, p *payload) (Detail, error) {
	var d Detail
	fault := func(err error) (Detail, error) {
		return Detail{}, ward.E(ward.Internal, "audit.detail", "the detail of an audit entry is damaged; run the log's check", err)
	}
	leaf, err := verify.ParseLeaf(p.leaf)
	if err != nil || leaf.Detail != p.commitment() {
		return fault(errDetail)
	}
	parts, err := parseParts(p.detail)
	if err != nil || len(parts) == 0 {
		return fault(errDetail)
	}
	for i, part := range parts {
		plain, err := l.openPart(ctx, p, i, part)
		if ward.KindOf(err) == ward.Gone && i > 0 {
			continue
		}
		if err != nil {
			return Detail{}, err
		}
		if i == 0 {
			err = parseCommon(plain, &d)
		} else {
			err = parseItems(&scanner{b: plain}, part.tag, d.Subjects)
		}
		if err != nil {
			return fault(err)
		}
	}
	for i := range d.Subjects {
		if d.Subjects[i].Kind == "" {
			d.Missing++
		}
	}
	if writesRoot(d.Writes) != leaf.Writes || d.Missing == 0 && subjectRoot(p.salt, d.Subjects) != leaf.Subjects {
		return fault(errDetail)
	}
	return d, nil
}

func (l *Log) openPart(ctx context.Context, p *payload, i int, part part) ([]byte, error) {
	kid, err := seal.KeyOf(part.sealed)
	if err != nil {
		return nil, err
	}
	key, err := l.ring.Key(ctx, p.tenant, kid)
	if err != nil {
		return nil, err
	}
	return key.Open(record(p.id, i), part.sealed)
}
