package fhirpath

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ward-health/ward/clinical/fhir/definition"
	"github.com/ward-health/ward/clinical/fhir/tree"
)

// broken are the invariants that a gold input breaks, with the reason.
var broken = map[string]string{
	"codesystem-example.json csd-1":        "the expression of R4 takes the codes of nested concepts twice",
	"patient-container-example.json dom-3": "the reference to the contained Organization lacks its #",
	"patient-container-example.json org-1": "the contained Organization has an id only",
	"patient-example-period.json per-1":    "start and end are of unlike precision: no result",
}

// silent are invariants whose expression in R4 has no result where something may be left out, with what that is.
var silent = map[string]string{"ref-1": "Reference.reference"}

// TestInvariantsOfGold evaluates every invariant on every element of the inputs of the suite and of 10 synthetic patients: without an error, and with
// the expected verdict.
func TestInvariantsOfGold(t *testing.T) {
	dir := gold(t, "the invariants on public data", 0)
	compiled := map[*definition.Constraint]*Expression{}
	found := map[string]bool{}
	var doc tree.Doc
	check := func(name string, src []byte) {
		if err := doc.Parse(src, tree.Limits{}); err != nil {
			t.Fatal(name, err)
		}
		root, err := Root(&doc, definition.R4())
		if err != nil {
			t.Fatal(name, err)
		}
		ctx := &Context{Set: definition.R4(), Resource: root, Root: root}
		visit(root, func(n Node) {
			cs := n.Type.Constraints
			if n.Element != nil {
				cs = slices.Concat(cs, n.Element.Constraints)
			}
			for _, c := range cs {
				if c.Expression == "" {
					continue
				}
				if compiled[c] == nil {
					e, err := Compile(c.Expression, Options{AsFilters: true, ManyTrue: true})
					if err != nil {
						t.Fatal(err)
					}
					compiled[c] = e
				}
				in := *ctx
				if n.Type.Kind == definition.Resource && n.Value != root.Value {
					in.Resource = n
				}
				ok, err := compiled[c].True(&in, n)
				if err != nil {
					t.Errorf("%s: %s at %s: %v", name, c.Key, n.Path(), err)
				}
				if got, _ := compiled[c].Eval(&in, n); len(got) == 0 && silent[c.Key] != "" {
					continue
				}
				id := name + " " + c.Key
				if found[id] = found[id] || !ok; !ok && c.Severity == "error" && broken[id] == "" {
					t.Errorf("%s at %s: %s", id, n.Path(), c.Expression)
				}
			}
		})
	}
	for _, file := range inputs {
		src, err := os.ReadFile(filepath.Join(dir, "fhirpath-r4", file))
		if err != nil {
			t.Fatal(err)
		}
		check(filepath.Base(file), src)
	}
	files, err := filepath.Glob(filepath.Join(dir, "synthea-10", "*.ndjson"))
	if err != nil || len(files) == 0 {
		t.Fatal("no synthea-10", err)
	}
	for _, file := range files {
		src, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for i, line := range strings.Split(strings.TrimSpace(string(src)), "\n") {
			if i%20 == 0 {
				check(filepath.Base(file), []byte(line))
			}
		}
	}
	for id, reason := range broken {
		if !found[id] {
			t.Errorf("%s is not broken and must leave the list (%s)", id, reason)
		}
	}
}

// visit calls f for n and all that is in it.
func visit(n Node, f func(Node)) {
	f(n)
	for _, k := range membersOf(n.Type).all {
		for _, c := range n.Children(nil, definition.R4(), k.name) {
			visit(c, f)
		}
	}
}
