package validate

import (
	"fmt"
	"strings"
	"testing"

	"github.com/ward-health/ward/clinical/fhir/definition"
	"github.com/ward-health/ward/clinical/fhir/tree"
)

func list(n int, f func(i int) string) string {
	all := make([]string, n)
	for i := range all {
		all[i] = f(i)
	}
	return strings.Join(all, ",")
}

func each1(text string) func(int) string { return func(int) string { return text } }

// numbered makes texts that differ in their number.
func numbered(format string) func(int) string {
	return func(i int) string { return strings.ReplaceAll(format, "#", fmt.Sprint(i)) }
}

// answeredForm is a response that contains its Questionnaire.
func answeredForm(questions, items string) string {
	return `{"resourceType":"QuestionnaireResponse","questionnaire":"#q","status":"completed","contained":[{"resourceType":"Questionnaire","id":"q","status":"active",
		"contained":[{"resourceType":"ValueSet","id":"v","status":"active","compose":{"include":[{"system":"http://s.test","concept":[` + list(200, each1(`{"code":"x"}`)) + `]}]}}],"item":[` + questions + `]}],"item":[` + items + `]}`
}

const costProfile = `{"resourceType":"StructureDefinition","url":"http://ward.test/cost","name":"P","status":"active","kind":"resource","abstract":false,"type":"Observation",
	"baseDefinition":"http://hl7.org/fhir/StructureDefinition/Observation","derivation":"constraint","differential":{"element":[
	{"id":"Observation","path":"Observation","constraint":[{"key":"k","severity":"error","human":"x","expression":"component.all(%context.component.count() > 0)"}]},
	{"id":"Observation.category","path":"Observation.category","slicing":{"discriminator":[{"type":"pattern","path":"$this"}],"rules":"open"}},` // slices follow

const fewSlices = `{"resourceType":"StructureDefinition","url":"http://ward.test/few","name":"P","status":"active","kind":"resource","abstract":false,"type":"Observation",
	"baseDefinition":"http://hl7.org/fhir/StructureDefinition/Observation","derivation":"constraint","differential":{"element":[
	{"id":"Observation.component","path":"Observation.component","slicing":{"discriminator":[{"type":"value","path":"code.coding.code"}],"rules":"open"}},
	`

// TestCosts: work that grows with the square of a text is counted as what it is, and where it need not it does not grow so.
func TestCosts(t *testing.T) {
	slices := list(200, numbered(`{"id":"Observation.category:s#","path":"Observation.category","sliceName":"s#","patternCodeableConcept":{"coding":[{"code":"c#"}]}}`))
	p := &definition.Package{Name: "ward.test", Version: "1"}
	if err := p.Add([]byte(costProfile + slices + `]}}`)); err != nil {
		t.Fatal(err)
	}
	if err := p.Add([]byte(fewSlices + list(10, numbered(`{"id":"Observation.component:s#","path":"Observation.component","sliceName":"s#"},
		{"id":"Observation.component:s#.code.coding.code","path":"Observation.component.code.coding.code","fixedCode":"c#"}`)) + `]}}`)); err != nil {
		t.Fatal(err)
	}
	set, _ := definition.R4().With(p)
	v := New(set, Options{Steps: 1 << 40})
	bundle := func(entry func(int) string) func(n int) string {
		return func(n int) string {
			return `{"resourceType":"Bundle","type":"collection","entry":[` + list(n, entry) + `]}`
		}
	}
	for _, c := range []struct {
		name   string
		make   func(n int) string
		square float64 // steps are at least n*n times this; 0: they are at most 2.5 times as many for twice the text
	}{
		{"references to one of many entries", bundle(numbered(`{"fullUrl":"http://a.test/Patient/#","resource":{"resourceType":"Patient","id":"#","link":[{"type":"refer","other":{"reference":"Patient/1"}}]}}`)), 0},
		{"references to entries of one URL", bundle(each1(`{"fullUrl":"http://a.test/Patient/1","resource":{"resourceType":"Patient","id":"1","managingOrganization":{"reference":"http://a.test/Patient/1"}}}`)), 0},
		{"references to versions", bundle(each1(`{"fullUrl":"http://a.test/Patient/1","resource":{"resourceType":"Patient","id":"1","managingOrganization":{"reference":"http://a.test/Patient/1/_history/9"}}}`)), 1},
		{"references of an entry with a long URL", func(n int) string {
			return `{"resourceType":"Bundle","type":"collection","entry":[{"fullUrl":"http://a.test/` + strings.Repeat("a", 100*n) + `/Patient/1","resource":{"resourceType":"Patient","id":"1","link":[` +
				list(n, each1(`{"type":"refer","other":{"reference":"Patient/2"}}`)) + `]}}]}`
		}, 0.5},
		{"references to contained resources, in turns with those of another", func(n int) string {
			return `{"resourceType":"Patient","contained":[` + list(n, numbered(`{"resourceType":"Organization","id":"o#","name":"x","partOf":{"reference":"#o0"}}`)) + `]}`
		}, 0},
		{"references among parameters", func(n int) string {
			return `{"resourceType":"Parameters","parameter":[` + list(n, numbered(`{"name":"a","resource":{"resourceType":"Patient","id":"#","managingOrganization":{"reference":"Organization/1"}}}`)) + `]}`
		}, 0},
		{"one profile, claimed often", func(n int) string {
			return `{"resourceType":"Observation","meta":{"profile":[` + list(n, each1(`"http://ward.test/few"`)) + `]},"status":"final","code":{"text":"x"},"component":[` + list(n, each1(`{"code":{"text":"x"},"valueInteger":1}`)) + `]}`
		}, 0},
		{"what discriminators look at", func(n int) string {
			return `{"resourceType":"Observation","meta":{"profile":["http://ward.test/few"]},"status":"final","code":{"text":"x"},"component":[` +
				list(n, each1(`{"code":{"coding":[`+list(n, each1(`{"code":"x"}`))+`]},"valueInteger":1}`)) + `]}`
		}, 10}, // at 10 slices
		{"a text that is made anew each time", func(n int) string {
			return answeredForm(list(n, numbered(`{"linkId":"q#","type":"string","enableWhen":[{"question":"x","operator":"exists","answerBoolean":true}]}`)), `{"linkId":"`+strings.Repeat(`\u0041`, 20*n)+`"}`)
		}, 1},
		{"codings and slices", func(n int) string {
			return `{"resourceType":"Observation","meta":{"profile":["http://ward.test/cost"]},"status":"final","code":{"text":"x"},"category":[{"coding":[` + list(n, each1(`{"code":"x"}`)) + `]}]}`
		}, 0.1}, // at 200 slices
		{"an invariant that looks at all for each", func(n int) string {
			return `{"resourceType":"Observation","meta":{"profile":["http://ward.test/cost"]},"status":"final","code":{"text":"x"},"component":[` + list(n, each1(`{"code":{"text":"x"},"valueInteger":1}`)) + `]}`
		}, 0.125},
		{"questions of repeating groups", func(n int) string {
			return answeredForm(`{"linkId":"g","type":"group","repeats":true,"item":[`+list(n, numbered(`{"linkId":"#","type":"string"}`))+`]}`, list(n, each1(`{"linkId":"g"}`)))
		}, 1},
		{"options", func(n int) string {
			return answeredForm(`{"linkId":"q","type":"choice","repeats":true,"answerOption":[`+list(n, each1(`{"valueInteger":1}`))+`]}`, `{"linkId":"q","answer":[`+list(n, each1(`{"valueInteger":0}`))+`]}`)
		}, 1},
		{"units", func(n int) string {
			return answeredForm(`{"linkId":"q","type":"quantity","repeats":true,"extension":[`+list(n, each1(`{"url":"http://hl7.org/fhir/StructureDefinition/questionnaire-unitOption","valueCoding":{"code":"x"}}`))+`]}`,
				`{"linkId":"q","answer":[`+list(n, each1(`{"valueQuantity":{"value":1,"code":"y"}}`))+`]}`)
		}, 1},
		{"codes of a contained value set", func(n int) string {
			return answeredForm(`{"linkId":"q","type":"choice","repeats":true,"answerValueSet":"#v"}`, `{"linkId":"q","answer":[`+list(n, each1(`{"valueCoding":{"code":"y"}}`))+`]}`)
		}, 0.5}, // there are 200 of them
		{"conditions", func(n int) string {
			return answeredForm(list(n, numbered(`{"linkId":"q#","type":"string","enableWhen":[{"question":"x","operator":"exists","answerBoolean":true}]}`)), list(n, each1(`1`)))
		}, 1},
		{"an expression of a questionnaire", func(n int) string {
			return answeredForm(`{"linkId":"q","type":"string","repeats":true,"extension":[{"url":"http://hl7.org/fhir/StructureDefinition/regex","valueString":"(x?y?){`+fmt.Sprint(n)+`}z"}]}`,
				`{"linkId":"q","answer":[{"valueString":"`+strings.Repeat("xy", 50*n)+`"}]}`)
		}, 1},
	} {
		steps := func(n int) int {
			d := &tree.Doc{}
			if err := d.Parse([]byte(c.make(n)), tree.Limits{}); err != nil {
				t.Fatal(c.name, err)
			}
			r := &runner{v: v}
			r.run(d, true, nil)
			return r.steps + r.evals>>2
		}
		const n = 200
		once, twice := steps(n), steps(2*n)
		switch {
		case c.square == 0 && 2*twice > 5*once:
			t.Errorf("%s: %d steps, %d for twice the text", c.name, once, twice)
		case c.square > 0 && float64(once) < n*n*c.square:
			t.Errorf("%s: %d steps are fewer than %d", c.name, once, int(n*n*c.square))
		}
	}
}

// TestExpressionThatCannotRun: what a questionnaire asks and this engine cannot answer is said.
func TestExpressionThatCannotRun(t *testing.T) {
	v := New(definition.R4(), Options{})
	for pattern, want := range map[string]string{"[a-z]+": "", "[0-9]+": IDAnswer, "x(?=y)": IDInvariantSkipped, "(" + strings.Repeat("(x?y?){500}", 100) + ")": IDInvariantSkipped, "it's|[a-z]+": "",
		`\\w+`: "", `a.c`: IDAnswer} {
		d := &tree.Doc{}
		text := answeredForm(`{"linkId":"q","type":"string","extension":[{"url":"http://hl7.org/fhir/StructureDefinition/regex","valueString":"`+pattern+`"}]}`, `{"linkId":"q","answer":[{"valueString":"abc"},{"valueString":"abc"}]}`)
		text = strings.Replace(text, `"type":"string",`, `"type":"string","repeats":true,`, 1)
		if strings.HasPrefix(pattern, "a.") {
			text = strings.ReplaceAll(text, `"valueString":"abc"`, `"valueString":"a\nc"`) // a point is no line's end
		}
		if err := d.Parse([]byte(text), tree.Limits{}); err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, i := range v.Validate(d) {
			if i.ID == IDAnswer || i.ID == IDInvariantSkipped {
				got = i.ID
			}
		}
		if got != want {
			t.Errorf("%.40s: got %q, want %q", pattern, got, want)
		}
	}
}
