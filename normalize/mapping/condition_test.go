package mapping

import (
	"testing"

	"github.com/ward-health/ward/clinical/hl7v2"
)

func TestConditions(t *testing.T) {
	m, err := hl7v2.Parse([]byte("MSH|^~\\&|A|B|||20260101||ORU^R01|1|P|2.5\rPID|1||1||X^Y|||\"\"\rOBX|1|SN|a^b||>^5~1||||||F\r"), hl7v2.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s := &scope{run: &run{m: m}, inst: &instance{rule: &group{}, segments: []hl7v2.Segment{m.First("PID"), m.First("OBX")}}, seg: m.First("OBX")}
	for text, want := range map[string]bool{
		"":                     true,
		"OBX-2 VALUED":         true,
		"OBX-4 VALUED":         false,
		"PID-8 VALUED":         false, // a null is no value
		"OBX-4 NOT VALUED":     true,
		"NOT OBX-4 VALUED":     true,
		`OBX-2 EQUALS "SN"`:    true,
		`OBX-2 IN ("NM","SN")`: true,
		`OBX-2 NOT IN ("NM","SN") OR OBX-11 EQUALS "F"`: true,
		`OBX-5.1 EQUALS ">" AND COUNT(OBX-5) > 1`:       true,
		"COUNT(OBX-5) = 2":                              true,
		"COUNT(OBX-5) < 2":                              false,
		`(OBX-2 EQUALS "NM" OR OBX-2 EQUALS "SN") AND NOT (PID-5.2 EQUALS "Z")`: true,
		`OBX-2 EQUALS "NM" OR OBX-2 EQUALS "SN" AND OBX-11 EQUALS "P"`:          false,
		`MSH-12 EQUALS "2.5"`: true,
	} {
		c, err := parseCondition(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := c(s); got != want {
			t.Errorf("%s is %v", text, got)
		}
	}
	for _, bad := range []string{"OBX-2", "OBX-2 IS", "VALUED", `OBX-2 EQUALS NM`, `OBX-2 IN "a"`, `OBX-2 IN ("a"`, `(OBX-2 VALUED`, `OBX-2 EQUALS "a`, "COUNT OBX-5 > 1", "COUNT(OBX-5) > x", "COUNT(OBX-5) ~ 1", "OBX-2 VALUED OBX-3"} {
		if _, err := parseCondition(bad); err == nil {
			t.Errorf("%s was taken", bad)
		}
	}
}

func FuzzCondition(f *testing.F) {
	f.Add(`NOT (OBX-2 IN ("a","b") AND COUNT(OBX-5) > 1) OR PID-3 VALUED`)
	f.Fuzz(func(t *testing.T, s string) {
		if len(s) < 1000 {
			parseCondition(s)
		}
	})
}

func TestRulesCompile(t *testing.T) {
	if err := Check(); err != nil {
		t.Fatal(err)
	}
	for _, k := range []string{"ORU^R01", "ADT^A01", "ADT^A04", "ADT^A08", "ADT^A40"} {
		if !Understood(k) {
			t.Error(k)
		}
	}
	if Understood("ADT^A99") {
		t.Error("ADT^A99")
	}
	for _, f := range []ruleFile{
		{Maps: []mapRule{{Name: "X", Segment: "OBX", Fields: []fieldRule{{ID: "a", From: "OBX-1", To: "b", As: "none such"}}}}},
		{Maps: []mapRule{{Name: "X", Segment: "OBX", Fields: []fieldRule{{ID: "a", From: "OBX-1", To: "b..c", As: "string"}}}}},
		{Maps: []mapRule{{Name: "X", Segment: "OBX", Fields: []fieldRule{{ID: "a", To: "b"}}}}},
		{Maps: []mapRule{{Name: "X", Segment: "OBX", Fields: []fieldRule{{ID: "a", From: "OBX-1", To: "b", As: "code", Table: "none such"}}}}},
		{Structures: []structureRule{{ID: "S", Group: groupRule{Resources: []resourceRule{{Type: "Patient", Key: "none such"}}}}}},
		{Structures: []structureRule{{ID: "S", Group: groupRule{Resources: []resourceRule{{Type: "Patient", Key: "patient", Maps: []string{"none such"}}}}}}},
	} {
		if _, err := compile(f); err == nil {
			t.Errorf("%+v was compiled", f)
		}
	}
}
