package access

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/audit"
	"github.com/ward-health/ward/engine/db"
)

// Lives of a session.
//
// SPEC(45 CFR 164.312(a)(2)(iii)): a session ends by itself after a time without activity.
// SPEC(NIST SP 800-63B-4 2.2.3): at AAL2 there is an overall time-out of at most 24 hours and an idle one of at most one.
const (
	sessionIdle  = 30 * time.Minute
	sessionLife  = 12 * time.Hour
	sessionTouch = time.Minute // a request within this time of the newest that was written down is not written down
)

// sessionBytes is the length of a session's secret.
const sessionBytes = 32

// session is a live row of access_session with its principal.
type session struct {
	digest [32]byte
	who    ward.Principal
	seen   time.Time
}

// cookieName is the name of the session cookie. With TLS its prefix makes the browser refuse it from another host of the
// domain and over plain HTTP; plain HTTP is for loopback only, where browsers take no such cookie.
//
// SPEC(RFC 6265bis 4.1.3.2): a __Host- cookie is Secure, has Path=/ and no Domain.
func (a *Authority) cookieName() string {
	if a.secure() {
		return "__Host-ward-session"
	}
	return "ward-session"
}

// secure reports whether clients reach the node by TLS.
func (a *Authority) secure() bool { return strings.HasPrefix(a.issuer, "https://") }

// setCookie gives the browser a session's secret; "" takes it away. It has no lifetime of its own: it ends with the browser.
func (a *Authority) setCookie(w http.ResponseWriter, secret string) {
	c := &http.Cookie{Name: a.cookieName(), Value: secret, Path: "/", Secure: a.secure(), HttpOnly: true, SameSite: http.SameSiteStrictMode} //nolint:gosec // G124: insecure only where loopback was chosen
	if secret == "" {
		c.MaxAge = -1
	}
	http.SetCookie(w, c)
}

// presented returns the digest of the secret that a request carries. Two cookies of the name, or one that is not of the
// form, are no session: somebody else may have set one of them.
func (a *Authority) presented(r *http.Request) ([32]byte, error) {
	cookies := r.CookiesNamed(a.cookieName())
	if len(cookies) == 0 {
		return [32]byte{}, errSession(http.ErrNoCookie)
	}
	secret, err := base64.RawURLEncoding.Strict().DecodeString(cookies[0].Value)
	if err != nil || len(secret) != sessionBytes || len(cookies) != 1 || cookies[0].Quoted {
		return [32]byte{}, errSession(errors.New("not one session cookie"))
	}
	return a.sessions.Sum(secret), nil
}

// errSession is the one answer to every session that does not authenticate.
func errSession(why error) error {
	return ward.E(ward.Unauthentic, "access.session", "no session lasts here; sign in", why)
}

// newSession keeps a session of a principal and returns its secret: 256 random bits, of which the database has a keyed
// digest only. Sessions of the tenant that have ended are removed.
func (a *Authority) newSession(ctx context.Context, tx *db.Tx, g grantee) (string, error) {
	tn, now := g.who.Tenant.Number, a.now()
	if _, err := tx.Exec(ctx, `DELETE FROM access_session WHERE tn = $1 AND (made_us <= $2 OR seen_us <= $3)`,
		tn, now.Add(-sessionLife).UnixMicro(), now.Add(-sessionIdle).UnixMicro()); err != nil {
		return "", err
	}
	secret := make([]byte, sessionBytes)
	rand.Read(secret)
	digest := a.sessions.Sum(secret)
	err := tx.Insert(ctx, "access_session", []string{"tn", "digest", "principal", "epoch", "made_us", "seen_us"},
		[][]any{{tn, digest[:], string(g.who.ID), g.epoch, now.UnixMicro(), now.UnixMicro()}})
	return base64.RawURLEncoding.EncodeToString(secret), err
}

// session finds a session that lasts. Nothing is remembered between requests: what ends a session, on whatever node, ends
// it for the next request. One that is unknown or has ended, or whose principal or tenant is disabled, is ward.Unauthentic.
//
// The look-up is by a digest under a key that nobody outside has, so its time says nothing about a secret.
func (a *Authority) session(ctx context.Context, digest [32]byte) (s session, err error) {
	err = a.db.Read(ctx, db.System, func(tx *db.Tx) error {
		var tn, epoch, made, seen int64
		var id string
		ok, err := tx.Get(ctx, `SELECT tn, principal, epoch, made_us, seen_us FROM access_session WHERE digest = $1`,
			[]any{digest[:]}, &tn, &id, &epoch, &made, &seen)
		if err != nil || !ok {
			return missing(err, "there is no such session")
		}
		g, err := activeGrantee(ctx, tx, db.Tenant(tn), ward.PrincipalID(id))
		if err != nil {
			return err
		}
		now := a.now()
		s = session{digest, g.who, time.UnixMicro(seen)}
		if g.epoch != epoch || g.who.Kind != ward.Human || !now.Before(time.UnixMicro(made).Add(sessionLife)) || !now.Before(s.seen.Add(sessionIdle)) {
			return ward.E(ward.Denied, "access.session", "the session has ended", nil)
		}
		return nil
	})
	if kind := ward.KindOf(err); err != nil && (kind == ward.NotFound || kind == ward.Denied) {
		return session{}, errSession(err)
	}
	return s, err
}

// touch writes down that somebody is still there. It brings back no session that ended meanwhile.
func (a *Authority) touch(ctx context.Context, s session) error {
	now := a.now()
	if now.Before(s.seen.Add(sessionTouch)) {
		return nil
	}
	tn := s.who.Tenant.Number
	return a.db.Write(ctx, db.Tenant(tn), func(tx *db.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE access_session SET seen_us = $1 WHERE tn = $2 AND digest = $3 AND seen_us < $4`,
			now.UnixMicro(), tn, s.digest[:], now.UnixMicro())
		return err
	})
}

// endSession ends a session with its entry. One that has ended already leaves nothing to do and no entry.
func (a *Authority) endSession(ctx context.Context, digest [32]byte) error {
	s, err := a.session(ctx, digest)
	if ward.KindOf(err) == ward.Unauthentic {
		return nil
	}
	if err != nil {
		return err
	}
	request := RequestID(ctx)
	if request.IsZero() {
		request = ward.NewID()
	}
	tn := db.Tenant(s.who.Tenant.Number)
	entry, err := a.log.Prepare(ctx, audit.Intent{Tenant: tn, Actor: s.who.ID, Act: audit.ActSignOut, Purpose: DefaultPurpose(s.who),
		Outcome: audit.Done, Request: request, Policy: a.policies.Hash(), Note: "session"})
	if err != nil {
		return err
	}
	return a.db.Write(ctx, tn, func(tx *db.Tx) error {
		n, err := tx.Exec(ctx, `DELETE FROM access_session WHERE tn = $1 AND digest = $2`, int64(tn), digest[:])
		if err != nil || n == 0 {
			return err
		}
		_, err = a.log.Enter(ctx, tx, entry)
		return err
	})
}

// cookie authenticates by the session cookie, for the principal's default purpose of use.
func (a *Authority) cookie(passive bool) authenticator {
	return func(w http.ResponseWriter, r *http.Request) (caller, error) {
		digest, err := a.presented(r)
		var s session
		if err == nil {
			s, err = a.session(r.Context(), digest)
		}
		if err == nil && !passive {
			err = a.touch(r.Context(), s)
		}
		if ward.KindOf(err) == ward.Unauthentic && err != nil {
			a.log.Unauthenticated(sourceOf(r))
			if !errors.Is(err, http.ErrNoCookie) {
				a.setCookie(w, "")
			}
		}
		if err != nil {
			return caller{}, err
		}
		s.who.Roles = slices.Clone(s.who.Roles)
		again := func(ctx context.Context) error {
			_, err := a.session(ctx, digest)
			return err
		}
		return caller{s.who, DefaultPurpose(s.who), again}, nil
	}
}
