package validate_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/ward-health/ward/clinical/fhir/definition"
	"github.com/ward-health/ward/clinical/fhir/issue"
	"github.com/ward-health/ward/clinical/fhir/validate"
)

// TestVitalSigns: R4's profiles of vital signs hold for whoever claims them, and for whatever has their code.
func TestVitalSigns(t *testing.T) {
	v := validate.New(definition.R4(), validate.Options{})
	observation := func(claims, code, more string) string {
		meta := ""
		if claims != "" {
			meta = `"meta":{"profile":["http://hl7.org/fhir/StructureDefinition/` + claims + `"]},`
		}
		return `{"resourceType":"Observation",` + meta + `"status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"vital-signs"}]}],
			"code":` + code + `,"subject":{"reference":"Patient/1"},"effectiveDateTime":"2026-01-02"` + more + `}`
	}
	loinc := func(code string) string { return `{"coding":[{"system":"http://loinc.org","code":"` + code + `"}]}` }
	quantity := func(unit string) string {
		return `,"valueQuantity":{"value":65,"unit":"u","system":"http://unitsofmeasure.org","code":"` + unit + `"}`
	}
	part := func(code, unit string) string {
		return `{"code":` + loinc(code) + quantity(unit) + `}`
	}
	pressure := func(parts ...string) string { return `,"component":[` + strings.Join(parts, ",") + `]` }
	for _, c := range []struct{ name, text, want string }{
		{"a height", observation("", loinc("8302-2"), quantity("cm")), ""},
		{"a height in a unit of mass", observation("", loinc("8302-2"), quantity("kg")), "code-not-in-value-set"},
		{"a height without its code", observation("bodyheight", `{"text":"height"}`, quantity("cm")), "profile-cardinality-min"},
		{"a height with the code of a weight", observation("bodyheight", loinc("29463-7"), quantity("cm")), "profile-cardinality-min"},
		{"a heart rate", observation("", loinc("8867-4"), quantity("/min")), ""},
		{"a heart rate in another unit", observation("", loinc("8867-4"), quantity("Hz")), "profile-fixed"},
		{"a heart rate as text", observation("", loinc("8867-4"), `,"valueString":"fast"`), "profile-type-not-allowed"},
		{"a blood pressure", observation("", loinc("85354-9"), pressure(part("8480-6", "mm[Hg]"), part("8462-4", "mm[Hg]"))), ""},
		{"half a blood pressure", observation("", loinc("85354-9"), pressure(part("8480-6", "mm[Hg]"))), "profile-cardinality-min"},
		{"a saturation with a flow beside it", observation("", loinc("2708-6"), quantity("%")+pressure(part("3151-8", "L/min"))), ""},
		{"a code that is no vital sign", observation("", loinc("1-8"), quantity("Hz")), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			all := v.Validate(parse(t, []byte(c.text)))
			if got := found(all); issue.Valid(all) != (c.want == "") || !strings.Contains(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
	all := v.Validate(parse(t, []byte(observation("cholesterol", loinc("1-8"), quantity("mmol/L")))))
	if said := fmt.Sprint(all); !strings.Contains(said, validate.IDProfilePart) {
		t.Errorf("it does not say that it was checked in part: %s", said)
	}
}

// TestNestedInvariants: what is defined by reference to another element is held to its invariants, at every depth.
func TestNestedInvariants(t *testing.T) {
	v := validate.New(definition.R4(), validate.Options{})
	display := `{"linkId":"%d","type":"display","text":"a","required":true}`
	for text, want := range map[string]string{
		`{"resourceType":"Questionnaire","status":"draft","item":[` + fmt.Sprintf(display, 1) + `]}`:                                                                               "invariant Questionnaire.item[0]",
		`{"resourceType":"Questionnaire","status":"draft","item":[{"linkId":"1","type":"group","item":[{"linkId":"2","type":"group","item":[` + fmt.Sprintf(display, 3) + `]}]}]}`: "invariant Questionnaire.item[0].item[0].item[0]",
		`{"resourceType":"Parameters","parameter":[{"name":"a","part":[{"name":"b"}]}]}`:                                                                                           "invariant Parameters.parameter[0].part[0]",
		`{"resourceType":"Parameters","parameter":[{"name":"a","part":[{"name":"b","valueBoolean":true}]}]}`:                                                                       "",
	} {
		if got := found(v.Validate(parse(t, []byte(text)))); got != want {
			t.Errorf("got %q, want %q: %s", got, want, text)
		}
	}
}
