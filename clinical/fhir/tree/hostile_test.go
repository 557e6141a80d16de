package tree_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/ward-health/ward/clinical/fhir/tree"
)

// TestMutations: texts with bytes that were cut, doubled or exchanged are accepted exactly where a strict outside reader accepts them.
func TestMutations(t *testing.T) {
	const seed = `{"resourceType":"Patient","a":[1,-0.5e+3,true,null,{"b":"\u00e4\\x\"","c":[]}],"d":{"e":{},"f":"long text without escapes"} , "g" : false}`
	r := rand.New(rand.NewPCG(1, 2))
	const spare = `{}[],:"\0123.eE+-tfnu ` + "\t\x01\x80\xc3"
	for range 60_000 {
		b := []byte(seed)
		for range 1 + r.IntN(3) {
			i := r.IntN(len(b))
			switch r.IntN(3) {
			case 0:
				b = append(b[:i], b[i+1:]...)
			case 1:
				b = append(b[:i], append([]byte{spare[r.IntN(len(spare))]}, b[i:]...)...)
			default:
				b[i] = spare[r.IntN(len(spare))]
			}
		}
		agree(t, string(b))
	}
}

// TestHostile: texts that are made to cost much end within the bounds.
func TestHostile(t *testing.T) {
	var many strings.Builder
	many.WriteString(`{"x":1`)
	for i := range 200_000 {
		fmt.Fprintf(&many, `,"%d":1`, i)
	}
	for name, c := range map[string]struct {
		src string
		ok  bool
	}{
		"many members":              {many.String() + "}", true},
		"many members, one doubled": {many.String() + `,"199999":1}`, false},
		"many items":                {"[" + strings.Repeat("0,", 1<<20) + "0]", true},
		"too many items":            {"[" + strings.Repeat("0,", 1<<22) + "0]", false},
		"deep objects":              {strings.Repeat(`{"a":`, 1<<20), false},
		"escapes":                   {`"` + strings.Repeat(`\u0041`, 1<<20) + `"`, true},
		"a long number":             {strings.Repeat("9", 1<<20), true},
		"white space":               {strings.Repeat(" ", 1<<22) + "0", true},
	} {
		var d tree.Doc
		if err := d.Parse([]byte(c.src), tree.Limits{}); (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}
