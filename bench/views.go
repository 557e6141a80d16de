package main

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/ward-health/ward/clinical/fhir/definition"
	"github.com/ward-health/ward/clinical/fhir/tree"
	"github.com/ward-health/ward/clinical/fhir/view"
	"github.com/ward-health/ward/clinical/fhir/view/parquet"
)

//go:embed peers/medications.json
var medications []byte

// sqlonfhir is the version of the peer of views.
const sqlonfhir = "0.0.2"

// viewRows measures rows of a view over the MedicationRequests of synthea-10, reading the JSON included, on one core: written as NDJSON (the
// figure without a suffix), as CSV and as Parquet. The peer reads the JSON and makes the rows in memory. The rows of both have to be equal.
func viewRows(ctx context.Context, dir string) error {
	lines, err := syntheaLines()
	if err != nil {
		return err
	}
	lines = slices.DeleteFunc(lines, func(l []byte) bool { return !bytes.Contains(l, []byte(`"resourceType":"MedicationRequest"`)) })
	v, err := view.Compile(medications, definition.R4())
	if err != nil {
		return err
	}
	p, err := view.NewParquet(io.Discard, v.Columns(), parquet.Options{})
	if err != nil {
		return err
	}
	theirs, wrong := viewPeer(ctx, dir, v, lines)
	for _, w := range []struct {
		suffix string
		w      view.Writer
	}{{"", view.NewNDJSON(io.Discard, v.Columns())}, {".csv", view.NewCSV(io.Discard, v.Columns())}, {".parquet", p}} {
		r, rows := v.NewRunner(view.Options{}), 0
		var doc tree.Doc
		emit := func(row []view.Value) error { rows++; return w.w.Row(row) }
		calls := 0
		rate, err := perCPUSecond(len(lines), func(i int) error {
			calls++
			if err := doc.Parse(lines[i], tree.Limits{}); err != nil {
				return err
			}
			return r.Run(&doc, emit)
		})
		if err != nil {
			return err
		}
		rate *= float64(rows) / float64(calls)
		if w.suffix == "" {
			withPeer("fhir.view", rate, "rows/s", "sqlonfhir-"+sqlonfhir, theirs, wrong)
		} else {
			figure("fhir.view"+w.suffix, rate, "rows/s")
		}
	}
	return nil
}

// viewPeer returns the rows per second of processor time of the Python package sqlonfhir, after checking that its rows are ours.
func viewPeer(ctx context.Context, dir string, v *view.View, lines [][]byte) (float64, error) {
	venv, err := cached("pip-sqlonfhir-"+sqlonfhir, func(dir string) error {
		for _, line := range [][]string{{python, "-m", "venv", dir}, {filepath.Join(dir, "bin", "python"), "-m", "pip", "install", "-q", "--disable-pip-version-check", "sqlonfhir==" + sqlonfhir}} {
			if out, err := exec.CommandContext(ctx, line[0], line[1:]...).CombinedOutput(); err != nil {
				return fmt.Errorf("%s: %w: %s", strings.Join(line, " "), err, out)
			}
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	file, err := linesFile(dir, lines)
	if err != nil {
		return 0, err
	}
	rows := filepath.Join(dir, "rows.ndjson")
	script, err := peerFiles.ReadFile("peers/view.py")
	if err != nil {
		return 0, err
	}
	for name, text := range map[string][]byte{"view.py": script, "view.json": medications} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			return 0, err
		}
	}
	cmd := exec.CommandContext(ctx, filepath.Join(venv, "bin", "python"), filepath.Join(dir, "view.py"), filepath.Join(dir, "view.json"), file, rows, "5")
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return 0, fmt.Errorf("sqlonfhir: %w: %.500s", err, said.String())
	}
	theirs, err := os.ReadFile(rows)
	if err != nil {
		return 0, err
	}
	var ours bytes.Buffer
	w := view.NewNDJSON(&ours, v.Columns())
	r := v.NewRunner(view.Options{})
	for _, l := range lines {
		var doc tree.Doc
		if err := doc.Parse(l, tree.Limits{}); err != nil {
			return 0, err
		}
		if err := r.Run(&doc, w.Row); err != nil {
			return 0, err
		}
	}
	if err := w.Close(); err != nil {
		return 0, err
	}
	if err := sameRows(ours.Bytes(), theirs); err != nil {
		return 0, err
	}
	return strconv.ParseFloat(strings.TrimSpace(string(out)), 64)
}

// sameRows compares NDJSON by meaning, in order.
func sameRows(a, b []byte) error {
	ours, theirs := json.NewDecoder(bytes.NewReader(a)), json.NewDecoder(bytes.NewReader(b))
	for n := 0; ; n++ {
		if !ours.More() || !theirs.More() {
			if ours.More() != theirs.More() || n == 0 {
				return fmt.Errorf("the peer has another number of rows; %d are equal", n)
			}
			return nil
		}
		var x, y map[string]any
		if err := ours.Decode(&x); err != nil {
			return err
		}
		if err := theirs.Decode(&y); err != nil {
			return err
		}
		p, _ := json.Marshal(x) // both were JSON
		q, _ := json.Marshal(y)
		if !bytes.Equal(p, q) {
			return fmt.Errorf("row %d of the peer is another", n)
		}
	}
}
