package validate_test

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sort"
	"testing"

	"github.com/ward-health/ward/clinical/fhir/tree"
)

// mutant is a resource and what was done to it.
type mutant struct {
	text []byte
	op   string
}

// seeds are whole resources of the gold data, small ones, in an order that does not change.
func seeds(t testing.TB) (out [][]byte) {
	t.Helper()
	_, all := usCore(t, "610")
	names := make([]string, 0, len(all))
	for name := range all {
		names = append(names, name)
	}
	sort.Strings(names)
	add := func(b []byte) {
		d := &tree.Doc{}
		if len(b) < 6000 && d.Parse(b, tree.Limits{}) == nil {
			out = append(out, compacted(d))
		}
	}
	for _, name := range names {
		add(all[name])
	}
	files, err := filepath.Glob(filepath.Join(os.Getenv("WARD_GOLD"), "synthea-10", "*.ndjson"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for i, line := range bytes.Split(b, []byte("\n")) {
			if i%97 == 0 {
				add(line)
			}
		}
	}
	return out
}

// compacted is the text without white space between tokens.
func compacted(d *tree.Doc) []byte {
	out := make([]byte, 0, len(d.Src))
	inside := false
	for i := 0; i < len(d.Src); i++ {
		c := d.Src[i]
		switch {
		case inside && c == '\\':
			out = append(out, c, d.Src[i+1])
			i++
			continue
		case c == '"':
			inside = !inside
		case !inside && (c == ' ' || c == '\n' || c == '\r' || c == '\t'):
			continue
		}
		out = append(out, c)
	}
	return out
}

// mutate makes one change at a random place of a resource.
func mutate(r *rand.Rand, src []byte) mutant {
	d := &tree.Doc{}
	if d.Parse(src, tree.Limits{}) != nil {
		return mutant{src, "none"}
	}
	n := 1 + r.IntN(len(d.Nodes)-1)
	for d.Nodes[n].Parent == 0 && d.NameIs(n, "resourceType") || inNarrative(d, n) {
		n = 1 + r.IntN(len(d.Nodes)-1)
	}
	v := &d.Nodes[n]
	start, end := int(v.Start), int(v.End)
	replace := func(with string) []byte {
		return append(append(append([]byte{}, src[:start]...), with...), src[end:]...)
	}
	switch op := r.IntN(9); op {
	case 0:
		return mutant{without(d, n), "drop"}
	case 1:
		for d.Nodes[n].Kind != tree.Object {
			n = int(d.Nodes[n].Parent)
		}
		at := int(d.Nodes[n].Start) + 1
		return mutant{append(append(append([]byte{}, src[:at]...), `"zzz":1,`...), src[at:]...), "unknown"}
	case 2:
		return mutant{replace(pick(r, `1`, `true`, `"x"`, `{"text":"x"}`, `["x"]`, `-1.5`)), "type"}
	case 3:
		return mutant{replace(pick(r, `"2020-13-40"`, `"not a date"`, `" x"`, `"a  b"`, `"2020-01-01T10:00:00"`, `"%%"`, `1.50e3`, `"urn:uuid:x"`, `"a b"`)), "form"}
	case 4:
		return mutant{replace(`"zzz-unknown"`), "code"}
	case 5:
		part := src[start:end]
		if v.NameLen > 0 {
			part = append(append([]byte{'"'}, src[v.Name:v.Name+uint32(v.NameLen)]...), append([]byte(`":`), part...)...)
		}
		return mutant{append(append(append(append([]byte{}, src[:end]...), ','), part...), src[end:]...), "duplicate"}
	case 6:
		return mutant{replace("null"), "null"}
	case 7:
		return mutant{replace(pick(r, `{}`, `[]`, `""`)), "empty"}
	}
	return mutant{src, "none"}
}

func pick(r *rand.Rand, of ...string) string { return of[r.IntN(len(of))] }

func inNarrative(d *tree.Doc, n int) bool {
	return d.Nodes[n].NameLen > 0 && d.NameIs(n, "div")
}

// without is the text without node n.
func without(d *tree.Doc, n int) []byte {
	v := &d.Nodes[n]
	from, to := int(v.Start), int(v.End)
	if v.NameLen > 0 {
		from = int(v.Name) - 1
	}
	switch src := d.Src; {
	case to < len(src) && src[to] == ',':
		to++
	case src[from-1] == ',':
		from--
	}
	return append(append([]byte{}, d.Src[:from]...), d.Src[to:]...)
}
