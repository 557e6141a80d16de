package index_test

import (
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"
)

// TestMutations: resources whose values were exchanged for values of other kinds are checked and indexed without a panic.
func TestMutations(t *testing.T) {
	seeds := []string{
		`{"resourceType":"Observation","id":"o","meta":{"tag":[{"code":"t"}],"profile":["p"]},"status":"final","code":{"coding":[{"system":"s","code":"c","display":"d"}]},"subject":{"reference":"Patient/1","identifier":{"value":"1"}},
			"valueQuantity":` + ucumQuantity + `,"component":[{"code":{"coding":[{"code":"x"}]},"valueCodeableConcept":{"coding":[{"code":"b"}]}}],"contained":[{"resourceType":"Patient","id":"p"}],"focus":[{"reference":"#p"}]}`,
		`{"resourceType":"Patient","name":[{"family":"a","given":["b",null],"_given":[null,{"id":"x"}]}],"telecom":[{"system":"phone","value":"1"}],"address":[{"line":["x"]}],"deceasedBoolean":true,"link":[{"other":{"reference":"Patient/2"},"type":"refer"}]}`,
		`{"resourceType":"Bundle","type":"document","entry":[{"resource":{"resourceType":"Composition","id":"1","status":"final","type":{"text":"x"},"date":"2020","author":[{"display":"x"}],"title":"t","text":{"status":"generated","div":"<div xmlns='http://www.w3.org/1999/xhtml'>x</div>"}}}]}`,
		`{"resourceType":"MolecularSequence","coordinateSystem":0,"referenceSeq":{"windowStart":1,"windowEnd":2,"chromosome":{"coding":[{"code":"1"}]}},"variant":[{"start":1,"end":2}]}`,
		`{"resourceType":"MedicationRequest","status":"active","intent":"order","medicationReference":{"reference":"#m"},"subject":{"reference":"Patient/1"},"contained":[{"resourceType":"Medication","id":"m"}],"dosageInstruction":[{"timing":{"event":["2020"],"repeat":{"boundsPeriod":{"start":"2020"}}}}]}`,
	}
	r := rand.New(rand.NewPCG(3, 4))
	e := newEngine()
	for i := range 40_000 {
		var v map[string]any
		if err := json.Unmarshal([]byte(seeds[i%len(seeds)]), &v); err != nil {
			t.Fatal(err)
		}
		for range 1 + r.IntN(3) {
			for k := range v {
				if k != "resourceType" && r.IntN(len(v)) == 0 {
					v[k] = exchanged(r, v[k])
				}
			}
		}
		src, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		e.run(src)
	}
}

// exchanged is a value, or something in it, replaced by a value of any kind.
func exchanged(r *rand.Rand, x any) any {
	switch x := x.(type) {
	case map[string]any:
		for k := range x {
			if r.IntN(len(x)+1) == 0 {
				x[k] = exchanged(r, x[k])
				return x
			}
		}
	case []any:
		if len(x) > 0 && r.IntN(4) > 0 {
			k := r.IntN(len(x))
			x[k] = exchanged(r, x[k])
			return x
		}
	}
	return []any{nil, true, 1.5, "", "x", "#", "#p", "2020-01-01", map[string]any{}, []any{}, []any{nil}, []any{[]any{}}, map[string]any{"reference": "#"}, map[string]any{"value": "x", "coding": map[string]any{}}}[r.IntN(14)]
}

// TestHostile: resources that are made to multiply work end, and say that there was more.
func TestHostile(t *testing.T) {
	e := newEngine()
	list := func(item string, n int) string { return strings.TrimSuffix(strings.Repeat(item+",", n), ",") }
	for name, src := range map[string]string{
		"composites": `{"resourceType":"MolecularSequence","coordinateSystem":0,"referenceSeq":{"windowStart":1,"windowEnd":1,"chromosome":{"coding":[` + list(`{"code":"x"}`, 50_000) + `]}},"variant":[` + list(`{"cigar":"x"}`, 50_000) + `]}`,
		"contained":  `{"resourceType":"Person","link":[` + list(`{"target":{"reference":"#q"}}`, 50_000) + `],"contained":[` + list(`{"resourceType":"Patient","id":"p"}`, 50_000) + `]}`,
	} {
		if e.run([]byte(src)); !e.values.More {
			t.Errorf("%s: all was done", name)
		}
	}
}
