package registry

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"hash"
	"maps"
	"slices"

	"github.com/go-json-experiment/json"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/engine/keys"
)

// SPEC(OpenSSF Model Signing v1.0, Model Signature): a signature is a Sigstore bundle v0.3 around a DSSE envelope whose
// payload is an in-toto statement v1 with this predicate type; its one subject names the model and the SHA-256 over the
// digests of all resources in their order, and its predicate lists each resource with its digest.
const (
	bundleMedia   = "application/vnd.dev.sigstore.bundle.v0.3+json"
	payloadType   = "application/vnd.in-toto+json"
	statementType = "https://in-toto.io/Statement/v1"
	predicateType = "https://model_signing/signature/v1.0"
	resourceName  = "manifest.json"
	maxBundle     = 64 << 10
)

type bundle struct {
	MediaType    string       `json:"mediaType"`
	Verification verification `json:"verificationMaterial"`
	Envelope     envelope     `json:"dsseEnvelope"`
}

type verification struct {
	PublicKey publicKey  `json:"publicKey"`
	Tlog      []struct{} `json:"tlogEntries,omitempty"`
}

// publicKey names the key. rawBytes and keyDetails are of writers before v1.0.1; the bytes are never trusted, only hashed.
type publicKey struct {
	Hint       string `json:"hint,omitzero"`
	RawBytes   []byte `json:"rawBytes,omitempty"`
	KeyDetails string `json:"keyDetails,omitzero"`
}

type envelope struct {
	Payload     []byte      `json:"payload"`
	PayloadType string      `json:"payloadType"`
	Signatures  []signature `json:"signatures"`
}

type signature struct {
	Sig   []byte  `json:"sig"`
	KeyID *string `json:"keyid"`
}

type statement struct {
	Type          string    `json:"_type"`
	Subject       []signed  `json:"subject"`
	PredicateType string    `json:"predicateType"`
	Predicate     predicate `json:"predicate"`
}

type signed struct {
	Name   string            `json:"name"`
	Digest map[string]string `json:"digest"`
}

type predicate struct {
	Resources     []resource    `json:"resources"`
	Serialization serialization `json:"serialization"`
}

type resource struct {
	Algorithm string `json:"algorithm"`
	Name      string `json:"name"`
	Digest    string `json:"digest"`
}

type serialization struct {
	AllowSymlinks bool     `json:"allow_symlinks"`
	Method        string   `json:"method"`
	HashType      string   `json:"hash_type"`
	IgnorePaths   []string `json:"ignore_paths,omitempty"`
}

func unsigned(public string, err error) error {
	return ward.E(ward.Unprocessable, "registry.verify", public, err)
}

// pae is what a DSSE signature is made over.
//
// SPEC(DSSE 1.0.2, protocol): "DSSEv1" SP LEN(type) SP type SP LEN(body) SP body, lengths in decimal bytes.
func pae(body []byte) []byte {
	return append(fmt.Appendf(nil, "DSSEv1 %d %s %d ", len(payloadType), payloadType, len(body)), body...)
}

// KeyID returns the name by which bundles refer to a public key given as PKIX DER: the hex SHA-256 of its PEM form.
// Keys other than ECDSA on P-256 or P-384 are ward.Unsupported.
func KeyID(public []byte) (string, error) {
	_, kid, err := parseKey(public)
	return kid, err
}

func parseKey(public []byte) (*ecdsa.PublicKey, string, error) {
	any, err := x509.ParsePKIXPublicKey(public)
	if err != nil {
		return nil, "", ward.E(ward.Invalid, "registry.key", "a model key must be a public key in PKIX DER", err)
	}
	key, ok := any.(*ecdsa.PublicKey)
	if !ok || key.Curve != elliptic.P256() && key.Curve != elliptic.P384() {
		return nil, "", ward.E(ward.Unsupported, "registry.key", "a model key must be ECDSA on P-256 or P-384", nil)
	}
	again, err := x509.MarshalPKIXPublicKey(key)
	if err != nil || !slices.Equal(again, public) {
		return nil, "", ward.E(ward.Invalid, "registry.key", "a model key must be in canonical DER", err)
	}
	sum := sha256.Sum256(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}))
	return key, hex.EncodeToString(sum[:]), nil
}

// sign makes the bundle for the parts of an artefact, in the order of their names.
func sign(name string, parts map[string][32]byte, s keys.Signer, kid string) ([]byte, error) {
	root := sha256.New()
	var listed []resource
	for _, part := range slices.Sorted(maps.Keys(parts)) {
		digest := parts[part]
		root.Write(digest[:])
		listed = append(listed, resource{Algorithm: "sha256", Name: part, Digest: hex.EncodeToString(digest[:])})
	}
	payload, err := json.Marshal(statement{
		Type:          statementType,
		Subject:       []signed{{Name: name, Digest: map[string]string{"sha256": hex.EncodeToString(root.Sum(nil))}}},
		PredicateType: predicateType,
		Predicate:     predicate{Resources: listed, Serialization: serialization{Method: "files", HashType: "sha256"}},
	})
	if err != nil {
		return nil, ward.E(ward.Internal, "registry.sign", "the statement cannot be written", err)
	}
	sig, err := s.Sign(pae(payload))
	if err != nil {
		return nil, err
	}
	empty := ""
	return json.Marshal(bundle{
		MediaType:    bundleMedia,
		Verification: verification{PublicKey: publicKey{Hint: kid}},
		Envelope:     envelope{Payload: payload, PayloadType: payloadType, Signatures: []signature{{Sig: sig, KeyID: &empty}}},
	})
}

// readBundle reads a bundle strictly and returns the id of the key that it names.
func readBundle(b []byte) (bundle, string, error) {
	var x bundle
	if len(b) > maxBundle {
		return x, "", unsigned("a signature bundle is at most 64 KiB", nil)
	}
	if err := json.Unmarshal(b, &x, json.RejectUnknownMembers(true)); err != nil {
		return x, "", unsigned("the signature must be a sigstore bundle v0.3 with a public key and a DSSE envelope", err)
	}
	if x.MediaType != bundleMedia || x.Envelope.PayloadType != payloadType || len(x.Envelope.Signatures) != 1 {
		return x, "", unsigned("the signature must be a sigstore bundle v0.3 with one DSSE signature over an in-toto statement", nil)
	}
	hint := x.Verification.PublicKey.Hint
	if hint == "" {
		sum := sha256.Sum256(x.Verification.PublicKey.RawBytes)
		hint = hex.EncodeToString(sum[:])
	}
	return x, hint, nil
}

// verify checks the bundle's signature under the PKIX key and that the files are exactly the resources that it signs. It
// returns the name of the model that was signed.
func verify(b []byte, public []byte, files map[string][32]byte) (string, error) {
	x, hint, err := readBundle(b)
	if err != nil {
		return "", err
	}
	key, kid, err := parseKey(public)
	if err != nil {
		return "", err
	}
	if hint != kid {
		return "", unsigned("the signature names another key", nil)
	}
	// SPEC(sigstore protobuf-specs PublicKeyDetails): the hash follows the curve, SHA-256 with P-256 and SHA-384 with P-384.
	var h hash.Hash = sha256.New()
	if key.Curve == elliptic.P384() {
		h = sha512.New384()
	}
	h.Write(pae(x.Envelope.Payload))
	if !ecdsa.VerifyASN1(key, h.Sum(nil), x.Envelope.Signatures[0].Sig) {
		return "", unsigned("the signature does not hold", nil)
	}
	return covers(x.Envelope.Payload, files)
}

// covers checks a statement whose signature holds against the files.
func covers(payload []byte, files map[string][32]byte) (string, error) {
	var s statement
	if err := json.Unmarshal(payload, &s, json.RejectUnknownMembers(true)); err != nil {
		return "", unsigned("the signed statement is not of the form v1.0", err)
	}
	ser := s.Predicate.Serialization
	if s.Type != statementType || s.PredicateType != predicateType || len(s.Subject) != 1 || ser.Method != "files" || ser.HashType != "sha256" || ser.AllowSymlinks {
		return "", unsigned("the signed statement must list files by SHA-256, without symbolic links", nil)
	}
	if len(s.Predicate.Resources) != len(files) {
		return "", unsigned("the signed resources are not those of the artefact", nil)
	}
	root, before := sha256.New(), ""
	for i, r := range s.Predicate.Resources {
		want, ok := files[r.Name]
		if !ok || r.Algorithm != "sha256" || r.Digest != hex.EncodeToString(want[:]) || i > 0 && r.Name <= before {
			return "", unsigned("the signed resources are not those of the artefact", nil)
		}
		root.Write(want[:])
		before = r.Name
	}
	if d := s.Subject[0].Digest; len(d) != 1 || d["sha256"] != hex.EncodeToString(root.Sum(nil)) {
		return "", unsigned("the signed root digest is not that of the resources", nil)
	}
	return s.Subject[0].Name, nil
}
