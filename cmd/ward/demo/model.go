package demo

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/http"
	"os"
	"path/filepath"

	"github.com/ward-health/ward/examples/mortality"
	"github.com/ward-health/ward/server"
)

// model signs the model of ten-year mortality with a key made here and pushes it: its owner keeps the key, the tenant trusts
// the public one.
func (t *tour) model(ctx context.Context) error {
	return t.do("sign and push a model of trees", func() (string, error) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return "", err
		}
		if err := t.keep(key); err != nil {
			return "", err
		}
		public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
		if err != nil {
			return "", err
		}
		var trusted server.ModelKey
		if err := t.port.json(ctx, t.admin, http.MethodPost, "/v1/model-keys", server.ModelKey{Public: public}, &trusted); err != nil {
			return "", err
		}
		a, err := server.ReadArtefact(mortality.Files())
		if err != nil {
			return "", err
		}
		push, err := server.SignArtefact(a, key, "active")
		if err != nil {
			return "", err
		}
		if err := t.refusedChanged(ctx, push); err != nil {
			return "", err
		}
		if err := t.port.json(ctx, t.admin, http.MethodPost, "/v1/models", push, nil); err != nil {
			return "", err
		}
		return fmt.Sprintf("signed by %.12s…; with one byte changed it is refused", trusted.ID), nil
	})
}

// keep leaves the key in the demo's directory, where its owner finds it.
func (t *tour) keep(key *ecdsa.PrivateKey) error {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(t.dir, "demo-model-key.pem"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600)
}

// refusedChanged pushes the artefact with one byte changed, which must be refused.
func (t *tour) refusedChanged(ctx context.Context, p server.ModelPush) error {
	files := map[string][]byte{}
	changed := false
	for name, b := range p.Files {
		files[name] = append([]byte(nil), b...)
		if !changed && len(b) > 100 {
			files[name][len(b)/2] ^= 1
			changed = true
		}
	}
	p.Files = files
	if err := t.port.json(ctx, t.admin, http.MethodPost, "/v1/models", p, nil); err == nil {
		return fmt.Errorf("a changed artefact was taken")
	}
	return nil
}
