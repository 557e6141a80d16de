package keys

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"math/big"

	"github.com/ward-health/ward"
)

// The signature algorithms, by their JOSE names (RFC 7518 3.1, RFC 9864 2.2).
const (
	ES256   = "ES256"   // ECDSA on P-256 with SHA-256
	Ed25519 = "Ed25519" // pure Ed25519
)

// Verify checks a signature of a Signer over message. public is PKIX DER: a P-256 key wants an ASN.1 DER signature over
// the SHA-256 of the message, an Ed25519 key the 64 bytes of RFC 8032. A signature that does not hold is
// ward.Unauthentic, a key of another kind ward.Unsupported.
func Verify(public, message, signature []byte) error {
	parsed, err := x509.ParsePKIXPublicKey(public)
	if err != nil {
		return ward.E(ward.Invalid, "keys.verify", "the public key is not PKIX DER", err)
	}
	good := false
	switch key := parsed.(type) {
	case *ecdsa.PublicKey:
		if key.Curve != elliptic.P256() {
			return ward.E(ward.Unsupported, "keys.verify", "the public key must be on P-256", nil)
		}
		digest := sha256.Sum256(message)
		good = ecdsa.VerifyASN1(key, digest[:], signature)
	case ed25519.PublicKey:
		good = ed25519.Verify(key, message, signature)
	default:
		return ward.E(ward.Unsupported, "keys.verify", "the public key must be ECDSA P-256 or Ed25519", nil)
	}
	if !good {
		return ward.E(ward.Unauthentic, "keys.verify", "the signature does not hold for this key and message", nil)
	}
	return nil
}

type ecdsaSignature struct{ R, S *big.Int }

// P1363 turns an ASN.1 DER signature on P-256 into the 64 bytes r|s that JOSE wants.
//
// SPEC(RFC 7518 3.4): an ES256 signature is R and S as 32 big-endian bytes each, joined.
func P1363(der []byte) ([]byte, error) {
	var s ecdsaSignature
	rest, err := asn1.Unmarshal(der, &s)
	if err != nil || len(rest) != 0 || s.R.Sign() <= 0 || s.S.Sign() <= 0 || s.R.BitLen() > 256 || s.S.BitLen() > 256 {
		return nil, ward.E(ward.Invalid, "keys.signature", "an ECDSA signature must be ASN.1 DER of two positive P-256 integers", nil)
	}
	out := make([]byte, 64)
	s.R.FillBytes(out[:32])
	s.S.FillBytes(out[32:])
	return out, nil
}

// DER is the inverse of P1363.
func DER(p1363 []byte) ([]byte, error) {
	if len(p1363) != 64 {
		return nil, ward.E(ward.Invalid, "keys.signature", "an ES256 signature must have 64 bytes", nil)
	}
	s := ecdsaSignature{new(big.Int).SetBytes(p1363[:32]), new(big.Int).SetBytes(p1363[32:])}
	return asn1.Marshal(s)
}
