package console

import (
	"net/http"
	"net/url"
	"path"
	"strings"

	"github.com/ward-health/ward"
)

// maxReturn bounds a path to return to.
const maxReturn = 512

// themeCookie keeps a colour scheme; it says nothing of who uses the browser.
const themeCookie = "ward-theme"

// entrance is the sign-in page.
type entrance struct {
	To      string
	Refused string
}

// signIn is GET /console/signin. The code of a link stands in the fragment, which only the page's script sees.
func (c *Console) signIn(w http.ResponseWriter, r *http.Request) {
	c.entrance(w, r, http.StatusOK, entrance{To: ownPath(r.URL.Query().Get("to"))})
}

// refuseCode answers a refused code on the sign-in page.
func (c *Console) refuseCode(w http.ResponseWriter, r *http.Request, status int, err error) {
	c.entrance(w, r, status, entrance{To: home, Refused: ward.PublicText(err)})
}

func (c *Console) entrance(w http.ResponseWriter, r *http.Request, status int, e entrance) {
	f := bare(r, "Sign in", e)
	f.To = signInPath
	if err := c.write(w, status, "signin", f); err != nil {
		http.Error(w, "internal error", http.StatusInternalServerError)
	}
}

// signInFor is the sign-in page that returns to the page asked for.
func signInFor(r *http.Request) string {
	if r.Method != http.MethodGet {
		return signInPath
	}
	to := ownPath(r.URL.RequestURI())
	if to == home {
		return signInPath
	}
	return signInPath + "?to=" + url.QueryEscape(to)
}

// ownPath accepts a page of the console, else its home. The characters that it lets through cannot form the address of
// another host, a step up, a header or markup.
func ownPath(to string) string {
	if len(to) > maxReturn || !strings.HasPrefix(to, home) || strings.Contains(to, "//") || strings.Contains(to, "..") {
		return home
	}
	for _, c := range []byte(to) {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !letter && !strings.ContainsRune("/-._~?&=", rune(c)) {
			return home
		}
	}
	p, _, _ := strings.Cut(to, "?")
	switch p {
	case signInPath, sessionPath, livePath, "/console/signout", "/console/theme":
		return home
	}
	return to
}

// theme is POST /console/theme: the colour scheme is kept in a cookie and the browser goes back to where it was.
func (c *Console) theme(w http.ResponseWriter, r *http.Request) {
	form, err := readForm(w, r)
	if err != nil {
		c.Errors(w, r, err)
		return
	}
	k := &http.Cookie{Name: themeCookie, Path: home, MaxAge: 365 * 24 * 3600, HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: r.TLS != nil} //nolint:gosec // G124: a preference, no secret
	switch form.Get("theme") {
	case "light", "dark":
		k.Value = form.Get("theme")
	default:
		k.MaxAge = -1
	}
	http.SetCookie(w, k)
	to := form.Get("to")
	if to != signInPath {
		to = ownPath(to)
	}
	see(w, to)
}

func themeOf(r *http.Request) string {
	if k, err := r.Cookie(themeCookie); err == nil && (k.Value == "light" || k.Value == "dark") {
		return k.Value
	}
	return ""
}

// media are the kinds of file under static.
var media = map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}

// static serves style, script and icon.
func (c *Console) static(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	b, err := files.ReadFile("static/" + path.Base(name))
	kind, known := media[path.Ext(name)]
	if err != nil || !known {
		c.Errors(w, r, ward.E(ward.NotFound, "console.static", "there is no such file", nil))
		return
	}
	h := w.Header()
	h.Set("Cache-Control", "public, max-age=300")
	secure(h)
	h.Set("Content-Type", kind)
	w.Write(b)
}
