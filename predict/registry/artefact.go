package registry

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/engine/keys"
	"github.com/ward-health/ward/predict/conformal"
	"github.com/ward-health/ward/predict/engine"
	"github.com/ward-health/ward/predict/explain"
)

// Artefact is an unverified artefact: a manifest and the files that it names, and nothing else yet.
type Artefact struct {
	Manifest []byte
	Files    map[string][]byte // by name
}

// digests returns the digest of every part under its name.
func (a Artefact) digests() map[string][32]byte {
	out := map[string][32]byte{resourceName: sha256.Sum256(a.Manifest)}
	for name, b := range a.Files {
		out[name] = sha256.Sum256(b)
	}
	return out
}

// read reads the manifest and compares the files with what it says of them.
func (a Artefact) read() (Manifest, error) {
	m, err := Read(a.Manifest)
	if err != nil {
		return m, err
	}
	if len(a.Files) != len(m.Files) {
		return m, wrong("/files", "the artefact must hold exactly the files that its manifest names")
	}
	for _, f := range m.Files {
		b, ok := a.Files[f.Name]
		if len(b) > MaxFile {
			return m, ward.E(ward.TooLarge, "registry.artefact", "a file of an artefact is at most 8 MiB", nil).At(f.Name)
		}
		if sum := sha256.Sum256(b); !ok || hex.EncodeToString(sum[:]) != f.SHA256 {
			return m, unsigned("a file of the artefact is missing or is not the one that the manifest names", nil)
		}
	}
	return m, nil
}

// Sign makes the signature bundle of an artefact with the owner's key; public is PKIX DER. The artefact must be sound.
func Sign(a Artefact, s keys.Signer, public []byte) ([]byte, error) {
	m, err := a.read()
	if err != nil {
		return nil, err
	}
	_, kid, err := parseKey(public)
	if err != nil {
		return nil, err
	}
	return sign(m.Name, a.digests(), s, kid)
}

// Verified is an artefact whose digest and signature hold. Only this package makes one; the zero Verified answers nothing.
type Verified struct {
	digest      [32]byte
	manifest    Manifest
	key         string
	equation    *engine.Equation
	trees       *engine.Trees
	explainer   *explain.Explainer
	calibration *conformal.Calibration
	order       []int // of the trees' features: the position of each in Manifest.Inputs
}

// Digest returns the SHA-256 of the manifest's bytes, zero for the zero Verified.
func (v Verified) Digest() [32]byte { return v.digest }

// Manifest returns what was declared. Its slices are shared: callers do not change them.
func (v Verified) Manifest() Manifest { return v.manifest }

// Key returns the id of the key under which the signature holds.
func (v Verified) Key() string { return v.key }

// Equation returns the compiled formula, nil for other kinds and the zero Verified.
func (v Verified) Equation() *engine.Equation { return v.equation }

// Trees returns the ensemble, nil for other kinds.
func (v Verified) Trees() *engine.Trees { return v.trees }

// Explainer returns the ensemble's compiled explanations, nil for other kinds.
func (v Verified) Explainer() *explain.Explainer { return v.explainer }

// Calibration returns the table of intervals, nil where none is declared.
func (v Verified) Calibration() *conformal.Calibration { return v.calibration }

// Order returns, for each feature of the trees, the position of its input in the manifest.
func (v Verified) Order() []int { return v.order }

// Model returns name@version.
func (v Verified) Model() string { return v.manifest.Name + "@" + v.manifest.Version }

// Semantics names the engines by which the model answers, as decisions record them.
func (v Verified) Semantics() string {
	if v.manifest.Kind != KindTrees {
		return engine.Version
	}
	s := engine.TreesVersion + " " + explain.Version
	if v.calibration != nil {
		s += " " + v.calibration.Method()
	}
	return s
}

// compile turns the files into what answers.
func compile(a Artefact, m Manifest) (Verified, error) {
	v := Verified{digest: sha256.Sum256(a.Manifest), manifest: m}
	var err error
	if m.Kind == KindFormula {
		v.equation, err = engine.Compile(m.Formula)
		return v, err
	}
	if v.trees, err = engine.ReadXGBoost(a.Files[m.Trees.File]); err != nil {
		return v, err
	}
	if v.trees.Objective() != engine.Logistic {
		return v, ward.E(ward.Unsupported, "registry.compile", "a model of trees must have the objective "+engine.Logistic, nil).At(m.Trees.File)
	}
	if !slices.Equal(v.trees.Features(), m.Trees.Features) {
		return v, wrong("/trees/features", "must be the features of the file, in its order")
	}
	for _, f := range m.Trees.Features {
		for i, in := range m.Inputs {
			if in.Name == f {
				v.order = append(v.order, i)
			}
		}
	}
	if v.explainer, err = explain.Compile(v.trees, explain.Options{}); err != nil {
		return v, err
	}
	if m.Interval.File != "" {
		if v.calibration, err = conformal.Read(a.Files[m.Interval.File]); err != nil {
			return v, err
		}
		if v.calibration.Method() != m.Interval.Method {
			return v, wrong("/interval/method", "the calibration file is of another method")
		}
	}
	return v, nil
}
