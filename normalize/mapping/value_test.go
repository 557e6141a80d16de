package mapping_test

import (
	"strings"
	"testing"
	"time"

	"github.com/ward-health/ward/clinical/hl7v2"
	"github.com/ward-health/ward/normalize/mapping"
)

const head = "MSH|^~\\&|LAB|HOSP|||20261101090000||ORU^R01|1|P|2.5.1\rPID|1||1^^^H^MR\rOBR|1||O1^L|1^P^L|||20261101083000\r"

// observe maps one ORU with these segments after OBR and returns its Observations.
func observe(t *testing.T, segments ...string) []mapping.Candidate {
	t.Helper()
	m, err := hl7v2.Parse([]byte(head+strings.Join(segments, "\r")+"\r"), hl7v2.Options{})
	if err != nil {
		t.Fatal(err)
	}
	r, err := mapping.Map(m, "ORU^R01", mapping.Options{Received: time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)})
	if err != nil {
		t.Fatal(err)
	}
	var out []mapping.Candidate
	for _, c := range r.Candidates {
		if c.Type == "Observation" {
			out = append(out, c)
		}
	}
	return out
}

// TestValues: what OBX-2 and OBX-5 say goes into value[x], or is doubted.
func TestValues(t *testing.T) {
	for obx, want := range map[string]string{
		"NM|1^a^LN||1.50|mg/dL":                `"valueQuantity":{"value":1.50,"unit":"mg/dL"}`,
		"NM|1^a^LN||+007|1":                    `"value":7`,
		"NM|1^a^LN||1e3|1":                     "!value-not-numeric",
		"NM|1^a^LN||<5|1":                      "!value-not-numeric",
		"NM|1^a^LN||1~2|1":                     `"component":[{"code":`,
		"SN|1^a^LN||>^100|mg/dL":               `"valueQuantity":{"value":100,"comparator":"\u003e","unit":"mg/dL"}`,
		"SN|1^a^LN||^5":                        `"valueQuantity":{"value":5}`,
		"SN|1^a^LN||^1^:^128":                  `"valueRatio":{"numerator":{"value":1},"denominator":{"value":128}}`,
		"SN|1^a^LN||^2^-^4|%":                  `"valueRange":{"low":{"value":2,"unit":"%"},"high":{"value":4,"unit":"%"}}`,
		"SN|1^a^LN||^2^+":                      `"valueString":"2 +"`,
		"SN|1^a^LN||<>^3":                      `"valueString":"\u003c\u003e 3"`,
		"SN|1^a^LN||^x":                        "!value-not-numeric",
		"ST|1^a^LN||clear & bright":            `"valueString":"clear \u0026 bright"`,
		"CWE|1^a^LN||10828004^Pos^SCT":         `"valueCodeableConcept":{"coding":[{"system":"http://snomed.info/sct","code":"10828004","display":"Pos"}]}`,
		"DT|1^a^LN||20260102":                  `"valueDateTime":"2026-01-02"`,
		"TM|1^a^LN||0930":                      `"valueTime":"09:30:00"`,
		"NR|1^a^LN||1^2|mL":                    `"valueRange":{"low":{"value":1,"unit":"mL"},"high":{"value":2,"unit":"mL"}}`,
		"|1^a^LN||88":                          `"valueString":"88"`,
		"ED|1^a^LN||^AP^PDF^Base64^AAAA":       `"dataAbsentReason":{"coding":[{"code":"unsupported"`,
		"NM|||5|1":                             "!code-missing",
		"NM|1^a^LN|||1|||||X":                  `"status":"cancelled"`,
		"NM|1^a^LN|||1|||||U":                  "!status-without-result",
		"NM|1^a^LN||5|1|||||D":                 `"status":"entered-in-error"`,
		"NM|1^a^LN||5|1|3.5-5.1":               `"referenceRange":[{"low":{"value":3.5,"unit":"1"},"high":{"value":5.1,"unit":"1"},"text":"3.5-5.1"}]`,
		"NM|1^a^LN||5|1||HH~A":                 `"code":"HH","display":"Critical high"`,
		"NM|1^a^LN||5|1||||||||20261031120000": `"effectiveDateTime":"2026-10-31T12:00:00Z"`,
		"NM|1^a^LN||5|1||":                     `"effectiveDateTime":"2026-11-01T08:30:00Z"`,
	} {
		got := observe(t, "OBX|1|"+obx)
		if len(got) != 1 {
			t.Errorf("%s: %d candidates", obx, len(got))
			continue
		}
		text := string(got[0].Body.Bytes())
		if reason, doubt := strings.CutPrefix(want, "!"); doubt {
			if len(got[0].Doubts) == 0 || got[0].Doubts[0].Reason != reason {
				t.Errorf("%s: doubts %+v", obx, got[0].Doubts)
			}
			if reason == "value-not-numeric" && strings.Contains(text, "valueQuantity") {
				t.Errorf("%s: %s", obx, text)
			}
			continue
		}
		if !strings.Contains(text, want) || len(got[0].Doubts) != 0 {
			t.Errorf("%s: %s, doubts %+v, not %s", obx, text, got[0].Doubts, want)
		}
	}
}

// TestGroups: lines of one text are one result, notes belong to the result before them, the same code twice is two results.
func TestGroups(t *testing.T) {
	got := observe(t, "NTE|1||to the report", "OBX|1|TX|1^a^LN||one||||||F", "OBX|2|TX|1^a^LN||two||||||F", "NTE|1||to the text", "OBX|3|NM|2^b^LN||5||||||F", "OBX|4|NM|2^b^LN||6||||||F", "SPM|1", "NTE|1||to the specimen")
	if len(got) != 3 {
		t.Fatalf("%d results", len(got))
	}
	first := string(got[0].Body.Bytes())
	if !strings.Contains(first, `"valueString":"one\ntwo"`) || strings.Count(first, `"note"`) != 1 || !strings.Contains(first, "to the text") {
		t.Error(first)
	}
	if strings.Join(got[1].Key, "|") == strings.Join(got[2].Key, "|") {
		t.Error("two results have one key")
	}
	if strings.Contains(string(got[2].Body.Bytes()), "specimen") {
		t.Error("a note of the specimen went to a result")
	}
}
