package validate_test

import (
	"fmt"

	"github.com/ward-health/ward/clinical/fhir/definition"
	"github.com/ward-health/ward/clinical/fhir/tree"
	"github.com/ward-health/ward/clinical/fhir/validate"
)

func Example() {
	v := validate.New(definition.R4(), validate.Options{}) // once

	var doc tree.Doc // reused, one goroutine at a time
	src := `{"resourceType":"Patient","meta":{"profile":["http://example.org/a-profile"]},"contact":[{"gender":"male"}]}`
	if err := doc.Parse([]byte(src), tree.Limits{}); err != nil {
		fmt.Println(err)
		return
	}
	for _, i := range v.Validate(&doc) {
		fmt.Println(i.Severity, i.ID, i.Expression, i.Line, i.Column)
	}
	// Output:
	// warning profile-unknown Patient.meta.profile[0] 1 46
	// error invariant Patient.contact[0] 1 90
}
