package e2e

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/rand"
	"errors"
	"path/filepath"
	"strings"
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

// TestCheckNamesThePackage: what was changed is told on a line of its own, and nothing of what it holds.
func TestCheckNamesThePackage(t *testing.T) {
	n := newNode(t, nil)
	n.ward("package", "add", packageFile(t, "one", 0))
	n.ward("package", "add", packageFile(t, "two", 0))
	n.ward("store", "check")
	if err := n.sql(`UPDATE fhir_package SET version = 'Kanarienvogel' WHERE name = 'one'`); err != nil {
		t.Fatal(err)
	}
	if err := n.sql(`UPDATE fhir_package SET body = (SELECT p.body FROM fhir_package p WHERE p.name = 'one') WHERE name = 'two'`); err != nil {
		t.Fatal(err)
	}
	out, errs, code := n.run("ward", "store", "check")
	if code != 3 || !strings.Contains(out, "fhir_package row 1 by name") || !strings.Contains(out, "fhir_package two") {
		t.Errorf("exit %d: %s%s", code, out, errs)
	}
	if strings.Contains(out+errs, "Kanarienvogel") {
		t.Errorf("content is told: %s%s", out, errs)
	}
}
