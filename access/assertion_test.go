package access

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/audit"
)

func sum256(b []byte) []byte { s := sha256.Sum256(b); return s[:] }
func sum384(b []byte) []byte { s := sha512.Sum384(b); return s[:] }

var testKeys = sync.OnceValue(func() (k struct {
	ec  *ecdsa.PrivateKey
	rsa *rsa.PrivateKey
}) {
	k.ec, _ = ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	k.rsa, _ = rsa.GenerateKey(rand.Reader, 2048)
	return k
})

func rs384(t testing.TB, key *rsa.PrivateKey) func([]byte) []byte {
	return func(in []byte) []byte {
		s, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA384, sum384(in))
		must(t, err)
		return s
	}
}

func jwksOf(t testing.TB, ks ...jose.JSONWebKey) []byte {
	b, err := json.Marshal(jose.JSONWebKeySet{Keys: ks})
	must(t, err)
	return b
}

// feed adds a service with a client that has an EC and an RSA key of one kid.
func (w *world) feed(tenant ward.TenantID, id string) {
	w.t.Helper()
	_, err := w.AddPrincipal(w.ctx, w.operator(tenant, AdminPrincipal), ward.Principal{ID: ward.PrincipalID(id), Kind: ward.Service, Name: "Feed", Roles: []ward.Role{ward.Integration}})
	must(w.t, err)
	k := testKeys()
	must(w.t, w.AddClient(w.ctx, w.operator(tenant, AdminClient), Client{ID: id + "-client", Principal: ward.PrincipalID(id),
		JWKS: jwksOf(w.t, jose.JSONWebKey{Key: k.ec.Public(), KeyID: "k"}, jose.JSONWebKey{Key: k.rsa.Public(), KeyID: "k"})}))
}

func assertionPayload(client string) map[string]any {
	return map[string]any{"iss": client, "sub": client, "aud": testIssuer + tokenPath, "exp": time.Now().Add(5 * time.Minute).Unix(), "jti": ward.NewID().String()}
}

// post sends a form to the token endpoint from a source of its own, so that no test meets another's limit.
func (w *world) post(form url.Values) (*httptest.ResponseRecorder, map[string]any) {
	w.t.Helper()
	r := httptest.NewRequest("POST", tokenPath, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return w.send(r)
}

func (w *world) send(r *http.Request) (*httptest.ResponseRecorder, map[string]any) {
	w.t.Helper()
	w.limit = newLimiter()
	rec := httptest.NewRecorder()
	w.serveToken(rec, r)
	var body map[string]any
	must(w.t, json.Unmarshal(rec.Body.Bytes(), &body))
	if rec.Header().Get("Cache-Control") != "no-store" || rec.Header().Get("Pragma") != "no-cache" || rec.Header().Get("Content-Type") != "application/json" {
		w.t.Fatalf("headers %v", rec.Header())
	}
	return rec, body
}

// assertion returns a good form of feed-client.
func (w *world) assertion(t testing.TB) url.Values {
	return assertionForm(forge(t, map[string]any{"alg": "ES384", "typ": "JWT", "kid": "k"}, assertionPayload("feed-client"), es(t, testKeys().ec)))
}

func assertionForm(assertion string) url.Values {
	return url.Values{"grant_type": {grantClient}, "client_assertion_type": {jwtBearer}, "client_assertion": {assertion}}
}

func TestClientCredentials(t *testing.T) {
	each(t, func(w *world) {
		w.tenant("north")
		w.feed("north", "feed")
		for _, alg := range []string{"ES384", "RS384"} {
			sign := es(t, testKeys().ec)
			if alg == "RS384" {
				sign = rs384(t, testKeys().rsa)
			}
			rec, body := w.post(assertionForm(forge(t, map[string]any{"alg": alg, "typ": "JWT", "kid": "k"}, assertionPayload("feed-client"), sign)))
			if rec.Code != 200 || body["token_type"] != "Bearer" || body["expires_in"].(float64) < 290 {
				t.Fatalf("%s: %d %v", alg, rec.Code, body)
			}
			who, purpose, err := w.Authenticate(w.ctx, body["access_token"].(string))
			must(t, err)
			if who.ID != "feed" || who.Kind != ward.Service || purpose != ward.Treatment {
				t.Fatalf("%s: %+v %s", alg, who, purpose)
			}
		}
		if n := len(w.entries(audit.ActTokenIssue, audit.Done)); n != 2 {
			t.Fatalf("%d entries of two tokens", n)
		}
	})
}

func TestAssertionAttacks(t *testing.T) {
	w := onSQLite(t)
	w.tenant("north")
	w.feed("north", "feed")
	w.feed("north", "ended")
	w.feed("north", "gone")
	must(t, w.DisableClient(w.ctx, w.operator("north", AdminClient), "ended-client"))
	must(t, w.DisablePrincipal(w.ctx, w.operator("north", AdminPrincipal), "gone"))
	type m = map[string]any
	k := testKeys()
	strange, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	must(t, err)
	p256, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	head := m{"alg": "ES384", "typ": "JWT", "kid": "k"}
	now := time.Now()
	build := func(header, payload m) string {
		h, p := maps.Clone(head), assertionPayload("feed-client")
		for _, c := range []struct{ to, from m }{{h, header}, {p, payload}} {
			for key, v := range c.from {
				if v == nil {
					delete(c.to, key)
				} else {
					c.to[key] = v
				}
			}
		}
		return forge(t, h, p, es(t, k.ec))
	}
	if rec, body := w.post(assertionForm(build(nil, nil))); rec.Code != 200 {
		t.Fatalf("the untouched assertion: %d %v", rec.Code, body)
	}
	replayed := build(nil, nil)
	if rec, _ := w.post(assertionForm(replayed)); rec.Code != 200 {
		t.Fatal("the first use was refused")
	}
	attacks := map[string]string{
		"replayed":            replayed,
		"rubbish":             "a.b.c",
		"alg none":            forge(t, m{"alg": "none", "typ": "JWT", "kid": "k"}, assertionPayload("feed-client"), func([]byte) []byte { return nil }),
		"alg ES256":           forge(t, m{"alg": "ES256", "typ": "JWT", "kid": "k"}, assertionPayload("feed-client"), es(t, p256)),
		"alg swapped":         build(m{"alg": "RS384"}, nil),
		"PS384":               build(m{"alg": "PS384"}, nil),
		"other key":           forge(t, head, assertionPayload("feed-client"), es(t, strange)),
		"no kid":              build(m{"kid": nil}, nil),
		"other kid":           build(m{"kid": "z"}, nil),
		"typ at+jwt":          build(m{"typ": "at+jwt"}, nil),
		"no typ":              build(m{"typ": nil}, nil),
		"jku":                 build(m{"jku": "https://evil.test/jwks"}, nil),
		"embedded key":        build(m{"jwk": json.RawMessage(mustKey(t, strange))}, nil),
		"crit":                build(m{"crit": []string{"x"}}, nil),
		"iss is not sub":      build(nil, m{"sub": "ended-client"}),
		"no iss":              build(nil, m{"iss": nil}),
		"unknown client":      build(nil, m{"iss": "nobody", "sub": "nobody"}),
		"disabled client":     build(nil, m{"iss": "ended-client", "sub": "ended-client"}),
		"disabled principal":  build(nil, m{"iss": "gone-client", "sub": "gone-client"}),
		"wrong aud":           build(nil, m{"aud": "https://evil.test/oauth/token"}),
		"aud prefix":          build(nil, m{"aud": testIssuer + ".evil.test"}),
		"no aud":              build(nil, m{"aud": nil}),
		"expired":             build(nil, m{"exp": now.Add(-31 * time.Second).Unix()}),
		"exp too far":         build(nil, m{"exp": now.Add(5*time.Minute + 35*time.Second).Unix()}),
		"no exp":              build(nil, m{"exp": nil}),
		"iat in the future":   build(nil, m{"iat": now.Add(time.Minute).Unix()}),
		"nbf in the future":   build(nil, m{"nbf": now.Add(time.Minute).Unix()}),
		"no jti":              build(nil, m{"jti": nil}),
		"empty jti":           build(nil, m{"jti": ""}),
		"long jti":            build(nil, m{"jti": strings.Repeat("j", maxJTI+1)}),
		"own access token":    w.token("north", "feed", ward.Treatment),
		"too long":            build(nil, m{"x": strings.Repeat("x", maxAssertion)}),
		"tampered":            tamper(build(nil, nil)),
		"duplicate claim key": duplicate(t, k.ec),
	}
	for name, a := range attacks {
		t.Run(name, func(t *testing.T) {
			rec, body := w.post(assertionForm(a))
			if rec.Code != http.StatusUnauthorized || body["error"] != "invalid_client" || body["access_token"] != nil {
				t.Fatalf("%d %v", rec.Code, body)
			}
		})
	}
	good := []m{{"exp": now.Add(5*time.Minute + 20*time.Second).Unix()}, {"aud": testIssuer}, {"aud": []string{"https://x.test", testIssuer + tokenPath}}, {"iat": now.Unix()}}
	for _, change := range good {
		if rec, body := w.post(assertionForm(build(nil, change))); rec.Code != 200 {
			t.Errorf("%v: %d %v", change, rec.Code, body)
		}
	}
}

func mustKey(t testing.TB, k *ecdsa.PrivateKey) []byte {
	b, err := json.Marshal(jose.JSONWebKey{Key: k.Public(), KeyID: "k"})
	must(t, err)
	return b
}

// tamper changes one character of the payload.
func tamper(token string) string {
	head, rest, _ := strings.Cut(token, ".")
	c := byte('A')
	if rest[10] == c {
		c = 'B'
	}
	return head + "." + rest[:10] + string(c) + rest[11:]
}

// duplicate signs a payload that names sub twice.
func duplicate(t testing.TB, key *ecdsa.PrivateKey) string {
	p := `{"iss":"feed-client","sub":"other","sub":"feed-client","aud":"` + testIssuer + `","jti":"dup","exp":` + json.Number(timeText(time.Now().Add(time.Minute))).String() + `}`
	input := b64([]byte(`{"alg":"ES384","typ":"JWT","kid":"k"}`)) + "." + b64([]byte(p))
	return input + "." + b64(es(t, key)([]byte(input)))
}

func TestParallelReplayOfOneAssertion(t *testing.T) {
	each(t, func(w *world) {
		w.tenant("north")
		w.feed("north", "feed")
		form := w.assertion(t)
		if n := w.race(form); n != 1 {
			t.Fatalf("%d of 100 parallel uses succeeded", n)
		}
		if n := len(w.entries(audit.ActTokenIssue, audit.Done)); n != 1 {
			t.Fatalf("%d entries of one token", n)
		}
	})
}

// race posts one form 100 times at once and returns how many succeeded.
func (w *world) race(form url.Values) (ok int) {
	codes := make([]int, 100)
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i := range codes {
		wg.Go(func() {
			r := httptest.NewRequest("POST", tokenPath, strings.NewReader(form.Encode()))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.RemoteAddr = "10.0.0." + string(rune('0'+i%10)) + string(rune('0'+i/10)) + ":1"
			rec := httptest.NewRecorder()
			<-start
			w.serveToken(rec, r)
			codes[i] = rec.Code
		})
	}
	close(start)
	wg.Wait()
	for _, c := range codes {
		switch c {
		case 200:
			ok++
		case 400, 401:
		default:
			w.t.Errorf("status %d", c)
		}
	}
	return ok
}

func TestRefusedClientKeys(t *testing.T) {
	k := testKeys()
	p256, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ec := jose.JSONWebKey{Key: k.ec.Public(), KeyID: "k"}
	small := `{"keys":[{"kty":"RSA","kid":"s","e":"AQAB","n":"` + b64(make([]byte, 100)) + `"}]}`
	many := make([]jose.JSONWebKey, maxClientKeys+1)
	for i := range many {
		many[i] = jose.JSONWebKey{Key: k.ec.Public(), KeyID: string(rune('a' + i))}
	}
	for name, text := range map[string][]byte{
		"no JSON":        []byte("x"),
		"empty":          []byte(`{"keys":[]}`),
		"no kid":         jwksOf(t, jose.JSONWebKey{Key: k.ec.Public()}),
		"duplicate kid":  jwksOf(t, ec, ec),
		"private EC":     jwksOf(t, jose.JSONWebKey{Key: k.ec, KeyID: "k"}),
		"private RSA":    jwksOf(t, jose.JSONWebKey{Key: k.rsa, KeyID: "k"}),
		"symmetric":      jwksOf(t, jose.JSONWebKey{Key: []byte("0123456789abcdef0123456789abcdef"), KeyID: "k"}),
		"P-256":          jwksOf(t, jose.JSONWebKey{Key: p256.Public(), KeyID: "k"}),
		"for encryption": jwksOf(t, jose.JSONWebKey{Key: k.ec.Public(), KeyID: "k", Use: "enc"}),
		"other alg":      jwksOf(t, jose.JSONWebKey{Key: k.rsa.Public(), KeyID: "k", Algorithm: "RS256"}),
		"small RSA":      []byte(small),
		"too many":       jwksOf(t, many...),
		"too large":      []byte(`{"keys":[],"x":"` + strings.Repeat("x", maxJWKS) + `"}`),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := parseJWKS(text)
			wantKind(t, err, ward.Invalid)
		})
	}
	if _, err := parseJWKS(jwksOf(t, ec, jose.JSONWebKey{Key: k.rsa.Public(), KeyID: "k", Algorithm: "RS384", Use: "sig"})); err != nil {
		t.Fatal(err)
	}
}

// Two keys of one kid and type never pass AddClient; should a row hold them all the same, nothing verifies.
func TestTwoMatchingKeysFail(t *testing.T) {
	as := assertion{header: jose.Header{KeyID: "k", Algorithm: "ES384"}}
	k := jose.JSONWebKey{Key: testKeys().ec.Public(), KeyID: "k"}
	if _, err := as.pick([]jose.JSONWebKey{k}); err != nil {
		t.Fatal(err)
	}
	if _, err := as.pick([]jose.JSONWebKey{k, k}); err == nil {
		t.Fatal("one of two matching keys was picked")
	}
}
