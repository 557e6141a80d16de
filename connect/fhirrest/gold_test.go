package fhirrest_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/clinical/fhir"
	"github.com/ward-health/ward/store/storetest"
)

// TestGold loads every public synthetic resource of the types of this build by transactions, conditional references
// and all, and finds and reads them again.
func TestGold(t *testing.T) {
	dir := os.Getenv("WARD_GOLD")
	if dir == "" {
		if os.Getenv("WARD_REQUIRE_ALL") == "1" {
			t.Fatal("WARD_GOLD is not set: 5,768 resources of synthea-10 were not run")
		}
		fmt.Fprintln(os.Stderr, "NOT RUN: TestGold: WARD_GOLD is not set, 5,768 resources of synthea-10 were not loaded")
		t.SkipNow()
	}
	w := newWorld(t, storetest.SQLite)
	// What others refer to conditionally comes first.
	order := []string{"Organization", "Location", "Practitioner", "PractitionerRole", "Patient", "Encounter", "Condition", "AllergyIntolerance", "MedicationRequest", "Procedure"}
	total, sample := 0, map[string]string{}
	for _, rt := range order {
		lines := ndjson(t, filepath.Join(dir, "synthea-10", rt+".000.ndjson"))
		for part := range slices.Chunk(lines, 400) {
			var entries []string
			for _, line := range part {
				var r struct{ ID string }
				if err := json.Unmarshal([]byte(line), &r); err != nil {
					t.Fatal(err)
				}
				entries = append(entries, entryJSON("PUT", rt+"/"+r.ID, "", line))
				sample[rt+"/"+r.ID] = line
			}
			b := w.want(w.do(ward.Integration, "POST", "", bundleJSON("transaction", entries...)), 200).bundle(t)
			for _, e := range b.Entry {
				if e.Response.Status != "201 Created" {
					t.Fatalf("%+v", e.Response)
				}
			}
			total += len(part)
		}
		b := w.want(w.do(ward.Clinician, "GET", "/"+rt+"?_summary=count", ""), 200).bundle(t)
		if b.Total == nil || *b.Total != len(lines) {
			t.Fatalf("%s: %v of %d are found", rt, b.Total, len(lines))
		}
	}
	if total != 5768 {
		t.Fatalf("loaded %d resources, the set has 5,768", total)
	}
	n := 0
	for ref, line := range sample {
		if n++; n%40 != 0 {
			continue
		}
		got := w.want(w.do(ward.Clinician, "GET", "/"+ref, ""), 200).body
		f, err := fhir.Refs([]byte(got))
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range f.References {
			if strings.Contains(r.Target, "?") {
				t.Fatalf("%s: a conditional reference stayed at %s", ref, r.Path)
			}
		}
		if a, b := masked(t, got), masked(t, line); !bytes.Equal(a, b) {
			t.Fatalf("%s came back changed:\n%s\n%s", ref, a, b)
		}
	}
	w.Clean()
}

// masked is a body without what loading it changes: server-owned meta and reference strings.
func masked(t *testing.T, body string) []byte {
	t.Helper()
	f, err := fhir.Refs([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	with := make([]string, len(f.References))
	for i := range with {
		with[i] = "masked"
	}
	out, err := fhir.Replace([]byte(body), f.References, with)
	if err != nil {
		t.Fatal(err)
	}
	if out, err = fhir.Strip(out, f.ID); err != nil {
		t.Fatal(err)
	}
	return out
}

func ndjson(t *testing.T, name string) (lines []string) {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	s := bufio.NewScanner(f)
	s.Buffer(nil, fhir.MaxBytes)
	for s.Scan() {
		if line := strings.TrimSpace(s.Text()); line != "" {
			lines = append(lines, line)
		}
	}
	if s.Err() != nil || len(lines) == 0 {
		t.Fatal(name, s.Err())
	}
	return lines
}
