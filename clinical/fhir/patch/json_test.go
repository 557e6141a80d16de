package patch_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/clinical/fhir/patch"
)

func sameJSON(t *testing.T, a, b []byte) string {
	t.Helper()
	var x, y any
	if err := json.Unmarshal(a, &x); err != nil {
		return err.Error()
	}
	if err := json.Unmarshal(b, &y); err != nil {
		return err.Error()
	}
	return cmp.Diff(x, y)
}

// TestJSONSuite runs the public cases of JSON Patch.
func TestJSONSuite(t *testing.T) {
	const total = 16
	var cases []struct {
		Comment              string
		Doc, Patch, Expected json.RawMessage
		Error                string
	}
	if err := json.Unmarshal(gold(t, "patch.json", "json-patch-tests.json", total), &cases); err != nil {
		t.Fatal(err)
	}
	s := score{suite: "patch.json"}
	for _, c := range cases {
		got, err := patch.JSON(c.Doc, c.Patch, patch.Limits{})
		switch {
		case c.Error != "" && err == nil:
			s.result(t, c.Comment, "no error")
		case c.Error == "" && err != nil:
			s.result(t, c.Comment, err.Error())
		case c.Error == "":
			s.result(t, c.Comment, sameJSON(t, got, c.Expected))
		default:
			s.result(t, c.Comment, "")
		}
	}
	s.print(t, total)
}

// TestJSONBytes: what a patch does not name keeps its bytes, and commas go with what they belong to.
func TestJSONBytes(t *testing.T) {
	for _, c := range []struct{ doc, patch, want string }{
		{`{ "a" : 1.00 , "b":[1, 2 ,3] }`, `[{"op":"remove","path":"/a"}]`, `{ "b":[1, 2 ,3] }`},
		{`{ "a" : 1.00 , "b":[1, 2 ,3] }`, `[{"op":"remove","path":"/b"}]`, `{ "a" : 1.00 }`},
		{`{ "a" : 1.00 , "b":[1, 2 ,3] }`, `[{"op":"remove","path":"/b/0"}]`, `{ "a" : 1.00 , "b":[2 ,3] }`},
		{`{ "a" : 1.00 , "b":[1, 2 ,3] }`, `[{"op":"remove","path":"/b/1"}]`, `{ "a" : 1.00 , "b":[1 ,3] }`},
		{`{ "a" : 1.00 , "b":[1, 2 ,3] }`, `[{"op":"add","path":"/b/0","value":1.50}]`, `{ "a" : 1.00 , "b":[1.50,1, 2 ,3] }`},
		{`{ "a" : 1.00 , "b":[1, 2 ,3] }`, `[{"op":"add","path":"/b/3","value":4}]`, `{ "a" : 1.00 , "b":[1, 2 ,3,4] }`},
		{`{ "a" : 1.00 , "b":[1, 2 ,3] }`, `[{"op":"add","path":"/c\"~1\u0001","value":{}}]`, `{ "a" : 1.00 , "b":[1, 2 ,3],"c\"/\u0001":{} }`},
		{`{ "a" : [ ] }`, `[{"op":"add","path":"/a/-","value":null}]`, `{ "a" : [null] }`},
		{`[ 1 ]`, `[{"op":"remove","path":"/0"}]`, `[]`},
		{`{"a":{"b":1},"c":[{"d":2}]}`, `[{"op":"move","from":"/c/0","path":"/a/b"},{"op":"copy","from":"/a","path":""}]`, `{"b":{"d":2}}`},
		{`{"a":1}`, `[{"op":"move","from":"/a","path":"/a"}]`, `{"a":1}`},
		{`{"a":1}`, `[]`, `{"a":1}`},
		{`{"a":[1,{"x":1e2,"y":"\u00e9"}]}`, `[{"op":"test","path":"/a","value":[1.0,{"y":"é","x":100}]}]`, `{"a":[1,{"x":1e2,"y":"\u00e9"}]}`},
		{`[0,-0.0,0.00000012,1e400]`, `[{"op":"test","path":"","value":[-0,0e5,1.2e-7,10.0e399]}]`, `[0,-0.0,0.00000012,1e400]`},
	} {
		got, err := patch.JSON([]byte(c.doc), []byte(c.patch), patch.Limits{})
		if err != nil || string(got) != c.want {
			t.Errorf("%s %s:\n got %s %v\nwant %s", c.doc, c.patch, got, err, c.want)
		}
	}
}

// TestJSONRefused: the error says which operation, where and why, with its kind, and nothing of the values.
func TestJSONRefused(t *testing.T) {
	const doc = `{"name":[{"given":["secret"]}],"secret name":1}`
	digits := strings.Repeat("943476", 1000) // may be what names a patient
	for _, c := range []struct {
		patch, want string
		kind        ward.ErrorKind
	}{
		{`{}`, "patch.json: the patch: a JSON Patch is an array of operations", ward.Invalid},
		{`[{"op":"add","op":"add"}]`, "patch.json: the patch: line 1, column 14: expected each member name once (at [0])", ward.Invalid},
		{`[1]`, "operation 1: an operation is an object", ward.Invalid},
		{`[{"path":""}]`, "operation 1: an operation needs op", ward.Invalid},
		{`[{"op":"test","path":"/name/0","value":{"given":["secret"]}},{"op":"increase","path":""}]`, "operation 2: op is add, remove,", ward.Invalid},
		{`[{"op":"add","path":"/a"}]`, "operation 1 (add): the operation needs value", ward.Invalid},
		{`[{"op":"add","value":1}]`, "the operation needs path", ward.Invalid},
		{`[{"op":"move","path":"/a"}]`, "the operation needs from", ward.Invalid},
		{`[{"op":"add","path":"a","value":1}]`, "path is a JSON Pointer", ward.Invalid},
		{`[{"op":"add","path":"/~2","value":1}]`, "path is a JSON Pointer", ward.Invalid},
		{`[{"op":"remove","path":""}]`, "the whole resource cannot be removed", ward.Unprocessable},
		{`[{"op":"remove","path":"/name/0/family"}]`, "operation 1 (remove): there is nothing at this place (at name[0].family)", ward.Unprocessable},
		{`[{"op":"remove","path":"/secret value/0"}]`, "there is nothing at this place (at ?)", ward.Unprocessable},
		{`[{"op":"add","path":"/name/2","value":1}]`, "a position in the array, from 0 to its length, or - was expected (at name[2])", ward.Unprocessable},
		{`[{"op":"add","path":"/name/00","value":1}]`, "a position in the array", ward.Unprocessable},
		{`[{"op":"add","path":"/name/0/given/0/x","value":1}]`, "neither an object nor an array", ward.Unprocessable},
		{`[{"op":"replace","path":"/gender","value":1}]`, "there is nothing at this place (at gender)", ward.Unprocessable},
		{`[{"op":"remove","path":"/name/` + digits + `"}]`, "there is nothing at this place (at name.?)", ward.Unprocessable},
		{`[{"op":"add","path":"/name/` + digits + `","value":1}]`, "a position in the array, from 0 to its length, or - was expected (at name.?)", ward.Unprocessable},
		{`[{"op":"move","from":"/name","path":"/name` + strings.Repeat("/given", 1000) + `"}]`, "cannot be moved into itself (at name" + strings.Repeat(".given", 99) + ".?)", ward.Unprocessable},
		{`[{"op":"move","from":"/name","path":"/name/0"}]`, "cannot be moved into itself", ward.Unprocessable},
		{`[{"op":"move","from":"","path":"/name/0"}]`, "cannot be moved into itself", ward.Unprocessable},
		{`[{"op":"test","path":"/name/0/given/0","value":"other"}]`, "operation 1 (test): the test failed: another value is there (at name[0].given[0])", ward.Unprocessable},
	} {
		got, err := patch.JSON([]byte(doc), []byte(c.patch), patch.Limits{})
		if err == nil || !strings.Contains(err.Error(), c.want) || ward.KindOf(err) != c.kind || strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), digits) || got != nil {
			t.Errorf("%s: %v, want %s", c.patch, err, c.want)
		}
	}
}

// TestJSONBounds: operations, sizes, depth and the work of all operations are bounded.
func TestJSONBounds(t *testing.T) {
	double := `[` + strings.Repeat(`{"op":"copy","from":"","path":"/a"},{"op":"copy","from":"/a","path":"/b"},`, 60) + `{"op":"test","path":"","value":0}]`
	list := `[` + strings.Repeat(`{"op":"copy","from":"/a","path":"/a/-"},`, 90) + `{"op":"test","path":"","value":0}]`
	many := strings.TrimSuffix(strings.Repeat(`{"op":"add","path":"/b","value":1},`, 100), ",")
	big := `{"a":"` + strings.Repeat("x", 1<<16) + `"}`
	for name, c := range map[string]struct {
		doc, patch string
		l          patch.Limits
	}{
		"doubling": {`{}`, double, patch.Limits{}},
		"in lists": {`{"a":["` + strings.Repeat("x", 1000) + `"]}`, list, patch.Limits{}},
		"many":     {`{}`, `[` + many + `]`, patch.Limits{Operations: 99}},
		"work":     {big, `[` + many + `]`, patch.Limits{Work: 60 << 16}},
		"tests":    {big, `[` + strings.TrimSuffix(strings.Repeat(`{"op":"test","path":"/a","value":"`+strings.Repeat("x", 1<<16)+`"},`, 100), ",") + `]`, patch.Limits{Work: 60 << 16}},
		"resource": {big, `[]`, patch.Limits{Bytes: 1 << 16}},
		"patch":    {`{}`, `[` + many + `]`, patch.Limits{Bytes: 1000}},
	} {
		if _, err := patch.JSON([]byte(c.doc), []byte(c.patch), c.l); ward.KindOf(err) != ward.TooLarge {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := patch.JSON([]byte(`{}`), []byte(`[`+many+`]`), patch.Limits{Operations: 100}); err != nil {
		t.Error(err)
	}
}

// TestJSONNumbers: numbers are the same by their value, however they are written, and comparing them takes no longer than reading them.
func TestJSONNumbers(t *testing.T) {
	long := strings.Repeat("7", 4<<20)
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"1", "1.0", true}, {"100", "1e2", true}, {"100", "1E+02", true}, {"0.001", "1e-3", true}, {"-0", "0e9", true}, {"0e" + long, "0", true}, {"10.50", "0.1050e2", true},
		{"1e0" + strings.Repeat("0", 2000) + "2", "100", true}, {"1e-0" + strings.Repeat("0", 2000) + "2", "0.01", true}, {"1e99999999999999999999", "10e99999999999999999998", true},
		{"1e" + long, "1e" + long, true}, {"1", "-1", false}, {"1e2", "1e-2", false}, {"12", "21", false}, {"1", "10", false}, {"1e99999999999999999999", "1e99999999999999999998", false},
		{"1e" + long, "2e" + long, false}, {"1e" + long, "1e-" + long, false}, {"1e" + long, "1", false},
	} {
		start := time.Now()
		_, err := patch.JSON([]byte(`{"a":`+c.a+`}`), []byte(`[{"op":"test","path":"/a","value":`+c.b+`}]`), patch.Limits{})
		if (err == nil) != c.same || time.Since(start) > 5*time.Second {
			t.Errorf("%.40s %.40s: %v after %v", c.a, c.b, err, time.Since(start))
		}
	}
}

// TestJSONAddThenRemove: what was added can be taken out again, and the text means what it meant.
func TestJSONAddThenRemove(t *testing.T) {
	value := rapid.Custom(func(t *rapid.T) any {
		return rapid.SampledFrom([]any{map[string]any{}, map[string]any{"a": 1.0, "b": []any{}}, []any{}, []any{1.0, "x", nil}, []any{[]any{true}}}).Draw(t, "v")
	})
	rapid.Check(t, func(r *rapid.T) {
		doc, err := json.Marshal(map[string]any{"k": value.Draw(r, "k"), "l": value.Draw(r, "l")})
		if err != nil {
			r.Fatal(err)
		}
		at := rapid.SampledFrom([]string{"/k", "/l", ""}).Draw(r, "at")
		add := at + "/" + rapid.SampledFrom([]string{"0", "zz", "é\"~0~1"}).Draw(r, "name")
		got, err := patch.JSON(doc, []byte(`[{"op":"add","path":`+string(must(json.Marshal(add)))+`,"value":{"new":[1]}},{"op":"remove","path":`+string(must(json.Marshal(add)))+`}]`), patch.Limits{})
		if err != nil {
			if ward.KindOf(err) != ward.Unprocessable { // a name where an array is
				r.Fatal(err)
			}
			return
		}
		if diff := sameJSON(t, doc, got); diff != "" {
			r.Fatal(diff)
		}
	})
}

func must(b []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return b
}

// FuzzJSON: no panic, and what comes out is JSON.
func FuzzJSON(f *testing.F) {
	f.Add([]byte(`{"a":[1,{"b":"c"}]}`), []byte(`[{"op":"add","path":"/a/1/d","value":2},{"op":"move","from":"/a/0","path":"/e"},{"op":"copy","from":"/a","path":"/f"},{"op":"test","path":"/e","value":1},{"op":"remove","path":"/a/0"},{"op":"replace","path":"/f/0","value":{}}]`))
	f.Add([]byte(`[]`), []byte(`[{"op":"add","path":"/-","value":[]},{"op":"add","path":"","value":{}}]`))
	f.Fuzz(func(t *testing.T, doc, p []byte) {
		got, err := patch.JSON(doc, p, patch.Limits{Bytes: 1 << 16, Work: 1 << 22})
		if err == nil && !json.Valid(got) {
			t.Fatalf("%q", got)
		}
		if err != nil && ward.KindOf(err) == ward.Internal {
			t.Fatal(err)
		}
	})
}
