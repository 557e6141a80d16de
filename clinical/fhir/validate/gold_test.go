package validate_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/ward-health/ward/clinical/fhir/definition"
	"github.com/ward-health/ward/clinical/fhir/tree"
)

// totals are the numbers of cases of the suites, for when they do not run.
var totals = map[string]int{"validator.r4": 325, "validator.r4.rest": 80, "us-core.6.1.0": 183}

// gold returns the folder of the public test data; if there is none it says loudly what does not run.
func gold(t testing.TB, what string, suites ...string) string {
	t.Helper()
	dir := os.Getenv("WARD_GOLD")
	if dir == "" {
		for _, s := range suites {
			fmt.Printf("suite %s total %d pass 0 listed 0 notrun %d\n", s, totals[s], totals[s])
		}
		if os.Getenv("WARD_REQUIRE_ALL") == "1" {
			t.Fatalf("WARD_GOLD is not set: %s did not run", what)
		}
		fmt.Printf("NOT RUN: WARD_GOLD is not set: %s\n", what)
		t.SkipNow()
	}
	return dir
}

// unzip reads all files of a zip archive.
func unzip(t testing.TB, name string) map[string][]byte {
	t.Helper()
	z, err := zip.OpenReader(name)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	out := map[string][]byte{}
	for _, f := range z.File {
		if f.FileInfo().IsDir() {
			continue
		}
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		out[f.Name] = b
	}
	return out
}

func parse(t testing.TB, src []byte) *tree.Doc {
	t.Helper()
	d := &tree.Doc{}
	if err := d.Parse(src, tree.Limits{}); err != nil {
		t.Fatal(err)
	}
	return d
}

// readPackage reads a package of the gold data.
func readPackage(t testing.TB, path ...string) *definition.Package {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	p, err := definition.ReadPackage(bytes.NewReader(b), definition.PackageLimits{})
	if err != nil {
		t.Fatal(err)
	}
	return p
}
