package format_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ward-health/ward/clinical/fhir/definition"
	"github.com/ward-health/ward/clinical/fhir/format"
	"github.com/ward-health/ward/clinical/fhir/tree"
)

// gold returns the folder of public data. Without WARD_GOLD the test says how many cases are not run, and fails when everything is required.
func gold(t *testing.T, suite string, cases int) string {
	t.Helper()
	dir := os.Getenv("WARD_GOLD")
	if dir == "" {
		fmt.Printf("\nsuite %s total %d pass 0 listed 0 notrun %d\n", suite, cases, cases)
		if os.Getenv("WARD_REQUIRE_ALL") == "1" {
			t.Fatal("WARD_REQUIRE_ALL=1 and no WARD_GOLD")
		}
		t.Skipf("WARD_GOLD is not set: %d cases were not run", cases)
	}
	return dir
}

// goldJSON calls fn with every JSON text of the public data that can be a resource.
func goldJSON(t *testing.T, dir string, fn func(name string, text []byte)) {
	t.Helper()
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	files, err := filepath.Glob(filepath.Join(dir, "synthea-10", "*.ndjson"))
	must(err)
	for _, f := range files {
		b, err := os.ReadFile(f)
		must(err)
		for i, line := range bytes.Split(bytes.TrimSpace(b), []byte("\n")) {
			fn(fmt.Sprintf("%s:%d", filepath.Base(f), i+1), line)
		}
	}
	for _, name := range []string{"us_core_610.tgz", "us_core_800.tgz"} {
		f, err := os.Open(filepath.Join(dir, "us-core", name))
		must(err)
		z, err := gzip.NewReader(f)
		must(err)
		for r := tar.NewReader(z); ; {
			h, err := r.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			must(err)
			if strings.HasSuffix(h.Name, ".json") {
				b, err := io.ReadAll(r)
				must(err)
				fn(name+"/"+h.Name, b)
			}
		}
		must(f.Close())
	}
	z, err := zip.OpenReader(filepath.Join(dir, "fhir-validator-r4", "validator-r4.zip"))
	must(err)
	defer z.Close()
	for _, f := range z.File {
		if !strings.HasSuffix(f.Name, ".json") {
			continue
		}
		r, err := f.Open()
		must(err)
		b, err := io.ReadAll(r)
		must(err)
		must(r.Close())
		fn("validator-r4.zip/"+f.Name, b)
	}
	must(filepath.WalkDir(filepath.Join(dir, "fhirpath-r4"), func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() || !strings.HasSuffix(path, ".json") {
			return err
		}
		b, err := os.ReadFile(path)
		fn(path[len(dir)+1:], b)
		return err
	}))
}

// meaning is the canonical form without what XML cannot keep apart: line ends of narrative, which every reader of XML sees as a line feed, and nulls
// at the end of the ids and extensions of a list.
func meaning(t *testing.T, text []byte) string {
	t.Helper()
	s := canonical(t, text)
	for _, part := range strings.Split(s, `"div":`)[1:] {
		div, _, _ := strings.Cut(part, `</div>"`)
		s = strings.ReplaceAll(s, div, strings.NewReplacer(`\r\n`, `\n`, `\r`, `\n`).Replace(div))
	}
	return trailing.ReplaceAllString(s, "$1]")
}

var trailing = regexp.MustCompile(`("_[a-zA-Z]+":\[(?:null,)*\{[^\]]*\]\}|"_[a-zA-Z]+":\[(?:null,)*\{[^\]]*\})(?:,null)+\]`)

// refused are public resources that have no XML form, by the start of the reason.
var refused = map[string]string{
	"Observation-ex-pain.json":               "expected an element that is defined in Element (at Observation.valueInteger.value)",
	"additional-bindings-profile-2.json":     "expected true or false (boolean) (at StructureDefinition.abstract)",
	"ai3.json":                               "expected an element that is defined in Patient (at Patient.unknownElement)",
	"bundle-sig-2.json":                      "expected an object (Meta) (at Bundle.meta)",
	"cs-meta-profile.json":                   "expected an array that is not empty (at CodeSystem.meta.profile)",
	"cs-order-prop.json":                     "expected a number (decimal) (at CodeSystem.concept[0].property[0].valueDecimal)",
	"empty-array.json":                       "expected an array that is not empty (at DocumentReference.category[0].coding)",
	"json-comments.json":                     "expected an element that is defined in Patient (at Patient.fhir_comments)",
	"opdef-out-profile.json":                 "expected a string (string) (at StructureDefinition.differential.element[15].max)",
	"patient-hs-1.json":                      "expected a value, or an id or extensions of it (at Patient.name[0].given[1])",
	"open-choice-invalid-type-qr.json":       "expected an element that is defined in QuestionnaireResponse.item.answer (at QuestionnaireResponse.item[0].answer[0].valueCode)",
	"synthea.json":                           "expected an array that is not empty (at Encounter.reasonCode)",
	"toplevel-maxvalueduration-profile.json": "expected an element that is defined in ElementDefinition (at StructureDefinition.differential.element[0].maxValueDuration)",
	"toplevel-minvalueduration-profile.json": "expected an element that is defined in ElementDefinition (at StructureDefinition.differential.element[0].minValueDuration)",
	"xml-bad-entities.json":                  "expected well-formed XHTML (a character reference, or one of &amp; &lt; &gt; &apos; &quot;; other entities are not defined in XML) (at Encounter.text.div)",
}

// TestRoundTrip: every public resource in JSON says the same after it was XML; those that have no XML form are listed with the reason.
func TestRoundTrip(t *testing.T) {
	if testing.Short() {
		fmt.Println("NOT RUN: the round trip of all gold resources: -short")
		t.Skip("-short: thousands of cases in one goroutine")
	}
	const total = 9047
	set := definition.R4()
	pass, listed := 0, map[string]bool{}
	goldJSON(t, gold(t, "format.roundtrip", total), func(name string, text []byte) {
		var d tree.Doc
		text = bytes.TrimPrefix(text, []byte("\xEF\xBB\xBF"))
		if d.Parse(text, tree.Limits{}) != nil || d.Nodes[0].Kind != tree.Object || d.Member(0, "resourceType") == tree.None {
			return
		}
		reason, isListed := refused[filepath.Base(name)]
		x, err := format.JSONToXML(set, text, (pass+len(listed))%2 == 0, tree.Limits{})
		if isListed && strings.HasPrefix(name, "validator") {
			if err == nil || !strings.HasSuffix(err.Error(), reason) {
				t.Errorf("%s: listed (%s), but: %v", name, reason, err)
			}
			listed[name] = true
			return
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			return
		}
		back, err := format.XMLToJSON(set, x, tree.Limits{})
		if err != nil || meaning(t, back) != meaning(t, text) {
			t.Errorf("%s: %v, or it says something else", name, err)
			return
		}
		pass++
	})
	fmt.Printf("\nsuite format.roundtrip total %d pass %d listed %d notrun 0\n", pass+len(listed), pass, len(listed))
	if pass+len(listed) != total || len(listed) != len(refused) {
		t.Errorf("%d cases, want %d; %d listed, want %d", pass+len(listed), total, len(listed), len(refused))
	}
}

// data is the canonical form without narrative, runs of white space as one space: the pairs differ in both.
func data(t *testing.T, text []byte) string {
	t.Helper()
	var d tree.Doc
	if err := d.Parse(text, tree.Limits{}); err != nil {
		t.Fatal(err)
	}
	return spaces.ReplaceAllString(string(format.AppendCanonical(nil, &d, format.Data)), " ")
}

var spaces = regexp.MustCompile(`(?: |\\n|\\t|\\r)+`)

// TestSiblings: public resources that lie there in both formats say the same.
func TestSiblings(t *testing.T) {
	set := definition.R4()
	dir := filepath.Join(gold(t, "format.siblings", 7), "fhirpath-r4")
	pass := 0
	for x, j := range map[string]string{
		"r4/patient-example.xml": "r4/examples/patient-example.json", "r4/examples/patient-example.xml": "r4/examples/patient-example.json",
		"r4/codesystem-example.xml": "r4/examples/codesystem-example.json", "r4/questionnaire-example.xml": "r4/examples/questionnaire-example.json",
		"r4/patient-example-period.xml": "r5/examples/patient-example-period.json", "r4/parameters-example-types.xml": "r5/examples/parameters-example-types.json",
		"r4/valueset-example-expansion.xml": "r5/examples/valueset-example-expansion.json",
	} {
		xml, err1 := os.ReadFile(filepath.Join(dir, x))
		json, err2 := os.ReadFile(filepath.Join(dir, j))
		if err1 != nil || err2 != nil {
			t.Fatal(err1, err2)
		}
		got, err := format.XMLToJSON(set, xml, tree.Limits{})
		if err != nil {
			t.Errorf("%s: %v", x, err)
			continue
		}
		if diff := cmp.Diff(data(t, json), data(t, got)); diff != "" {
			t.Errorf("%s: %s", x, diff)
			continue
		}
		pass++
	}
	fmt.Printf("\nsuite format.siblings total 7 pass %d listed 0 notrun 0\n", pass)
}
