package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/ward-health/ward/server"
)

type modelCmd struct {
	Push   modelPushCmd   `cmd:"" help:"Sign an artefact and let it answer."`
	List   modelListCmd   `cmd:"" help:"List models with their stages."`
	Show   modelShowCmd   `cmd:"" help:"Show one version, its signature and history."`
	Verify modelVerifyCmd `cmd:"" help:"Verify every model anew; exit code 3 when one does not hold."`
	Stage  modelStageCmd  `cmd:"" help:"Change what a version is used for: active, shadow, retired."`
	Trust  modelTrustCmd  `cmd:"" help:"Accept the signatures of a key, or list the keys that are accepted."`
	Key    modelKeyCmd    `cmd:"" help:"Make a signing key."`
}

type modelPushCmd struct {
	Artefact string `arg:"" help:"Folder with manifest.json and the files that it names." type:"existingdir"`
	Key      string `help:"Private key that signs, PEM (ward model key makes one). It stays here." required:"" type:"existingfile" placeholder:"FILE"`
	Stage    string `help:"active or shadow." default:"active" enum:"active,shadow"`
}

// Help is shown by ward model push --help.
func (modelPushCmd) Help() string {
	return `Signs manifest and files in the OpenSSF model-signing form and sends them to the node. The tenant must trust the public key (ward
model trust). A version never changes: other files need another version in the manifest.`
}

// Run implements the verb.
func (c modelPushCmd) Run(s *session) error {
	a, err := server.ReadArtefact(os.DirFS(c.Artefact))
	if err != nil {
		return err
	}
	key, err := readKey(c.Key)
	if err != nil {
		return err
	}
	push, err := server.SignArtefact(a, key, c.Stage)
	if err != nil {
		return err
	}
	return s.with(s.tenant, func(a *api) error {
		if err := a.call(http.MethodPost, "/v1/models", push, nil); err != nil {
			return err
		}
		s.say("pushed as %s: sha256 %x", c.Stage, sha256.Sum256(push.Manifest))
		return nil
	})
}

// readKey reads an ECDSA P-256 key in PKCS #8 PEM.
func readKey(path string) (*ecdsa.PrivateKey, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, misused(path + " holds no PEM block")
	}
	any, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	key, ok := any.(*ecdsa.PrivateKey)
	if err != nil || !ok || key.Curve != elliptic.P256() {
		return nil, misused(path + " must hold an ECDSA key on P-256 in PKCS #8")
	}
	return key, nil
}

type modelKeyCmd struct {
	File string `arg:"" help:"Where to write the private key; the public key goes beside it with .pub." type:"path"`
}

// Run implements the verb.
func (c modelKeyCmd) Run(s *session) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		return err
	}
	for _, f := range []struct {
		path, kind string
		der        []byte
		mode       os.FileMode
	}{{c.File, "PRIVATE KEY", private, 0o600}, {c.File + ".pub", "PUBLIC KEY", public, 0o644}} {
		if err := writeNew(f.path, pem.EncodeToMemory(&pem.Block{Type: f.kind, Bytes: f.der}), f.mode); err != nil {
			return err
		}
	}
	s.say("%s\n%s.pub", c.File, c.File)
	return nil
}

// writeNew writes a file that must not exist yet.
func writeNew(path string, text []byte, mode os.FileMode) error {
	f, err := os.OpenFile(filepath.Clean(path), os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Close())
}

type modelTrustCmd struct {
	Public string `arg:"" optional:"" help:"Public key, PEM. Left out: list the keys." type:"existingfile"`
}

// Run implements the verb.
func (c modelTrustCmd) Run(s *session) error {
	return s.with(s.tenant, func(a *api) error {
		if c.Public == "" {
			var have []server.ModelKey
			if err := a.call(http.MethodGet, "/v1/model-keys", nil, &have); err != nil {
				return err
			}
			var rows [][]string
			for _, k := range have {
				rows = append(rows, []string{k.ID, k.Added.Local().Format("2006-01-02 15:04:05")})
			}
			return s.table(have, "KEY ADDED", rows)
		}
		text, err := os.ReadFile(c.Public)
		if err != nil {
			return err
		}
		block, _ := pem.Decode(text)
		if block == nil || block.Type != "PUBLIC KEY" {
			return misused(c.Public + " must hold a public key in PEM")
		}
		var k server.ModelKey
		if err := a.call(http.MethodPost, "/v1/model-keys", server.ModelKey{Public: block.Bytes}, &k); err != nil {
			return err
		}
		s.say("trusted: %s", k.ID)
		return nil
	})
}

type modelListCmd struct{}

// Run implements the verb.
func (modelListCmd) Run(s *session) error {
	return s.with(s.tenant, func(a *api) error {
		var have []server.Model
		if err := a.call(http.MethodGet, "/v1/models", nil, &have); err != nil {
			return err
		}
		var rows [][]string
		for _, m := range have {
			rows = append(rows, []string{m.Name, m.Version, string(m.Stage), m.Pushed.Local().Format("2006-01-02 15:04:05"), m.Digest})
		}
		return s.table(have, "NAME VERSION STAGE PUSHED DIGEST", rows)
	})
}

// choose finds the one version that a name, name@version or the beginning of a digest stands for.
func choose(a *api, what string) (server.Model, error) {
	var have, fit []server.Model
	if err := a.call(http.MethodGet, "/v1/models", nil, &have); err != nil {
		return server.Model{}, err
	}
	for _, m := range have {
		if m.Name+"@"+m.Version == what || len(what) >= 8 && strings.HasPrefix(m.Digest, what) || m.Name == what && m.Stage == "active" {
			fit = append(fit, m)
		}
	}
	if len(fit) != 1 {
		return server.Model{}, misused(fmt.Sprintf("%d models fit %q: give name@version or a digest (ward model list)", len(fit), what))
	}
	return fit[0], nil
}

type modelShowCmd struct {
	Model string `arg:"" help:"Name (the active version), name@version or digest."`
}

// Run implements the verb.
func (c modelShowCmd) Run(s *session) error {
	return s.with(s.tenant, func(a *api) error {
		m, err := choose(a, c.Model)
		if err != nil {
			return err
		}
		var shown server.ModelShown
		if err := a.call(http.MethodGet, path("v1", "models", m.Digest), nil, &shown); err != nil {
			return err
		}
		verified := "digest, files and signature hold"
		if shown.Fault != "" {
			verified = shown.Fault
		}
		rows := [][]string{{"model", shown.Name + "@" + shown.Version}, {"title", shown.Title}, {"stage", string(shown.Stage)}, {"digest", shown.Digest},
			{"signed by", shown.Key}, {"verified", verified}}
		for _, e := range shown.History {
			rows = append(rows, []string{"history", fmt.Sprintf("%s %s %.16s… entry %s", e.At.Local().Format("2006-01-02 15:04:05"), e.Stage, e.Digest, e.Entry)})
		}
		return s.table(shown, "", rows)
	})
}

type modelVerifyCmd struct{}

// Run implements the verb.
func (modelVerifyCmd) Run(s *session) error {
	bad := 0
	err := s.with(s.tenant, func(a *api) error {
		var have []server.Model
		if err := a.call(http.MethodGet, "/v1/models", nil, &have); err != nil {
			return err
		}
		var rows [][]string
		for _, m := range have {
			var shown server.ModelShown
			if err := a.call(http.MethodGet, path("v1", "models", m.Digest), nil, &shown); err != nil {
				return err
			}
			what := "holds"
			if shown.Fault != "" {
				what = shown.Fault
				bad++
			}
			rows = append(rows, []string{m.Name + "@" + m.Version, string(m.Stage), what})
		}
		return s.table(have, "MODEL STAGE SIGNATURE", rows)
	})
	if err == nil && bad > 0 {
		return faults{bad}
	}
	return err
}

type modelStageCmd struct {
	Model string `arg:"" help:"name@version or digest."`
	Stage string `arg:"" help:"active, shadow or retired." enum:"active,shadow,retired"`
}

// Run implements the verb.
func (c modelStageCmd) Run(s *session) error {
	return s.with(s.tenant, func(a *api) error {
		m, err := choose(a, c.Model)
		if err != nil {
			return err
		}
		if err := a.call(http.MethodPost, path("v1", "models", m.Digest, "stage"), map[string]string{"stage": c.Stage}, nil); err != nil {
			return err
		}
		s.say("%s@%s is %s", m.Name, m.Version, c.Stage)
		return nil
	})
}
