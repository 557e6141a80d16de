package structure_test

import (
	"bufio"
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/ward-health/ward/clinical/fhir/definition"
	"github.com/ward-health/ward/clinical/fhir/structure"
	"github.com/ward-health/ward/clinical/fhir/tree"
)

func goldLines(t testing.TB) (lines [][]byte) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(os.Getenv("WARD_GOLD"), "synthea-10", "*.ndjson"))
	if err != nil || os.Getenv("WARD_GOLD") == "" {
		return nil
	}
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		s := bufio.NewScanner(f)
		s.Buffer(nil, 16<<20)
		for s.Scan() {
			lines = append(lines, bytes.Clone(s.Bytes()))
		}
		if err := s.Err(); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return lines
}

func TestSynthea(t *testing.T) {
	s := structure.New(definition.R4())
	var c structure.Checker
	var d tree.Doc
	bad := map[string]int{}
	for _, l := range goldLines(t) {
		if err := d.Parse(l, tree.Limits{}); err != nil {
			t.Fatal(err)
		}
		if !c.Check(s, &d, structure.Options{}) {
			for _, i := range c.Issues {
				k := i.ID + " " + i.Text
				if bad[k]++; bad[k] < 4 {
					t.Logf("%+v", i)
				}
			}
		}
	}
	t.Log(bad)
}

func BenchmarkCheck(b *testing.B) {
	lines := goldLines(b)
	if len(lines) == 0 {
		b.Skip("WARD_GOLD is not set")
	}
	s := structure.New(definition.R4())
	var c structure.Checker
	var d tree.Doc
	size := 0
	for _, l := range lines {
		size += len(l)
		if err := d.Parse(l, tree.Limits{}); err != nil {
			b.Fatal(err)
		}
		c.Check(s, &d, structure.Options{})
	}
	b.SetBytes(int64(size / len(lines)))
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		if err := d.Parse(lines[i%len(lines)], tree.Limits{}); err != nil {
			b.Fatal(err)
		}
		c.Check(s, &d, structure.Options{})
		i++
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "resources/s")
}
