package tree_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/ward-health/ward/clinical/fhir/tree"
)

// value makes a Go value of a node, the slow way.
func value(d *tree.Doc, n int) any {
	switch d.Nodes[n].Kind {
	case tree.Object:
		m := map[string]any{}
		for c := d.First(n); c != tree.None; c = d.Sibling(c) {
			m[d.MemberName(c)] = value(d, c)
		}
		return m
	case tree.Array:
		a := []any{}
		for c := d.First(n); c != tree.None; c = d.Sibling(c) {
			a = append(a, value(d, c))
		}
		return a
	case tree.String:
		return string(d.Text(n))
	case tree.Number:
		return json.Number(d.Text(n))
	case tree.True:
		return true
	case tree.False:
		return false
	}
	return nil
}

func canonical(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func agree(t *testing.T, src string) {
	t.Helper()
	var d tree.Doc
	err := d.Parse([]byte(src), tree.Limits{})
	want := jsontext.Value(src).IsValid()
	if (err == nil) != want {
		t.Fatalf("%q: %v, want valid %v", src, err, want)
	}
	if err != nil {
		var e *tree.Error
		if !errors.As(err, &e) || e.Line < 1 || e.Column < 1 || e.Offset > len(src) {
			t.Fatalf("%q: %#v", src, err)
		}
		return
	}
	dec := json.NewDecoder(strings.NewReader(src))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		t.Fatal(err)
	}
	if got := canonical(t, value(&d, 0)); got != canonical(t, v) {
		t.Fatalf("%q: %s", src, got)
	}
}

var texts = []string{
	`{}`, `[]`, ` [ ] `, `{"a":1}`, `{"a":{"b":[1,2,{"c":null}]},"d":true}`, `"x"`, `-0.5e+10`, `0`, `01`, `1.`, `.5`, `1e`, `-`, `tru`, `nul`, `{"a":1,"a":2}`,
	`{"a":1,"\u0061":2}`, `"\ud83d\ude00"`, `"\ud83d"`, `"\ude00"`, `"\ud83dx"`, `"\x"`, "\"\t\"", "\"\xff\"", "\xef\xbb\xbf{}", `{"a"}`, `{"a":}`, `{,}`, `[1,]`, `[,1]`, `[1 2]`, `{"a":1 "b":2}`,
	`{"a":1}{}`, `[`, `{`, `"`, `{"a":[}`, `[{]`, ``, ` `, `null`, `{"":1}`, `{"":1,"":2}`, `[[],{},[{}]]`, `"a\/b\\\"\b\f\n\r\t"`, `1E5`, `[1]]`,
	`{"a":1,}`, `{"a":1,[]}`, `{"a":1,"b"}`, `{"a":1,"b" 2}`, `{"a":1,1:2}`, `{"a":1,"b":`, `{"a":{},{}}`, `[{},]`, `{"a":[],]}`, `{"a":"b","c}`, `{"a":1,"\x":1}`, `[1,2`, `[{"a":1},`,
}

// TestParse: the same texts are accepted as by a strict outside reader, with the same values.
func TestParse(t *testing.T) {
	for _, src := range texts {
		agree(t, src)
	}
}

// TestManyMembers: duplicates are found in objects of any size, nested ones too.
func TestManyMembers(t *testing.T) {
	var b strings.Builder
	for i := range 200 {
		b.WriteString(`"k` + string(rune('0'+i/10%10)) + string(rune('0'+i%10)) + string(rune('a'+i/100)) + `":{"x":1},`)
	}
	agree(t, "{"+b.String()+`"last":1}`)
	agree(t, "{"+b.String()+`"k00a":1}`)
	agree(t, "{"+b.String()+`"in":{`+b.String()+`"k11b":1}}`)
}

// TestLimits: each limit holds at its edge, and the error says that it was one.
func TestLimits(t *testing.T) {
	for _, c := range []struct {
		src string
		l   tree.Limits
		ok  bool
	}{
		{`[[1]]`, tree.Limits{Depth: 2}, true}, {`[[[1]]]`, tree.Limits{Depth: 2}, false},
		{`[1,2]`, tree.Limits{Nodes: 3}, true}, {`[1,2,3]`, tree.Limits{Nodes: 3}, false},
		{`[1]`, tree.Limits{Bytes: 3}, true}, {`[12]`, tree.Limits{Bytes: 3}, false},
		{strings.Repeat("[", 1_000_000), tree.Limits{}, false},
	} {
		var d tree.Doc
		err := d.Parse([]byte(c.src), c.l)
		var e *tree.Error
		if (err == nil) != c.ok || err != nil && (!errors.As(err, &e) || !e.TooLarge) {
			t.Errorf("%.10q: %v", c.src, err)
		}
	}
}

// TestErrorsNameThePlace and nothing of the body.
func TestErrorsNameThePlace(t *testing.T) {
	var d tree.Doc
	err := d.Parse([]byte("{\"name\": [\n {\"given\": [\"ö\", \"secret\x01\"]}]}"), tree.Limits{})
	var e *tree.Error
	if !errors.As(err, &e) || e.Line != 2 || e.Column != 25 || e.Path != "name[0].given" || strings.Contains(err.Error(), "secret") {
		t.Errorf("%#v", err)
	}
}

// TestErrorsHideNames: a member name may be anything; one that is no element name is not shown.
func TestErrorsHideNames(t *testing.T) {
	var d tree.Doc
	err := d.Parse([]byte(`{"<b>Ann": {"a": [1,}}`), tree.Limits{})
	var e *tree.Error
	if !errors.As(err, &e) || e.Path != "?.a" || strings.Contains(err.Error(), "Ann") {
		t.Errorf("%#v", err)
	}
}

// TestNoAllocation: a Doc that has grown parses without allocating.
func TestNoAllocation(t *testing.T) {
	src := []byte(`{"resourceType":"Patient","name":[{"family":"A","given":["B","C"]}],"active":true,"x":1.50}`)
	var d tree.Doc
	if n := testing.AllocsPerRun(100, func() {
		if err := d.Parse(src, tree.Limits{}); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzParse(f *testing.F) {
	for _, src := range texts {
		f.Add(src)
	}
	f.Fuzz(func(t *testing.T, src string) {
		if strings.Count(src, "[")+strings.Count(src, "{") < 90 {
			agree(t, src)
		}
	})
}
