package structure_test

import (
	"archive/tar"
	"archive/zip"
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ward-health/ward/clinical/fhir/structure"
	"github.com/ward-health/ward/clinical/fhir/tree"
)

// goldTotal is how many resources the gold data have that are meant to be valid R4.
const goldTotal = 8187

// listed are resources that are meant to be valid where they come from and are not here, by name with the reason and the ids that are found.
var listed = map[string]struct{ reason, ids string }{
	"us_core_610.tgz/package/other/validation-oo.json": {"OperationOutcomes without an issue, which is 1..*", "cardinality-min"},
	"us_core_800.tgz/package/other/validation-oo.json": {"OperationOutcomes without an issue, which is 1..*", "cardinality-min"},
	"fhirpath-r4/explanationofbenefit-example.json":    {"an input that lacks required elements", "cardinality-min"},
	"fhirpath-r4/patient-container-example.json":       {"an input whose reference is an id alone", "contained-unreferenced reference-form"},
	"validator/matchetype-pattern-1":                   {"a pattern of the test harness (\\$instant\\$) stands for a dateTime", "primitive-form"},
	"validator/contained-resource-bad-id-ignore":       {"the case switches the check of contained ids off", "contained-unreferenced primitive-form"},
	"validator/json-comments-1-yes":                    {"JSON with comments, which the case allows", "json-syntax"},
	"validator/json-comments-2-yes":                    {"JSON with comments, which the case allows", "json-syntax"},
	"validator/json-prop-key":                          {"an instance of a logical model, not a resource", "resource-type-missing"},
	"validator/shc-bundle":                             {"a signed health card, not a resource", "json-syntax"},
}

// TestGold reads every gold resource that is meant to be valid: written again from the tape it has the same bytes (white space between tokens
// apart), and the check finds nothing but what is listed.
func TestGold(t *testing.T) {
	const name = "structure.gold"
	dir := os.Getenv("WARD_GOLD")
	if dir == "" {
		fmt.Printf("suite %s total %d pass 0 listed 0 notrun %d\n", name, goldTotal, goldTotal)
		if os.Getenv("WARD_REQUIRE_ALL") == "1" {
			t.Fatalf("WARD_REQUIRE_ALL=1 and no WARD_GOLD: %d resources were not run", goldTotal)
		}
		return
	}
	var g gold
	g.synthea(t, dir)
	g.packages(t, dir)
	g.plain(t, dir)
	g.validator(t, dir)
	n := 0
	for known := range listed {
		if !g.seen[known] {
			t.Errorf("%s is listed and was not met, or is found valid", known)
		}
		n++
	}
	fmt.Printf("suite %s total %d pass %d listed %d notrun 0\n", name, g.total, g.pass, n)
	if g.total != goldTotal || g.pass+n != g.total {
		t.Errorf("%d resources, %d pass, %d listed; the gold data have %d", g.total, g.pass, n, goldTotal)
	}
}

// gold counts.
type gold struct {
	total, pass int
	seen        map[string]bool // listed ones that were met
	doc         tree.Doc
	check       structure.Checker
}

// one checks one resource.
func (g *gold) one(t *testing.T, name string, src []byte) {
	t.Helper()
	g.total++
	ids := "json-syntax"
	if err := g.doc.Parse(src, tree.Limits{}); err == nil {
		var want bytes.Buffer
		if err := json.Compact(&want, src); err != nil {
			t.Fatal(err)
		}
		if got := written(nil, &g.doc, 0); !bytes.Equal(got, want.Bytes()) {
			t.Errorf("%s: the tape gives other bytes", name)
			return
		}
		ids = ""
		if !g.check.Check(schema(), &g.doc, structure.Options{}) {
			found := map[string]bool{}
			for _, i := range g.check.Issues {
				found[i.ID] = true
			}
			for _, id := range []string{structure.IDTypeMissing, structure.IDMin, structure.IDContainedUnref, structure.IDPrimitive, structure.IDReference} {
				if found[id] {
					ids += " " + id
					delete(found, id)
				}
			}
			ids = strings.TrimSpace(ids + fmt.Sprint(found)[len("map["):])
			ids = strings.TrimSuffix(ids, "]")
		}
	}
	switch l, known := listed[name]; {
	case ids == "" && !known:
		g.pass++
	case known && l.ids == ids:
		if g.seen == nil {
			g.seen = map[string]bool{}
		}
		g.seen[name] = true
	default:
		t.Errorf("%s: found %q, listed %q", name, ids, l.ids)
		for i := range min(len(g.check.Issues), 3) {
			t.Logf("  %+v", g.check.Issues[i])
		}
	}
}

// written writes a node and all in it from the tape alone.
func written(b []byte, d *tree.Doc, n int) []byte {
	v := &d.Nodes[n]
	if v.Kind != tree.Object && v.Kind != tree.Array {
		return append(b, d.Raw(n)...)
	}
	open, end := byte('{'), byte('}')
	if v.Kind == tree.Array {
		open, end = '[', ']'
	}
	b = append(b, open)
	for at := d.First(n); at != tree.None; at = d.Sibling(at) {
		if at != d.First(n) {
			b = append(b, ',')
		}
		if v.Kind == tree.Object {
			b = append(append(append(b, '"'), d.Src[d.Nodes[at].Name:][:d.Nodes[at].NameLen]...), '"', ':')
		}
		b = written(b, d, at)
	}
	return append(b, end)
}

func (g *gold) synthea(t *testing.T, dir string) {
	for i, l := range goldLines(t) {
		g.one(t, fmt.Sprintf("synthea-10/%d", i), l)
	}
}

// packages reads the resources of US Core, examples and definitions.
func (g *gold) packages(t *testing.T, dir string) {
	for _, name := range []string{"us_core_610.tgz", "us_core_800.tgz"} {
		f, err := os.Open(filepath.Join(dir, "us-core", name))
		if err != nil {
			t.Fatal(err)
		}
		z, err := gzip.NewReader(f)
		if err != nil {
			t.Fatal(err)
		}
		for r := tar.NewReader(z); ; {
			h, err := r.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(r)
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasSuffix(h.Name, ".json") && isResource(body) {
				g.one(t, name+"/"+h.Name, body)
			}
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func isResource(body []byte) bool {
	var r struct{ ResourceType string }
	return json.Unmarshal(body, &r) == nil && r.ResourceType != ""
}

// plain reads the JSON inputs of the FHIRPath suite.
func (g *gold) plain(t *testing.T, dir string) {
	root := filepath.Join(dir, "fhirpath-r4", "r4")
	err := filepath.WalkDir(root, func(file string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || filepath.Ext(file) != ".json" {
			return err
		}
		body, err := os.ReadFile(file)
		if err == nil {
			g.one(t, "fhirpath-r4/"+filepath.Base(file), body)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// validator reads those R4 JSON cases of the validator's suite in which the outside validator finds no error.
func (g *gold) validator(t *testing.T, dir string) {
	z, err := zip.OpenReader(filepath.Join(dir, "fhir-validator-r4", "validator-r4.zip"))
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	read := func(name string) []byte {
		b, err := fs.ReadFile(z, path.Join("validator", name))
		if err != nil {
			return nil
		}
		return b
	}
	var m struct {
		Cases []struct {
			Name, File, Version string
			Java                json.RawMessage
		} `json:"test-cases"`
	}
	if err := json.Unmarshal(read("manifest.json"), &m); err != nil {
		t.Fatal(err)
	}
	for _, c := range m.Cases {
		src := read(c.File)
		if (c.Version == "4.0" || c.Version == "4.0.1") && strings.HasSuffix(c.File, ".json") && src != nil && clean(c.Java, read) {
			g.one(t, "validator/"+c.Name, src)
		}
	}
}

// clean reports whether an outcome is there and has no error.
func clean(java json.RawMessage, read func(string) []byte) bool {
	type issues struct {
		Issue []struct{ Severity string }
	}
	var o struct {
		issues
		Outcome *issues
	}
	var name string
	if json.Unmarshal(java, &name) == nil {
		java = read("outcomes/" + name)
	}
	if json.Unmarshal(java, &o) != nil {
		return false
	}
	if o.Outcome != nil {
		o.issues = *o.Outcome
	}
	for _, i := range o.Issue {
		if i.Severity == "error" || i.Severity == "fatal" {
			return false
		}
	}
	return true
}

// goldLines returns the resources of the public set, nil without it.
func goldLines(t testing.TB) (lines [][]byte) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(os.Getenv("WARD_GOLD"), "synthea-10", "*.ndjson"))
	if err != nil || os.Getenv("WARD_GOLD") == "" {
		return nil
	}
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		s := bufio.NewScanner(f)
		s.Buffer(nil, 16<<20)
		for s.Scan() {
			lines = append(lines, bytes.Clone(s.Bytes()))
		}
		if err := s.Err(); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return lines
}

// BenchmarkCheck parses and checks the resources of the public set in turn.
func BenchmarkCheck(b *testing.B) {
	lines := goldLines(b)
	if len(lines) == 0 {
		b.Skip("WARD_GOLD is not set")
	}
	var c structure.Checker
	var d tree.Doc
	size := 0
	for _, l := range lines {
		size += len(l)
		if err := d.Parse(l, tree.Limits{}); err != nil {
			b.Fatal(err)
		}
		c.Check(schema(), &d, structure.Options{})
	}
	b.SetBytes(int64(size / len(lines)))
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		if err := d.Parse(lines[i%len(lines)], tree.Limits{}); err != nil {
			b.Fatal(err)
		}
		c.Check(schema(), &d, structure.Options{})
		i++
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "resources/s")
}
