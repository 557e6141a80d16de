package mllp

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"math/big"
	"net"
	"testing"
	"time"

	"github.com/ward-health/ward"
)

// pki is an authority with a server's and a client's certificate.
type pki struct {
	pool           *x509.CertPool
	server, client tls.Certificate
}

func newPKI(t *testing.T) *pki {
	t.Helper()
	ca, key := issue(t, "authority", nil, nil)
	p := &pki{pool: x509.NewCertPool()}
	p.pool.AddCert(ca)
	for name, to := range map[string]*tls.Certificate{"ward": &p.server, "analyser 7": &p.client} {
		c, k := issue(t, name, ca, key)
		*to = tls.Certificate{Certificate: [][]byte{c.Raw}, PrivateKey: k, Leaf: c}
	}
	return p
}

func issue(t *testing.T, name string, parent *x509.Certificate, by *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"localhost"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}
	if parent == nil {
		c.IsCA, c.BasicConstraintsValid, c.KeyUsage, parent, by = true, true, x509.KeyUsageCertSign, c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, key.Public(), by)
	if err != nil {
		t.Fatal(err)
	}
	made, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return made, key
}

func withTLS(c *tls.Config) func(*Server) { return func(s *Server) { s.TLS = c } }

func TestTLS(t *testing.T) {
	p := newPKI(t)
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		n := serve(t, echo, Limits{}, withTLS(TLSConfig(p.server, nil)))
		c := n.dial(ClientOptions{TLS: &tls.Config{RootCAs: p.pool, MaxVersion: version}})
		for range 3 {
			if got, err := c.Send(t.Context(), []byte("hello")); err != nil || string(got) != "re hello" {
				t.Fatalf("%q %v", got, err)
			}
		}
		if e := n.wait(t, Accepted, None, 1); e.From.Certificate != nil {
			t.Error("a certificate nobody showed")
		}
	}
}

func TestMutualTLS(t *testing.T) {
	p, other := newPKI(t), newPKI(t)
	n := serve(t, echo, Limits{}, withTLS(TLSConfig(p.server, p.pool)))
	c := n.dial(ClientOptions{TLS: &tls.Config{RootCAs: p.pool, Certificates: []tls.Certificate{p.client}}})
	if got, err := c.Send(t.Context(), []byte("hello")); err != nil || string(got) != "re hello" {
		t.Fatalf("%q %v", got, err)
	}
	if e := n.wait(t, Accepted, None, 1); e.From.Certificate == nil || e.From.Certificate.Subject.CommonName != "analyser 7" {
		t.Errorf("%+v", e.From)
	}
	for name, cfg := range map[string]*tls.Config{
		"no certificate":            {RootCAs: p.pool},
		"certificate of another CA": {RootCAs: p.pool, GetClientCertificate: offer(other.client)},
		"server of another CA":      {RootCAs: other.pool, Certificates: []tls.Certificate{p.client}},
		"TLS 1.1":                   {RootCAs: p.pool, MaxVersion: tls.VersionTLS11, Certificates: []tls.Certificate{p.client}},
	} {
		c, err := Dial(t.Context(), n.addr, ClientOptions{TLS: cfg})
		if err == nil { // in TLS 1.3 the client learns of it with its first read
			_, err = c.Send(t.Context(), []byte("hello"))
			c.Close()
		}
		if ward.KindOf(err) != ward.Unavailable {
			t.Errorf("%s: %v", name, err)
		}
	}
	n.wait(t, Refused, Handshake, 4)
	if n.count(Frame, None) != 1 {
		t.Error("a frame of a stranger was served")
	}
}

// TestUnverifiedCertificate: a certificate that was shown and not verified is nobody's.
func TestUnverifiedCertificate(t *testing.T) {
	p, other := newPKI(t), newPKI(t)
	cfg := TLSConfig(p.server, nil)
	cfg.ClientAuth = tls.RequireAnyClientCert
	n := serve(t, echo, Limits{}, withTLS(cfg))
	c := n.dial(ClientOptions{TLS: &tls.Config{RootCAs: p.pool, Certificates: []tls.Certificate{other.client}}})
	if _, err := c.Send(t.Context(), []byte("hello")); err != nil {
		t.Fatal(err)
	}
	if e := n.wait(t, Accepted, None, 1); e.From.Certificate != nil {
		t.Error("an unverified certificate was taken for an identity")
	}
}

// offer shows the certificate whatever authorities the server names.
func offer(c tls.Certificate) func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
	return func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &c, nil }
}

// TestHandshakeIsBounded: peers that do not shake hands neither stay nor hold up others, and a stop does not wait for them.
func TestHandshakeIsBounded(t *testing.T) {
	p := newPKI(t)
	n := serve(t, echo, Limits{Read: 100 * time.Millisecond}, withTLS(TLSConfig(p.server, nil)))
	n.raw()
	k := n.raw()
	put(t, k, framed("plain text on a TLS port"))
	n.wait(t, Refused, Handshake, 2)

	n = serve(t, echo, Limits{}, withTLS(TLSConfig(p.server, nil)))
	n.raw()
	c := n.dial(ClientOptions{TLS: &tls.Config{RootCAs: p.pool}})
	if _, err := c.Send(t.Context(), []byte("hello")); err != nil {
		t.Error(err)
	}
	if err := n.end(); err != nil {
		t.Error(err)
	}
}

// TestTLSToPlainPort: the most common mistake ends soon and is told.
func TestTLSToPlainPort(t *testing.T) {
	n := serve(t, echo, Limits{Read: 100 * time.Millisecond})
	if _, err := Dial(t.Context(), n.addr, ClientOptions{TLS: &tls.Config{InsecureSkipVerify: true}}); err == nil {
		t.Error("a handshake with a plain port")
	}
	n.wait(t, Bad, Unframed, 1)
}

// TestTLSHalfClose: the end is said both ways, so that a peer can tell an end from a cut.
func TestTLSHalfClose(t *testing.T) {
	p := newPKI(t)
	n := serve(t, echo, Limits{}, withTLS(TLSConfig(p.server, nil)))
	k, err := tls.Dial("tcp", n.addr, &tls.Config{RootCAs: p.pool})
	if err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	put(t, k, framed("A", "B"))
	if err := k.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(k); err != nil || string(b) != framed("re A", "re B") {
		t.Errorf("%q %v", b, err)
	}
}
