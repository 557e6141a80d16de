package fhirrest

import (
	"encoding/base64"
	"encoding/json"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/clinical/fhir"
)

// maxForm bounds the body of a search.
const maxForm = 1 << 20

// search serves GET [type]?...
//
// SPEC(FHIR R4 http.html#search): a Bundle of type searchset.
func (a *API) search(c *call) (reply, error) {
	return a.find(c, c.g.Permit, c.rt, c.query, echo(a.base+"/"+c.rt, c.r.URL.RawQuery))
}

// searchForm serves POST [type]/_search. Its "self" repeats the URL only: values that the client kept out of the URL stay
// out of URLs.
func (a *API) searchForm(c *call) (reply, error) {
	mt, _, err := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	if err != nil || mt != "application/x-www-form-urlencoded" {
		return reply{}, withStatus(http.StatusUnsupportedMediaType, "a search by POST is application/x-www-form-urlencoded; say so by Content-Type")
	}
	query := c.query
	if c.r.ContentLength != 0 {
		body, err := c.bytes(maxForm)
		if err != nil {
			return reply{}, err
		}
		form, err := url.ParseQuery(string(body))
		if err != nil {
			return reply{}, ward.E(ward.Invalid, "fhirrest.search", "the form is not well encoded", nil)
		}
		for name, values := range form { // SPEC(FHIR R4 http.html#search): parameters of the URL and of the body together
			query[name] = append(query[name], values...)
		}
		if c.wanted, err = answerWire(c.r, query); err != nil {
			return reply{}, err
		}
	}
	return a.find(c, c.g.Permit, c.rt, query, echo(a.base+"/"+c.rt+"/_search", c.r.URL.RawQuery))
}

// maxNext bounds a "next" link, without the base: what servers and proxies on the way take as a URL.
const maxNext = 8 << 10

// cursorRest is what a cursor holds besides its query, and what sealing adds: asker, purpose, policy, position, key.
const cursorRest = 1 << 10

// pageable refuses a query, before anything is searched, whose "next" could not be followed. A cursor carries its query;
// what has no pages is not bounded.
func pageable(q fhir.Search) error {
	if q.Cursor != "" || q.Only {
		return nil
	}
	text, err := json.Marshal(q)
	if err != nil {
		return ward.E(ward.Internal, "fhirrest.search", "the query cannot be written", err)
	}
	if n := base64.RawURLEncoding.EncodedLen(len(text) + cursorRest); n > maxNext {
		return ward.E(ward.TooLarge, "fhirrest.search", "the query is too long for paging: its page link would have up to "+strconv.Itoa(n)+
			" characters, at most "+strconv.Itoa(maxNext)+" work; send several searches with fewer values each", nil)
	}
	return nil
}

func (a *API) find(c *call, p access.Permit, rt string, query url.Values, self string) (reply, error) {
	q, err := fhir.ParseSearch(rt, query)
	if err != nil {
		return reply{}, err
	}
	if err := pageable(q); err != nil {
		return reply{}, err
	}
	page, err := a.store.Search(c.r.Context(), p, q)
	if err != nil {
		return reply{}, err
	}
	links := []fhir.Link{{Relation: "self", URL: self}}
	if page.Next != "" {
		links = append(links, fhir.Link{Relation: "next", URL: a.base + "/" + rt + "?_cursor=" + url.QueryEscape(page.Next) + c.paged(query)})
	}
	entries := make([]fhir.Entry, len(page.Versions))
	for i, v := range page.Versions {
		entries[i] = fhir.Entry{FullURL: a.base + "/" + v.Ref.String(), Resource: v.Body, Search: "match"}
	}
	return reply{status: http.StatusOK, body: fhir.WriteBundle("searchset", page.Total, time.Now(), links, entries)}, nil
}
