package fhirpath_test

import (
	"errors"
	"fmt"
	"log"

	"github.com/ward-health/ward/clinical/fhir/definition"
	"github.com/ward-health/ward/clinical/fhir/tree"
	"github.com/ward-health/ward/clinical/fhirpath"
)

// parse reads a resource, as all examples need one.
func parse(src string) fhirpath.Node {
	var doc tree.Doc
	if err := doc.Parse([]byte(src), tree.Limits{}); err != nil {
		log.Fatal(err)
	}
	root, err := fhirpath.Root(&doc, definition.R4())
	if err != nil {
		log.Fatal(err)
	}
	return root
}

const weight = `{"resourceType":"Observation","status":"final","code":{"text":"Weight"},
  "valueQuantity":{"value":70.5,"unit":"kg","system":"http://unitsofmeasure.org","code":"kg"},
  "effectiveDateTime":"2024-02-28T08:30:00+01:00","interpretation":[{"text":"normal"},{"text":"stable"}]}`

// A path yields elements; each knows where it is.
func ExampleExpression_Eval() {
	observation := parse(weight)
	e, err := fhirpath.Compile("Observation.interpretation.text", fhirpath.Options{})
	if err != nil {
		log.Fatal(err)
	}
	items, err := e.Eval(&fhirpath.Context{Set: definition.R4()}, observation)
	if err != nil {
		log.Fatal(err)
	}
	for _, v := range items {
		n, _ := v.Node()
		fmt.Println(n.Path(), v.TypeName(), v)
	}
	// Output:
	// Observation.interpretation[0].text FHIR.string normal
	// Observation.interpretation[1].text FHIR.string stable
}

// An invariant holds where its expression is true.
func ExampleExpression_True() {
	observation := parse(weight)
	ctx := &fhirpath.Context{Set: definition.R4()}
	for _, text := range []string{"value.ofType(Quantity) > 70000 'g'", "dataAbsentReason.empty() or value.empty()", "status = 'amended'", "bodySite.text = 'x'"} {
		ok, err := fhirpath.MustCompile(text).True(ctx, observation)
		fmt.Println(ok, err)
	}
	// Output:
	// true <nil>
	// true <nil>
	// false <nil>
	// false <nil>
}

// Append evaluates without allocating where the destination has room.
func ExampleExpression_Append() {
	observation := parse(weight)
	ctx := &fhirpath.Context{Set: definition.R4()}
	next := fhirpath.MustCompile("effective.ofType(dateTime) + 1 month")
	items := make(fhirpath.Collection, 0, 8)
	items, err := next.Append(items[:0], ctx, observation.Item())
	fmt.Println(items, err)
	// Output: [2024-03-28T08:30:00+01:00] <nil>
}

// Check finds what cannot mean anything before there is a resource.
func ExampleExpression_Check() {
	set := definition.R4()
	e := fhirpath.MustCompile("Observation.valueQuantity.unit")
	err := e.Check(set, set.Type("Observation"), fhirpath.CheckOptions{})
	var semantic *fhirpath.SemanticError
	fmt.Println(errors.As(err, &semantic), err)
	// Output: true at byte 12: there is no element valueQuantity here
}

// Variables, references and value sets come from the caller.
func ExampleContext() {
	observation := parse(weight)
	ctx := &fhirpath.Context{
		Set:  definition.R4(),
		Vars: map[string]fhirpath.Collection{"limit": {fhirpath.Integer(70)}},
		MemberOf: func(item fhirpath.Value, valueSet string) (member, known bool) {
			return item.String() == "final", valueSet == "http://hl7.org/fhir/ValueSet/observation-status"
		},
	}
	for _, text := range []string{"value.value > %limit", "status.memberOf(%`vs-observation-status`)", "status.memberOf('urn:other')"} {
		items, err := fhirpath.MustCompile(text).Eval(ctx, observation)
		fmt.Println(items, err)
	}
	// Output:
	// [true] <nil>
	// [true] <nil>
	// [] <nil>
}
