package predict

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"sync"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/audit"
	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/engine/queue"
	"github.com/ward-health/ward/predict/registry"
	"github.com/ward-health/ward/store"
)

// EventQueue is the queue of new results that models answer without being asked: store.Feed(EventQueue,
// Registry.Answering, "Observation").
const EventQueue = "predict_events"

// EventHandler returns the handler of EventQueue. grant gives leave to act for a tenant's own engine, under a new request id;
// its Permit is for access.Predict. A patient who is gone by now makes no work; every other error lets the job be tried again.
func (s *Service) EventHandler(grant func(ctx context.Context, tn db.Tenant, request ward.ID) (access.Grant, error)) queue.Handler {
	return func(ctx context.Context, j queue.Job) (queue.Finish, error) {
		e, err := store.ReadEvent(j.Ref)
		if err != nil {
			return nil, err
		}
		g, err := grant(ctx, j.Tenant, ward.NewID())
		if err != nil {
			return nil, err
		}
		return nil, s.OnResults(ctx, g, e.Patient)
	}
}

// OnResults asks every active model that answers events about a patient. One that can answer keeps its decision, with
// AskedEvent, and the RiskAssessment of that model and patient says what it says; one that cannot leaves nothing. The same
// artefact with the same inputs is one decision however often it is asked, here and on other nodes, and writes nothing again.
// A patient who does not exist, was deleted or was erased is no error: there is nobody to answer about. More
// results than can be looked through are no answer. A model that fails does not keep the others from answering; the first
// error is returned.
func (s *Service) OnResults(ctx context.Context, g access.Grant, patient string) error {
	if err := g.Permit.Allows(access.Predict, ""); err != nil {
		return err
	}
	active, err := s.registry.In(ctx, g.Permit.Tenant(), registry.Active, "")
	if err != nil {
		return unverified(err)
	}
	var first error
	for _, v := range active {
		if !v.Manifest().Events {
			continue
		}
		err := s.event(ctx, g, v, patient)
		if err == nil {
			continue
		}
		switch ward.KindOf(err) {
		case ward.NotFound, ward.Gone:
			return first
		case ward.TooLarge:
			s.failed(ctx, err) // trying again would find as many
		default:
			if first == nil {
				first = err
			}
		}
	}
	return first
}

// event answers with one model. The decision comes first, so that no RiskAssessment names one that does not exist; a repeated
// job finds the one and completes the other.
func (s *Service) event(ctx context.Context, g access.Grant, v registry.Verified, patient string) error {
	d, found, err := s.decide(ctx, g, v, patient, AskedEvent)
	if err != nil || d.Output == nil {
		return err
	}
	if d.ID, err = s.named(ctx, g.Permit, d); err != nil {
		return err
	}
	fresh, err := s.once(ctx, g, d, v)
	if err != nil {
		return err
	}
	if fresh {
		s.beside(ctx, g, v, found, d)
	}
	id, err := s.store.Derive(ctx, g.Permit, "RiskAssessment", v.Manifest().Name, d.Patient)
	if err != nil {
		return err
	}
	leave, err := g.Decide(ctx, access.Update, "RiskAssessment")
	if err != nil {
		return err
	}
	ref := ward.Reference{Type: "RiskAssessment", ID: id}
	_, err = s.store.Apply(ctx, audit.ActUpdate, []store.Change{{Permit: leave, Op: store.OpUpdate,
		Resource: ward.Resource{Ref: ref, Body: assessment(id, d, v.Manifest(), found)}}})
	return err
}

// named is the id of an answer to an event: the same for the same canonical decision about the same patient.
func (s *Service) named(ctx context.Context, p access.Permit, d ward.Decision) (ward.ID, error) {
	text, err := Canonical(d)
	if err != nil {
		return ward.ID{}, ward.E(ward.Internal, "predict.event", "the decision cannot be written", err)
	}
	sum := sha256.Sum256(text)
	id, err := s.store.Derive(ctx, p, "predict.event", d.Patient, hex.EncodeToString(sum[:]))
	if err != nil {
		return ward.ID{}, err
	}
	return ward.ParseID(id)
}

// once keeps a decision that may be there already, and reports whether it was not.
func (s *Service) once(ctx context.Context, g access.Grant, d ward.Decision, v registry.Verified) (fresh bool, err error) {
	if s.kept.has(g.Permit.Tenant(), d.ID) {
		return false, nil
	}
	err = s.keep(ctx, g, d, v)
	if err != nil && ward.KindOf(err) != ward.Conflict {
		return false, err
	}
	s.kept.add(g.Permit.Tenant(), d.ID)
	return err == nil, nil
}

// beside lets the shadow versions compute after a new answer to an event.
func (s *Service) beside(ctx context.Context, g access.Grant, v registry.Verified, found gathered, d ward.Decision) {
	now, err := s.registry.Standing(ctx, g.Permit.Tenant(), v.Manifest().Name)
	if err != nil {
		s.failed(ctx, err)
		return
	}
	s.shadows(ctx, g, now, v, found, d)
}

// maxKept bounds what is remembered; it is emptied when full.
const maxKept = 50_000

type keptID struct {
	tn db.Tenant
	id ward.ID
}

// kept remembers which answers to events are stored, so that a repetition does not try to store them again. It saves work and
// decides nothing: a decision that was kept stays kept.
type kept struct {
	mu  sync.Mutex
	ids map[keptID]bool
}

func (k *kept) has(tn db.Tenant, id ward.ID) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.ids[keptID{tn, id}]
}

func (k *kept) add(tn db.Tenant, id ward.ID) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.ids == nil || len(k.ids) >= maxKept {
		k.ids = map[keptID]bool{}
	}
	k.ids[keptID{tn, id}] = true
}
