package mllp

import (
	"crypto/tls"
	"crypto/x509"
)

// SPEC(BCP 195 RFC 9325 4.2): for TLS 1.2 the recommended suites are ECDHE with AES-GCM. Those of 1.3 are all fit.
var suites12 = []uint16{
	tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
	tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
	tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
	tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
}

// TLSConfig returns a server's configuration: TLS 1.3 and 1.2 by BCP 195, no session resumption, so that each connection
// shows its certificate anew. With clientCAs, a client certificate from one of them is required.
func TLSConfig(cert tls.Certificate, clientCAs *x509.CertPool) *tls.Config {
	c := &tls.Config{
		Certificates:           []tls.Certificate{cert},
		MinVersion:             tls.VersionTLS12, // SPEC(BCP 195 RFC 9325 3.1.1): nothing below 1.2.
		CipherSuites:           suites12,
		SessionTicketsDisabled: true,
	}
	if clientCAs != nil {
		c.ClientAuth, c.ClientCAs = tls.RequireAndVerifyClientCert, clientCAs
	}
	return c
}

// requiresCertificate reports whether c lets nobody in without a verified certificate.
func requiresCertificate(c *tls.Config) bool {
	return c != nil && c.ClientAuth == tls.RequireAndVerifyClientCert && c.ClientCAs != nil
}

// verified returns the peer's certificate if a chain to the pool was found.
func verified(s tls.ConnectionState) *x509.Certificate {
	if len(s.VerifiedChains) == 0 || len(s.VerifiedChains[0]) == 0 {
		return nil
	}
	return s.VerifiedChains[0][0]
}
