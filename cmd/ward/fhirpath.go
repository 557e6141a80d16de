package main

import (
	"bytes"
	"encoding/json"

	"github.com/ward-health/ward/clinical/fhir/tree"
	"github.com/ward-health/ward/clinical/fhir/validate"
	"github.com/ward-health/ward/clinical/fhirpath"
	"github.com/ward-health/ward/cmd/ward/input"
)

type fhirPathCmd struct {
	Expression string `arg:"" help:"FHIRPath expression, in quotes."`
	fhirInput
	fhirPackages
}

// Help is shown by ward fhir path --help.
func (fhirPathCmd) Help() string {
	return `A line for each item of the result: texts, numbers, dates and quantities as they are, other elements as JSON; with several resources each line begins with the name of its resource. With --json a line for
each resource: {"source":"...","result":[...]}. The expression is evaluated on each resource; what begins with another type's name gives nothing. memberOf(), conformsTo(), slice()
and elementDefinition() know R4 and the packages of --package.

  ward fhir path 'Patient.name.given' patient.json
  ward fhir path 'Patient.birthDate < @1950' --json patients.ndjson
  ward fhir path "Observation.value.ofType(Quantity).where(unit = 'mg/dL').value" exports/
  ward fhir path --package us-core.tgz "conformsTo('http://hl7.org/fhir/us/core/StructureDefinition/us-core-patient')" patient.json
  ward fhir path 'Patient.gender.elementDefinition().binding.valueSet' patient.json`
}

// Run implements the verb.
func (c fhirPathCmd) Run(s *session) error {
	e, err := fhirpath.Compile(c.Expression, fhirpath.Options{})
	if err != nil {
		return misused("the expression is not FHIRPath: " + err.Error())
	}
	files, err := c.files()
	if err != nil {
		return err
	}
	set, err := c.set(s)
	if err != nil {
		return err
	}
	all := validate.New(set, validate.Options{})
	count := newTally(s, "path")
	err = input.Run(s.ctx, files, s.in, func() func(input.Item) written {
		p := &pathing{all: all, e: e, json: s.json, many: len(files) > 1}
		return func(item input.Item) written { return p.lines(item) }
	}, func(item input.Item, w written) error {
		if w.err != nil {
			count.failed(item, w.err)
			return nil //nolint:nilerr // it is counted, and the others go on
		}
		count.one(true)
		_, err := s.out.Write(w.text)
		return err
	})
	if err != nil {
		return err
	}
	return count.end("could not be read or evaluated")
}

// pathing evaluates one resource after another; each worker has its own.
type pathing struct {
	all  *validate.Validator
	e    *fhirpath.Expression
	json bool
	many bool // there are several files
	doc  tree.Doc
}

// lines is what is printed for a resource.
func (p *pathing) lines(item input.Item) written {
	text, err := asJSON(p.all.Set(), item)
	if err == nil {
		err = p.doc.Parse(text, tree.Limits{Bytes: input.MaxResource})
	}
	if err != nil {
		return written{err: err}
	}
	root, err := fhirpath.Root(&p.doc, p.all.Set())
	if err != nil {
		return written{err: err}
	}
	result, err := p.e.Eval(p.all.Context(root), root)
	if err != nil {
		return written{err: err}
	}
	if p.json {
		return p.object(item, result)
	}
	var b bytes.Buffer
	for _, v := range result {
		if p.many || item.Line > 0 {
			b.WriteString(item.Source() + ": ")
		}
		if text, ok := v.Text(); ok {
			b.WriteString(plain(text))
		} else {
			b.Write(jsonOf(v))
		}
		b.WriteByte('\n')
	}
	return written{text: b.Bytes()}
}

func (p *pathing) object(item input.Item, result fhirpath.Collection) written {
	all := make([]json.RawMessage, len(result))
	for i, v := range result {
		all[i] = jsonOf(v)
	}
	line, err := json.Marshal(struct {
		Source string            `json:"source"`
		Result []json.RawMessage `json:"result"`
	}{item.Source(), all})
	return written{text: append(line, '\n'), err: err}
}

func isNumberOrBoolean(v fhirpath.Value) bool {
	return v.Kind() == fhirpath.KindBoolean || v.Kind() == fhirpath.KindInteger || v.Kind() == fhirpath.KindDecimal
}

// jsonOf is the JSON of an item: of an element as it is written, without white space.
func jsonOf(v fhirpath.Value) []byte {
	if n, ok := v.Node(); ok {
		if n.Value < 0 {
			return []byte("null")
		}
		var b bytes.Buffer
		if json.Compact(&b, n.Doc.Raw(n.Value)) != nil {
			return []byte("null")
		}
		return b.Bytes()
	}
	if isNumberOrBoolean(v) {
		return []byte(v.String())
	}
	b, err := json.Marshal(v.String())
	if err != nil {
		return []byte("null")
	}
	return b
}
