package validate_test

import (
	"fmt"
	"testing"

	"github.com/ward-health/ward/clinical/fhir/validate"
)

// TestContextsOfPrimitives: what a context says by FHIRPath of a primitive is said of its value, wherever that stands.
func TestContextsOfPrimitives(t *testing.T) {
	const (
		both  = `{"resourceType":"Patient","birthDate":"1990-01-01","_birthDate":{"extension":[{"url":"http://ward.test/x","valueString":"a"}]}}`
		alone = `{"resourceType":"Patient","_birthDate":{"extension":[{"url":"http://ward.test/x","valueString":"a"}]}}`
		list  = `{"resourceType":"Patient","name":[{"given":["a","b"],"_given":[null,{"extension":[{"url":"http://ward.test/x","valueString":"a"}]}]}]}`
	)
	for _, c := range []struct {
		kind, place, invariant, text string
		allowed                      bool
	}{
		{"fhirpath", "Patient.birthDate", "true", both, true},
		{"fhirpath", "Patient.birthDate", "true", alone, true},
		{"fhirpath", "Patient.gender", "true", both, false},
		{"fhirpath", "Patient.name.given", "true", list, true},
		{"fhirpath", "Patient.name.given.first()", "true", list, false},
		{"element", "Patient.birthDate", "hasValue()", both, true},
		{"element", "Patient.birthDate", "hasValue()", alone, false},
		{"element", "Patient.birthDate", "hasValue().not()", both, false},
		{"element", "Patient.birthDate", "hasValue().not()", alone, true},
		{"element", "HumanName.given", "$this = 'b'", list, true},
		{"element", "HumanName.given", "$this = 'a'", list, false},
	} {
		v := validate.New(setOf(t, fmt.Sprintf(`{"resourceType":"StructureDefinition","url":"http://ward.test/x","name":"X","status":"active","kind":"complex-type","abstract":false,
			"type":"Extension","baseDefinition":"http://hl7.org/fhir/StructureDefinition/Extension","derivation":"constraint","context":[{"type":%q,"expression":%q}],
			"contextInvariant":[%q],"differential":{"element":[{"path":"Extension.url","fixedUri":"http://ward.test/x"}]}}`, c.kind, c.place, c.invariant)), validate.Options{})
		if got := found(v.Validate(parse(t, []byte(c.text)))); (got == "") != c.allowed {
			t.Errorf("%s %s, %s on %s: %q, allowed %v", c.kind, c.place, c.invariant, c.text, got, c.allowed)
		}
	}
}
