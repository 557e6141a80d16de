package hl7v2

import (
	"strings"
	"testing"
)

// oru is a laboratory report of about 1 KB.
var oru = []byte(strings.Join([]string{
	"MSH|^~\\&|LAB^1.2.840.114398.1.100^ISO|HOSPITAL|WARD|WARD|20240611083015.125+0200||ORU^R01^ORU_R01|MSG000001|P|2.5.1|||AL|NE|DEU|UNICODE UTF-8",
	"PID|1||123456^^^HOSPITAL&1.2.3.4&ISO^MR~999-99-9999^^^SSA^SS||TEST^ANNA^B^^^^L||19610203|F|||1 STREET^^TOWN^^12345^DEU||+49 30 1234567|||||",
	"PV1|1|I|W1^101^1^HOSPITAL|R|||1234^DOCTOR^DORA^^^DR|||MED||||||||V123456|||||||||||||||||||||||||20240610120000",
	"ORC|RE|ORD1^HIS|FIL1^LAB||CM||||20240611080000|||1234^DOCTOR^DORA",
	"OBR|1|ORD1^HIS|FIL1^LAB|24323-8^Comprehensive metabolic panel^LN|||20240611074500|||||||||1234^DOCTOR^DORA||||||20240611083000|||F",
	"OBX|1|NM|2951-2^Sodium^LN||140|mmol/L^mmol/L^UCUM|135-145|N|||F|||20240611074500",
	"OBX|2|NM|2823-3^Potassium^LN||4.1|mmol/L^mmol/L^UCUM|3.5-5.1|N|||F|||20240611074500",
	"OBX|3|NM|2160-0^Creatinine^LN||1.12|mg/dL^mg/dL^UCUM|0.6-1.1|H|||F|||20240611074500",
	"OBX|4|NM|3094-0^Urea nitrogen^LN||15|mg/dL^mg/dL^UCUM|7-20|N|||F|||20240611074500",
	"NTE|1|L|Sample slightly haemolysed; potassium may be raised \\T\\ was repeated.", ""}, "\r"))

// TestAllocations: parsing allocates the message, its segments and its offsets, whatever its size; reading allocates
// nothing but text.
func TestAllocations(t *testing.T) {
	for _, b := range [][]byte{oru, append(oru[:len(oru):len(oru)], []byte(strings.Repeat(string(oru[strings.Index(string(oru), "OBX"):]), 100))...)} {
		if n := testing.AllocsPerRun(100, func() {
			if _, err := Parse(b, Options{}); err != nil {
				t.Fatal(err)
			}
		}); n > 3 {
			t.Errorf("Parse of %d bytes makes %v allocations", len(b), n)
		}
	}
	m := parse(t, string(oru))
	if n := testing.AllocsPerRun(100, func() {
		for s := range m.All("OBX") {
			if s.Field(3).First().Component(1).Empty() || s.Field(5).Null() {
				t.Fatal("a value is missing")
			}
		}
		if !m.Get("PID-3[1].4").Exists() || m.First("PID").Field(3).Repeats() != 2 {
			t.Fatal("a value is missing")
		}
	}); n > 0 {
		t.Errorf("reading makes %v allocations", n)
	}
}

func BenchmarkParse(b *testing.B) {
	b.SetBytes(int64(len(oru)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(oru, Options{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseAndRead(b *testing.B) {
	b.SetBytes(int64(len(oru)))
	b.ReportAllocs()
	for b.Loop() {
		m, err := Parse(oru, Options{})
		if err != nil {
			b.Fatal(err)
		}
		_ = m.Header()
		for s := range m.All("OBX") {
			_ = s.Field(3).First().Component(1).Text()
			_, _ = s.Field(5).First().Number()
			_ = s.Field(6).First().Text()
			_, _ = s.Field(14).First().Time(nil)
		}
	}
}
