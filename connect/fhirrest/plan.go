package fhirrest

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/clinical/fhir"
	"github.com/ward-health/ward/store"
)

// step is one entry of a transaction, understood.
type step struct {
	*entry
	op        store.Op
	ref       ward.Reference // ID empty: a create that is not planned yet
	ifMatch   int64
	condition *fhir.Search
	refs      []fhir.RefAt
	found     bool // the condition matched before: ref is what it found, nothing is written
	sought    bool // other entries refer to it, so its condition was looked up before writing
}

// plan is a transaction on its way to one store.Apply.
type plan struct {
	a       *API
	c       *call
	steps   []*step
	ids     map[string]*step // by fullUrl
	permits map[permitKey]access.Permit
	named   map[string]string // conditional reference -> Type/id
}

type permitKey struct {
	action access.Action
	rt     string
}

// newPlan checks every entry by itself.
func (a *API) newPlan(c *call, entries []entry) (*plan, error) {
	p := &plan{a: a, c: c, ids: map[string]*step{}, permits: map[permitKey]access.Permit{}, named: map[string]string{}}
	targets := map[ward.Reference]bool{}
	var wrong, unfit []error // with findings: a client wants to know of all of them at once
	for i := range entries {
		s, err := a.step(&entries[i])
		var found *fhir.Findings
		switch {
		case errors.As(err, &found) && ward.KindOf(err) == ward.Invalid:
			wrong = append(wrong, err)
			continue
		case err != nil:
			return nil, err
		}
		if s.op != store.OpDelete {
			switch err := a.conform(c, s.resource); {
			case errors.As(err, &found):
				unfit = append(unfit, s.within(err))
			case err != nil:
				return nil, err
			}
		}
		// SPEC(FHIR R4 http.html#trules): a transaction that names the same resource twice fails.
		if s.ref.ID != "" {
			if targets[s.ref] {
				return nil, s.fail(ward.Invalid, "request.url", "a transaction may touch a resource once only")
			}
			targets[s.ref] = true
		}
		if s.fullURL != "" && s.op != store.OpDelete {
			if p.ids[s.fullURL] != nil {
				return nil, s.fail(ward.Invalid, "fullUrl", "two entries have this fullUrl")
			}
			p.ids[s.fullURL] = s
		}
		p.steps = append(p.steps, s)
	}
	if err := fhir.Join(wrong); err != nil {
		return nil, err
	}
	if err := fhir.Join(unfit); err != nil {
		return nil, unfitting(err)
	}
	return p, nil
}

// step reads the request of one entry.
func (a *API) step(e *entry) (*step, error) {
	s := &step{entry: e}
	switch e.method {
	case "POST":
		s.op = store.OpCreate
	case "PUT":
		s.op = store.OpUpdate
	case "DELETE":
		s.op = store.OpDelete
	case "GET", "HEAD":
		return nil, e.fail(ward.Unsupported, "request.method", "GET inside a transaction is not offered; send it by itself or in a batch")
	case "PATCH":
		return nil, e.fail(ward.Unsupported, "request.method", "PATCH inside a transaction is not offered; send it by itself, or PUT the whole resource")
	default:
		return nil, e.fail(ward.Invalid, "request.method", "the method is POST, PUT or DELETE")
	}
	var err error
	if s.ref, err = a.target(e, s.op); err != nil {
		return nil, err
	}
	if s.ifMatch, err = parseIfMatch(e.entryIfMatch()); err != nil {
		return nil, e.fail(ward.Invalid, "request.ifMatch", ward.PublicText(err))
	}
	if s.condition, err = parseIfNoneExist(s.ref.Type, e.ifNoneExist); err != nil {
		return nil, e.fail(ward.KindOf(err), "request.ifNoneExist", ward.PublicText(err))
	}
	switch {
	case s.condition != nil && s.op != store.OpCreate:
		return nil, e.fail(ward.Invalid, "request.ifNoneExist", "ifNoneExist belongs to POST")
	case s.ifMatch != 0 && s.op == store.OpCreate:
		return nil, e.fail(ward.Invalid, "request.ifMatch", "ifMatch belongs to PUT and DELETE")
	case e.ifNoneMatch != "" || e.ifModifiedSince != "":
		return nil, e.fail(ward.Unsupported, "request", "ifNoneMatch and ifModifiedSince are not offered on writes")
	}
	return s, s.content()
}

func (e *entry) entryIfMatch() string { return e.ifMatch }

// target reads request.url: Type for a create, Type/id else. An absolute URL of this server is taken too.
func (a *API) target(e *entry, op store.Op) (ward.Reference, error) {
	u := strings.TrimPrefix(e.url, a.base+"/")
	rt, id, hasID := strings.Cut(u, "/")
	switch {
	case strings.Contains(u, "?"):
		return ward.Reference{}, e.fail(ward.Unsupported, "request.url", "conditional update and delete (a query in the url) are not offered; for a conditional create use POST with ifNoneExist")
	case !fhir.Known(rt):
		return ward.Reference{}, e.fail(ward.Unsupported, "request.url", "the url is Type or Type/id of this server; it serves "+strings.Join(fhir.Types(), ", "))
	case op == store.OpCreate && hasID:
		return ward.Reference{}, e.fail(ward.Invalid, "request.url", "the url of a POST is the type alone")
	case op != store.OpCreate && !ward.ValidID(id):
		return ward.Reference{}, e.fail(ward.Invalid, "request.url", "the url of a PUT or DELETE is Type/id; an id has 1 to 64 characters out of A-Z a-z 0-9 - and .")
	}
	return ward.Reference{Type: rt, ID: id}, nil
}

// content checks the resource against the request and collects its references.
func (s *step) content() error {
	if s.op == store.OpDelete {
		if s.resource != nil {
			return s.fail(ward.Invalid, "resource", "a DELETE has no resource")
		}
		return nil
	}
	if s.resource == nil {
		return s.fail(ward.Invalid, "resource", "a POST or PUT needs a resource")
	}
	f, err := fhir.Refs(s.resource)
	if err != nil {
		return s.within(err)
	}
	if f.Type != s.ref.Type {
		return s.fail(ward.Invalid, "resource.resourceType", "the resource is not of the type of the url")
	}
	if s.op == store.OpUpdate && f.ID != s.ref.ID {
		return s.fail(ward.Invalid, "resource.id", "a PUT needs an id in the resource, and the one of the url")
	}
	s.refs = f.References
	return nil
}

// permit asks for leave once per action and type.
func (p *plan) permit(ctx context.Context, action access.Action, rt string) (access.Permit, error) {
	key := permitKey{action, rt}
	if have, ok := p.permits[key]; ok {
		return have, nil
	}
	got, err := p.c.g.Decide(ctx, action, rt)
	if err == nil {
		p.permits[key] = got
	}
	return got, err
}

// identify gives every create its id, so that others can refer to it.
//
// SPEC(FHIR R4 http.html#trules): references to a fullUrl become references to the id that the server gives.
func (p *plan) identify(ctx context.Context) error {
	referred := map[*step]bool{}
	for _, s := range p.steps {
		for _, ref := range s.refs {
			if to := p.inBundle(s, ref.Target); to != nil {
				referred[to] = true
			}
		}
	}
	for _, s := range p.steps {
		if s.op != store.OpCreate {
			continue
		}
		s.ref.ID, s.found, s.sought = "", false, false
		if s.condition != nil && referred[s] {
			if err := p.seek(ctx, s); err != nil {
				return err
			}
		}
		if s.ref.ID == "" && (s.condition == nil || s.sought) {
			s.ref.ID = p.a.store.NewID()
		}
	}
	return nil
}

// seek looks up the condition of a create that other entries refer to.
func (p *plan) seek(ctx context.Context, s *step) error {
	permit, err := p.permit(ctx, access.Search, s.ref.Type)
	if err != nil {
		return err
	}
	q := *s.condition
	q.Count = 2
	page, err := p.a.store.Search(ctx, permit, q)
	if err != nil {
		return err
	}
	s.sought = true
	switch len(page.Versions) {
	case 0:
	case 1:
		s.ref, s.found = page.Versions[0].Ref, true
	default:
		return s.fail(ward.Precondition, "request.ifNoneExist", "several resources match this condition")
	}
	return nil
}

// inBundle returns the entry that a reference of s means, nil if none.
//
// SPEC(FHIR R4 bundle.html#references): by fullUrl; a relative reference is joined to the base of the referring entry's fullUrl.
func (p *plan) inBundle(s *step, target string) *step {
	target, _, _ = strings.Cut(target, "/_history/")
	if to := p.ids[target]; to != nil {
		return to
	}
	rt, id, ok := fhir.SplitReference(target)
	if !ok {
		return nil
	}
	base, ok := strings.CutSuffix(s.fullURL, "/"+ownPath(s.fullURL))
	if !ok || !strings.HasPrefix(base, "http") {
		return nil
	}
	return p.ids[base+"/"+rt+"/"+id]
}

// ownPath returns the last two segments of a RESTful URL, Type/id.
func ownPath(full string) string {
	i := strings.LastIndexByte(full, '/')
	if i < 0 {
		return "-"
	}
	return full[strings.LastIndexByte(full[:i], '/')+1:]
}

// maxResolve bounds the conditional references of one call to the store.
const maxResolve = 1_000

// resolve finds what the conditional references name, all of one type at once.
//
// SPEC(FHIR R4 http.html#trules): no match or several fail the transaction.
func (p *plan) resolve(ctx context.Context) error {
	type wanted struct {
		target string
		q      fhir.Search
		by     *step
		path   string
	}
	byType := map[string][]wanted{}
	var order []string
	for _, s := range p.steps {
		for _, ref := range s.refs {
			if _, done := p.named[ref.Target]; done || !conditional(ref.Target) {
				continue
			}
			rt, query, _ := strings.Cut(ref.Target, "?")
			q, err := parseCondition(rt, query)
			if err == nil && q == nil {
				err = ward.E(ward.Invalid, "fhirrest.bundle", "a conditional reference is Type?parameter=value", nil)
			}
			if err != nil {
				return s.within(ward.E(ward.KindOf(err), "fhirrest.bundle", ward.PublicText(err), nil).At(ref.Path))
			}
			if byType[rt] == nil {
				order = append(order, rt)
			}
			byType[rt] = append(byType[rt], wanted{ref.Target, *q, s, ref.Path})
			p.named[ref.Target] = ""
		}
	}
	for _, rt := range order {
		permit, err := p.permit(ctx, access.Search, rt)
		if err != nil {
			return err
		}
		for list := byType[rt]; len(list) > 0; list = list[min(maxResolve, len(list)):] {
			part := list[:min(maxResolve, len(list))]
			queries := make([]fhir.Search, len(part))
			for i := range part {
				queries[i] = part[i].q
			}
			refs, err := p.a.store.Resolve(ctx, permit, queries)
			if err != nil {
				if i, ok := indexed(err, "queries[%d]"); ok && i < len(part) {
					return part[i].by.within(ward.E(ward.KindOf(err), "fhirrest.bundle", ward.PublicText(err), nil).At(part[i].path))
				}
				return err
			}
			for i := range part {
				p.named[part[i].target] = refs[i].String()
			}
		}
	}
	return nil
}

// indexed reads the position that store put into an error's path.
func indexed(err error, form string) (int, bool) {
	var e *ward.Error
	i := 0
	if !errors.As(err, &e) || !strings.HasPrefix(e.Path, strings.TrimSuffix(form, "%d]")) {
		return 0, false
	}
	_, bad := fmt.Sscanf(e.Path, form, &i)
	return i, bad == nil && i >= 0
}

// literal returns the body of a step with its references made literal.
func (p *plan) literal(s *step) (ward.Protected, error) {
	with := make([]string, len(s.refs))
	for i, ref := range s.refs {
		to := p.inBundle(s, ref.Target)
		switch {
		case to != nil:
			with[i] = to.ref.String()
		case p.named[ref.Target] != "":
			with[i] = p.named[ref.Target]
		case strings.HasPrefix(ref.Target, "urn:uuid:") || strings.HasPrefix(ref.Target, "urn:oid:"):
			return nil, s.within(ward.E(ward.Invalid, "fhirrest.bundle", "no entry of this Bundle has the fullUrl that this reference names", nil).At(ref.Path))
		default:
			with[i], _ = p.a.relative(ref.Target)
		}
	}
	body, err := fhir.Replace(s.resource, s.refs, with)
	return body, err
}
