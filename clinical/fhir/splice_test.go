package fhir

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/ward-health/ward"
)

func TestStripStamp(t *testing.T) {
	when := time.Unix(0, 0)
	const m = `"versionId":"2","lastUpdated":"1970-01-01T00:00:00.000000Z"`
	for _, c := range []struct{ body, strip, stamp string }{
		{`{"resourceType":"Patient"}`, `{"resourceType":"Patient","id":"n"}`, `{"resourceType":"Patient","id":"n","meta":{` + m + `}}`},
		{`{ "id" : "old" , "resourceType":"Patient" }`, `{ "id" : "n" , "resourceType":"Patient" }`, `{ "id" : "n","meta":{` + m + `} , "resourceType":"Patient" }`},
		{`{"resourceType":"Patient","meta":{"versionId":"9"},"x":1.00}`, `{"resourceType":"Patient","id":"n","x":1.00}`, `{"resourceType":"Patient","id":"n","meta":{` + m + `},"x":1.00}`},
		{`{"resourceType":"Patient","x":1e0, "meta":{"lastUpdated":"q","_lastUpdated":{}} }`, `{"resourceType":"Patient","id":"n","x":1e0 }`, `{"resourceType":"Patient","id":"n","meta":{` + m + `},"x":1e0 }`},
		{`{"resourceType":"Patient","meta":{ "versionId":"1" , "tag":[{}] , "lastUpdated":"q"}}`, `{"resourceType":"Patient","id":"n","meta":{  "tag":[{}] }}`,
			`{"resourceType":"Patient","id":"n","meta":{` + m + `,  "tag":[{}] }}`},
		{`{"meta":{"tag":[],"version\u0049d":"1","lastUpdated":"q"},"resourceType":"Patient"}`, `{"meta":{"tag":[]},"resourceType":"Patient","id":"n"}`,
			`{"meta":{` + m + `,"tag":[]},"resourceType":"Patient","id":"n"}`},
	} {
		got, err := Strip([]byte(c.body), "n")
		if err != nil || string(got) != c.strip {
			t.Errorf("Strip %s\n got %s %v\nwant %s", c.body, got, err, c.strip)
		}
		got, err = Stamp([]byte(c.body), "n", 2, when)
		if err != nil || string(got) != c.stamp {
			t.Errorf("Stamp %s\n got %s %v\nwant %s", c.body, got, err, c.stamp)
		}
	}
	for _, bad := range []string{``, `[]`, `{"id":"x"}`, `{"resourceType":"Patient"`, `{"resourceType":"Patient"} x`, `{"resourceType":"Patient","a":1,"a":2}`} {
		if _, err := Stamp([]byte(bad), "n", 1, when); ward.KindOf(err) != ward.Invalid {
			t.Errorf("%s: %v", bad, err)
		}
	}
	if _, err := Strip([]byte(`{"resourceType":"Patient"}`), `"`); ward.KindOf(err) != ward.Invalid {
		t.Error("an id that is none was put into a body")
	}
}

// TestStripStampProperty draws objects with the members that matter in any order and with any white space.
func TestStripStampProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ws := rapid.SampledFrom([]string{"", "", " ", "\n\t"})
		object := func(label string, members map[string]string, needed string) string {
			var parts []string
			for _, name := range rapid.Permutation([]string{"resourceType", "id", "meta", "versionId", "lastUpdated", "_versionId", "tag", "x", "y"}).Draw(t, label) {
				v, ok := members[name]
				if ok && (name == needed || rapid.Bool().Draw(t, name)) {
					parts = append(parts, fmt.Sprintf(`%s"%s"%s:%s%s%s`, ws.Draw(t, "a"), name, ws.Draw(t, "b"), ws.Draw(t, "c"), v, ws.Draw(t, "d")))
				}
			}
			return "{" + strings.Join(parts, ",") + "}"
		}
		meta := object("meta", map[string]string{"versionId": `"1"`, "lastUpdated": `"t"`, "_versionId": `{"id":"q"}`, "tag": `[{"code":"c"}]`}, "")
		body := object("root", map[string]string{"resourceType": `"Patient"`, "id": `"old"`, "meta": meta, "x": `{"meta":{"versionId":"7"}}`, "y": `"\"id\":"`}, "resourceType")
		roundTrip(t, []byte(body), "new")
		plain, _ := Strip([]byte(body), "new")
		twice, err := Strip(plain, "new")
		if err != nil || string(twice) != string(plain) {
			t.Fatalf("Strip is not idempotent: %s %s", plain, twice)
		}
		a, _ := Stamp([]byte(body), "new", 3, time.Unix(9, 0))
		b, _ := Stamp(plain, "new", 3, time.Unix(9, 0))
		if string(a) != string(b) {
			t.Fatalf("Stamp(x) differs from Stamp(Strip(x)):\n%s\n%s", a, b)
		}
	})
}

func TestReplace(t *testing.T) {
	body := []byte(`{"resourceType":"Observation","status":"final","code":{"text":"x"},"subject":{"reference":"urn:uuid:1"},"encounter":{"reference":"Encounter/1"},"extension":[{"url":"u","valueReference":{"reference":"urn:uuid:1"}}]}`)
	f, err := Refs(body)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Replace(body, f.References, []string{"Patient/a", "", `Patient/"`})
	want := `{"resourceType":"Observation","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/a"},"encounter":{"reference":"Encounter/1"},"extension":[{"url":"u","valueReference":{"reference":"Patient/\""}}]}`
	if err != nil || string(got) != want {
		t.Fatalf("%s %v", got, err)
	}
	if _, err := Replace(body, f.References, nil); err == nil {
		t.Error("a missing replacement was taken")
	}
	if _, err := Replace(body[:40], f.References, []string{"a", "b", "c"}); err == nil {
		t.Error("references of another body were taken")
	}
}
