package mapping_test

import (
	"archive/zip"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ward-health/ward/clinical/fhir/definition"
	"github.com/ward-health/ward/clinical/fhir/issue"
	"github.com/ward-health/ward/clinical/fhir/tree"
	"github.com/ward-health/ward/clinical/fhir/validate"
	"github.com/ward-health/ward/clinical/hl7v2"
	"github.com/ward-health/ward/normalize/identity"
	"github.com/ward-health/ward/normalize/mapping"
)

// gold calls f for every HL7 v2 message of the public data.
func gold(t *testing.T, f func(name string, raw []byte)) {
	t.Helper()
	for name, raw := range archive(t, "fhir-converter-hl7v2.zip", ".hl7") {
		f(name, raw)
	}
	for name, raw := range archive(t, "reportstream-datatests.zip", ".hl7") {
		f(name, raw)
	}
}

// archive reads the files of one archive whose names end so.
func archive(t *testing.T, zipName, ext string) map[string][]byte {
	t.Helper()
	dir := os.Getenv("WARD_GOLD")
	if dir == "" {
		if os.Getenv("WARD_REQUIRE_ALL") == "1" {
			t.Fatal("WARD_GOLD is not set: no message of the public data was run")
		}
		t.Log("WARD_GOLD is not set: NO message of the public data was run")
		return nil
	}
	z, err := zip.OpenReader(filepath.Join(dir, "hl7v2", zipName))
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	out := map[string][]byte{}
	for _, f := range z.File {
		if !strings.HasSuffix(f.Name, ext) {
			continue
		}
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		raw, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		r.Close()
		out[f.Name] = raw
	}
	return out
}

// judged returns the errors of a resource.
func judged(t *testing.T, v *validate.Validator, text string) []issue.Issue {
	t.Helper()
	d := &tree.Doc{}
	if err := d.Parse([]byte(text), tree.Limits{}); err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(v.Validate(d), func(i issue.Issue) bool { return i.Severity > issue.Error })
}

// TestGoldMaps: every message of a kind that has rules gives resources that conform to R4: in structure, codes, invariants and, for vital signs,
// profiles.
func TestGoldMaps(t *testing.T) {
	v := validate.New(definition.R4(), validate.Options{})
	facts, doubts, fields, kept, messages := map[string]int{}, map[string]int{}, 0, 0, 0
	gold(t, func(name string, raw []byte) {
		m, err := hl7v2.Parse(raw, hl7v2.Options{})
		if err != nil || !mapping.Understood(identity.Kind(m)) {
			return
		}
		r, err := mapping.Map(m, identity.Kind(m), mapping.Options{Received: time.Now()})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			return
		}
		messages, fields, kept = messages+1, fields+r.Fields, kept+r.Kept
		for _, c := range r.Candidates {
			facts[c.Type]++
			for _, d := range c.Doubts {
				doubts[d.Reason]++
			}
			text := string(c.Body.Bytes())
			for i := range r.Candidates {
				text = strings.ReplaceAll(text, `"`+mapping.Reference(i)+`"`, fmt.Sprintf(`"%s/c%d"`, r.Candidates[i].Type, i))
			}
			for _, i := range judged(t, v, text) {
				t.Errorf("%s %s: %v\n%s", name, c.At, i, text)
			}
		}
	})
	t.Logf("messages %d facts %v doubts %v fields %d kept in the raw message %d", messages, facts, doubts, fields, kept)
}
