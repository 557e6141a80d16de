package view_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ward-health/ward/clinical/fhir/definition"
	"github.com/ward-health/ward/clinical/fhir/tree"
	"github.com/ward-health/ward/clinical/fhir/view"
	"github.com/ward-health/ward/clinical/fhir/view/parquet"
)

const readRows = `
import json, sys, pyarrow.parquet as q
for i in range(int(sys.argv[2])):
    for row in q.read_table("%s/%d.parquet" % (sys.argv[1], i)).to_pylist(): print(json.dumps(row))
`

// TestSuiteAsParquet: the rows of every view of the public suite are the same in Parquet, as an outside reader reads it, and in NDJSON.
func TestSuiteAsParquet(t *testing.T) {
	files, _ := filepath.Glob(filepath.Join(os.Getenv("WARD_GOLD"), "sql-on-fhir", "tests", "*.json"))
	if len(files) == 0 {
		return // TestSuite says so
	}
	python, dir := outside(t), t.TempDir()
	var want []string
	tables := 0
	for _, file := range files {
		var s suite
		if err := json.Unmarshal(must(os.ReadFile(file)), &s); err != nil {
			t.Fatal(err)
		}
		for i := range s.Tests {
			if s.Tests[i].ExpectError {
				continue
			}
			want = append(want, s.parquet(t, i, filepath.Join(dir, fmt.Sprintf("%d.parquet", tables)))...)
			tables++
		}
	}
	cmd := exec.CommandContext(t.Context(), python, "-c", readRows, dir, fmt.Sprint(tables))
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for dec := json.NewDecoder(bytes.NewReader(out)); dec.More(); {
		var row map[string]any
		if err := dec.Decode(&row); err != nil {
			t.Fatal(err)
		}
		got = append(got, string(must(json.Marshal(row))))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if len(want) < 300 || tables < 100 {
		t.Errorf("only %d rows of %d tables", len(want), tables)
	}
}

// parquet writes the rows of one view of the suite to a file, and returns them as JSON, decimals as the texts that SQL on FHIR makes of them.
func (s *suite) parquet(t *testing.T, i int, path string) (rows []string) {
	t.Helper()
	v, err := view.Compile(s.Tests[i].View, definition.R4())
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	p, err := view.NewParquet(file, v.Columns(), parquet.Options{GroupRows: 3})
	if err != nil {
		t.Fatal(err)
	}
	r := v.NewRunner(view.Options{})
	for _, resource := range s.Resources {
		var doc tree.Doc
		if err := doc.Parse(resource, tree.Limits{}); err != nil {
			t.Fatal(err)
		}
		err := r.Run(&doc, func(row []view.Value) error {
			cells := map[string]any{}
			for c, k := range v.Columns() {
				cells[k.Name] = plain(row[c])
			}
			rows = append(rows, string(must(json.Marshal(cells))))
			return p.Row(row)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	return rows
}

// plain is a cell as JSON packs it.
func plain(v view.Value) any {
	switch v.Kind {
	case view.Boolean:
		return v.Int != 0
	case view.Integer:
		return v.Int
	case view.List:
		out := []any{}
		for _, item := range v.Items {
			out = append(out, plain(item))
		}
		return out
	case view.Null:
		return nil
	}
	return string(v.Text)
}
