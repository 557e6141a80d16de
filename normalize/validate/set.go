package validate

import (
	"context"
	"sync"
	"time"

	"github.com/ward-health/ward/clinical/fhir/definition"
	"github.com/ward-health/ward/clinical/fhir/issue"
	"github.com/ward-health/ward/clinical/fhir/validate"
	"github.com/ward-health/ward/engine/db"
)

const (
	fresh     = time.Second
	maxHeld   = 64 // tenants whose sets are in memory
	maxMaking = 2  // tenants whose packages are read at once
)

// plain is the validator of the tenants without packages: they share what it compiles.
var plain = sync.OnceValue(func() *validate.Validator { return validate.New(definition.R4(), validate.Options{}) })

// held is a tenant's set in memory.
type held struct {
	seq       int64
	looked    time.Time
	validator *validate.Validator
	open      []issue.Issue // what could not be resolved
}

// Validator returns the validator over the tenant's packages. What another node changed is in force within a second. Callers at once share the work.
func (r *Packages) Validator(ctx context.Context, tn db.Tenant) (*validate.Validator, error) {
	h, err := r.of(ctx, tn)
	if err != nil {
		return nil, err
	}
	return h.validator, nil
}

// of returns a set for which the tables were looked at no longer ago than fresh before the call. One that takes longer to make than that may be older: then
// the tables are looked at once more, and the set is used if they say the same.
func (r *Packages) of(ctx context.Context, tn db.Tenant) (*held, error) {
	since := time.Now().Add(-r.fresh)
	for {
		h, m := r.join(ctx, tn, since)
		if h != nil {
			return h, nil
		}
		h, err := r.wait(ctx, tn, m)
		if err != nil || h.looked.After(since) {
			return h, err
		}
	}
}

// remember keeps a set for the calls to come, in the place of the one that was looked at the longest ago if there are too many.
func (r *Packages) remember(tn db.Tenant, h *held) {
	if r.held[tn] == nil && len(r.held) >= maxHeld {
		var oldest db.Tenant
		for other, o := range r.held {
			if have := r.held[oldest]; have == nil || o.looked.Before(have.looked) {
				oldest = other
			}
		}
		delete(r.held, oldest)
	}
	r.held[tn] = h
}

// forget makes the next call look at the tables. What is being made was begun before, and is for those only who wait for it already.
func (r *Packages) forget(tn db.Tenant) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.making, tn)
	delete(r.held, tn)
}
