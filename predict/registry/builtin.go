package registry

import (
	"bytes"
	_ "embed"
)

//go:embed egfr/manifest.json
var egfr []byte

// Builtin returns the artefacts that Ward brings along, unsigned: a tenant's server signs and pushes them.
func Builtin() []Artefact { return []Artefact{{Manifest: bytes.Clone(egfr)}} }
