package validate

import (
	"bytes"
	"context"
	"crypto/sha256"
	"sync"
	"time"

	"github.com/ward-health/ward/clinical/fhir/definition"
	"github.com/ward-health/ward/clinical/fhir/issue"
	"github.com/ward-health/ward/clinical/fhir/validate"
	"github.com/ward-health/ward/engine/db"
)

const (
	fresh   = time.Second // after which the tables are asked again: another node may have changed them
	maxHeld = 64          // tenants whose sets are in memory
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

// Validator returns the validator over the tenant's packages. What another node changed is in force within a second.
func (r *Packages) Validator(ctx context.Context, tn db.Tenant) (*validate.Validator, error) {
	h, err := r.of(ctx, tn)
	if err != nil {
		return nil, err
	}
	return h.validator, nil
}

func (r *Packages) of(ctx context.Context, tn db.Tenant) (*held, error) {
	r.mu.Lock()
	h, changes := r.held[tn], r.changes
	r.mu.Unlock()
	now := time.Now()
	if h != nil && now.Sub(h.looked) < fresh {
		return h, nil
	}
	mac, err := r.macs(ctx, tn)
	if err != nil {
		return nil, err
	}
	next := &held{looked: now}
	var have []row
	err = r.db.Read(ctx, tn, func(tx *db.Tx) (err error) {
		if next.seq, have, err = readRows(ctx, tx, mac, tn); err != nil || h != nil && h.seq == next.seq {
			return err
		}
		for i := range have {
			if err := readBody(ctx, tx, &have[i]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if h != nil && h.seq == next.seq {
		next.validator, next.open = h.validator, h.open
	} else if err := next.build(have); err != nil {
		return nil, err
	}
	r.remember(tn, next, changes)
	return next, nil
}

// build makes the set and its validator.
func (h *held) build(have []row) error {
	if len(have) == 0 {
		h.validator = plain()
		return nil
	}
	var packages []*definition.Package
	for i := range have {
		if digest := sha256.Sum256(have[i].body); !bytes.Equal(digest[:], have[i].digest) {
			return changed()
		}
		p, err := definition.ReadPackage(bytes.NewReader(have[i].body), definition.PackageLimits{})
		if err != nil {
			return err
		}
		packages = append(packages, p)
	}
	set, open := definition.R4().With(packages...)
	h.validator, h.open = validate.New(set, validate.Options{}), open
	return nil
}

// remember keeps a set for the calls to come, unless packages were changed here since it was looked for: it may be of the time before, and whoever
// changed them counts on the next call to see it.
func (r *Packages) remember(tn db.Tenant, h *held, changes int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if have := r.held[tn]; r.changes != changes || have != nil && have.seq > h.seq {
		return
	}
	if len(r.held) >= maxHeld {
		clear(r.held)
	}
	r.held[tn] = h
}

// forget makes the next call look at the tables.
func (r *Packages) forget(tn db.Tenant) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.changes++
	delete(r.held, tn)
}
