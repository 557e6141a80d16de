package body_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"

	"github.com/ward-health/ward/normalize/body"
)

func TestKeepsDigitsAndOrder(t *testing.T) {
	in := `{"b":1.50,"a":[{"z":true},{"y":"x"}],"c":-0.000,"d":1e-3,"t":"ü\n\u0022"}`
	v, err := body.Parse([]byte(in))
	if err != nil {
		t.Fatal(err)
	}
	if got := string(v.Bytes()); got != `{"b":1.50,"a":[{"z":true},{"y":"x"}],"c":-0.000,"d":1e-3,"t":"ü\n\""}` {
		t.Error(got)
	}
	for _, bad := range []string{"", "[]", `"x"`, `{"a":1}x`, `{"a":}`, "{\"a\":\"\xff\"}", `{"a":[1,}`} {
		if _, err := body.Parse([]byte(bad)); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

func TestPut(t *testing.T) {
	o := body.NewObject()
	put := func(path, text string) *body.Value {
		p, err := body.ParsePath(path)
		if err != nil {
			t.Fatal(err)
		}
		return o.Put(p, body.Text(text))
	}
	put("name[+].family", "A")
	put("name[+].family", "B").Set("use", body.Text("old"))
	put("period.start", "2026")
	put("code.coding[0].code", "x")
	put("code.coding[0].system", "s")
	put("list[+]", "one")
	put("nothing.at.all", "")
	if got := string(o.Bytes()); got != `{"name":[{"family":"A"},{"family":"B","use":"old"}],"period":{"start":"2026"},"code":{"coding":[{"code":"x","system":"s"}]},"list":["one"]}` {
		t.Error(got)
	}
	if o.At("name[1].use").Str() != "old" || o.At("name[7].use") != nil || o.At("a..b") != nil {
		t.Error("At")
	}
	for _, bad := range []string{"", "a.", "a[", "a[x]", "a[-1]", "a[99]", "a b"} {
		if _, err := body.ParsePath(bad); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

// FuzzRoundTrip: what is written reads back as the same tree, and control characters never reach a body.
func FuzzRoundTrip(f *testing.F) {
	f.Add([]byte(`{"a":[{"b":"\u0001x"},1.0,true],"c":{"d":"e"}}`))
	f.Fuzz(func(t *testing.T, in []byte) {
		v, err := body.Parse(in)
		if err != nil {
			return
		}
		out := v.Bytes()
		again, err := body.Parse(out)
		if err != nil || !bytes.Equal(again.Bytes(), out) {
			t.Fatalf("%q became %q, %v", in, out, err)
		}
		var x, y any
		if json.Unmarshal(out, &x) == nil && json.Unmarshal(again.Bytes(), &y) == nil && !reflect.DeepEqual(x, y) {
			t.Fatal("differs")
		}
	})
}
