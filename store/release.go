package store

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/audit"
	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/engine/keys/seal"
)

var (
	errHoldEnded   = ward.E(ward.Conflict, "store.hold", "the held fact was released, rejected or superseded; nothing was changed", nil)
	errNoProposal  = ward.E(ward.Conflict, "store.release", "nobody has proposed a release of this held fact", nil)
	errOtherText   = ward.E(ward.Precondition, "store.release", "the proposal was replaced since it was read; look at it again", nil)
	errSamePerson  = ward.E(ward.Denied, "store.release", "a release needs a second person: whoever proposed it cannot release it", nil)
	errBorrowed    = ward.E(ward.Denied, "store.release", "the second person signs in itself, in the console or with its own token: a token that the operator obtained for it does not count", nil)
	errNoRelease   = ward.E(ward.Invalid, "store.release", "a release stores at least one change; to end a held fact without storing anything, reject it", nil)
	errBigProposal = ward.E(ward.Invalid, "store.propose", "a proposal has 1 byte to 1 MiB", nil)
)

// changeHold writes a held fact as change leaves it, with one text of the given kind beside its message and the entry of the act. The row
// is read again when others have changed it.
func (s *Store) changeHold(ctx context.Context, p access.Permit, act audit.Act, id ward.ID, kind string, text []byte, change func(n names, h *held, t *sideText) error) error {
	for range maxTries {
		n, h, m, err := s.visibleHold(ctx, p, act, id)
		if err != nil {
			return err
		}
		err = s.changeHoldOnce(ctx, n, p, act, h, m, kind, text, change)
		if !errors.Is(err, errMoved) {
			return s.ending(ctx, p, act, err)
		}
		if err := s.settled(ctx, n); err != nil {
			return err
		}
	}
	return s.failed(ctx, p, act, errConflict)
}

func (s *Store) changeHoldOnce(ctx context.Context, n names, p access.Permit, act audit.Act, h *held, m *message, kind string, text []byte,
	change func(n names, h *held, t *sideText) error) error {
	if !h.open() {
		return errHoldEnded
	}
	content, err := s.content(ctx, m)
	if err != nil {
		return err
	}
	t, err := s.sideOf(ctx, content, m, kind, h.id, text)
	if err != nil {
		return err
	}
	old := h.mac
	if err := change(n, h, t); err != nil {
		return err
	}
	in := p.Intent(act)
	in.Subjects, in.Writes = h.subjects(m), digestsOf([]*sideText{t})
	entry, err := s.log.Prepare(ctx, in)
	if err != nil {
		return err
	}
	err = s.commit(ctx, n.tn, func(tx *db.Tx) error {
		if err := s.stillOpen(ctx, tx, n, m); err != nil {
			return err
		}
		rc, err := s.log.Enter(ctx, tx, entry)
		if err != nil {
			return err
		}
		if err := insertSides(ctx, tx, n, rc.ID(), t); err != nil {
			return err
		}
		return h.replace(ctx, tx, n, old)
	})
	if errors.Is(err, errMoved) {
		s.dropSides(ctx, t)
	}
	return err
}

// stillOpen checks inside the transaction that the message's key is wrapped as it was and that none of its patients was erased.
func (s *Store) stillOpen(ctx context.Context, tx *db.Tx, n names, m *message) error {
	fresh, err := loadMessage(ctx, tx, n, true, byRID, m.rid)
	if err != nil {
		return err
	}
	if fresh == nil || string(fresh.wrap) != string(m.wrap) {
		return errMoved
	}
	return notErased(ctx, tx, n, m.patients()...)
}

// notErased fails with ward.Gone when one of the patients was erased.
func notErased(ctx context.Context, tx *db.Tx, n names, pats ...[]byte) error {
	for _, pat := range pats {
		var e Erasure
		if done, err := erasure(ctx, tx, n, pat, &e); err != nil || done {
			if err == nil {
				err = errErased
			}
			return err
		}
	}
	return nil
}

var errErased = ward.E(ward.Gone, "store.apply", "the patient was erased; nothing can be written for them again", nil)

// Propose keeps a first person's wish to release, with the resource as it is to be stored (JSON, sealed), under a permit for access.HoldRelease.
// Proposing again replaces the proposal and its person. ward.Conflict: the held fact has ended.
func (s *Store) Propose(ctx context.Context, p access.Permit, id ward.ID, proposal ward.Protected) error {
	if err := p.Allows(access.HoldRelease, ""); err != nil {
		return err
	}
	if len(proposal) == 0 || len(proposal) > maxSide {
		return errBigProposal
	}
	return s.changeHold(ctx, p, audit.ActHoldPropose, id, proposalText, proposal, func(n names, h *held, t *sideText) error {
		h.state, h.first, h.proposal = string(HoldProposed), string(p.Principal().ID), t.rid
		h.proposed = n.proposalDigest(sha256.Sum256(proposal))
		return nil
	})
}

// Reject ends a hold without storing anything, under a permit for access.HoldReject; what was held stays sealed and readable. ward.Conflict: it
// has ended already.
func (s *Store) Reject(ctx context.Context, p access.Permit, id ward.ID, note string) error {
	if err := p.Allows(access.HoldReject, ""); err != nil {
		return err
	}
	if err := checkNote(note); err != nil {
		return err
	}
	return s.changeHold(ctx, p, audit.ActHoldReject, id, noteText, []byte(note), func(_ names, h *held, t *sideText) error {
		h.state, h.second, h.note = string(HoldRejected), string(p.Principal().ID), t.rid
		return nil
	})
}

// Release stores the changes and ends the hold, in one transaction, under a permit for access.HoldRelease of a principal who is not the one
// that proposed (else ward.Denied), if the proposal is still the one with digest proposal (SHA-256 of its bytes; else ward.Precondition).
// The permits of changes are for their own types, of the same principal and request. ward.Conflict: nothing is proposed, or it has ended.
func (s *Store) Release(ctx context.Context, p access.Permit, id ward.ID, proposal [32]byte, changes []Change) ([]Result, error) {
	const act = audit.ActHoldRelease
	if err := p.Allows(access.HoldRelease, ""); err != nil {
		return nil, err
	}
	if len(changes) == 0 {
		return nil, errNoRelease
	}
	b, err := s.newBatch(ctx, p, act, changes)
	if err != nil {
		return nil, err
	}
	r := &release{s: s, p: p, act: act, id: id, proposal: proposal}
	b.side = r
	return b.run(ctx)
}

// release is what a Release writes beside its changes.
type release struct {
	s        *Store
	p        access.Permit
	act      audit.Act
	id       ward.ID
	proposal [32]byte

	h     *held
	m     *message
	later []*held // other open holds of the same facts that are not known to be newer
}

// look checks the two-person rule and the proposal.
func (r *release) look(ctx context.Context, b *batch) error {
	var n names
	var err error
	if n, r.h, r.m, err = r.s.visibleHold(ctx, r.p, r.act, r.id); err != nil {
		return err
	}
	switch {
	case !r.h.open():
		err = errHoldEnded
	case r.h.state != string(HoldProposed):
		err = errNoProposal
	case r.h.first == string(r.p.Principal().ID):
		return r.denied(ctx, "the second person is the first", errSamePerson)
	case r.p.Principal().Borrowed:
		return r.denied(ctx, "the second person did not sign in itself", errBorrowed)
	case subtle.ConstantTimeCompare(r.h.proposed, n.proposalDigest(r.proposal)) != 1:
		err = errOtherText
	}
	if err != nil {
		return r.s.failed(ctx, r.p, r.act, err)
	}
	if _, err := r.s.content(ctx, r.m); err != nil {
		return r.s.ending(ctx, r.p, r.act, err)
	}
	return r.s.db.Read(ctx, b.n.tn, func(tx *db.Tx) (err error) {
		r.later, err = b.sameFacts(ctx, tx, nil, func(h *held) bool { return h.rid == r.h.rid || h.newer(r.h.sentUS) })
		return err
	})
}

// denied records the breach of the two-person rule.
func (r *release) denied(ctx context.Context, why string, answer error) error {
	in := r.p.Intent(r.act)
	in.Outcome, in.Note, in.Subjects = audit.Denied, why, []audit.Subject{r.h.subject()}
	if _, err := r.s.log.Begin(ctx, in); err != nil {
		return err
	}
	return answer
}

func (r *release) intent(in *audit.Intent) { in.Subjects = append(in.Subjects, r.h.subjects(r.m)...) }

func (r *release) kids() []seal.KeyID { return nil }

func (r *release) drop(context.Context) {}

func (r *release) write(ctx context.Context, tx *db.Tx, b *batch, entry ward.ID) error {
	m, err := loadMessage(ctx, tx, b.n, true, byRID, r.m.rid)
	if err != nil {
		return err
	}
	if m == nil {
		return errMoved
	}
	if err := notErased(ctx, tx, b.n, m.patients()...); err != nil {
		return err
	}
	done := *r.h
	done.state, done.second = string(HoldReleased), string(r.p.Principal().ID)
	if err := done.replace(ctx, tx, b.n, r.h.mac); err != nil {
		return err
	}
	if err := supersede(ctx, tx, b.n, r.later); err != nil {
		return err
	}
	hop := Hop{Step: "released", Refs: append([]string{"hold/" + ward.ID(r.h.id).String()}, b.refs()...)}
	if err := m.hop(ctx, tx, b.n, entry, hop); err != nil {
		return err
	}
	return m.update(ctx, tx, b.n)
}
