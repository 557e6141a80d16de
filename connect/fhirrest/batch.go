package fhirrest

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/clinical/fhir"
	"github.com/ward-health/ward/store"
)

// maxBatchAnswer bounds the bodies that one batch gives out.
const maxBatchAnswer = 64 << 20

// batch runs every entry by itself.
//
// SPEC(FHIR R4 http.html#transaction): entries do not depend on one another; each has its own outcome; the answer is 200.
func (a *API) batch(c *call, list []entry) (reply, error) {
	if len(list) > maxBatch {
		return reply{}, ward.E(ward.TooLarge, "fhirrest.batch", "a batch may have at most "+strconv.Itoa(maxBatch)+" entries; send several, or a transaction", nil).At("Bundle.entry")
	}
	entries := make([]fhir.Entry, len(list))
	prefer, size := preferOf(c.r), 0
	for i := range list {
		if err := c.r.Context().Err(); err != nil {
			return reply{}, ward.E(ward.Unavailable, "fhirrest.batch", "the request was given up before its end; entries before it may have been done", err)
		}
		e := &list[i]
		out, err := a.batchEntry(c, e)
		if err == nil && size+len(out.body) > maxBatchAnswer && e.method == "GET" {
			err = e.fail(ward.TooLarge, "", "the answers of this batch are too large together; ask for this one by itself")
		}
		if err != nil {
			a.observe(c.r.Context(), err)
			status := statusOf(err)
			entries[i] = fhir.Entry{Status: strconv.Itoa(status) + " " + http.StatusText(status), Outcome: outcomeOf(c.placed(err))}
			continue
		}
		size += len(out.body)
		entries[i] = a.entryOf(out, e.method == "GET" || prefer == "representation")
	}
	return reply{status: http.StatusOK, body: fhir.WriteBundle("batch-response", -1, time.Now(), nil, entries)}, nil
}

// batchEntry runs one entry as the request it stands for.
func (a *API) batchEntry(c *call, e *entry) (reply, error) {
	if e.method == "GET" {
		return a.batchGet(c, e)
	}
	s, err := a.step(e)
	if err != nil {
		return reply{}, err
	}
	permit, err := c.g.Decide(c.r.Context(), actionOf(s.op), s.ref.Type)
	if err != nil {
		return reply{}, err
	}
	var out reply
	switch s.op {
	case store.OpCreate:
		out, err = a.createOf(c, permit, s.ref.Type, e.resource, e.ifNoneExist)
	case store.OpUpdate:
		out, err = a.updateOf(c, permit, s.ref, e.resource, s.ifMatch)
	default:
		out, err = a.removeOf(c, permit, s.ref, s.ifMatch)
	}
	if err != nil {
		return out, e.within(err)
	}
	return out, nil
}

// batchGet runs a read, a vread or a search.
func (a *API) batchGet(c *call, e *entry) (reply, error) {
	bad := e.fail(ward.Invalid, "request.url", "the url of a GET is Type/id, Type/id/_history/version or Type?query")
	if e.resource != nil {
		return reply{}, e.fail(ward.Invalid, "resource", "a GET has no resource")
	}
	path, rawQuery, _ := strings.Cut(strings.TrimPrefix(e.url, a.base+"/"), "?")
	query, err := url.ParseQuery(rawQuery)
	if err != nil {
		return reply{}, bad
	}
	parts := strings.Split(path, "/")
	if err := knownType(parts[0]); err != nil {
		return reply{}, err
	}
	ctx, rt := c.r.Context(), parts[0]
	if len(parts) == 1 {
		permit, err := c.g.Decide(ctx, access.Search, rt)
		if err != nil {
			return reply{}, err
		}
		return a.find(c, permit, rt, query, echo(a.base+"/"+rt, rawQuery))
	}
	if rawQuery != "" || !ward.ValidID(parts[1]) || len(parts) != 2 && (len(parts) != 4 || parts[2] != "_history") {
		return reply{}, bad
	}
	permit, err := c.g.Decide(ctx, access.Read, rt)
	if err != nil {
		return reply{}, err
	}
	if len(parts) == 4 {
		return a.vreadOf(c, permit, rt, parts[1], parts[3])
	}
	v, err := a.store.Get(ctx, permit, ward.Reference{Type: rt, ID: parts[1]})
	if err != nil {
		return reply{}, err
	}
	out := versionReply(v)
	if e.ifNoneMatch != "" && noneMatch([]string{e.ifNoneMatch}, v.ETag()) {
		out.status, out.body = http.StatusNotModified, nil
	}
	return out, nil
}
