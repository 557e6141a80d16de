package access

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/ward-health/ward"
)

// forge writes a compact JWT with any header, payload and signer.
func forge(t testing.TB, header, payload map[string]any, sign func([]byte) []byte) string {
	t.Helper()
	part := func(v any) string {
		b, err := json.Marshal(v)
		must(t, err)
		return base64.RawURLEncoding.EncodeToString(b)
	}
	input := part(header) + "." + part(payload)
	return input + "." + base64.RawURLEncoding.EncodeToString(sign([]byte(input)))
}

// es signs as ES256 or ES384 does, by the curve.
func es(t testing.TB, key *ecdsa.PrivateKey) func([]byte) []byte {
	return func(input []byte) []byte {
		size, digest := 32, sum256(input)
		if key.Curve == elliptic.P384() {
			size, digest = 48, sum384(input)
		}
		r, s, err := ecdsa.Sign(rand.Reader, key, digest)
		must(t, err)
		out := make([]byte, 2*size)
		r.FillBytes(out[:size])
		s.FillBytes(out[size:])
		return out
	}
}

// nodeSign signs with the node's own token key.
func (w *world) nodeSign(input []byte) []byte {
	s, _, err := w.ring.Signer(w.ctx, "token", "ES256")
	must(w.t, err)
	out, err := opaque{signer: s}.SignPayload(input, "ES256")
	must(w.t, err)
	return out
}

func (w *world) header() map[string]any {
	return map[string]any{"alg": "ES256", "typ": "at+jwt", "kid": w.tokens.public.KeyID}
}

func (w *world) payload(sub, tenant string) map[string]any {
	now := time.Now()
	return map[string]any{"iss": testIssuer, "sub": sub, "aud": []string{testIssuer}, "client_id": operatorClient, "iat": now.Unix(),
		"exp": now.Add(time.Minute).Unix(), "jti": "x", "tenant": tenant, "purpose": "TREAT", "epoch": 1}
}

func TestTokenAuthenticates(t *testing.T) {
	each(t, func(w *world) {
		north := w.tenant("north")
		w.human("north", "nora", ward.Clinician, ward.Admin)
		who, purpose, err := w.Authenticate(w.ctx, w.token("north", "nora", ward.Emergency))
		must(t, err)
		if who.ID != "nora" || who.Tenant != north || who.Kind != ward.Human || !who.Has(ward.Admin) || purpose != ward.Emergency {
			t.Fatalf("got %+v, %s", who, purpose)
		}
	})
}

func TestTokenLives(t *testing.T) {
	w := onSQLite(t)
	w.tenant("north")
	w.human("north", "nora", ward.Clinician)
	_, err := w.AddPrincipal(w.ctx, w.operator("north", AdminPrincipal), ward.Principal{ID: "feed", Kind: ward.Service, Name: "Feed", Roles: []ward.Role{ward.Integration}})
	must(t, err)
	for id, want := range map[ward.PrincipalID]time.Duration{"nora": 15 * time.Minute, "feed": 5 * time.Minute} {
		token, expires, err := w.IssueToken(w.ctx, w.operator("north", TokenIssue), id, "")
		must(t, err)
		if left := time.Until(expires); left > want || left < want-5*time.Second {
			t.Errorf("%s: the token lives for %v, want %v", id, left, want)
		}
		for shift, ok := range map[time.Duration]bool{0: true, want + 20*time.Second: true, want + 31*time.Second: false, -29 * time.Second: true, -40 * time.Second: false} {
			_, err := w.tokens.verify(token, time.Now().Add(shift))
			if (err == nil) != ok {
				t.Errorf("%s at %v: %v, want ok %v", id, shift, err, ok)
			}
		}
	}
}

// TestTokenAttacks tries forged, foreign and altered tokens; the untouched one must pass, so that no case fails for
// another reason than its own.
func TestTokenAttacks(t *testing.T) {
	w := onSQLite(t)
	w.tenant("north")
	w.tenant("south")
	w.human("north", "nora", ward.Clinician)
	w.human("south", "sam", ward.Admin)
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	public, err := x509.MarshalPKIXPublicKey(w.tokens.public.Key)
	must(t, err)
	hs := func(key []byte) func([]byte) []byte {
		return func(in []byte) []byte { m := hmac.New(sha256.New, key); m.Write(in); return m.Sum(nil) }
	}
	type m = map[string]any
	with := func(base, change m) m {
		out := maps.Clone(base)
		for k, v := range change {
			if v == nil {
				delete(out, k)
			} else {
				out[k] = v
			}
		}
		return out
	}
	now := time.Now()
	good := forge(t, w.header(), w.payload("nora", "north"), w.nodeSign)
	if _, _, err := w.Authenticate(w.ctx, good); err != nil {
		t.Fatalf("the untouched token: %v", err)
	}
	parts := strings.Split(good, ".")
	tampered, err := json.Marshal(with(w.payload("nora", "north"), m{"sub": "sam", "tenant": "south"}))
	must(t, err)
	attacks := map[string]string{
		"empty":                 "",
		"rubbish":               "abc",
		"two parts":             parts[0] + "." + parts[1],
		"no signature":          parts[0] + "." + parts[1] + ".",
		"tampered payload":      parts[0] + "." + base64.RawURLEncoding.EncodeToString(tampered) + "." + parts[2],
		"alg none":              forge(t, with(w.header(), m{"alg": "none"}), w.payload("nora", "north"), func([]byte) []byte { return nil }),
		"alg none, signed":      forge(t, with(w.header(), m{"alg": "none"}), w.payload("nora", "north"), w.nodeSign),
		"alg None":              forge(t, with(w.header(), m{"alg": "None"}), w.payload("nora", "north"), w.nodeSign),
		"HS256 with public key": forge(t, with(w.header(), m{"alg": "HS256"}), w.payload("nora", "north"), hs(public)),
		"ES384 claimed":         forge(t, with(w.header(), m{"alg": "ES384"}), w.payload("nora", "north"), w.nodeSign),
		"other key":             forge(t, w.header(), w.payload("nora", "north"), es(t, other)),
		"other kid":             forge(t, with(w.header(), m{"kid": "x"}), w.payload("nora", "north"), w.nodeSign),
		"no kid":                forge(t, with(w.header(), m{"kid": nil}), w.payload("nora", "north"), w.nodeSign),
		"embedded key": forge(t, with(w.header(), m{"jwk": m{"kty": "EC", "crv": "P-256",
			"x": base64.RawURLEncoding.EncodeToString(other.X.FillBytes(make([]byte, 32))),
			"y": base64.RawURLEncoding.EncodeToString(other.Y.FillBytes(make([]byte, 32)))}}), w.payload("nora", "north"), es(t, other)),
		"jku":               forge(t, with(w.header(), m{"jku": "https://evil.test/keys"}), w.payload("nora", "north"), w.nodeSign),
		"crit":              forge(t, with(w.header(), m{"crit": []string{"exp"}}), w.payload("nora", "north"), w.nodeSign),
		"typ JWT":           forge(t, with(w.header(), m{"typ": "JWT"}), w.payload("nora", "north"), w.nodeSign),
		"no typ":            forge(t, with(w.header(), m{"typ": nil}), w.payload("nora", "north"), w.nodeSign),
		"other issuer":      forge(t, w.header(), with(w.payload("nora", "north"), m{"iss": "https://evil.test"}), w.nodeSign),
		"other audience":    forge(t, w.header(), with(w.payload("nora", "north"), m{"aud": []string{"https://evil.test"}}), w.nodeSign),
		"two audiences":     forge(t, w.header(), with(w.payload("nora", "north"), m{"aud": []string{testIssuer, "https://evil.test"}}), w.nodeSign),
		"no audience":       forge(t, w.header(), with(w.payload("nora", "north"), m{"aud": nil}), w.nodeSign),
		"expired":           forge(t, w.header(), with(w.payload("nora", "north"), m{"exp": now.Add(-31 * time.Second).Unix()}), w.nodeSign),
		"no exp":            forge(t, w.header(), with(w.payload("nora", "north"), m{"exp": nil}), w.nodeSign),
		"exp text":          forge(t, w.header(), with(w.payload("nora", "north"), m{"exp": "tomorrow"}), w.nodeSign),
		"not before":        forge(t, w.header(), with(w.payload("nora", "north"), m{"nbf": now.Add(time.Minute).Unix()}), w.nodeSign),
		"from the future":   forge(t, w.header(), with(w.payload("nora", "north"), m{"iat": now.Add(time.Minute).Unix()}), w.nodeSign),
		"no jti":            forge(t, w.header(), with(w.payload("nora", "north"), m{"jti": nil}), w.nodeSign),
		"no client":         forge(t, w.header(), with(w.payload("nora", "north"), m{"client_id": nil}), w.nodeSign),
		"unknown client":    forge(t, w.header(), with(w.payload("nora", "north"), m{"client_id": "nobody"}), w.nodeSign),
		"unknown principal": forge(t, w.header(), w.payload("nobody", "north"), w.nodeSign),
		"unknown tenant":    forge(t, w.header(), w.payload("nora", "nowhere"), w.nodeSign),
		"other tenant":      forge(t, w.header(), w.payload("nora", "south"), w.nodeSign),
		"operator":          forge(t, w.header(), w.payload("operator:0", "north"), w.nodeSign),
		"epoch ahead":       forge(t, w.header(), with(w.payload("nora", "north"), m{"epoch": 2}), w.nodeSign),
		"epoch absent":      forge(t, w.header(), with(w.payload("nora", "north"), m{"epoch": nil}), w.nodeSign),
		"upper-case claim":  forge(t, w.header(), with(w.payload("nora", "north"), m{"sub": nil, "SUB": "nora"}), w.nodeSign),
		"too long":          forge(t, w.header(), with(w.payload("nora", "north"), m{"x": strings.Repeat("x", maxToken)}), w.nodeSign),
		"JSON form":         `{"protected":"` + parts[0] + `","payload":"` + parts[1] + `","signature":"` + parts[2] + `"}`,
	}
	for name, token := range attacks {
		t.Run(name, func(t *testing.T) {
			who, _, err := w.Authenticate(w.ctx, token)
			wantKind(t, err, ward.Unauthentic)
			if who.ID != "" {
				t.Fatal("a refused token still names a principal")
			}
			if text := ward.PublicText(err); len(token) > 10 && strings.Contains(text, token[:10]) {
				t.Fatal("the error repeats the token")
			}
		})
	}
}

// A disabled tenant or principal is out at the next request, on this node at once and on another within a second.
func TestDisableEndsTokensAtOnce(t *testing.T) {
	each(t, func(w *world) {
		w.tenant("north")
		w.tenant("south")
		w.human("north", "nora", ward.Clinician)
		w.human("south", "sam", ward.Clinician)
		nora, sam := w.token("north", "nora", ""), w.token("south", "sam", "")
		node2, err := New(w.ctx, Config{Issuer: testIssuer}, w.db, w.ring, w.log)
		must(t, err)
		for _, a := range []*Authority{w.Authority, node2} {
			for _, token := range []string{nora, sam} {
				_, _, err := a.Authenticate(w.ctx, token)
				must(t, err)
			}
		}
		must(t, w.DisablePrincipal(w.ctx, w.operator("north", AdminPrincipal), "nora"))
		_, _, err = w.Authenticate(w.ctx, nora)
		wantKind(t, err, ward.Unauthentic)
		must(t, w.DisableTenant(w.ctx, w.operator("", AdminTenant), "south"))
		_, _, err = w.Authenticate(w.ctx, sam)
		wantKind(t, err, ward.Unauthentic)
		if w.db.Engine() == "sqlite" {
			return // two processes never hold one directory, so there is no second node
		}
		deadline, done := context.WithTimeout(w.ctx, time.Minute)
		defer done()
		start := time.Now()
		for _, token := range []string{nora, sam} {
			for {
				asked := time.Now()
				if _, _, err := node2.Authenticate(deadline, token); err != nil {
					wantKind(t, err, ward.Unauthentic)
					break
				}
				if asked.Sub(start) > 1500*time.Millisecond {
					t.Fatal("another node still accepts the token")
				}
			}
		}
	})
}

// A reader that read before the change and stores after it must not bring the old state back.
func TestCacheDoesNotKeepWhatWasReadBeforeForget(t *testing.T) {
	var c cache[string, int]
	v, err := c.get("k", func() (int, error) {
		c.forget() // the change commits while this read is under way
		return 1, nil
	})
	if v != 1 || err != nil {
		t.Fatal(v, err)
	}
	if v, _ = c.get("k", func() (int, error) { return 2, nil }); v != 2 {
		t.Fatal("the value read before the change was kept")
	}
	if v, _ = c.get("k", func() (int, error) { return 3, nil }); v != 2 {
		t.Fatal("nothing is kept")
	}
}
