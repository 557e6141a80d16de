package fhirpath

import (
	"testing"

	"github.com/ward-health/ward/clinical/fhir/definition"
)

// TestQuantities of a resource against literals: units of UCUM, of the calendar, of other systems, and comparators.
func TestQuantities(t *testing.T) {
	const ucum = `"system":"http://unitsofmeasure.org",`
	for _, c := range []struct{ quantity, text, want string }{
		{ucum + `"value":41,"code":"a"`, "value > 40 years", "[true]"},
		{ucum + `"value":41,"code":"a"`, "value > 40 'a'", "[true]"},
		{ucum + `"value":1,"code":"a"`, "value = 12 months", "[true]"},
		{ucum + `"value":1,"code":"a"`, "value = 365.25 'd'", "[true]"},
		{ucum + `"value":1,"code":"a"`, "value = 365 days", "[]"},
		{ucum + `"value":1,"code":"a"`, "value + 1 'a'", "[2 year]"},
		{ucum + `"value":1,"code":"a"`, "value + 6 months", "[18 months]"},
		{ucum + `"value":1,"code":"a"`, "value ~ 1 'a'", "[true]"},
		{ucum + `"value":90,"code":"min"`, "value = 1.5 hours", "[true]"},
		{ucum + `"value":90,"code":"min"`, "@T10:00 + value", "[11:30]"},
		{ucum + `"value":5.0,"code":"mg/dL"`, "value = 0.05 'g/L'", "[true]"},
		{ucum + `"value":5.0,"code":"mg/dL"`, "value < 1 'mmol/L'", "[]"},
		{ucum + `"value":5.0,"code":"mg/dL"`, "value * 2", "[10.0 'mg/dL']"},
		{ucum + `"value":5.0,"code":"mg/dL"`, "value.toQuantity('g/L')", "[0.05 'g/L']"},
		{ucum + `"value":37,"code":"Cel"`, "value = 37 'Cel'", "[true]"},
		{ucum + `"value":37,"code":"Cel"`, "value > 300 'K'", "[]"},
		{ucum + `"value":5,"code":"mg","comparator":"<"`, "value < 10 'mg'", "[]"},
		{`"value":5,"system":"urn:x","code":"mg"`, "value = 5 'mg'", "[]"},
		{`"value":5,"unit":"tablet"`, "value = 5 'tablet'", "[true]"},
		{`"value":5`, "value = 5", "[true]"},
		{`"unit":"mg"`, "value = 5 'mg'", "[]"},
	} {
		n := parseNode(t, `{"resourceType":"Observation","valueQuantity":{`+c.quantity+`}}`)
		got, err := MustCompile(c.text).Eval(&Context{Set: definition.R4()}, n)
		if have := texts(got); err != nil || have != c.want {
			t.Errorf("{%s}: %s is %s, not %s (%v)", c.quantity, c.text, have, c.want, err)
		}
	}
}

func texts(vs Collection) string {
	s := "["
	for i, v := range vs {
		if i > 0 {
			s += " "
		}
		s += v.String()
	}
	return s + "]"
}
