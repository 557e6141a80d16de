package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/audit"
	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/engine/keys/seal"
)

// Effects is all that one message does, in one transaction.
type Effects struct {
	Message  ward.ID
	State    MessageState // MessageApplied, MessageHeld or MessageKept
	Reason   string       // constant code
	Sent     time.Time    // when the sender says that it was sent: how old Changes are; zero when not known
	Changes  []Change
	Holds    []Hold
	Merge    *Merge
	Patients []string // FHIR ids of whom it is about: its key is wrapped to them and the channel's wrap is destroyed
	Hops     []Hop    // At and Entry are set by the store; a hop with nil Refs and Step "applied" gets those of Changes
	Rules    []string // one per change: the rule that made it

	Contested []string // facts among Changes of which a version is held that was sent after Sent, as the caller knows
}

// The bounds of what one message does.
const (
	maxHolds    = 1_000
	maxPatients = 64
)

// errDone says that the message is no longer received: somebody else has worked on it.
var errDone = errors.New("store: the message is done")

func (e *Effects) check() error {
	const op = "store.effects"
	switch {
	case e.State != MessageApplied && e.State != MessageHeld && e.State != MessageKept:
		return ward.E(ward.Invalid, op, "a message ends as applied, held or kept", nil).At("state")
	case !constant(e.Reason):
		return ward.E(ward.Invalid, op, "a reason is a constant code of at most 120 printable characters", nil).At("reason")
	case len(e.Holds) > maxHolds || len(e.Hops) > maxHops || len(e.Patients) > maxPatients:
		return ward.E(ward.TooLarge, op, fmt.Sprintf("a message holds at most %d facts, makes at most %d hops and is about at most %d patients", maxHolds, maxHops, maxPatients), nil)
	case !datable(e.Sent):
		return ward.E(ward.Invalid, op, "a message was sent in one of the years 1 to 9999", nil).At("sent")
	case len(e.Rules) != 0 && len(e.Rules) != len(e.Changes):
		return ward.E(ward.Invalid, op, "rules are named for all changes or for none", nil).At("rules")
	}
	for i := range e.Holds {
		if err := e.Holds[i].check(); err != nil {
			return err
		}
	}
	for _, h := range e.Hops {
		if err := h.check(); err != nil {
			return err
		}
	}
	for _, r := range e.Rules {
		if !constant(r) {
			return ward.E(ward.Invalid, op, "a rule is named by a constant of at most 120 printable characters", nil).At("rules")
		}
	}
	if e.Merge != nil {
		return e.Merge.check()
	}
	return nil
}

// ApplyMessage writes everything that a message does, with one entry, in one transaction, if the message is still MessageReceived; if it is
// not, nothing is written and the result is nil. p is for access.Receive; the permits of Changes are for their own types, of the same
// principal and request. Errors as Apply; an unknown message is ward.NotFound.
//
// The message's key is then wrapped to everybody whom the message is about: Patients, and the patients of Changes, Holds and Merge.
// ward.Precondition: a version of a changed fact that is not among Contested is held and known to be newer; see OpenHolds.
// Holds are replaced by their position: one of this message that is still open takes the new evidence and loses its proposal; an open one
// that is not among Holds any more is superseded; so is one of another message of the same Fact, or of a fact that Changes store, unless
// that one is known by Hold.Sent to be newer; one that persons have released or rejected stays.
//
// When ctx is that of a job of DeliverQueue, the job is done with the same commit.
//
// The key is wrapped to Patients in whatever state the message ends: an erasure of one of them reaches what was held or kept as a whole too.
func (s *Store) ApplyMessage(ctx context.Context, p access.Permit, e Effects) ([]Result, error) {
	const act = audit.ActMessageApply
	if err := p.Allows(access.Receive, ""); err != nil {
		return nil, err
	}
	if err := e.check(); err != nil {
		return nil, err
	}
	b, err := s.newBatch(ctx, p, act, e.Changes)
	if err != nil {
		return nil, err
	}
	b.side = &effects{s: s, p: p, e: e}
	out, err := b.run(ctx)
	if errors.Is(err, errDone) {
		return nil, nil
	}
	return out, err
}

// effects is what an ApplyMessage writes beside its changes.
type effects struct {
	s *Store
	p access.Permit
	e Effects

	m             *message // as it was read in this attempt
	before, later []*held  // held of this message, and of others what would become the same facts
	newer         bool     // a version of a change is held that is newer, and the caller does not know it
	pats          []byte   // whom it is about, in order
	wrap          []byte   // the key's new wrap; nil: it stays
	live          []seal.KeyID
	texts         []*sideText
	fresh         []*held  // new rows
	moved         []change // rows to replace
}

// change is a held fact as it was read and as it is to be.
type change struct{ old, next *held }

// look seals what is held of the message, if it is still to be worked on.
func (x *effects) look(ctx context.Context, b *batch) error {
	switch {
	case x.m == nil:
		return x.s.nothing(ctx, x.p, b.act, errNotFound)
	case x.m.state != string(MessageReceived):
		return errDone
	case !x.p.Filter().Match(messageAttributes("")):
		return x.s.hidden(ctx, x.p, b.act, x.m.subjects()[0], errForbidden)
	}
	if x.newer {
		return x.s.failed(ctx, x.p, b.act, errNewerHeld)
	}
	x.wrap, x.live, x.texts, x.fresh, x.moved = nil, nil, nil, nil, nil
	if err := x.about(b); err != nil {
		return err
	}
	err := x.sealAll(ctx, b)
	if ward.KindOf(err) == ward.Gone {
		x.drop(ctx)
		return x.s.failed(ctx, x.p, b.act, errErased)
	}
	return err
}

// read reads the message, what was held of it, and what was held of others and would become the same facts.
func (x *effects) read(ctx context.Context, tx *db.Tx, b *batch) error {
	facts := make([]string, 0, len(x.e.Holds))
	for i := range x.e.Holds {
		if f := x.e.Holds[i].Fact; f != "" {
			facts = append(facts, f)
		}
	}
	var err error
	if x.m, err = loadMessage(ctx, tx, b.n, false, byID, x.e.Message[:]); err != nil || x.m == nil {
		return err
	}
	if x.before, err = loadHolds(ctx, tx, b.n, "h.message = $2", x.m.rid); err != nil {
		return err
	}
	x.newer = false
	x.later, err = b.sameFacts(ctx, tx, facts, func(h *held) bool {
		x.newer = x.newer || b.stores(h.fact) && h.newer(sentMicros(x.e.Sent)) && !slices.Contains(x.e.Contested, h.fact)
		return h.message == x.m.rid || x.older(b, h)
	})
	return err
}

var errNewerHeld = ward.E(ward.Precondition, "store.effects", "a newer version of a fact is held; mark what is stored as disputed", nil)

// older reports whether everything that the message says of the fact was sent before what is held of it.
func (x *effects) older(b *batch, h *held) bool {
	if b.stores(h.fact) && !h.newer(sentMicros(x.e.Sent)) {
		return false
	}
	for i := range x.e.Holds {
		if f := &x.e.Holds[i]; f.Fact == h.fact && !h.newer(sentMicros(f.Sent)) {
			return false
		}
	}
	return true
}

// stores reports whether one of the changes is of the fact.
func (b *batch) stores(fact string) bool {
	return slices.ContainsFunc(b.items, func(it *item) bool { return it.ref.String() == fact })
}

// about collects whom the message is about; who is known already stays known when nobody is named now.
func (x *effects) about(b *batch) error {
	var pats [][]byte
	add := func(id string) {
		if id != "" {
			pats = append(pats, b.n.patient(id))
		}
	}
	for _, id := range x.e.Patients {
		if !ward.ValidID(id) {
			return ward.E(ward.Invalid, "store.effects", "a message names its patients by FHIR id", nil).At("patients")
		}
		add(id)
	}
	for i := range x.e.Holds {
		add(x.e.Holds[i].Patient)
	}
	for _, it := range b.items {
		if !isZero(it.pat) && len(it.pat) > 0 {
			pats = append(pats, it.pat)
		}
	}
	if x.e.Merge != nil {
		add(x.e.Merge.From)
		add(x.e.Merge.Into)
	}
	slices.SortFunc(pats, bytes.Compare)
	pats = slices.CompactFunc(pats, bytes.Equal)
	if len(pats) > maxPatients {
		return ward.E(ward.TooLarge, "store.effects", fmt.Sprintf("a message is about at most %d patients", maxPatients), nil)
	}
	if x.pats = bytes.Join(pats, nil); len(pats) == 0 {
		x.pats = x.m.pats
	}
	return nil
}

// sealAll wraps the key anew and seals the evidence; neither asks for the key if there is nothing to do with it.
func (x *effects) sealAll(ctx context.Context, b *batch) error {
	same := bytes.Equal(x.pats, x.m.pats)
	var content seal.Content
	var err error
	if !same || len(x.e.Holds) > 0 {
		if content, err = x.s.content(ctx, x.m); err != nil {
			return err
		}
	}
	if !same {
		if err := x.rewrap(ctx, b, content); err != nil {
			return err
		}
	}
	return x.hold(ctx, b, content)
}

// rewrap wraps the message's key to everybody whom it is about.
func (x *effects) rewrap(ctx context.Context, b *batch, content seal.Content) error {
	var under []seal.Key
	var subjects []seal.Subject
	for pat := range slices.Chunk(x.pats, 16) {
		subjects = append(subjects, subjectOf(pat))
	}
	if err := x.s.ring.Ensure(ctx, b.n.tn, subjects...); err != nil {
		return err
	}
	for _, sub := range subjects {
		key, err := x.s.ring.Current(ctx, b.n.tn, sub, seal.Data)
		if err != nil {
			return err
		}
		under, x.live = append(under, key), append(x.live, key.ID())
	}
	var err error
	x.wrap, err = content.Wrap(x.m.wrapRecord(), under...)
	return err
}

// hold plans what becomes of the facts that were held of this message, and of those that are now.
func (x *effects) hold(ctx context.Context, b *batch, content seal.Content) error {
	known := map[string]*held{}
	for _, h := range x.before {
		known[string(h.id)] = h
	}
	nth := map[string]int{}
	for i := range x.e.Holds {
		f := &x.e.Holds[i]
		id := b.n.holdID(x.m.id, f.Position, nth[f.Position])
		nth[f.Position]++
		old := known[string(id)]
		delete(known, string(id))
		if old != nil && (old.state == string(HoldReleased) || old.state == string(HoldRejected)) {
			continue
		}
		if err := x.holdOne(ctx, b, content, f, id, old); err != nil {
			return err
		}
	}
	for _, h := range x.before {
		if known[string(h.id)] != nil && h.open() {
			x.moved = append(x.moved, superseded(h))
		}
	}
	for _, h := range x.later {
		x.moved = append(x.moved, superseded(h))
	}
	return nil
}

// holdOne seals the evidence of a held fact and plans its row.
func (x *effects) holdOne(ctx context.Context, b *batch, content seal.Content, f *Hold, id []byte, old *held) error {
	t, err := x.s.sideOf(ctx, content, x.m, evidenceText, id, f.Evidence)
	if err != nil {
		return err
	}
	x.texts = append(x.texts, t)
	h := &held{tn: b.n.tn, rid: t.rid, id: id, message: x.m.rid, state: string(HoldHeld), atUS: t.atUS, evidence: t.rid, proposed: []byte{}}
	h.fill(*f)
	h.pat = b.n.patient(f.Patient)
	if old == nil {
		x.fresh = append(x.fresh, h)
		return nil
	}
	h.rid = old.rid
	x.moved = append(x.moved, change{old, h})
	return nil
}

func superseded(h *held) change {
	next := *h
	next.state = string(HoldSuperseded)
	return change{h, &next}
}

// sameFacts reads the open held facts that would become what is written now, or the facts given; skip leaves out what is to stay.
func (b *batch) sameFacts(ctx context.Context, tx *db.Tx, facts []string, skip func(*held) bool) (out []*held, err error) {
	for _, it := range b.items {
		facts = append(facts, it.ref.String())
	}
	slices.Sort(facts)
	for part := range slices.Chunk(slices.Compact(facts), readChunk) {
		args := make([]any, len(part))
		for i, f := range part {
			args[i] = f
		}
		for n := len(part); n&(n-1) != 0; n++ { // lists come in few lengths, so that statements are prepared once
			args = append(args, part[0])
		}
		hs, err := loadHolds(ctx, tx, b.n, "h.fact IN ("+db.Placeholders(2, len(args))+") AND h.state IN ('held', 'proposed')", args...)
		if err != nil {
			return nil, err
		}
		out = append(out, slices.DeleteFunc(hs, skip)...)
	}
	return out, nil
}

// supersede ends held facts that something later has taken the place of.
func supersede(ctx context.Context, tx *db.Tx, n names, hs []*held) error {
	for _, h := range hs {
		if err := superseded(h).next.replace(ctx, tx, n, h.mac); err != nil {
			return err
		}
	}
	return nil
}
