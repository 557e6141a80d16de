package fhirrest

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/audit"
	"github.com/ward-health/ward/clinical/fhir"
	"github.com/ward-health/ward/store"
)

// create serves POST [type].
//
// SPEC(FHIR R4 http.html#create): 201 with Location, ETag, Last-Modified; an id in the body is not kept. http.html#ccreate: If-None-Exist.
func (a *API) create(c *call) (reply, error) {
	if err := c.only(); err != nil {
		return reply{}, err
	}
	body, err := c.body(fhir.MaxBytes)
	if err != nil {
		return reply{}, err
	}
	if several(c.r, "If-None-Exist") {
		return reply{}, ward.E(ward.Invalid, "fhirrest.create", "If-None-Exist is given once", nil)
	}
	return a.createOf(c, c.g.Permit, c.rt, body, c.r.Header.Get("If-None-Exist"))
}

func (a *API) createOf(c *call, p access.Permit, rt string, body ward.Protected, ifNoneExist string) (reply, error) {
	body, _, err := a.literal(c, rt, body)
	if err != nil {
		return reply{}, err
	}
	condition, err := parseIfNoneExist(rt, ifNoneExist)
	if err != nil {
		return reply{}, err
	}
	change := store.Change{Permit: p, Op: store.OpCreate, Resource: ward.Resource{Ref: ward.Reference{Type: rt}, Body: body}, IfNoneExist: condition}
	return a.apply(c, audit.ActCreate, change)
}

// update serves PUT [type]/[id].
//
// SPEC(FHIR R4 http.html#update): the body's id is the URL's, else 400; 200, or 201 when the id was not in use; If-Match: 412 when it fails.
func (a *API) update(c *call) (reply, error) {
	if err := c.only(); err != nil {
		return reply{}, err
	}
	if c.r.Header.Get("If-None-Match") != "" {
		return reply{}, ward.E(ward.Unsupported, "fhirrest.update", "If-None-Match is not offered on updates; use POST with If-None-Exist, or PUT with If-Match", nil)
	}
	body, err := c.body(fhir.MaxBytes)
	if err != nil {
		return reply{}, err
	}
	ifMatch, err := c.ifMatch()
	if err != nil {
		return reply{}, err
	}
	return a.updateOf(c, c.g.Permit, ward.Reference{Type: c.rt, ID: c.id}, body, ifMatch)
}

func (a *API) updateOf(c *call, p access.Permit, ref ward.Reference, body ward.Protected, ifMatch int64) (reply, error) {
	body, id, err := a.literal(c, ref.Type, body)
	if err != nil {
		return reply{}, err
	}
	if id != ref.ID {
		return reply{}, errOtherID(ref.Type)
	}
	return a.apply(c, audit.ActUpdate, store.Change{Permit: p, Op: store.OpUpdate, Resource: ward.Resource{Ref: ref, Body: body}, IfMatch: ifMatch})
}

func errOtherID(rt string) *ward.Error {
	return ward.E(ward.Invalid, "fhirrest.update", "the body needs an id, and the one of the URL", nil).At(rt + ".id")
}

// remove serves DELETE [type]/[id].
//
// SPEC(FHIR R4 http.html#delete): 204; deleting what is deleted already is no error.
func (a *API) remove(c *call) (reply, error) {
	if err := c.only(); err != nil {
		return reply{}, err
	}
	ifMatch, err := c.ifMatch()
	if err != nil {
		return reply{}, err
	}
	return a.removeOf(c, c.g.Permit, ward.Reference{Type: c.rt, ID: c.id}, ifMatch)
}

func (a *API) removeOf(c *call, p access.Permit, ref ward.Reference, ifMatch int64) (reply, error) {
	return a.apply(c, audit.ActDelete, store.Change{Permit: p, Op: store.OpDelete, Resource: ward.Resource{Ref: ref}, IfMatch: ifMatch})
}

// apply writes one change and answers.
func (a *API) apply(c *call, act audit.Act, change store.Change) (reply, error) {
	results, err := a.store.Apply(c.r.Context(), act, []store.Change{change})
	if err != nil {
		return reply{}, err
	}
	return a.written(c, change, results[0], preferOf(c.r))
}

// written is the answer to one change.
func (a *API) written(c *call, change store.Change, res store.Result, prefer string) (reply, error) {
	if change.IfNoneExist != nil && !res.Created {
		return a.existing(c, res.Version, prefer), nil
	}
	v := res.Version
	out := versionReply(v)
	out.body = nil
	if change.Op == store.OpDelete {
		out.status = http.StatusNoContent
		return out, nil
	}
	if res.Created {
		out.status = http.StatusCreated
	}
	out.location = a.locate(v)
	switch prefer {
	case "minimal":
		return out, nil
	case "OperationOutcome":
		out.body = fhir.Done("stored as version " + strconv.FormatInt(v.Number, 10))
		return out, nil
	}
	body, err := fhir.Stamp([]byte(change.Resource.Body), v.Ref.ID, v.Number, v.Updated)
	out.body = body
	return out, err
}

// existing is the answer to a create that found its resource: where it is, and no more. Leave to create is no leave to
// read; the body is given when the client asks for it, a permit to read covers it, and reading it left its own entry.
// Without that the answer is the same but for the body, so nothing that fails here fails the create.
func (a *API) existing(c *call, v ward.Version, prefer string) reply {
	out := reply{status: http.StatusOK, etag: v.ETag(), location: a.locate(v)}
	if prefer != "representation" || c.unread[v.Ref.Type] || c.given >= maxBatchAnswer {
		return out
	}
	ctx := c.r.Context()
	permit, err := c.g.Decide(ctx, access.Read, v.Ref.Type)
	if err != nil {
		if c.unread == nil {
			c.unread = map[string]bool{}
		}
		c.unread[v.Ref.Type] = true
		a.observe(ctx, err)
		return out
	}
	got, err := a.store.Get(ctx, permit, v.Ref)
	switch {
	case err != nil:
		a.observe(ctx, err)
	case got.Number == v.Number:
		out.body = got.Body
		c.given += len(got.Body)
	}
	return out
}

// locate is the URL of a version.
func (a *API) locate(v ward.Version) string {
	return a.base + "/" + v.Ref.String() + "/_history/" + strconv.FormatInt(v.Number, 10)
}

// preferOf reads what a write should answer: minimal, representation, OperationOutcome or "".
//
// SPEC(FHIR R4 http.html#ops): Prefer: return=...
func preferOf(r *http.Request) string {
	for _, one := range strings.FieldsFunc(strings.Join(r.Header.Values("Prefer"), ","), func(c rune) bool { return c == ',' || c == ';' }) {
		switch want, _ := strings.CutPrefix(strings.TrimSpace(one), "return="); want {
		case "minimal", "representation", "OperationOutcome":
			return want
		}
	}
	return ""
}

func (c *call) ifMatch() (int64, error) {
	if several(c.r, "If-Match") {
		return 0, errIfMatch
	}
	return parseIfMatch(c.r.Header.Get("If-Match"))
}

func several(r *http.Request, header string) bool { return len(r.Header.Values(header)) > 1 }

var errIfMatch = ward.E(ward.Invalid, "fhirrest", `If-Match names one version, as W/"3"`, nil)

// parseIfMatch reads W/"3"; "" is 0.
func parseIfMatch(text string) (int64, error) {
	if text == "" {
		return 0, nil
	}
	tag := strings.TrimPrefix(text, "W/")
	if len(tag) < 3 || tag[0] != '"' || tag[len(tag)-1] != '"' {
		return 0, errIfMatch
	}
	number := tag[1 : len(tag)-1]
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n < 1 || strconv.FormatInt(n, 10) != number { // tags are compared as they are written
		return 0, errIfMatch
	}
	return n, nil
}

// parseIfNoneExist reads the condition of a create; "" is nil. It takes what names a resource and nothing else: with other
// parameters the answer would tell those who may create, but not search, what is on record about whom.
func parseIfNoneExist(rt, text string) (*fhir.Search, error) {
	query, err := conditionQuery(rt, text)
	if err != nil || query == nil {
		return nil, err
	}
	for name := range query {
		if name != "identifier" && name != "_id" {
			return nil, ward.E(ward.Unsupported, "fhirrest.create", "a conditional create takes the search parameters identifier and _id only, such as identifier=system|value", nil).At("If-None-Exist")
		}
	}
	return condition(rt, query)
}

// parseCondition reads the query of a conditional reference; "" is nil.
func parseCondition(rt, text string) (*fhir.Search, error) {
	query, err := conditionQuery(rt, text)
	if err != nil || query == nil {
		return nil, err
	}
	return condition(rt, query)
}

func badCondition(public string) error {
	return ward.E(ward.Invalid, "fhirrest.create", public, nil).At("If-None-Exist")
}

func conditionQuery(rt, text string) (url.Values, error) {
	if text == "" {
		return nil, nil
	}
	query, err := url.ParseQuery(strings.TrimPrefix(strings.TrimPrefix(text, rt+"?"), "?"))
	if err != nil {
		return nil, badCondition("the condition is a search query such as identifier=system|value")
	}
	return query, nil
}

func condition(rt string, query url.Values) (*fhir.Search, error) {
	q, err := fhir.ParseSearch(rt, query)
	if err != nil {
		return nil, err
	}
	if len(q.Clauses) == 0 && len(q.IDs) == 0 {
		return nil, badCondition("the condition needs at least one search parameter")
	}
	return &q, nil
}

// literal checks type, conformance and references of a body that is written on its own: absolute references to this server become
// relative, and those that only a transaction can resolve are refused. It returns the body's id too.
func (a *API) literal(c *call, rt string, body ward.Protected) (ward.Protected, string, error) {
	f, err := fhir.Refs([]byte(body))
	if err != nil {
		return nil, "", err
	}
	if f.Type != rt {
		return nil, "", ward.E(ward.Invalid, "fhirrest.write", "the body's resourceType is not the type of the URL", nil).At("resourceType")
	}
	if err := a.conform(c, body); err != nil {
		return nil, "", err
	}
	with := make([]string, len(f.References))
	for i, ref := range f.References {
		if own, ok := a.relative(ref.Target); ok {
			with[i] = own
			continue
		}
		if conditional(ref.Target) || strings.HasPrefix(ref.Target, "urn:uuid:") || strings.HasPrefix(ref.Target, "urn:oid:") {
			return nil, "", ward.E(ward.Unprocessable, "fhirrest.write", "conditional references and references to entries of a bundle are resolved in transactions only; refer by Type/id", nil).At(ref.Path)
		}
	}
	out, err := fhir.Replace([]byte(body), f.References, with)
	return out, f.ID, err
}

// relative turns an absolute reference to this server into Type/id.
func (a *API) relative(target string) (string, bool) {
	rest, ok := strings.CutPrefix(target, a.base+"/")
	if !ok {
		return "", false
	}
	if _, _, ok := fhir.SplitReference(rest); !ok {
		return "", false
	}
	return rest, true
}

// conditional reports whether a reference is a search, Type?query.
//
// SPEC(FHIR R4 http.html#trules).
func conditional(target string) bool {
	rt, _, ok := strings.Cut(target, "?")
	if !ok || rt == "" {
		return false
	}
	for _, c := range []byte(rt) {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			return false
		}
	}
	return true
}
