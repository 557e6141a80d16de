// Package keys holds the node's root key and the small parts that everything sealed stands on: wrapping, keyed digests,
// signatures. Key bytes never leave it or the package below it (I6), and no type here prints what it holds.
//
// It must never invent a primitive (standard library only, all of it approved under GODEBUG=fips140=only), take a nonce
// from a caller, log, or keep a key that it can do without.
//
// Read in this order: keys.go, wrapper.go, file.go, mac.go, signature.go; then package seal.
package keys

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
)

// Root wraps and unwraps the keys below it. Providers: file (here), later PKCS#11, Transit, cloud KMS.
type Root interface {
	// Wrap encrypts key under the current root version; aad must be given again to Unwrap.
	Wrap(ctx context.Context, aad, key []byte) ([]byte, error)
	// Unwrap is the inverse. A wrong aad, a changed byte or another root is an error and returns nothing.
	Unwrap(ctx context.Context, aad, wrapped []byte) ([]byte, error)
	// ID names the root and its version, without secrets.
	ID() string
}

// Signer signs messages; the private key stays where it is. ECDSA signatures are ASN.1 DER (see P1363 for JOSE).
type Signer interface {
	Sign(message []byte) ([]byte, error)
}

// MAC computes a keyed digest: HMAC-SHA-256, whole 32 bytes. Parts are length-prefixed, so that ("ab","c") and
// ("a","bc") differ. Safe for concurrent use.
type MAC interface {
	Sum(parts ...[]byte) [32]byte
}

// Secret is a passphrase or key read from outside. It never prints. (As an unexported field of a struct that is printed
// with %v it would be out of reach of its own methods: keep it out of such structs.)
type Secret []byte

// Format implements fmt.Formatter for every verb; not even the length is shown.
func (s Secret) Format(f fmt.State, _ rune) { fmt.Fprint(f, "[secret]") }

// LogValue implements slog.LogValuer.
func (s Secret) LogValue() slog.Value { return slog.StringValue("[secret]") }

// MarshalJSON refuses.
func (s Secret) MarshalJSON() ([]byte, error) {
	return nil, errors.New("keys: a secret is not marshalled")
}

// MarshalText refuses.
func (s Secret) MarshalText() ([]byte, error) { return s.MarshalJSON() }
