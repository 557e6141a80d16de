package fhirrest

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
)

// contentType is what every answer is.
const contentType = "application/fhir+json; charset=utf-8"

// call is one request with the permit of its route.
type call struct {
	r     *http.Request
	w     http.ResponseWriter
	g     access.Grant
	rt    string // {type}, known
	id    string // {id}, of the form of an id; "" where the path has none
	query url.Values

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
}

// handle joins a handler to the route table: negotiation, path, answer.
func (a *API) handle(action access.Action, fn func(*call) (reply, error)) access.Handler {
	return func(w http.ResponseWriter, r *http.Request, g access.Grant) {
		out, err := a.serve(&call{r: r, w: w, g: g, rt: r.PathValue("type"), id: r.PathValue("id"), action: action, began: a.now(), now: a.now}, fn)
		if err != nil {
			a.refuse(w, r, err)
			return
		}
		write(w, out)
	}
}

// refuse answers an error and tells the operator's side of it.
func (a *API) refuse(w http.ResponseWriter, r *http.Request, err error) {
	a.observe(r.Context(), err)
	Errors(w, r, err)
}

func (a *API) serve(c *call, fn func(*call) (reply, error)) (reply, error) {
	r := c.r
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return reply{}, ward.E(ward.Invalid, "fhirrest", "the query of the URL is not well encoded", nil)
	}
	if err := acceptable(r, query); err != nil {
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

// private keeps answers out of every cache.
func private(h http.Header) {
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
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
		h.Set("Content-Type", contentType)
		h.Set("Content-Length", strconv.Itoa(len(out.body)))
	}
	w.WriteHeader(out.status)
	w.Write([]byte(out.body))
}

// acceptable refuses requests for another format than JSON.
//
// SPEC(FHIR R4 http.html#mime-type): _format overrides Accept; 406 when neither names a format that the server has.
func acceptable(r *http.Request, query url.Values) error {
	refused := withStatus(http.StatusNotAcceptable, "answers are application/fhir+json in FHIR version 4.0; ask for it by Accept or by _format=json")
	if f, ok := query["_format"]; ok {
		for _, one := range f {
			if one != "json" && !jsonType(strings.ReplaceAll(one, " ", "+"), false) { // a + in a query reads as a space
				return refused
			}
		}
		return nil
	}
	accept := strings.Join(r.Header.Values("Accept"), ",")
	if strings.TrimSpace(accept) == "" {
		return nil
	}
	for _, one := range strings.Split(accept, ",") {
		if jsonType(one, true) {
			return nil
		}
	}
	return refused
}

// jsonType reports whether a media type (or range) takes FHIR JSON of version 4.0.
func jsonType(s string, ranges bool) bool {
	mt, params, err := mime.ParseMediaType(s)
	if err != nil {
		return false
	}
	switch mt {
	case "application/fhir+json", "application/json", "text/json":
	case "*/*", "application/*":
		if !ranges {
			return false
		}
	default:
		return false
	}
	if q, ok := params["q"]; ok {
		if f, err := strconv.ParseFloat(q, 64); err != nil || f <= 0 {
			return false
		}
	}
	if v, ok := params["fhirversion"]; ok && v != "4.0" && v != "4.0.1" {
		return false
	}
	cs, ok := params["charset"]
	return !ok || strings.EqualFold(cs, "utf-8")
}

// body reads the JSON body of a write.
//
// SPEC(FHIR R4 http.html#mime-type): a body in a format that the server does not take is 415.
func (c *call) body(limit int64) (ward.Protected, error) {
	if !jsonType(c.r.Header.Get("Content-Type"), false) {
		return nil, withStatus(http.StatusUnsupportedMediaType, "a body is application/fhir+json (or application/json) in UTF-8, FHIR version 4.0; say so by Content-Type")
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
