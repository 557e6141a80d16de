package seal

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"fmt"
	"io"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/engine/keys"
)

// signingMax bounds the named signing keys of a node; the product uses about five.
const signingMax = 256

// Signer returns a named signing key of the node, made on first use and wrapped under the root: ECDSA P-256 (algorithm
// keys.ES256: "token", "model"; signatures are ASN.1 DER, keys.P1363 turns them into the form of JOSE) or Ed25519
// (keys.Ed25519: "log"). public is its PKIX DER form. A key that exists under another algorithm is ward.Conflict, an
// unknown algorithm ward.Unsupported, one that was removed outside Ward ward.Internal: it is not made anew. A name is 1 to 40 characters of a-z, 0-9, '.', '/', '_' and '-'.
func (r *Ring) Signer(ctx context.Context, name, algorithm string) (s keys.Signer, public []byte, err error) {
	k, err := r.signer(ctx, name, algorithm)
	if err != nil {
		return nil, nil, err
	}
	return k, append([]byte(nil), k.public...), nil
}

// CryptoSigner returns a named ECDSA P-256 key, made on first use, for crypto/x509 and crypto/tls (the local CA, the
// server's own key). It shares its names with Signer and gives out no key bytes.
func (r *Ring) CryptoSigner(ctx context.Context, name string) (crypto.Signer, error) {
	k, err := r.signer(ctx, name, keys.ES256)
	if err != nil {
		return nil, err
	}
	return digestSigner{k}, nil
}

// signer holds an unwrapped private key behind two doors: messages (keys.Signer) and digests (crypto.Signer).
type signer struct {
	alg    string
	public []byte
	key    crypto.Signer
}

// Format implements fmt.Formatter for every verb.
func (s *signer) Format(f fmt.State, _ rune) { fmt.Fprint(f, "[key]") }

// Sign implements keys.Signer.
//
// SPEC(RFC 7518 3.4): ES256 is ECDSA on P-256 over the SHA-256 of the message.
func (s *signer) Sign(message []byte) ([]byte, error) {
	if s.alg == keys.Ed25519 {
		return s.key.Sign(nil, message, crypto.Hash(0))
	}
	digest := sha256.Sum256(message)
	return s.key.Sign(rand.Reader, digest[:], crypto.SHA256)
}

type digestSigner struct{ s *signer }

// Format implements fmt.Formatter for every verb.
func (d digestSigner) Format(f fmt.State, _ rune) { fmt.Fprint(f, "[key]") }

func (d digestSigner) Public() crypto.PublicKey { return d.s.key.Public() }

func (d digestSigner) Sign(random io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	return d.s.key.Sign(random, digest, opts)
}

func (r *Ring) signer(ctx context.Context, name, algorithm string) (*signer, error) {
	const op = "seal.signer"
	if !validName(name) {
		return nil, ward.E(ward.Internal, op, "the name of a signing key must be 1 to 40 characters of a-z, 0-9 and ./_-", nil)
	}
	if algorithm != keys.ES256 && algorithm != keys.Ed25519 {
		return nil, ward.E(ward.Unsupported, op, "the algorithm must be "+keys.ES256+" or "+keys.Ed25519, nil)
	}
	r.mu.Lock()
	s := r.signing[name]
	r.mu.Unlock()
	if s == nil {
		node, err := r.tenant(ctx, nil, db.System)
		if err != nil {
			return nil, err
		}
		row, err := r.signingRow(ctx, node, name, algorithm)
		if err != nil {
			return nil, err
		}
		if s, err = r.openSigning(ctx, node, row); err != nil {
			return nil, err
		}
		r.mu.Lock()
		r.signing[name] = s
		r.mu.Unlock()
	}
	if s.alg != algorithm {
		return nil, ward.E(ward.Conflict, op, "the signing key exists under the algorithm "+s.alg, nil)
	}
	return s, nil
}

// signingRow reads the row or makes it; where another node was first, its row stands.
func (r *Ring) signingRow(ctx context.Context, node *tenant, name, algorithm string) (signingRow, error) {
	var rows []signingRow
	get := func(tx *db.Tx) (err error) {
		rows, err = readSigning(ctx, tx, " WHERE name = $1", name)
		return err
	}
	err := r.d.Read(ctx, db.System, get)
	if err != nil || len(rows) == 1 {
		return one(rows, err)
	}
	made, err := r.newSigning(ctx, node, name, algorithm)
	if err != nil {
		return made, err
	}
	err = r.d.Write(ctx, db.System, func(tx *db.Tx) error {
		if err := tx.Lock(ctx, "seal.signing"); err != nil {
			return err
		}
		if err := get(tx); err != nil || len(rows) == 1 {
			return err
		}
		if err := addName(ctx, tx, node.rows, name); err != nil {
			return err
		}
		if err := insertSigning(ctx, tx, made); err != nil {
			return err
		}
		return get(tx)
	})
	return one(rows, err)
}

var errTooMany = ward.E(ward.TooLarge, "seal.signer", fmt.Sprintf("a node has at most %d signing keys", signingMax), nil)

func one(rows []signingRow, err error) (signingRow, error) {
	if err != nil {
		return signingRow{}, err
	}
	if len(rows) != 1 {
		return signingRow{}, ward.E(ward.Internal, "seal.signer", "a signing key that was written is not there", nil)
	}
	return rows[0], nil
}

func (r *Ring) newSigning(ctx context.Context, node *tenant, name, algorithm string) (signingRow, error) {
	row := signingRow{name: name, kid: make([]byte, len(KeyID{})), alg: algorithm, root: r.root.ID(), created: time.Now().UnixMicro()}
	rand.Read(row.kid)
	key, err := generate(algorithm)
	if err != nil {
		return row, ward.E(ward.Internal, "seal.signer", "a signing key cannot be made", err)
	}
	if row.public, err = x509.MarshalPKIXPublicKey(key.Public()); err != nil {
		return row, ward.E(ward.Internal, "seal.signer", "a signing key cannot be encoded", err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return row, ward.E(ward.Internal, "seal.signer", "a signing key cannot be encoded", err)
	}
	defer clear(private)
	if row.wrapped, err = r.root.Wrap(ctx, row.aad(), private); err != nil {
		return row, err
	}
	row.mac = digest(node.rows, row.parts())
	return row, nil
}

func generate(algorithm string) (crypto.Signer, error) {
	if algorithm == keys.Ed25519 {
		_, key, err := ed25519.GenerateKey(rand.Reader)
		return key, err
	}
	return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
}

func (r *Ring) openSigning(ctx context.Context, node *tenant, row signingRow) (*signer, error) {
	if len(row.kid) != len(KeyID{}) {
		return nil, unreadable("key_signing", nil)
	}
	if err := genuine(node.rows, row.parts(), row.mac); err != nil {
		return nil, err
	}
	private, err := r.unwrap(ctx, row.root, row.aad(), row.wrapped)
	if err != nil {
		return nil, err
	}
	defer clear(private)
	parsed, err := x509.ParsePKCS8PrivateKey(private)
	if err != nil {
		return nil, ward.E(ward.Internal, "seal.signer", "a signing key cannot be decoded", nil)
	}
	key, ok := parsed.(crypto.Signer)
	if !ok {
		return nil, ward.E(ward.Internal, "seal.signer", "a signing key is of no known kind", nil)
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil || string(public) != string(row.public) {
		return nil, ward.E(ward.Internal, "seal.signer", "a signing key does not belong to its public key", nil)
	}
	return &signer{alg: row.alg, public: row.public, key: key}, nil
}

const signingColumns = "name, kid, alg, public, root, wrapped, created_us, mac"

func readSigning(ctx context.Context, tx *db.Tx, where string, args ...any) ([]signingRow, error) {
	rows, err := tx.Query(ctx, "SELECT "+signingColumns+" FROM key_signing"+where+" ORDER BY name", args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []signingRow
	for rows.Next() {
		var w signingRow
		if err := rows.Scan(&w.name, &w.kid, &w.alg, &w.public, &w.root, &w.wrapped, &w.created, &w.mac); err != nil {
			return nil, unscanned(ctx, rows, "key_signing", err)
		}
		out = append(out, w)
	}
	return out, rows.Err()
}
