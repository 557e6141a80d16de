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
)

// knownType refuses types that this build does not serve.
func knownType(rt string) error {
	if fhir.Known(rt) {
		return nil
	}
	return ward.E(ward.NotFound, "fhirrest", "this server does not serve this resource type; it serves "+strings.Join(fhir.Types(), ", "), nil)
}

// read serves the current version.
//
// SPEC(FHIR R4 http.html#read): 200 with ETag and Last-Modified, 404 unknown, 410 deleted; http.html#cread: 304 when If-None-Match holds the current ETag.
func (a *API) read(c *call) (reply, error) {
	if err := c.only(); err != nil {
		return reply{}, err
	}
	v, err := a.store.Get(c.r.Context(), c.g.Permit, ward.Reference{Type: c.rt, ID: c.id})
	if err != nil {
		return reply{}, err
	}
	out := versionReply(v)
	if noneMatch(c.r.Header.Values("If-None-Match"), v.ETag()) {
		out.status, out.body = http.StatusNotModified, nil
	}
	return out, nil
}

// vread serves one version.
func (a *API) vread(c *call) (reply, error) {
	if err := c.only(); err != nil {
		return reply{}, err
	}
	return a.vreadOf(c, c.g.Permit, c.rt, c.id, c.r.PathValue("vid"))
}

func (a *API) vreadOf(c *call, p access.Permit, rt, id, vid string) (reply, error) {
	n, err := strconv.ParseInt(vid, 10, 64)
	if err != nil || n < 1 || strconv.FormatInt(n, 10) != vid {
		return reply{}, ward.E(ward.NotFound, "fhirrest.vread", "there is no such version: versions are numbered 1, 2, 3 and so on", nil)
	}
	v, err := a.store.VRead(c.r.Context(), p, ward.Reference{Type: rt, ID: id}, n)
	if err != nil {
		return reply{}, err
	}
	return versionReply(v), nil
}

func versionReply(v ward.Version) reply {
	return reply{status: http.StatusOK, body: v.Body, etag: v.ETag(), modified: v.Updated.UTC().Format(http.TimeFormat), version: &v}
}

// noneMatch reports whether one of the entity tags is the current one.
//
// SPEC(RFC 9110 13.1.2): If-None-Match compares weakly; * matches whatever exists.
func noneMatch(headers []string, etag string) bool {
	for _, one := range strings.Split(strings.Join(headers, ","), ",") {
		one = strings.TrimSpace(one)
		if one == "*" || strings.TrimPrefix(one, "W/") == strings.TrimPrefix(etag, "W/") {
			return true
		}
	}
	return false
}

// history serves the versions of one resource, newest first.
//
// SPEC(FHIR R4 http.html#history): a Bundle of type history; each entry says by which request the version came about.
func (a *API) history(c *call) (reply, error) {
	if err := c.only("_count", "_cursor"); err != nil {
		return reply{}, err
	}
	count := fhir.DefaultCount
	if text := c.query.Get("_count"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return reply{}, ward.E(ward.Invalid, "fhirrest.history", "_count is a whole number from 1 to "+strconv.Itoa(fhir.MaxCount), nil)
		}
		count = min(n, fhir.MaxCount)
	}
	ref := ward.Reference{Type: c.rt, ID: c.id}
	page, err := a.store.History(c.r.Context(), c.g.Permit, ref, c.query.Get("_cursor"), count)
	if err != nil {
		return reply{}, err
	}
	at := a.base + "/" + ref.String() + "/_history"
	links := []fhir.Link{{Relation: "self", URL: echo(at, c.r.URL.RawQuery)}}
	if page.Next != "" {
		links = append(links, fhir.Link{Relation: "next", URL: at + "?_count=" + strconv.Itoa(count) + "&_cursor=" + url.QueryEscape(page.Next) + c.paged(c.query)})
	}
	entries := make([]fhir.Entry, len(page.Versions))
	for i, v := range page.Versions {
		entries[i] = fhir.Entry{FullURL: a.base + "/" + v.Ref.String(), Resource: v.Body, Method: "PUT", URL: v.Ref.String(), Status: "200 OK", ETag: v.ETag(), Modified: v.Updated}
		switch {
		case v.Deleted:
			entries[i].Resource, entries[i].Method, entries[i].Status = nil, "DELETE", "204 No Content"
		case v.Number == 1:
			entries[i].Status = "201 Created"
		}
	}
	return reply{status: http.StatusOK, body: fhir.WriteBundle("history", page.Total, time.Now(), links, entries)}, nil
}

// echo returns the URL of a page as the client asked for it.
func echo(at, rawQuery string) string {
	if rawQuery == "" {
		return at
	}
	return at + "?" + rawQuery
}
