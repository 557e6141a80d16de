package fhirrest

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/ward-health/ward"
)

func FuzzParseBundle(f *testing.F) {
	for _, seed := range []string{
		`{"resourceType":"Bundle","type":"transaction","entry":[{"fullUrl":"urn:uuid:1","resource":{"resourceType":"Patient","x":[1,{}]},"request":{"method":"POST","url":"Patient","ifNoneExist":"identifier=a|b"}}]}`,
		`{"type":"batch","resourceType":"Bundle","meta":{"tag":[]},"entry":[{"request":{"method":"GET","url":"Patient/1"}},{"request":{"url":"Patient/1","method":"DELETE","ifMatch":"W/\"1\""}}]}`,
		`{"resourceType":"Bundle","type":"transaction","entry":[{"resource":{"a":1,"a":2}}]}`, `{"resourceType":"Bundle","entry":`, `[]`, `{"":0}`,
	} {
		f.Add([]byte(seed))
	}
	a := &API{base: "http://h/fhir/R4"}
	f.Fuzz(func(t *testing.T, body []byte) {
		in, err := parseBundle(body)
		if err == nil {
			for i := range in.entries {
				e := &in.entries[i]
				if e.at != i || e.method == "" || e.url == "" || e.resource != nil && !json.Valid(e.resource) {
					t.Fatalf("entry %d: %+v", i, e)
				}
			}
			_, err = a.newPlan(nil, in.entries)
		}
		var own *ward.Error
		if err != nil && (!errors.As(err, &own) || own.Kind == ward.Internal || own.Public == "") {
			t.Fatalf("not a public error: %v", err)
		}
	})
}

func TestParseBundleSaysNothing(t *testing.T) {
	const canary = "Kanarienvogel"
	for _, body := range []string{
		`{"resourceType":"` + canary + `"}`, `{"resourceType":"Bundle","type":"` + canary + `"}`, `{"resourceType":"Bundle","` + canary + ` 5":1}`,
		`{"resourceType":"Bundle","type":"batch","entry":[{"request":{"method":"` + canary + `","url":"Patient/1"}}]}`,
		`{"resourceType":"Bundle","type":"batch","entry":[{"request":{"method":"PUT","url":"Patient/` + canary + ` 1"},"resource":{"resourceType":"Patient"}}]}`,
		`{"resourceType":"Bundle","type":"batch","entry":[{"request":{"method":"POST","url":"Observation"},"resource":{"resourceType":"Observation","` + canary + ` 1":null}}]}`,
		`{"resourceType":"Bundle","type":"batch","entry":[{"request":{"method":"POST","url":"Patient","ifNoneExist":"` + canary + `+1=5"},"resource":{"resourceType":"Patient"}}]}`,
		`{"resourceType":"Bundle","type":"batch","entry":[{"request":{"method":"PUT","url":"Patient/1","ifMatch":"` + canary + `"},"resource":{"resourceType":"Patient","id":"1"}}]}`,
	} {
		in, err := parseBundle([]byte(body))
		if err == nil {
			_, err = (&API{base: "http://h"}).newPlan(nil, in.entries)
		}
		if err == nil || strings.Contains(err.Error(), canary) {
			t.Errorf("%s: %v", body, err)
		}
	}
}

func TestRelativeAndConditional(t *testing.T) {
	a := &API{base: "http://h/fhir/R4"}
	for target, want := range map[string]string{"http://h/fhir/R4/Patient/1": "Patient/1", "http://h/fhir/R4/Patient/1/_history/2": "Patient/1/_history/2", "http://h/fhir/R4x/Patient/1": "",
		"http://h/fhir/R4/metadata": "", "http://other/fhir/R4/Patient/1": "", "Patient/1": ""} {
		if got, ok := a.relative(target); got != want || ok != (want != "") {
			t.Errorf("%s: %q", target, got)
		}
	}
	for target, want := range map[string]bool{"Patient?identifier=1": true, "Patient?": true, "?x=1": false, "http://h/Patient?x=1": false, "#a?b": false, "Patient/1": false} {
		if conditional(target) != want {
			t.Errorf("%s: %v", target, !want)
		}
	}
	p := &plan{a: a, ids: map[string]*step{"urn:uuid:1": {}, "http://s/f/Patient/7": {}}}
	from := func(full string) *step { return &step{entry: &entry{fullURL: full}} }
	for _, c := range []struct {
		full, target string
		want         bool
	}{
		{"", "urn:uuid:1", true}, {"", "urn:uuid:2", false}, {"http://s/f/Observation/1", "Patient/7", true}, {"http://s/f/Observation/1", "Patient/7/_history/3", true},
		{"http://t/f/Observation/1", "Patient/7", false}, {"urn:uuid:9", "Patient/7", false}, {"", "Patient/7", false}, {"x", "Patient/7", false}, {"/", "Patient/7", false}, {"", "http://s/f/Patient/7", true},
	} {
		if got := p.inBundle(from(c.full), c.target) != nil; got != c.want {
			t.Errorf("%q -> %q: %v", c.full, c.target, got)
		}
	}
}
