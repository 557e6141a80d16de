package validate

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/clinical/fhir/definition"
	"github.com/ward-health/ward/clinical/fhir/validate"
	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/engine/keys"
)

// making is a look at the tables, and the set made of what they say if it is new. It is begun by one caller and goes on while anybody waits for it.
type making struct {
	waiting int // under the lock of Packages
	stop    context.CancelFunc
	done    chan struct{} // closed when held and err are there
	held    *held
	err     error
}

// join returns what is in memory if it was looked at after since; else what to wait for.
func (r *Packages) join(ctx context.Context, tn db.Tenant, since time.Time) (*held, *making) {
	r.mu.Lock()
	defer r.mu.Unlock()
	was := r.held[tn]
	if was != nil && was.looked.After(since) {
		return was, nil
	}
	m := r.making[tn]
	if m == nil {
		m = &making{done: make(chan struct{})}
		ctx, m.stop = context.WithCancel(context.WithoutCancel(ctx))
		r.making[tn] = m
		go r.run(ctx, tn, m, was)
	}
	m.waiting++
	return nil, m
}

// wait returns what is made, or leaves when ctx ends: whoever waits last takes the work along.
func (r *Packages) wait(ctx context.Context, tn db.Tenant, m *making) (*held, error) {
	select {
	case <-m.done:
		return m.held, m.err
	case <-ctx.Done():
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if m.waiting--; m.waiting == 0 {
		m.stop()
		r.ended(tn, m)
	}
	return nil, late(ctx)
}

func late(ctx context.Context) error {
	return ward.E(ward.Unavailable, "validate.packages", "the request ended before the tenant's FHIR packages were read", ctx.Err())
}

// ended makes the next caller begin anew; false: packages were changed since it was begun, or nobody waits.
func (r *Packages) ended(tn db.Tenant, m *making) bool {
	current := r.making[tn] == m
	if current {
		delete(r.making, tn)
	}
	return current
}

// run makes it. A set is kept only if no package was changed here since it was begun: it may be of the time before, and whoever changed them counts on
// the next call to see it. A failure is kept for nobody.
func (r *Packages) run(ctx context.Context, tn db.Tenant, m *making, was *held) {
	defer m.stop()
	h, err := r.caught(ctx, tn, was)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ended(tn, m) && err == nil {
		r.remember(tn, h)
	}
	m.held, m.err = h, err
	close(m.done)
}

// caught is look; a panic is an error that does not quote its value.
func (r *Packages) caught(ctx context.Context, tn db.Tenant, was *held) (h *held, err error) {
	defer func() {
		if p := recover(); p != nil {
			h, err = nil, ward.E(ward.Internal, "validate.packages", "reading the tenant's FHIR packages panicked", fmt.Errorf("panic of type %T", p))
		}
	}()
	return r.look(ctx, tn, was)
}

// look reads the rows, and makes the set anew if they are others than those of was.
func (r *Packages) look(ctx context.Context, tn db.Tenant, was *held) (*held, error) {
	next := &held{looked: time.Now()}
	mac, err := r.macs(ctx, tn)
	if err != nil {
		return nil, err
	}
	for last := int64(-1); ; {
		have, err := r.rows(ctx, tn, mac, &next.seq)
		switch {
		case err != nil:
			return nil, err
		case was != nil && was.seq == next.seq:
			next.validator, next.open = was.validator, was.open
			return next, nil
		case next.seq == last: // a row went and no change says so
			return nil, changed()
		}
		if whole, err := r.build(ctx, next, have); whole || err != nil {
			return next, err
		}
		last, next = next.seq, &held{looked: time.Now()}
	}
}

func (r *Packages) rows(ctx context.Context, tn db.Tenant, mac keys.MAC, seq *int64) (have []row, err error) {
	err = r.db.Read(ctx, tn, func(tx *db.Tx) (err error) {
		*seq, have, err = readRows(ctx, tx, mac, tn)
		return err
	})
	return have, err
}

// build makes the set and its validator; false: the packages were changed meanwhile.
func (r *Packages) build(ctx context.Context, h *held, have []row) (whole bool, err error) {
	if len(have) == 0 {
		h.validator = plain()
		return true, nil
	}
	if err := r.enter(ctx); err != nil {
		return false, err
	}
	defer r.leave()
	var packages []*definition.Package
	for i := range have {
		p, err := r.open(ctx, have[i])
		if err != nil || p == nil {
			return false, err
		}
		packages = append(packages, p)
	}
	set, open := definition.R4().With(packages...)
	h.validator, h.open = validate.New(set, validate.Options{}), open
	return true, nil
}

// enter waits until few enough packages are being read.
func (r *Packages) enter(ctx context.Context) error {
	select {
	case r.room <- struct{}{}:
		return nil
	case <-ctx.Done():
		return late(ctx)
	}
}

func (r *Packages) leave() { <-r.room }

// open reads the package of a row; nil: the row is not there any more.
func (r *Packages) open(ctx context.Context, of row) (*definition.Package, error) {
	var found bool
	err := r.db.Read(ctx, of.tn, func(tx *db.Tx) (err error) {
		found, err = readBody(ctx, tx, &of)
		return err
	})
	if err != nil || !found {
		return nil, err
	}
	if !of.fits() {
		return nil, changed()
	}
	p, err := definition.ReadPackage(bytes.NewReader(of.body), definition.PackageLimits{})
	if err != nil {
		return nil, ward.E(ward.Internal, "validate.packages", "a FHIR package of the tenant does not read any more; remove it, or load another version of it", err)
	}
	return p, nil
}
