package demo

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func inputOf(t testing.TB, files map[string]string) (*input, error) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return readInput([]string{dir})
}

// TestInput: types come in dependency order, transactions stay whole, other bundles are taken apart, what Ward does not
// serve is counted by name, other files are left alone.
func TestInput(t *testing.T) {
	in, err := inputOf(t, map[string]string{
		"LICENSE":     "not data",
		"b.ndjson":    "{\"resourceType\":\"Observation\",\"id\":\"o\"}\n\n{\"resourceType\":\"Device\",\"id\":\"d\"}\n",
		"c.json":      `{"resourceType":"Bundle","type":"collection","entry":[{"resource":{"resourceType":"Patient","id":"p"}},{"resource":{"resourceType":"Organization"}},{"resource":{"resourceType":"Device"}}]}`,
		"t.json":      `{"resourceType":"Bundle","type":"transaction","entry":[{"fullUrl":"urn:uuid:1","resource":{"resourceType":"Patient"},"request":{"method":"POST","url":"Patient"}},{"resource":{"resourceType":"Claim"},"request":{"method":"POST","url":"Claim"}},{"request":{"method":"DELETE","url":"Patient/x"}}]}`,
		"single.json": `{"resourceType":"Encounter","id":"e"}`,
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := in.types(); !slices.Equal(got, []string{"Organization", "Patient", "Encounter", "Observation"}) {
		t.Errorf("order %v", got)
	}
	if got := in.skippedText(); got != "Claim 1, Device 2" {
		t.Errorf("left out: %s", got)
	}
	if len(in.bundles) != 1 || len(in.bundles[0].entries) != 2 || in.bundles[0].apart {
		t.Errorf("transactions %+v", in.bundles)
	}
	if e := in.items["Organization"][0].entry(); e.Request.Method != "POST" {
		t.Errorf("a resource without an id: %+v", e.Request)
	}
	if e := in.items["Patient"][0].entry(); e.Request.URL != "Patient/p" || e.Request.Method != "PUT" {
		t.Errorf("a resource with an id: %+v", e.Request)
	}
}

func TestInputRefusals(t *testing.T) {
	for name, files := range map[string]map[string]string{
		"is not JSON":         {"a.ndjson": "{\"resourceType\":\"Patient\"}\n{\"resourceType\":"},
		"has no resourceType": {"a.json": `{"id":"x"}`},
		"is not a bundle":     {"a.json": `{"resourceType":"Bundle","entry":1}`},
		"no resource that":    {"a.json": `{"resourceType":"Device","id":"x"}`},
	} {
		if _, err := inputOf(t, files); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzInput: no bytes make the reader panic, and what it keeps can be sent.
func FuzzInput(f *testing.F) {
	f.Add([]byte(`{"resourceType":"Patient","id":"p"}`))
	f.Add([]byte(`{"resourceType":"Bundle","type":"batch","entry":[{"request":{"method":"GET","url":"Patient?x"}}]}`))
	f.Add([]byte(`{"resourceType":"Bundle","entry":[{"resource":{"resourceType":"Bundle","entry":[{}]}}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		in := &input{items: map[string][]item{}, skipped: map[string]int{}}
		if in.add(text, "fuzz") != nil {
			return
		}
		for _, rtype := range in.types() {
			for _, tr := range in.transactions(rtype) {
				if _, err := tr.encode(); err != nil {
					t.Error(err)
				}
			}
		}
		for _, tr := range in.bundles {
			if _, err := tr.encode(); err != nil {
				t.Error(err)
			}
		}
	})
}
