package view_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/ward-health/ward/clinical/fhir/definition"
	"github.com/ward-health/ward/clinical/fhir/tree"
	"github.com/ward-health/ward/clinical/fhir/view"
)

// BenchmarkConditions runs an example over public Conditions, reading the JSON and writing NDJSON included.
func BenchmarkConditions(b *testing.B) {
	text, err := os.ReadFile(filepath.Join(os.Getenv("WARD_GOLD"), "synthea-10", "Condition.000.ndjson"))
	if err != nil {
		b.Skip(err)
	}
	lines := bytes.Split(bytes.TrimSpace(text), []byte("\n"))
	v, err := view.Compile(must(os.ReadFile("../../../examples/views/conditions.json")), definition.R4())
	if err != nil {
		b.Fatal(err)
	}
	var out bytes.Buffer
	w, r := view.NewNDJSON(&out, v.Columns()), v.NewRunner(view.Options{})
	var doc tree.Doc
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		if err := doc.Parse(lines[i%len(lines)], tree.Limits{}); err != nil {
			b.Fatal(err)
		}
		if err := r.Run(&doc, w.Row); err != nil {
			b.Fatal(err)
		}
		if out.Len() > 1<<20 {
			out.Reset()
		}
		i++
	}
}
