package validate_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ward-health/ward/clinical/fhir/definition"
	"github.com/ward-health/ward/clinical/fhir/issue"
	"github.com/ward-health/ward/clinical/fhir/tree"
	"github.com/ward-health/ward/clinical/fhir/validate"
)

// usCore reads a US Core package: its definitions, and its examples by file name.
func usCore(t testing.TB, version string, suites ...string) (*definition.Package, map[string][]byte) {
	t.Helper()
	dir := filepath.Join(gold(t, "the examples of US Core", suites...), "us-core")
	name := filepath.Join(dir, "us_core_"+version+".tgz")
	return readPackage(t, name), examples(t, name)
}

// examples reads what lies in the folder example of a package.
func examples(t testing.TB, name string) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	files(t, name, func(path string, body []byte) {
		var head struct{ ResourceType string }
		if filepath.Dir(path) == "package/example" && strings.HasSuffix(path, ".json") && json.Unmarshal(body, &head) == nil && head.ResourceType != "" {
			out[filepath.Base(path)] = body
		}
	})
	return out
}

// files calls fn for the files of a package.
func files(t testing.TB, name string, fn func(path string, body []byte)) {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	for in := tar.NewReader(z); ; {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(in)
		if err != nil {
			t.Fatal(err)
		}
		fn(h.Name, body)
	}
}

// claiming lists the smaller ones that claim a profile, compacted, in an order that does not change.
func claiming(all map[string][]byte) (out [][]byte) {
	for _, name := range slices.Sorted(maps.Keys(all)) {
		d := &tree.Doc{}
		if b := all[name]; len(b) < 12000 && bytes.Contains(b, []byte(`"profile"`)) && d.Parse(b, tree.Limits{}) == nil {
			out = append(out, compacted(d))
		}
	}
	return out
}

// unpacked returns a folder with the definitions of a package.
func unpacked(t *testing.T, name string) string {
	t.Helper()
	dir := t.TempDir()
	files(t, name, func(path string, body []byte) {
		if filepath.Dir(path) == "package" {
			if err := os.WriteFile(filepath.Join(dir, filepath.Base(path)), body, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	})
	return dir
}

// TestUSCore validates the examples of US Core 6.1.0 against the profiles that they claim.
func TestUSCore(t *testing.T) {
	p, all := usCore(t, "610", "us-core.6.1.0")
	set, _ := definition.R4().With(p)
	v := validate.New(set, validate.Options{})
	if len(all) != totals["us-core.6.1.0"] {
		t.Errorf("the package has %d examples", len(all))
	}
	total, pass, exceptions := 0, 0, 0
	for name, body := range all {
		total++
		d := &tree.Doc{}
		if err := d.Parse(body, tree.Limits{}); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		issues := v.Validate(d)
		reason, isListed := usCoreListed[name]
		switch ok := issue.Valid(issues); {
		case ok && isListed:
			t.Errorf("%s is listed (%s) and is valid: take it off the list", name, reason)
		case ok:
			pass++
		case isListed:
			exceptions++
		default:
			for _, i := range issues {
				if i.Severity <= issue.Error {
					t.Errorf("%s: %s %s %s [%s]", name, i.ID, i.Expression, i.Text, i.Rule)
				}
			}
		}
		for _, i := range issues {
			if i.ID == validate.IDProfileUnknown || i.ID == validate.IDSliceSkipped || i.ID == validate.IDInvariantSkipped || i.ID == validate.IDExtensionUnknown {
				t.Logf("%s: not checked: %s %s %s [%s]", name, i.ID, i.Expression, i.Text, i.Rule)
			}
		}
	}
	fmt.Printf("suite us-core.6.1.0 total %d pass %d listed %d notrun 0\n", total, pass, exceptions)
}

// usCoreListed are the examples that are not valid, with the reason.
var usCoreListed = map[string]string{
	"Bundle-docref-example-2.json":                     "the fullUrl of its third entry ends in another id than that of the resource; the HL7 validator says so too",
	"Bundle-66c8856b-ba11-4876-8aa8-467aad8c11a2.json": "the fullUrl of its third entry ends in another id than that of the resource; the HL7 validator says so too",
}

// BenchmarkUSCore validates the examples of US Core that claim a profile.
func BenchmarkUSCore(b *testing.B) {
	p, all := usCore(b, "610")
	set, _ := definition.R4().With(p)
	v := validate.New(set, validate.Options{})
	var texts [][]byte
	size := 0
	d := &tree.Doc{}
	for _, body := range all {
		if !bytes.Contains(body, []byte("us/core/StructureDefinition")) {
			continue
		}
		var compact bytes.Buffer
		if err := json.Compact(&compact, body); err != nil {
			b.Fatal(err)
		}
		texts = append(texts, compact.Bytes())
		size += compact.Len()
		if err := d.Parse(compact.Bytes(), tree.Limits{}); err != nil {
			b.Fatal(err)
		}
		v.Validate(d)
	}
	b.SetBytes(int64(size / len(texts)))
	b.ReportAllocs()
	i, began := 0, processor(b)
	for b.Loop() {
		if err := d.Parse(texts[i%len(texts)], tree.Limits{}); err != nil {
			b.Fatal(err)
		}
		v.Validate(d)
		i++
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "resources/s")
	b.ReportMetric(float64(b.N)/(processor(b)-began).Seconds(), "resources/cpu-s")
}

// processor is the processor time that this process has taken.
func processor(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkBase validates resources without a profile: what invariants, bindings and references of the base cost.
func BenchmarkBase(b *testing.B) {
	v := validate.New(definition.R4(), validate.Options{})
	texts := seeds(b)
	d := &tree.Doc{}
	once := func(i int) {
		if err := d.Parse(texts[i%len(texts)], tree.Limits{}); err != nil {
			b.Fatal(err)
		}
		v.Validate(d)
	}
	for i := range texts {
		once(i)
	}
	b.ReportAllocs()
	i, began := 0, processor(b)
	for b.Loop() {
		once(i)
		i++
	}
	b.ReportMetric(float64(b.N)/(processor(b)-began).Seconds(), "resources/cpu-s")
}

// TestManyTelecoms: pd-1 of US Core (telecom or endpoint) holds with several of them, and is broken where there is neither.
func TestManyTelecoms(t *testing.T) {
	p, _ := usCore(t, "610")
	set, _ := definition.R4().With(p)
	v := validate.New(set, validate.Options{})
	const profile = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-practitionerrole"
	role := func(more string) string {
		return `{"resourceType":"PractitionerRole","meta":{"profile":["` + profile + `"]},"practitioner":{"display":"x"}` + more + `}`
	}
	const phone, mail, end = `{"system":"phone","value":"1"}`, `{"system":"email","value":"a@b.test"}`, `"endpoint":[{"reference":"Endpoint/1"}]`
	for more, want := range map[string]string{
		`,"telecom":[` + phone + `]`:                     "",
		`,"telecom":[` + phone + `,` + mail + `]`:        "",
		`,"telecom":[` + phone + `,` + mail + `],` + end: "",
		`,` + end: "",
		``:        "invariant PractitionerRole",
	} {
		all := v.Validate(parse(t, []byte(role(more))))
		if got := found(all); got != want {
			t.Errorf("%s: got %q, want %q", more, got, want)
		}
		for _, i := range all {
			if i.ID == validate.IDInvariantSkipped || i.Severity <= issue.Error && i.Rule != "pd-1" {
				t.Errorf("%s: %s %s %s", more, i.ID, i.Rule, i.Text)
			}
		}
	}
}

// TestSameAgain: two validators over packages that were read twice say the same in the same order, whatever order maps have.
func TestSameAgain(t *testing.T) {
	dir := filepath.Join(gold(t, "US Core"), "us-core", "us_core_610.tgz")
	var vs [2]*validate.Validator
	for i := range vs {
		set, _ := definition.R4().With(readPackage(t, dir))
		vs[i] = validate.New(set, validate.Options{BestPractice: issue.Information})
	}
	from, r := claiming(examples(t, dir)), rand.New(rand.NewPCG(7, 2026))
	for range 400 {
		m := mutate(r, mutate(r, from[r.IntN(len(from))]).text)
		if a, b := verdict(vs[0], m.text), verdict(vs[1], m.text); !slices.Equal(a, b) {
			t.Fatalf("%s: %v\nand %v\n%.2000s", m.op, a, b, m.text)
		}
	}
}
