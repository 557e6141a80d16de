package index_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ward-health/ward/clinical/fhir/definition"
	"github.com/ward-health/ward/clinical/fhir/index"
	"github.com/ward-health/ward/clinical/fhir/structure"
)

// withParam makes an engine whose type has one search parameter more, "own".
func withParam(t *testing.T, rt, kind, expression string) *engine {
	t.Helper()
	p := &definition.Package{Name: "ward.test", Version: "1"}
	if err := p.Add([]byte(fmt.Sprintf(`{"resourceType":"SearchParameter","url":"http://ward.test/own","code":"own","type":%q,"base":[%q],"expression":%q}`, kind, rt, expression))); err != nil {
		t.Fatal(err)
	}
	set, _ := definition.R4().With(p)
	e := newEngine()
	e.schema = structure.New(set)
	e.index = index.New(e.schema, func(_, code string) bool { return code == "own" })
	return e
}

// TestPlaces: [n] is the place in the array, and 0 of what does not repeat.
func TestPlaces(t *testing.T) {
	const patient = `{"resourceType":"Patient","active":true,"name":[{"family":"a","given":["x","y"]},{"family":"b"}]}`
	for expression, want := range map[string]string{
		"Patient.name[0].family": "own a", "Patient.name[1].family": "own b", "Patient.name[2].family": "", "Patient.name[999].family": "",
		"Patient.name[0].given[1]": "own y", "Patient.name[0].given[2]": "", "Patient.name[0].family[0]": "own a", "Patient.name[1].family[1]": "",
	} {
		if got := strings.Join(values(t, withParam(t, "Patient", "string", expression), patient, "own"), ", "); got != want {
			t.Errorf("%s: %q, want %q", expression, got, want)
		}
	}
	for expression, want := range map[string]string{"Patient.active[0]": "own true", "Patient.active[1]": ""} {
		if got := strings.Join(values(t, withParam(t, "Patient", "token", expression), patient, "own"), ", "); got != want {
			t.Errorf("%s: %q, want %q", expression, got, want)
		}
	}
}

// TestManyPaths: an expression that leads through choices of types again and again is given up early.
func TestManyPaths(t *testing.T) {
	at := time.Now()
	tab := withParam(t, "Patient", "string", "Patient"+strings.Repeat(".extension.value", 4)+".family").index.Table("Patient")
	if len(tab.Skipped) != 1 || !strings.Contains(tab.Skipped[0].Reason, "paths") {
		t.Errorf("skipped: %v", tab.Skipped)
	}
	if took := time.Since(at); took > 5*time.Second {
		t.Errorf("it took %v", took)
	}
}
