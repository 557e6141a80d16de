package input_test

import (
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/ward-health/ward/clinical/fhir/tree"
	"github.com/ward-health/ward/cmd/ward/input"
)

// TestKnown: resources are found by what references and canonicals call them, and by nothing else.
func TestKnown(t *testing.T) {
	k := &input.Known{}
	var told []string
	for _, text := range []string{
		`{"resourceType":"Patient","id":"p1","meta":{"versionId":"2"}}`,
		`{"resourceType":"Patient","id":"p2"}`,
		`{"resourceType":"Questionnaire","id":"q","url":"urn:q","version":"1","title":"old"}`,
		`{"resourceType":"Questionnaire","id":"q","url":"urn:q","version":"2","title":"new"}`,
		`{"resourceType":"Bundle","id":"b","entry":[{"fullUrl":"urn:uuid:1","resource":{"resourceType":"Patient","id":"p3"}},{"fullUrl":"urn:uuid:2"},
		  {"fullUrl":"https://a.example/fhir/Bundle/c","resource":{"resourceType":"Bundle","entry":[{"resource":{"resourceType":"Patient","id":"p4"}}]}}]}`,
	} {
		if err := k.Add([]byte(text), func(one []byte) error { told = append(told, string(one)); return nil }); err != nil {
			t.Fatal(err)
		}
	}
	if len(told) != 8 || !strings.HasPrefix(told[5], `{"resourceType":"Patient","id":"p3"`) {
		t.Errorf("%d resources were told: %q", len(told), told)
	}
	for ask, want := range map[string]string{
		"Patient/p1": "p1", "Patient/p1/_history/2": "p1", "Patient/p1/_history/1": "", "Patient/p2/_history/7": "p2", "Patient/p3": "p3", "Patient/p4": "p4",
		"urn:uuid:1": "p3", "urn:uuid:2": "", "Bundle/b": "b", "https://a.example/fhir/Bundle/c": "", "https://a.example/fhir/Patient/p1": "", "Patient?_id=p1": "", "": "",
	} {
		d := k.Target(ask)
		if got := named(d, "id"); got != want || (d == nil) != (want == "" && !strings.HasSuffix(ask, "/c")) {
			t.Errorf("Target(%q) is %q, want %q", ask, got, want)
		}
	}
	for ask, want := range map[string]string{"urn:q": "new", "urn:q|2": "new", "urn:q|1": "old", "urn:q|3": "", "Questionnaire/q": "", "": ""} {
		if got := named(k.Resource(ask), "title"); got != want {
			t.Errorf("Resource(%q) is %q, want %q", ask, got, want)
		}
	}
	if err := k.Add([]byte(`{"name":"x"}`), nil); !errors.Is(err, input.ErrNoResource) {
		t.Errorf("no resource: %v", err)
	}
	if err := k.Add([]byte(`{"resourceType":`), nil); err == nil {
		t.Error("what is no JSON was taken")
	}
	broken := errors.New("broken")
	if err := k.Add([]byte(`{"resourceType":"Bundle","entry":[{"resource":{"resourceType":"Patient"}}]}`), func(one []byte) error {
		if strings.Contains(string(one), "Bundle") {
			return nil
		}
		return broken
	}); !errors.Is(err, broken) {
		t.Errorf("an error of an entry: %v", err)
	}
	if d := new(input.Known); d.Target("Patient/p1") != nil || d.Resource("urn:q") != nil {
		t.Error("the zero Known knows something")
	}
	var all sync.WaitGroup // the race detector looks on
	for range 8 {
		all.Go(func() {
			if first := k.Target("Patient/p4"); first != k.Target("Patient/p4") {
				t.Error("a resource was parsed twice")
			}
		})
	}
	all.Wait()
}

func named(d *tree.Doc, member string) string {
	if d == nil {
		return ""
	}
	if m := d.Member(0, member); m != tree.None {
		return string(d.Text(m))
	}
	return ""
}
