package store

import (
	"context"
	"slices"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/audit"
	"github.com/ward-health/ward/engine/keys/seal"
)

// openText is the one place where a text under the key of a message is opened. As open it takes leave and proof: the receipt of an
// entry that names what is opened, once for each patient whom it is about. sealed gives the text. ward.Gone: one of them was erased.
//
// SPEC(DESIGN I2): the entry that names the subject is durable before the first byte is opened.
func (s *Store) openText(ctx context.Context, n names, p access.Permit, a access.Action, rc audit.Receipt, m *message, subjects []audit.Subject,
	rec seal.Record, sealed func() ([]byte, error)) ([]byte, error) {
	if err := p.Allows(a, ""); err != nil {
		return nil, err
	}
	if p.Tenant() != m.tn || n.tn != m.tn || len(subjects) == 0 {
		return nil, ward.E(ward.Denied, "store.open", "the permit is of another tenant", nil)
	}
	for _, sub := range subjects {
		if err := rc.Covers(m.tn, p.Request(), sub); err != nil {
			return nil, err
		}
	}
	if err := m.genuine(n); err != nil {
		return nil, err
	}
	content, err := s.content(ctx, m)
	if err != nil {
		return nil, err
	}
	text, err := sealed() // after the key: the blob of an erased patient may be gone already
	if err != nil {
		return nil, err
	}
	return content.Open(rec, text)
}

// openMessage opens the body of a message.
func (s *Store) openMessage(ctx context.Context, n names, p access.Permit, a access.Action, rc audit.Receipt, m *message) (ward.Message, error) {
	var none ward.Message
	text, err := s.openText(ctx, n, p, a, rc, m, m.subjects(), m.record(messageKind), func() ([]byte, error) {
		return s.sealedText(ctx, m.digest, m.body, m.blob)
	})
	if err != nil {
		return none, err
	}
	h, rest, ok := cutHeader(text)
	if !ok {
		return none, broken("the sealed header has a form that this build does not know")
	}
	kind, body, ok := cutText(rest)
	if !ok || h.rt != messageKind || h.id != m.channel || h.updUS != m.receivedUS || int64(len(body)) != m.size {
		return none, broken("the row contradicts its sealed text")
	}
	return ward.Message{ID: ward.ID(m.id), Source: m.channel, ContentType: kind, Received: micros(m.receivedUS), Body: body}, nil
}

// openReply opens the acknowledgement of a message.
func (s *Store) openReply(ctx context.Context, n names, p access.Permit, a access.Action, rc audit.Receipt, m *message) (ward.Protected, error) {
	return s.openText(ctx, n, p, a, rc, m, m.subjects(), m.record("reply"), func() ([]byte, error) { return m.reply, nil })
}

// openSide opens a text beside a message; subjects name the hold or the message that it belongs to.
func (s *Store) openSide(ctx context.Context, n names, p access.Permit, a access.Action, rc audit.Receipt, m *message, subjects []audit.Subject, t *sideText) (ward.Protected, error) {
	if t.message != m.rid || !sameMAC(t.mac, t.wantMAC(n.row)) {
		return nil, broken("the row of a text beside a message was changed: its digest does not fit")
	}
	return s.openText(ctx, n, p, a, rc, m, subjects, t.record(), func() ([]byte, error) { return s.sealedText(ctx, t.digest, t.body, t.blob) })
}

// rawAction is the action under which a permit may open a raw message: a person's or the pipeline's.
func rawAction(p access.Permit) (access.Action, error) {
	err := p.Allows(access.Receive, "")
	if err != nil && p.Allows(access.MessageOpen, "") == nil {
		return access.MessageOpen, nil
	}
	return access.Receive, err
}

// Raw opens a raw message again, under a permit for access.Receive (the pipeline) or access.MessageOpen (a person). ward.Gone: a
// patient whom it is about was erased.
func (s *Store) Raw(ctx context.Context, p access.Permit, id ward.ID) (ward.Message, error) {
	const act = audit.ActMessageRead
	action, err := rawAction(p)
	if err != nil {
		return ward.Message{}, err
	}
	n, m, err := s.visibleMessage(ctx, p, act, id)
	if err != nil {
		return ward.Message{}, err
	}
	return s.openRaw(ctx, n, p, action, m)
}

// RawArrived is Raw for the pipeline, of a message as Arrived has just read it, if all of its lanes are there.
func (s *Store) RawArrived(ctx context.Context, p access.Permit, a Arrival) (ward.Message, error) {
	if err := p.Allows(access.Receive, ""); err != nil {
		return ward.Message{}, err
	}
	n, err := s.names(ctx, p.Tenant())
	switch {
	case err != nil:
		return ward.Message{}, err
	case a.m != nil && a.m.tn != n.tn:
		return ward.Message{}, ward.E(ward.Denied, "store.raw", "the permit is of another tenant", nil)
	case a.m == nil || !a.All:
		return ward.Message{}, ward.E(ward.Internal, "store.raw", "a message is opened when it has arrived in all of its lanes", nil)
	}
	if err := s.covered(ctx, p, audit.ActMessageRead, a.m); err != nil {
		return ward.Message{}, err
	}
	return s.openRaw(ctx, n, p, access.Receive, a.m)
}

// openRaw opens a message that the permit covers, under an entry of its own.
func (s *Store) openRaw(ctx context.Context, n names, p access.Permit, action access.Action, m *message) (ward.Message, error) {
	const act = audit.ActMessageRead
	rc, err := s.beginOn(ctx, p, act, "raw message", m.subjects())
	if err != nil {
		return ward.Message{}, err
	}
	out, err := s.openMessage(ctx, n, p, action, rc, m)
	if err != nil {
		return ward.Message{}, s.opening(ctx, p, act, err)
	}
	return out, nil
}

// Rejection opens the note with which a person rejected a message, under a permit for access.MessageOpen; none is ward.NotFound.
func (s *Store) Rejection(ctx context.Context, p access.Permit, id ward.ID) (ward.Protected, error) {
	const act = audit.ActMessageRead
	if err := p.Allows(access.MessageOpen, ""); err != nil {
		return nil, err
	}
	n, m, err := s.visibleMessage(ctx, p, act, id)
	if err != nil {
		return nil, err
	}
	t, err := s.newestSide(ctx, n, m, noteText, m.id)
	if err != nil {
		return nil, err
	}
	if t == nil {
		return nil, s.nothing(ctx, p, act, errNotFound)
	}
	rc, err := s.beginOn(ctx, p, act, "rejection", m.subjects())
	if err != nil {
		return nil, err
	}
	text, err := s.openSide(ctx, n, p, access.MessageOpen, rc, m, m.subjects(), t)
	if err != nil {
		return nil, s.opening(ctx, p, act, err)
	}
	return text, nil
}

// visibleMessage finds a message with its sealed body; one that is not there or not covered has been answered for with an entry.
func (s *Store) visibleMessage(ctx context.Context, p access.Permit, act audit.Act, id ward.ID) (names, *message, error) {
	n, err := s.names(ctx, p.Tenant())
	if err != nil {
		return n, nil, err
	}
	m, err := s.messageBody(ctx, n, id)
	switch {
	case err != nil:
		return n, nil, err
	case m == nil:
		return n, nil, s.nothing(ctx, p, act, errNotFound)
	}
	if err := s.covered(ctx, p, act, m); err != nil {
		return n, nil, err
	}
	return n, m, nil
}

// covered answers with an entry for a message that the permit does not cover.
func (s *Store) covered(ctx context.Context, p access.Permit, act audit.Act, m *message) error {
	if p.Filter().Match(messageAttributes("")) {
		return nil
	}
	return s.hidden(ctx, p, act, m.subjects()[0], errNotFound)
}

// beginOn makes the entry of a read durable, naming what is to be opened.
func (s *Store) beginOn(ctx context.Context, p access.Permit, act audit.Act, note string, subjects []audit.Subject) (audit.Receipt, error) {
	in := p.Intent(act)
	in.Note, in.Subjects = note, slices.Clone(subjects)
	return s.log.Begin(ctx, in)
}
