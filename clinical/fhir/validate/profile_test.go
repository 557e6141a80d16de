package validate_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ward-health/ward/clinical/fhir/definition"
	"github.com/ward-health/ward/clinical/fhir/issue"
	"github.com/ward-health/ward/clinical/fhir/validate"
)

// profile makes a StructureDefinition out of the elements of a differential.
func profile(name, typ, elements string) string {
	return fmt.Sprintf(`{"resourceType":"StructureDefinition","url":"http://ward.test/%s","name":"P","status":"active","kind":"resource","abstract":false,
		"type":%q,"baseDefinition":"http://hl7.org/fhir/StructureDefinition/%s","derivation":"constraint","differential":{"element":[%s]}}`, name, typ, typ, elements)
}

func setOf(t testing.TB, definitions ...string) *definition.Set {
	t.Helper()
	p := &definition.Package{Name: "ward.test", Version: "1"}
	for _, d := range definitions {
		if err := p.Add([]byte(d)); err != nil {
			t.Fatal(err)
		}
	}
	set, _ := definition.R4().With(p)
	return set
}

// found lists the ids of the errors with their expressions.
func found(all []issue.Issue) string {
	var out []string
	for _, i := range all {
		if i.Severity <= issue.Error {
			out = append(out, i.ID+" "+i.Expression)
		}
	}
	return strings.Join(out, ", ")
}

func sliced(rules string, ordered bool) string {
	return fmt.Sprintf(`{"id":"Patient.identifier","path":"Patient.identifier","slicing":{"discriminator":[{"type":"value","path":"system"}],"rules":%q,"ordered":%v}},
		{"id":"Patient.identifier:a","path":"Patient.identifier","sliceName":"a","min":1,"max":"1"},
		{"id":"Patient.identifier:a.system","path":"Patient.identifier.system","min":1,"fixedUri":"http://a"},
		{"id":"Patient.identifier:a.value","path":"Patient.identifier.value","min":1},
		{"id":"Patient.identifier:b","path":"Patient.identifier","sliceName":"b","min":0,"max":"2"},
		{"id":"Patient.identifier:b.system","path":"Patient.identifier.system","min":1,"fixedUri":"http://b"}`, rules, ordered)
}

func patient(systems ...string) string {
	for i, s := range systems {
		systems[i] = fmt.Sprintf(`{"system":"http://%s","value":"1"}`, s)
	}
	return `{"resourceType":"Patient","identifier":[` + strings.Join(systems, ",") + `]}`
}

func TestSlices(t *testing.T) {
	for _, c := range []struct{ name, rules, text, want string }{
		{"all there", "open", patient("a", "b", "b", "x"), ""},
		{"least", "open", patient("b"), "profile-cardinality-min Patient"},
		{"most", "open", patient("a", "a"), "profile-cardinality-max Patient.identifier[1]"},
		{"most of the second", "open", patient("a", "b", "b", "b"), "profile-cardinality-max Patient.identifier[3]"},
		{"inside a slice", "open", `{"resourceType":"Patient","identifier":[{"system":"http://a"}]}`, "profile-cardinality-min Patient.identifier[0]"},
		{"closed", "closed", patient("a", "x"), "slice-unmatched Patient.identifier[1]"},
		{"open at end", "openAtEnd", patient("a", "b", "x"), ""},
		{"not at end", "openAtEnd", patient("a", "x", "b"), "slice-order Patient.identifier[2]"},
		{"in order", "ordered", patient("a", "b"), ""},
		{"out of order", "ordered", patient("b", "a"), "slice-order Patient.identifier[1]"},
		{"nothing to slice", "closed", `{"resourceType":"Patient","active":true}`, "profile-cardinality-min Patient"},
	} {
		t.Run(c.name, func(t *testing.T) {
			rules, ordered := c.rules, false
			if rules == "ordered" {
				rules, ordered = "open", true
			}
			v := validate.New(setOf(t, profile("p", "Patient", sliced(rules, ordered))), validate.Options{})
			if got := found(v.Validate(parse(t, []byte(c.text)), "http://ward.test/p")); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
			if all := v.Validate(parse(t, []byte(c.text))); !issue.Valid(all) {
				t.Errorf("without the profile: %s", found(all))
			}
		})
	}
}

func TestDiscriminators(t *testing.T) {
	slicing := func(kind, path, slice string) string {
		return fmt.Sprintf(`{"id":"Observation.component","path":"Observation.component","slicing":{"discriminator":[{"type":%q,"path":%q}],"rules":"closed"}},
			{"id":"Observation.component:s","path":"Observation.component","sliceName":"s"},%s`, kind, path, slice)
	}
	component := func(more string) string {
		return `{"resourceType":"Observation","status":"final","code":{"text":"x"},"component":[{"code":{"coding":[{"system":"http://s","code":"c"},{"code":"d"}]}` + more + `}]}`
	}
	const out = "slice-unmatched Observation.component[0]"
	for _, c := range []struct{ name, kind, path, slice, yes, no string }{
		{"pattern", "pattern", "code", `{"id":"Observation.component:s.code","path":"Observation.component.code","patternCodeableConcept":{"coding":[{"code":"d"}]}}`, "",
			`,"valueString":"x"`},
		{"type", "type", "value", `{"id":"Observation.component:s.value[x]","path":"Observation.component.value[x]","type":[{"code":"Quantity"}]}`, `,"valueQuantity":{"value":1}`,
			`,"valueString":"x"`},
		{"exists", "exists", "value", `{"id":"Observation.component:s.value[x]","path":"Observation.component.value[x]","min":1}`, `,"valueString":"x"`, ``},
		{"not there", "exists", "value", `{"id":"Observation.component:s.value[x]","path":"Observation.component.value[x]","max":"0"}`, ``, `,"valueString":"x"`},
		{"required binding", "value", "interpretation", `{"id":"Observation.component:s.interpretation","path":"Observation.component.interpretation","binding":{"strength":"required","valueSet":"http://hl7.org/fhir/ValueSet/observation-interpretation"}}`,
			`,"interpretation":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation","code":"H"}]}]`,
			`,"interpretation":[{"coding":[{"system":"http://other.test/","code":"H"}]}]`},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := validate.New(setOf(t, profile("p", "Observation", slicing(c.kind, c.path, c.slice))), validate.Options{})
			if got := found(v.Validate(parse(t, []byte(component(c.yes))), "http://ward.test/p")); got != "" {
				t.Errorf("in the slice: %q", got)
			}
			if c.name == "pattern" {
				c.slice = strings.Replace(c.slice, `"d"`, `"e"`, 1)
				v = validate.New(setOf(t, profile("p", "Observation", slicing(c.kind, c.path, c.slice))), validate.Options{})
			}
			if got := found(v.Validate(parse(t, []byte(component(c.no))), "http://ward.test/p")); got != out {
				t.Errorf("not in the slice: %q", got)
			}
		})
	}
}

func TestProfileElements(t *testing.T) {
	const observation = `{"resourceType":"Observation","status":"final","code":{"coding":[{"system":"http://s","code":"c"}]},"subject":{"reference":"#p"},"valueQuantity":{"value":5,"unit":"mg"},
		"contained":[{"resourceType":"Patient","id":"p","active":true}]}`
	for _, c := range []struct{ name, element, want string }{
		{"max 0", `{"path":"Observation.value[x]","max":"0"}`, "profile-cardinality-max Observation.value.ofType(Quantity)"},
		{"min", `{"path":"Observation.method","min":1}`, "profile-cardinality-min Observation"},
		{"type", `{"path":"Observation.value[x]","type":[{"code":"string"}]}`, "profile-type-not-allowed Observation.value.ofType(Quantity)"},
		{"fixed", `{"path":"Observation.status","fixedCode":"amended"}`, "profile-fixed Observation.status"},
		{"fixed wants all of it", `{"path":"Observation.code","fixedCodeableConcept":{"coding":[{"code":"c"}]}}`, "profile-fixed Observation.code"},
		{"pattern wants a part", `{"path":"Observation.code","patternCodeableConcept":{"coding":[{"code":"c"}]}}`, ""},
		{"pattern", `{"path":"Observation.code","patternCodeableConcept":{"coding":[{"code":"d"}]}}`, "profile-pattern Observation.code"},
		{"target", `{"path":"Observation.subject","type":[{"code":"Reference","targetProfile":["http://hl7.org/fhir/StructureDefinition/Device"]}]}`,
			"reference-target Observation.subject"},
		{"target of a profile", `{"path":"Observation.subject","type":[{"code":"Reference","targetProfile":["http://ward.test/named"]}]}`, "profile-not-met Observation.subject"},
		{"aggregation", `{"path":"Observation.subject","type":[{"code":"Reference","targetProfile":["http://hl7.org/fhir/StructureDefinition/Patient"],"aggregation":["referenced"]}]}`,
			"reference-target Observation.subject"},
		{"invariant", `{"path":"Observation","constraint":[{"key":"t-1","severity":"error","human":"x","expression":"subject.resolve().active = false"}]}`, "invariant Observation"},
		{"invariant of an element", `{"path":"Observation.code","constraint":[{"key":"t-2","severity":"error","human":"x","expression":"coding.count() = 1 and %resource.status = 'final'"}]}`, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			set := setOf(t, profile("p", "Observation", c.element), profile("named", "Patient", `{"path":"Patient.name","min":1}`))
			all := validate.New(set, validate.Options{}).Validate(parse(t, []byte(observation)), "http://ward.test/p")
			if got := found(all); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
			for _, i := range all {
				if i.Severity <= issue.Error && (i.Rule == "" || i.Line == 0) {
					t.Errorf("without rule or line: %+v", i)
				}
			}
		})
	}
}

func TestNotChecked(t *testing.T) {
	v := validate.New(definition.R4(), validate.Options{})
	all := v.Validate(parse(t, []byte(`{"resourceType":"Patient","meta":{"profile":["http://ward.test/none"]},"extension":[{"url":"http://ward.test/x","valueCode":"a"}],"active":true}`)), "http://ward.test/other")
	got := map[string]int{}
	for _, i := range all {
		if i.Severity != issue.Warning {
			t.Errorf("not a warning: %+v", i)
		}
		got[i.ID]++
	}
	if got[validate.IDProfileUnknown] != 2 || got[validate.IDExtensionUnknown] != 1 {
		t.Errorf("what is not checked has to be said: %v", got)
	}
	all = v.Validate(parse(t, []byte(`{"resourceType":"Patient","modifierExtension":[{"url":"http://ward.test/x","valueCode":"a"}]}`)))
	if found(all) != "extension-unknown Patient.modifierExtension[0]" {
		t.Errorf("a modifier that is not known: %v", all)
	}
}

func TestExtensions(t *testing.T) {
	definitionOf := func(modifier bool, context string) string {
		return fmt.Sprintf(`{"resourceType":"StructureDefinition","url":"http://ward.test/x","name":"X","status":"active","kind":"complex-type","abstract":false,
			"context":[{"type":"element","expression":%q}],"type":"Extension","baseDefinition":"http://hl7.org/fhir/StructureDefinition/Extension","derivation":"constraint",
			"differential":{"element":[{"path":"Extension","isModifier":%v},{"path":"Extension.url","fixedUri":"http://ward.test/x"},{"path":"Extension.value[x]","min":1,"type":[{"code":"boolean"}]}]}}`, context, modifier)
	}
	for _, c := range []struct {
		name     string
		modifier bool
		context  string
		text     string
		want     string
	}{
		{"as defined", false, "Patient", `{"resourceType":"Patient","extension":[{"url":"http://ward.test/x","valueBoolean":true}]}`, ""},
		{"wrong type", false, "Patient", `{"resourceType":"Patient","extension":[{"url":"http://ward.test/x","valueString":"x"}]}`, "profile-type-not-allowed Patient.extension[0].value.ofType(string)"},
		{"a name with a colon within another", false, "Patient", `{"resourceType":"Patient","extension":[{"url":"urn:x:y","extension":[{"url":"10:00","valueBoolean":true}]}]}`, ""},
		{"wrong place", false, "Patient.name", `{"resourceType":"Patient","extension":[{"url":"http://ward.test/x","valueBoolean":true}]}`, "extension-context Patient.extension[0]"},
		{"on a primitive", false, "Patient.birthDate", `{"resourceType":"Patient","_birthDate":{"extension":[{"url":"http://ward.test/x","valueBoolean":true}]}}`, ""},
		{"on a datatype", false, "HumanName", `{"resourceType":"Patient","name":[{"family":"x","extension":[{"url":"http://ward.test/x","valueBoolean":true}]}]}`, ""},
		{"modifier as plain", true, "Patient", `{"resourceType":"Patient","extension":[{"url":"http://ward.test/x","valueBoolean":true}]}`, "extension-modifier Patient.extension[0]"},
		{"plain as modifier", false, "Patient", `{"resourceType":"Patient","modifierExtension":[{"url":"http://ward.test/x","valueBoolean":true}]}`, "extension-modifier Patient.modifierExtension[0]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := validate.New(setOf(t, definitionOf(c.modifier, c.context)), validate.Options{})
			if got := found(v.Validate(parse(t, []byte(c.text)))); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// TestBounded: hostile texts end with an issue that says so, or with none, but they end.
func TestBounded(t *testing.T) {
	items := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, `%s{"linkId":"%d","type":"string","enableWhen":[{"question":"%d","operator":"exists","answerBoolean":true}]}`, map[bool]string{true: ",", false: ""}[i > 0], i, n-1)
		}
		return b.String()
	}
	answers := strings.Repeat(`{"linkId":"x","answer":[{"valueString":"a","item":[{"linkId":"y"}]}]},`, 3000) + `{"linkId":"z"}`
	text := `{"resourceType":"QuestionnaireResponse","status":"completed","questionnaire":"#q","contained":[{"resourceType":"Questionnaire","id":"q","status":"active","item":[` +
		items(3000) + `]}],"item":[` + answers + `]}`
	v := validate.New(definition.R4(), validate.Options{Steps: 100_000})
	all := v.Validate(parse(t, []byte(text)))
	said := false
	for _, i := range all {
		said = said || i.ID == validate.IDCost
	}
	if !said {
		t.Errorf("conditions over the whole response are not bounded: %d issues", len(all))
	}
	// profiles that lead to each other, and to themselves
	ring := setOf(t, profile("r1", "Parameters", `{"path":"Parameters.parameter.resource","type":[{"code":"Parameters","profile":["http://ward.test/r2"]}]}`),
		profile("r2", "Parameters", `{"path":"Parameters.parameter.resource","type":[{"code":"Parameters","profile":["http://ward.test/r1","http://ward.test/r2"]}]}`))
	deep := strings.Repeat(`{"resourceType":"Parameters","parameter":[{"name":"a","resource":`, 30) + `{"resourceType":"Parameters"}` + strings.Repeat(`}]}`, 30)
	validate.New(ring, validate.Options{}).Validate(parse(t, []byte(deep)), "http://ward.test/r1")
}

// TestSilent: an issue shows nothing of a body.
func TestSilent(t *testing.T) {
	const secret = "Zaphod7Beeblebrox"
	text := strings.ReplaceAll(`{"resourceType":"Observation","status":"SECRET","code":{"coding":[{"system":"SECRET","code":"SECRET","display":"SECRET"}],"text":"SECRET"},"SECRET":1,
		"subject":{"reference":"SECRET/SECRET","type":"SECRET"},"extension":[{"url":"SECRET SECRET","valueString":"SECRET"}],"effectiveDateTime":"SECRET","meta":{"profile":["SECRET SECRET"]},
		"contained":[{"resourceType":"Patient","id":"SECRET"}],"component":[{"code":{"text":"SECRET"},"valueString":"SECRET","dataAbsentReason":{"text":"SECRET"}}]}`, "SECRET", secret)
	set := setOf(t, profile("p", "Observation", `{"path":"Observation.status","fixedCode":"final"},{"path":"Observation.code","patternCodeableConcept":{"text":"x"}}`))
	for _, i := range validate.New(set, validate.Options{}).Validate(parse(t, []byte(text)), "http://ward.test/p") {
		i.Expression = strings.ReplaceAll(i.Expression, "Observation."+secret, "") // the name of an unknown element is part of its place
		if strings.Contains(i.Text+i.Expression+i.Rule, secret) {
			t.Errorf("an issue shows a value: %+v", i)
		}
	}
}

// TestManyWarnings: an error behind more warnings than are kept is kept.
func TestManyWarnings(t *testing.T) {
	v := validate.New(definition.R4(), validate.Options{})
	var many []string
	for i := range 150 {
		many = append(many, fmt.Sprintf(`{"url":"http://ward.test/%d","valueCode":"a"}`, i))
	}
	all := v.Validate(parse(t, []byte(`{"resourceType":"Patient","extension":[`+strings.Join(many, ",")+`],"contact":[{"gender":"male"}]}`)))
	if len(all) != 100 || issue.Valid(all) || all[99].Rule != "pat-1" {
		t.Errorf("%d findings, the last is %+v", len(all), all[len(all)-1])
	}
}

// TestNoResult: an invariant has to be true, and what R4 asks of elements that may be left out is asked of those that are there.
func TestNoResult(t *testing.T) {
	v := validate.New(definition.R4(), validate.Options{})
	for _, c := range []struct{ name, text, want string }{
		{"no name", `{"resourceType":"ValueSet","status":"active"}`, ""},
		{"a name that is none", `{"resourceType":"ValueSet","status":"active","name":"a b"}`, "vsd-0"},
		{"no probability", `{"resourceType":"RiskAssessment","status":"final","subject":{"display":"x"},"prediction":[{"qualitativeRisk":{"text":"low"}}]}`, ""},
		{"a probability", `{"resourceType":"RiskAssessment","status":"final","subject":{"display":"x"},"prediction":[{"probabilityDecimal":50}]}`, ""},
		{"a probability above 100", `{"resourceType":"RiskAssessment","status":"final","subject":{"display":"x"},"prediction":[{"probabilityDecimal":101}]}`, "ras-2"},
		{"neither code nor abstract", `{"resourceType":"ValueSet","status":"active","expansion":{"timestamp":"2020-01-01","contains":[{"system":"http://s","display":"x"}]}}`, "vsd-9"},
		{"times of one day", `{"resourceType":"Task","status":"draft","intent":"order","authoredOn":"2020-01-01T10:00:00Z","lastModified":"2020-01-01"}`, ""},
		{"times in the wrong order", `{"resourceType":"Task","status":"draft","intent":"order","authoredOn":"2020-01-03T10:00:00+01:00","lastModified":"2020-01-01"}`, "inv-1"},
	} {
		var rules []string
		for _, i := range v.Validate(parse(t, []byte(c.text))) {
			if i.ID == validate.IDInvariant || i.ID == validate.IDInvariantSkipped || i.Severity <= issue.Error {
				rules = append(rules, i.Rule)
			}
		}
		if got := strings.Join(rules, " "); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

// TestSystemOfValueSet: codes are of a system with an absolute URI.
func TestSystemOfValueSet(t *testing.T) {
	v := validate.New(definition.R4(), validate.Options{})
	for system, want := range map[string]string{"http://s.test": "", "urn:oid:1.2.3": "", "#c": "definition-rule ValueSet.compose.exclude[0].system", "s": "definition-rule ValueSet.compose.exclude[0].system"} {
		text := `{"resourceType":"ValueSet","status":"active","compose":{"include":[{"valueSet":["http://v.test"]}],"exclude":[{"system":"` + system + `","concept":[{"code":"c"}]}]}}`
		if got := found(v.Validate(parse(t, []byte(text)))); got != want {
			t.Errorf("%s: got %q, want %q", system, got, want)
		}
	}
}

// TestTooDeep: what is within too many profiles or resources is not passed over in silence.
func TestTooDeep(t *testing.T) {
	const elements = `{"id":"Location.name","path":"Location.name","min":1},
		{"id":"Location.partOf","path":"Location.partOf","type":[{"code":"Reference","targetProfile":["http://ward.test/l"]}]}`
	v := validate.New(setOf(t, profile("l", "Location", elements)), validate.Options{})
	chain := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, `{"fullUrl":"http://a.test/Location/%d","resource":{"resourceType":"Location","id":"%d","name":"x","partOf":{"reference":"Location/%d"}}},`, i, i, i+1)
		}
		return `{"resourceType":"Bundle","type":"collection","entry":[` + b.String() + fmt.Sprintf(`{"fullUrl":"http://a.test/Location/%d","resource":{"resourceType":"Location","id":"%d"}}]}`, n, n)
	}
	nest := func(n int) string {
		return strings.Repeat(`{"resourceType":"Bundle","type":"collection","entry":[{"fullUrl":"urn:uuid:00000000-0000-4000-8000-000000000000","resource":`, n) +
			`{"resourceType":"Basic","code":{"text":"x"}}` + strings.Repeat(`}]}`, n)
	}
	first := strings.Replace(chain(3), `"id":"0",`, `"id":"0","meta":{"profile":["http://ward.test/l"]},`, 1)
	for _, c := range []struct{ name, text, want string }{
		{"a short chain", first, validate.IDConforms}, // the last has no name
		{"a long chain", strings.Replace(chain(30), `"id":"0",`, `"id":"0","meta":{"profile":["http://ward.test/l"]},`, 1), validate.IDDeep},
		{"few resources", nest(10), ""},
		{"many resources", nest(30), validate.IDDeep},
	} {
		got := ""
		for _, i := range v.Validate(parse(t, []byte(c.text))) {
			if i.ID == validate.IDDeep || i.ID == validate.IDConforms {
				got = i.ID
			}
		}
		if got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

// TestAggregation: how a reference may be made is said apart from what it may point at.
func TestAggregation(t *testing.T) {
	for _, targets := range []string{``, `"targetProfile":["http://hl7.org/fhir/StructureDefinition/Resource"],`, `"targetProfile":["http://hl7.org/fhir/StructureDefinition/Patient"],`} {
		v := validate.New(setOf(t, profile("p", "Observation", `{"path":"Observation.focus","type":[{"code":"Reference",`+targets+`"aggregation":["contained"]}]}`)), validate.Options{})
		for ref, want := range map[string]string{"#p": "", "Patient/1": "reference-target Observation.focus[0]", "urn:uuid:c757873d-ec9a-4326-a141-556f43239520": "reference-target Observation.focus[0]"} {
			text := `{"resourceType":"Observation","contained":[{"resourceType":"Patient","id":"p"}],"status":"final","code":{"text":"x"},"subject":{"reference":"#p"},"focus":[{"reference":"` + ref + `"}]}`
			if got := found(v.Validate(parse(t, []byte(text)), "http://ward.test/p")); got != want {
				t.Errorf("%s %s: %q, want %q", targets, ref, got, want)
			}
		}
	}
}

// TestWideSlicing: the time in which a profile is compiled does not grow with the square of its slices; slices of slices are found among many.
func TestWideSlicing(t *testing.T) {
	var slices strings.Builder
	for i := range 30_000 {
		fmt.Fprintf(&slices, `,{"id":"Patient.identifier:s%[1]d","path":"Patient.identifier","sliceName":"s%[1]d","min":0,"max":"1"},
			{"id":"Patient.identifier:s%[1]d.system","path":"Patient.identifier.system","min":1,"max":"1","fixedUri":"http://s%[1]d"}`, i)
	}
	v := validate.New(setOf(t, `{"resourceType":"StructureDefinition","url":"http://ward.test/p","name":"P","kind":"resource","type":"Patient","derivation":"constraint",
		"baseDefinition":"http://hl7.org/fhir/StructureDefinition/Patient","snapshot":{"element":[{"path":"Patient","min":0,"max":"*"},
		{"path":"Patient.identifier","min":0,"max":"*","slicing":{"rules":"open","discriminator":[{"type":"value","path":"system"}]}}`+slices.String()+`]}}`), validate.Options{})
	d := parse(t, []byte(patient("s7", "s29999", "s7")))
	at := time.Now()
	got := found(v.Validate(d, "http://ward.test/p"))
	if want := "profile-cardinality-max Patient.identifier[2]"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if took := time.Since(at); took > 6*time.Second {
		t.Errorf("it took %v", took)
	}
}

// TestSimpleQuantity: the base specification asks a profile of some of its own elements: they have no comparator.
func TestSimpleQuantity(t *testing.T) {
	set := setOf(t, profile("p", "Observation", `{"path":"Observation.referenceRange","min":1}`))
	for quantity, want := range map[string]string{
		`"referenceRange":[{"low":{"value":1}}]`:                                       "",
		`"referenceRange":[{"low":{"value":1,"comparator":"<"}}]`:                      "invariant Observation.referenceRange[0].low, profile-cardinality-max Observation.referenceRange[0].low.comparator",
		`"referenceRange":[{"age":{"low":{"value":1,"comparator":"<"}},"text":"x"}]`:   "invariant Observation.referenceRange[0].age.low, profile-cardinality-max Observation.referenceRange[0].age.low.comparator",
		`"valueQuantity":{"value":1,"comparator":"<"},"referenceRange":[{"text":"x"}]`: "",
	} {
		text := `{"resourceType":"Observation","status":"final","code":{"text":"x"},` + quantity + `}`
		for _, profiles := range [][]string{nil, {"http://ward.test/p"}} {
			if got := found(validate.New(set, validate.Options{}).Validate(parse(t, []byte(text)), profiles...)); got != want {
				t.Errorf("%s %v: %q, want %q", quantity, profiles, got, want)
			}
		}
	}
}

// TestCaseOfCodes: codes of a system that says it takes any case are the same in any case, those of others are not.
func TestCaseOfCodes(t *testing.T) {
	for said, want := range map[string]string{`,"caseSensitive":false`: "", `,"caseSensitive":true`: "wrong", ``: "wrong"} {
		set := setOf(t, `{"resourceType":"CodeSystem","url":"http://s","content":"complete"`+said+`,"concept":[{"code":"abc"}]}`,
			`{"resourceType":"ValueSet","url":"http://v","compose":{"include":[{"system":"http://s"}]}}`,
			profile("p", "Observation", `{"path":"Observation.code","binding":{"strength":"required","valueSet":"http://v"}}`))
		for code, want := range map[string]string{"abc": "", "ABC": want, "abd": "wrong"} {
			text := `{"resourceType":"Observation","status":"final","code":{"coding":[{"system":"http://s","code":"` + code + `"}]}}`
			if got := found(validate.New(set, validate.Options{}).Validate(parse(t, []byte(text)), "http://ward.test/p")); (got == "") != (want == "") {
				t.Errorf("%s %s: %q, want %q", said, code, got, want)
			}
		}
	}
}
