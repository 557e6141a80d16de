package mortality

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"testing"
)

// TestArtefactIsWhole: the manifest names exactly the files that go with it, by their digests, and takes the inputs that the model was
// trained on, in their units and with their codes.
func TestArtefactIsWhole(t *testing.T) {
	manifest, files := Artefact()
	var m struct {
		Files  []struct{ Name, SHA256 string }
		Inputs []struct {
			Name, Unit, Molecule string
			Charge               int
			Codes                []struct{ Code string }
		}
	}
	if err := json.Unmarshal(manifest, &m); err != nil {
		t.Fatal(err)
	}
	if len(m.Files) != len(files) {
		t.Errorf("%d files, the manifest names %d", len(files), len(m.Files))
	}
	for _, f := range m.Files {
		if sum := sha256.Sum256(files[f.Name]); hex.EncodeToString(sum[:]) != f.SHA256 {
			t.Errorf("%s is not the one that the manifest names", f.Name)
		}
	}
	var trained []struct {
		Name, Unit string
		Codes      []struct{ Code string }
		Molecule   struct {
			Formula string
			Charge  int
		}
	}
	if err := json.Unmarshal(read(t, "inputs.json"), &trained); err != nil {
		t.Fatal(err)
	}
	if len(trained) != len(m.Inputs) {
		t.Fatalf("%d inputs, trained on %d", len(m.Inputs), len(trained))
	}
	for i, in := range m.Inputs {
		w := trained[i]
		if in.Name != w.Name || in.Unit != w.Unit || in.Molecule != w.Molecule.Formula || in.Charge != w.Molecule.Charge || len(in.Codes) != len(w.Codes) {
			t.Errorf("%+v, trained on %+v", in, w)
			continue
		}
		for k, c := range in.Codes {
			if c.Code != w.Codes[k].Code {
				t.Errorf("%s: %s, trained on %s", in.Name, c.Code, w.Codes[k].Code)
			}
		}
	}
	manifest[0] = 'x'
	if again, _ := Artefact(); again[0] == 'x' {
		t.Error("a caller changed the embedded manifest")
	}
}
