package access

import (
	"net/http"

	"github.com/ward-health/ward"
)

// enter prepares the answer of a row for browsers, and refuses what another site's page sent.
func (a *Authority) enter(w http.ResponseWriter, r *http.Request) error {
	// A page seen under a session must not come back from a cache after it; a handler may say otherwise of what holds nothing.
	w.Header().Set("Cache-Control", "no-store")
	if err := a.sameOrigin(r); err != nil {
		a.log.Unauthenticated(sourceOf(r))
		return err
	}
	return nil
}

// sameOrigin refuses a request that may change something unless a page of this node, or the person at the browser, made
// it. It comes before the cookie is looked at, so that another site's page can neither act nor fill the log in somebody's
// name. http.CrossOriginProtection takes a request that names no origin at all, and compares origins with the Host header,
// which follows whoever points a name of his own at this address; here the request must name its origin, and the origin must
// be the node's.
//
// SPEC(W3C Fetch Metadata 2.3): Sec-Fetch-Site is same-origin for a page of the same origin and none for an act of the
// person at the browser; pages cannot set it.
func (a *Authority) sameOrigin(r *http.Request) error {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return nil
	}
	site, origin := r.Header.Values("Sec-Fetch-Site"), r.Header.Values("Origin")
	switch {
	case len(site) == 1 && (site[0] == "same-origin" || site[0] == "none"):
		return nil
	case len(site) == 0 && len(origin) == 1 && origin[0] == a.issuer:
		return nil
	}
	return ward.E(ward.Denied, "access.origin", "the request did not come from a page of this node; open the console at "+a.issuer+" and try again there", nil)
}
