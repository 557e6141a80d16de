package registry

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/engine/keys"
)

// testSigner is a real P-256 key of the test's own.
type testSigner struct{ key *ecdsa.PrivateKey }

func (s testSigner) Sign(message []byte) ([]byte, error) {
	sum := sha256.Sum256(message)
	return ecdsa.SignASN1(rand.Reader, s.key, sum[:])
}

func newSigner(t testing.TB) (keys.Signer, []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return testSigner{key}, public
}

func signedBundle(t testing.TB) (manifest, bundle, public []byte) {
	t.Helper()
	s, public := newSigner(t)
	kid, err := KeyID(public)
	if err != nil {
		t.Fatal(err)
	}
	bundle, err = sign("egfr-ckd-epi-2021", one(egfr), s, kid)
	if err != nil {
		t.Fatal(err)
	}
	return egfr, bundle, public
}

func one(manifest []byte) map[string][32]byte {
	return map[string][32]byte{resourceName: sha256.Sum256(manifest)}
}

func TestSignVerify(t *testing.T) {
	manifest, b, public := signedBundle(t)
	name, err := verify(b, public, one(manifest))
	if err != nil || name != "egfr-ckd-epi-2021" {
		t.Fatalf("%q, %v", name, err)
	}
	// What a reader of the upstream form looks at stands where it belongs.
	var form struct {
		MediaType            string
		VerificationMaterial struct{ PublicKey struct{ Hint string } }
		DsseEnvelope         struct{ PayloadType string }
	}
	if err := json.Unmarshal(b, &form); err != nil || form.MediaType != bundleMedia || len(form.VerificationMaterial.PublicKey.Hint) != 64 || form.DsseEnvelope.PayloadType != payloadType {
		t.Errorf("bundle %s: %v", b, err)
	}
	_, other := newSigner(t)
	if _, err := verify(b, other, one(manifest)); ward.KindOf(err) != ward.Unprocessable {
		t.Errorf("foreign key: %v", err)
	}
	if _, err := verify(b, public, one(append(bytes.Clone(manifest), ' '))); err == nil {
		t.Error("a changed manifest verifies")
	}
	more := one(manifest)
	more["extra"] = sha256.Sum256(nil)
	if _, err := verify(b, public, more); err == nil {
		t.Error("an unsigned extra file verifies")
	}
	if _, err := verify(b, public, map[string][32]byte{}); err == nil {
		t.Error("a missing file verifies")
	}
}

// TestEveryByte changes each byte of a bundle: none may verify as another content, and what still verifies names the same model.
func TestEveryByte(t *testing.T) {
	manifest, b, public := signedBundle(t)
	survived := 0
	for i := range b {
		c := bytes.Clone(b)
		c[i] ^= 1
		if name, err := verify(c, public, one(manifest)); err == nil {
			survived++
			if name != "egfr-ckd-epi-2021" {
				t.Errorf("byte %d: %s", i, name)
			}
		}
	}
	if survived > 8 { // unused bits of base64 padding, a character of the empty keyid
		t.Errorf("%d changed bytes are of no consequence", survived)
	}
}

func TestKeysRefused(t *testing.T) {
	p521, err := ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&p521.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{"P-521": der, "empty": nil, "noise": []byte("key"), "trailing": append(bytes.Clone(der), 0)} {
		if _, err := KeyID(b); err == nil {
			t.Errorf("%s is a model key", name)
		}
	}
}

// vectorCase is a case of the upstream vectors.
type vectorCase struct {
	Name, Method, Expect, Signature string
	IgnorePaths                     []string `json:"ignore_paths"`
	PublicKey                       string   `json:"public_key"`
	ModelPath                       string   `json:"model_path"`
}

// TestVectors verifies the signatures that the upstream project made with its own tool.
func TestVectors(t *testing.T) {
	const name = "model-signing.vectors"
	gold := os.Getenv("WARD_GOLD")
	if gold == "" {
		fmt.Printf("suite %s total 9 pass 0 listed 0 notrun 9\n", name)
		t.Log("WARD_GOLD is not set: 9 vectors of model signing were NOT RUN")
		if os.Getenv("WARD_REQUIRE_ALL") == "1" {
			t.Fatal("WARD_REQUIRE_ALL=1 and no WARD_GOLD")
		}
		return
	}
	dir := filepath.Join(gold, "model-signing")
	raw, err := os.ReadFile(filepath.Join(dir, "cases.json"))
	if err != nil {
		t.Fatal(err)
	}
	var all struct{ Cases []vectorCase }
	if err := json.Unmarshal(raw, &all); err != nil {
		t.Fatal(err)
	}
	pass, listed := 0, 0
	for _, c := range all.Cases {
		if c.Method != "key" {
			// Listed: certificates are not a trust root of Ward; each must be refused, not passed over.
			b, err := os.ReadFile(filepath.Join(dir, c.Signature))
			if err != nil {
				t.Fatal(err)
			}
			if _, _, err := readBundle(b); ward.KindOf(err) != ward.Unprocessable {
				t.Errorf("%s: a certificate bundle is read: %v", c.Name, err)
			}
			t.Logf("listed %s: signed by a certificate, which Ward refuses: it trusts keys that a tenant names", c.Name)
			listed++
			continue
		}
		if vector(t, dir, c) {
			pass++
		}
	}
	fmt.Printf("suite %s total %d pass %d listed %d notrun 0\n", name, len(all.Cases), pass, listed)
}

func vector(t *testing.T, dir string, c vectorCase) bool {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, c.Signature))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(filepath.Join(dir, c.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(raw)
	files := vectorFiles(t, dir, c)
	_, err = verify(b, block.Bytes, files)
	if err != nil || c.Expect != "valid" {
		t.Errorf("%s: %v, expected %s", c.Name, err, c.Expect)
		return false
	}
	_, foreign := newSigner(t)
	if _, err := verify(b, foreign, files); err == nil {
		t.Errorf("%s: a foreign key verifies", c.Name)
	}
	for file := range files {
		was := files[file]
		files[file] = sha256.Sum256([]byte("tampered"))
		if _, err := verify(b, block.Bytes, files); err == nil {
			t.Errorf("%s: %s was changed and verifies", c.Name, file)
		}
		files[file] = was
	}
	return true
}

// vectorFiles hashes the files of the model, except the signature and what the case says to leave out. A model of one
// file has the resource name ".".
func vectorFiles(t *testing.T, dir string, c vectorCase) map[string][32]byte {
	t.Helper()
	root, files := filepath.Join(dir, c.ModelPath), map[string][32]byte{}
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, _ := filepath.Rel(dir, p)
		for _, ignored := range append(c.IgnorePaths, c.Signature) {
			if rel == ignored || strings.HasPrefix(rel, ignored+"/") {
				return nil
			}
		}
		content, err := os.ReadFile(p)
		name, _ := filepath.Rel(root, p)
		files[filepath.ToSlash(name)] = sha256.Sum256(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func FuzzBundle(f *testing.F) {
	manifest, b, public := signedBundle(f)
	f.Add(b)
	f.Add([]byte(`{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if name, err := verify(b, public, one(manifest)); err == nil && name != "egfr-ckd-epi-2021" {
			t.Fatalf("%q verifies", name)
		}
	})
}
