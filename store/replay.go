package store

import (
	"context"
	"errors"
	"unicode/utf8"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/audit"
	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/engine/queue"
)

// ReplayMessage enqueues a message again (held, applied, kept or dead) behind what its lanes hold now, or, for a dead one, in its place. p is for
// access.MessageReplay. Deterministic ids make the replay an upsert. ward.Conflict: it is being worked on, or is of a state that is not
// understood. ward.Gone: a patient whom it is about was erased.
func (s *Store) ReplayMessage(ctx context.Context, p access.Permit, id ward.ID) error {
	const act = audit.ActMessageReplay
	if err := p.Allows(access.MessageReplay, ""); err != nil {
		return err
	}
	n, m, err := s.visibleMessage(ctx, p, act, id)
	if err != nil {
		return err
	}
	if _, err := s.content(ctx, m); err != nil {
		return s.ending(ctx, p, act, err)
	}
	_, _, err = s.changeMessage(ctx, n, p.Intent(act), m, func(tx *db.Tx, m *message, entry ward.ID) error {
		jobs, err := queue.Look(ctx, tx, n.jobID(m.id, 0), n.jobID(m.id, 1))
		if err != nil {
			return err
		}
		switch MessageState(m.state) {
		case MessageReceived:
			err = revive(ctx, tx, jobs)
		case MessageHeld, MessageApplied, MessageKept:
			err = n.again(ctx, tx, m, jobs)
		default:
			err = ward.E(ward.Conflict, "store.replay", "a message that was set apart or rejected is not replayed", nil)
		}
		if err != nil {
			return err
		}
		return m.hop(ctx, tx, n, entry, Hop{Step: "replayed"})
	})
	return s.ending(ctx, p, act, err)
}

var errWorkedOn = ward.E(ward.Conflict, "store.replay", "the message is being worked on; try again when it is done", nil)

// revive makes the dead jobs of a message ready again, in their place.
func revive(ctx context.Context, tx *db.Tx, jobs []queue.Job) error {
	revived := false
	for _, j := range jobs {
		if j.State != queue.Dead {
			continue
		}
		revived = true
		if err := queue.Replay(ctx, tx, j.ID); err != nil {
			return err
		}
	}
	if !revived {
		return errWorkedOn
	}
	return nil
}

// again enqueues a message behind what its lanes hold now.
func (n names) again(ctx context.Context, tx *db.Tx, m *message, jobs []queue.Job) error {
	if len(jobs) > 0 {
		return errWorkedOn
	}
	m.state, m.reason, m.arrived = string(MessageReceived), "", 0
	return queue.Enqueue(ctx, tx, n.jobs(m)...)
}

// ending records that an act which no entry stands for yet came to nothing, and returns its answer.
func (s *Store) ending(ctx context.Context, p access.Permit, act audit.Act, err error) error {
	switch ward.KindOf(err) {
	case ward.Gone:
		return s.failed(ctx, p, act, errGone)
	case ward.Conflict, ward.Precondition:
		return s.failed(ctx, p, act, err)
	}
	return err
}

// checkNote bounds what a person gives as a reason.
func checkNote(note string) error {
	if !utf8.ValidString(note) || utf8.RuneCountInString(note) > maxNote {
		return ward.E(ward.Invalid, "store.reject", "a note has at most 200 characters", nil).At("note")
	}
	return nil
}

// RejectMessage ends a held or a dead message, under a permit for access.HoldReject; note is at most 200 characters and is sealed. Another
// state is ward.Conflict. A dead message's lanes go on: its jobs have nothing to do any more, and the queue deletes them when their turn
// comes. ward.Gone: a patient whom a held message is about was erased; a dead one is ended then too, without its note, which nothing can seal.
func (s *Store) RejectMessage(ctx context.Context, p access.Permit, id ward.ID, note string) error {
	const act = audit.ActMessageReject
	if err := p.Allows(access.HoldReject, ""); err != nil {
		return err
	}
	if err := checkNote(note); err != nil {
		return err
	}
	n, m, err := s.visibleMessage(ctx, p, act, id)
	if err != nil {
		return err
	}
	if m.state != string(MessageHeld) && m.state != string(MessageReceived) {
		return s.failed(ctx, p, act, errNotHeld)
	}
	texts, err := s.rejection(ctx, m, note)
	if err != nil {
		return s.ending(ctx, p, act, err)
	}
	in := p.Intent(act)
	in.Writes = digestsOf(texts)
	_, _, err = s.changeMessage(ctx, n, in, m, func(tx *db.Tx, m *message, entry ward.ID) error {
		if err := n.endable(ctx, tx, m); err != nil {
			return err
		}
		m.state = string(MessageRejected)
		if err := insertSides(ctx, tx, n, entry, texts...); err != nil {
			return err
		}
		return m.hop(ctx, tx, n, entry, Hop{Step: "rejected"})
	})
	return s.ending(ctx, p, act, err)
}

// rejection seals the note of a rejection beside its message; none where a message that waits can be ended but its key is gone.
func (s *Store) rejection(ctx context.Context, m *message, note string) ([]*sideText, error) {
	content, err := s.content(ctx, m)
	if ward.KindOf(err) == ward.Gone && m.state == string(MessageReceived) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	t, err := s.sideOf(ctx, content, m, noteText, m.id, []byte(note))
	return []*sideText{t}, err
}

// endable reports whether a message can be rejected as it stands: it is held, or it is dead. A dead job is then made ready in its place:
// whoever takes it hears from Arrived that it is done, and the queue goes on behind it.
func (n names) endable(ctx context.Context, tx *db.Tx, m *message) error {
	switch MessageState(m.state) {
	case MessageHeld:
		return nil
	case MessageReceived:
		jobs, err := queue.Look(ctx, tx, n.jobID(m.id, 0), n.jobID(m.id, 1))
		if err != nil {
			return err
		}
		if err := revive(ctx, tx, jobs); !errors.Is(err, errWorkedOn) {
			return err
		}
	}
	return errNotHeld
}

var errNotHeld = ward.E(ward.Conflict, "store.reject", "only a message that is held or dead can be rejected", nil)
