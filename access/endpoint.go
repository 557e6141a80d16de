package access

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/audit"
	"github.com/ward-health/ward/engine/db"
)

// maxForm bounds the body of a token request.
const maxForm = 32 << 10

// The grant types.
const (
	grantClient  = "client_credentials"
	grantOneTime = "urn:ward:params:oauth:grant-type:one-time-code"
	jwtBearer    = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
)

// The paths of the authorization server.
const (
	tokenPath    = "/oauth/token"
	linkPath     = "/oauth/link"
	keysPath     = "/oauth/jwks.json"
	metadataPath = "/.well-known/oauth-authorization-server"
)

// oauthError is an error of the token endpoint. The description never repeats what was sent.
//
// SPEC(RFC 6749 5.2): error is one of a fixed list; 400, or 401 for invalid_client.
type oauthError struct {
	status      int
	Code        string `json:"error"`
	Description string `json:"error_description"`
	cause       error  // for the operator; it stays with the caller of the function that made it
}

// Error implements error.
func (e *oauthError) Error() string {
	if e.cause != nil {
		return e.Code + ": " + e.cause.Error()
	}
	return e.Code + ": " + e.Description
}

// Unwrap returns the cause.
func (e *oauthError) Unwrap() error { return e.cause }

func refuse(code, description string, cause error) *oauthError {
	status := http.StatusBadRequest
	if code == "invalid_client" {
		status = http.StatusUnauthorized
	}
	return &oauthError{status, code, description, cause}
}

// tokenAnswer is a successful answer.
//
// SPEC(RFC 6749 5.1): access_token, token_type and expires_in; no-store and no-cache.
type tokenAnswer struct {
	AccessToken string `json:"access_token"`
	TokenType   string `json:"token_type"`
	ExpiresIn   int64  `json:"expires_in"`
}

// serveToken is POST /oauth/token.
func (a *Authority) serveToken(w http.ResponseWriter, r *http.Request) {
	source := sourceOf(r)
	if !a.limit.allow(source, a.now()) {
		w.Header().Set("Retry-After", "60")
		writeOAuth(w, http.StatusTooManyRequests, &oauthError{Code: "temporarily_unavailable", Description: "too many failed attempts from this address; wait a minute"})
		return
	}
	answer, err := a.token(w, r)
	if err == nil {
		writeOAuth(w, http.StatusOK, answer)
		return
	}
	var refused *oauthError
	if errors.As(err, &refused) {
		a.limit.failed(source, a.now())
		a.log.Unauthenticated(source)
		writeOAuth(w, refused.status, refused)
		return
	}
	writeOAuth(w, http.StatusServiceUnavailable, &oauthError{Code: "temporarily_unavailable", Description: "the node cannot issue tokens now; try again"})
}

// token reads the form and dispatches on the grant type.
func (a *Authority) token(w http.ResponseWriter, r *http.Request) (tokenAnswer, error) {
	form, err := readForm(w, r)
	if err != nil {
		return tokenAnswer{}, err
	}
	// A token of Ward carries all that its principal may do; to hand one out for a narrower scope would be a lie.
	if form.Get("scope") != "" {
		return tokenAnswer{}, refuse("invalid_scope", "this server grants no scopes; leave scope out", nil)
	}
	switch form.Get("grant_type") {
	case grantClient:
		return a.grantClient(r.Context(), form)
	case grantOneTime:
		return a.grantOneTime(r.Context(), form.Get("code"))
	case "":
		return tokenAnswer{}, refuse("invalid_request", "grant_type is missing", nil)
	}
	return tokenAnswer{}, refuse("unsupported_grant_type", "grant_type must be "+grantClient+" or "+grantOneTime, nil)
}

// readForm accepts one bounded form without repeated parameters.
//
// SPEC(RFC 6749 3.2): parameters must not be included more than once; the query is not read.
func readForm(w http.ResponseWriter, r *http.Request) (url.Values, error) {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != "application/x-www-form-urlencoded" {
		return nil, refuse("invalid_request", "the body must be application/x-www-form-urlencoded", err)
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxForm))
	if err != nil {
		return nil, refuse("invalid_request", "the body is too large or was cut off", err)
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, refuse("invalid_request", "the body is not a form", nil)
	}
	for _, values := range form {
		if len(values) != 1 {
			return nil, refuse("invalid_request", "a parameter is repeated", nil)
		}
	}
	return form, nil
}

// grantClient answers client_credentials with private_key_jwt (RFC 7523, SMART backend services).
func (a *Authority) grantClient(ctx context.Context, form url.Values) (tokenAnswer, error) {
	bad := func(why error) (tokenAnswer, error) {
		return tokenAnswer{}, refuse("invalid_client", "the client assertion is not valid; SMART App Launch 2.2 (asymmetric authentication) says what it must hold", why)
	}
	if form.Get("client_assertion_type") != jwtBearer || form.Get("client_assertion") == "" {
		return tokenAnswer{}, refuse("invalid_client", "client_assertion_type must be "+jwtBearer+", with a client_assertion", nil)
	}
	as, err := parseAssertion(form.Get("client_assertion"))
	if err != nil {
		return bad(err)
	}
	if id := form.Get("client_id"); id != "" && id != as.client {
		return bad(errors.New("client_id is not the issuer of the assertion"))
	}
	c, err := a.dir.client(ctx, as.client)
	if ward.KindOf(err) == ward.NotFound || err == nil && c.Disabled {
		return bad(errors.New("unknown or disabled client"))
	}
	if err != nil {
		return tokenAnswer{}, err
	}
	jti, exp, err := as.verify(c.JWKS, []string{a.issuer + tokenPath, a.issuer}, a.now())
	if err != nil {
		return bad(err)
	}
	g, err := a.redeemAssertion(ctx, c, jti, exp)
	if err != nil {
		if kind := ward.KindOf(err); kind == ward.Conflict || kind == ward.NotFound || kind == ward.Denied {
			return bad(err)
		}
		return tokenAnswer{}, err
	}
	return a.answer(g)
}

// redeemAssertion takes the jti once and records the token, in one transaction.
func (a *Authority) redeemAssertion(ctx context.Context, c client, jti string, exp time.Time) (g grantee, err error) {
	entry, err := a.log.Prepare(ctx, audit.Intent{Tenant: c.tn, Actor: c.Principal, Act: audit.ActTokenIssue, Purpose: c.Purpose,
		Outcome: audit.Done, Request: ward.NewID(), Policy: a.policies.Hash(), Note: "client " + c.ID})
	if err != nil {
		return g, err
	}
	hash := sha256.Sum256([]byte(jti))
	now := a.now()
	err = a.db.Write(ctx, c.tn, func(tx *db.Tx) error {
		if _, err := tx.Exec(ctx, `DELETE FROM access_jti WHERE tn = $1 AND client = $2 AND expires_us < $3`,
			int64(c.tn), c.ID, now.UnixMicro()); err != nil {
			return err
		}
		// One conditional statement decides who was first; there is no look before it.
		n, err := tx.Exec(ctx, `INSERT INTO access_jti (tn, client, jti, expires_us) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`,
			int64(c.tn), c.ID, hash[:], exp.Add(2*skew).UnixMicro())
		if err != nil {
			return err
		}
		if n != 1 {
			return ward.E(ward.Conflict, "access.token", "the assertion was used before", nil)
		}
		if g, err = activeGrantee(ctx, tx, c.tn, c.Principal); err != nil {
			return err
		}
		fresh, err := readClient(ctx, tx, c.ID)
		if err != nil {
			return err
		}
		if fresh.Disabled || fresh.tn != c.tn || fresh.Principal != c.Principal {
			return ward.E(ward.Denied, "access.token", "the client is disabled", nil)
		}
		g.purpose, g.client, g.clientEpoch = fresh.Purpose, fresh.ID, fresh.epoch
		_, err = a.log.Enter(ctx, tx, entry)
		return err
	})
	return g, err
}

// activeGrantee reads a principal for whom a token may be made; a disabled one, or of a disabled tenant, is ward.Denied.
func activeGrantee(ctx context.Context, tx *db.Tx, tn db.Tenant, id ward.PrincipalID) (grantee, error) {
	p, err := readPerson(ctx, tx, tn, id)
	if err != nil {
		return grantee{}, err
	}
	var slug string
	ok, err := tx.Get(ctx, `SELECT id FROM access_tenant WHERE tn = $1`, []any{int64(tn)}, &slug)
	if err != nil || !ok {
		return grantee{}, missing(err, "there is no such tenant")
	}
	if p.who.Tenant, err = readTenant(ctx, tx, ward.TenantID(slug)); err != nil {
		return grantee{}, err
	}
	if !p.active || p.who.Tenant.Disabled {
		return grantee{}, ward.E(ward.Denied, "access.token", "the principal or its tenant is disabled", nil)
	}
	return grantee{person: p}, nil
}

// grantOneTime redeems a sign-in code of a human.
func (a *Authority) grantOneTime(ctx context.Context, code string) (tokenAnswer, error) {
	var g grantee
	c, err := a.readCode(ctx, code)
	if err == nil {
		g, err = a.redeemCode(ctx, c, audit.ActTokenIssue, func(*db.Tx, grantee) error { return nil })
	}
	switch ward.KindOf(err) {
	case ward.NotFound, ward.Conflict, ward.Denied:
		return tokenAnswer{}, refuse("invalid_grant", "the code is unknown, used or older than 15 minutes; ask an administrator for a new one", err)
	}
	if err != nil {
		return tokenAnswer{}, err
	}
	return a.answer(g)
}

func (a *Authority) answer(g grantee) (tokenAnswer, error) {
	now := a.now()
	token, expires, err := a.tokens.sign(g, now)
	if err != nil {
		return tokenAnswer{}, err
	}
	return tokenAnswer{token, "Bearer", int64(expires.Sub(now) / time.Second)}, nil
}

// writeOAuth writes a JSON answer of the token endpoint.
//
// SPEC(RFC 6749 5.1): Cache-Control: no-store and Pragma: no-cache stand on every answer that may hold a token.
func writeOAuth(w http.ResponseWriter, status int, v any) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("Pragma", "no-cache")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // a client that has gone is nobody's error
}
