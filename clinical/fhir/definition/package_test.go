package definition_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
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
		"no archive":       {body: []byte("nothing"), kind: ward.Invalid},
		"no package.json":  {body: tgz("package/x.json", `{}`), kind: ward.Invalid},
		"NUL in a name":    {body: tgz("package/package.json", `{"name":"a\u0000b","version":"1"}`), kind: ward.Invalid},
		"line in a name":   {body: tgz("package/package.json", `{"name":"a\nb","version":"1"}`), kind: ward.Invalid},
		"NUL in a version": {body: tgz("package/package.json", `{"name":"a","version":"\u0000"}`), kind: ward.Invalid},
		"outside":          {body: tgz("package/../package.json", head), kind: ward.Invalid},
		"absolute":         {body: tgz("package/package.json", head, "/etc/x.json", "{}"), kind: ward.Invalid},
		"backslash":        {body: tgz("package/package.json", head, `package\..\..\x.json`, "{}"), kind: ward.Invalid},
		"twice":            {body: tgz("package/package.json", head, "package/./package.json", head), kind: ward.Invalid},
		"names twice":      {body: tgz("package/package.json", head, "package/a.json", `{"resourceType":"ValueSet","url":"a","url":"b"}`), kind: ward.Invalid},
		"deep":             {body: tgz("package/package.json", head, "package/a.json", `{"resourceType":"CodeSystem","url":"a","concept":`+strings.Repeat(`[{"code":"a","concept":`, 80)), kind: ward.Invalid},
		"damaged":          {body: tgz("package/package.json", head)[:60], kind: ward.Invalid},
		"not JSON":         {body: tgz("package/package.json", head, "package/a.json", "{"), kind: ward.Invalid},
		"other version":    {body: tgz("package/package.json", `{"name":"a","version":"1.0.0","fhirVersions":["5.0.0"]}`), kind: ward.Invalid},
		"no url":           {body: tgz("package/package.json", head, "package/a.json", `{"resourceType":"StructureDefinition"}`), kind: ward.Invalid},
		"large file":       {body: tgz("package/package.json", head, "package/a.json", `{"a":"`+strings.Repeat("x", 1000)+`"}`), kind: ward.TooLarge, limit: definition.PackageLimits{File: 100}},
		"many files":       {body: tgz("package/package.json", head, "b", "", "c", ""), kind: ward.TooLarge, limit: definition.PackageLimits{Files: 2}},
		"a bomb":           {body: tgz("package/package.json", head, "package/a.txt", strings.Repeat("x", 1<<20)), kind: ward.TooLarge, limit: definition.PackageLimits{Bytes: 1 << 16}},
	} {
		if _, err := definition.ReadPackage(bytes.NewReader(c.body), c.limit); ward.KindOf(err) != c.kind {
			t.Errorf("%s: %v", name, err)
		}
	}
	if p, err := definition.ReadPackage(bytes.NewReader(tgz("package/package.json", head, "package/example/p.json", "{", "package/.index.json", "{")), definition.PackageLimits{}); err != nil || p.Name != "a" {
		t.Error(err)
	}
}

// TestLinkRefused: a package with a link in it is refused.
func TestLinkRefused(t *testing.T) {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	w := tar.NewWriter(z)
	if err := errors.Join(w.WriteHeader(&tar.Header{Name: "package/package.json", Linkname: "/etc/passwd", Typeflag: tar.TypeSymlink}), w.Close(), z.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := definition.ReadPackage(&out, definition.PackageLimits{}); ward.KindOf(err) != ward.Invalid {
		t.Error(err)
	}
}

// structureOf is a StructureDefinition with a differential.
func structureOf(url, base string, elements string) string {
	return `{"resourceType":"StructureDefinition","url":"` + url + `","type":"Patient","kind":"resource","derivation":"constraint","baseDefinition":"` + base +
		`","differential":{"element":[{"id":"Patient","path":"Patient"}` + elements + `]}}`
}

func single(t *testing.T, bodies ...string) *definition.Package {
	t.Helper()
	p := &definition.Package{}
	for _, b := range bodies {
		if err := p.Add([]byte(b)); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

const patient = "http://hl7.org/fhir/StructureDefinition/Patient"

// TestMissing: what is not there is told until it is.
func TestMissing(t *testing.T) {
	b := single(t, structureOf("http://e/b", "http://e/a", `,{"id":"Patient.name","path":"Patient.name","min":1},
		{"id":"Patient.extension:x","path":"Patient.extension","sliceName":"x","type":[{"code":"Extension","profile":["http://e/x"]}]}`))
	s, issues := definition.R4().With(b)
	if d := s.Structure("http://e/b"); d == nil || !d.Partial || len(issues) != 2 || len(s.Missing()) != 2 {
		t.Fatalf("%+v %+v", d, s.Missing())
	}
	if m := s.Missing()[0]; m.Kind != "base" || m.What != "http://e/a" || m.Of != "http://e/b" {
		t.Errorf("%+v", m)
	}
	later, _ := s.With(single(t, structureOf("http://e/a", patient, "")))
	if d := later.Structure("http://e/b"); d.Partial || len(d.Elements) < 40 {
		t.Error("the snapshot is not made when its base has come")
	}
	if m := later.Missing(); len(m) != 1 || m[0].Kind != "profile" || m[0].What != "http://e/x" {
		t.Errorf("%+v", m)
	}
	if !s.Structure("http://e/b").Partial {
		t.Error("the older set changed")
	}
}

// TestSnapshotRefused: what no snapshot can be made of is told, and nothing runs for ever.
func TestSnapshotRefused(t *testing.T) {
	var long []string
	for i := range 70 {
		long = append(long, structureOf(fmt.Sprint("http://e/", i), fmt.Sprint("http://e/", i+1), ""))
	}
	var slices strings.Builder
	for i := range 3000 {
		fmt.Fprintf(&slices, `,{"id":"Patient.contact:s%d","path":"Patient.contact","sliceName":"s%[1]d"},{"id":"Patient.contact:s%[1]d.name.period","path":"Patient.contact.name.period"}`, i)
	}
	for name, c := range map[string]struct {
		p    *definition.Package
		kind string
	}{
		"circle":     {single(t, structureOf("http://e/a", "http://e/b", ""), structureOf("http://e/b", "http://e/a", "")), "snapshot"},
		"lineage":    {single(t, append(long, structureOf("http://e/70", patient, ""))...), "snapshot"},
		"no element": {single(t, structureOf("http://e/a", patient, `,{"path":"Patient.wing"}`)), "element"},
		"too large":  {single(t, structureOf("http://e/a", patient, slices.String())), "snapshot"},
	} {
		s, issues := definition.R4().With(c.p)
		found := false
		for _, m := range s.Missing() {
			found = found || m.Kind == c.kind
		}
		if !found || len(issues) == 0 {
			t.Errorf("%s: %+v", name, s.Missing())
		}
	}
}

// TestSlices: slices, slices within slices, ids that are not given, short forms of choices, content that is defined elsewhere.
func TestSlices(t *testing.T) {
	s, issues := definition.R4().With(single(t, structureOf("http://e/a", patient, `,
		{"path":"Patient.identifier","slicing":{"discriminator":[{"type":"value","path":"system"}],"rules":"open"}},
		{"path":"Patient.identifier","sliceName":"mrn","min":1,"max":"1"},
		{"path":"Patient.identifier.system","fixedUri":"http://e/mrn"},
		{"path":"Patient.identifier","sliceName":"mrn/old","max":"0"},
		{"path":"Patient.deceasedBoolean","min":1},
		{"path":"Patient.contact.name.period.start","min":1}`),
		structureOf("http://e/b", "http://e/a", `,{"id":"Patient.identifier:mrn.value","path":"Patient.identifier.value","min":1}`),
		strings.ReplaceAll(structureOf("http://e/q", "http://hl7.org/fhir/StructureDefinition/Questionnaire", `,{"path":"Patient.item.item.item.text","min":1}`), "Patient", "Questionnaire")))
	if len(issues) > 0 {
		t.Fatalf("%+v", issues)
	}
	element := func(url, id string) *definition.ElementDefinition {
		for _, e := range s.Structure(url).Elements {
			if e.ID == id {
				return e
			}
		}
		t.Errorf("%s has no %s", url, id)
		return &definition.ElementDefinition{}
	}
	if e := element("http://e/b", "Patient.identifier:mrn"); e.Min != 1 || e.Max != 1 || e.Path != "Patient.identifier" || e.BaseMax != definition.Unbounded {
		t.Errorf("%+v", e)
	}
	if e := element("http://e/b", "Patient.identifier:mrn.system"); string(e.Fixed) != `"http://e/mrn"` {
		t.Errorf("%+v", e)
	}
	if e := element("http://e/b", "Patient.identifier:mrn.value"); e.Min != 1 {
		t.Errorf("%+v", e)
	}
	if e := element("http://e/a", "Patient.identifier:mrn/old.system"); string(e.Fixed) != `"http://e/mrn"` {
		t.Errorf("%+v", e)
	}
	if e := element("http://e/a", "Patient.deceased[x]"); e.Min != 1 || len(e.Types) != 1 || e.Types[0].Code != "boolean" {
		t.Errorf("%+v", e)
	}
	if e := element("http://e/a", "Patient.contact.name.period.start"); e.Min != 1 {
		t.Errorf("%+v", e)
	}
	if e := element("http://e/q", "Questionnaire.item.item.item.text"); e.Min != 1 || e.Types[0].Code != "string" {
		t.Errorf("%+v", e)
	}
	if e := element("http://e/q", "Questionnaire.item.text"); e.Min != 0 {
		t.Errorf("%+v", e)
	}
}

// TestWithWhileRead: making sets from a set does not disturb those who read it. It is for the race detector.
func TestWithWhileRead(t *testing.T) {
	p := single(t, structureOf("http://e/b", "http://e/a", ""), structureOf("http://e/a", patient, ""),
		`{"resourceType":"ValueSet","url":"http://e/v","compose":{"include":[{"valueSet":["http://hl7.org/fhir/ValueSet/administrative-gender"]}]}}`)
	base, _ := definition.R4().With(p)
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			s, _ := base.With(p)
			if s.Structure("http://e/b").Partial || s.MemberOf("http://e/v", "", "male") != definition.Yes {
				t.Error("a set that was made while others were")
			}
		})
		wait.Go(func() {
			if base.Structure("http://e/b").Partial || base.MemberOf("http://e/v", "", "male") != definition.Yes || len(base.Missing()) != 0 {
				t.Error("a set that others are made from")
			}
			base.Structures(func(*definition.Structure) bool { return true })
		})
	}
	wait.Wait()
}

func FuzzReadPackage(f *testing.F) {
	f.Add([]byte(`{"name":"a","version":"1"}`), []byte(structureOf("u", patient, `,{"path":"Patient.contact.name","sliceName":"a/b"},{"path":"Patient.deceasedBoolean.id"}`)))
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
		s.Missing()
	})
}

func FuzzTable(f *testing.F) {
	for _, seed := range definition.SmallTables() {
		f.Add(seed)
	}
	f.Fuzz(func(_ *testing.T, table []byte) { definition.DecodeTable(table) })
}

// TestQuestionnaires: those of a package are given as they came, and the set does not have them.
func TestQuestionnaires(t *testing.T) {
	const form = `{"resourceType":"Questionnaire","url":"http://e/form","status":"active"}`
	p, err := definition.ReadPackage(bytes.NewReader(tgz("package/package.json", `{"name":"forms","version":"1"}`, "package/q.json", form,
		"package/p.json", `{"resourceType":"Patient"}`, "package/example/q.json", strings.ReplaceAll(form, "form", "example"))), definition.PackageLimits{})
	if err != nil {
		t.Fatal(err)
	}
	if got := p.Questionnaires(); len(got) != 1 || string(got[0]) != form {
		t.Errorf("%q", got)
	}
}
