package e2e

import (
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ward-health/ward/engine/db/dbtest"
)

// TestPackages: a package is in force as soon as it is loaded, after a restart too, for its tenant alone, until it is taken away.
func TestPackagesSQLite(t *testing.T) { packages(t, nil) }

// TestPackagesPostgres is the same on the other database.
func TestPackagesPostgres(t *testing.T) {
	packages(t, []string{"WARD_TEST_DSN=" + dbtest.Postgres(t)}, "--dsn", "env:WARD_TEST_DSN")
}

const corePatient = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-patient"

func claiming(id, more string) []byte {
	return []byte(`{"resourceType":"Patient","id":"` + id + `","meta":{"profile":["` + corePatient + `"]}` + more + `}`)
}

const conforming = `,"identifier":[{"system":"urn:example:mrn","value":"1"}],"name":[{"family":"Made"}],"gender":"female"`

func packages(t *testing.T, env []string, args ...string) {
	tgz := filepath.Join(gold(t, "us-core"), "us_core_610.tgz")
	n := newNode(t, env, args...)
	n.people()
	n.start()
	desk := n.token("desk")
	put := func(status int, id, more string) answer {
		t.Helper()
		return n.must(status, desk, "PUT", "/fhir/R4/Patient/"+id, claiming(id, more))
	}
	put(201, "before", "") // the claim cannot be checked: nothing is known of the profile
	n.must(422, desk, "POST", "/fhir/R4/Patient/$validate?profile="+corePatient, claiming("x", ""))

	if out := n.ward("package", "add", tgz); !strings.Contains(out, "hl7.fhir.us.core#6.1.0") || !strings.Contains(out, "not checked") {
		t.Errorf("%s", out)
	}
	if out := n.ward("package", "list"); !strings.Contains(out, "hl7.fhir.us.core") || !strings.Contains(out, "6.1.0") {
		t.Errorf("%s", out)
	}
	wantIssues(t, put(422, "p", ""), "Patient", "identifier", "name", "gender")
	put(201, "p", conforming)
	wantIssues(t, n.must(200, desk, "POST", "/fhir/R4/Patient/$validate", claiming("x", "")), "Patient", "identifier", "name", "gender")
	if a := n.must(200, desk, "POST", "/fhir/R4/Patient/$validate?profile="+corePatient, []byte(`{"resourceType":"Patient"`+conforming+`}`)); strings.Contains(string(a.body), `"error"`) {
		t.Errorf("%s", a)
	}
	bundle := `{"resourceType":"Bundle","type":"transaction","entry":[` +
		`{"resource":` + string(claiming("q", conforming)) + `,"request":{"method":"PUT","url":"Patient/q"}},` +
		`{"resource":` + string(claiming("r", "")) + `,"request":{"method":"PUT","url":"Patient/r"}}]}`
	wantIssues(t, n.must(422, desk, "POST", "/fhir/R4", []byte(bundle)), "Bundle.entry[1].resource", "identifier", "name", "gender")
	n.must(404, desk, "GET", "/fhir/R4/Patient/q", nil)

	n.stop()
	n.start()
	desk = n.token("desk")
	put(422, "s", "")
	n.ward("package", "remove", "hl7.fhir.us.core")
	put(201, "s", "")
	if _, errs, code := n.run("ward", "package", "remove", "hl7.fhir.us.core"); code != 1 || !strings.Contains(errs, "no package of this name") {
		t.Errorf("exit %d: %s", code, errs)
	}
	log := n.ward("audit", "tail", "-n", "200")
	for _, act := range []string{"package.add", "package.remove", "validate"} {
		if !strings.Contains(log, act) {
			t.Errorf("no entry of %s", act)
		}
	}
	n.stop()
	n.ward("audit", "verify")
	n.ward("store", "check")
}

// wantIssues wants an error at the place for each of the elements that are not there.
func wantIssues(t *testing.T, a answer, place string, elements ...string) {
	t.Helper()
	type found struct {
		Severity, Diagnostics string
		Expression            []string
	}
	var o struct{ Issue []found }
	if err := json.Unmarshal(a.body, &o); err != nil {
		t.Fatalf("%v: %s", err, a)
	}
	for _, element := range elements {
		if !slices.ContainsFunc(o.Issue, func(i found) bool {
			return i.Severity == "error" && strings.Contains(i.Diagnostics, " of "+element+" ") && slices.Contains(i.Expression, place)
		}) {
			t.Errorf("no error for %s at %s: %s", element, place, a)
		}
	}
}
