package e2e

import (
	"strings"
	"testing"
)

// TestXML: the door speaks XML over a node's socket: what came as XML is kept as JSON, judged, found, and still there after a restart.
func TestXML(t *testing.T) {
	n := newNode(t, nil)
	n.people()
	n.start()
	desk := n.token("desk")
	const xml, space = "application/fhir+xml", ` xmlns="http://hl7.org/fhir"`
	doc := n.token("doc")
	ask := func(status int, method, path, body string, parts ...string) string {
		t.Helper()
		headers := []string{"Accept", xml}
		var sent []byte
		if body != "" {
			headers, sent = append(headers, "Content-Type", xml), []byte(body)
		}
		who := desk
		if strings.Contains(path, "/Observation") {
			who = doc
		}
		a := n.must(status, who, method, path, sent, headers...)
		if got := a.header.Get("Content-Type"); got != xml+"; charset=utf-8" {
			t.Errorf("%s %s: Content-Type %q", method, path, got)
		}
		for _, part := range parts {
			if !strings.Contains(string(a.body), part) {
				t.Errorf("%s %s: no %s in %s", method, path, part, a)
			}
		}
		return string(a.body)
	}
	patient := `<Patient` + space + `><id value="x1"/><text><status value="generated"/><div xmlns="http://www.w3.org/1999/xhtml">a <b>b</b></div></text><name><family value="Grey"/></name></Patient>`
	ask(201, "PUT", "/fhir/R4/Patient/x1", patient, `<versionId value="1"/>`, `<div xmlns="http://www.w3.org/1999/xhtml">a <b>b</b></div>`, `<family value="Grey"/>`)
	ask(200, "GET", "/fhir/R4/Patient?_id=x1", "", `<Bundle`+space, `<fullUrl value="`, `<family value="Grey"/>`, `<mode value="match"/>`)
	// obs-7 is an invariant: what breaks it is structurally right.
	wrong := `<Observation` + space + `><status value="final"/><code><coding><code value="a"/></coding></code><subject><reference value="Patient/x1"/></subject><valueQuantity><value value="1.50"/></valueQuantity>` +
		`<component><code><coding><code value="a"/></coding></code><valueString value="x"/></component></Observation>`
	const line, col = `operationoutcome-issue-line"><valueInteger value="2"/>`, `operationoutcome-issue-col"><valueInteger value="3"/>`
	placed := "<!-- a result -->\n  " + wrong
	ask(200, "POST", "/fhir/R4/Observation/$validate", placed, `<severity value="error"/>`, "obs-7", line, col)
	ask(422, "POST", "/fhir/R4/Observation", placed, "obs-7", line, col)
	within := `<Parameters` + space + `><parameter><name value="resource"/><resource>` + wrong + `</resource></parameter></Parameters>`
	ask(200, "POST", "/fhir/R4/Observation/$validate", "<!-- asked -->\n"+strings.Replace(within, "<Observation", "\n  <Observation", 1), `<severity value="error"/>`, "obs-7", strings.Replace(line, `"2"`, `"3"`, 1), col)
	change := func(status int, operations string, headers ...string) string {
		t.Helper()
		a := n.must(status, desk, "PATCH", "/fhir/R4/Patient/x1", []byte("<diff"+space+">"+operations+"</diff>"), append(headers, "Content-Type", "application/xml-patch+xml", "Accept", xml)...)
		if got := a.header.Get("Content-Type"); got != xml+"; charset=utf-8" {
			t.Errorf("PATCH: Content-Type %q", got)
		}
		return string(a.body)
	}
	const born = `<add sel="Patient/name" pos="after"><birthDate value="1950-01-02"/></add>`
	if out := change(200, born, "If-Match", `W/"1"`); !strings.Contains(out, `<versionId value="2"/>`) || !strings.Contains(out, `<family value="Grey"/></name><birthDate value="1950-01-02"/>`) {
		t.Errorf("PATCH: %s", out)
	}
	change(412, born, "If-Match", `W/"1"`)
	// pat-1 is an invariant: a contact has at least a name, telecom, address or organization.
	if out := change(422, `<add sel="Patient/birthDate" pos="after"><contact><gender value="male"/></contact></add>`); !strings.Contains(out, "pat-1") || strings.Contains(out, "issue-line") {
		t.Errorf("PATCH: %s", out)
	}
	asJSON := n.must(422, desk, "PATCH", "/fhir/R4/Patient/x1", []byte(`[{"op":"add","path":"/contact","value":[{"gender":"male"}]}]`), "Content-Type", "application/json-patch+json")
	if out := string(asJSON.body); !strings.Contains(out, "pat-1") || strings.Contains(out, "issue-line") {
		t.Errorf("PATCH: %s", out)
	}
	change(422, `<remove sel="Patient/gender"/>`)
	change(400, `<remove sel="Patient/gender">`)
	ask(403, "GET", "/fhir/R4/Nothing/1", "", `<OperationOutcome`)
	ask(404, "GET", "/fhir/R4/Patient/nobody", "", `<OperationOutcome`)
	ask(200, "GET", "/fhir/R4/metadata", "", `<format value="application/fhir+xml"/>`, `<patchFormat value="application/xml-patch+xml"/>`)
	n.must(415, desk, "PUT", "/fhir/R4/Patient/x1", []byte(patient), "Content-Type", "application/xhtml+xml")

	n.stop()
	n.start()
	desk = n.token("desk")
	if a := n.must(200, desk, "GET", "/fhir/R4/Patient/x1", nil); !strings.HasPrefix(string(a.body), `{"resourceType":"Patient","id":"x1","meta":{"versionId":"2"`) || !strings.Contains(string(a.body), `"birthDate":"1950-01-02"`) {
		t.Errorf("%s", a)
	}
	n.stop()
	n.ward("audit", "verify")
	n.ward("store", "check")
}
