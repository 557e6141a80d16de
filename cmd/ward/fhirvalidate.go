package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/clinical/fhir/definition"
	"github.com/ward-health/ward/clinical/fhir/format"
	"github.com/ward-health/ward/clinical/fhir/issue"
	"github.com/ward-health/ward/clinical/fhir/tree"
	"github.com/ward-health/ward/clinical/fhir/validate"
	"github.com/ward-health/ward/cmd/ward/input"
)

type fhirValidateCmd struct {
	fhirInput
	fhirPackages
	fhirWith
	Resolve      bool     `help:"A relative reference to what is neither in the input nor in --with is an error. The whole input is held in memory."`
	Profile      []string `help:"Canonical URL of a profile that every resource has to hold, beside those it claims; may be given several times." placeholder:"URL" sep:"none"`
	BestPractice bool     `help:"Check best practice too and report it as warnings."`
	ErrorsOnly   bool     `help:"Do not print warnings and hints."`
}

// Help is shown by ward fhir validate --help.
func (fhirValidateCmd) Help() string {
	return `Checked are the structure, the invariants and required codes of R4, the profiles that a resource claims in meta.profile and those of --profile. A package brings profiles,
extensions, value sets and Questionnaires; --with brings single ones, and the resources that references point at. What is claimed and not there is a warning, since it was not
checked; with --resolve a reference to what is not there is an error.

A line for each finding: file, line and column; severity; the element as FHIRPath; what was expected; the stable id of the rule. With --json a line for each resource: an
OperationOutcome whose meta.source names the resource. No value of a resource is printed.

  ward fhir validate patient.json
  ward fhir validate --errors-only exports/ > findings.txt
  ward fhir validate --package us-core.tgz --profile http://hl7.org/fhir/us/core/StructureDefinition/us-core-patient patient.json
  ward fhir validate --with my-profiles/ --with questionnaire.xml responses.ndjson
  ward fhir validate --resolve exports/
  curl -s https://example.org/fhir/Patient/1 | ward fhir validate --json -`
}

// Run implements the verb.
func (c fhirValidateCmd) Run(s *session) error {
	files, err := c.files()
	if err != nil {
		return err
	}
	known := &input.Known{}
	set, err := c.definitions(s, known)
	if err != nil {
		return err
	}
	for _, url := range c.Profile {
		if set.Structure(url) == nil {
			return misused("the profile " + url + " is neither in R4 nor in what is given by --package and --with")
		}
	}
	o := validate.Options{Resource: known.Resource, Target: known.Target, MustResolve: c.Resolve}
	if c.BestPractice {
		o.BestPractice = issue.Warning
	}
	all := validate.New(set, o)
	work := func() func(input.Item) []issue.Issue {
		v := &validation{all: all, profiles: c.Profile}
		return v.check
	}
	count := &findings{tally: newTally(s, "validate"), c: c}
	if c.Resolve {
		var items []input.Item
		if items, err = readAll(s, set, files, known); err == nil {
			err = input.RunItems(s.ctx, items, work, count.one)
		}
	} else {
		err = input.Run(s.ctx, files, s.in, work, count.one)
	}
	return count.end(err)
}

// definitions are those of R4, the packages and --with. The resources of --with, and Questionnaires of packages, are added to known.
func (c fhirValidateCmd) definitions(s *session, known *input.Known) (*definition.Set, error) {
	packages, err := c.read()
	if err != nil {
		return nil, err
	}
	for _, p := range packages {
		for _, q := range p.Questionnaires() {
			if err := known.Add(q, nil); err != nil {
				return nil, fmt.Errorf("a Questionnaire of the package %s: %w", p.Name, err)
			}
		}
	}
	own, err := c.with(s, known)
	if err != nil {
		return nil, err
	}
	if own != nil {
		packages = append(packages, own) // the last: it stands before the packages
	}
	return joined(s, packages), nil
}

// findings counts and prints what is found.
type findings struct {
	*tally
	c              fhirValidateCmd
	errs, warnings int
}

func (f *findings) one(item input.Item, found []issue.Issue) error {
	f.tally.one(issue.Valid(found))
	for _, i := range found {
		switch {
		case i.Severity <= issue.Error:
			f.errs++
		case i.Severity == issue.Warning:
			f.warnings++
		}
	}
	return f.c.print(f.s, item, found)
}

// end tells how it went; err is what ended it before the end of the input.
func (f *findings) end(err error) error {
	f.meter.end()
	if err != nil {
		return err
	}
	if !f.s.json {
		fmt.Fprintf(f.s.err, "%d resources, %d not valid: %d errors, %d warnings\n", f.done, f.bad, f.errs, f.warnings)
	}
	return f.tally.end("are not valid")
}

// print writes what was found of one resource.
func (c fhirValidateCmd) print(s *session, item input.Item, found []issue.Issue) error {
	shown := found[:0:0]
	for _, i := range found {
		if !c.ErrorsOnly || i.Severity <= issue.Error {
			shown = append(shown, i)
		}
	}
	if s.json {
		_, err := s.out.Write(outcomeLine(item, shown))
		return err
	}
	for _, i := range shown {
		at := i.Expression
		if at != "" {
			at += ": "
		}
		if _, err := fmt.Fprintf(s.out, "%s: %s: %s%s [%s]\n", where(item, i.Line, i.Column), i.Severity, at, i.Text, i.ID); err != nil {
			return err
		}
	}
	return nil
}

// outcomeLine is an OperationOutcome on a line of its own.
func outcomeLine(item input.Item, found []issue.Issue) []byte {
	const head = `{"resourceType":"OperationOutcome"`
	source, err := json.Marshal(item.Source())
	if err != nil {
		source = []byte(`""`)
	}
	body, _ := bytes.CutPrefix(issue.Outcome(found), []byte(head))
	return append(append(append([]byte(head+`,"meta":{"source":`), source...), '}'), append(body, '\n')...)
}

// validation checks one resource after another; each worker has its own.
type validation struct {
	all      *validate.Validator
	profiles []string
	doc      tree.Doc
}

func (v *validation) check(item input.Item) []issue.Issue {
	text, places, err := item.Text, (*format.Places)(nil), item.Err
	if err == nil && item.Form == input.XML {
		text, places, err = format.XMLToJSONPlaced(v.all.Set(), item.Text, tree.Limits{Bytes: input.MaxResource})
	}
	if err == nil {
		err = v.doc.Parse(text, tree.Limits{Bytes: input.MaxResource})
	}
	if err != nil {
		return []issue.Issue{unread(err)}
	}
	found := v.all.Validate(&v.doc, v.profiles...)
	if places != nil {
		places.Move(found)
	}
	return found
}

// unread is the finding of a text that could not be read: as JSON, as XML, or at all.
func unread(err error) issue.Issue {
	i := issue.Issue{Severity: issue.Fatal, Code: "structure", ID: "unreadable", Text: err.Error()}
	var t *tree.Error
	var w *ward.Error
	switch {
	case errors.As(err, &t):
		i.ID, i.Line, i.Column, i.Text = "json-syntax", t.Line, t.Column, t.Text
		if t.TooLarge {
			i.ID, i.Code = "json-limit", "too-long"
		}
	case errors.As(err, &w):
		i.ID, i.Expression, i.Text = "xml-form", w.Path, w.Public
		var at *format.Error
		if errors.As(err, &at) {
			i.Line, i.Column, i.Text = at.Line, at.Column, at.Text
		}
		if w.Kind == ward.TooLarge {
			i.ID, i.Code = "xml-limit", "too-long"
		}
	}
	return i
}
