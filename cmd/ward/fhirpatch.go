package main

import (
	"bytes"
	"fmt"
	"os"

	"github.com/ward-health/ward/clinical/fhir/definition"
	"github.com/ward-health/ward/clinical/fhir/format"
	"github.com/ward-health/ward/clinical/fhir/patch"
	"github.com/ward-health/ward/clinical/fhir/tree"
	"github.com/ward-health/ward/clinical/fhir/xmltree"
	"github.com/ward-health/ward/cmd/ward/input"
)

type fhirPatchCmd struct {
	Patch string `arg:"" help:"File with the patch: an array is a JSON Patch, a Parameters resource (JSON or XML) a FHIRPath Patch, XML with the root diff or patch an XML Patch."`
	fhirInput
	fhirOutput
}

// Help is shown by ward fhir patch --help.
func (fhirPatchCmd) Help() string {
	return `Each resource is written in the form in which it came, with every byte that the patch does not name as it was. A patch of the other format is applied to the resource
in that format, and the result is written back. A patch applies whole or not at all; what fails is named by the number of the operation.

  echo '[{"op":"replace","path":"/active","value":false}]' > changes.json
  ward fhir patch changes.json patient.json
  ward fhir patch --out patched/ changes.json exports/

The result is not validated: ward fhir patch changes.json patient.json | ward fhir validate -`
}

// Run implements the verb.
func (c fhirPatchCmd) Run(s *session) error {
	set := definition.R4()
	apply, err := readPatch(set, c.Patch)
	if err != nil {
		return err
	}
	files, err := c.files()
	if err != nil {
		return err
	}
	in, err := c.together(files, s.in)
	if err != nil {
		return err
	}
	count := newTally(s, "patch")
	out := &sink{s: s, o: c.fhirOutput, paths: c.Paths, keeps: true}
	err = input.Run(s.ctx, files, in, func() func(input.Item) written {
		return func(item input.Item) written {
			if item.Err != nil {
				return written{err: item.Err}
			}
			text, err := apply(item.Text, item.Form)
			if err == nil && c.Pretty {
				text, err = c.pretty(set, text, item.Form)
			}
			if item.Line > 0 {
				text = append(text, '\n')
			}
			return written{item.Form, text, err}
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
	return count.end("could not be patched")
}

func (c fhirPatchCmd) pretty(set *definition.Set, text []byte, form input.Form) ([]byte, error) {
	if form == input.XML {
		var err error
		if text, err = format.XMLToJSON(set, text, tree.Limits{}); err != nil {
			return nil, err
		}
	}
	return c.render(set, text, form, "")
}

// readPatch reads a patch and returns what applies it to a resource in JSON or XML.
func readPatch(set *definition.Set, name string) (func(text []byte, form input.Form) ([]byte, error), error) {
	if name == "-" {
		return nil, misused("the patch is a file; - stands for the resources")
	}
	info, err := os.Stat(name)
	if err != nil {
		return nil, misused(err.Error())
	}
	if info.Size() > input.MaxResource {
		return nil, misused(fmt.Sprintf("%s is larger than %d MiB", name, input.MaxResource>>20))
	}
	p, err := os.ReadFile(name)
	if err != nil {
		return nil, misused(err.Error())
	}
	limits := patch.Limits{Bytes: input.MaxResource, Work: 1 << 30}
	head := bytes.TrimSpace(bytes.TrimPrefix(p, []byte("\xEF\xBB\xBF")))
	if bytes.HasPrefix(head, []byte("<")) {
		var d xmltree.Doc
		if err := d.Parse(p, tree.Limits{}); err != nil {
			return nil, misused(name + ": " + err.Error())
		}
		if d.Nodes[d.Root].Local != "Parameters" {
			return onForm(set, input.XML, func(text []byte) ([]byte, error) { return patch.XML(text, p, limits) }), nil
		}
		if p, err = format.XMLToJSON(set, p, tree.Limits{}); err != nil {
			return nil, misused(name + ": " + told(err))
		}
	}
	var d tree.Doc
	if err := d.Parse(p, tree.Limits{}); err != nil {
		return nil, misused(name + ": " + err.Error())
	}
	if d.Nodes[0].Kind == tree.Array {
		return onForm(set, input.JSON, func(text []byte) ([]byte, error) { return patch.JSON(text, p, limits) }), nil
	}
	if t := d.Member(0, "resourceType"); t == tree.None || string(d.Text(t)) != "Parameters" {
		return nil, misused(name + " is neither a JSON Patch (an array), nor a FHIRPath Patch (a Parameters resource), nor an XML Patch")
	}
	return onForm(set, input.JSON, func(text []byte) ([]byte, error) { return patch.FHIRPath(set, text, p, limits) }), nil
}

// onForm applies a patch of one format to resources of both.
func onForm(set *definition.Set, own input.Form, apply func([]byte) ([]byte, error)) func([]byte, input.Form) ([]byte, error) {
	toXML := func(text []byte) ([]byte, error) {
		return format.JSONToXML(set, text, false, tree.Limits{Bytes: input.MaxResource})
	}
	toJSON := func(text []byte) ([]byte, error) {
		return format.XMLToJSON(set, text, tree.Limits{Bytes: input.MaxResource})
	}
	return func(text []byte, form input.Form) ([]byte, error) {
		steps := []func([]byte) ([]byte, error){apply}
		switch {
		case own == input.XML && form != input.XML:
			steps = []func([]byte) ([]byte, error){toXML, apply, toJSON}
		case own != input.XML && form == input.XML:
			steps = []func([]byte) ([]byte, error){toJSON, apply, toXML}
		}
		for _, step := range steps {
			var err error
			if text, err = step(text); err != nil {
				return nil, err
			}
		}
		return text, nil
	}
}
