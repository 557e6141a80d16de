package fhirrest

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/audit"
	"github.com/ward-health/ward/clinical/fhir"
	"github.com/ward-health/ward/store"
)

// bundle serves POST [base]: a transaction or a batch.
func (a *API) bundle(c *call) (reply, error) {
	if err := c.only(); err != nil {
		return reply{}, err
	}
	ctx := c.r.Context()
	give, err := a.load.take(ctx, a.load.bytes, sizeOf(c.r.ContentLength, maxBundle))
	if err != nil {
		return reply{}, err
	}
	defer give()
	body, err := c.text(maxBundle)
	if err != nil {
		return reply{}, err
	}
	done, err := a.load.take(ctx, a.load.turns, 1)
	if err != nil {
		return reply{}, err
	}
	defer done()
	if body, err = c.json(body, maxBundle); err != nil {
		return reply{}, err
	}
	in, err := parseBundle([]byte(body))
	if err != nil {
		return reply{}, err
	}
	if in.kind == "batch" {
		return a.batch(c, in.entries)
	}
	if len(in.entries) == 0 {
		return reply{status: http.StatusOK, body: fhir.WriteBundle("transaction-response", -1, time.Now(), nil, nil)}, nil
	}
	p, err := a.newPlan(c, in.entries)
	if err != nil {
		return reply{}, err
	}
	return p.run(ctx)
}

// maxPlans bounds how often a transaction is planned anew because others won a conditional create in between.
const maxPlans = 4

// run resolves, writes all or nothing, and answers in the order of the request.
func (p *plan) run(ctx context.Context) (reply, error) {
	if err := p.resolve(ctx); err != nil {
		return reply{}, err
	}
	for try := 1; ; try++ {
		out, err := p.attempt(ctx)
		if ward.KindOf(err) != ward.Conflict || err == nil || try == maxPlans || !p.sought() {
			return out, err
		}
	}
}

// sought reports whether the plan rests on conditions that were looked up before writing.
func (p *plan) sought() bool {
	return slices.ContainsFunc(p.steps, func(s *step) bool { return s.sought })
}

func (p *plan) attempt(ctx context.Context) (reply, error) {
	if err := p.identify(ctx); err != nil {
		return reply{}, err
	}
	changes, at, err := p.changes(ctx)
	if err != nil {
		return reply{}, err
	}
	results := make([]store.Result, 0)
	if len(changes) > 0 {
		if results, err = p.a.store.Apply(ctx, audit.ActTransaction, changes); err != nil {
			return reply{}, p.blame(err, at)
		}
	}
	entries := make([]fhir.Entry, len(p.steps))
	for i, s := range p.steps {
		if s.found {
			entries[i] = fhir.Entry{Status: "200 OK", Location: s.ref.String()}
		}
	}
	prefer := preferOf(p.c.r)
	for i, res := range results {
		out, err := p.a.written(p.c, changes[i], res, prefer)
		if err != nil {
			return reply{}, err
		}
		entries[at[i]] = p.a.entryOf(out, prefer == "representation")
	}
	return reply{status: http.StatusOK, body: fhir.WriteBundle("transaction-response", -1, time.Now(), nil, entries)}, nil
}

// changes makes the writes, in the order in which they take effect; at holds the entry of each.
//
// SPEC(FHIR R4 http.html#trules): DELETE, then POST, then PUT.
func (p *plan) changes(ctx context.Context) (changes []store.Change, at []int, err error) {
	for _, op := range []store.Op{store.OpDelete, store.OpCreate, store.OpUpdate} {
		for i, s := range p.steps {
			if s.op != op || s.found {
				continue
			}
			c := store.Change{Op: op, Resource: ward.Resource{Ref: s.ref}, IfMatch: s.ifMatch, IfNoneExist: s.condition, NoMatch: s.sought}
			if c.Permit, err = p.permit(ctx, actionOf(op), s.ref.Type); err != nil {
				return nil, nil, err
			}
			if op != store.OpDelete {
				if c.Resource.Body, err = p.literal(s); err != nil {
					return nil, nil, err
				}
			}
			changes, at = append(changes, c), append(at, i)
		}
	}
	return changes, at, nil
}

func actionOf(op store.Op) access.Action {
	switch op {
	case store.OpCreate:
		return access.Create
	case store.OpUpdate:
		return access.Update
	}
	return access.Delete
}

// blame says which entry of the bundle an error of the store is about.
func (p *plan) blame(err error, at []int) error {
	i, ok := indexed(err, "changes[%d]")
	if !ok && len(at) == 1 {
		i, ok = 0, true
	}
	if !ok || i >= len(at) {
		return err
	}
	var e *ward.Error
	if errors.As(err, &e) && strings.HasPrefix(e.Path, "changes[") {
		_, rest, _ := strings.Cut(e.Path, "].")
		err = e.At(rest)
	}
	return p.steps[at[i]].within(err)
}

// entryOf is an answer as an entry of a response bundle.
func (a *API) entryOf(out reply, withBody bool) fhir.Entry {
	e := fhir.Entry{Status: strconv.Itoa(out.status) + " " + http.StatusText(out.status), ETag: out.etag, Location: strings.TrimPrefix(out.location, a.base+"/")}
	if out.version != nil {
		e.Modified = out.version.Updated
	}
	if withBody {
		e.Resource = out.body
	}
	return e
}
