package view_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ward-health/ward/clinical/fhir/definition"
	"github.com/ward-health/ward/clinical/fhir/tree"
	"github.com/ward-health/ward/clinical/fhir/view"
)

// suiteTests is the number of tests of the public suite of SQL on FHIR.
const suiteTests = 134

// suite is a file of the suite.
type suite struct {
	Resources []json.RawMessage
	Tests     []struct {
		Title         string
		View          json.RawMessage
		Expect        []map[string]any
		ExpectCount   *int
		ExpectError   bool
		ExpectColumns []string
	}
}

// TestSuite runs the public suite of SQL on FHIR. No exception is listed.
func TestSuite(t *testing.T) {
	const name = "sql-on-fhir"
	gold := os.Getenv("WARD_GOLD")
	if gold == "" {
		fmt.Printf("suite %s total %d pass 0 listed 0 notrun %d\n", name, suiteTests, suiteTests)
		t.Logf("WARD_GOLD is not set: %d tests were NOT RUN", suiteTests)
		if os.Getenv("WARD_REQUIRE_ALL") == "1" {
			t.Fatal("WARD_REQUIRE_ALL=1 and no WARD_GOLD")
		}
		return
	}
	files, err := filepath.Glob(filepath.Join(gold, "sql-on-fhir", "tests", "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	total, pass := 0, 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var s suite
		if err := json.Unmarshal(text, &s); err != nil {
			t.Fatal(err)
		}
		for i := range s.Tests {
			total++
			if t.Run(filepath.Base(file)+"/"+s.Tests[i].Title, func(t *testing.T) { s.run(t, i) }) {
				pass++
			}
		}
	}
	if total != suiteTests {
		t.Errorf("%d tests, want %d", total, suiteTests)
	}
	fmt.Printf("suite %s total %d pass %d listed 0 notrun 0\n", name, total, pass)
}

// run runs one test of the suite. Rows have no order.
func (s *suite) run(t *testing.T, i int) {
	test := s.Tests[i]
	columns, got, err := table(test.View, s.Resources)
	if test.ExpectError {
		if err == nil {
			t.Error("no error")
		}
		t.Log(err)
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if test.ExpectCount != nil {
		if len(got) != *test.ExpectCount {
			t.Errorf("%d rows, want %d", len(got), *test.ExpectCount)
		}
		return
	}
	if test.ExpectColumns != nil && !slices.Equal(columns, test.ExpectColumns) {
		t.Errorf("columns %v, want %v", columns, test.ExpectColumns)
	}
	if diff := cmp.Diff(sorted(t, test.Expect), sorted(t, got)); diff != "" {
		t.Error(diff)
	}
}

// table runs a view and returns its columns and its rows as an outside reader of NDJSON reads them.
func table(definitionText []byte, resources []json.RawMessage) (columns []string, rows []map[string]any, err error) {
	v, err := view.Compile(definitionText, definition.R4())
	if err != nil {
		return nil, nil, err
	}
	for _, c := range v.Columns() {
		columns = append(columns, c.Name)
	}
	var lines bytes.Buffer
	w := view.NewNDJSON(&lines, v.Columns())
	r := v.NewRunner(view.Options{})
	var doc tree.Doc
	for _, resource := range resources {
		if err := doc.Parse(resource, tree.Limits{}); err != nil {
			return nil, nil, err
		}
		if err := r.Run(&doc, w.Row); err != nil {
			return nil, nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, nil, err
	}
	for dec := json.NewDecoder(&lines); dec.More(); {
		var row map[string]any
		if err := dec.Decode(&row); err != nil {
			return nil, nil, err
		}
		rows = append(rows, row)
	}
	return columns, rows, nil
}

func sorted(t *testing.T, rows []map[string]any) (out []string) {
	t.Helper()
	for _, row := range rows {
		b, err := json.Marshal(row) // members in the order of their names
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, string(b))
	}
	slices.Sort(out)
	return out
}
