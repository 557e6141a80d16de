package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What the canary patient is made of. None of it may be found where others look (I8).
const (
	canaryName   = "ZZCANARY"
	canaryGiven  = "Zzbirdie"
	canaryMRN    = "ZZMRN47114711"
	canaryBirth  = "1931-08-29"
	canaryStreet = "Zzfeather Lane 77"
	canaryText   = "Zzpeeps at night"
)

var canaries = []string{canaryName, canaryGiven, canaryMRN, canaryBirth, canaryStreet, canaryText}

func canaryPatient(id string) []byte {
	own := ""
	if id != "" {
		own = fmt.Sprintf(`"id":%q,`, id)
	}
	return fmt.Appendf(nil, `{"resourceType":"Patient",%s"gender":"female","birthDate":%q,"identifier":[{"system":"http://ward.example/mrn","value":%q}],
		"name":[{"family":%q,"given":[%q]}],"address":[{"line":[%q]}]}`, own, canaryBirth, canaryMRN, canaryName, canaryGiven, canaryStreet)
}

func canaryObservation(id, patient, unit string) []byte {
	return fmt.Appendf(nil, `{"resourceType":"Observation","id":%q,"status":"final","code":{"coding":[{"system":"http://loinc.org","code":"2160-0"}],"text":%q},
		"subject":{"reference":"Patient/%s","display":"%s %s"},"effectiveDateTime":%q,"note":[{"text":%q}],
		"valueQuantity":{"value":1.1,"unit":%q,"system":"http://unitsofmeasure.org","code":%q}}`,
		id, canaryText, patient, canaryGiven, canaryName, today(), canaryText, unit, unit)
}

// seek reports every canary in text.
func seek(text []byte) (found []string) {
	lower := bytes.ToLower(text)
	for _, c := range canaries {
		if bytes.Contains(lower, bytes.ToLower([]byte(c))) || bytes.Contains(lower, []byte(strings.ToLower(url.QueryEscape(c)))) {
			found = append(found, c)
		}
	}
	return found
}

// TestCanary pushes a canary patient through every path, errors and erasure included, and searches for it in what others
// see: the operator's log, metrics, refusals, addresses that Ward mints, and the clear bytes of the data directory.
func TestCanary(t *testing.T) {
	n := newNode(t, []string{"WARD_LOG_LEVEL=debug"})
	n.people()
	n.ward("tenant", "add", "other")
	n.ward("--tenant", "other", "principal", "add", "spy", "--role", "clinician")
	n.start()
	c := &canary{node: n, doc: n.token("doc"), desk: n.token("desk"), dpo: n.token("dpo"), aud: n.token("aud"),
		spy: strings.TrimSpace(n.ward("--tenant", "other", "token", "spy"))}
	c.writes()
	c.reads()
	c.refusals()
	c.operators()
	metrics := n.must(200, "", "GET", "/metrics", nil)
	c.clean("metrics", metrics.body)
	n.stop()
	c.directory("before the erasure")

	n.start()
	c.dpo, c.doc = n.token("dpo"), n.token("doc")
	c.own(n.must(200, c.dpo, "POST", "/v1/shred", []byte(`{"patient":"`+c.patient+`"}`)), false)
	for _, path := range []string{"/fhir/R4/Patient/" + c.patient, "/fhir/R4/Patient/" + c.patient + "/_history", "/fhir/R4/Observation/" + c.observation} {
		a, err := n.ask(c.doc, "GET", path, nil)
		if err != nil || a.status < 400 {
			t.Errorf("GET %s after the erasure: %s %v", path, a, err)
		}
		c.clean("answer after the erasure", a.body)
	}
	c.clean("metrics", n.must(200, "", "GET", "/metrics", nil).body)
	n.stop()
	n.ward("store", "check")
	n.ward("audit", "verify")
	export := filepath.Join(t.TempDir(), "export")
	n.ward("audit", "export", export)
	c.tree("exported log", export)
	c.directory("after the erasure")
	c.clean("what processes wrote to stderr", []byte(n.stderr.String()))
}

type canary struct {
	*node
	doc, desk, dpo, aud, spy string
	patient, observation     string
}

// clean wants no canary in what others see.
func (c *canary) clean(what string, text []byte) {
	c.t.Helper()
	if found := seek(text); len(found) > 0 {
		c.t.Errorf("%s holds %v:\n%.2000s", what, found, text)
	}
}

// own is an answer to somebody who may see the patient: the body may show it, what Ward mints in headers and links may not.
func (c *canary) own(a answer, mayShow bool) answer {
	c.t.Helper()
	for name, values := range a.header {
		c.clean("header "+name, []byte(strings.Join(values, " ")))
	}
	if !mayShow {
		c.clean("body", a.body)
	}
	for _, at := range urls(a.body) {
		c.clean("link", []byte(at))
	}
	return a
}

// urls collects what Ward minted in a bundle: links other than self, fullUrls.
func urls(body []byte) (out []string) {
	var b struct {
		Link  []struct{ Relation, URL string }
		Entry []struct {
			FullURL  string `json:"fullUrl"`
			Response struct{ Location string }
		}
	}
	if json.Unmarshal(body, &b) != nil {
		return nil
	}
	for _, l := range b.Link {
		if l.Relation != "self" {
			out = append(out, l.URL)
		}
	}
	for _, e := range b.Entry {
		out = append(out, e.FullURL, e.Response.Location)
	}
	return out
}

// writes creates, updates, sends a transaction, and asks a model.
func (c *canary) writes() {
	a := c.own(c.must(201, c.doc, "POST", "/fhir/R4/Patient", canaryPatient("")), true)
	c.patient = idOf(a)
	c.own(c.must(200, c.doc, "PUT", "/fhir/R4/Patient/"+c.patient, bytes.Replace(canaryPatient(c.patient), []byte("female"), []byte("male"), 1)), true)
	c.own(c.must(200, c.doc, "POST", "/fhir/R4/Patient", canaryPatient(""), "If-None-Exist", "identifier="+url.QueryEscape("http://ward.example/mrn|"+canaryMRN)), true)
	bundle := fmt.Sprintf(`{"resourceType":"Bundle","type":"transaction","entry":[{"fullUrl":"urn:uuid:5d0f1d0e-0000-4000-8000-000000000001","resource":%s,"request":{"method":"POST","url":"Observation"}},
		{"resource":{"resourceType":"Condition","subject":{"reference":"Patient?identifier=http://ward.example/mrn|%s"},"code":{"text":%q}},"request":{"method":"POST","url":"Condition"}}]}`,
		bytes.Replace(canaryObservation("x", c.patient, "mg/dL"), []byte(`"id":"x",`), nil, 1), canaryMRN, canaryText)
	a = c.own(c.must(200, c.doc, "POST", "/fhir/R4", []byte(bundle)), true)
	var answers struct {
		Entry []struct{ Response struct{ Location string } }
	}
	if err := json.Unmarshal(a.body, &answers); err != nil || len(answers.Entry) != 2 {
		c.t.Fatalf("transaction: %v %s", err, a)
	}
	parts := strings.Split(answers.Entry[0].Response.Location, "/")
	for i, p := range parts {
		if p == "Observation" && i+1 < len(parts) {
			c.observation = parts[i+1]
		}
	}
	c.own(c.must(201, c.doc, "PUT", "/fhir/R4/DiagnosticReport/"+c.observation, fmt.Appendf(nil,
		`{"resourceType":"DiagnosticReport","id":%q,"status":"final","code":{"text":"x"},"subject":{"reference":"Patient/%s"},"conclusion":%q}`,
		c.observation, c.patient, strings.Repeat(canaryText+" "+canaryName+" ", 2000))), true)
	hook := fmt.Sprintf(`{"hook":"patient-view","hookInstance":"d1577c69-dfbe-44ad-ba6d-3e05e953b2ea","context":{"userId":"Practitioner/x","patientId":%q}}`, c.patient)
	c.own(c.must(200, c.doc, "POST", "/cds-services/"+service(c.node), []byte(hook)), true)
}

// reads looks at the patient in every way.
func (c *canary) reads() {
	for _, path := range []string{
		"/fhir/R4/Patient/" + c.patient, "/fhir/R4/Patient/" + c.patient + "/_history", "/fhir/R4/Patient/" + c.patient + "/_history?_count=1",
		"/fhir/R4/Patient/" + c.patient + "/_history/1", "/fhir/R4/Patient?identifier=http://ward.example/mrn%7C" + canaryMRN,
		"/fhir/R4/Patient?birthdate=" + canaryBirth, "/fhir/R4/Patient?birthdate=" + canaryBirth + "&_count=1",
		"/fhir/R4/Observation?patient=" + c.patient + "&_count=1", "/fhir/R4/Observation?patient.identifier=" + canaryMRN,
	} {
		a, err := c.ask(c.doc, "GET", path, nil)
		if err != nil {
			c.t.Fatal(err)
		}
		c.own(a, a.status == http.StatusOK)
	}
	form := url.Values{"identifier": {"http://ward.example/mrn|" + canaryMRN}}
	a, err := c.ask(c.doc, "POST", "/fhir/R4/Patient/_search", []byte(form.Encode()), "Content-Type", "application/x-www-form-urlencoded")
	if err != nil || a.status != 200 {
		c.t.Errorf("_search: %s %v", a, err)
	}
	c.own(a, true)
	c.own(c.must(200, c.doc, "POST", "/v1/decisions/search", []byte(`{"patient":"`+c.patient+`"}`)), true)
}

// refusals sends the canary into every error that can be had.
func (c *canary) refusals() {
	id := c.patient
	broken := canaryPatient(id)[:60]
	type try struct {
		token, method, path string
		body                []byte
		header              []string
	}
	tries := []try{
		{c.doc, "PUT", "/fhir/R4/Patient/" + id, broken, nil},
		{c.doc, "PUT", "/fhir/R4/Patient/" + id, append(canaryPatient(id), "x"...), nil},
		{c.doc, "PUT", "/fhir/R4/Patient/other-id", canaryPatient(id), nil},
		{c.doc, "PUT", "/fhir/R4/Observation/" + id, canaryPatient(id), nil},
		{c.doc, "PUT", "/fhir/R4/Patient/" + id, bytes.Replace(canaryPatient(id), []byte(`"id"`), []byte(`"gender":"x","id"`), 1), nil},
		{c.doc, "PUT", "/fhir/R4/Patient/" + id, bytes.Replace(canaryPatient(id), []byte(`Patient`), []byte(canaryName), 1), nil},
		{c.doc, "PUT", "/fhir/R4/Patient/" + id, bytes.Replace(canaryPatient(id), []byte(`"birthDate":"`), []byte(`"birthDate":"x`), 1), nil},
		{c.doc, "PUT", "/fhir/R4/Patient/" + id, canaryPatient(id), []string{"If-Match", `W/"77"`}},
		{c.doc, "PUT", "/fhir/R4/Patient/" + id, canaryPatient(id), []string{"Content-Type", "text/" + canaryName}},
		{c.doc, "POST", "/fhir/R4/Patient", canaryPatient(""), []string{"If-None-Exist", "nothing=" + canaryMRN}},
		{c.doc, "POST", "/fhir/R4/" + canaryName, canaryPatient(""), nil},
		{c.doc, "POST", "/fhir/R4", []byte(`{"resourceType":"Bundle","type":"transaction","entry":[{"resource":` + string(canaryPatient(id)) + `,"request":{"method":"PUT","url":"` + canaryName + `"}}]}`), nil},
		{c.doc, "POST", "/fhir/R4", []byte(`{"resourceType":"Bundle","type":"transaction","entry":[{"resource":{"resourceType":"Condition","subject":{"reference":"Patient?identifier=nobody|` + canaryMRN + `"}},"request":{"method":"POST","url":"Condition"}}]}`), nil},
		{c.doc, "GET", "/fhir/R4/Patient?nothing=" + canaryMRN, nil, nil},
		{c.doc, "GET", "/fhir/R4/Patient?identifier:text=" + canaryMRN, nil, nil},
		{c.doc, "GET", "/fhir/R4/Patient?birthdate=" + canaryName, nil, nil},
		{c.doc, "GET", "/fhir/R4/Patient?_count=" + canaryName, nil, nil},
		{c.doc, "GET", "/fhir/R4/" + canaryName + "/" + id, nil, nil},
		{c.doc, "GET", "/fhir/R4/Patient/" + id + "/_history/" + canaryName, nil, nil},
		{c.doc, "GET", "/nowhere/" + canaryName + "?q=" + canaryMRN, nil, nil},
		{c.doc, "POST", "/cds-services/" + canaryName, []byte(`{}`), nil},
		{c.doc, "POST", "/cds-services/" + service(c.node), []byte(`{"hook":"` + canaryName + `"}`), nil},
		{c.doc, "POST", "/v1/decisions/search", []byte(`{"nothing":"` + canaryMRN + `"}`), nil},
		{c.doc, "GET", "/v1/decisions/" + canaryName, nil, nil},
		{c.dpo, "POST", "/v1/shred", []byte(`{"patient":["` + canaryName + `"]}`), nil},
		{c.dpo, "POST", "/v1/shred", []byte(`{"patient":"` + canaryName + ` x"}`), nil},
		{c.aud, "GET", "/v1/audit/entries?from=" + canaryName, nil, nil},
		{"", "POST", "/oauth/token", []byte("grant_type=" + canaryName + "&code=" + canaryMRN), []string{"Content-Type", "application/x-www-form-urlencoded"}},
		{"", "PUT", "/fhir/R4/Patient/" + id, canaryPatient(id), nil},
		{canaryName, "GET", "/fhir/R4/Patient/" + id, nil, nil},
		{c.desk, "PUT", "/fhir/R4/Observation/" + c.observation, canaryObservation(c.observation, id, "mg/dL"), nil},
		{c.desk, "GET", "/fhir/R4/Observation/" + c.observation, nil, nil},
		{c.desk, "GET", "/fhir/R4/Observation?patient=" + id, nil, nil},
		{c.aud, "GET", "/fhir/R4/Patient/" + id, nil, nil},
		{c.spy, "GET", "/fhir/R4/Patient/" + id, nil, nil},
		{c.spy, "GET", "/fhir/R4/Patient/" + id + "/_history", nil, nil},
	}
	for _, y := range tries {
		a, err := c.ask(y.token, y.method, y.path, y.body, y.header...)
		if err != nil {
			c.t.Errorf("%s: %v", y.method, err)
			continue
		}
		if a.status < 400 {
			c.t.Errorf("%s %s was not refused: %s", y.method, y.path, a)
		}
		c.own(a, false)
	}
	for _, path := range []string{"/fhir/R4/Patient?birthdate=" + canaryBirth, "/fhir/R4/Patient?identifier=" + canaryMRN, "/fhir/R4/Observation"} {
		a := c.must(200, c.spy, "GET", path, nil)
		var found searchset
		if err := json.Unmarshal(a.body, &found); err != nil || len(found.Entry) != 0 {
			c.t.Errorf("the other tenant found %d resources by %s", len(found.Entry), path)
		}
	}
}

// operators looks at what auditor and operator see.
func (c *canary) operators() {
	c.clean("entries", c.must(200, c.aud, "GET", "/v1/audit/entries?count=1000", nil).body)
	c.clean("verify", c.must(200, c.aud, "POST", "/v1/audit/verify", nil).body)
	c.clean("store check", c.must(200, c.aud, "POST", "/v1/store/check", nil).body)
	c.clean("checkpoint", c.must(200, "", "GET", "/log/checkpoint", nil).body)
	c.clean("tail", []byte(c.ward("audit", "tail", "-n", "1000")))
	c.clean("tail of the node", []byte(c.ward("audit", "tail", "-n", "1000", "--node")))
	for _, path := range []string{"/livez", "/readyz", "/v1/version", "/v1/openapi.json", "/fhir/R4/metadata"} {
		c.clean(path, c.must(200, "", "GET", path, nil).body)
	}
}

// directory searches every byte of the stopped node's data directory.
func (c *canary) directory(when string) {
	c.t.Helper()
	c.tree("data directory "+when, c.dir)
}

func (c *canary) tree(what, root string) {
	c.t.Helper()
	files := 0
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		text, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		files++
		if found := seek(text); len(found) > 0 {
			c.t.Errorf("%s: %s holds %v", what, p, found)
		}
		if found := seek([]byte(p)); len(found) > 0 {
			c.t.Errorf("%s: the name %s holds %v", what, p, found)
		}
		return nil
	})
	if err != nil || files == 0 {
		c.t.Fatalf("%s: %d files, %v", what, files, err)
	}
}

// TestCanaryIsFound shows that the search can fail.
func TestCanaryIsFound(t *testing.T) {
	for _, text := range []string{"xx zzcanary", url.QueryEscape(canaryStreet), canaryBirth} {
		if len(seek([]byte(text))) != 1 {
			t.Errorf("the search does not find %q", text)
		}
	}
}
