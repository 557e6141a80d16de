package validate_test

import (
	"testing"

	"github.com/ward-health/ward/clinical/fhir/definition"
	"github.com/ward-health/ward/clinical/fhir/tree"
	"github.com/ward-health/ward/clinical/fhir/validate"
)

const form = `{"resourceType":"Questionnaire","url":"http://ward.test/q","status":"active","item":[
	{"linkId":"smokes","type":"boolean","required":true},
	{"linkId":"howmany","type":"integer","required":true,"enableWhen":[{"question":"smokes","operator":"=","answerBoolean":true}],
		"extension":[{"url":"http://hl7.org/fhir/StructureDefinition/minValue","valueInteger":1}]},
	{"linkId":"g","type":"group","repeats":true,"item":[
		{"linkId":"colour","type":"choice","repeats":true,"answerOption":[{"valueCoding":{"system":"http://c","code":"red"}},{"valueCoding":{"system":"http://c","code":"blue"}}]},
		{"linkId":"note","type":"string","maxLength":3}]},
	{"linkId":"when","type":"date","extension":[{"url":"http://hl7.org/fhir/StructureDefinition/maxValue","valueDate":"2020-12-31"}]},
	{"linkId":"shown","type":"display"}]}`

func TestResponses(t *testing.T) {
	questionnaire := parse(t, []byte(form))
	v := validate.New(definition.R4(), validate.Options{Resource: func(url string) *tree.Doc {
		if url == "http://ward.test/q" {
			return questionnaire
		}
		return nil
	}})
	const no = `{"linkId":"smokes","answer":[{"valueBoolean":false}]}`
	const yes = `{"linkId":"smokes","answer":[{"valueBoolean":true}]}`
	for _, c := range []struct{ name, status, items, want string }{
		{"not enabled and not answered", "completed", no, ""},
		{"enabled and answered", "completed", yes + `,{"linkId":"howmany","answer":[{"valueInteger":3}]}`, ""},
		{"enabled and not answered", "completed", yes, "questionnaire-item QuestionnaireResponse"},
		{"in progress", "in-progress", yes, ""},
		{"answered though not enabled", "completed", no + `,{"linkId":"howmany","answer":[{"valueInteger":3}]}`, "questionnaire-item QuestionnaireResponse.item[1]"},
		{"wrong type", "completed", `{"linkId":"smokes","answer":[{"valueString":"no"}]}`, "questionnaire-answer QuestionnaireResponse.item[0].answer[0].value.ofType(string)"},
		{"too small", "completed", yes + `,{"linkId":"howmany","answer":[{"valueInteger":0}]}`, "questionnaire-answer QuestionnaireResponse.item[1].answer[0].value.ofType(integer)"},
		{"too late", "completed", no + `,{"linkId":"when","answer":[{"valueDate":"2021-01-01"}]}`, "questionnaire-answer QuestionnaireResponse.item[1].answer[0].value.ofType(date)"},
		{"no such item", "completed", no + `,{"linkId":"x"}`, "questionnaire-item QuestionnaireResponse.item[1]"},
		{"at the wrong place", "completed", no + `,{"linkId":"note","answer":[{"valueString":"x"}]}`, "questionnaire-item QuestionnaireResponse.item[1]"},
		{"out of order", "completed", `{"linkId":"when","answer":[{"valueDate":"2020"}]},` + no, "questionnaire-item QuestionnaireResponse.item[1]"},
		{"groups repeat", "completed", no + `,{"linkId":"g","item":[{"linkId":"note","answer":[{"valueString":"abc"}]}]},{"linkId":"g","item":[{"linkId":"colour","answer":[{"valueCoding":{"system":"http://c","code":"red"}},{"valueCoding":{"system":"http://c","code":"blue"}}]}]}`, ""},
		{"questions do not", "completed", no + `,` + no, "questionnaire-item QuestionnaireResponse.item[1]"},
		{"one answer", "completed", `{"linkId":"smokes","answer":[{"valueBoolean":false},{"valueBoolean":false}]}`, "questionnaire-answer QuestionnaireResponse.item[0]"},
		{"no option", "completed", no + `,{"linkId":"g","item":[{"linkId":"colour","answer":[{"valueCoding":{"system":"http://c","code":"green"}}]}]}`,
			"questionnaire-answer QuestionnaireResponse.item[1].item[0].answer[0].value.ofType(Coding)"},
		{"too long", "completed", no + `,{"linkId":"g","item":[{"linkId":"note","answer":[{"valueString":"abcd"}]}]}`,
			"questionnaire-answer QuestionnaireResponse.item[1].item[0].answer[0].value.ofType(string)"},
		{"display with an answer", "completed", no + `,{"linkId":"shown","answer":[{"valueString":"x"}]}`, "questionnaire-item QuestionnaireResponse.item[1]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := `{"resourceType":"QuestionnaireResponse","questionnaire":"http://ward.test/q","status":"` + c.status + `","item":[` + c.items + `]}`
			if got := found(v.Validate(parse(t, []byte(text)))); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
