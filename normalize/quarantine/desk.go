package quarantine

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"strings"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/normalize/body"
	"github.com/ward-health/ward/normalize/judge"
	"github.com/ward-health/ward/normalize/units"
	"github.com/ward-health/ward/store"
)

// Deps is what a Desk stands on.
type Deps struct {
	Store *store.Store
	Units func(ctx context.Context, tenant db.Tenant, sender string) (*units.Table, error) // what persons said of a sender's units; nil: nothing
}

// Desk is where held facts are looked at. Safe for concurrent use.
type Desk struct {
	store *store.Store
	units func(ctx context.Context, tenant db.Tenant, sender string) (*units.Table, error)
}

// New makes a Desk.
func New(d Deps) *Desk {
	if d.Units == nil {
		d.Units = func(context.Context, db.Tenant, string) (*units.Table, error) { return &units.Table{}, nil }
	}
	return &Desk{d.Store, d.Units}
}

// Correction is what a person says of a held fact: one of Unit, Code and Accept. The value as sent never changes.
type Correction struct {
	Unit   string `json:"unit,omitempty"`   // the unit that was meant, UCUM
	Code   string `json:"code,omitempty"`   // the LOINC code that was meant: a sibling of the one that was sent
	Accept bool   `json:"accept,omitempty"` // the fact stands as it was sent
	Reason string `json:"reason"`           // why, 1 to 200 characters
}

// Preview is a correction with what it would do; the sealed JSON of store.HeldFact.Proposal. It holds patient data.
type Preview struct {
	Correction Correction      `json:"correction"`
	Fact       string          `json:"fact"` // "Observation/id"
	Resource   json.RawMessage `json:"resource"`
	Diff       []Edit          `json:"diff"`
	Findings   []judge.Finding `json:"findings,omitempty"`
	Tags       []string        `json:"tags,omitempty"`
	Replaces   int64           `json:"replaces,omitempty"` // version of the stored fact that it would replace
}

// Shown is a held fact, opened.
type Shown struct {
	Held     store.HeldFact
	Evidence Evidence
	Proposal *Preview // nil: nobody has proposed anything
	Digest   [32]byte // of the proposal: what a second person releases
}

const op = "quarantine.desk"

// List lists held facts oldest first, unopened, under a permit for access.HoldRead.
func (d *Desk) List(ctx context.Context, g access.Grant, q store.HoldQuery) ([]store.HeldFact, string, error) {
	p, err := leave(ctx, g, access.HoldRead)
	if err != nil {
		return nil, "", err
	}
	return d.store.Holds(ctx, p, q)
}

// leave is the grant's own permit if it is for the action, else another one.
func leave(ctx context.Context, g access.Grant, a access.Action) (access.Permit, error) {
	if g.Permit.Allows(a, "") == nil {
		return g.Permit, nil
	}
	return g.Decide(ctx, a, "")
}

// Show opens one, under a permit for access.HoldRead.
func (d *Desk) Show(ctx context.Context, g access.Grant, id ward.ID) (Shown, error) {
	p, err := leave(ctx, g, access.HoldRead)
	if err != nil {
		return Shown{}, err
	}
	h, err := d.store.Held(ctx, p, id)
	if err != nil {
		return Shown{}, err
	}
	s := Shown{Held: h}
	if s.Evidence, err = ReadEvidence(h.Hold.Evidence); err != nil || len(h.Proposal) == 0 {
		return s, err
	}
	s.Proposal, s.Digest = new(Preview), sha256.Sum256([]byte(h.Proposal))
	if err := json.Unmarshal([]byte(h.Proposal), s.Proposal); err != nil {
		return s, ward.E(ward.Internal, op, "the proposal is of an unknown form", nil)
	}
	return s, nil
}

// Preview returns what a correction would do, without keeping anything. ward.Unprocessable says what still contradicts.
func (d *Desk) Preview(ctx context.Context, g access.Grant, id ward.ID, c Correction) (Preview, error) {
	s, err := d.Show(ctx, g, id)
	if err != nil {
		return Preview{}, err
	}
	return d.preview(ctx, g, s, c)
}

func (d *Desk) preview(ctx context.Context, g access.Grant, s Shown, c Correction) (Preview, error) {
	if s.Held.State != store.HoldHeld && s.Held.State != store.HoldProposed {
		return Preview{}, ward.E(ward.Conflict, op, "the fact is not held any more", nil)
	}
	said, err := d.units(ctx, g.Permit.Tenant(), s.Evidence.Sender)
	if err != nil {
		return Preview{}, err
	}
	p, o, err := correct(s.Evidence, c, said)
	if err != nil {
		return p, err
	}
	p.Fact = s.Held.Hold.Fact
	if err := d.contested(ctx, g, s, &p, o); err != nil {
		return p, err
	}
	p.Replaces, err = d.stored(ctx, g, p.Fact, o)
	return p, err
}

// stored returns the version that the fact would replace; a newer one than what was held is not replaced.
func (d *Desk) stored(ctx context.Context, g access.Grant, fact string, o *body.Value) (int64, error) {
	ref, err := ward.ParseReference(fact)
	if err != nil {
		return 0, ward.E(ward.Unprocessable, op, "the held fact names no resource; it can be rejected, or its message replayed", nil)
	}
	now, number, err := d.current(ctx, g, ref)
	if err != nil || now == nil {
		return 0, err
	}
	if judge.Sent(now).After(judge.Sent(o)) {
		return 0, ward.E(ward.Conflict, op, "a newer version of this fact was stored since; reject the held one", nil)
	}
	return number, nil
}

// current reads what is stored of a fact; nil: nothing that this person may see.
func (d *Desk) current(ctx context.Context, g access.Grant, ref ward.Reference) (*body.Value, int64, error) {
	read, err := g.Decide(ctx, access.Read, ref.Type)
	if err != nil {
		return nil, 0, err
	}
	v, err := d.store.Get(ctx, read, ref)
	switch {
	case err != nil && (ward.KindOf(err) == ward.NotFound || ward.KindOf(err) == ward.Gone):
		return nil, 0, nil
	case err != nil:
		return nil, 0, err
	}
	now, err := body.Parse([]byte(v.Body))
	return now, v.Number, err
}

// contested marks a fact of which a newer version is held as well.
func (d *Desk) contested(ctx context.Context, g access.Grant, s Shown, p *Preview, o *body.Value) error {
	held, err := d.store.OpenHolds(ctx, g.Permit, s.Held.Hold.Fact)
	if err != nil || s.Held.Hold.Fact == "" {
		return err
	}
	for _, h := range held {
		if sent := s.Held.Hold.Sent; h.ID != s.Held.ID && !sent.IsZero() && h.Sent.After(sent) {
			judge.TagAlso(o, judge.Disputed)
			p.Tags, p.Resource = append(p.Tags, judge.Disputed), o.Bytes()
			return nil
		}
	}
	return nil
}

// Propose keeps a first person's correction, under a permit for access.HoldRelease. Proposing again replaces it.
func (d *Desk) Propose(ctx context.Context, g access.Grant, id ward.ID, c Correction) (Preview, error) {
	p, err := d.Preview(ctx, g, id, c)
	if err != nil {
		return p, err
	}
	may, err := leave(ctx, g, access.HoldRelease)
	if err != nil {
		return p, err
	}
	sealed, err := json.Marshal(p)
	if err != nil {
		return p, ward.E(ward.Internal, op, "the proposal cannot be written", nil)
	}
	return p, d.store.Propose(ctx, may, id, ward.Protected(sealed))
}

// Release stores what was proposed, under a permit for access.HoldRelease of a second person. digest is that of the proposal
// which this person has seen (Shown.Digest). The correction is judged anew: what it gives now must be what was proposed, else
// ward.Precondition.
func (d *Desk) Release(ctx context.Context, g access.Grant, id ward.ID, digest [32]byte) ([]store.Result, error) {
	s, err := d.Show(ctx, g, id)
	if err != nil {
		return nil, err
	}
	if s.Proposal == nil || s.Digest != digest {
		return nil, ward.E(ward.Precondition, op, "there is no such proposal any more; look at the fact again", nil)
	}
	again, err := d.preview(ctx, g, s, s.Proposal.Correction)
	if err != nil {
		return nil, err
	}
	if string(again.Resource) != string(s.Proposal.Resource) || again.Replaces != s.Proposal.Replaces {
		return nil, ward.E(ward.Precondition, op, "what is stored or the rules have changed since the proposal; propose again", nil)
	}
	ref, err := ward.ParseReference(again.Fact)
	if err != nil {
		return nil, err
	}
	may, err := leave(ctx, g, access.HoldRelease)
	if err != nil {
		return nil, err
	}
	write, err := g.Decide(ctx, access.Update, ref.Type)
	if err != nil {
		return nil, err
	}
	return d.store.Release(ctx, may, id, digest, []store.Change{{Permit: write, Op: store.OpUpdate, IfMatch: again.Replaces,
		Resource: ward.Resource{Ref: ref, Body: ward.Protected(again.Resource)}}})
}

// Reject ends a held fact for good, under a permit for access.HoldReject; it stays sealed and readable.
func (d *Desk) Reject(ctx context.Context, g access.Grant, id ward.ID, note string) error {
	p, err := leave(ctx, g, access.HoldReject)
	if err != nil {
		return err
	}
	if note = strings.TrimSpace(note); note == "" {
		return ward.E(ward.Invalid, op, "say in up to 200 characters why the fact is not to be used", nil)
	}
	changes, err := d.settle(ctx, g, id)
	if err != nil {
		return err
	}
	return d.store.RejectWith(ctx, p, id, note, changes)
}

// settle takes the mark from the stored version of a fact that nothing but this hold disputes.
func (d *Desk) settle(ctx context.Context, g access.Grant, id ward.ID) ([]store.Change, error) {
	s, err := d.Show(ctx, g, id)
	if err != nil {
		return nil, err
	}
	ref, err := ward.ParseReference(s.Held.Hold.Fact)
	if err != nil || s.Held.State != store.HoldHeld && s.Held.State != store.HoldProposed {
		return nil, nil //nolint:nilerr // it names nothing that could be stored, or has ended: the store says so
	}
	held, err := d.store.OpenHolds(ctx, g.Permit, s.Held.Hold.Fact)
	if err != nil || len(held) != 1 {
		return nil, err
	}
	now, number, err := d.current(ctx, g, ref)
	if err != nil || now == nil || !judge.Tagged(now, judge.Disputed) {
		return nil, err
	}
	write, err := g.Decide(ctx, access.Update, ref.Type)
	if err != nil {
		return nil, err
	}
	judge.Untag(now, judge.Disputed)
	return []store.Change{{Permit: write, Op: store.OpUpdate, IfMatch: number, Resource: ward.Resource{Ref: ref, Body: ward.Protected(now.Bytes())}}}, nil
}
