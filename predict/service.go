package predict

import (
	"context"
	"encoding/hex"
	"slices"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/predict/engine"
	"github.com/ward-health/ward/predict/registry"
	"github.com/ward-health/ward/store"
)

// Deps is what the service stands on.
type Deps struct {
	Store    *store.Store
	Registry *registry.Registry
	Now      func() time.Time // nil: time.Now
}

// Service answers. Safe for concurrent use.
type Service struct {
	store    *store.Store
	registry *registry.Registry
	now      func() time.Time
}

// New makes the service.
func New(d Deps) *Service {
	s := &Service{store: d.Store, registry: d.Registry, now: d.Now}
	if s.now == nil {
		s.now = time.Now
	}
	return s
}

// Serve answers for one patient and keeps the decision. g.Permit is for access.Predict. A decision without Output is an
// honest refusal with its reasons; an error means that nothing was decided: ward.NotFound for an unknown model or a patient
// that the caller may not see, ward.Gone for one deleted or erased, ward.Unavailable for a model that does not verify.
func (s *Service) Serve(ctx context.Context, g access.Grant, model, patient, asked string) (ward.Decision, registry.Verified, error) {
	p := g.Permit
	if err := p.Allows(access.Predict, ""); err != nil {
		return ward.Decision{}, registry.Verified{}, err
	}
	v, err := s.registry.Active(ctx, p.Tenant(), model)
	if err != nil {
		return ward.Decision{}, registry.Verified{}, unverified(err)
	}
	at := s.now().UTC().Truncate(time.Microsecond)
	found, err := s.gather(ctx, g, v.Manifest(), patient, at)
	if err != nil {
		return ward.Decision{}, registry.Verified{}, err
	}
	digest, policy := v.Digest(), p.Policy()
	d := ward.Decision{
		ID: ward.NewID(), At: at, Patient: patient, Asked: asked,
		Model: v.Model(), Digest: hex.EncodeToString(digest[:]),
		Lineage: ward.DecisionLine{Principal: p.Principal().ID, Purpose: p.Purpose(), Policy: hex.EncodeToString(policy[:]),
			Reads: found.reads, Engine: engine.Version},
	}
	d.Inputs, d.Output, d.Reasons = judge(v, found.person, found.results, at)
	if _, err := s.store.PutDecision(ctx, p, d, digest); err != nil {
		return ward.Decision{}, registry.Verified{}, err
	}
	return d, v, nil
}

// unverified keeps an unknown model apart from one that must not answer: the caller can do nothing about the latter.
func unverified(err error) error {
	switch ward.KindOf(err) {
	case ward.Unprocessable, ward.Invalid, ward.Unsupported, ward.TooLarge:
		return ward.E(ward.Unavailable, "predict.serve", "the model cannot be verified and does not answer; the operator must look at the registry", err)
	}
	return err
}

// gathered is what was read for one decision.
type gathered struct {
	person  *person
	results []*result
	reads   []ward.ID
}

func (f *gathered) saw(vs ...ward.Version) {
	for _, v := range vs {
		if !v.Seen.IsZero() && !slices.Contains(f.reads, v.Seen) {
			f.reads = append(f.reads, v.Seen)
		}
	}
}
