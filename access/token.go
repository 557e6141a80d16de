package access

import (
	"context"
	"crypto"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/engine/keys"
)

// Lives and bounds of tokens.
const (
	humanLife   = 15 * time.Minute
	serviceLife = 5 * time.Minute
	skew        = 30 * time.Second
	maxToken    = 4096 // bytes of an access token
)

// tokenType is the JOSE typ of access tokens.
//
// SPEC(RFC 9068 2.1): the header's typ is at+jwt, so that no other JWT passes for an access token.
const tokenType = "at+jwt"

// The client ids of tokens that no registered client asked for. Registered ids never begin so.
const (
	reservedClient = "ward-"
	linkClient     = "ward-link"     // one-time code
	operatorClient = "ward-operator" // issued on behalf of an operator
)

// claims is the payload of an access token.
//
// SPEC(RFC 9068 2.2): iss, exp, aud, sub, client_id, iat and jti are required.
type claims struct {
	Issuer      string           `json:"iss"`
	Subject     string           `json:"sub"`
	Audience    jwt.Audience     `json:"aud"`
	ClientID    string           `json:"client_id"`
	IssuedAt    *jwt.NumericDate `json:"iat"`
	NotBefore   *jwt.NumericDate `json:"nbf,omitempty"`
	Expiry      *jwt.NumericDate `json:"exp"`
	ID          string           `json:"jti"`
	Tenant      string           `json:"tenant"`
	Purpose     string           `json:"purpose"`
	Epoch       int64            `json:"epoch"`                  // of the principal
	ClientEpoch int64            `json:"client_epoch,omitempty"` // of the registered client
}

// tokens signs and verifies access tokens with the node's token key.
type tokens struct {
	issuer string
	public jose.JSONWebKey
	signer jose.Signer
}

func newTokens(ctx context.Context, r Keyring, issuer string) (*tokens, error) {
	s, der, err := r.Signer(ctx, "token", keys.ES256)
	if err != nil {
		return nil, err
	}
	public, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return nil, ward.E(ward.Internal, "access.tokens", "the token key's public part cannot be read", err)
	}
	jwk := jose.JSONWebKey{Key: public, Algorithm: string(jose.ES256), Use: "sig"}
	print, err := jwk.Thumbprint(crypto.SHA256) // RFC 7638
	if err != nil {
		return nil, ward.E(ward.Internal, "access.tokens", "the token key has no thumbprint", err)
	}
	jwk.KeyID = base64.RawURLEncoding.EncodeToString(print)
	opts := (&jose.SignerOptions{}).WithType(tokenType)
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: opaque{s, &jwk}}, opts)
	if err != nil {
		return nil, ward.E(ward.Internal, "access.tokens", "the token key cannot sign", err)
	}
	return &tokens{issuer: issuer, public: jwk, signer: signer}, nil
}

// opaque lets go-jose sign with a key that it never sees.
type opaque struct {
	signer keys.Signer
	public *jose.JSONWebKey
}

// Public implements jose.OpaqueSigner.
func (o opaque) Public() *jose.JSONWebKey { return o.public }

// Algs implements jose.OpaqueSigner.
func (o opaque) Algs() []jose.SignatureAlgorithm { return []jose.SignatureAlgorithm{jose.ES256} }

// SignPayload implements jose.OpaqueSigner.
func (o opaque) SignPayload(payload []byte, alg jose.SignatureAlgorithm) ([]byte, error) {
	if alg != jose.ES256 {
		return nil, jose.ErrUnsupportedAlgorithm
	}
	der, err := o.signer.Sign(payload)
	if err != nil {
		return nil, err
	}
	return keys.P1363(der)
}

// lifeOf returns how long a token of the principal lives.
func lifeOf(p ward.Principal) time.Duration {
	if p.Kind == ward.Human {
		return humanLife
	}
	return serviceLife
}

// grantee is whom a token is made for.
type grantee struct {
	person
	purpose     ward.Purpose
	client      string
	clientEpoch int64
}

// sign makes a token.
func (t *tokens) sign(g grantee, now time.Time) (string, time.Time, error) {
	expires := now.Add(lifeOf(g.who)).Truncate(time.Second)
	token, err := jwt.Signed(t.signer).Claims(claims{
		Issuer: t.issuer, Subject: string(g.who.ID), Audience: jwt.Audience{t.issuer}, ClientID: g.client,
		IssuedAt: jwt.NewNumericDate(now), Expiry: jwt.NewNumericDate(expires), ID: ward.NewID().String(),
		Tenant: string(g.who.Tenant.ID), Purpose: string(g.purpose), Epoch: g.epoch, ClientEpoch: g.clientEpoch,
	}).Serialize()
	if err != nil {
		return "", time.Time{}, ward.E(ward.Internal, "access.sign", "the token cannot be signed", err)
	}
	return token, expires, nil
}

// verify checks form, signature and times of a token, nothing about who holds it. The error says why, for the operator.
//
// SPEC(RFC 9068 4): typ, iss, aud, signature and exp are checked; SPEC(RFC 8725 3.1): with one algorithm and one key.
func (t *tokens) verify(token string, now time.Time) (claims, error) {
	if len(token) > maxToken {
		return claims{}, errors.New("longer than any token of this node")
	}
	parsed, err := jwt.ParseSigned(token, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		return claims{}, fmt.Errorf("not a signed token: %w", err)
	}
	if err := t.checkHeader(parsed.Headers); err != nil {
		return claims{}, err
	}
	var c claims
	if err := parsed.Claims(t.public.Key, &c); err != nil {
		return claims{}, fmt.Errorf("signature or payload: %w", err)
	}
	if c.Issuer != t.issuer || !slices.Equal(c.Audience, jwt.Audience{t.issuer}) {
		return claims{}, errors.New("of another issuer or audience")
	}
	if c.Subject == "" || c.Tenant == "" || c.ClientID == "" || c.ID == "" || c.IssuedAt == nil {
		return claims{}, errors.New("a required claim is absent")
	}
	return c, checkTimes(c.Expiry, c.NotBefore, c.IssuedAt, now)
}

// checkHeader accepts exactly the header that sign writes.
func (t *tokens) checkHeader(hs []jose.Header) error {
	if len(hs) != 1 {
		return errors.New("not exactly one signature")
	}
	h := hs[0]
	typ, _ := h.ExtraHeaders[jose.HeaderType].(string)
	if h.Algorithm != string(jose.ES256) || h.KeyID != t.public.KeyID || typ != tokenType || h.JSONWebKey != nil || h.Nonce != "" || len(h.ExtraHeaders) != 1 {
		return errors.New("not the header of an access token of this node")
	}
	return nil
}

// checkTimes demands exp and allows for 30 s of skew.
func checkTimes(exp, nbf, iat *jwt.NumericDate, now time.Time) error {
	switch {
	case exp == nil:
		return errors.New("exp is absent")
	case !now.Before(exp.Time().Add(skew)):
		return errors.New("expired")
	case nbf != nil && now.Add(skew).Before(nbf.Time()):
		return errors.New("not valid yet")
	case iat != nil && now.Add(skew).Before(iat.Time()):
		return errors.New("issued in the future")
	}
	return nil
}

// errToken is the one answer to every token that does not authenticate.
func errToken(why error) error {
	return ward.E(ward.Unauthentic, "access.authenticate", "the access token is not valid or has ended; ask for a new one", why)
}

// Authenticate resolves an access token to its principal and purpose of use. A token that is forged, expired, of another
// node, or whose tenant, principal or client was disabled since is ward.Unauthentic; other errors mean that it could not
// be found out.
func (a *Authority) Authenticate(ctx context.Context, bearer string) (ward.Principal, ward.Purpose, error) {
	c, err := a.tokens.verify(bearer, a.now())
	if err != nil {
		return ward.Principal{}, "", errToken(err)
	}
	t, err := a.dir.tenant(ctx, ward.TenantID(c.Tenant))
	if err != nil {
		return ward.Principal{}, "", unknownIs(err)
	}
	p, err := a.dir.person(ctx, t, ward.PrincipalID(c.Subject))
	if err != nil {
		return ward.Principal{}, "", unknownIs(err)
	}
	if t.Disabled || !p.active || p.epoch != c.Epoch {
		return ward.Principal{}, "", errToken(errors.New("tenant or principal disabled"))
	}
	if !strings.HasPrefix(c.ClientID, reservedClient) {
		if err := a.checkClient(ctx, c, p); err != nil {
			return ward.Principal{}, "", err
		}
	}
	who := p.who
	who.Roles = slices.Clone(who.Roles)
	who.Borrowed = c.ClientID == operatorClient
	return who, ward.Purpose(c.Purpose), nil
}

// checkClient refuses tokens of a client that has ended.
func (a *Authority) checkClient(ctx context.Context, c claims, p person) error {
	cl, err := a.dir.client(ctx, c.ClientID)
	if err != nil {
		return unknownIs(err)
	}
	if cl.Disabled || cl.epoch != c.ClientEpoch || int64(cl.tn) != p.who.Tenant.Number || cl.Principal != p.who.ID {
		return errToken(errors.New("client disabled"))
	}
	return nil
}

// unknownIs turns NotFound into Unauthentic.
func unknownIs(err error) error {
	if ward.KindOf(err) == ward.NotFound {
		return errToken(err)
	}
	return err
}

// jwks is the document of public keys.
func (t *tokens) jwks() ([]byte, error) {
	return json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{t.public}})
}
