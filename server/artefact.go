package server

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"io/fs"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/predict/registry"
)

// ReadArtefact reads manifest.json and the files that it names; what else lies in the folder is left alone.
func ReadArtefact(dir fs.FS) (registry.Artefact, error) {
	a := registry.Artefact{Files: map[string][]byte{}}
	var err error
	if a.Manifest, err = fs.ReadFile(dir, "manifest.json"); err != nil {
		return a, ward.E(ward.Invalid, "server.artefact", "the folder of an artefact holds manifest.json", err)
	}
	m, err := registry.Read(a.Manifest)
	if err != nil {
		return a, err
	}
	for _, f := range m.Files {
		if a.Files[f.Name], err = fs.ReadFile(dir, f.Name); err != nil {
			return a, ward.E(ward.Invalid, "server.artefact", "a file that the manifest names cannot be read", err).At(f.Name)
		}
	}
	return a, nil
}

// SignArtefact signs an artefact with its owner's key, which is used here and sent nowhere.
func SignArtefact(a registry.Artefact, key *ecdsa.PrivateKey, stage string) (ModelPush, error) {
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		return ModelPush{}, ward.E(ward.Invalid, "server.sign", "the key has no public form", err)
	}
	bundle, err := registry.Sign(a, owner{key}, public)
	return ModelPush{Manifest: a.Manifest, Files: a.Files, Bundle: bundle, Stage: registry.Stage(stage)}, err
}

// owner signs with a key that its owner holds.
type owner struct{ key *ecdsa.PrivateKey }

// Sign implements keys.Signer.
func (o owner) Sign(message []byte) ([]byte, error) {
	if o.key == nil {
		return nil, errors.New("no key")
	}
	sum := sha256.Sum256(message)
	return ecdsa.SignASN1(rand.Reader, o.key, sum[:])
}
