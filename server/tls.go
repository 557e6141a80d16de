package server

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/ward-health/ward"
)

const (
	caLife     = 365 * 24 * time.Hour
	serverLife = 90 * 24 * time.Hour
	backdate   = 5 * time.Minute // clocks of clients may be behind
)

// authority is the node set's local certificate authority and this node's own certificate. Private keys stay in the ring.
type authority struct {
	node *Node
	mu   sync.Mutex
	leaf *tls.Certificate
}

// tls returns the configuration of the HTTPS listener after making sure of its certificates. They are looked at again at
// each handshake and renewed when a third of their life remains.
func (n *Node) tls() (*tls.Config, error) {
	a := &authority{node: n}
	if _, err := a.current(context.Background()); err != nil {
		return nil, err
	}
	return &tls.Config{
		MinVersion: tls.VersionTLS13,
		NextProtos: []string{"h2", "http/1.1"},
		GetCertificate: func(h *tls.ClientHelloInfo) (*tls.Certificate, error) {
			return a.current(h.Context())
		},
	}, nil
}

func (a *authority) current(ctx context.Context) (*tls.Certificate, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.leaf != nil && fresh(a.leaf.Leaf) {
		return a.leaf, nil
	}
	leaf, err := a.renewed(ctx)
	switch {
	case err == nil:
		a.leaf = leaf
	case a.leaf == nil || time.Now().After(a.leaf.Leaf.NotAfter):
		return nil, err
	default: // the old one serves as long as it is valid
		a.node.failed(ctx, err)
	}
	return a.leaf, nil
}

func (a *authority) renewed(ctx context.Context) (*tls.Certificate, error) {
	ca, caKey, err := a.ca(ctx)
	if err != nil {
		return nil, err
	}
	return a.server(ctx, ca, caKey)
}

// fresh reports whether more than a third of a certificate's life remains.
func fresh(c *x509.Certificate) bool {
	return time.Until(c.NotAfter) > c.NotAfter.Sub(c.NotBefore)/3
}

// ca returns the authority's certificate, making or renewing it under the same key and name, so that what it signed before
// still verifies.
func (a *authority) ca(ctx context.Context) (*x509.Certificate, crypto.Signer, error) {
	key, err := a.node.ring.CryptoSigner(ctx, "tls-ca")
	if err != nil {
		return nil, nil, err
	}
	path := a.node.layout.CACert()
	if have := readCertificate(path); have != nil && sameKey(have.PublicKey, key.Public()) && fresh(have) {
		return have, key, nil
	}
	t := template(caLife, pkix.Name{Organization: []string{"Ward"}, CommonName: "Ward local authority " + a.node.config.NodeSet})
	t.IsCA, t.BasicConstraintsValid, t.MaxPathLenZero = true, true, true
	t.KeyUsage = x509.KeyUsageCertSign
	c, err := sign(t, t, key.Public(), key, path)
	return c, key, err
}

func (a *authority) server(ctx context.Context, ca *x509.Certificate, caKey crypto.Signer) (*tls.Certificate, error) {
	key, err := a.node.ring.CryptoSigner(ctx, "tls-server-"+strconv.Itoa(int(a.node.config.Node)))
	if err != nil {
		return nil, err
	}
	names, addresses := a.node.config.names()
	path := a.node.layout.ServerCert()
	c := readCertificate(path)
	if c == nil || !fresh(c) || !sameKey(c.PublicKey, key.Public()) || c.CheckSignatureFrom(ca) != nil ||
		!slices.Equal(c.DNSNames, names) || !slices.EqualFunc(c.IPAddresses, addresses, net.IP.Equal) {
		t := template(serverLife, pkix.Name{Organization: []string{"Ward"}, CommonName: "Ward node " + strconv.Itoa(int(a.node.config.Node))})
		t.DNSNames, t.IPAddresses = names, addresses
		t.KeyUsage, t.ExtKeyUsage = x509.KeyUsageDigitalSignature, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
		if c, err = sign(t, ca, key.Public(), caKey, path); err != nil {
			return nil, err
		}
		a.node.logger.Info("certificate issued", "until", c.NotAfter)
	}
	return &tls.Certificate{Certificate: [][]byte{c.Raw, ca.Raw}, PrivateKey: key, Leaf: c}, nil
}

func template(life time.Duration, name pkix.Name) *x509.Certificate {
	serial := make([]byte, 16)
	rand.Read(serial)
	serial[0] &= 0x7f
	now := time.Now()
	return &x509.Certificate{SerialNumber: new(big.Int).SetBytes(serial), Subject: name,
		NotBefore: now.Add(-backdate), NotAfter: now.Add(life)}
}

func sign(t, parent *x509.Certificate, public crypto.PublicKey, key crypto.Signer, path string) (*x509.Certificate, error) {
	bad := func(err error) (*x509.Certificate, error) {
		return nil, ward.E(ward.Internal, "server.certificate", "the certificate cannot be made", err)
	}
	der, err := x509.CreateCertificate(rand.Reader, t, parent, public, key)
	if err != nil {
		return bad(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		return bad(err)
	}
	return c, writeFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o644)
}

// readCertificate returns nil when there is none that can be read: a new one is made then.
func readCertificate(path string) *x509.Certificate {
	text, err := os.ReadFile(path)
	if err != nil || len(text) > 64<<10 {
		return nil
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil
	}
	c, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil
	}
	return c
}

func sameKey(a, b crypto.PublicKey) bool {
	x, err1 := x509.MarshalPKIXPublicKey(a)
	y, err2 := x509.MarshalPKIXPublicKey(b)
	return err1 == nil && err2 == nil && bytes.Equal(x, y)
}

// names are what the server's certificate is for, in a fixed order.
func (c Config) names() (dns []string, addresses []net.IP) {
	listen, _, _ := net.SplitHostPort(c.Listen)
	all := append([]string{"localhost", "127.0.0.1", "::1", listen}, c.TLS.Names...)
	if u, err := url.Parse(c.URL); err == nil && c.URL != "" {
		all = append(all, u.Hostname())
	}
	if host, err := os.Hostname(); err == nil {
		all = append(all, host)
	}
	seen := map[string]bool{"": true}
	for _, name := range all {
		if seen[name] {
			continue
		}
		seen[name] = true
		if a, err := netip.ParseAddr(name); err == nil {
			if !a.IsUnspecified() {
				addresses = append(addresses, net.IP(a.Unmap().AsSlice()))
			}
		} else {
			dns = append(dns, name)
		}
	}
	return dns, addresses
}
