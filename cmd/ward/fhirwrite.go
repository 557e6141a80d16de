package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/ward-health/ward/clinical/fhir/definition"
	"github.com/ward-health/ward/clinical/fhir/format"
	"github.com/ward-health/ward/clinical/fhir/tree"
	"github.com/ward-health/ward/cmd/ward/input"
)

// fhirOutput is how the verbs that write resources write them.
type fhirOutput struct {
	Out    string `help:"Write each resource into a file of its own under this directory; no file is overwritten." placeholder:"DIR" type:"path"`
	Pretty bool   `help:"Indent JSON and XML."`
}

// written is a resource as it is to be written, or why there is none.
type written struct {
	form input.Form
	text []byte
	err  error
}

// render writes JSON in a form; canonical "" is JSON as it is, compact or indented.
func (o fhirOutput) render(set *definition.Set, text []byte, to input.Form, canonical format.Canonicalization) ([]byte, error) {
	if to == input.XML {
		return format.JSONToXML(set, text, o.Pretty, tree.Limits{Bytes: input.MaxResource})
	}
	var d tree.Doc
	if err := d.Parse(text, tree.Limits{Bytes: input.MaxResource}); err != nil {
		return nil, err
	}
	if canonical != "" {
		return format.AppendCanonical(nil, &d, canonical), nil
	}
	var b bytes.Buffer
	var err error
	if o.Pretty && to == input.JSON {
		err = json.Indent(&b, bytes.TrimSpace(text), "", "  ")
	} else {
		err = json.Compact(&b, text)
	}
	return append(b.Bytes(), '\n'), err
}

// sink is where resources are written to: files, or one after another to standard output.
type sink struct {
	s     *session
	o     fhirOutput
	paths []string // that were named
	lines bool     // what is written are lines
	keeps bool     // what came as lines is written as lines
	n     int
	held  []byte // the one resource that is no line, kept until it is known that there is no other
	alone bool   // there was one that is no line
}

var errSeveral = misused("there are several resources, and nothing can hold them one after another but lines: name a directory for them with --out, or make them lines with ward fhir convert --to ndjson")

// together refuses files that cannot be written one after another as they came, before any is read. It returns what is left of stdin.
func (o fhirOutput) together(files []string, stdin io.Reader) (io.Reader, error) {
	if o.Out != "" || len(files) == 1 {
		return stdin, nil
	}
	alone, stdin := input.NoLines(files, stdin)
	if alone != "" {
		return nil, errSeveral
	}
	return stdin, nil
}

// next counts a resource, whether it can be written or not. One that is no line stands alone in a stream: a second resource is wrong usage, and then it is not
// printed either. Files of lines that cannot be read stand in nobody's way.
func (k *sink) next(item input.Item) error {
	if k.o.Out != "" || k.keeps && item.Err != nil {
		return nil //nolint:nilerr // it is counted where it is written
	}
	k.n++
	line := k.line(item)
	if k.n > 1 && (k.alone || !line) {
		return errSeveral
	}
	k.alone = !line
	return nil
}

func (k *sink) line(item input.Item) bool { return k.lines || k.keeps && item.Line > 0 }

// write writes the resource that next has counted.
func (k *sink) write(item input.Item, w written) error {
	switch {
	case k.o.Out != "":
		return k.file(item, w)
	case !k.line(item):
		k.held = w.text
		return nil
	}
	_, err := k.s.out.Write(w.text)
	return err
}

// end writes what was held.
func (k *sink) end() error {
	_, err := k.s.out.Write(k.held)
	return err
}

// file writes a resource into a file of its own: its place under the path that was named, with the ending of the form.
func (k *sink) file(item input.Item, w written) error {
	name := "stdin"
	if item.File != "-" {
		name = filepath.Base(item.File)
		for _, p := range k.paths {
			if rel, err := filepath.Rel(p, item.File); err == nil && rel != "." && filepath.IsLocal(rel) {
				name = rel
				break
			}
		}
		name = strings.TrimSuffix(name, filepath.Ext(name))
	}
	if item.Line > 0 {
		name = fmt.Sprintf("%s-%d", name, item.Line)
	}
	name = filepath.Join(k.o.Out, name+map[input.Form]string{input.JSON: ".json", input.NDJSON: ".ndjson", input.XML: ".xml"}[w.form])
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if _, err := f.Write(w.text); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}
