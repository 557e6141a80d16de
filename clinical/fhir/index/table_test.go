package index_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ward-health/ward/clinical/fhir/definition"
	"github.com/ward-health/ward/clinical/fhir/index"
	"github.com/ward-health/ward/clinical/fhir/structure"
)

// resourceTypes lists the concrete resource types of R4.
func resourceTypes(set *definition.Set) (list []string) {
	set.Structures(func(s *definition.Structure) bool {
		if s.Kind == definition.Resource && !s.Derived && !s.Abstract {
			list = append(list, s.Type)
		}
		return true
	})
	slices.Sort(list)
	return list
}

// TestEveryParameterCompiles: each search parameter of R4 gives values on each type that it is for, but for those that are listed here.
func TestEveryParameterCompiles(t *testing.T) {
	set := definition.R4()
	x := index.New(structure.New(set), nil)
	seen := map[string]bool{}
	skipped := map[string][]string{}
	pairs := 0
	types := resourceTypes(set)
	for _, rt := range types {
		tab := x.Table(rt)
		pairs += len(tab.Params)
		for _, p := range tab.Params {
			seen[p.URL] = true
		}
		for _, s := range tab.Skipped {
			name := s.Param.Code + ": " + s.Reason
			if s.Part {
				name += " (others of its values are taken)"
			}
			skipped[name] = append(skipped[name], rt)
		}
	}
	if len(types) != 146 || len(seen) != 1377 {
		t.Errorf("%d types, %d search parameters; R4 has 146 and 1,377", len(types), len(seen))
	}
	got := map[string]string{}
	for name, types := range skipped {
		got[name] = strings.Join(types, " ")
		if len(types) == 146 {
			got[name] = "all"
		}
	}
	want := map[string]string{
		// What a server looks for beside the elements of one resource.
		"_content: it has no expression: what it looks at is not an element": "all",
		"_query: it has no expression: what it looks at is not an element":   "all",
		"near: its kind is \"special\": a server computes it":                "Location",
		// A type of the choice that the kind of search has no meaning for.
		"date: a date is not taken from values of type string (others of its values are taken)":                      "Immunization",
		"date: a date is not taken from values of type string, Age, Range (others of its values are taken)":          "Procedure",
		"activity-date: a date is not taken from values of type string (others of its values are taken)":             "CarePlan",
		"source-reference: a reference is not taken from values of type Attachment (others of its values are taken)": "Consent",
	}
	for name := range got {
		if strings.HasPrefix(name, "_text:") { // of all but the four that are no DomainResource
			delete(got, name)
		}
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	t.Logf("%d pairs of type and parameter", pairs)
}

// TestSelection: parameters that are not wanted give no values, and their places stay.
func TestSelection(t *testing.T) {
	set := definition.R4()
	x := index.New(structure.New(set), func(rt, code string) bool { return code == "status" })
	tab := x.Table("Observation")
	if len(tab.Params) != len(set.SearchParameters("Observation")) || len(tab.Skipped) != 0 {
		t.Errorf("%d parameters, skipped %v", len(tab.Params), tab.Skipped)
	}
	if x.Table("HumanName") != nil || x.Table("DomainResource") != nil || x.Table("") != nil {
		t.Error("a table of what is no resource type")
	}
}
