package tree_test

import (
	"bufio"
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/ward-health/ward/clinical/fhir/tree"
)

// goldLines returns the resources of the public set, nil without it.
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

// BenchmarkParse parses the resources of the public set in turn.
func BenchmarkParse(b *testing.B) {
	lines := goldLines(b)
	if len(lines) == 0 {
		b.Skip("WARD_GOLD is not set")
	}
	size, nodes := 0, 0
	var d tree.Doc
	for _, l := range lines {
		if err := d.Parse(l, tree.Limits{}); err != nil {
			b.Fatal(err)
		}
		size += len(l)
		nodes += len(d.Nodes)
	}
	b.SetBytes(int64(size / len(lines)))
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		if err := d.Parse(lines[i%len(lines)], tree.Limits{}); err != nil {
			b.Fatal(err)
		}
		i++
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "resources/s")
	b.ReportMetric(float64(nodes)/float64(len(lines)), "nodes/resource")
}
