package validate_test

import (
	"testing"
	"time"

	"github.com/ward-health/ward/clinical/fhir/validate"
)

// TestBounds: the least and the most value of a profile, of each type that has an order.
func TestBounds(t *testing.T) {
	const age = `{"path":"Patient.birthDate","minValueQuantity":{"value":150,"system":"http://unitsofmeasure.org","code":"a"},"maxValueQuantity":{"value":0,"system":"http://unitsofmeasure.org","code":"d"}}`
	quantity := func(low string) string {
		return `{"path":"Observation.value[x]","type":[{"code":"Quantity"}],"minValueQuantity":{"value":` + low + `,"system":"http://unitsofmeasure.org","code":"mg"}}`
	}
	of := func(number string) string {
		return `"valueQuantity":{"value":` + number + `,"system":"http://unitsofmeasure.org","code":"mg"}`
	}
	const (
		hours   = `{"path":"Observation.value[x]","type":[{"code":"Quantity"}],"minValueQuantity":{"value":2,"system":"http://unitsofmeasure.org","code":"h"}}`
		years   = `{"path":"Condition.onset[x]","type":[{"code":"Age"}],"minValueQuantity":{"value":18,"system":"http://unitsofmeasure.org","code":"a"}}`
		issued  = `{"path":"Observation.issued","maxValueQuantity":{"value":1,"system":"http://unitsofmeasure.org","code":"h"}}`
		decimal = `{"path":"Location.position.latitude","minValueDecimal":-9e1,"maxValueDecimal":9.0E+1}`
		small   = `{"path":"Location.position.latitude","minValueDecimal":125e-2}`
	)
	for _, c := range []struct {
		typ, element, member string
		within               bool
	}{
		{"Patient", age, `"birthDate":"1990-01-01"`, true},
		{"Patient", age, `"birthDate":"1876-11-28"`, false},
		{"Patient", age, `"birthDate":"1876-11-29"`, true},
		{"Patient", age, `"birthDate":"2026-11-29"`, true},
		{"Patient", age, `"birthDate":"2026-11-30"`, false},
		{"Observation", issued, `"issued":"2026-11-29T01:00:00Z"`, true},
		{"Observation", issued, `"issued":"2026-11-29T01:00:01Z"`, false},
		{"Observation", hours, `"valueQuantity":{"value":119,"system":"http://unitsofmeasure.org","code":"min"}`, false},
		{"Observation", hours, `"valueQuantity":{"value":120,"system":"http://unitsofmeasure.org","code":"min"}`, true},
		{"Condition", years, `"subject":{"display":"x"},"onsetAge":{"value":17,"system":"http://unitsofmeasure.org","code":"a"}`, false},
		{"Condition", years, `"subject":{"display":"x"},"onsetAge":{"value":18,"system":"http://unitsofmeasure.org","code":"a"}`, true},
		{"Observation", quantity("-5"), of("-6"), false},
		{"Observation", quantity("-5"), of("-5"), true},
		{"Observation", quantity("1e2"), of("99"), false},
		{"Observation", quantity("1e2"), of("100"), true},
		{"Location", decimal, `"position":{"longitude":0,"latitude":-90}`, true},
		{"Location", decimal, `"position":{"longitude":0,"latitude":-90.1}`, false},
		{"Location", decimal, `"position":{"longitude":0,"latitude":90.1}`, false},
		{"Location", small, `"position":{"longitude":0,"latitude":1.25}`, true},
		{"Location", small, `"position":{"longitude":0,"latitude":1.24}`, false},
	} {
		v := validate.New(setOf(t, profile("p", c.typ, c.element)), validate.Options{Now: time.Date(2026, 11, 29, 0, 0, 0, 0, time.UTC)})
		text := `{"resourceType":"` + c.typ + `",` + c.member
		if c.typ == "Observation" {
			text += `,"status":"final","code":{"text":"x"}`
		}
		if got := found(v.Validate(parse(t, []byte(text+`}`)), "http://ward.test/p")); (got == "") != c.within {
			t.Errorf("%s with %s: %q, within %v", c.element, c.member, got, c.within)
		}
	}
}
