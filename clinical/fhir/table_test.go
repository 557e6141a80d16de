package fhir

import (
	"archive/tar"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestTableAgreesWithDefinitions: what Scan takes by the expressions of R4 is what the table's own elements and datatypes say, read by
// encoding/json.
func TestTableAgreesWithDefinitions(t *testing.T) {
	n := map[string]int{}
	all := goldBodies(t)
	for rt, bodies := range usCoreBodies(t) {
		all[rt] = append(all[rt], bodies...)
	}
	for rt, bodies := range all {
		row := compiled[rt].row
		for _, body := range bodies {
			f, err := Scan(body)
			if err != nil {
				t.Fatal(err)
			}
			var root any
			if err := json.Unmarshal(body, &root); err != nil {
				t.Fatal(err)
			}
			var want []Value
			for _, p := range row.params {
				for _, path := range strings.Fields(p.paths) {
					element, data, _ := strings.Cut(path, ":")
					for _, x := range at(root, steps(element)) {
						want = append(want, valuesOf(t, x, data, Value{Param: row.base + p.n, Kind: p.kind}, p.extra)...)
					}
				}
			}
			got := slices.DeleteFunc(slices.Clone(f.Values), func(v Value) bool { return v.Param < 64 })
			if d := cmp.Diff(ordered(want), ordered(got)); d != "" {
				t.Fatalf("%s: %s", f.Type, d)
			}
			n[rt]++
		}
	}
	if n["Observation"] == 0 || n["DiagnosticReport"] == 0 || len(n) < 12 {
		t.Errorf("the gold data have more types: %v", n)
	}
}

// usCoreBodies returns the examples of US Core of the types of this build.
func usCoreBodies(t *testing.T) map[string][][]byte {
	t.Helper()
	f, err := os.Open(filepath.Join(os.Getenv("WARD_GOLD"), "us-core", "us_core_610.tgz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][][]byte{}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if rt, _, _ := strings.Cut(filepath.Base(h.Name), "-"); filepath.Ext(h.Name) == ".json" && Known(rt) && strings.Contains(h.Name, "example") {
			all[rt] = append(all[rt], body)
		}
	}
}

func ordered(list []Value) []Value {
	slices.SortFunc(list, func(a, b Value) int {
		x, _ := json.Marshal(a)
		y, _ := json.Marshal(b)
		return strings.Compare(string(x), string(y))
	})
	return slices.Compact(list)
}

// at returns what stands at the end of a path, items of arrays apart.
func at(x any, names []string) (list []any) {
	if items, ok := x.([]any); ok {
		for _, i := range items {
			list = append(list, at(i, names)...)
		}
		return list
	}
	if len(names) == 0 {
		return []any{x}
	}
	if m, ok := x.(map[string]any); ok && m[names[0]] != nil {
		return at(m[names[0]], names[1:])
	}
	return nil
}

func text(x any, name string) string {
	s, _ := x.(map[string]any)[name].(string)
	return s
}

// valuesOf is what the table's datatypes mean.
func valuesOf(t *testing.T, x any, data string, v Value, extra string) (list []Value) {
	token := func(system, code string) {
		if v.System, v.Code = system, code; code != "" {
			list = append(list, v)
		}
	}
	switch data {
	case "code":
		token(extra, x.(string))
	case "boolean":
		token("", map[bool]string{true: "true", false: "false"}[x.(bool)])
	case "Coding":
		token(text(x, "system"), text(x, "code"))
	case "CodeableConcept":
		for _, c := range at(x, []string{"coding"}) {
			token(text(c, "system"), text(c, "code"))
		}
	case "Identifier":
		token(text(x, "system"), text(x, "value"))
	case "ContactPoint":
		if want, ok := strings.CutPrefix(extra, "system="); !ok || text(x, "system") == want {
			token("", text(x, "value"))
		}
	case "Reference":
		if rt, id, ok := SplitReference(text(x, "reference")); ok {
			v.System, v.Code = rt, id
			list = append(list, v)
		}
	case "Period":
		v.Lo, v.Hi = math.MinInt64, math.MaxInt64
		if s := text(x, "start"); s != "" {
			v.Lo, _ = interval(t, s)
		}
		if s := text(x, "end"); s != "" {
			_, v.Hi = interval(t, s)
		}
		list = append(list, v)
	case "date", "dateTime", "instant":
		v.Lo, v.Hi = interval(t, x.(string))
		list = append(list, v)
	case "Timing":
		t.Fatal("no Timing was in the gold data when this was written")
	default:
		t.Fatal(data)
	}
	return list
}

// interval reads a date with the standard library.
func interval(t *testing.T, s string) (lo, hi int64) {
	for _, form := range []string{"2006", "2006-01", "2006-01-02", time.RFC3339} {
		at, err := time.Parse(form, s)
		if err != nil {
			continue
		}
		end := map[string]time.Time{"2006": at.AddDate(1, 0, 0), "2006-01": at.AddDate(0, 1, 0), "2006-01-02": at.AddDate(0, 0, 1)}[form]
		if form == time.RFC3339 {
			width := time.Second
			if i := strings.IndexByte(s, '.'); i > 0 {
				for range strings.IndexAny(s[i:], "Z+-") - 1 {
					width /= 10
				}
			}
			end = at.Add(width)
		}
		return at.UnixMicro(), end.UnixMicro()
	}
	t.Fatalf("a date of another form")
	return 0, 0
}
