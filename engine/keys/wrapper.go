package keys

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"fmt"

	"github.com/ward-health/ward"
)

// KeySize is the length in bytes of every symmetric key: AES-256, HMAC-SHA-256.
const KeySize = 32

// wrapOverhead is the nonce before and the tag after a wrapped key.
const wrapOverhead = 12 + 16

// NewKey returns a fresh random key. Keys are never derived from the key above them: a derived key could not be
// destroyed.
func NewKey() []byte {
	k := make([]byte, KeySize)
	rand.Read(k)
	return k
}

// derive is HKDF-SHA-256 with a salt that may be nil.
//
// SPEC(RFC 5869 2): extract, then expand to n bytes.
func derive(secret, salt []byte, info string, n int) ([]byte, error) {
	key, err := hkdf.Key(sha256.New, secret, salt, info, n)
	if err != nil {
		return nil, ward.E(ward.Internal, "keys.derive", "HKDF is not available for this length", err)
	}
	return key, nil
}

// NewGCM returns AES-256-GCM that draws its own nonces: Seal gives nonce(12)|ciphertext|tag(16), Open takes the same
// with a nil nonce. Keys of another size than 32 bytes are refused.
//
// SPEC(NIST SP 800-38D 8.2.2): the nonce is 96 random bits from the approved generator, never the caller's.
func NewGCM(key []byte) (cipher.AEAD, error) {
	if len(key) != KeySize {
		return nil, ward.E(ward.Internal, "keys.gcm", fmt.Sprintf("a key must have %d bytes", KeySize), nil)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, ward.E(ward.Internal, "keys.gcm", "AES is not available", err)
	}
	gcm, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, ward.E(ward.Internal, "keys.gcm", "AES-GCM is not available", err)
	}
	return gcm, nil
}

// Wrapper wraps keys with one key. It holds no printable state. Safe for concurrent use.
type Wrapper struct {
	gcm   cipher.AEAD
	label string
}

// NewWrapper makes a Wrapper; label separates the uses of wrapping keys and is part of what is authenticated.
func NewWrapper(key []byte, label string) (*Wrapper, error) {
	gcm, err := NewGCM(key)
	if err != nil {
		return nil, err
	}
	return &Wrapper{gcm: gcm, label: label}, nil
}

// Format implements fmt.Formatter for every verb.
func (w *Wrapper) Format(f fmt.State, _ rune) { fmt.Fprint(f, "[key]") }

// Wrap encrypts key; aad must be given again to Unwrap.
func (w *Wrapper) Wrap(aad, key []byte) ([]byte, error) {
	if len(key) == 0 {
		return nil, ward.E(ward.Internal, "keys.wrap", "an empty key is not wrapped", nil)
	}
	return w.gcm.Seal(nil, nil, key, w.bind(aad)), nil
}

// Unwrap is the inverse of Wrap. A wrong aad, a changed byte or another key is an error and returns nothing.
func (w *Wrapper) Unwrap(aad, wrapped []byte) ([]byte, error) {
	if len(wrapped) <= wrapOverhead {
		return nil, ward.E(ward.Internal, "keys.unwrap", "a wrapped key is too short", nil)
	}
	key, err := w.gcm.Open(nil, nil, wrapped, w.bind(aad))
	if err != nil {
		return nil, ward.E(ward.Internal, "keys.unwrap", "a wrapped key does not open: it was changed, moved, or wrapped under another key", nil)
	}
	return key, nil
}

// bind puts the label in front; it holds no NUL, so label and aad cannot run into each other.
func (w *Wrapper) bind(aad []byte) []byte {
	b := make([]byte, 0, len(w.label)+1+len(aad))
	b = append(append(b, w.label...), 0)
	return append(b, aad...)
}
