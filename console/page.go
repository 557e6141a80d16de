package console

import (
	"bytes"
	"embed"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strings"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
)

//go:embed page shared static
var files embed.FS

// policy lets a page use its own style and script, send forms to this node and hear from it; nothing else.
//
// SPEC(CSP Level 3 6.1): default-src 'none' refuses every kind of load that is not named. SPEC(Trusted Types 4.1): with
// require-trusted-types-for 'script' no text becomes markup or code in the page.
const policy = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; form-action 'self'; " +
	"base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

// pages are the parsed templates by name.
type pages map[string]*template.Template

// readPages parses each template together with the frame and the parts that all share.
func readPages() (pages, error) {
	names, err := fs.Glob(files, "page/*.html")
	if err != nil {
		return nil, ward.E(ward.Internal, "console.pages", "the pages cannot be listed", err)
	}
	out := pages{}
	for _, n := range names {
		name := strings.TrimSuffix(path.Base(n), ".html")
		t, err := template.New("frame").Funcs(words).ParseFS(files, "shared/*.html", n)
		if err != nil {
			return nil, ward.E(ward.Internal, "console.pages", "the page "+name+" does not parse", err)
		}
		out[name] = t
	}
	return out, nil
}

// frame is what every page has around its own part.
type frame struct {
	Title   string
	Here    string // which link of the navigation is this page
	Theme   string // "", light or dark
	To      string // where a form that is no page of its own returns to
	Who     *ward.Principal
	Can     offer
	Request string
	Notice  string // a sentence about what was just done
	Refused string // a sentence about what was just refused
	Live    bool   // the script follows /console/live
	Page    any
}

// frameOf begins a page for somebody.
func frameOf(r *http.Request, p access.Permit, title, here string, page any) frame {
	who := p.Principal()
	f := bare(r, title, page)
	f.Here, f.Who, f.Can = here, &who, offerTo(p)
	if r.Method == http.MethodGet {
		f.To = ownPath(r.URL.RequestURI())
	}
	return f
}

// bare begins a page for nobody in particular.
func bare(r *http.Request, title string, page any) frame {
	return frame{Title: title, Theme: themeOf(r), To: home, Request: access.RequestID(r.Context()).String(), Page: page}
}

// write renders a page, whole or not at all.
func (c *Console) write(w http.ResponseWriter, status int, name string, f frame) error {
	var b bytes.Buffer
	t, ok := c.pages[name]
	if !ok {
		return ward.E(ward.Internal, "console.write", "there is no page "+name, nil)
	}
	// An error of a template names its place and types, never a value: no function of words returns one.
	if err := t.ExecuteTemplate(&b, "frame", f); err != nil {
		return ward.E(ward.Internal, "console.write", "the page "+name+" cannot be written", err)
	}
	h := w.Header()
	secure(h)
	h.Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	w.Write(b.Bytes())
	return nil
}

// secure sets what every answer of the console carries.
func secure(h http.Header) {
	h.Set("Content-Security-Policy", policy)
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()")
	if h.Get("Cache-Control") == "" {
		h.Set("Cache-Control", "no-store")
	}
}

// show renders a page for the holder of the grant.
func (c *Console) show(w http.ResponseWriter, r *http.Request, g access.Grant, name, title, here string, page any) error {
	return c.write(w, http.StatusOK, name, frameOf(r, g.Permit, title, here, page))
}

// see sends the browser on with GET.
func see(w http.ResponseWriter, to string) {
	secure(w.Header())
	w.Header().Set("Location", to)
	w.WriteHeader(http.StatusSeeOther)
}
