package definition_test

import (
	"testing"

	"github.com/ward-health/ward/clinical/fhir/definition"
)

// TestCounts: what the tables hold is what the source holds, which was counted in it.
func TestCounts(t *testing.T) {
	s := definition.R4()
	resources, profiles, keys := 0, 0, map[string]bool{}
	constraint := func(list []*definition.Constraint) {
		for _, c := range list {
			keys[c.Key] = true
		}
	}
	params, all := map[string]bool{}, map[string]bool{}
	s.Structures(func(d *definition.Structure) bool {
		for _, e := range d.Elements {
			for _, c := range e.Constraints {
				all[c.Key] = true
			}
		}
		switch {
		case d.Derived || d.Logical:
			profiles++
			return true
		case d.Kind == definition.Resource:
			resources++
			for _, p := range s.SearchParameters(d.Type) {
				params[p.URL] = true
			}
		}
		for _, e := range d.Elements {
			constraint(e.Constraints)
		}
		return true
	})
	// The source has one resource and one search parameter more, which are not of FHIR 4.0.1: see source_repair.go.
	if resources != 148 || profiles != 440 || len(params) != 1377 || len(keys) != 237 || len(all) != 243 {
		t.Errorf("%d resources, %d profiles, %d search parameters, %d invariants of types, %d of all", resources, profiles, len(params), len(keys), len(all))
	}
	for _, code := range []string{"Patient", "Encounter", "RelatedPerson", "Practitioner", "Device"} {
		if c := s.Compartment(code); c == nil || len(c.Params) < 10 {
			t.Errorf("compartment %s: %+v", code, c)
		}
	}
}

// TestTypes: elements, members, bindings and invariants of some types.
func TestTypes(t *testing.T) {
	s := definition.R4()
	o := s.Type("Observation")
	m := o.Member("valueQuantity")
	if m == nil || m.Type.Name != "Quantity" || m.Element.Name != "value" || !m.Element.Choice || m.Element.Array {
		t.Fatalf("%+v", m)
	}
	if m := o.Member("_valueString"); m == nil || !m.Extra || m.Type.Name != "Element" {
		t.Errorf("%+v", m)
	}
	if o.Member("value") != nil || o.Member("_valueQuantity") != nil || o.Member("resourceType") != nil {
		t.Error("a member that is none")
	}
	if m := o.Member("component"); m.Type.Name != "Observation.component" || m.Type.Kind != definition.Backbone || m.Type.Base.Name != "BackboneElement" || !m.Element.Array {
		t.Errorf("%+v", m)
	}
	if m := s.Type("Observation.component").Member("referenceRange"); m.Type.Name != "Observation.referenceRange" {
		t.Errorf("%+v", m.Type)
	}
	if m := o.Member("status"); m.Element.Binding.Strength != definition.Required || m.Element.Min != 1 {
		t.Errorf("%+v", m.Element)
	}
	if m := o.Member("id"); m.Type.Name != "id" || m.Element.XMLAttr {
		t.Errorf("%+v", m)
	}
	if m := s.Type("HumanName").Member("id"); m.Type.Name != "string" || !m.Element.XMLAttr {
		t.Errorf("%+v", m)
	}
	if !o.Is(s.Type("DomainResource")) || !s.Type("Age").Is(s.Type("Quantity")) || o.Is(s.Type("Patient")) {
		t.Error("Is")
	}
	if d := s.Type("date"); d.Kind != definition.Primitive || d.Regexp == "" || d.JSON != "string" {
		t.Errorf("%+v", d)
	}
	if p := s.SearchParameters("Patient"); len(p) < 25 {
		t.Errorf("%d parameters of Patient", len(p))
	}
}

// TestTerms: what is HL7's is known, what is not is not claimed.
func TestTerms(t *testing.T) {
	s := definition.R4()
	for _, c := range []struct {
		set, system, code string
		want              definition.Answer
	}{
		{"http://hl7.org/fhir/ValueSet/administrative-gender", "http://hl7.org/fhir/administrative-gender", "female", definition.Yes},
		{"http://hl7.org/fhir/ValueSet/administrative-gender|4.0.1", "", "female", definition.Yes},
		{"http://hl7.org/fhir/ValueSet/administrative-gender", "http://hl7.org/fhir/administrative-gender", "f", definition.No},
		{"http://hl7.org/fhir/ValueSet/administrative-gender", "http://example.org", "female", definition.No},
		{"http://terminology.hl7.org/ValueSet/v3-ActEncounterCode", "http://terminology.hl7.org/CodeSystem/v3-ActCode", "AMB", definition.Yes},
		{"http://terminology.hl7.org/ValueSet/v3-ActEncounterCode", "http://terminology.hl7.org/CodeSystem/v3-ActCode", "ACCTRECEIVABLE", definition.No},
		{"http://hl7.org/fhir/ValueSet/observation-codes", "http://loinc.org", "2951-2", definition.NotKnown},
		{"http://hl7.org/fhir/ValueSet/nothing", "", "x", definition.NotKnown},
	} {
		if got := s.MemberOf(c.set, c.system, c.code); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
	if s.Display("http://hl7.org/fhir/administrative-gender", "male") != "Male" {
		t.Error("no display")
	}
	for _, url := range []string{"http://loinc.org", "http://snomed.info/sct", "http://unitsofmeasure.org", "http://www.nlm.nih.gov/research/umls/rxnorm"} {
		if s.CodeSystem(url) != nil {
			t.Errorf("%s is shipped", url)
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	for b.Loop() {
		definition.DecodeCore()
	}
}
