package definition_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/clinical/fhir/definition"
)

// gold opens a file of the public test data, or says loudly that the test did not run.
func gold(t testing.TB, parts ...string) []byte {
	t.Helper()
	root := os.Getenv("WARD_GOLD")
	if root == "" {
		if os.Getenv("WARD_REQUIRE_ALL") == "1" {
			t.Fatal("WARD_GOLD is not set")
		}
		fmt.Printf("NOT RUN: %s needs WARD_GOLD\n", t.Name())
		t.SkipNow()
	}
	b, err := os.ReadFile(filepath.Join(append([]string{root}, parts...)...))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func tgz(files ...string) []byte {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	w := tar.NewWriter(z)
	for i := 0; i < len(files); i += 2 {
		_ = w.WriteHeader(&tar.Header{Name: files[i], Mode: 0o600, Size: int64(len(files[i+1])), Typeflag: tar.TypeReg})
		_, _ = w.Write([]byte(files[i+1]))
	}
	_ = w.Close()
	_ = z.Close()
	return out.Bytes()
}

// TestUSCore: the packages load, their profiles have snapshots, what they refer to and is not there is named.
func TestUSCore(t *testing.T) {
	p, err := definition.ReadPackage(bytes.NewReader(gold(t, "us-core", "us_core_610.tgz")), definition.PackageLimits{})
	if err != nil {
		t.Fatal(err)
	}
	if p.Name != "hl7.fhir.us.core" || p.Version != "6.1.0" {
		t.Errorf("%s#%s", p.Name, p.Version)
	}
	before := definition.R4().Structure("http://hl7.org/fhir/us/core/StructureDefinition/us-core-patient")
	s, open := definition.R4().With(p)
	d := s.Structure("http://hl7.org/fhir/us/core/StructureDefinition/us-core-patient|6.1.0")
	if before != nil || d == nil || d.Partial || len(d.Elements) < 40 || d.Type != "Patient" || d.Package != "hl7.fhir.us.core#6.1.0" {
		t.Fatalf("%+v", d)
	}
	if s.Structure("http://hl7.org/fhir/us/core/StructureDefinition/us-core-patient|5.0.1") != nil {
		t.Error("another version is found")
	}
	if s.MemberOf("http://hl7.org/fhir/us/core/ValueSet/us-core-clinical-note-type", "http://loinc.org", "18842-5") != definition.Yes {
		t.Error("a code of a package's value set is not known")
	}
	if len(open) == 0 {
		t.Error("nothing is missing, though the package depends on others")
	}
	for _, i := range open {
		if !strings.Contains(i.Text, "not checked") {
			t.Errorf("%+v", i)
		}
	}
	for _, p := range s.SearchParameters("Patient") {
		if strings.HasPrefix(p.URL, "http://hl7.org/fhir/us/core/") {
			return
		}
	}
	t.Error("no search parameter of the package")
}

// TestPackageRefused: what is no package is refused with its reason, what is too large at its bound.
func TestPackageRefused(t *testing.T) {
	head := `{"name":"a","version":"1.0.0"}`
	for name, c := range map[string]struct {
		body  []byte
		kind  ward.ErrorKind
		limit definition.PackageLimits
	}{
		"no archive":      {body: []byte("nothing"), kind: ward.Invalid},
		"no package.json": {body: tgz("package/x.json", `{}`), kind: ward.Invalid},
		"outside":         {body: tgz("package/../package.json", head), kind: ward.Invalid},
		"damaged":         {body: tgz("package/package.json", head)[:60], kind: ward.Invalid},
		"not JSON":        {body: tgz("package/package.json", head, "package/a.json", "{"), kind: ward.Invalid},
		"other version":   {body: tgz("package/package.json", `{"name":"a","version":"1.0.0","fhirVersions":["5.0.0"]}`), kind: ward.Invalid},
		"no url":          {body: tgz("package/package.json", head, "package/a.json", `{"resourceType":"StructureDefinition"}`), kind: ward.Invalid},
		"large file":      {body: tgz("package/package.json", head, "package/a.json", `{"a":"`+strings.Repeat("x", 1000)+`"}`), kind: ward.TooLarge, limit: definition.PackageLimits{File: 100}},
		"many files":      {body: tgz("package/package.json", head, "b", "", "c", ""), kind: ward.TooLarge, limit: definition.PackageLimits{Files: 2}},
		"a bomb":          {body: tgz("package/package.json", head, "package/a.txt", strings.Repeat("x", 1<<20)), kind: ward.TooLarge, limit: definition.PackageLimits{Bytes: 1 << 16}},
	} {
		if _, err := definition.ReadPackage(bytes.NewReader(c.body), c.limit); ward.KindOf(err) != c.kind {
			t.Errorf("%s: %v", name, err)
		}
	}
	if p, err := definition.ReadPackage(bytes.NewReader(tgz("package/package.json", head, "package/example/p.json", "{", "package/.index.json", "{")), definition.PackageLimits{}); err != nil || p.Name != "a" {
		t.Error(err)
	}
}

func FuzzReadPackage(f *testing.F) {
	f.Add([]byte(`{"name":"a","version":"1"}`), []byte(`{"resourceType":"ValueSet","url":"u","compose":{"include":[{"valueSet":["u"]}]}}`))
	f.Add([]byte(`{"name":"a","version":"1"}`), []byte(`{"resourceType":"StructureDefinition","url":"u","type":"Patient","differential":{"element":[{"path":"Patient","max":"-1"}]}}`))
	f.Add([]byte(`{"name":"a","version":"1"}`), []byte(`{"resourceType":"CodeSystem","url":"u","content":"complete","concept":[{"code":"a","concept":[{"code":"a"}]}]}`))
	f.Fuzz(func(_ *testing.T, head, body []byte) {
		p, err := definition.ReadPackage(bytes.NewReader(tgz("package/package.json", string(head), "package/a.json", string(body))), definition.PackageLimits{})
		if err != nil {
			return
		}
		s, _ := definition.R4().With(p)
		s.MemberOf("u", "", "a")
	})
}
