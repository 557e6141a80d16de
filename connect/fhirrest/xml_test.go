package fhirrest_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/clinical/fhir/definition"
	"github.com/ward-health/ward/clinical/fhir/format"
	"github.com/ward-health/ward/clinical/fhir/tree"
	"github.com/ward-health/ward/store/storetest"
)

const xmlType = "application/fhir+xml"

var (
	sentXML   = []string{"Content-Type", xmlType}
	wantXML   = []string{"Accept", xmlType}
	bothXML   = []string{"Content-Type", xmlType, "Accept", xmlType}
	narrative = `<div xmlns="http://www.w3.org/1999/xhtml"><p>a &lt; b, <b>x</b></p></div>`
)

func xmlOf(t testing.TB, text string) string {
	t.Helper()
	out, err := format.JSONToXML(definition.R4(), []byte(text), false, tree.Limits{})
	if err != nil {
		t.Fatalf("%v: %.500s", err, text)
	}
	return string(out)
}

// asJSON is an answer that has to be XML, as JSON.
func (r response) asJSON(t testing.TB) response {
	t.Helper()
	if got := r.header.Get("Content-Type"); got != xmlType+"; charset=utf-8" {
		t.Fatalf("Content-Type %q: %.300s", got, r.body)
	}
	out, err := format.XMLToJSON(definition.R4(), []byte(r.body), tree.Limits{})
	if err != nil {
		t.Fatalf("%v: %.500s", err, r.body)
	}
	r.body = string(out)
	return r
}

// TestXML: every interaction speaks XML both ways, says so, and keeps the resource as it keeps one that came as JSON.
func TestXML(t *testing.T) {
	onBoth(t, func(w *world) {
		const doctor = ward.Clinician
		same := func(path string) response {
			t.Helper()
			plain := w.want(w.do(doctor, "GET", path, ""), 200)
			other := w.want(w.do(doctor, "GET", path, "", wantXML...), 200)
			if plain.header.Get("Content-Type") != "application/fhir+json; charset=utf-8" || plain.header.Get("Vary") != "Accept" || other.header.Get("Vary") != "Accept" ||
				plain.header.Get("ETag") != other.header.Get("ETag") {
				t.Errorf("%s: %v %v", path, plain.header, other.header)
			}
			if diff := cmp.Diff(plain.body, other.asJSON(t).body); diff != "" {
				t.Errorf("%s: %s", path, diff)
			}
			return plain
		}
		body := `{"resourceType":"Patient","id":"p","text":{"status":"generated","div":` + fmt.Sprintf("%q", narrative) + `},"identifier":[{"system":"urn:mrn","value":"m  1"}],"gender":"female"}`
		res := w.want(w.do(doctor, "PUT", "/Patient/p", xmlOf(t, body), bothXML...), 201).asJSON(t)
		if res.header.Get("ETag") != `W/"1"` || !strings.HasSuffix(res.header.Get("Location"), "/Patient/p/_history/1") {
			t.Error(res.header)
		}
		if got := same("/Patient/p").body; got != res.body || !strings.Contains(got, `"value":"m  1"`) || !strings.Contains(got, `a &lt; b, <b>x</b>`) {
			t.Error(got, res.body)
		}
		w.want(w.do(doctor, "PUT", "/Patient/p", strings.Replace(body, "female", "male", 1), append(wantXML, "If-Match", `W/"1"`)...), 200).asJSON(t)
		w.want(w.do(doctor, "PUT", "/Patient/p", xmlOf(t, body), append(bothXML, "If-Match", `W/"1"`)...), 412).asJSON(t)
		same("/Patient/p/_history/1")
		same("/Observation/" + w.made(w.do(doctor, "POST", "/Observation", xmlOf(t, observation("x", "Patient/p", "718-7")), sentXML...)))
		for _, patch := range []struct{ medium, text string }{
			{"application/json-patch+json", `[{"op":"replace","path":"/gender","value":"other"}]`},
			{xmlPatchType, diff(`<replace sel="Patient/gender/@value">unknown</replace>`)},
			{xmlType, xmlOf(t, `{"resourceType":"Parameters","parameter":[{"name":"operation","part":[{"name":"type","valueCode":"replace"},{"name":"path","valueString":"Patient.gender"},{"name":"value","valueCode":"unknown"}]}]}`)},
		} {
			if res := w.want(w.do(doctor, "PATCH", "/Patient/p", patch.text, "Content-Type", patch.medium, "Accept", xmlType), 200).asJSON(t); !strings.Contains(res.body, `"gender":"o`) && !strings.Contains(res.body, `"gender":"u`) {
				t.Error(res.body)
			}
		}
		transaction := bundleJSON("transaction", entryJSON("PUT", "Patient/q", "", patient("q", "m2")), entryJSON("POST", "Observation", "urn:uuid:3a1f6c0e-7d53-4c8e-9f0b-0a2b1c3d4e5f", observation("y", "Patient/q", "718-7")))
		b := w.want(w.do(doctor, "POST", "", xmlOf(t, transaction), append(bothXML, "Prefer", "return=representation")...), 200).asJSON(t).bundle(t)
		if b.Type != "transaction-response" || len(b.Entry) != 2 || b.Entry[1].Response.Status != "201 Created" || !strings.Contains(string(b.Entry[1].Resource), `"value":1.50`) {
			t.Errorf("%+v", b)
		}
		b = w.want(w.do(doctor, "POST", "", xmlOf(t, bundleJSON("batch", entryJSON("GET", "Patient/q", "", ""), entryJSON("GET", "Patient/none", "", ""))), bothXML...), 200).asJSON(t).bundle(t)
		if len(b.Entry) != 2 || len(b.Entry[0].Resource) == 0 || !strings.HasPrefix(b.Entry[1].Response.Status, "404") || len(b.Entry[1].Response.Outcome) == 0 {
			t.Errorf("%+v", b)
		}
		w.want(w.do(doctor, "DELETE", "/Observation/none", "", wantXML...), 404).asJSON(t)
		w.Clean()
	})
}

// made is the id of a resource that was created.
func (w *world) made(res response) string {
	w.t.Helper()
	_, rest, ok := strings.Cut(strings.TrimPrefix(w.want(res, 201).header.Get("Location"), w.base), "/Observation/")
	id, _, _ := strings.Cut(rest, "/")
	if !ok || id == "" {
		w.t.Fatal(res.header)
	}
	return id
}

// TestXMLPages: pages are XML as long as they are asked for so, by the link alone where _format asked.
func TestXMLPages(t *testing.T) {
	w := newWorld(t, storetest.SQLite)
	const doctor = ward.Clinician
	for i := range 3 {
		id := fmt.Sprintf("p%d", i)
		w.want(w.do(doctor, "PUT", "/Patient/"+id, patient(id, id)), 201)
		w.want(w.do(doctor, "PUT", "/Patient/p0", strings.Replace(patient("p0", "p0"), "female", []string{"male", "other", "unknown"}[i], 1)), 200)
	}
	form := "application/x-www-form-urlencoded"
	for name, first := range map[string]response{
		"search":    w.do(doctor, "GET", "/Patient?_count=1&_format=xml", "", "Accept", "application/fhir+json"),
		"form":      w.do(doctor, "POST", "/Patient/_search", "_count=1&_format=application%2Ffhir%2Bxml", "Content-Type", form),
		"history":   w.do(doctor, "GET", "/Patient/p0/_history?_count=1&_format=text/xml", ""),
		"by Accept": w.do(doctor, "GET", "/Patient?_count=1", "", wantXML...),
	} {
		ids, page := 0, first
		for page.status == 200 {
			b := page.asJSON(t).bundle(t)
			ids += len(b.Entry)
			next := b.link("next")
			if next == "" {
				break
			}
			if name == "by Accept" {
				page = w.do(doctor, "GET", next, "", wantXML...)
			} else {
				page = w.do(doctor, "GET", next, "")
			}
		}
		if want := map[string]int{"history": 4}[name] + 3; page.status != 200 || ids != want && name != "history" || name == "history" && ids != 4 {
			t.Errorf("%s: %d entries, status %d: %s", name, ids, page.status, page.body)
		}
	}
}

// TestXMLRefused: errors are in the format that was asked for, name the place in the XML that was sent or none, and change nothing.
func TestXMLRefused(t *testing.T) {
	w := newWorld(t, storetest.SQLite)
	const doctor = ward.Clinician
	w.want(w.do(doctor, "PUT", "/Patient/p", patient("p", "m")), 201)
	wrong := bundleJSON("transaction", entryJSON("PUT", "Patient/q", "", patient("q", "m2")), entryJSON("PUT", "Patient/r", "", `{"resourceType":"Patient","id":"r","gender":"zzz"}`))
	for _, c := range []struct {
		method, path, body, code, text, place string
		status                                int
	}{
		{"POST", "/Patient", `<Patient xmlns="http://hl7.org/fhir"><gendr value="zz"/></Patient>`, "invalid", "line 1, column 38: expected an element that is defined in Patient", "Patient", 400},
		{"POST", "/Patient", `<Patient xmlns="http://hl7.org/fhir">`, "invalid", "line 1", "", 400},
		{"POST", "/Patient", `<!DOCTYPE x [<!ENTITY a "b">]><Patient xmlns="http://hl7.org/fhir"/>`, "invalid", "line 1", "", 400},
		{"POST", "/Patient", `<Patient xmlns="http://hl7.org/fhir"><gender value="zz"/></Patient>`, "code-invalid", "required here", "Patient.gender", 400},
		{"POST", "/Patient", `<Nothing xmlns="http://hl7.org/fhir"/>`, "invalid", "line 1", "", 400},
		{"POST", "", xmlOf(t, wrong), "code-invalid", "required here", "Bundle.entry[1].resource.gender", 400},
		{"PATCH", "/Patient/p", `<Parameters xmlns="http://hl7.org/fhir"><x/></Parameters>`, "invalid", "line 1", "", 400},
		{"PUT", "/Patient/p", `<Patient xmlns="http://hl7.org/fhir"><id value="other"/></Patient>`, "invalid", "one of the URL", "Patient.id", 400},
	} {
		res := w.want(w.do(doctor, c.method, c.path, c.body, bothXML...), c.status).asJSON(t)
		issue := res.bundle(t).Issue
		if len(issue) != 1 || issue[0].Code != c.code || !strings.Contains(issue[0].Diagnostics, c.text) || c.place != "" && (len(issue[0].Expression) != 1 || issue[0].Expression[0] != c.place) {
			t.Errorf("%s %.60s: %s", c.method, c.body, res.body)
		}
		if strings.Contains(res.body, "zz\"") {
			t.Errorf("%s %.60s: a value: %s", c.method, c.body, res.body)
		}
		before, _, _ := strings.Cut(c.body, "zz")
		if at := fmt.Sprintf(`issue-col","valueInteger":%d}`, len(before)-strings.LastIndexByte(before, '\n')); c.code == "code-invalid" && !strings.Contains(res.body, at) {
			t.Errorf("%s %.60s: the place is not that of the XML, %s: %s", c.method, c.body, at, res.body)
		}
	}
	w.want(w.do(doctor, "GET", "/Patient/q", "", wantXML...), 404).asJSON(t)
	w.want(w.do("", "GET", "/Patient/p", "", wantXML...), 401).asJSON(t)
	w.want(w.do(doctor, "PATCH", "/Patient/p", `{}`, "Content-Type", "application/merge-patch+json", "Accept", xmlType), 415).asJSON(t)
	w.want(w.do("", "GET", "/metadata?_format=xml", ""), 200).asJSON(t)
	w.Clean()
}

// TestNoXML: what XML cannot carry is kept and given as JSON; asked for in XML it is refused, and what was done is answered in JSON rather than not.
func TestNoXML(t *testing.T) {
	w := newWorld(t, storetest.SQLite)
	const doctor = ward.Clinician
	body := `{"resourceType":"Patient","id":"p","name":[{"text":"a\ufffeb"}]}`
	jsonAnswer := func(res response) {
		t.Helper()
		if res.header.Get("Content-Type") != "application/fhir+json; charset=utf-8" || !strings.Contains(res.body, `a\ufffeb`) {
			t.Error(res.header, res.body)
		}
	}
	jsonAnswer(w.want(w.do(doctor, "PUT", "/Patient/p", body, wantXML...), 201))
	jsonAnswer(w.want(w.do(doctor, "GET", "/Patient/p", ""), 200))
	jsonAnswer(w.want(w.do(doctor, "POST", "", bundleJSON("batch", entryJSON("GET", "Patient/p", "", "")), wantXML...), 200))
	for _, path := range []string{"/Patient/p", "/Patient?_id=p", "/Patient/p/_history", "/Patient/p/_history/1"} {
		if res := w.want(w.do(doctor, "GET", path, "", wantXML...), 406).asJSON(t); !strings.Contains(res.body, "ask for application/fhir+json") || strings.Contains(res.body, "\\ufffe") {
			t.Error(path, res.body)
		}
	}
}

// TestAccept: the format of an answer, by what is asked for.
func TestAccept(t *testing.T) {
	w := newWorld(t, storetest.SQLite)
	for accept, want := range map[string]string{
		"": "json", "*/*": "json", "application/*": "json", "application/fhir+xml": "xml", "application/xml": "xml", "text/xml": "xml", "application/fhir+json": "json",
		"application/fhir+xml, application/fhir+json":                                        "json",
		"application/fhir+xml, application/fhir+json;q=0.9":                                  "xml",
		"application/fhir+json;q=0.5, application/*;q=0.8":                                   "xml",
		"application/fhir+json;q=0, */*":                                                     "xml",
		"application/fhir+xml;q=0, */*;q=0.1":                                                "json",
		"application/fhir+json; fhirVersion=5.0, application/fhir+xml; fhirVersion=4.0":      "xml",
		"application/fhir+xml; charset=latin1, application/fhir+json;q=0.1":                  "json",
		"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8":                    "xml",
		"text/html, */*;q=0.1":                                                               "json",
		"application/fhir+turtle":                                                            "",
		"application/fhir+xml;q=0":                                                           "",
		"application/fhir+xml;q=2":                                                           "",
		"application/fhir+xml;q=NaN":                                                         "",
		"nonsense":                                                                           "",
		"application/fhir+json;fhirVersion=3.0, application/fhir+xml;q=0, application/*;q=1": "json",
	} {
		res := w.do("", "GET", "/metadata", "", "Accept", accept)
		got := ""
		if res.status == 200 {
			got = strings.TrimSuffix(strings.TrimPrefix(res.header.Get("Content-Type"), "application/fhir+"), "; charset=utf-8")
		}
		if got != want || want == "" && res.status != 406 {
			t.Errorf("Accept %q: %d %q, want %q", accept, res.status, got, want)
		}
	}
}
