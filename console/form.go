package console

import (
	"mime"
	"net/http"
	"net/url"

	"github.com/ward-health/ward"
)

// maxForm bounds the body of a form in bytes.
const maxForm = 32 << 10

// readForm reads the fields of one bounded form; the query is not among them. Errors are ward.Invalid.
func readForm(w http.ResponseWriter, r *http.Request) (url.Values, error) {
	bad := func(text string, err error) (url.Values, error) {
		return nil, ward.E(ward.Invalid, "console.form", text, err)
	}
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/x-www-form-urlencoded" {
		return bad("the body must be a form", err)
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		return bad("the form is too large, cut off or not well-formed", nil)
	}
	for _, values := range r.PostForm {
		if len(values) != 1 {
			return bad("a field of the form is repeated", nil)
		}
	}
	return r.PostForm, nil
}

// pathID reads the id of the path; one without the form of an id is like one that does not exist.
func pathID(r *http.Request) (ward.ID, error) {
	id, err := ward.ParseID(r.PathValue("id"))
	if err != nil {
		return id, ward.E(ward.NotFound, "console.path", "there is nothing under this id", nil)
	}
	return id, nil
}

// chosen returns the value of a query parameter if it is one of those offered, else "": nothing that a client sends is
// repeated in a page's links.
func chosen[T ~string](r *http.Request, name string, from []T) T {
	got := r.URL.Query().Get(name)
	for _, v := range from {
		if string(v) == got {
			return v
		}
	}
	return ""
}

// cursor returns the query's sealed cursor; it is opaque here and bounded.
func cursor(r *http.Request) string {
	if s := r.URL.Query().Get("cursor"); len(s) <= 2048 {
		return s
	}
	return ""
}
