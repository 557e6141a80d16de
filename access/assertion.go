package access

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/ward-health/ward"
)

// Bounds of client keys and assertions.
const (
	maxJWKS          = 64 << 10
	maxClientKeys    = 10
	maxAssertion     = 16 << 10
	maxAssertionLife = 5 * time.Minute
	maxJTI           = 256
	minRSABits       = 2048
	maxRSABits       = 8192
)

// assertionAlgs is the allow-list.
//
// SPEC(SMART App Launch 2.2, Client authentication: asymmetric): servers support RS384 or ES384; Ward supports both.
var assertionAlgs = []jose.SignatureAlgorithm{jose.RS384, jose.ES384}

// parseJWKS reads a client's public keys and refuses everything that verification could stumble over later.
func parseJWKS(text []byte) ([]jose.JSONWebKey, error) {
	bad := func(what string, err error) ([]jose.JSONWebKey, error) {
		return nil, ward.E(ward.Invalid, "access.jwks", "the client's JWKS "+what, err).At("jwks")
	}
	if len(text) > maxJWKS {
		return bad(fmt.Sprintf("is larger than %d bytes", maxJWKS), nil)
	}
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(text, &set); err != nil {
		return bad("is not a JSON Web Key Set (RFC 7517)", err)
	}
	if len(set.Keys) == 0 || len(set.Keys) > maxClientKeys {
		return bad(fmt.Sprintf("must hold 1 to %d keys", maxClientKeys), nil)
	}
	seen := map[string]bool{}
	for _, k := range set.Keys {
		alg, err := keyAlg(k)
		if err != nil {
			return bad(err.Error(), nil)
		}
		name := string(alg) + "|" + k.KeyID
		if seen[name] {
			return bad("has two keys of one kid and key type", nil)
		}
		seen[name] = true
	}
	return set.Keys, nil
}

// keyAlg returns the one algorithm that a public key may verify.
func keyAlg(k jose.JSONWebKey) (jose.SignatureAlgorithm, error) {
	if k.KeyID == "" || len(k.KeyID) > 256 {
		return "", errors.New("has a key without a kid of 1 to 256 bytes")
	}
	if k.Use != "" && k.Use != "sig" {
		return "", errors.New("has a key that is not for signatures")
	}
	var alg jose.SignatureAlgorithm
	switch key := k.Key.(type) {
	case *rsa.PublicKey:
		if bits := key.N.BitLen(); bits < minRSABits || bits > maxRSABits {
			return "", fmt.Errorf("has an RSA key outside %d to %d bits", minRSABits, maxRSABits)
		}
		alg = jose.RS384
	case *ecdsa.PublicKey:
		if key.Curve != elliptic.P384() {
			return "", errors.New("has an EC key on another curve than P-384")
		}
		alg = jose.ES384
	default:
		return "", errors.New("may hold public RSA (RS384) and P-384 (ES384) keys only, no private or symmetric key")
	}
	if k.Algorithm != "" && k.Algorithm != string(alg) {
		return "", errors.New("has a key with an alg other than RS384 for RSA or ES384 for P-384")
	}
	return alg, nil
}

// assertion is a client assertion before its signature is checked.
type assertion struct {
	jwt    *jwt.JSONWebToken
	header jose.Header
	client string // what it claims; nothing is believed yet
}

// assertionClaims is the payload of a client assertion.
type assertionClaims struct {
	Issuer    string           `json:"iss"`
	Subject   string           `json:"sub"`
	Audience  jwt.Audience     `json:"aud"`
	Expiry    *jwt.NumericDate `json:"exp"`
	NotBefore *jwt.NumericDate `json:"nbf"`
	IssuedAt  *jwt.NumericDate `json:"iat"`
	ID        string           `json:"jti"`
}

// parseAssertion reads who claims to speak.
//
// SPEC(RFC 7523 3 and SMART App Launch 2.2): iss = sub = client_id; typ is JWT; kid names the key; keys come from the
// registration only, never from the header.
func parseAssertion(text string) (assertion, error) {
	if len(text) > maxAssertion {
		return assertion{}, errors.New("the assertion is too long")
	}
	parsed, err := jwt.ParseSigned(text, assertionAlgs)
	if err != nil {
		return assertion{}, err
	}
	if len(parsed.Headers) != 1 {
		return assertion{}, errors.New("not exactly one signature")
	}
	h := parsed.Headers[0]
	typ, _ := h.ExtraHeaders[jose.HeaderType].(string)
	if h.KeyID == "" || !strings.EqualFold(typ, "JWT") || h.JSONWebKey != nil {
		return assertion{}, errors.New("the header needs typ JWT and kid, and may not carry a key")
	}
	for _, name := range []jose.HeaderKey{"jku", "crit", "x5u", "b64"} {
		if _, there := h.ExtraHeaders[name]; there {
			return assertion{}, errors.New("the header names " + string(name) + ", which is not registered")
		}
	}
	var c assertionClaims
	if err := parsed.UnsafeClaimsWithoutVerification(&c); err != nil {
		return assertion{}, err
	}
	if c.Issuer == "" || c.Issuer != c.Subject {
		return assertion{}, errors.New("iss and sub must both be the client id")
	}
	return assertion{jwt: parsed, header: h, client: c.Issuer}, nil
}

// verify checks the assertion with the registered keys and returns jti and exp. Audiences are the token URL and the issuer.
func (as assertion) verify(jwks []byte, audiences []string, now time.Time) (jti string, exp time.Time, err error) {
	fail := func(why string) (string, time.Time, error) { return "", time.Time{}, errors.New(why) }
	registered, err := parseJWKS(jwks)
	if err != nil {
		return "", time.Time{}, err
	}
	key, err := as.pick(registered)
	if err != nil {
		return "", time.Time{}, err
	}
	var c assertionClaims
	if err := as.jwt.Claims(key.Key, &c); err != nil {
		return "", time.Time{}, err
	}
	if c.Issuer != as.client || c.Subject != as.client {
		return fail("iss and sub must both be the client id")
	}
	if !slices.ContainsFunc(audiences, c.Audience.Contains) {
		return fail("aud is neither the token URL nor the issuer")
	}
	if err := checkTimes(c.Expiry, c.NotBefore, c.IssuedAt, now); err != nil {
		return "", time.Time{}, err
	}
	// SPEC(SMART App Launch 2.2): exp is at most five minutes ahead; 30 s of skew are allowed for.
	if c.Expiry.Time().After(now.Add(maxAssertionLife + skew)) {
		return fail("exp is more than five minutes ahead")
	}
	if c.ID == "" || len(c.ID) > maxJTI {
		return fail("jti must have 1 to 256 bytes")
	}
	return c.ID, c.Expiry.Time(), nil
}

// pick finds the one key.
//
// SPEC(SMART App Launch 2.2): the server looks for the key whose kid and kty match; if there is not exactly one, it fails.
func (as assertion) pick(registered []jose.JSONWebKey) (found jose.JSONWebKey, err error) {
	n := 0
	for _, k := range registered {
		if alg, err := keyAlg(k); err == nil && k.KeyID == as.header.KeyID && string(alg) == as.header.Algorithm {
			found = k
			n++
		}
	}
	if n != 1 {
		return found, errors.New("not exactly one registered key has this kid and key type")
	}
	return found, nil
}
