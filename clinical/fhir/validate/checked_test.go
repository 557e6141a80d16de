package validate_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ward-health/ward/clinical/fhir/definition"
	"github.com/ward-health/ward/clinical/fhir/issue"
	"github.com/ward-health/ward/clinical/fhir/structure"
	"github.com/ward-health/ward/clinical/fhir/tree"
	"github.com/ward-health/ward/clinical/fhir/validate"
)

// TestChecked: where the structural check finds nothing, all ways to validate say the same, of right and of changed resources.
func TestChecked(t *testing.T) {
	if testing.Short() {
		fmt.Println("NOT RUN: the comparison of the ways to validate: -short")
		t.Skip("-short: thousands of cases in one goroutine")
	}
	p, _ := usCore(t, "610")
	with, _ := definition.R4().With(p)
	from := seeds(t)
	for name, set := range map[string]*definition.Set{"R4": definition.R4(), "US Core": with} {
		t.Run(name, func(t *testing.T) { checked(t, set, from) })
	}
}

func checked(t *testing.T, set *definition.Set, from [][]byte) {
	v := validate.New(set, validate.Options{Now: time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC)})
	schema := structure.New(definition.R4())
	r := rand.New(rand.NewPCG(11, 2026))
	sound, wrong, invalid := 0, 0, 0
	var d tree.Doc
	var check structure.Checker
	for range 4000 {
		m := mutate(r, from[r.IntN(len(from))])
		if d.Parse(m.text, tree.Limits{}) != nil || !check.Check(schema, &d, structure.Options{}) {
			continue
		}
		sound++
		whole := v.Validate(&d)
		if len(whole) > 0 {
			wrong++
		}
		if diff := cmp.Diff(whole, v.ValidateChecked(&d)); diff != "" {
			t.Fatalf("%s: %s", m.op, diff)
		}
		if !issue.Valid(whole) {
			invalid++
		}
		if v.ValidChecked(&d) != issue.Valid(whole) {
			t.Fatalf("%s: the verdict is not that of the findings: %v", m.op, whole)
		}
	}
	if sound < 500 || wrong < 50 || invalid < 50 {
		t.Errorf("%d resources were compared, %d with findings, %d invalid: too few to say anything", sound, wrong, invalid)
	}
	t.Logf("%d resources, %d with findings, %d invalid", sound, wrong, invalid)
}
