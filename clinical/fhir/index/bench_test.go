package index_test

import (
	"bufio"
	"bytes"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/ward-health/ward/clinical/fhir/definition"
	"github.com/ward-health/ward/clinical/fhir/index"
	"github.com/ward-health/ward/clinical/fhir/structure"
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

// engine is what one goroutine needs: parse, check and collect.
type engine struct {
	schema *structure.Schema
	index  *index.Index
	doc    tree.Doc
	check  structure.Checker
	values index.Collector
}

func (e *engine) run(src []byte) bool {
	if e.doc.Parse(src, tree.Limits{}) != nil {
		return false
	}
	t := e.index.Table(e.schema.Type(&e.doc, 0))
	ok := e.check.Check(e.schema, &e.doc, structure.Options{Watch: t.Watch})
	e.values.Collect(t, &e.doc, 0, e.check.Hits)
	return ok
}

func newEngine() *engine {
	s := structure.New(definition.R4())
	return &engine{schema: s, index: index.New(s, nil)}
}

// cpu is the processor time of this process.
func cpu() time.Duration {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		panic(err)
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// BenchmarkEngine is the strict structural pass with the search values of all search parameters of R4, on one core.
func BenchmarkEngine(b *testing.B) {
	lines := goldLines(b)
	if len(lines) == 0 {
		b.Skip("WARD_GOLD is not set")
	}
	e := newEngine()
	size, values := 0, 0
	for _, l := range lines {
		if !e.run(l) {
			b.Fatal(e.check.Issues)
		}
		size += len(l)
		values += len(e.values.Values)
	}
	b.SetBytes(int64(size / len(lines)))
	b.ReportAllocs()
	i, before := 0, cpu()
	for b.Loop() {
		e.run(lines[i%len(lines)])
		i++
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "resources/s")
	b.ReportMetric(float64(b.N)/(cpu()-before).Seconds(), "resources/cpu-s") // what a busy machine says too
	b.ReportMetric(float64(values)/float64(len(lines)), "values/resource")
}
