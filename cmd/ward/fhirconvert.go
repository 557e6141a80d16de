package main

import (
	"github.com/ward-health/ward/clinical/fhir/definition"
	"github.com/ward-health/ward/clinical/fhir/format"
	"github.com/ward-health/ward/cmd/ward/input"
)

type fhirConvertCmd struct {
	fhirInput
	fhirOutput
	To        string `help:"json, ndjson or xml." enum:"json,ndjson,xml" required:""`
	Canonical string `help:"Canonical JSON: json (all), data (no text), static (no text and meta), narrative (id and text), document (no id and meta)." enum:",json,data,static,narrative,document" default:"" placeholder:"FORM"`
}

// Help is shown by ward fhir convert --help.
func (fhirConvertCmd) Help() string {
	return `Decimals keep their digits and narratives their characters. What the other format cannot carry is refused, never changed: elements that R4 does not define, control
characters in XML, narratives that are no XHTML.

  ward fhir convert --to xml --pretty patient.json
  ward fhir convert --to json --out converted/ exports/
  ward fhir convert --to json --canonical static patient.xml | sha256sum`
}

// Run implements the verb.
func (c fhirConvertCmd) Run(s *session) error {
	to := map[string]input.Form{"json": input.JSON, "ndjson": input.NDJSON, "xml": input.XML}[c.To]
	canonical := format.Canonicalization("")
	switch {
	case c.Canonical != "" && (to == input.XML || c.Pretty):
		return misused("--canonical is a form of JSON without white space")
	case c.Canonical == "json":
		canonical = format.Canonical
	case c.Canonical != "":
		canonical = format.Canonical + format.Canonicalization("#"+c.Canonical)
	}
	files, err := c.files()
	if err != nil {
		return err
	}
	set := definition.R4()
	count := newTally(s, "convert")
	out := &sink{s: s, o: c.fhirOutput, paths: c.Paths, lines: to == input.NDJSON}
	err = input.Run(s.ctx, files, s.in, func() func(input.Item) written {
		return func(item input.Item) written {
			text, err := asJSON(set, item)
			if err == nil {
				text, err = c.render(set, text, to, canonical)
			}
			if canonical != "" && to == input.NDJSON {
				text = append(text, '\n')
			}
			return written{to, text, err}
		}
	}, func(item input.Item, w written) error {
		if err := out.next(item); err != nil {
			return err
		}
		if w.err != nil {
			count.failed(item, w.err)
			return nil //nolint:nilerr // it is counted, and the others go on
		}
		count.one(true)
		return out.write(item, w)
	})
	if err == nil {
		err = out.end()
	}
	if err != nil {
		return err
	}
	return count.end("could not be converted")
}
