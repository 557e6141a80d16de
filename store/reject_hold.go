package store

import (
	"bytes"
	"context"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/audit"
	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/engine/keys/seal"
)

// OpenHold is a fact of which a version is held and neither released nor rejected.
type OpenHold struct {
	ID   ward.ID
	Fact string    // "Observation/id"
	Sent time.Time // zero when not known
}

// OpenHolds returns what is held of facts, at most 1,000. p is any live permit of the tenant: the act that needs the answer has an entry of
// its own, and nothing is opened.
func (s *Store) OpenHolds(ctx context.Context, p access.Permit, facts ...string) (out []OpenHold, err error) {
	if err := anyLeave(p); err != nil {
		return nil, err
	}
	if len(facts) > maxWants {
		return nil, ward.E(ward.TooLarge, "store.hold", "at most 1000 facts can be asked for at once", nil)
	}
	n, err := s.names(ctx, p.Tenant())
	if err != nil || len(facts) == 0 {
		return nil, err
	}
	err = s.db.Read(ctx, n.tn, func(tx *db.Tx) error {
		out = nil
		hs, err := (&batch{n: n}).sameFacts(ctx, tx, facts, func(*held) bool { return false })
		for _, h := range hs {
			out = append(out, OpenHold{ward.ID(h.id), h.fact, sentTime(h.sentUS)})
		}
		return err
	})
	return out, err
}

var errHeldSince = ward.E(ward.Precondition, "store.reject", "another version of the fact is held as well; look again", nil)

// RejectWith is Reject with changes in the same transaction: of the fact that was held, which nothing contradicts any more. The permits of
// changes are for their own types, of the same principal and request. ward.Precondition: another version of a changed fact is held.
func (s *Store) RejectWith(ctx context.Context, p access.Permit, id ward.ID, note string, changes []Change) error {
	if len(changes) == 0 {
		return s.Reject(ctx, p, id, note)
	}
	if err := p.Allows(access.HoldReject, ""); err != nil {
		return err
	}
	if err := checkNote(note); err != nil {
		return err
	}
	b, err := s.newBatch(ctx, p, audit.ActHoldReject, changes)
	if err != nil {
		return err
	}
	b.side = &rejection{s: s, p: p, id: id, note: note}
	_, err = b.run(ctx)
	return err
}

// rejection is what a RejectWith writes beside its changes.
type rejection struct {
	s    *Store
	p    access.Permit
	id   ward.ID
	note string

	h *held
	m *message
	t *sideText
}

func (r *rejection) look(ctx context.Context, b *batch) error {
	const act = audit.ActHoldReject
	r.drop(ctx) // of an attempt before
	var err error
	if _, r.h, r.m, err = r.s.visibleHold(ctx, r.p, act, r.id); err != nil {
		return err
	}
	if !r.h.open() {
		return r.s.failed(ctx, r.p, act, errHoldEnded)
	}
	content, err := r.s.content(ctx, r.m)
	if err == nil {
		r.t, err = r.s.sideOf(ctx, content, r.m, noteText, r.h.id, []byte(r.note))
	}
	if err != nil {
		return r.s.ending(ctx, r.p, act, err)
	}
	return nil
}

func (r *rejection) intent(in *audit.Intent) {
	in.Subjects = append(in.Subjects, r.h.subjects(r.m)...)
	in.Writes = append(in.Writes, digestsOf([]*sideText{r.t})...)
}

func (r *rejection) kids() []seal.KeyID { return nil }

func (r *rejection) drop(ctx context.Context) {
	if r.t != nil {
		r.s.dropSides(ctx, r.t)
		r.t = nil
	}
}

func (r *rejection) write(ctx context.Context, tx *db.Tx, b *batch, entry ward.ID) error {
	m, err := loadMessage(ctx, tx, b.n, true, byRID, r.m.rid)
	if err != nil {
		return err
	}
	if m == nil || !bytes.Equal(m.wrap, r.m.wrap) {
		return errMoved
	}
	if err := notErased(ctx, tx, b.n, m.patients()...); err != nil {
		return err
	}
	others, err := b.sameFacts(ctx, tx, nil, func(h *held) bool { return h.rid == r.h.rid })
	if err != nil {
		return err
	}
	if len(others) > 0 {
		return errHeldSince
	}
	if err := insertSides(ctx, tx, b.n, entry, r.t); err != nil {
		return err
	}
	done := *r.h
	done.state, done.second, done.note = string(HoldRejected), string(r.p.Principal().ID), r.t.rid
	return done.replace(ctx, tx, b.n, r.h.mac)
}

// Rejected reports whether persons have rejected what a message would have made of a fact. p is any live permit of the tenant, as for
// OpenHolds.
func (s *Store) Rejected(ctx context.Context, p access.Permit, message ward.ID, fact string) (yes bool, err error) {
	if err := anyLeave(p); err != nil {
		return false, err
	}
	n, err := s.names(ctx, p.Tenant())
	if err != nil {
		return false, err
	}
	err = s.db.Read(ctx, n.tn, func(tx *db.Tx) error {
		hs, err := loadHolds(ctx, tx, n, "h.fact = $2 AND h.state = 'rejected' AND h.message IN (SELECT m.rid FROM message m WHERE m.tn = $1 AND m.id = $3)", fact, message[:])
		yes = len(hs) > 0
		return err
	})
	return yes, err
}
