package mortality

import (
	"embed"
	"io/fs"
)

//go:embed artefact
var artefact embed.FS

// Files returns the files of the folder artefact: manifest.json (ward/model/2), model.json (XGBoost's JSON), calibration.json
// (ward/calibration/1), CARD.md (the model card), and what belongs to their making alone, inputs.json (each feature with
// codes, unit, molecule and the range seen in training) and card.json (the numbers of the model card).
func Files() fs.FS {
	files, err := fs.Sub(artefact, "artefact")
	if err != nil {
		panic(err) // the folder is embedded above
	}
	return files
}

// Artefact returns what is signed and pushed: the manifest and the files that it names, by name. The bytes are the caller's.
func Artefact() (manifest []byte, files map[string][]byte) {
	files = map[string][]byte{}
	for _, name := range []string{"CARD.md", "calibration.json", "model.json"} {
		files[name] = part(name)
	}
	return part("manifest.json"), files
}

func part(name string) []byte {
	b, err := artefact.ReadFile("artefact/" + name)
	if err != nil {
		panic(err) // the folder is embedded above
	}
	return b
}
