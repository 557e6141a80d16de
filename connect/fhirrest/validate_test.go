package fhirrest_test

import (
	"context"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/clinical/fhir/issue"
	"github.com/ward-health/ward/clinical/fhir/tree"
	"github.com/ward-health/ward/connect/fhirrest"
	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/store/storetest"
)

// finder finds one thing wrong: what the member birthDate is. It remembers what it was asked.
type finder struct{ asked []string }

func (*finder) Conform(context.Context, db.Tenant, []byte) ([]issue.Issue, error) { return nil, nil }

func (f *finder) Check(_ context.Context, _ access.Permit, body []byte, profiles ...string) ([]issue.Issue, error) {
	f.asked = append(f.asked, strings.Join(append(profiles, string(body)), " "))
	var d tree.Doc
	if d.Parse(body, tree.Limits{}) != nil || d.Member(0, "birthDate") == tree.None {
		return nil, nil //nolint:nilerr // nothing is found in what is no JSON
	}
	line, column := d.Position(int(d.Nodes[d.Member(0, "birthDate")].Start))
	return []issue.Issue{{Severity: issue.Error, Code: "value", ID: "x", Expression: "Patient.birthDate", Line: line, Column: column}}, nil
}

// TestValidatePlaces: findings have the lines and columns of the body, in JSON and XML, and of a resource that is a parameter too.
func TestValidatePlaces(t *testing.T) {
	const space = ` xmlns="http://hl7.org/fhir"`
	w := newWorld(t, storetest.SQLite)
	w.conforming(&finder{})
	parameters := "{\"resourceType\":\"Parameters\",\n\"parameter\":[{\"name\":\"resource\",\n \"resource\": %s}]}"
	inXML := "<Parameters" + space + "><parameter><name value=\"resource\"/>\n<resource>\n  <Patient><birthDate value=\"q\"/></Patient></resource></parameter></Parameters>"
	one, two := `{"resourceType":"Patient","birthDate":1}`, "{\"resourceType\":\"Patient\",\n  \"birthDate\":1}"
	for body, want := range map[string]string{
		one: "1:39", two: "2:15", strings.Replace(parameters, "%s", one, 1): "3:52", strings.Replace(parameters, "%s", two, 1): "4:15",
		"<Patient" + space + ">\n <birthDate value=\"q\"/></Patient>": "2:20", inXML: "3:30",
	} {
		media := "application/fhir+json"
		if body[0] == '<' {
			media = xmlType
		}
		res := w.want(w.do(ward.Clinician, "POST", "/Patient/$validate", body, "Content-Type", media), 200)
		if d := cmp.Diff([]string{"x Patient.birthDate " + want}, issuesOf(t, res.body)); d != "" {
			t.Errorf("%s: %s", body, d)
		}
	}
}

// TestValidateAsked: what is validated is of the type of the URL, and what Parameters say is read as it is written.
func TestValidateAsked(t *testing.T) {
	w := newWorld(t, storetest.SQLite)
	f := &finder{}
	w.conforming(f)
	in := func(parts string) string { return `{"resourceType":"Parameters","parameter":[` + parts + `]}` }
	const resource, other = `{"name":"resource","resource":{"resourceType":"Patient"}}`, `{"name":"resource","resource":{"resourceType":"Observation"}}`
	for _, c := range []struct {
		body, text string
		status     int
	}{
		{`{"resourceType":"Patient"}`, `{"resourceType":"Patient"}`, 200},
		{in(resource + `,{"name":"profile","valueUri":"a"},{"name":"profile","valueCanonical":"b"}`), `a b {"resourceType":"Patient"}`, 200},
		{`{"resourceType":1}`, `{"resourceType":1}`, 200},
		{`{"resourceType":"Patient"`, `{"resourceType":"Patient"`, 200},
		{`{"resourceType":"Observation"}`, "not the type of the URL", 400},
		{in(other), "not the type of the URL", 400},
		{in(resource + "," + resource), "given once", 400},
		{in(`{"name":"resource","RESOURCE":{"resourceType":"Patient"}}`), "given once, with a resource", 400},
		{in(`{"name":"mode","valueCode":"create"}`), "are offered", 400},
		{in(``), "is needed", 400},
		{`{"resourceType":"Parameters"}`, "is needed", 400},
		{`{"resourceType":"Parameters","parameter":{}}`, "is an array", 400},
	} {
		f.asked = nil
		res := w.want(w.do(ward.Clinician, "POST", "/Patient/$validate", c.body), c.status)
		if got := strings.Join(f.asked, "|") + res.body; !strings.Contains(got, c.text) || (c.status == 200) != (len(f.asked) == 1) {
			t.Errorf("%s: %s", c.body, got)
		}
	}
}

// conforming serves with what judges resources.
func (w *world) conforming(c fhirrest.Conformance) {
	h, err := w.Access.Guard(fhirrest.New(fhirrest.Deps{Store: w.Store, Base: w.base, Conformance: c}).Routes(), fhirrest.Errors)
	w.must(err)
	srv := httptest.NewServer(h)
	w.t.Cleanup(srv.Close)
	w.base = srv.URL + "/fhir/R4"
}
