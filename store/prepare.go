package store

import (
	"bytes"
	"context"
	"runtime"

	"golang.org/x/sync/errgroup"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/audit"
	"github.com/ward-health/ward/clinical/fhir"
	"github.com/ward-health/ward/engine/keys/seal"
)

// item is one change on its way. What comes from the input alone is set once by prepare; the rest by each attempt.
type item struct {
	at     int
	change *Change
	ref    ward.Reference

	rk   []byte // keyed digest of ref
	body []byte // stripped: what is sealed
	attr access.Attributes
	pat  []byte
	conf int
	keys []ixKey
	bh   []byte

	old    *pointer // nil: there is none
	claim  *claim   // IfNoneExist
	next   row      // the version to write
	key    seal.Key // that seals it
	sealed []byte
	result *Result
}

// parallel runs fn for every item, on several CPUs when there are many.
func parallel[T any](items []T, fn func(T) error) error {
	if len(items) < 8 {
		for _, it := range items {
			if err := fn(it); err != nil {
				return err
			}
		}
		return nil
	}
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	const chunk = 16
	for i := 0; i < len(items); i += chunk {
		part := items[i:min(i+chunk, len(items))]
		g.Go(func() error {
			for _, it := range part {
				if err := fn(it); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return g.Wait()
}

// prepare does what needs the input alone: the strict pass, index keys, and the filter on what each record would become.
func (b *batch) prepare(ctx context.Context) error {
	for _, it := range b.items {
		if it.change.Op == OpCreate && it.ref.ID == "" {
			it.ref.ID = b.s.NewID()
		}
	}
	if err := parallel(b.items, func(it *item) error { return b.at(it.at, b.prepareItem(it)) }); err != nil {
		return err
	}
	seen := make(map[ward.Reference]bool, len(b.items))
	claims := map[string]bool{}
	for _, it := range b.items {
		if seen[it.ref] {
			return b.at(it.at, ward.E(ward.Invalid, "store.apply", "one write must not change the same resource twice", nil))
		}
		seen[it.ref] = true
		if it.claim != nil {
			if claims[string(it.claim.h16)] {
				return b.at(it.at, ward.E(ward.Invalid, "store.apply", "one write must not hold the same condition twice", nil))
			}
			claims[string(it.claim.h16)] = true
		}
	}
	for _, it := range b.items {
		if it.change.Op == OpDelete || b.n.widen(it.change.Permit.Filter()).Match(it.attr) {
			continue
		}
		sub := audit.Subject{Patient: subjectOf(it.pat), Kind: "ver", RID: it.rk}
		return b.s.hidden(ctx, it.change.Permit, b.act, sub, b.at(it.at, errForbidden))
	}
	return nil
}

func (b *batch) prepareItem(it *item) error {
	const op = "store.apply"
	if !ward.ValidID(it.ref.ID) {
		return ward.E(ward.Invalid, op, "a FHIR id has 1 to 64 characters out of letters, digits, '-' and '.'", nil).At("id")
	}
	if !fhir.Known(it.ref.Type) {
		return ward.E(ward.Unsupported, op, "this resource type is not offered", nil)
	}
	it.rk = b.n.ref(it.ref)
	if err := b.prepareClaim(it); err != nil {
		return err
	}
	if it.change.Op == OpDelete {
		if len(it.change.Resource.Body) > 0 {
			return ward.E(ward.Invalid, op, "a deletion has no body", nil)
		}
		return nil
	}
	given, err := it.change.scan()
	if err != nil {
		return err
	}
	if given.Type != it.ref.Type {
		return ward.E(ward.Invalid, op, "the body is of another resource type than the one addressed", nil).At("resourceType")
	}
	if given.ID != "" && given.ID != it.ref.ID && it.change.Op == OpUpdate {
		return ward.E(ward.Invalid, op, "the body's id is not the one addressed", nil).At("id")
	}
	if it.body, err = fhir.Strip([]byte(it.change.Resource.Body), it.ref.ID); err != nil {
		return err
	}
	f := given
	if !bytes.Equal(it.body, it.change.Resource.Body) { // what the server sets itself was in it, or is now
		if f, err = fhir.Read(it.body); err != nil {
			return err
		}
	}
	it.attr, it.conf = attributes(f), f.Conf
	it.pat = b.n.patient(f.Patient)
	it.bh = b.n.body(it.body)
	it.keys, err = b.n.keys(f)
	return err
}

// scan is the strict pass over the body, unless the caller has made it.
func (c *Change) scan() (fhir.Facts, error) {
	if f, ok := c.Scanned.Of(c.Resource.Body); ok {
		return f, nil
	}
	return fhir.Scan(c.Resource.Body)
}
