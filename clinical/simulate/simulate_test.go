package simulate

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/ward-health/ward/clinical/fhir/definition"
	"github.com/ward-health/ward/clinical/fhir/structure"
	"github.com/ward-health/ward/clinical/fhir/tree"
)

var then = time.Date(2026, 11, 22, 8, 30, 0, 0, time.UTC)

// TestGolden fixes what a seed means: demonstrations and benchmarks are compared over releases.
func TestGolden(t *testing.T) {
	const want = "a6ba0c802ad51aea520b5002df1199382ce23864b4ac86957c4e72703ec48116"
	h := New(1, then).Hospital(40)
	sum := sha256.New()
	for _, b := range h.Bundles() {
		sum.Write(b)
	}
	sum.Write(h.NDJSON())
	if got := hex.EncodeToString(sum.Sum(nil)); got != want {
		t.Errorf("seed 1 gives %s, want %s", got, want)
	}
	zone := time.FixedZone("", 5*3600)
	if !bytes.Equal(New(1, then.In(zone).Add(9*time.Second)).Hospital(3).NDJSON(), New(1, then).Hospital(3).NDJSON()) {
		t.Error("the zone or the seconds of now matter")
	}
	if bytes.Equal(New(2, then).Hospital(3).NDJSON(), New(1, then).Hospital(3).NDJSON()) {
		t.Error("the seed does not matter")
	}
}

func TestPrefix(t *testing.T) {
	small, large := New(7, then).Hospital(5), New(7, then).Hospital(50)
	for i, g := range small.Groups {
		if !bytes.Equal(g.Bundle(), large.Groups[i].Bundle()) {
			t.Fatalf("group %d depends on how many patients there are", i)
		}
	}
}

func TestCases(t *testing.T) {
	h := New(3, then).Hospital(60)
	seen := map[Case]int{}
	for i, truth := range h.Truth {
		seen[truth.Case]++
		g := h.Groups[i+1]
		if g.Patient != truth.Patient {
			t.Fatalf("patient %d: truth and group differ", i)
		}
		found := map[string]string{}
		for _, r := range g.Resources {
			if truth.Confidential != bytes.Contains(r.Body, []byte(`"code":"R"`)) {
				t.Errorf("%s of patient %d: label", r.Type, i)
			}
			if bytes.Contains(r.Body, []byte(`"2160-0"`)) || bytes.Contains(r.Body, []byte(`"14682-9"`)) {
				found[r.ID] = string(r.Body)
			}
		}
		body, ok := found[truth.Creatinine]
		if ok != (truth.Case != Missing) || truth.Case == Missing && len(found) > 0 {
			t.Errorf("patient %d, %s: creatinine", i, truth.Case)
		}
		if ok && !strings.Contains(body, `"value":`+truth.Value+`,"unit":"`+truth.Unit+`"`) {
			t.Errorf("patient %d, %s: the result is not %s %s", i, truth.Case, truth.Value, truth.Unit)
		}
		for id := range found {
			if stale := then.Sub(truth.Taken) > 365*24*time.Hour; id == truth.Creatinine && stale != (truth.Case == Stale) {
				t.Errorf("patient %d, %s: taken %v", i, truth.Case, truth.Taken)
			}
		}
		age := then.Sub(truth.Birth).Hours() / 24 / 365.25
		if (age < 18) != (truth.Case == Child) || age < 2 || age > 93 {
			t.Errorf("patient %d, %s: age %v", i, truth.Case, age)
		}
	}
	for _, c := range cases {
		if seen[c] == 0 {
			t.Errorf("no patient is %s", c)
		}
	}
}

// TestShape checks every resource: structure as FHIR R4 has it, own id, references that resolve inside the hospital, no date after now.
func TestShape(t *testing.T) {
	h := New(9, then).Hospital(30)
	schema := structure.New(definition.R4())
	var doc tree.Doc
	var check structure.Checker
	ids := map[string]bool{}
	for _, g := range h.Groups {
		for _, r := range g.Resources {
			if ids[r.Type+"/"+r.ID] {
				t.Fatalf("%s/%s is there twice", r.Type, r.ID)
			}
			ids[r.Type+"/"+r.ID] = true
		}
	}
	for _, g := range h.Groups {
		for _, r := range g.Resources {
			if err := doc.Parse(r.Body, tree.Limits{}); err != nil {
				t.Fatalf("%s: %v", r.Type, err)
			}
			if !check.Check(schema, &doc, structure.Options{}) {
				t.Errorf("%s is not valid: %+v", r.Type, check.Issues)
			}
			var any map[string]any
			if err := json.Unmarshal(r.Body, &any); err != nil || any["resourceType"] != r.Type || any["id"] != r.ID {
				t.Fatalf("%s: %v", r.Type, err)
			}
			walk(any, func(key, value string) {
				switch {
				case key == "reference" && !ids[value]:
					t.Errorf("%s points to %s", r.Type, value)
				case strings.HasPrefix(value, "20") && len(value) == 20 && key != "end":
					if at, err := time.Parse(time.RFC3339, value); err != nil || at.After(then) {
						t.Errorf("%s.%s is %s", r.Type, key, value)
					}
				case key == "system" && !strings.HasPrefix(value, system) && value != loinc && value != icd10 && value != atc && value != ucum && !strings.HasPrefix(value, "http://terminology.hl7.org/"):
					t.Errorf("%s: system %s", r.Type, value)
				}
			})
		}
	}
	if n := h.Count(); n < 30*18 || n > 30*26 {
		t.Errorf("%d resources for 30 patients", n)
	}
	if lines := bytes.Count(h.NDJSON(), []byte("\n")); lines != h.Count() {
		t.Errorf("%d lines for %d resources", lines, h.Count())
	}
}

func walk(v any, fn func(key, value string)) {
	switch x := v.(type) {
	case map[string]any:
		for k, e := range x {
			if s, ok := e.(string); ok {
				fn(k, s)
			}
			walk(e, fn)
		}
	case []any:
		for _, e := range x {
			walk(e, fn)
		}
	}
}

func TestEachStops(t *testing.T) {
	n := 0
	New(1, then).Each(1000000, func(Group, Truth) bool { n++; return n < 4 })
	if n != 4 {
		t.Errorf("called %d times", n)
	}
}

func TestDecimal(t *testing.T) {
	for want, got := range map[string]string{"1.05": decimal(105, 2), "0.05": decimal(5, 2), "-0.5": decimal(-5, 1), "7": decimal(7, 0), "100.0": decimal(1000, 1)} {
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
