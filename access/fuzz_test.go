package access

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/ward-health/ward"
)

// local signs with a key that never leaves the test.
type local struct{ key *ecdsa.PrivateKey }

func (l local) Sign(message []byte) ([]byte, error) {
	return ecdsa.SignASN1(rand.Reader, l.key, sum256(message))
}

// FuzzToken: nothing but a token of the node, unchanged, is believed.
func FuzzToken(f *testing.F) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(f, err)
	public := jose.JSONWebKey{Key: key.Public(), KeyID: "k", Algorithm: "ES256", Use: "sig"}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: opaque{local{key}, &public}}, (&jose.SignerOptions{}).WithType(tokenType))
	must(f, err)
	tk := &tokens{issuer: testIssuer, public: public, signer: signer}
	now := time.Now()
	g := grantee{person: person{who: ward.Principal{ID: "nora", Kind: ward.Human, Tenant: ward.Tenant{ID: "north"}}, epoch: 1}, purpose: ward.Treatment, client: linkClient}
	good, _, err := tk.sign(g, now)
	must(f, err)
	want, err := tk.verify(good, now)
	must(f, err)
	for _, seed := range []string{good, "", ".", "..", "a.b.c", `{"protected":"e30","payload":"e30","signature":""}`, good + ".", good[:len(good)-1], "eyJhbGciOiJub25lIn0.e30."} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := tk.verify(text, now)
		if err == nil && (c.Subject != want.Subject || c.ID != want.ID || c.Tenant != want.Tenant) {
			t.Fatalf("believed %q", text)
		}
	})
}

// FuzzAssertion: nothing but what the registered key signed is believed, and no text breaks the parser.
func FuzzAssertion(f *testing.F) {
	k := testKeys()
	jwks := jwksOf(f, jose.JSONWebKey{Key: k.ec.Public(), KeyID: "k"}, jose.JSONWebKey{Key: k.rsa.Public(), KeyID: "k"})
	payload := assertionPayload("feed")
	ecText := forge(f, map[string]any{"alg": "ES384", "typ": "JWT", "kid": "k"}, payload, es(f, k.ec))
	rsaText := forge(f, map[string]any{"alg": "RS384", "typ": "JWT", "kid": "k"}, payload, rs384(f, k.rsa))
	for _, seed := range []string{ecText, rsaText, "", "..", "a.b.c", ecText[:40], `{"payload":"e30","signatures":[]}`} {
		f.Add(seed)
	}
	now := time.Now()
	f.Fuzz(func(t *testing.T, text string) {
		as, err := parseAssertion(text)
		if err != nil {
			return
		}
		jti, _, err := as.verify(jwks, []string{testIssuer + tokenPath}, now)
		if err == nil && (jti != payload["jti"] || as.client != "feed") {
			t.Fatalf("believed %q", text)
		}
	})
}

// FuzzJWKS: what is accepted holds public keys of the two types only.
func FuzzJWKS(f *testing.F) {
	f.Add(jwksOf(f, jose.JSONWebKey{Key: testKeys().ec.Public(), KeyID: "k"}))
	f.Add(jwksOf(f, jose.JSONWebKey{Key: testKeys().ec, KeyID: "k"}))
	f.Add([]byte(`{"keys":[{"kty":"oct","k":"AAAA","kid":"k"}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		ks, err := parseJWKS(text)
		for _, k := range ks {
			if _, kerr := keyAlg(k); err == nil && (kerr != nil || !k.IsPublic() || !k.Valid()) {
				t.Fatalf("accepted %q", text)
			}
		}
	})
}
