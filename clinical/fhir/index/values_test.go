package index_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ward-health/ward/clinical/fhir/index"
	"github.com/ward-health/ward/clinical/fhir/tree"
)

// shown writes a value for people.
func shown(t *index.Table, v *index.Value) string {
	s := t.Params[v.Param].Code
	if v.Group != 0 {
		s += fmt.Sprintf("#%d", v.Component)
	}
	s += [...]string{"", " (base units)", " :text", " :identifier"}[v.Form] + " "
	day := func(us int64) string {
		switch us {
		case math.MinInt64:
			return "ever"
		case math.MaxInt64:
			return "ever"
		}
		return strings.TrimSuffix(time.UnixMicro(us).UTC().Format("2006-01-02T15:04:05.999"), "T00:00:00")
	}
	switch v.Kind {
	case index.Date:
		return s + day(v.Lo) + ".." + day(v.Hi)
	case index.Number, index.Quantity:
		s += fmt.Sprintf("%g [%g %g]", v.Num, v.Low, v.High)
	}
	if v.Base != nil {
		s += string(v.Base) + " "
	}
	if v.System != nil {
		s += string(v.System) + "|"
	}
	s += string(v.Code)
	if v.Version != nil {
		s += " v" + string(v.Version)
	}
	return s
}

var engineOf = newEngine

var limits = tree.Limits{}

// values returns the values of the parameters that begin with one of the names.
func values(t testing.TB, e *engine, src string, params ...string) (list []string) {
	t.Helper()
	if !e.run([]byte(src)) {
		t.Fatalf("%s: %v", src, e.check.Issues)
	}
	tab := e.index.Table(e.schema.Type(&e.doc, 0))
	for i := range e.values.Values {
		v := &e.values.Values[i]
		if slices.Contains(params, tab.Params[v.Param].Code) {
			list = append(list, shown(tab, v))
		}
	}
	return list
}

const ucumQuantity = `{"value":5.40,"unit":"mg per dL","system":"http://unitsofmeasure.org","code":"mg/dL"}`

func TestValues(t *testing.T) {
	e := engineOf()
	obs := func(rest string) string {
		return `{"resourceType":"Observation","id":"o","status":"final","code":{"coding":[{"system":"http://loinc.org","code":"1","display":"Eins"}],"text":"Öl"}` + rest + `}`
	}
	for _, c := range []struct {
		src    string
		params string
		want   []string
	}{
		{obs(``), "status code", []string{"status http://hl7.org/fhir/observation-status|final", "code http://loinc.org|1", "code :text eins", "code :text ol"}},
		{obs(`,"effectiveDateTime":"2020-02"`), "date", []string{"date 2020-02-01..2020-03-01"}},
		{obs(`,"effectivePeriod":{"start":"2020"}`), "date", []string{"date 2020-01-01..ever"}},
		{obs(`,"effectiveInstant":"2020-01-01T10:00:00.5+01:00"`), "date", []string{"date 2020-01-01T09:00:00.5..2020-01-01T09:00:00.6"}},
		{obs(`,"effectiveTiming":{"event":["2020-01-05","2020-01-03"],"repeat":{"boundsPeriod":{"start":"2020-01-04","end":"2020-01-08"}}}`), "date", []string{"date 2020-01-03..2020-01-09"}},
		{obs(`,"subject":{"reference":"Patient/a/_history/3"}`), "subject patient", []string{"subject Patient|a v3", "patient Patient|a v3"}},
		{obs(`,"subject":{"reference":"Group/g"}`), "subject patient", []string{"subject Group|g"}},
		{obs(`,"subject":{"reference":"https://h/fhir/Patient/a"}`), "subject patient", []string{"subject https://h/fhir Patient|a", "patient https://h/fhir Patient|a"}},
		{obs(`,"subject":{"reference":"urn:uuid:53fefa32-fcbb-4ff8-8a92-55ee120877b7","type":"Patient"}`), "patient", []string{"patient urn:uuid:53fefa32-fcbb-4ff8-8a92-55ee120877b7"}},
		{obs(`,"subject":{"type":"Patient","identifier":{"system":"urn:s","value":"1"}}`), "patient", []string{"patient :identifier urn:s|1"}},
		{obs(`,"valueQuantity":` + ucumQuantity), "value-quantity", []string{
			"value-quantity 5.4 [5.395 5.405]http://unitsofmeasure.org|mg/dL", "value-quantity (base units) 54 [53.95 54.05]http://unitsofmeasure.org|m-3.g"}},
		{obs(`,"valueQuantity":{"value":-5,"comparator":"<","unit":"x"}`), "value-quantity", []string{"value-quantity -5 [-Inf -4.5]x"}},
		{obs(`,"valueQuantity":{"value":37,"system":"http://unitsofmeasure.org","code":"Cel"}`), "value-quantity", []string{"value-quantity 37 [36.5 37.5]http://unitsofmeasure.org|Cel"}},
		{obs(`,"valueSampledData":{"origin":{"value":1,"unit":"x"},"period":1,"factor":0.1,"dimensions":1,"data":"1 -20 E 3"}`), "value-quantity", []string{"value-quantity NaN [-1 1.3]x"}},
		{obs(`,"valueString":" Ça  va, O'Neill! "`), "value-string", []string{"value-string ca va oneill"}},
		{obs(`,"valueQuantity":{"value":1,"unit":"x"}`), "code-value-quantity", []string{"code-value-quantity#0 http://loinc.org|1", "code-value-quantity#1 1 [0.5 1.5]x"}},
		{obs(`,"component":[{"code":{"coding":[{"code":"a"}]},"valueCodeableConcept":{"coding":[{"code":"b"}]}},{"code":{"coding":[{"code":"c"}]},"valueBoolean":true}]`),
			"component-code-value-concept", []string{"component-code-value-concept#0 a", "component-code-value-concept#1 b"}},
		{`{"resourceType":"Patient","telecom":[{"system":"phone","value":"1"},{"system":"email","value":"a@b"}]}`, "phone email telecom",
			[]string{"phone 1", "telecom 1", "email a@b", "telecom a@b"}},
		{`{"resourceType":"Patient","name":[{"family":"Müller","given":["Änne","B"],"text":"Frau Müller"}],"gender":"female"}`, "name family given gender",
			[]string{"name muller", "family muller", "name anne", "given anne", "name b", "given b", "name frau muller", "gender http://hl7.org/fhir/administrative-gender|female"}},
		{`{"resourceType":"Patient","address":[{"line":["Straße 1"],"city":"Köln","country":"DE"}]}`, "address address-city", []string{"address strasse 1", "address koln", "address de", "address-city koln"}},
		{`{"resourceType":"Patient"}`, "deceased", []string{"deceased false"}},
		{`{"resourceType":"Patient","deceasedBoolean":false}`, "deceased", []string{"deceased false"}},
		{`{"resourceType":"Patient","deceasedDateTime":"2020"}`, "deceased death-date", []string{"deceased true", "death-date 2020-01-01..2021-01-01"}},
		{`{"resourceType":"Patient","id":"x","meta":{"profile":["http://p|1"],"tag":[{"system":"s","code":"t"}],"lastUpdated":"2020-01-01T00:00:00Z","source":"urn:s"}}`, "_id _profile _tag _lastUpdated _source",
			[]string{"_id x", "_profile http://p|1", "_tag s|t", "_lastUpdated 2020-01-01..2020-01-01T00:00:01", "_source urn:s"}},
		{`{"resourceType":"Library","status":"draft","type":{"text":"x"},"relatedArtifact":[{"type":"depends-on","resource":"http://a|2"},{"type":"composed-of","resource":"http://b"}]}`, "depends-on composed-of",
			[]string{"depends-on http://a v2", "composed-of http://b"}},
		{`{"resourceType":"Bundle","type":"document","entry":[{"resource":{"resourceType":"Patient","id":"1"}},{"resource":{"resourceType":"Patient","id":"2"}}]}`, "composition", []string{"composition Patient|1"}},
		{`{"resourceType":"InsurancePlan","name":"A","alias":["B"]}`, "name", []string{"name a", "name b"}},
		{`{"resourceType":"DocumentReference","status":"current","content":[{"attachment":{"url":"http://x"}}],"relatesTo":[{"code":"replaces","target":{"reference":"DocumentReference/d"}}]}`, "relationship",
			[]string{"relationship#0 http://hl7.org/fhir/document-relationship-type|replaces", "relationship#1 DocumentReference|d"}},
		{`{"resourceType":"RiskAssessment","status":"final","subject":{"display":"x"},"prediction":[{"probabilityDecimal":0.5},{"probabilityRange":{"low":{"value":1},"high":{"value":2}}}]}`, "probability",
			[]string{"probability 0.5 [0.45 0.55]", "probability NaN [0.5 2.5]"}},
		{`{"resourceType":"Invoice","status":"issued","totalGross":{"value":12.5,"currency":"EUR"}}`, "totalgross", []string{"totalgross 12.5 [12.45 12.55]urn:iso:std:iso:4217|EUR"}},
		{`{"resourceType":"Observation","status":"final","code":{"text":"x"},"contained":[{"resourceType":"Patient","id":"p"}],"subject":{"reference":"#p"}}`, "subject patient", nil},
	} {
		got := values(t, e, c.src, strings.Fields(c.params)...)
		slices.Sort(got)
		slices.Sort(c.want)
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%s:\n%s", c.src, d)
		}
	}
}

// TestSameQuantity: the same amount in other units is the same number.
func TestSameQuantity(t *testing.T) {
	e := engineOf()
	for _, set := range [][]string{
		{"5.40 mg/dL", "54.0 mg/L", "0.0540 g/L", "54.0 ug/mL", "54.0 g/m3"}, {"72.5 kg", "72500 g", "0.0725 t"}, {"120 mm[Hg]", "12.0 cm[Hg]"}, {"0.1 mol/L", "100 mmol/L"}, {"3 [lb_av]", "48 [oz_av]"},
	} {
		want := math.NaN()
		for _, q := range set {
			num, code, _ := strings.Cut(q, " ")
			n, _, _, ok := index.Decimal([]byte(num))
			_, factor, ok2 := e.index.CanonicalUnit([]byte(code))
			if !ok || !ok2 {
				t.Fatal(q)
			}
			if got := index.Canonical(n, factor); math.IsNaN(want) {
				want = got
			} else if got != want {
				t.Errorf("%s is %v, %s is %v", set[0], want, q, got)
			}
		}
	}
}

func TestDecimal(t *testing.T) {
	for text, want := range map[string][3]float64{
		"100": {100, 99.5, 100.5}, "100.00": {100, 99.995, 100.005}, "1e2": {100, 95, 105}, "0": {0, -0.5, 0.5}, "-2.5": {-2.5, -2.55, -2.45}, "0.0": {0, -0.05, 0.05},
		"1.0E-3": {0.001, 0.00095, 0.00105}, "123456789012345678901": {1.234567890123456e20, 1.2345678901234555e20, 1.2345678901234563e20},
	} {
		num, low, high, ok := index.Decimal([]byte(text))
		if !ok || [3]float64{num, low, high} != want {
			t.Errorf("%s: %v %v %v %v", text, num, low, high, ok)
		}
	}
	for _, text := range []string{"", "-", "x", "1e", "1e999", "1.2.3", "--1"} {
		if _, _, _, ok := index.Decimal([]byte(text)); ok {
			t.Errorf("%q was taken", text)
		}
	}
}

func TestFold(t *testing.T) {
	for text, want := range map[string]string{
		"Müller": "muller", "MÜLLER": "muller", "Mu\u0308ller": "muller", "  a \t b ": "a b", "O'Brien-Smith": "obriensmith", "Straße": "strasse", "STRASSE": "strasse", "Σίσυφος": "σισυφοσ",
		"Łódź": "łodz", "Đặng": "đang", "Йод": "иод", "東京": "東京", "": "", "...": "", "a . b": "a b", "\xff": "\ufffd",
	} {
		if got := string(index.Fold(nil, []byte(text))); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
		if again := string(index.Fold(nil, []byte(want))); again != want {
			t.Errorf("%q folds again to %q", want, again)
		}
	}
}

// TestNoAllocation: a Collector that has grown allocates nothing, quantities, folded texts and composites included.
func TestNoAllocation(t *testing.T) {
	e := engineOf()
	src := []byte(`{"resourceType":"Observation","status":"final","code":{"coding":[{"system":"http://loinc.org","code":"1"}],"text":"Öl"},"subject":{"reference":"Patient/1"},"valueQuantity":` + ucumQuantity + `}`)
	if n := testing.AllocsPerRun(100, func() {
		if !e.run(src) {
			t.Fatal(e.check.Issues)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestBounded: a resource with endless values gives no more than the bound, and says so.
func TestBounded(t *testing.T) {
	e := engineOf()
	many := strings.TrimSuffix(strings.Repeat(`{"system":"s","code":"c"},`, index.MaxValues+1), ",")
	e.run([]byte(`{"resourceType":"Observation","status":"final","code":{"coding":[` + many + `]},"valueCodeableConcept":{"coding":[` + many + `]}}`))
	if len(e.values.Values) > index.MaxValues || !e.values.More {
		t.Errorf("%d values, more %v", len(e.values.Values), e.values.More)
	}
}

func FuzzCollect(f *testing.F) {
	f.Add([]byte(`{"resourceType":"Observation","valueQuantity":` + ucumQuantity + `,"effectiveTiming":{"event":[null]},"code":{"coding":[{}]},"component":[{"code":1}]}`))
	f.Add([]byte(`{"resourceType":"Bundle","entry":[{"resource":[]}]}`))
	f.Add([]byte(`{"resourceType":"Patient","name":[{"family":1,"given":[null]}],"contained":[{"id":1}],"telecom":[[]]}`))
	e := engineOf()
	f.Fuzz(func(t *testing.T, src []byte) {
		if e.doc.Parse(src, limits) != nil {
			return
		}
		if e.index.Table(e.schema.Type(&e.doc, 0)) != nil {
			e.run(src)
		}
	})
}
