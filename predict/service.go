package predict

import (
	"context"
	"encoding/hex"
	"slices"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/predict/registry"
	"github.com/ward-health/ward/store"
)

// Deps is what the service stands on.
type Deps struct {
	Store    *store.Store
	Registry *registry.Registry
	Now      func() time.Time // nil: time.Now

	// Failed is told of errors that no caller hears of: those of shadow versions. nil: nobody is.
	Failed func(ctx context.Context, err error)
}

// Service answers. Safe for concurrent use.
type Service struct {
	store    *store.Store
	registry *registry.Registry
	now      func() time.Time
	failed   func(ctx context.Context, err error)
	kept     kept
}

// New makes the service.
func New(d Deps) *Service {
	s := &Service{store: d.Store, registry: d.Registry, now: d.Now, failed: d.Failed}
	if s.now == nil {
		s.now = time.Now
	}
	if s.failed == nil {
		s.failed = func(context.Context, error) {}
	}
	return s
}

// The values of Decision.Asked that this package sets itself.
const (
	AskedShadow = "shadow" // by the answer of the active version; shown to nobody
	AskedEvent  = "event"  // by a new result
)

// Serve answers for one patient and keeps the decision. g.Permit is for access.Predict. A decision without Output is an
// honest refusal with its reasons; an error means that nothing was decided: ward.NotFound for an unknown model or a patient
// that the caller may not see, ward.Gone for one deleted or erased, ward.Unavailable for a model that does not verify. A
// patient who was merged into another is answered for as that other.
//
// Shadow versions of the model then compute on the same inputs. Their decisions are kept with AskedShadow; what goes wrong
// with them is no error of the answer.
func (s *Service) Serve(ctx context.Context, g access.Grant, model, patient, asked string) (ward.Decision, registry.Verified, error) {
	if err := g.Permit.Allows(access.Predict, ""); err != nil {
		return ward.Decision{}, registry.Verified{}, err
	}
	now, err := s.registry.Standing(ctx, g.Permit.Tenant(), model)
	if err != nil {
		return ward.Decision{}, registry.Verified{}, unverified(err)
	}
	d, err := s.answer(ctx, g, now, patient, asked)
	if err != nil {
		return ward.Decision{}, registry.Verified{}, err
	}
	return d, now.Active, nil
}

// Answer is one model's decision with the artefact that made it.
type Answer struct {
	Decision ward.Decision
	Model    registry.Verified
}

// ServeAll answers as Serve does with every active model but those that except tells to leave out, in the order in which they
// became active. What is active is looked up when the call begins, and again for a model whose turn comes later than a second after that.
func (s *Service) ServeAll(ctx context.Context, g access.Grant, except func(model string) bool, patient, asked string) (out []Answer, err error) {
	if err := g.Permit.Allows(access.Predict, ""); err != nil {
		return nil, err
	}
	looked := time.Now()
	all, err := s.registry.Standings(ctx, g.Permit.Tenant())
	if err != nil {
		return nil, unverified(err)
	}
	for _, now := range all {
		name := now.Active.Manifest().Name
		if except(name) {
			continue
		}
		if time.Since(looked) > lookAgain {
			if now, err = s.registry.Standing(ctx, g.Permit.Tenant(), name); err != nil {
				return nil, unverified(err)
			}
		}
		d, err := s.answer(ctx, g, now, patient, asked)
		if err != nil {
			return nil, err
		}
		out = append(out, Answer{d, now.Active})
	}
	return out, nil
}

// lookAgain is for how long one look at the registry serves a call.
const lookAgain = time.Second

// answer decides with what stands and keeps the decision.
func (s *Service) answer(ctx context.Context, g access.Grant, now registry.Standing, patient, asked string) (ward.Decision, error) {
	d, found, err := s.decide(ctx, g, now.Active, patient, asked)
	if err != nil {
		return ward.Decision{}, err
	}
	if err := s.keep(ctx, g, d, now.Active); err != nil {
		return ward.Decision{}, err
	}
	s.shadows(ctx, g, now, now.Active, found, d)
	return d, nil
}

// shadows lets the shadow versions compute beside the answer d of v.
func (s *Service) shadows(ctx context.Context, g access.Grant, now registry.Standing, v registry.Verified, found gathered, d ward.Decision) {
	for _, fault := range now.Faults {
		s.failed(ctx, fault)
	}
	for _, other := range now.Shadows {
		if err := s.shadow(ctx, g, v, other, found, d); err != nil {
			s.failed(ctx, err)
		}
	}
}

// ActiveModels returns the tenant's active versions by name: those that a card may come from.
func (s *Service) ActiveModels(ctx context.Context, g access.Grant) ([]registry.Verified, error) {
	if err := g.Permit.Allows(access.Predict, ""); err != nil {
		return nil, err
	}
	vs, err := s.registry.In(ctx, g.Permit.Tenant(), registry.Active, "")
	return vs, unverified(err)
}

// decide gathers and judges; nothing is kept yet.
func (s *Service) decide(ctx context.Context, g access.Grant, v registry.Verified, patient, asked string) (ward.Decision, gathered, error) {
	at := s.now().UTC().Truncate(time.Microsecond)
	found, err := s.gather(ctx, g, v.Manifest(), patient, at)
	if err != nil {
		return ward.Decision{}, found, err
	}
	return decision(g.Permit, v, found, asked, at), found, nil
}

// decision writes down what the artefact says of what was gathered.
func decision(p access.Permit, v registry.Verified, found gathered, asked string, at time.Time) ward.Decision {
	digest, policy := v.Digest(), p.Policy()
	d := ward.Decision{
		ID: ward.NewID(), At: at, Patient: found.person.ref.ID, Asked: asked,
		Model: v.Model(), Digest: hex.EncodeToString(digest[:]),
		Lineage: ward.DecisionLine{Principal: p.Principal().ID, Purpose: p.Purpose(), Policy: hex.EncodeToString(policy[:]),
			Reads: found.reads, Engine: v.Semantics()},
	}
	judge(v, found.person, found.results, at).into(&d)
	return d
}

func (s *Service) keep(ctx context.Context, g access.Grant, d ward.Decision, v registry.Verified) error {
	_, err := s.store.PutDecision(ctx, g.Permit, d, v.Digest())
	return err
}

// shadow computes beside the answer d of the active version. One that looks at other results gathers for itself.
func (s *Service) shadow(ctx context.Context, g access.Grant, active, v registry.Verified, found gathered, d ward.Decision) error {
	results, same := match(active.Manifest(), v.Manifest(), found.results)
	if same {
		found.results = results
	} else {
		var err error
		if found, err = s.gather(ctx, g, v.Manifest(), d.Patient, d.At); err != nil {
			return err
		}
	}
	return s.keep(ctx, g, decision(g.Permit, v, found, AskedShadow, d.At), v)
}

// match puts the results of one manifest's inputs into the order of another's, if both look for the same.
func match(from, to registry.Manifest, results [][]*result) ([][]*result, bool) {
	out := make([][]*result, len(to.Inputs))
	for j, in := range to.Inputs {
		if !in.Measured() {
			continue
		}
		i := slices.IndexFunc(from.Inputs, func(o registry.Input) bool {
			return o.Measured() && o.MaxAgeDays == in.MaxAgeDays && o.Missing == in.Missing && slices.EqualFunc(o.Codes, in.Codes,
				func(a, b registry.Code) bool { return a.System == b.System && a.Code == b.Code })
		})
		if i < 0 {
			return nil, false
		}
		out[j] = results[i]
	}
	return out, true
}

// unverified keeps an unknown model apart from one that must not answer: the caller can do nothing about the latter.
func unverified(err error) error {
	switch ward.KindOf(err) {
	case ward.Unprocessable, ward.Invalid, ward.Unsupported, ward.TooLarge:
		return ward.E(ward.Unavailable, "predict.serve", "the model cannot be verified and does not answer; the operator must look at the registry", err)
	}
	return err
}
