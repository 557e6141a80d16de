package fhirpath

import (
	"errors"
	"strings"
	"testing"

	"github.com/ward-health/ward/clinical/fhir/definition"
)

const measured = `{"resourceType":"Observation","status":"final","code":{"text":"x"},"valueQuantity":{"value":1,"unit":"mg"},
"component":[{"code":{"text":"a"}},{"code":{"text":"b"}}],"contained":[{"resourceType":"Patient","id":"p","birthDate":"2000"}]}`

// TestElementDefinition: definitions of elements are elements themselves.
func TestElementDefinition(t *testing.T) {
	n := parseNode(t, measured)
	for text, want := range map[string]string{
		"elementDefinition().path":                                                             "[Observation]",
		"status.elementDefinition().path":                                                      "[Observation.status]",
		"status.elementDefinition().min":                                                       "[1]",
		"status.elementDefinition().max":                                                       "[1]",
		"status.elementDefinition().min is unsignedInt":                                        "[true]",
		"status.elementDefinition().isModifier":                                                "[true]",
		"status.elementDefinition().type.code":                                                 "[code]",
		"status.elementDefinition().binding.strength":                                          "[required]",
		"status.elementDefinition().binding.valueSet":                                          "[http://hl7.org/fhir/ValueSet/observation-status|4.0.1]",
		"status.elementDefinition().constraint.key":                                            "[ele-1]",
		"elementDefinition().constraint.where(key = 'obs-7').severity":                         "[error]",
		"elementDefinition().constraint.where(key = 'dom-6').extension.value":                  "[true]",
		"value.elementDefinition().path":                                                       "[Observation.value[x]]",
		"value.elementDefinition().type.code.count()":                                          "[11]",
		"value.unit.elementDefinition().path":                                                  "[Quantity.unit]",
		"component.elementDefinition().max":                                                    "[* *]",
		"component.elementDefinition().distinct().count()":                                     "[1]",
		"component.code.elementDefinition().id":                                                "[Observation.component.code Observation.component.code]",
		"id.elementDefinition()":                                                               "[]",
		"contained.id.elementDefinition().path":                                                "[Patient.id]",
		"contained.birthDate.elementDefinition().type.code":                                    "[date]",
		"1.elementDefinition()":                                                                "[]",
		"elementDefinition() is ElementDefinition":                                             "[true]",
		"status.elementDefinition().elementDefinition().path":                                  "[ElementDefinition]",
		"descendants().elementDefinition().where(min = 1).path.distinct().combine('x').last()": "[x]",
		"elementDefinition().type.code":                                                        "[]",
		"iif(status.elementDefinition().binding.strength = 'required', 'closed', 'open')":      "[closed]",
	} {
		e, err := Compile(text, Options{})
		if err != nil {
			t.Error(text, err)
			continue
		}
		if err := e.Check(definition.R4(), n.Type, CheckOptions{}); err != nil && !strings.HasPrefix(text, "1.") {
			t.Errorf("%s: %v", text, err)
		}
		got, err := e.Eval(&Context{Set: definition.R4()}, n)
		if have := texts(got); err != nil || have != want {
			t.Errorf("%s is %s, not %s (%v)", text, have, want, err)
		}
	}
	var s *SemanticError
	if err := MustCompile("status.elementDefinition().nothing").Check(definition.R4(), n.Type, CheckOptions{}); !errors.As(err, &s) {
		t.Errorf("a member that ElementDefinition does not have: %v", err)
	}
}

// TestElementDefinitionOfAll: every element of every type has a definition that reads as one.
func TestElementDefinitionOfAll(t *testing.T) {
	set := definition.R4()
	seen := 0
	set.Structures(func(s *definition.Structure) bool {
		if s.Derived || set.Type(s.Type) == nil || set.Type(s.Type).URL != s.URL {
			return true
		}
		for _, row := range s.Elements {
			text, err := definitionText(row)
			if err != nil {
				t.Fatal(row.ID, err)
			}
			d := parseNode(t, `{"resourceType":"StructureDefinition","snapshot":{"element":[`+string(text)+`]}}`)
			for _, question := range []string{"snapshot.element.path.exists()", "snapshot.element.max.matches('^([0-9]+|\\\\*)$')", "snapshot.element.min >= 0",
				"snapshot.element.constraint.all(key.exists() and severity.exists() and human.exists())", "snapshot.element.binding.all(strength.exists())"} {
				if ok, err := MustCompile(question).True(&Context{Set: set}, d); err != nil || !ok {
					t.Errorf("%s: %s is %v (%v)", row.ID, question, ok, err)
				}
			}
			seen++
		}
		return true
	})
	if seen < 4000 {
		t.Errorf("%d definitions", seen)
	}
}

// TestElementDefinitionCost: a definition is made once in an evaluation, and its text counts.
func TestElementDefinitionCost(t *testing.T) {
	n := parseNode(t, `{"resourceType":"Patient","name":[`+strings.Repeat(`{"text":"x"},`, 2000)+`{"text":"y"}]}`)
	e := MustCompile("name.elementDefinition().count()")
	if _, err := e.Eval(&Context{Set: definition.R4(), Limits: Limits{Steps: 10_000, Text: 8 << 10}}, n); err != nil {
		t.Error(err)
	}
	if _, err := e.Eval(&Context{Set: definition.R4(), Limits: Limits{Text: 100}}, n); !errors.Is(err, ErrText) {
		t.Errorf("%v, not %v", err, ErrText)
	}
}

// TestSlice: the items that the caller says are in the slice, in their order.
func TestSlice(t *testing.T) {
	n := parseNode(t, measured)
	ctx := &Context{Set: definition.R4(), Slice: func(item Node, profile, name string) (bool, bool) {
		return strings.HasSuffix(item.Path(), "["+name+"]"), profile == "p" && name != "z"
	}}
	for text, want := range map[string]string{
		"component.slice('p', '1').code.text": "[b]", "component.slice('p', '0' ).code.text": "[a]", "component.slice('p', '7')": "[]", "component.slice('q', '1')": "error",
		"component.slice('p', 'z')": "error", "component.slice({}, '1')": "[]", "component.slice('p', {})": "[]", "category.slice('q', '1')": "[]", "1.slice('p', '1')": "error",
		"component.slice('p', 1)": "error", "component.slice('p', '1').slice('p', '1').count()": "[1]", "component.where($this.slice('p', '1').exists()).code.text": "[b]",
	} {
		e, err := Compile(text, Options{})
		if err != nil {
			t.Error(text, err)
			continue
		}
		got, err := e.Eval(ctx, n)
		have := texts(got)
		if err != nil {
			have = "error"
		}
		if have != want {
			t.Errorf("%s is %s, not %s (%v)", text, have, want, err)
		}
	}
	if _, err := MustCompile("component.slice('p', '1')").Eval(&Context{Set: definition.R4()}, n); err == nil {
		t.Error("without Context.Slice no slice is known")
	}
}
