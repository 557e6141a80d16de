package fhir

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ward-health/ward"
)

func TestScanFacts(t *testing.T) {
	const body = `{"resourceType":"Observation","id":"o1","meta":{"versionId":"4","security":[
	 {"system":"http://terminology.hl7.org/CodeSystem/v3-Confidentiality","code":"L"},{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"HIV"}],
	 "tag":[{"code":"demo"}]},
	 "contained":[{"resourceType":"Device","id":"d","patient":{"reference":"Patient\/p2"}}],
	 "identifier":[{"system":"urn:s","value":"A|1"},{"value":"bare"},{"system":"urn:only"}],
	 "status":"final","category":[{"coding":[{"system":"urn:c","code":"lab"},{"system":"urn:c","code":"lab"},{"display":"no code"}]}],
	 "code":{"coding":[{"system":"http://loinc.org","code":"2160-0"}],"text":"x"},
	 "subject":{"reference":"Patient/p1"},"effectivePeriod":{"start":"2020-02","end":"2020-02-29"},
	 "performer":[{"reference":"Practitioner/d1/_history/3"},{"reference":"#d"},{"display":"someone"}],
	 "component":[{"code":{"coding":[{"code":"c1"}]}}],
	 "extension":[{"url":"urn:x","valueReference":{"reference":"Location?identifier=urn:l|5"}}]}`
	f, err := Scan([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	lo, hi := int64(1580515200e6), int64(1583020800e6)
	want := Facts{Type: "Observation", ID: "o1", Patient: "p1", Conf: 1, Labels: []string{"L", "HIV"}, Values: []Value{
		{Param: ParamSecurity, Kind: Token, System: "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", Code: "L"},
		{Param: ParamSecurity, Kind: Token, System: "http://terminology.hl7.org/CodeSystem/v3-ActCode", Code: "HIV"},
		{Param: ParamTag, Kind: Token, Code: "demo"},
		{Param: 513, Kind: Token, System: "urn:s", Code: "A|1"},
		{Param: 513, Kind: Token, Code: "bare"},
		{Param: 516, Kind: Token, System: "http://hl7.org/fhir/observation-status", Code: "final"},
		{Param: 515, Kind: Token, System: "urn:c", Code: "lab"},
		{Param: 514, Kind: Token, System: "http://loinc.org", Code: "2160-0"},
		{Param: 517, Kind: Ref, System: "Patient", Code: "p1"},
		{Param: 519, Kind: Date, Lo: lo, Hi: hi},
		{Param: 520, Kind: Ref, System: "Practitioner", Code: "d1"},
		{Param: 521, Kind: Token, Code: "c1"},
	}}
	refs := f.References
	f.References = nil
	if d := cmp.Diff(want, f); d != "" {
		t.Fatal(d)
	}
	var got []string
	for _, r := range refs {
		got = append(got, r.Path+" "+r.Target+" "+body[r.Start:r.End])
	}
	wantRefs := []string{
		`Observation.contained[0].patient Patient/p2 "Patient\/p2"`,
		`Observation.subject Patient/p1 "Patient/p1"`,
		`Observation.performer[0] Practitioner/d1/_history/3 "Practitioner/d1/_history/3"`,
		`Observation.performer[1] #d "#d"`,
		`Observation.extension[0].value.ofType(Reference) Location?identifier=urn:l|5 "Location?identifier=urn:l|5"`,
	}
	if d := cmp.Diff(wantRefs, got); d != "" {
		t.Fatal(d)
	}
}

func TestScanRefusals(t *testing.T) {
	obs := func(rest string) string {
		return `{"resourceType":"Observation","id":"x","code":{"text":"x"}` + rest + `,"status":"final"}`
	}
	bare := func(rest string) string { return `{"resourceType":"Observation","id":"x"` + rest + `}` }
	for _, c := range []struct {
		name, body string
		kind       ward.ErrorKind
		path       string
	}{
		{"empty", ``, ward.Invalid, ""},
		{"array", `[]`, ward.Invalid, ""},
		{"null", `null`, ward.Invalid, ""},
		{"no type", `{"id":"x"}`, ward.Invalid, "resourceType"},
		{"empty object", `{}`, ward.Invalid, "resourceType"},
		{"unknown type", `{"resourceType":"Basic"}`, ward.Unprocessable, "resourceType"},
		{"type of wrong case", `{"resourceType":"patient"}`, ward.Unprocessable, "resourceType"},
		{"type is a number", `{"resourceType":1}`, ward.Invalid, "resourceType"},
		{"cut off", `{"resourceType":"Patient","id":"x"`, ward.Invalid, ""},
		{"two bodies", `{"resourceType":"Patient"}{}`, ward.Invalid, ""},
		{"comma", `{"resourceType":"Patient",}`, ward.Invalid, ""},
		{"duplicate", `{"resourceType":"Patient","id":"a","id":"b"}`, ward.Invalid, ""},
		{"duplicate by escape", `{"resourceType":"Patient","id":"a","\u0069d":"b"}`, ward.Invalid, ""},
		{"deep duplicate", obs(`,"a":{"b":[{"c":"1","c":"2"}]}`), ward.Invalid, "a.b[0]"},
		{"duplicate type", `{"resourceType":"Patient","resourceType":"Consent"}`, ward.Invalid, ""},
		{"bad utf-8", "{\"resourceType\":\"Patient\",\"id\":\"\xff\"}", ward.Invalid, ""},
		{"lone surrogate", `{"resourceType":"Patient","text":{"div":"\ud800"}}`, ward.Invalid, "text"},
		{"control character", `{"resourceType":"Patient","text":{"status":"empty","div":"\u0000"}}`, ward.Invalid, "Patient.text.div"},
		{"leading zero", obs(`,"valueInteger":01`), ward.Invalid, ""},
		{"bad id", `{"resourceType":"Patient","id":"a b"}`, ward.Invalid, "Patient.id"},
		{"long id", `{"resourceType":"Patient","id":"` + strings.Repeat("a", 65) + `"}`, ward.Invalid, "Patient.id"},
		{"null member", obs(`,"note":null`), ward.Invalid, "Observation.note"},
		{"empty string", obs(`,"note":""`), ward.Invalid, "Observation.note"},
		{"empty array", obs(`,"note":[]`), ward.Invalid, "Observation.note"},
		{"empty member object", obs(`,"note":{}`), ward.Invalid, "Observation.note"},
		{"meta array", obs(`,"meta":[]`), ward.Invalid, "Observation.meta"},
		{"meta stranger", obs(`,"meta":{"foo":"1"}`), ward.Invalid, "Observation.meta.foo"},
		{"meta nameless", obs(`,"meta":{"":"1"}`), ward.Invalid, "Observation.meta"},
		{"lastUpdated", obs(`,"meta":{"lastUpdated":"2020"}`), ward.Invalid, "Observation.meta.lastUpdated"},
		{"extension object", obs(`,"extension":{"url":"x"}`), ward.Invalid, "Observation.extension"},
		{"extension without url", obs(`,"extension":[{"valueString":"x"}]`), ward.Invalid, "Observation.extension[0]"},
		{"deep extension", obs(`,"note":[{"text":"x","_text":{"extension":[{"value":1}]}}]`), ward.Invalid, "Observation.note[0].text.extension[0].value"},
		{"contained nests", obs(`,"contained":[{"resourceType":"Patient","id":"1","contained":[]}]`), ward.Invalid, "Observation.contained[0].contained"},
		{"contained without id", obs(`,"contained":[{"resourceType":"Patient"}]`), ward.Invalid, "Observation.contained[0]"},
		{"status number", bare(`,"status":1`), ward.Invalid, "Observation.status"},
		{"status array", bare(`,"status":["final"]`), ward.Invalid, "Observation.status"},
		{"status spaces", bare(`,"status":" final"`), ward.Invalid, "Observation.status"},
		{"category object", obs(`,"category":{}`), ward.Invalid, "Observation.category"},
		{"code string", bare(`,"code":"x"`), ward.Invalid, "Observation.code"},
		{"coding object", bare(`,"code":{"coding":{}}`), ward.Invalid, "Observation.code.coding"},
		{"coding code", bare(`,"code":{"coding":[{"code":1}]}`), ward.Invalid, "Observation.code.coding[0].code"},
		{"boolean", `{"resourceType":"Patient","active":"true"}`, ward.Invalid, "Patient.active"},
		{"date", `{"resourceType":"Patient","birthDate":"2021-02-29"}`, ward.Invalid, "Patient.birthDate"},
		{"date with time", `{"resourceType":"Patient","birthDate":"2021-02-01T00:00:00Z"}`, ward.Invalid, "Patient.birthDate"},
		{"dateTime without zone", obs(`,"effectiveDateTime":"2021-02-01T00:00:00"`), ward.Invalid, "Observation.effective.ofType(dateTime)"},
		{"instant", obs(`,"effectiveInstant":"2021-02-01"`), ward.Invalid, "Observation.effective.ofType(instant)"},
		{"period backwards", obs(`,"effectivePeriod":{"start":"2021","end":"2020"}`), ward.Invalid, "Observation.effective.ofType(Period)"},
		{"reference number", obs(`,"encounter":{"reference":5}`), ward.Invalid, "Observation.encounter.reference"},
		{"contained subject", obs(`,"subject":{"reference":"#p"},"contained":[{"resourceType":"Patient","id":"p"}]`), ward.Unprocessable, "Observation.subject"},
		{"absolute subject", obs(`,"subject":{"reference":"http://h/Patient/1"}`), ward.Unprocessable, "Observation.subject"},
		{"urn subject", obs(`,"subject":{"reference":"urn:uuid:53fefa32-fcbb-4ff8-8a92-55ee120877b7"}`), ward.Unprocessable, "Observation.subject"},
		{"subject by identifier", obs(`,"subject":{"identifier":{"value":"5"}}`), ward.Unprocessable, "Observation.subject"},
		{"subject of wrong type", obs(`,"subject":{"reference":"Practitioner/1"}`), ward.Unprocessable, "Observation.subject"},
		{"no subject", `{"resourceType":"Condition","id":"x"}`, ward.Invalid, "Condition"},
		{"hostile name", `{"resourceType":"Patient","<b>Ann":null}`, ward.Invalid, "Patient"},
		{"deep", obs(`,"a":` + strings.Repeat("[", MaxDepth) + strings.Repeat("]", MaxDepth)), ward.TooLarge, "a" + strings.Repeat("[0]", MaxDepth-2)},
		{"too many bytes", `{"resourceType":"Patient","text":{"div":"` + strings.Repeat("a", MaxBytes) + `"}}`, ward.TooLarge, ""},
	} {
		_, err := Scan([]byte(c.body))
		var e *ward.Error
		if !errors.As(err, &e) || e.Kind != c.kind || e.Path != c.path || e.Public == "" {
			t.Errorf("%s: got %v, want %v at %s", c.name, err, c.kind, c.path)
		}
	}
}

// TestScanSaysNothing pushes a canary through every place of a body: no error may show it.
func TestScanSaysNothing(t *testing.T) {
	const canary = "Kanarienvogel"
	for _, body := range []string{
		`{"resourceType":"` + canary + `"}`, `{"resourceType":"Patient","id":"` + canary + ` x"}`, `{"resourceType":"Patient","birthDate":"` + canary + `"}`,
		`{"resourceType":"Patient","gender":" ` + canary + `"}`, `{"resourceType":"Patient","` + canary + ` y":null}`,
		`{"resourceType":"Patient","` + canary + ` y":"1","` + canary + ` y":"1"}`, `{"resourceType":"Condition","subject":{"reference":"` + canary + `"}}`,
		`{"resourceType":"Patient","text":` + canary + `}`, `{"resourceType":"Patient","text":"` + canary + "\x01\"}",
	} {
		_, err := Scan([]byte(body))
		if err == nil || strings.Contains(ward.PublicText(err), canary) || strings.Contains(err.Error(), canary) {
			t.Errorf("%s: %v", body, err)
		}
	}
}

func TestScanAccepts(t *testing.T) {
	for _, c := range []struct{ body, patient string }{
		{`{"id":"p","resourceType":"Patient"}`, "p"},
		{` {"resourceType":"Patient"} ` + "\n", ""},
		{`{"resourceType":"Observation","status":"final","code":{"text":"x"},"subject":{"reference":"Group/g"},"performer":[{"reference":"Organization/o"},{"reference":"Patient/p"}]}`, "p"},
		{`{"resourceType":"Observation","status":"final","code":{"text":"x"},"performer":[{"reference":"Patient/p"}]}`, "p"},
		{`{"resourceType":"Observation","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/a"},"performer":[{"reference":"Patient/b"}]}`, "a"},
		{`{"resourceType":"Procedure","status":"unknown","subject":{"reference":"Group/g"},"performer":[{"actor":{"reference":"Patient/b"}}]}`, "b"},
		{`{"resourceType":"Observation","status":"final","code":{"text":"x"},"subject":{"reference":"Device/d"}}`, ""},
		{`{"resourceType":"AllergyIntolerance","patient":{"reference":"Patient/a"},"category":["food",null],"_category":[null,{"id":"x"}]}`, "a"},
		{`{"resourceType":"Consent","status":"active","scope":{"text":"x"},"category":[{"text":"x"}],"provision":{"actor":[{"role":{"text":"x"},"reference":{"reference":"Patient/z"}}]}}`, ""},
		{`{"resourceType":"Practitioner","extension":[{"url":"u","valueDecimal":1.00}]}`, ""},
	} {
		f, err := Scan([]byte(c.body))
		if err != nil || f.Patient != c.patient {
			t.Errorf("%s: patient %q, %v", c.body, f.Patient, err)
		}
	}
}

func TestConfidentiality(t *testing.T) {
	const sys = `"system":"http://terminology.hl7.org/CodeSystem/v3-Confidentiality",`
	for list, want := range map[string]int{
		``: 3, `{` + sys + `"code":"U"}`: 0, `{` + sys + `"code":"M"},{` + sys + `"code":"V"},{` + sys + `"code":"N"}`: 5,
		`{` + sys + `"code":"Q"}`: 4, `{"code":"U"}`: 4, `{"system":"urn:own","code":"secret"}`: 4, `{` + sys + `"display":"x"}`: 4,
		`{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"PSY"}`: 3, `{"system":"urn:oid:2.16.840.1.113883.5.25","code":"R"}`: 4,
	} {
		meta := ""
		if list != "" {
			meta = `,"meta":{"security":[` + list + `]}`
		}
		f, err := Scan([]byte(`{"resourceType":"Patient"` + meta + `}`))
		if err != nil || f.Conf != want {
			t.Errorf("%s: got %d, %v, want %d", list, f.Conf, err, want)
		}
	}
}

func TestManyValues(t *testing.T) {
	var b strings.Builder
	b.WriteString(`{"resourceType":"Patient","identifier":[`)
	for i := range MaxValues + 1 {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(`{"value":"` + strings.Repeat("v", i%500+1) + `"}`)
	}
	b.WriteString(`]}`)
	f, err := Scan([]byte(b.String()))
	if err != nil || len(f.Values) != 500 {
		t.Fatalf("%d distinct values, %v; want 500", len(f.Values), err)
	}
	many := strings.Repeat(`{"value":"#"},`, MaxValues) + `{"value":"#"}`
	for i := range MaxValues + 1 {
		many = strings.Replace(many, "#", string(rune(0x4e00+i)), 1)
	}
	if _, err := Scan([]byte(`{"resourceType":"Patient","identifier":[` + many + `]}`)); ward.KindOf(err) != ward.TooLarge {
		t.Fatalf("over the bound: %v", err)
	}
}

func TestTableIsSound(t *testing.T) {
	seen := map[Param]string{}
	types := Types()
	if len(types) != 14 {
		t.Fatal(types)
	}
	for i := range table {
		row := &table[i]
		if i > 0 && table[i-1].name >= row.name || row.base%64 != 0 || row.base == 0 {
			t.Errorf("%s: order or base", row.name)
		}
		codes := map[string]bool{}
		for _, p := range row.params {
			n := row.base + p.n
			if p.n < 1 || p.n > 63 || codes[p.code] || p.paths == "" && seen[n] == "" {
				t.Errorf("%s.%s: number, double or alias of nothing", row.name, p.code)
			}
			codes[p.code] = true
			if have := seen[n]; have != "" && p.paths != "" {
				t.Errorf("%d is %s and %s.%s", n, have, row.name, p.code)
			}
			seen[n] = row.name + "." + p.code
			if (p.kind == Ref) != (p.extra != "" && p.kind != Token) {
				t.Errorf("%s.%s: targets", row.name, p.code)
			}
		}
	}
	if math.MaxInt16 < int(table[len(table)-1].base)+64 {
		t.Error("numbers do not fit")
	}
}

func FuzzScan(f *testing.F) {
	for _, seed := range []string{
		`{"resourceType":"Patient","id":"a","meta":{"versionId":"1","lastUpdated":"2020-01-01T00:00:00Z","tag":[{"code":"x"}]},"birthDate":"1980-02"}`,
		`{"id":"x","meta":{"versionId":"1"},"resourceType":"Observation","subject":{"reference":"Patient/1"},"effectiveTiming":{"event":["2020",null],"repeat":{"boundsPeriod":{"start":"2019"}}}}`,
		`{"resourceType":"Condition","subject":{"reference":"urn:uuid:1"},"onsetPeriod":{"end":"2020-01-01T10:00:00.123+14:00"}}`,
		`{"resourceType":"Encounter","\u0069d":"q","participant":[{"individual":{"reference":"Practitioner/1"}}],"class":{"code":"AMB"}}`, `{"resourceType":"Patient"`, "{\"\":[[[",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		before := bytes.Clone(body)
		facts, err := Scan(body)
		if !bytes.Equal(before, body) {
			t.Fatal("Scan changed the body")
		}
		if err != nil {
			var e *ward.Error
			if !errors.As(err, &e) || e.Kind == ward.Internal {
				t.Fatalf("not a public error: %v", err)
			}
			return
		}
		light, err := Refs(body)
		if err != nil || len(light.References) != len(facts.References) {
			t.Fatalf("Refs differs from Scan: %v", err)
		}
		roundTrip(t, body, "fuzz-id")
		with := make([]string, len(facts.References))
		for i := range with {
			with[i] = "Patient/replaced"
		}
		out, err := Replace(body, facts.References, with)
		if err != nil {
			t.Fatal(err)
		}
		again, err := Refs(out)
		if err != nil || len(again.References) != len(with) {
			t.Fatalf("after Replace: %v", err)
		}
		for _, r := range again.References {
			if r.Target != "Patient/replaced" {
				t.Fatalf("not replaced at %s", r.Path)
			}
		}
	})
}

// What has passed the strict pass passes for the very same bytes and for nothing else, and never prints.
func TestScanned(t *testing.T) {
	body := []byte(`{"resourceType":"Observation","id":"o1","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/p1"}}`)
	want, err := Scan(body)
	if err != nil {
		t.Fatal(err)
	}
	s, err := Check(body)
	if err != nil {
		t.Fatal(err)
	}
	got, ok := s.Of(bytes.Clone(body))
	if d := cmp.Diff(want, got); !ok || d != "" {
		t.Error(ok, d)
	}
	if text := fmt.Sprintf("%v %+v %#v %s", s, s, s, s); strings.Contains(text, "p1") {
		t.Error(text)
	}
	body[len(body)-4] = '2' // the caller's bytes change: another patient
	if _, ok := s.Of(body); ok {
		t.Error("other bytes passed")
	}
	if _, ok := (Scanned{}).Of(nil); ok {
		t.Error("nothing passed")
	}
	if s, err := Check([]byte(`{"resourceType":"Observation"}`)); err == nil {
		t.Error("refused by Scan and not by Check")
	} else if _, ok := s.Of([]byte(`{"resourceType":"Observation"}`)); ok {
		t.Error("what was refused passed")
	}
}
