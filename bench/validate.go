package main

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/ward-health/ward/clinical/fhir/definition"
	"github.com/ward-health/ward/clinical/fhir/index"
	"github.com/ward-health/ward/clinical/fhir/issue"
	"github.com/ward-health/ward/clinical/fhir/structure"
	"github.com/ward-health/ward/clinical/fhir/tree"
	"github.com/ward-health/ward/clinical/fhir/validate"
)

// engineLeast is the processor time of a measurement of the FHIR engine.
const engineLeast = 3 * time.Second

// gold returns a folder of the public test data.
func gold(name string) (string, error) {
	root := os.Getenv("WARD_GOLD")
	if root == "" {
		return "", fmt.Errorf("WARD_GOLD is not set: the resources that are measured stand there")
	}
	return filepath.Join(root, name), nil
}

// syntheaLines returns the resources of synthea-10 in a fixed order that mixes the types, so that a peer which comes through a part
// of them only has seen the same mixture.
func syntheaLines() (out [][]byte, err error) {
	dir, err := gold("synthea-10")
	if err != nil {
		return nil, err
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.ndjson"))
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		for line := range bytes.Lines(text) {
			if line = bytes.TrimSpace(line); len(line) > 0 {
				out = append(out, line)
			}
		}
	}
	if len(out) < 1000 {
		return nil, fmt.Errorf("%s has only %d resources", dir, len(out))
	}
	r := rand.New(rand.NewPCG(10, 10))
	r.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out, nil
}

// linesFile writes the lines for peers.
func linesFile(dir string, lines [][]byte) (string, error) {
	file := filepath.Join(dir, "resources.ndjson")
	return file, os.WriteFile(file, append(bytes.Join(lines, []byte("\n")), '\n'), 0o600)
}

// perCPUSecond calls f for one item after the other on one core and returns how many a second of this process's processor time yields.
// Every item was handled once before, so that tables are warm.
func perCPUSecond(items int, f func(i int) error) (float64, error) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	for i := range items {
		if err := f(i); err != nil {
			return 0, err
		}
	}
	runtime.GC()
	start, err := processorTime()
	if err != nil {
		return 0, err
	}
	for n := 0; ; {
		for range 256 {
			if err := f(n % items); err != nil {
				return 0, err
			}
			n++
		}
		now, err := processorTime()
		if err != nil {
			return 0, err
		}
		if now-start >= engineLeast {
			return float64(n) / (now - start).Seconds(), nil
		}
	}
}

// validateStructural measures reading, the structural pass and the search values of all parameters of R4, on one core. All resources are
// valid, or the run fails. The npm package fhir reads, checks structure, types, cardinalities and required codes, and takes no search values; the
// HL7 validator does more: it checks invariants and the terminology that it has.
func validateStructural(ctx context.Context, dir string) error {
	lines, err := syntheaLines()
	if err != nil {
		return err
	}
	schema := structure.New(definition.R4())
	search := index.New(schema, nil)
	var doc tree.Doc
	var check structure.Checker
	var values index.Collector
	found := 0
	ours, err := perCPUSecond(len(lines), func(i int) error {
		if err := doc.Parse(lines[i], tree.Limits{}); err != nil {
			return err
		}
		table := search.Table(schema.Type(&doc, 0))
		if table == nil {
			return fmt.Errorf("resource %d has no type", i)
		}
		if !check.Check(schema, &doc, structure.Options{Watch: table.Watch}) {
			return fmt.Errorf("resource %d: %s", i, check.Issues[0].Text)
		}
		values.Collect(table, &doc, 0, check.Hits)
		found += len(values.Values)
		return nil
	})
	if err != nil {
		return err
	}
	if found == 0 {
		return fmt.Errorf("no search values were found")
	}
	file, err := linesFile(dir, lines)
	if err != nil {
		return err
	}
	const name, unit = "fhir.validate.structural", "resources/s"
	theirs, err := npmValidations(ctx, file)
	withPeer(name, ours, unit, "npm-fhir-"+npmFhir, theirs.rate, err)
	theirs, err = hl7Validations(ctx, file, "")
	withPeer(name+".hl7", ours, unit, "hl7-validator-hapi-"+hapi, theirs.rate, err)
	return nil
}

// withPeer prints a figure with its peer, or alone where the peer did not run, and says why.
func withPeer(name string, ours float64, unit, peer string, theirs float64, err error) {
	if err != nil {
		figure(name, ours, unit)
		fmt.Printf("# the peer %s did not run: %v\n", peer, err)
		return
	}
	against(name, ours, unit, peer, theirs, true)
}

// validateUSCore measures whole validation on one core: structure, invariants, bindings, references, extensions, and the profiles of US Core 6.1.0
// that nearly all of these resources claim. The HL7 validator is given the same package and does the same, with the code systems that it brings; both
// know no SNOMED CT, LOINC or RxNorm. Resources with errors are counted: where a value set needs LOINC the peer says error and Ward says that it
// cannot tell; of a dose without a code, where a maximal value set is bound, Ward says error.
func validateUSCore(ctx context.Context, dir string) error {
	lines, err := syntheaLines()
	if err != nil {
		return err
	}
	pack, err := gold(filepath.Join("us-core", "us_core_610.tgz"))
	if err != nil {
		return err
	}
	file, err := os.Open(pack)
	if err != nil {
		return err
	}
	defer file.Close()
	p, err := definition.ReadPackage(file, definition.DefaultPackageLimits)
	if err != nil {
		return err
	}
	set, _ := definition.R4().With(p) // what it depends on and is not there is listed in warnings of the resources
	v := validate.New(set, validate.Options{})
	var doc tree.Doc
	seen, wrong := 0, 0
	ours, err := perCPUSecond(len(lines), func(i int) error {
		if err := doc.Parse(lines[i], tree.Limits{}); err != nil {
			return err
		}
		seen++
		if !issue.Valid(v.Validate(&doc)) {
			wrong++
		}
		return nil
	})
	if err != nil {
		return err
	}
	resources, err := linesFile(dir, lines)
	if err != nil {
		return err
	}
	theirs, failed := hl7Validations(ctx, resources, pack)
	withPeer("fhir.validate.us-core", ours, "resources/s", "hl7-validator-hapi-"+hapi, theirs.rate, failed)
	fmt.Printf("# with an error: ward %d of %d, the peer %d of %d\n", wrong, seen, theirs.wrong, theirs.done)
	return nil
}
