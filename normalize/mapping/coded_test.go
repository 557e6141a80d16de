package mapping_test

import (
	"strings"
	"testing"
	"time"

	"github.com/ward-health/ward/clinical/hl7v2"
	"github.com/ward-health/ward/normalize/mapping"
)

// TestSentCodes: a code stands under a table of HL7 only if the table has it, a language is a code of BCP 47 or a text.
func TestSentCodes(t *testing.T) {
	for fields, want := range map[string]string{
		"NK1|1|A^B|SPO^Spouse^HL70063":                             `{"system":"http://terminology.hl7.org/CodeSystem/v2-0063","code":"SPO","display":"Spouse"}`,
		"NK1|1|A^B|BUDDY^Friend^HL70063":                           `{"system":"urn:ward:coding:HL70063","code":"BUDDY","display":"Friend"}`,
		"NK1|1|A^B|BUDDY":                                          `{"code":"BUDDY","system":"urn:ward:coding:HL70063"}`,
		"NK1|1|A^B|1^x^1.2.840.113619.01.2":                        `"urn:ward:coding:1.2.840.113619.01.2"`,
		"NK1|1|A^B|1^x^1.2.840.113619.1.2":                         `"urn:oid:1.2.840.113619.1.2"`,
		"PID|1||1^^^H^MR||||||||||||EN^ENGLISH^HL70296":            `"language":{"coding":[{"system":"urn:ietf:bcp:47","code":"en"},{"system":"http://terminology.hl7.org/CodeSystem/v2-0296","code":"EN","display":"ENGLISH"}]}`,
		"PID|1||1^^^H^MR||||||||||||de":                            `"language":{"coding":[{"system":"urn:ietf:bcp:47","code":"de"},{"code":"de"}]}`,
		"PID|1||1^^^H^MR||||||||||||E^English^HL70296":             `"language":{"text":"English"}`,
		"PID|1||1^^^H^MR||||||||||||SP":                            `"language":{"text":"SP"}`,
		"PID|1||1^^^H^MR||||||||||||de^German^99SAP":               `"language":{"text":"German"}`,
		"PID|1||1^^^H^OLD FORM~2^^^&1.02&ISO^MR":                   `"urn:ward:authority:iso:1.02"`,
		"PID|1||2^^^&NOT-ONE&UUID^MR":                              `"urn:ward:authority:uuid:NOT-ONE"`,
		"PID|1||2^^^&F81D4FAE-7DEC-11D0-A765-00A0C91E6BF6&UUID^MR": `"urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6"`,
	} {
		text := "MSH|^~\\&|A|H|||20261101090000||ADT^A08|1|P|2.5.1\rPID|1||1^^^H^MR\r" + fields + "\r"
		if strings.HasPrefix(fields, "PID") {
			text = strings.Replace(text, "PID|1||1^^^H^MR\r", "", 1)
		}
		m, err := hl7v2.Parse([]byte(text), hl7v2.Options{})
		if err != nil {
			t.Fatal(err)
		}
		r, err := mapping.Map(m, "ADT^A08", mapping.Options{Received: time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)})
		if err != nil || len(r.Candidates) != 1 {
			t.Errorf("%s: %v, %d candidates", fields, err, len(r.Candidates))
			continue
		}
		if got := string(r.Candidates[0].Body.Bytes()); !strings.Contains(got, want) {
			t.Errorf("%s: want %s in %s", fields, want, got)
		}
	}
}

// TestResultCategory: a vital sign is one in whatever order it came, and without one.
func TestResultCategory(t *testing.T) {
	for obx, want := range map[string]string{
		"NM|8867-4^Heart rate^LN||60|/min":                                   "vital-signs",
		"NM|HR^Pulse^L^8867-4^Heart rate^LN||60|/min":                        "vital-signs",
		"NM|8867-4^not the code of LOINC^L||60|/min":                         "laboratory",
		"NM|2951-2^Sodium^LN||140|mmol/L":                                    "laboratory",
		"NM|8867-4^Heart rate^LN||60|/min|||||||||||||||||||||||exam^Exam^L": "vital-signs",
	} {
		c := observe(t, "OBX|1|"+obx)[0].Body.At("category").Items()
		if len(c) == 0 || c[0].At("coding").Items()[0].Get("code").Str() != want {
			t.Errorf("%s: %v", obx, c)
		}
		if strings.Contains(obx, "Exam") && len(c) != 2 {
			t.Errorf("%s: what OBX-29 says is not kept", obx)
		}
	}
}

// TestNoValue: a result without value says why.
func TestNoValue(t *testing.T) {
	for obx, want := range map[string]string{
		"ST|1^a^LN|| ||||||F":    `"code":"unknown"`,
		`NM|1^a^LN||""|||||F`:    `"code":"unknown"`,
		"NM|1^a^LN||||||||I":     `"code":"temp-unknown"`,
		"NM|1^a^LN||||||||X":     `"code":"not-performed"`,
		"ST|1^a^LN||\x01||||||F": `"code":"unknown"`,
	} {
		if got := string(observe(t, "OBX|1|"+obx)[0].Body.Bytes()); !strings.Contains(got, `"dataAbsentReason"`) || !strings.Contains(got, want) {
			t.Errorf("%q: %s", obx, got)
		}
	}
}
