package fhirrest

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/clinical/fhir/format"
)

// call is one request with the permit of its route.
type call struct {
	r     *http.Request
	w     http.ResponseWriter
	g     access.Grant
	rt    string // {type}, known
	id    string // {id}, of the form of an id; "" where the path has none
	query url.Values

	sent, wanted wire           // of the body, and of the answer
	places       *format.Places // of a body in XML, once it was read

	action access.Action // of the route
	began  time.Time
	now    func() time.Time

	unread map[string]bool // types that the asker may not read: asked once, denied and recorded once
	given  int             // bytes of bodies that existing has given out
}

// reply is one answer, of a request or of an entry of a batch.
type reply struct {
	status   int
	body     ward.Protected // nil: none
	etag     string
	location string
	modified string // HTTP date
	version  *ward.Version
	wire     wire // of body
}

// handle joins a handler to the route table: negotiation, path, answer.
func (a *API) handle(action access.Action, fn func(*call) (reply, error)) access.Handler {
	return func(w http.ResponseWriter, r *http.Request, g access.Grant) {
		c := &call{r: r, w: w, g: g, rt: r.PathValue("type"), id: r.PathValue("id"), action: action, began: a.now(), now: a.now}
		out, err := a.serve(c, fn)
		if err == nil {
			out, err = c.rendered(out)
		}
		if err != nil {
			a.observe(r.Context(), err)
			writeOutcome(w, c.wanted, c.placed(err))
			return
		}
		write(w, out)
	}
}

func (a *API) serve(c *call, fn func(*call) (reply, error)) (reply, error) {
	r := c.r
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return reply{}, ward.E(ward.Invalid, "fhirrest", "the query of the URL is not well encoded", nil)
	}
	if c.wanted, err = answerWire(r, query); err != nil {
		return reply{}, err
	}
	c.query = query
	if strings.Contains(r.Pattern, "{type}") {
		if err := knownType(c.rt); err != nil {
			return reply{}, err
		}
	}
	if strings.Contains(r.Pattern, "{id}") && !ward.ValidID(c.id) {
		return reply{}, ward.E(ward.NotFound, "fhirrest", "there is no such resource: an id has 1 to 64 characters out of A-Z a-z 0-9 - and .", nil)
	}
	return fn(c)
}

// private keeps answers out of every cache, and tells one that keeps them all the same what they depend on.
func private(h http.Header) {
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Vary", "Accept")
}

func write(w http.ResponseWriter, out reply) {
	h := w.Header()
	private(h)
	for name, value := range map[string]string{"ETag": out.etag, "Location": out.location, "Last-Modified": out.modified} {
		if value != "" {
			h.Set(name, value)
		}
	}
	if len(out.body) > 0 {
		h.Set("Content-Type", contentTypes[out.wire])
		h.Set("Content-Length", strconv.Itoa(len(out.body)))
	}
	w.WriteHeader(out.status)
	w.Write([]byte(out.body))
}

// body reads the body of a write as JSON.
func (c *call) body(limit int64) (ward.Protected, error) {
	text, err := c.text(limit)
	if err != nil {
		return nil, err
	}
	return c.json(text, limit)
}

// text reads the body of a write in the format in which it was sent.
//
// SPEC(FHIR R4 http.html#mime-type): a body in a format that the server does not take is 415.
func (c *call) text(limit int64) (_ ward.Protected, err error) {
	var ok bool
	if c.sent, ok = wireOf(c.r.Header.Get("Content-Type")); !ok {
		return nil, withStatus(http.StatusUnsupportedMediaType, "a body is application/fhir+json or application/fhir+xml (or application/json, application/xml) in UTF-8, FHIR version 4.0; say so by Content-Type")
	}
	return c.bytes(limit)
}

func (c *call) bytes(limit int64) (ward.Protected, error) {
	if enc := c.r.Header.Get("Content-Encoding"); enc != "" && enc != "identity" {
		return nil, withStatus(http.StatusUnsupportedMediaType, "bodies with a Content-Encoding are not offered")
	}
	tooLarge := ward.E(ward.TooLarge, "fhirrest.body", "a body may have at most "+strconv.FormatInt(limit, 10)+" bytes here", nil)
	if c.r.ContentLength > limit {
		return nil, tooLarge
	}
	b, err := io.ReadAll(http.MaxBytesReader(c.w, c.r.Body, limit))
	var over *http.MaxBytesError
	switch {
	case errors.As(err, &over):
		return nil, tooLarge
	case err != nil:
		return nil, ward.E(ward.Invalid, "fhirrest.body", "the body could not be read to its end", err)
	case len(b) == 0:
		return nil, ward.E(ward.Invalid, "fhirrest.body", "the request needs a body", nil)
	}
	return b, c.renew()
}

// maxUpload is how old a permit may be when its body has been read; store refuses one of two minutes.
const maxUpload = 30 * time.Second

// renew decides anew for the route when its body took long to come: the permit of the guard stands from before it.
func (c *call) renew() error {
	if c.now().Sub(c.began) <= maxUpload {
		return nil
	}
	permit, err := c.g.Decide(c.r.Context(), c.action, c.rt)
	if err == nil {
		c.g.Permit = permit
	}
	return err
}

// only refuses query parameters that a request does not take; _format is taken everywhere.
func (c *call) only(names ...string) error {
	for name := range c.query {
		ok := name == "_format"
		for _, n := range names {
			ok = ok || n == name
		}
		if !ok {
			return ward.E(ward.Invalid, "fhirrest", "this request takes these query parameters only: _format "+strings.Join(names, " "), nil)
		}
	}
	return nil
}
