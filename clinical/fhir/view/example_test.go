package view_test

import (
	"fmt"
	"strings"

	"github.com/ward-health/ward/clinical/fhir/definition"
	"github.com/ward-health/ward/clinical/fhir/tree"
	"github.com/ward-health/ward/clinical/fhir/view"
)

// A definition is compiled once; a Runner gives the rows of one resource after the other.
func Example() {
	v, err := view.Compile([]byte(`{
	  "resourceType": "ViewDefinition", "name": "phones", "resource": "Patient",
	  "select": [
	    {"column": [{"name": "id", "path": "getResourceKey()"}, {"name": "born", "path": "birthDate"}]},
	    {"forEachOrNull": "telecom.where(system = 'phone')", "column": [{"name": "n", "path": "%rowIndex"}, {"name": "phone", "path": "value"}]}
	  ]}`), definition.R4())
	if err != nil {
		fmt.Println(err)
		return
	}
	var table strings.Builder
	w := view.NewCSV(&table, v.Columns())
	r := v.NewRunner(view.Options{})
	var doc tree.Doc
	for _, resource := range []string{
		`{"resourceType":"Patient","id":"a","birthDate":"1971-06","telecom":[{"system":"phone","value":"1"},{"system":"email","value":"x@example.org"},{"system":"phone","value":"2"}]}`,
		`{"resourceType":"Patient","id":"b"}`,
		`{"resourceType":"Device","id":"c"}`,
	} {
		if err := doc.Parse([]byte(resource), tree.Limits{}); err != nil {
			fmt.Println(err)
			return
		}
		if err := r.Run(&doc, w.Row); err != nil {
			fmt.Println(err)
			return
		}
	}
	if err := w.Close(); err != nil {
		fmt.Println(err)
	}
	fmt.Print(strings.ReplaceAll(table.String(), "\r\n", "\n"))
	// Output:
	// id,born,n,phone
	// a,1971-06,0,1
	// a,1971-06,1,2
	// b,,0,
}

// Every fault of a definition is named by its place.
func ExampleCompile() {
	_, err := view.Compile([]byte(`{
	  "resource": "Patient", "select": [{"column": [{"name": "1st", "path": "name.family"}, {"name": "x", "path": "name..family"}], "foreach": "name"}]}`), definition.R4())
	fmt.Println(strings.ReplaceAll(err.Error(), "; ", "\n"))
	// Output:
	// the ViewDefinition cannot be compiled: line 2, column 59 (select[0].column[0].name): expected a name of at most 255 letters, digits and underscores that begins with a letter
	// line 2, column 141 (select[0].foreach): no such element
}

// The types of the columns make a table for the rows.
func ExampleView_CreateTable() {
	v, err := view.Compile([]byte(`{"resource": "Observation", "select": [{"column": [
	  {"name": "id", "path": "id"}, {"name": "issued", "path": "issued"}, {"name": "has_value", "path": "value.exists()"},
	  {"name": "value", "path": "value.ofType(Quantity).value", "tag": [{"name": "ansi/type", "value": "DECIMAL(10, 3)"}]},
	  {"name": "codes", "path": "code.coding.code", "collection": true}]}]}`), definition.R4())
	if err != nil {
		fmt.Println(err)
		return
	}
	text, err := v.CreateTable("results")
	fmt.Println(text, err)
	// Output:
	// CREATE TABLE "results" (
	//   "id" CHARACTER VARYING,
	//   "issued" TIMESTAMP WITH TIME ZONE,
	//   "has_value" BOOLEAN,
	//   "value" DECIMAL(10,3),
	//   "codes" CHARACTER VARYING ARRAY
	// ) <nil>
}
