package patch_test

import (
	"fmt"

	"github.com/ward-health/ward/clinical/fhir/definition"
	"github.com/ward-health/ward/clinical/fhir/patch"
)

func ExampleJSON() {
	out, err := patch.JSON([]byte(`{"resourceType":"Patient", "name":[{"given":["A"]}]}`), []byte(`[{"op":"add","path":"/name/0/given/-","value":"B"}]`), patch.Limits{})
	fmt.Println(string(out), err)
	_, err = patch.JSON([]byte(`{"resourceType":"Patient"}`), []byte(`[{"op":"remove","path":"/gender"}]`), patch.Limits{})
	fmt.Println(err)
	// Output:
	// {"resourceType":"Patient", "name":[{"given":["A","B"]}]} <nil>
	// patch.json: operation 1 (remove): there is nothing at this place (at gender)
}

func ExampleFHIRPath() {
	out, err := patch.FHIRPath(definition.R4(), []byte(`{"resourceType":"Patient","name":[{"use":"old"},{"use":"official"}]}`), []byte(`{"resourceType":"Parameters","parameter":[{"name":"operation","part":[
		{"name":"type","valueCode":"delete"},{"name":"path","valueString":"Patient.name.where(use = 'old')"}]}]}`), patch.Limits{})
	fmt.Println(string(out), err)
	// Output:
	// {"resourceType":"Patient","name":[{"use":"official"}]} <nil>
}

func ExampleXML() {
	out, err := patch.XML([]byte(`<Patient xmlns="http://hl7.org/fhir"><active value="true"/></Patient>`), []byte(`<diff xmlns="http://hl7.org/fhir"><replace sel="Patient/active/@value">false</replace></diff>`), patch.Limits{})
	fmt.Println(string(out), err)
	// Output:
	// <Patient xmlns="http://hl7.org/fhir"><active value="false"/></Patient> <nil>
}
