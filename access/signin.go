package access

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/audit"
	"github.com/ward-health/ward/engine/db"
)

// The paths of the console's sign-in. The pages themselves are the console's.
const (
	consoleHome = "/console/"
	signInPage  = "/console/signin"
	sessionPath = "/console/session"
	signOutPath = "/console/signout"
)

// maxReturn bounds the path to which a browser goes after it signed in.
const maxReturn = 512

// errorsKey is the context key of the writer of errors of a Session row.
type errorsKey struct{}

// refuseWith writes an error as the table of routes does.
func refuseWith(w http.ResponseWriter, r *http.Request, err error) {
	if e, ok := r.Context().Value(errorsKey{}).(Errors); ok {
		e(w, r, err)
		return
	}
	http.Error(w, ward.PublicText(err), http.StatusForbidden)
}

// SessionRoutes returns the two acts of a browser's session, both posted by forms of the node's own pages.
//
// POST /console/session redeems the one-time code of the field code, sets the cookie and answers 303 to the path of the field
// to, if that is one of the console's pages, else to /console/. What is refused is written by the table's Errors: ward.Invalid
// (no form), ward.Unauthentic (the code), ward.Denied (another site's page, or roles without a right to the console: then
// the code still works), ward.Unavailable (with status 429 after too many bad codes from the address).
//
// POST /console/signout ends the session, with or without one, and answers 303 to the sign-in page.
func (a *Authority) SessionRoutes() []Route {
	return []Route{
		{Pattern: "POST " + sessionPath, Audit: AuditNone, Why: "signing in writes its own entry, refusals are counted per source",
			Open: http.HandlerFunc(a.serveSignIn), Session: true},
		{Pattern: "POST " + signOutPath, Audit: AuditNone, Why: "signing out writes its own entry and needs no right",
			Open: http.HandlerFunc(a.serveSignOut), Session: true},
	}
}

// serveSignIn is POST /console/session.
func (a *Authority) serveSignIn(w http.ResponseWriter, r *http.Request) {
	source := sourceOf(r)
	if !a.limit.allow(source, a.now()) {
		w.Header().Set("Retry-After", "60")
		refuseWith(forced(w, http.StatusTooManyRequests), r, ward.E(ward.Unavailable, "access.signin", "too many failed attempts from this address; wait a minute", nil))
		return
	}
	secret, to, err := a.signIn(w, r)
	if err != nil {
		if kind := ward.KindOf(err); kind == ward.Unauthentic || kind == ward.Invalid {
			a.limit.failed(source, a.now())
			a.log.Unauthenticated(source)
		}
		refuseWith(w, r, err)
		return
	}
	a.setCookie(w, secret)
	w.Header().Set("Location", to)
	w.WriteHeader(http.StatusSeeOther)
}

// signIn redeems the code of the form for a session. The secret is always a new one: whatever cookie the browser brought is
// never taken over, and the session behind it ends.
func (a *Authority) signIn(w http.ResponseWriter, r *http.Request) (secret, to string, err error) {
	ctx := r.Context()
	form, err := readForm(w, r)
	if err != nil {
		var refused *oauthError
		errors.As(err, &refused)
		return "", "", ward.E(ward.Invalid, "access.signin", refused.Description, refused.cause)
	}
	c, err := a.readCode(ctx, strings.TrimSpace(form.Get("code")))
	if err != nil {
		return "", "", badCode(err)
	}
	if err := a.mayEnter(ctx, c); err != nil {
		return "", "", err
	}
	if digest, err := a.presented(r); err == nil {
		if err := a.endSession(ctx, digest); err != nil {
			return "", "", err
		}
	}
	_, err = a.redeemCode(ctx, c, audit.ActSignIn, func(tx *db.Tx, g grantee) (err error) {
		secret, err = a.newSession(ctx, tx, g)
		return err
	})
	return secret, returnPath(form.Get("to")), badCode(err)
}

// mayEnter refuses, with its entry, a person whose roles have no right to the console, before the code is used up.
func (a *Authority) mayEnter(ctx context.Context, c coded) error {
	if c.who.Kind != ward.Human {
		return badCode(missing(nil, "the code is not a human's"))
	}
	_, err := a.Decide(ctx, Request{Principal: c.who, Action: Console, Purpose: DefaultPurpose(c.who), ID: RequestID(ctx)})
	if ward.KindOf(err) == ward.Denied && err != nil {
		return ward.E(ward.Denied, "access.signin", "your roles have no right to the console; the code still works for a token, at "+a.issuer+linkPath, err)
	}
	return err
}

// badCode turns what makes a code worthless into one answer for all.
func badCode(err error) error {
	if err == nil {
		return nil
	}
	switch ward.KindOf(err) {
	case ward.NotFound, ward.Conflict, ward.Denied:
		return ward.E(ward.Unauthentic, "access.signin", "the code is unknown, used or older than 15 minutes; ask an administrator for a new one", err)
	}
	return err
}

// returnPath accepts a page of the console, else its home. The letters that it lets through cannot form the address of
// another host, a step up, a header or markup.
func returnPath(to string) string {
	if len(to) > maxReturn || !strings.HasPrefix(to, consoleHome) || strings.Contains(to, "//") || strings.Contains(to, "..") {
		return consoleHome
	}
	path, _, _ := strings.Cut(to, "?")
	if path == signInPage || path == sessionPath || path == signOutPath {
		return consoleHome
	}
	for _, c := range []byte(to) {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !letter && !strings.ContainsRune("/-._~?&=", rune(c)) {
			return consoleHome
		}
	}
	return to
}

// serveSignOut is POST /console/signout.
func (a *Authority) serveSignOut(w http.ResponseWriter, r *http.Request) {
	if digest, err := a.presented(r); err == nil {
		if err := a.endSession(r.Context(), digest); err != nil {
			refuseWith(w, r, err)
			return
		}
	}
	a.setCookie(w, "")
	w.Header().Set("Location", signInPage)
	w.WriteHeader(http.StatusSeeOther)
}
