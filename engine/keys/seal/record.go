package seal

import (
	"bytes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/engine/keys"
)

// The form of a sealed text: version(1) | kid(16) | commitment(16) | nonce(12) | ciphertext | tag(16).
const (
	formVersion    = 1
	commitmentSize = 16
	headerSize     = 1 + 16 + commitmentSize
	// Overhead is how many bytes a sealed text is longer than its plaintext.
	Overhead = headerSize + 12 + 16

	kindMax = 16
	ridMax  = 32
	// PlaintextMax bounds one record; larger things are cut into parts by their owner.
	PlaintextMax = 64 << 20
)

// Record is what a sealed text is bound to: the additional data is tenant|kind|rid|version|kid|schema.
type Record struct {
	Kind    string // "ver", "decision", "raw", "detail", "blob": 1 to 16 letters a-z
	RID     []byte // row identity: 8-byte big-endian rid, or 16-byte id; 1 to 32 bytes
	Version int64
	Schema  uint16
}

func (r Record) valid() bool {
	if len(r.Kind) == 0 || len(r.Kind) > kindMax || len(r.RID) == 0 || len(r.RID) > ridMax {
		return false
	}
	for _, c := range []byte(r.Kind) {
		if c < 'a' || c > 'z' {
			return false
		}
	}
	return true
}

// Key seals and opens records. It holds no printable state. The zero Key refuses. Ask the Ring again for each request:
// a Key that is kept outlives the destruction of its row.
type Key struct{ s *secret }

// secret is an unwrapped subject key: the HKDF pseudorandom key, computed once.
type secret struct {
	tn  db.Tenant
	kid KeyID
	prk []byte
}

func newSecret(tn db.Tenant, kid KeyID, key []byte) (*secret, error) {
	if len(key) != keys.KeySize {
		return nil, ward.E(ward.Internal, "seal.key", "a subject key has the wrong length", nil)
	}
	prk, err := hkdf.Extract(sha256.New, key, nil)
	if err != nil {
		return nil, ward.E(ward.Internal, "seal.key", "HKDF is not available", err)
	}
	return &secret{tn: tn, kid: kid, prk: prk}, nil
}

// Format implements fmt.Formatter for every verb.
func (k Key) Format(f fmt.State, _ rune) { fmt.Fprint(f, "[key]") }

// LogValue implements slog.LogValuer.
func (k Key) LogValue() slog.Value { return slog.StringValue("[key]") }

// MarshalJSON refuses.
func (k Key) MarshalJSON() ([]byte, error) { return nil, errors.New("seal: a key is not marshalled") }

// MarshalText refuses.
func (k Key) MarshalText() ([]byte, error) { return k.MarshalJSON() }

// ID returns the key's id, which stands in the header of what it seals; zero for the zero Key.
func (k Key) ID() KeyID {
	if k.s == nil {
		return KeyID{}
	}
	return k.s.kid
}

// Seal encrypts under HKDF(key, record): header(version, kid, commitment) | nonce | ciphertext | tag.
func (k Key) Seal(rec Record, plaintext []byte) ([]byte, error) {
	const op = "seal.seal"
	if len(plaintext) > PlaintextMax {
		return nil, ward.E(ward.TooLarge, op, fmt.Sprintf("a record must not be larger than %d bytes", PlaintextMax), nil)
	}
	gcm, commitment, err := k.derive(op, rec)
	if err != nil {
		return nil, err
	}
	out := make([]byte, headerSize, Overhead+len(plaintext))
	out[0] = formVersion
	copy(out[1:], k.s.kid[:])
	copy(out[1+len(k.s.kid):], commitment)
	var room [128]byte
	return gcm.Seal(out, nil, plaintext, k.aad(room[:0], rec, out)), nil
}

// Open is the inverse. Any changed bit of sealed or rec is an error of kind ward.Internal, with no plaintext returned.
func (k Key) Open(rec Record, sealed []byte) ([]byte, error) {
	const op = "seal.open"
	kid, err := KeyOf(sealed)
	if err != nil {
		return nil, err
	}
	if k.s == nil || subtle.ConstantTimeCompare(kid[:], k.s.kid[:]) != 1 {
		return nil, ward.E(ward.Internal, op, "the record was sealed under another key", nil)
	}
	gcm, commitment, err := k.derive(op, rec)
	if err != nil {
		return nil, err
	}
	// AES-GCM is not key-committing: one text can be made to open under two keys. The header therefore commits to the
	// derived key, and only one key is ever tried.
	if subtle.ConstantTimeCompare(commitment, sealed[headerSize-commitmentSize:headerSize]) != 1 {
		return nil, ward.E(ward.Internal, op, "the record was changed or moved: its commitment does not fit", nil)
	}
	var room [128]byte
	plaintext, err := gcm.Open(nil, nil, sealed[headerSize:], k.aad(room[:0], rec, sealed[:headerSize]))
	if err != nil {
		return nil, ward.E(ward.Internal, op, "the record was changed or moved: it does not open", nil)
	}
	return plaintext, nil
}

// KeyOf reads the kid from the header of a sealed text. A text too short or of an unknown form is ward.Internal.
func KeyOf(sealed []byte) (KeyID, error) {
	if len(sealed) < Overhead || sealed[0] != formVersion {
		return KeyID{}, ward.E(ward.Internal, "seal.header", "the record is not a sealed text of a form that this build knows", nil)
	}
	return KeyID(sealed[1:17]), nil
}

// derive makes the record's own AES key and the commitment to it.
//
// SPEC(RFC 5869 2.3): output keying material of HKDF-Expand; the info names the record, so that no two share a key.
func (k Key) derive(op string, rec Record) (cipher.AEAD, []byte, error) {
	if k.s == nil {
		return nil, nil, ward.E(ward.Internal, op, "the zero key seals and opens nothing", nil)
	}
	if !rec.valid() {
		return nil, nil, ward.E(ward.Internal, op, "a record needs a kind of 1 to 16 letters a-z and a row identity of 1 to 32 bytes", nil)
	}
	var room [96]byte
	info := append(room[:0], "ward/v1|"...)
	info = appendRecord(info, k.s.tn, rec)
	okm, err := hkdf.Expand(sha256.New, k.s.prk, string(info), keys.KeySize+commitmentSize)
	if err != nil {
		return nil, nil, ward.E(ward.Internal, op, "HKDF is not available", err)
	}
	gcm, err := keys.NewGCM(okm[:keys.KeySize])
	clear(okm[:keys.KeySize])
	return gcm, okm[keys.KeySize:], err
}

func (k Key) aad(b []byte, rec Record, header []byte) []byte {
	b = appendRecord(b, k.s.tn, rec)
	b = append(b, k.s.kid[:]...)
	b = binary.BigEndian.AppendUint16(b, rec.Schema)
	return append(b, header...)
}

// appendRecord encodes tenant|kind|rid|version so that no two records share bytes: fixed widths, or length first.
func appendRecord(b []byte, tn db.Tenant, rec Record) []byte {
	b = binary.BigEndian.AppendUint64(b, uint64(tn))
	b = append(append(b, byte(len(rec.Kind))), rec.Kind...)
	b = append(append(b, byte(len(rec.RID))), rec.RID...)
	return binary.BigEndian.AppendUint64(b, uint64(rec.Version))
}

// less orders subjects and key ids, so that concurrent transactions touch rows in one order.
func less[T ~[16]byte](a, b T) int {
	x, y := [16]byte(a), [16]byte(b)
	return bytes.Compare(x[:], y[:])
}
