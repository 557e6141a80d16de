package demo

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"time"
)

// serviceKey is the signing key of a service that signs in by private_key_jwt.
type serviceKey struct {
	kid string
	key *ecdsa.PrivateKey
}

func newServiceKey() (serviceKey, error) {
	k, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	return serviceKey{kid: "demo-1", key: k}, err
}

// jwks is the public half as the node registers it.
func (s serviceKey) jwks() (json.RawMessage, error) {
	point, err := s.key.PublicKey.Bytes()
	if err != nil {
		return nil, err
	}
	x, y := point[1:49], point[49:97]
	return json.Marshal(map[string]any{"keys": []map[string]any{{"kty": "EC", "crv": "P-384", "alg": "ES384", "use": "sig",
		"kid": s.kid, "key_ops": []string{"verify"}, "x": b64(x), "y": b64(y)}}})
}

// assertion is the signed statement by which a client shows who it is.
//
// SPEC(SMART App Launch 2.2 client-confidential-asymmetric): iss and sub are the client id, aud the token address, exp at
// most five minutes ahead, jti new each time.
func (s serviceKey) assertion(client, tokenURL string) (string, error) {
	head, err := json.Marshal(map[string]string{"alg": "ES384", "typ": "JWT", "kid": s.kid})
	if err != nil {
		return "", err
	}
	claims, err := json.Marshal(map[string]any{"iss": client, "sub": client, "aud": tokenURL, "jti": rand.Text(),
		"exp": time.Now().Add(4 * time.Minute).Unix()})
	if err != nil {
		return "", err
	}
	text := b64(head) + "." + b64(claims)
	digest := sha512.Sum384([]byte(text))
	r, sig, err := ecdsa.Sign(rand.Reader, s.key, digest[:])
	if err != nil {
		return "", err
	}
	// SPEC(RFC 7518 3.4): an ES384 signature is R and S as 48 big-endian bytes each, joined.
	raw := make([]byte, 96)
	r.FillBytes(raw[:48])
	sig.FillBytes(raw[48:])
	return text + "." + b64(raw), nil
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
