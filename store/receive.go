package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/audit"
	"github.com/ward-health/ward/engine/blob"
	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/engine/keys/seal"
)

// errRepeat says that the same message was kept before.
var errRepeat = errors.New("store: the message was kept before")

// maxRepeatHops bounds the hops that repetitions leave; MessageInfo.Repeats counts all.
const maxRepeatHops = 20

// Receive seals a raw message under a key of its own, which is wrapped to its channel, and keeps it with its jobs and its entry in one
// transaction, durable on return, under a permit for access.Receive. The id is the message's own, or a new one; another message
// under the same id is ward.Conflict. A repetition (same key, same body) writes an entry and gives the first acknowledgement again; if that one
// opens nowhere any more, because a patient was erased, it gives the one that came with the repetition.
//
// SPEC(HL7 v2.5.1 2.9.2; DESIGN I3): the acknowledgement follows the commit, and a repeated message has no second effect.
func (s *Store) Receive(ctx context.Context, p access.Permit, in Inbound) (Received, error) {
	if err := p.Allows(access.Receive, ""); err != nil {
		return Received{}, err
	}
	if err := in.check(); err != nil {
		return Received{}, err
	}
	n, err := s.names(ctx, p.Tenant())
	if err != nil {
		return Received{}, err
	}
	m := n.arrival(&in, s.rids.next(now()))
	if !p.Filter().Match(messageAttributes("")) {
		return Received{}, s.hidden(ctx, p, audit.ActReceive, m.subjects()[0], errForbidden)
	}
	if err := s.sealArrival(ctx, n, m, &in); err != nil {
		return Received{}, err
	}
	for range maxTries {
		err = s.keepArrival(ctx, n, p, m)
		if err == nil {
			return Received{ID: ward.ID(m.id), Reused: m.reused != 0, Reply: in.Reply}, nil
		}
		if !errors.Is(err, errRepeat) && !db.IsUnique(err) {
			return Received{}, err
		}
		first, ferr := s.firstOf(ctx, n, m)
		if ferr != nil {
			return Received{}, ferr
		}
		if first == nil && errors.Is(err, errRepeat) {
			continue // the one that came first was not kept after all
		}
		if m.blob != nil {
			_ = s.blobs.Delete(ctx, blob.Digest(m.blob)) // one that stays is an orphan, which Check counts
		}
		if first == nil {
			return Received{}, s.failed(ctx, p, audit.ActReceive, ward.E(ward.Conflict, "store.receive", "another message with this id exists", nil))
		}
		return s.repeated(ctx, n, p, first, in.Reply)
	}
	return Received{}, s.failed(ctx, p, audit.ActReceive, errConflict)
}

// firstOf reads the message that was kept before under the same key and body; nil if there is none.
func (s *Store) firstOf(ctx context.Context, n names, m *message) (*message, error) {
	if err := s.settled(ctx, n); err != nil {
		return nil, err
	}
	return s.message(ctx, n, "m.key16 = $2 AND m.body16 = $3", m.key, m.body16)
}

// settled waits for the group of writes that may hold what a write of ours has just met: one that is empty comes after it.
func (s *Store) settled(ctx context.Context, n names) error {
	return s.commit(ctx, n.tn, func(*db.Tx) error { return nil })
}

// messageAttributes is how filters see a message, or a fact that was held of one.
func messageAttributes(patient string) access.Attributes {
	return access.Attributes{Type: messageType, Patient: patient, Conf: defaultConf}
}

// arrival is the row of a message that arrives.
func (n names) arrival(in *Inbound, rid int64) *message {
	if in.Message.ID.IsZero() {
		in.Message.ID = ward.NewID()
	}
	if in.Message.Received.IsZero() {
		in.Message.Received = now()
	}
	id := in.Message.ID
	m := &message{tn: n.tn, rid: rid, id: id[:], channel: in.Message.Source, kind: in.Kind, receivedUS: in.Message.Received.UnixMicro(),
		size: int64(len(in.Message.Body)), state: string(in.State), reason: in.Reason, pats: []byte{}, reply: []byte{}}
	body := n.index.Sum([]byte("message body"), []byte(in.Message.Body))
	m.body16 = body[:16]
	key := n.index.Sum([]byte("message key"), []byte(in.Message.Source), in.Key)
	if len(in.Key) == 0 {
		key = n.index.Sum([]byte("message whole"), []byte(in.Message.Source), body[:])
	}
	m.key = key[:16]
	m.lanes = n.lanes(in)
	return m
}

// lanes are the keyed digests of the lanes, once each; that of the channel if there are none.
func (n names) lanes(in *Inbound) []byte {
	if len(in.Lanes) == 0 {
		return n.channel(in.Message.Source)
	}
	var out []byte
	for _, l := range in.Lanes {
		sum := n.index.Sum([]byte("lane"), l)
		if !bytes.Equal(out, sum[:16]) {
			out = append(out, sum[:16]...)
		}
	}
	return out
}

// sealArrival seals body and acknowledgement and wraps their key to the channel.
func (s *Store) sealArrival(ctx context.Context, n names, m *message, in *Inbound) error {
	channel := subjectOf(n.channel(m.channel))
	if err := s.ring.Ensure(ctx, n.tn, channel); err != nil {
		return err
	}
	under, err := s.ring.Current(ctx, n.tn, channel, seal.Data)
	if err != nil {
		return err
	}
	content, err := seal.NewContent(n.tn)
	if err != nil {
		return err
	}
	if m.wrap, err = content.Wrap(m.wrapRecord(), under); err != nil {
		return err
	}
	if len(in.Reply) > 0 {
		if m.reply, err = content.Seal(m.record("reply"), []byte(in.Reply)); err != nil {
			return err
		}
	}
	h := header{updUS: m.receivedUS, conf: defaultConf, rt: messageKind, id: m.channel}
	text := h.append(make([]byte, 0, 320+len(in.Message.Body)))
	text = append(appendText(text, in.Message.ContentType), in.Message.Body...)
	sealed, err := content.Seal(m.record(messageKind), text)
	if err != nil {
		return err
	}
	digest := sha256.Sum256(sealed)
	m.digest = digest[:]
	m.body, m.blob, err = s.placed(ctx, sealed)
	return err
}

// placed puts a sealed text inline or, when it is large, into a blob.
func (s *Store) placed(ctx context.Context, sealed []byte) (body, name []byte, err error) {
	if len(sealed) <= inlineMax {
		return sealed, nil, nil
	}
	g, err := s.blobs.Put(ctx, sealed)
	return nil, g[:], err
}

// keepArrival commits row, jobs and entry. errRepeat, or a violated unique key when two arrive at once: it is there already.
func (s *Store) keepArrival(ctx context.Context, n names, p access.Permit, m *message) error {
	in := p.Intent(audit.ActReceive)
	in.Subjects, in.Writes = m.subjects(), [][32]byte{[32]byte(m.digest)}
	entry, err := s.log.Prepare(ctx, in)
	if err != nil {
		return err
	}
	a := &arriving{m: m, entry: entry}
	if m.state == string(MessageReceived) {
		a.jobs = n.jobs(m)
	}
	return s.keep(ctx, n, a)
}

// repeated counts a repetition under an entry of its own and gives the stored acknowledgement again.
func (s *Store) repeated(ctx context.Context, n names, p access.Permit, first *message, reply ward.Protected) (Received, error) {
	in := p.Intent(audit.ActReceive)
	in.Note = "repeat"
	m, rc, err := s.changeMessage(ctx, n, in, first, func(tx *db.Tx, m *message, entry ward.ID) error {
		if m.repeats++; m.repeats > maxRepeatHops {
			return nil
		}
		return m.hop(ctx, tx, n, entry, Hop{Step: "repeat"})
	})
	if err != nil {
		return Received{}, err
	}
	out := Received{ID: ward.ID(m.id), Repeat: true, Reused: m.reused != 0, Reply: reply}
	if len(m.reply) == 0 {
		return out, nil
	}
	text, err := s.openReply(ctx, n, p, access.Receive, rc, m)
	if err == nil {
		out.Reply = text
	} else if ward.KindOf(err) != ward.Gone {
		return Received{}, s.failed(ctx, p, audit.ActReceive, err)
	}
	return out, nil
}
