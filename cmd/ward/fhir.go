package main

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/ward-health/ward/clinical/fhir/definition"
	"github.com/ward-health/ward/clinical/fhir/format"
	"github.com/ward-health/ward/clinical/fhir/tree"
	"github.com/ward-health/ward/cmd/ward/input"
)

type fhirCmd struct {
	Validate fhirValidateCmd `cmd:"" help:"Check resources and say what is wrong where."`
	Path     fhirPathCmd     `cmd:"" help:"Evaluate a FHIRPath expression on resources."`
	Values   fhirValuesCmd   `cmd:"" help:"Show the search values of resources, as searches compare them."`
	View     fhirViewCmd     `cmd:"" help:"Make a table of resources by a ViewDefinition: CSV, NDJSON or Parquet."`
	Convert  fhirConvertCmd  `cmd:"" help:"Write resources as JSON, NDJSON, XML or canonical JSON."`
	Patch    fhirPatchCmd    `cmd:"" help:"Apply a patch to resources and write the results."`
}

// Help is shown by ward fhir --help.
func (fhirCmd) Help() string {
	return `These verbs work on files alone: FHIR R4 resources as .json, .ndjson (one resource a line), .jsonl or .xml, directories of them at any depth, and - for standard
input, whose form is recognised. No node, no data directory and no network are used, and nothing is kept.

  ward fhir validate patient.json exports/          what is wrong, with file, line and column
  ward fhir path 'Patient.name.given' patient.json  what an expression gives
  ward fhir values --param birthdate patient.json   what searches compare with
  ward fhir view patients.view.json exports/        a table
  ward fhir convert --to xml patient.json           the same resource in XML
  ward fhir convert --to ndjson bundles/ > all.ndjson
  ward fhir patch changes.json patient.json         JSON Patch, XML Patch or FHIRPath Patch

Several resources are worked on at once, on all cores; the output is in the order of the input. Exit codes: 0 all is well, 1 a resource is not valid, cannot be
read or changed, 2 wrong usage.`
}

// fhirInput is what every verb on files takes.
type fhirInput struct {
	Paths []string `arg:"" name:"path" help:"Files (.json, .ndjson, .jsonl, .xml), directories of them, or - for standard input."`
}

// files lists the files to read.
func (in fhirInput) files() ([]string, error) {
	list, err := input.Files(in.Paths)
	if err != nil {
		return nil, misused(err.Error())
	}
	return list, nil
}

// fhirPackages are the definitions that a verb uses beside those of R4.
type fhirPackages struct {
	Package []string `help:"FHIR package (.tgz) whose definitions are used too, such as US Core; may be given several times." placeholder:"FILE" sep:"none"`
}

// set reads the packages.
func (p fhirPackages) set(s *session) (*definition.Set, error) {
	all, err := p.read()
	if err != nil {
		return nil, err
	}
	return joined(s, all), nil
}

func (p fhirPackages) read() (all []*definition.Package, err error) {
	for _, name := range p.Package {
		f, err := os.Open(name)
		if err != nil {
			return nil, misused(err.Error())
		}
		one, err := definition.ReadPackage(f, definition.PackageLimits{})
		f.Close()
		if err != nil {
			return nil, errors.New(name + ": " + told(err))
		}
		all = append(all, one)
	}
	return all, nil
}

// joined is R4 with the packages; what they refer to and is not there is told.
func joined(s *session, all []*definition.Package) *definition.Set {
	if len(all) == 0 {
		return definition.R4()
	}
	set, missing := definition.R4().With(all...)
	if len(missing) > 0 {
		fmt.Fprintf(s.err, "ward: the packages name %d definitions that are not there; what refers to them is not checked. The first: %s\n", len(missing), missing[0].Text)
	}
	return set
}

// asJSON returns the JSON of an item.
func asJSON(set *definition.Set, item input.Item) ([]byte, error) {
	switch {
	case item.Err != nil:
		return nil, item.Err
	case item.Form == input.XML:
		return format.XMLToJSON(set, item.Text, tree.Limits{Bytes: input.MaxResource})
	}
	return item.Text, nil
}

// tally counts what a run has worked on, shows its progress and tells the outcome.
type tally struct {
	s         *session
	meter     *meter
	done, bad int64
	shown     time.Time
}

func newTally(s *session, verb string) *tally {
	return &tally{s: s, meter: newMeter(s.err, "ward fhir "+verb), shown: time.Now()}
}

// one counts a resource; ok says that it is as it should be.
func (t *tally) one(ok bool) {
	t.done++
	if !ok {
		t.bad++
	}
	if time.Since(t.shown) > 200*time.Millisecond {
		t.shown = time.Now()
		t.meter.at(t.done, 0)
	}
}

// failed counts a resource that could not be worked on and says why.
func (t *tally) failed(item input.Item, err error) {
	t.one(false)
	t.meter.end()
	fmt.Fprintf(t.s.err, "%s: %s\n", item.Source(), told(err))
}

// end tells how it went; what says what could not be done with the bad ones.
func (t *tally) end(what string) error {
	t.meter.end()
	switch {
	case t.bad > 0:
		return fmt.Errorf("%d of %d resources %s", t.bad, t.done, what)
	case t.done == 0:
		return errors.New("there is no resource in the input")
	}
	return nil
}

// where is the place of a finding: file, line (of NDJSON: of the file) and column.
func where(item input.Item, line, column int) string {
	switch {
	case line == 0:
		return item.Source()
	case item.Line > 0:
		return fmt.Sprintf("%s:%d", item.Source(), column)
	}
	return fmt.Sprintf("%s:%d:%d", item.Source(), line, column)
}
