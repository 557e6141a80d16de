package e2e

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/rand"
	"errors"
	"path/filepath"
	"testing"
)

// strict is the URL of a profile that wants a Patient to have a name.
const strict = "urn:ward-test:strict"

// packageFile writes a FHIR package with the profile strict, and with as many bytes more as are given.
func packageFile(t *testing.T, name string, more int) string {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	noise := make([]byte, more)
	rand.Read(noise)
	for _, f := range []struct{ name, text string }{
		{"package.json", `{"name":"` + name + `","version":"1.0.0"}`},
		{"strict.json", `{"resourceType":"StructureDefinition","url":"` + strict + `","name":"Strict","status":"active","kind":"resource","abstract":false,"type":"Patient",` +
			`"baseDefinition":"http://hl7.org/fhir/StructureDefinition/Patient","derivation":"constraint","differential":{"element":[{"id":"Patient.name","path":"Patient.name","min":1}]}}`},
		{"noise.txt", string(noise)},
	} {
		err := w.WriteHeader(&tar.Header{Name: "package/" + f.name, Mode: 0o600, Size: int64(len(f.text)), Typeflag: tar.TypeReg})
		if _, werr := w.Write([]byte(f.text)); errors.Join(err, werr) != nil {
			t.Fatal("no package could be made")
		}
	}
	if errors.Join(w.Close(), z.Close()) != nil {
		t.Fatal("no package could be made")
	}
	file := filepath.Join(t.TempDir(), name+".tgz")
	write(t, file, b.String())
	return file
}
