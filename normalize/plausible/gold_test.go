package plausible

import (
	"archive/tar"
	"archive/zip"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ward-health/ward/clinical/terminology"
	"github.com/ward-health/ward/normalize/units"
)

// sent is one numeric result of the gold data under a code of the table.
type sent struct{ where, code, value, unit, rng string }

const goldResults = 116 // how many there are

// TestGoldResults: every numeric result under a known code in the US Core examples and in the HL7 v2 messages is understood and
// believed, or stands below with the reason for which a person would look at it.
func TestGoldResults(t *testing.T) {
	const name = "units.gold"
	gold := os.Getenv("WARD_GOLD")
	if gold == "" {
		fmt.Printf("suite %s total %d pass 0 listed 0 notrun %d\n", name, goldResults, goldResults)
		t.Logf("WARD_GOLD is not set: %d results of US Core and HL7 v2 examples were NOT RUN", goldResults)
		if os.Getenv("WARD_REQUIRE_ALL") == "1" {
			t.Fatal("WARD_REQUIRE_ALL=1 and no WARD_GOLD")
		}
		return
	}
	var all []sent
	for _, p := range []string{"us_core_610.tgz", "us_core_800.tgz"} {
		all = append(all, examples(t, filepath.Join(gold, "us-core", p))...)
	}
	for _, p := range []string{"fhir-converter-hl7v2.zip", "reportstream-datatests.zip"} {
		all = append(all, messages(t, filepath.Join(gold, "hl7v2", p))...)
	}
	pass, listed := 0, map[string]int{}
	for _, s := range all {
		r, d := new(units.Table).Resolve(units.Reading{LOINC: s.code, Value: s.value, Unit: s.unit})
		if d != nil {
			listed[fmt.Sprintf("%s %s %q: %s", s.code, s.value, s.unit, d.Reason)]++
			continue
		}
		a, _ := terminology.Lookup(s.code)
		if found := Check(Fact{Analyte: a, Value: r.Value, Unit: r.UCUM, Range: s.rng}); Hold(found) {
			listed[fmt.Sprintf("%s %s %q: %s", s.code, s.value, s.unit, codes(found))]++
			continue
		}
		pass++
	}
	n := 0
	for k, c := range listed {
		n += c
		if _, known := doubtful[k]; !known {
			t.Errorf("%d x %s is not in the list", c, k)
		}
	}
	for k, why := range doubtful {
		if listed[k] == 0 {
			t.Errorf("%s (%s) was not met and must leave the list", k, why)
		}
	}
	if len(all) != goldResults {
		t.Errorf("%d results, want %d", len(all), goldResults)
	}
	fmt.Printf("suite %s total %d pass %d listed %d notrun 0\n", name, len(all), pass, n)
}

// doubtful are the gold results that are held, each with the reason why that is right.
var doubtful = map[string]string{
	`8867-4 60~120 "beats/min": value-not-numeric`:                      "two repetitions in a field for one number",
	`8867-4 80~110 "beats/min": value-not-numeric`:                      "two repetitions in a field for one number",
	`8867-4 27~25 "": value-not-numeric`:                                "two repetitions in a field for one number",
	`718-7 12.5 "g/mL": above-plausible outside-range unit-mislabelled`: "12.5 kg of haemoglobin in a litre: g/dL is meant",
	`26484-6 3 "10*3/uL": unit-mislabelled`:                             "the range, 0.0 to 13.0, is that of a percentage under the code of a count",
	`1975-2 8.6 "mg/dL": unit-mislabelled`:                              "jaundice without reference range and without earlier value; also the usual value in umol/L",
	`8306-3 25 "cm": unit-mislabelled`:                                  "25 cm of length, no adult and no living newborn; the age is not known here",
}

// examples reads the Observations of a FHIR package.
func examples(t *testing.T, path string) []sent {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var out []sent
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(h.Name, ".json") {
			continue
		}
		raw, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		var o observation
		if json.Unmarshal(raw, &o) == nil && o.ResourceType == "Observation" {
			for _, part := range append([]observed{o.observed}, o.Component...) {
				out = append(out, part.results(filepath.Base(h.Name))...)
			}
		}
	}
}

type observation struct {
	ResourceType string `json:"resourceType"`
	observed
	Component []observed `json:"component"`
}

type observed struct {
	Code struct {
		Coding []struct{ System, Code string }
	} `json:"code"`
	Quantity *struct {
		Value      json.Number
		Unit, Code string
	} `json:"valueQuantity"`
}

func (o observed) results(where string) []sent {
	if o.Quantity == nil || o.Quantity.Value == "" {
		return nil
	}
	for _, c := range o.Code.Coding {
		if _, ok := terminology.Lookup(c.Code); ok && c.System == "http://loinc.org" {
			unit := o.Quantity.Code
			if unit == "" {
				unit = o.Quantity.Unit
			}
			return []sent{{where, c.Code, o.Quantity.Value.String(), unit, ""}}
		}
	}
	return nil
}

// messages reads the numeric OBX segments of the HL7 v2 messages in a zip; the standard delimiters are enough here.
func messages(t *testing.T, path string) []sent {
	t.Helper()
	z, err := zip.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	var out []sent
	for _, f := range z.File {
		if !strings.HasSuffix(f.Name, ".hl7") {
			continue
		}
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		raw, err := io.ReadAll(r)
		r.Close()
		if err != nil {
			t.Fatal(err)
		}
		for _, segment := range strings.FieldsFunc(string(raw), func(c rune) bool { return c == '\r' || c == '\n' }) {
			field := append(strings.Split(segment, "|"), make([]string, 10)...)
			code, _, _ := strings.Cut(field[3], "^")
			if _, ok := terminology.Lookup(code); field[0] == "OBX" && field[2] == "NM" && ok {
				unit, _, _ := strings.Cut(field[6], "^")
				out = append(out, sent{filepath.Base(f.Name), code, field[5], unit, field[7]})
			}
		}
	}
	return out
}
