package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/audit"
	"github.com/ward-health/ward/clinical/fhir"
	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/engine/keys/seal"
)

// Op is what a Change does.
type Op uint8

// The operations.
const (
	OpCreate Op = 1 // new id, made by Ward unless Resource.Ref.ID is set by the planner of a transaction
	OpUpdate Op = 2 // create or replace under the given id
	OpDelete Op = 3
)

// action is the access.Action that a change needs a permit for.
func (o Op) action() (access.Action, bool) {
	switch o {
	case OpCreate:
		return access.Create, true
	case OpUpdate:
		return access.Update, true
	case OpDelete:
		return access.Delete, true
	}
	return "", false
}

// Change is one wanted write.
type Change struct {
	Permit      access.Permit // for this operation and type; all of one principal, tenant and request
	Op          Op
	Resource    ward.Resource // Body empty for OpDelete
	IfMatch     int64         // 0: none; else the version that must be current
	IfNoneExist *fhir.Search  // OpCreate: create only if nothing visible matches; one match is returned instead, several are ward.Precondition
	Scanned     fhir.Scanned  // of this very body, if the caller has looked at it: the strict pass is not made again
	NoMatch     bool          // with IfNoneExist: a match, found now or at commit, is ward.Conflict instead of being returned
}

// Result says what became of a Change.
type Result struct {
	Version ward.Version // Body empty: what was written the caller has, and leave to create is no leave to read what IfNoneExist found
	Created bool
	Kept    bool // nothing was written: the content was already so, or IfNoneExist found one
}

// The bounds of Apply.
const (
	maxChanges = 5_000
	maxTries   = 5
)

// errMoved says that what an attempt had read was changed before it could write; the next attempt reads again.
var errMoved = errors.New("store: rows moved")

var errConflict = ward.E(ward.Conflict, "store.apply", "the records are being changed by others right now; send the request again", nil)

// errForbidden is the one answer to a write of what the filter does not cover, whether or not the record exists.
var errForbidden = ward.E(ward.Denied, "store.apply", "you may not write this record", nil)

var errNoMatch = ward.E(ward.Precondition, "store.apply", "the current version is not the one given in If-Match", nil)

// Apply writes all changes or none, with one audit entry, in one transaction, durable on return. A result in the order of
// the changes. An error's Path begins with the change's position, "changes[3]", when there are several.
//
// ward.Denied: the record as it is or as it would become is outside the permit's filter. ward.Precondition: IfMatch or
// IfNoneExist does not hold. ward.Gone: the record, or its patient, was erased. ward.Conflict: others keep winning.
func (s *Store) Apply(ctx context.Context, act audit.Act, changes []Change) ([]Result, error) {
	if len(changes) == 0 {
		return nil, ward.E(ward.Invalid, "store.apply", "there is nothing to write", nil)
	}
	b, err := s.newBatch(ctx, changes[0].Permit, act, changes)
	if err != nil {
		return nil, err
	}
	return b.run(ctx)
}

// run prepares once and tries until nothing moves in between.
func (b *batch) run(ctx context.Context) ([]Result, error) {
	if err := b.prepare(ctx); err != nil {
		return nil, err
	}
	s := b.s
	for try := range maxTries {
		if b.moved = try > 0; b.moved {
			// What moved may sit in a group of writes that is not committed yet; a write of our own comes after it.
			if err := s.commit(ctx, b.n.tn, func(*db.Tx) error { return nil }); err != nil {
				return nil, err
			}
		}
		out, err := b.attempt(ctx)
		if !errors.Is(err, errMoved) {
			return out, err
		}
	}
	return nil, s.failed(ctx, b.p, b.act, errConflict)
}

// batch is one Apply on its way.
type batch struct {
	s     *Store
	n     names
	p     access.Permit // the first change's: all are of one principal, tenant and request
	act   audit.Act
	items []*item
	side  side // what is written beside the versions; nil: nothing
	moved bool // an attempt before met rows that it had not read
	began bool // an entry of this attempt stands already: candidates of IfNoneExist were opened
}

// side is what an act writes beside its versions, in their transaction. Each attempt looks first; write may be run again.
type side interface {
	look(ctx context.Context, b *batch) error // reads and seals; an error ends the act, with its entry made
	intent(in *audit.Intent)
	kids() []seal.KeyID // must be live when it is written
	write(ctx context.Context, tx *db.Tx, b *batch, entry ward.ID) error
	drop(ctx context.Context) // the attempt certainly did not commit
}

// along is a side that reads in the snapshot of the batch, before it looks.
type along interface {
	read(ctx context.Context, tx *db.Tx, b *batch) error
}

// newBatch checks the permits; p is that of the act itself, of the same principal, tenant and request as those of the changes.
func (s *Store) newBatch(ctx context.Context, p access.Permit, act audit.Act, changes []Change) (*batch, error) {
	const op = "store.apply"
	if len(changes) > maxChanges {
		return nil, ward.E(ward.TooLarge, op, fmt.Sprintf("at most %d changes can be written at once", maxChanges), nil)
	}
	b := &batch{s: s, p: p, act: act}
	var patients []string
	for i := range changes {
		c := &changes[i]
		a, ok := c.Op.action()
		if !ok {
			return nil, b.at(i, ward.E(ward.Invalid, op, "a change creates, updates or deletes", nil))
		}
		if c.Resource.Ref.Type == "" {
			return nil, b.at(i, ward.E(ward.Invalid, op, "a change names its resource type", nil))
		}
		if err := c.Permit.Allows(a, c.Resource.Ref.Type); err != nil {
			return nil, err
		}
		if c.Permit.Tenant() != b.p.Tenant() || c.Permit.Principal().ID != b.p.Principal().ID || c.Permit.Request() != b.p.Request() {
			return nil, ward.E(ward.Denied, op, "the permits of one write must be of one principal, tenant and request", nil)
		}
		b.items = append(b.items, &item{at: i, change: c, ref: c.Resource.Ref})
		if patients = append(patients, named(c.Permit.Filter().Node)...); c.IfNoneExist != nil {
			patients = append(patients, sought(*c.IfNoneExist)...)
		}
	}
	var err error
	if b.n, err = s.names(ctx, b.p.Tenant()); err != nil {
		return nil, err
	}
	return b, s.relate(ctx, &b.n, patients)
}

// at names the change in the error, if there are several.
func (b *batch) at(i int, err error) error {
	var e *ward.Error
	if len(b.items) < 2 && i == 0 || !errors.As(err, &e) {
		return err
	}
	path := fmt.Sprintf("changes[%d]", i)
	if e.Path != "" {
		path += "." + e.Path
	}
	return e.At(path)
}

// attempt reads, decides, seals and writes once. What stands beside the versions is looked at first: it may end the act.
func (b *batch) attempt(ctx context.Context) ([]Result, error) {
	b.began = false
	if err := b.read(ctx); err != nil {
		return nil, err
	}
	if b.side != nil {
		if err := b.side.look(ctx, b); err != nil {
			return nil, err
		}
	}
	writes, err := b.choose(ctx)
	if err == nil && len(writes) == 0 && b.side == nil {
		return b.kept(ctx)
	}
	if err == nil {
		err = b.seal(ctx, writes)
	}
	if err != nil {
		if b.side != nil {
			b.side.drop(ctx)
		}
		return nil, err
	}
	if err := b.write(ctx, writes); err != nil {
		return nil, err
	}
	return b.results(), nil
}

// choose decides what becomes of each change; what is to be written comes back.
func (b *batch) choose(ctx context.Context) (writes []*item, err error) {
	if err := b.conditions(ctx); err != nil {
		return nil, err
	}
	for _, it := range b.items {
		if it.result != nil { // found by IfNoneExist
			continue
		}
		if err := b.decide(it); err != nil {
			return nil, b.refused(ctx, it, err)
		}
		if it.result == nil {
			writes = append(writes, it)
		}
	}
	return writes, nil
}

// kept ends an act that has nothing to write: it is an act all the same.
func (b *batch) kept(ctx context.Context) ([]Result, error) {
	if !b.began {
		if _, err := b.s.begin(ctx, b.p, b.act, "kept"); err != nil {
			return nil, err
		}
	}
	return b.results(), nil
}

func (b *batch) results() []Result {
	out := make([]Result, len(b.items))
	for i, it := range b.items {
		out[i] = *it.result
	}
	return out
}

// refused records the end of an act that wrote nothing, as a denial or as a failure, and returns its answer.
func (b *batch) refused(ctx context.Context, it *item, err error) error {
	if errors.Is(err, errHidden) {
		answer := error(errForbidden)
		switch {
		case it.change.Op == OpDelete:
			answer = errNotFound
		case it.change.IfMatch != 0:
			answer = errNoMatch // as for a record that does not exist
		}
		sub := audit.Subject{Patient: subjectOf(it.old.pat), Kind: "ver", RID: be8(it.old.rid), Version: it.old.ver}
		return b.s.hidden(ctx, it.change.Permit, b.act, sub, b.at(it.at, answer))
	}
	err = b.at(it.at, err)
	if k := ward.KindOf(err); k == ward.Internal || k == ward.Unavailable || b.began {
		return err
	}
	return b.s.failed(ctx, b.p, b.act, err)
}
