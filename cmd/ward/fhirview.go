package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/ward-health/ward/clinical/fhir/definition"
	"github.com/ward-health/ward/clinical/fhir/tree"
	"github.com/ward-health/ward/clinical/fhir/view"
	"github.com/ward-health/ward/clinical/fhir/view/parquet"
	"github.com/ward-health/ward/cmd/ward/input"
)

type fhirViewCmd struct {
	View string `arg:"" help:"File with the ViewDefinition (JSON)."`
	fhirInput
	fhirPackages
	Format string `help:"csv, ndjson or parquet." enum:"csv,ndjson,parquet" default:"csv"`
	Out    string `help:"Write the table into this file, which must not be there yet, instead of to standard output." placeholder:"FILE" type:"path"`
}

// Help is shown by ward fhir view --help.
func (fhirViewCmd) Help() string {
	return `A ViewDefinition (SQL on FHIR v2) names the columns of a table by FHIRPath; each resource of its type gives rows. Resources of other types give none, those in a Bundle are
read one by one. CSV begins with the names of the columns; Parquet is typed.

  ward fhir view patients.view.json exports/ > patients.csv
  ward fhir view --format parquet --out results.parquet results.view.json Observation.ndjson`
}

// Run implements the verb.
func (c fhirViewCmd) Run(s *session) error {
	set, err := c.set(s)
	if err != nil {
		return err
	}
	v, err := readView(s, set, c.View)
	if err != nil {
		return err
	}
	files, err := c.files()
	if err != nil {
		return err
	}
	to := s.out
	if c.Out != "" {
		f, err := os.OpenFile(c.Out, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return err
		}
		err = c.table(s, set, v, files, f)
		return errors.Join(err, f.Close())
	}
	return c.table(s, set, v, files, to)
}

// readView reads and compiles a ViewDefinition.
func readView(s *session, set *definition.Set, name string) (*view.View, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, misused(err.Error())
	}
	v, err := view.Compile(text, set)
	if err != nil {
		return nil, misused(name + ": " + err.Error())
	}
	for _, w := range v.Warnings {
		fmt.Fprintf(s.err, "ward: warning: %s: %s\n", name, w)
	}
	return v, nil
}

// rows is what a resource gives.
type rows struct {
	list [][]view.Value
	err  error
}

// table writes the rows of all files.
func (c fhirViewCmd) table(s *session, set *definition.Set, v *view.View, files []string, to io.Writer) error {
	buffered := bufio.NewWriterSize(to, 256<<10)
	out, err := c.writer(buffered, v.Columns())
	if err != nil {
		return err
	}
	count := newTally(s, "view")
	made := 0
	err = input.Run(s.ctx, files, s.in, func() func(input.Item) rows {
		t := &tabling{set: set, resource: v.Resource, runner: v.NewRunner(view.Options{})}
		return t.rows
	}, func(item input.Item, r rows) error {
		if r.err != nil {
			count.failed(item, r.err)
			return nil //nolint:nilerr // it is counted, and the others go on
		}
		count.one(true)
		made += len(r.list)
		for _, row := range r.list {
			if err := out.Row(row); err != nil {
				return err
			}
		}
		return nil
	})
	if err := errors.Join(err, out.Close(), buffered.Flush()); err != nil {
		return err
	}
	count.meter.end()
	fmt.Fprintf(s.err, "%d resources, %d rows\n", count.done, made)
	return count.end("gave no rows: they could not be read or evaluated")
}

func (c fhirViewCmd) writer(w io.Writer, columns []view.Column) (view.Writer, error) {
	switch c.Format {
	case "ndjson":
		return view.NewNDJSON(w, columns), nil
	case "parquet":
		return view.NewParquet(w, columns, parquet.Options{})
	}
	return view.NewCSV(w, columns), nil
}

// tabling makes the rows of one resource after another; each worker has its own.
type tabling struct {
	set       *definition.Set
	resource  string // the type that the view reads
	runner    *view.Runner
	doc, part tree.Doc
}

func (t *tabling) rows(item input.Item) (r rows) {
	text, err := asJSON(t.set, item)
	if err == nil {
		err = t.doc.Parse(text, tree.Limits{Bytes: input.MaxResource})
	}
	if err == nil {
		err = t.each(func(d *tree.Doc) error {
			return t.runner.Run(d, func(row []view.Value) error {
				kept := make([]view.Value, len(row))
				for i, v := range row {
					kept[i] = v.Clone()
				}
				r.list = append(r.list, kept)
				return nil
			})
		})
	}
	if err != nil {
		return rows{err: err}
	}
	return r
}

// each calls fn with the resource, or with those of the entries if it is a Bundle and the view does not read Bundles.
func (t *tabling) each(fn func(*tree.Doc) error) error {
	d := &t.doc
	kind := d.Member(0, "resourceType")
	if kind == tree.None {
		return errors.New("a resource needs a resourceType")
	}
	entries := d.Member(0, "entry")
	if string(d.Text(kind)) != "Bundle" || t.resource == "Bundle" || entries == tree.None {
		return fn(d)
	}
	for e := d.First(entries); e != tree.None; e = d.Sibling(e) {
		r := d.Member(e, "resource")
		if r == tree.None {
			continue
		}
		if err := t.part.Parse(d.Raw(r), tree.Limits{}); err != nil {
			return err
		}
		if err := fn(&t.part); err != nil {
			return err
		}
	}
	return nil
}
