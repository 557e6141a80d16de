package validate_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ward-health/ward/clinical/fhir/definition"
	"github.com/ward-health/ward/clinical/fhir/validate"
)

func TestBundles(t *testing.T) {
	document := func(composition, patientURL string) string {
		return `{"resourceType":"Bundle","type":"document","identifier":{"system":"http://s","value":"1"},"timestamp":"2020-01-01T00:00:00Z","entry":[
			{"fullUrl":"http://a.test/fhir/Composition/c","resource":{"resourceType":"Composition","id":"c","status":"final","type":{"text":"x"},"date":"2020","author":[{"display":"x"}],"title":"x",` + composition + `}},
			{"fullUrl":"` + patientURL + `","resource":{"resourceType":"Patient","id":"p","meta":{"versionId":"2"},"active":true}}]}`
	}
	collection := func(entries string) string {
		return `{"resourceType":"Bundle","type":"collection","entry":[` + entries + `]}`
	}
	for _, c := range []struct{ name, text, want string }{
		{"resolves by the base of the fullUrl", document(`"subject":{"reference":"Patient/p"}`, "http://a.test/fhir/Patient/p"), ""},
		{"another base", document(`"subject":{"reference":"Patient/p"}`, "http://b.test/fhir/Patient/p"), "reference-unresolved Bundle.entry[0].resource.subject"},
		{"absolute", document(`"subject":{"reference":"http://b.test/fhir/Patient/p"}`, "http://b.test/fhir/Patient/p"), ""},
		{"version that is there", document(`"subject":{"reference":"Patient/p/_history/2"}`, "http://a.test/fhir/Patient/p"), ""},
		{"version that is not", document(`"subject":{"reference":"Patient/p/_history/3"}`, "http://a.test/fhir/Patient/p"), "reference-unresolved Bundle.entry[0].resource.subject"},
		{"in a nested section", document(`"section":[{"section":[{"text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">x</div>"},"entry":[{"reference":"urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0"}]}]}]`, "http://a.test/fhir/Patient/p"),
			"reference-unresolved Bundle.entry[0].resource.section[0].section[0].entry[0]"},
		{"target of the wrong type in the bundle", document(`"subject":{"reference":"Patient/p"},"custodian":{"reference":"Patient/p"}`, "http://a.test/fhir/Patient/p"),
			"reference-target Bundle.entry[0].resource.custodian"},
		{"relative fullUrl", collection(`{"fullUrl":"Patient/1","resource":{"resourceType":"Patient","active":true}}`), "bundle-full-url Bundle.entry[0].fullUrl"},
		{"no fullUrl", collection(`{"resource":{"resourceType":"Patient","active":true}}`), "bundle-full-url Bundle.entry[0]"},
		{"no fullUrl of what a search found", `{"resourceType":"Bundle","type":"searchset","entry":[{"resource":{"resourceType":"Patient","id":"1","active":true},"search":{"mode":"match"}}]}`, "bundle-full-url Bundle.entry[0]"},
		{"a result that is not identified", `{"resourceType":"Bundle","type":"searchset","entry":[{"resource":{"resourceType":"OperationOutcome","issue":[{"severity":"warning","code":"informational"}]},"search":{"mode":"outcome"}}]}`, ""},
		{"fullUrl of another id", collection(`{"fullUrl":"http://a.test/Patient/1","resource":{"resourceType":"Patient","id":"2","active":true}}`), "bundle-full-url Bundle.entry[0].fullUrl"},
		{"one fullUrl twice", collection(strings.Repeat(`{"fullUrl":"http://a.test/Patient/1","resource":{"resourceType":"Patient","id":"1","active":true}},`, 2) +
			`{"fullUrl":"http://a.test/Patient/2","resource":{"resourceType":"Patient","id":"2","active":true}}`), "invariant Bundle"},
		{"search results need ids", `{"resourceType":"Bundle","type":"searchset","entry":[{"fullUrl":"http://a.test/Patient/1","resource":{"resourceType":"Patient","active":true},"search":{"mode":"match"}}]}`,
			"bundle-rule Bundle.entry[0].resource"},
		{"a type that was not searched", `{"resourceType":"Bundle","type":"searchset","link":[{"relation":"self","url":"http://a.test/Observation?x=y"}],"entry":[{"fullUrl":"http://a.test/Patient/1","resource":{"resourceType":"Patient","id":"1","active":true},"search":{"mode":"match"}}]}`,
			"bundle-rule Bundle.entry[0].resource"},
		{"errors within entries", collection(`{"fullUrl":"http://a.test/Patient/1","resource":{"resourceType":"Patient","id":"1","contact":[{"gender":"male"}]}}`),
			"invariant Bundle.entry[0].resource.contact[0]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := validate.New(definition.R4(), validate.Options{})
			if got := found(v.Validate(parse(t, []byte(c.text)))); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// TestLargeBundle: what a hospital may send at once stays within the bound of steps.
func TestLargeBundle(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(gold(t, "a large bundle"), "synthea-10", "*.ndjson"))
	if err != nil || len(files) == 0 {
		t.Fatal("no synthea-10", err)
	}
	b := []byte(`{"resourceType":"Bundle","type":"collection","entry":[`)
	n := 0
	for _, name := range files {
		src, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range bytes.Split(bytes.TrimSpace(src), []byte("\n")) {
			if len(b)+len(line) > 48<<20 {
				continue
			}
			if n++; n > 1 {
				b = append(b, ',')
			}
			b = fmt.Appendf(b, `{"fullUrl":"urn:uuid:00000000-0000-4000-8000-%012d","resource":%s}`, n, line)
		}
	}
	for _, i := range validate.New(definition.R4(), validate.Options{}).Validate(parse(t, append(b, `]}`...))) {
		if i.ID == validate.IDCost {
			t.Errorf("%d resources in %d bytes: %s", n, len(b), i.Text)
		}
	}
	t.Logf("%d resources, %d bytes", n, len(b))
}
