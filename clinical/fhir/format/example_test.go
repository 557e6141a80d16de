package format_test

import (
	"fmt"

	"github.com/ward-health/ward/clinical/fhir/definition"
	"github.com/ward-health/ward/clinical/fhir/format"
	"github.com/ward-health/ward/clinical/fhir/tree"
)

func ExampleXMLToJSON() {
	json, err := format.XMLToJSON(definition.R4(), []byte(`<Patient xmlns="http://hl7.org/fhir"><name><given value="Ada"/></name></Patient>`), tree.Limits{})
	fmt.Println(string(json), err)
	_, err = format.XMLToJSON(definition.R4(), []byte(`<Patient xmlns="http://hl7.org/fhir"><name><gven value="Ada"/></name></Patient>`), tree.Limits{})
	fmt.Println(err)
	// Output:
	// {"resourceType":"Patient","name":[{"given":["Ada"]}]} <nil>
	// format.json: line 1, column 44: expected an element that is defined in HumanName (at Patient.name[0])
}

func ExampleJSONToXML() {
	xml, err := format.JSONToXML(definition.R4(), []byte(`{"resourceType":"Patient","active":true}`), false, tree.Limits{})
	fmt.Print(string(xml), err)
	// Output:
	// <?xml version="1.0" encoding="UTF-8"?>
	// <Patient xmlns="http://hl7.org/fhir"><active value="true"/></Patient>
	// <nil>
}

func ExampleAppendCanonical() {
	var d tree.Doc
	if err := d.Parse([]byte(`{ "resourceType":"Patient", "active":true, "meta":{"versionId":"3"} }`), tree.Limits{}); err != nil {
		fmt.Println(err)
	}
	fmt.Println(string(format.AppendCanonical(nil, &d, format.Static)))
	// Output:
	// {"active":true,"resourceType":"Patient"}
}
