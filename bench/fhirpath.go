package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/ward-health/ward/clinical/fhir/definition"
	"github.com/ward-health/ward/clinical/fhir/tree"
	"github.com/ward-health/ward/clinical/fhirpath"
)

// evaluations are the expressions that are measured, with the suffix of the figure.
var evaluations = []struct{ suffix, text string }{
	{"", "name.family"},
	{".first", "name.given.first()"},
	{".where", "name.where(use = 'official').given"},
	{".exists", "telecom.exists() and identifier.exists()"},
	{".invariant", "name.all(family.exists() or given.exists() or extension.exists())"},
	{".choice", "extension('http://hl7.org/fhir/us/core/StructureDefinition/us-core-birthsex').value.ofType(code)"},
	{".date", "birthDate < @2000-01-01"},
}

// fhirpathEvals measures evaluations of compiled expressions on a Patient of synthea-10 that was read before, on one core, beside the npm package
// fhirpath on the same parsed resource with its R4 model. What both give has to be the same.
func fhirpathEvals(ctx context.Context, dir string) error {
	lines, err := syntheaLines()
	if err != nil {
		return err
	}
	var doc tree.Doc
	for _, l := range lines {
		if bytes.Contains(l, []byte(`"resourceType":"Patient"`)) {
			if err := doc.Parse(l, tree.Limits{}); err != nil {
				return err
			}
			break
		}
	}
	if len(doc.Nodes) == 0 {
		return fmt.Errorf("synthea-10 has no Patient")
	}
	file := filepath.Join(dir, "patient.json")
	if err := os.WriteFile(file, doc.Src, 0o600); err != nil {
		return err
	}
	theirs, wrong := npmEvaluations(ctx, file)
	root, err := fhirpath.Root(&doc, definition.R4())
	if err != nil {
		return err
	}
	c := fhirpath.Context{Set: definition.R4(), Resource: root, Root: root}
	for i, e := range evaluations {
		compiled, err := fhirpath.Compile(e.text, fhirpath.Options{})
		if err != nil {
			return fmt.Errorf("%s: %w", e.text, err)
		}
		var got fhirpath.Collection
		rate, err := perCPUSecond(1, func(int) (err error) {
			got, err = compiled.Append(got[:0], &c, root.Item())
			return err
		})
		if err != nil {
			return fmt.Errorf("%s: %w", e.text, err)
		}
		var other float64
		if wrong == nil {
			if said, want := texts(got), theirs[i].texts(); said != want {
				return fmt.Errorf("%s: %q, but the peer says %q", e.text, said, want)
			}
			other = theirs[i].Rate
		}
		withPeer("fhirpath.evals"+e.suffix, rate, "1/s", "npm-fhirpath-"+npmFhirpath, other, wrong)
	}
	return nil
}

func texts(all fhirpath.Collection) string {
	var out []string
	for _, v := range all {
		out = append(out, v.String())
	}
	return strings.Join(out, ", ")
}

// evaluation is what the peer says of one expression.
type evaluation struct {
	Rate   float64
	Result []any
}

func (e evaluation) texts() string {
	var out []string
	for _, v := range e.Result {
		out = append(out, fmt.Sprint(v))
	}
	return strings.Join(out, ", ")
}

func npmEvaluations(ctx context.Context, file string) (out []evaluation, err error) {
	peer, err := npm(ctx, "fhirpath", npmFhirpath)
	if err != nil {
		return nil, err
	}
	args := []string{filepath.Join(peer, "run.js"), file, "2"}
	for _, e := range evaluations {
		args = append(args, e.text)
	}
	cmd := exec.CommandContext(ctx, "node", args...)
	var said bytes.Buffer
	cmd.Stderr = &said
	text, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("fhirpath: %w: %.500s", err, said.String())
	}
	for dec := json.NewDecoder(bytes.NewReader(text)); dec.More(); {
		var e evaluation
		if err := dec.Decode(&e); err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	if len(out) != len(evaluations) {
		return nil, fmt.Errorf("fhirpath gave %d results for %d expressions", len(out), len(evaluations))
	}
	return out, nil
}
