package fhirrest_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/store/storetest"
)

// issuesOf lists "id expression line:column" of an OperationOutcome.
func issuesOf(t *testing.T, body string) (list []string) {
	t.Helper()
	var o struct {
		Issue []struct {
			Severity  string
			Extension []struct {
				URL          string
				ValueInteger int
			}
			Details struct {
				Coding []struct{ System, Code string }
			}
			Expression []string
		}
	}
	if err := json.Unmarshal([]byte(body), &o); err != nil {
		t.Fatal(err)
	}
	for _, i := range o.Issue {
		if len(i.Extension) != 2 || len(i.Details.Coding) != 1 || i.Severity != "error" {
			t.Fatalf("%+v", i)
		}
		list = append(list, fmt.Sprintf("%s %s %d:%d", i.Details.Coding[0].Code, strings.Join(i.Expression, ","), i.Extension[0].ValueInteger, i.Extension[1].ValueInteger))
	}
	return list
}

// TestAllFindings: a resource that is not valid is refused with all that is wrong with it, and where; in a transaction of all entries, by
// their place in the Bundle.
func TestAllFindings(t *testing.T) {
	w := newWorld(t, storetest.SQLite)
	bad := "{\"resourceType\":\"Patient\",\n \"birthDate\":\"2020-02-30\",\n \"gendr\":\"male\", \"name\":[{\"given\":[null]}],\n \"contact\":[{\"gender\":\"x\"}]}"
	res := w.want(w.do(ward.Clinician, "POST", "/Patient", bad), 400)
	want := []string{"primitive-form Patient.birthDate 2:14", "element-unknown Patient.gendr 3:2", "json-null Patient.name[0].given[0] 3:36", "code-required Patient.contact[0].gender 4:23"}
	if d := cmp.Diff(want, issuesOf(t, res.body)); d != "" {
		t.Error(d)
	}
	if strings.Contains(res.body, "2020-02-30") {
		t.Error("a value of the body came back")
	}
	w.want(w.do(ward.Clinician, "PUT", "/Patient/p", strings.Replace(bad, `"Patient"`, `"Patient","id":"p"`, 1)), 400)

	bundle := "{\"resourceType\":\"Bundle\",\"type\":\"transaction\",\"entry\":[\n" +
		entryJSON("POST", "Patient", "", patient("x", "m1")) + ",\n" +
		`{"request":{"method":"POST","url":"Patient"},"resource":` + bad + "},\n" +
		`{"request":{"method":"POST","url":"Location"},"resource":{"resourceType":"Location","name":1}}]}`
	res = w.want(w.do(ward.Clinician, "POST", "", bundle), 400)
	want = []string{
		"primitive-form Bundle.entry[1].resource.birthDate 4:14", "element-unknown Bundle.entry[1].resource.gendr 5:2", "json-null Bundle.entry[1].resource.name[0].given[0] 5:36",
		"code-required Bundle.entry[1].resource.contact[0].gender 6:23", "json-kind Bundle.entry[2].resource.name 7:92",
	}
	if d := cmp.Diff(want, issuesOf(t, res.body)); d != "" {
		t.Error(d, res.body)
	}
}
