package mortality

import (
	"embed"
	"io/fs"
)

//go:embed artefact
var artefact embed.FS

// Files returns the files of the artefact: model.json (XGBoost's JSON), calibration.json (ward/calibration/1), inputs.json
// (each feature with codes, unit, molecule and the range seen in training), card.json and CARD.md (the model card).
func Files() fs.FS {
	files, err := fs.Sub(artefact, "artefact")
	if err != nil {
		panic(err) // the folder is embedded above
	}
	return files
}
