package main

import (
	"errors"
	"fmt"
	"slices"

	"github.com/ward-health/ward/clinical/fhir/definition"
	"github.com/ward-health/ward/cmd/ward/input"
)

// fhirWith is what is known beside the input and the packages.
type fhirWith struct {
	With []string `help:"File or directory (as input: JSON, NDJSON, XML) of definitions, Questionnaires and resources that references may point at; Bundles give those of their entries. May be given several times." placeholder:"PATH" sep:"none"`
}

// with reads --with: definitions into a package of their own, nil without --with, and everything into known. In a directory JSON that is no resource, such
// as the package.json of an unpacked package, is passed over.
func (w fhirWith) with(s *session, known *input.Known) (*definition.Package, error) {
	if len(w.With) == 0 {
		return nil, nil
	}
	if slices.Contains(w.With, "-") {
		return nil, misused("--with takes files and directories; - stands for the resources to validate")
	}
	files, err := input.Files(w.With)
	if err != nil {
		return nil, misused(err.Error())
	}
	own := &definition.Package{Name: "--with"}
	err = input.Read(s.ctx, files, s.in, func(item input.Item) error {
		text, err := asJSON(definition.R4(), item)
		if err == nil {
			err = known.Add(text, own.Add)
		}
		if err == nil || errors.Is(err, input.ErrNoResource) && !slices.Contains(w.With, item.File) {
			return nil
		}
		return errors.New(item.Source() + ": " + told(err))
	})
	return own, err
}

// readAll reads the whole input and adds it to known. What cannot be read is found when it is checked.
func readAll(s *session, set *definition.Set, files []string, known *input.Known) (items []input.Item, err error) {
	err = input.Read(s.ctx, files, s.in, func(item input.Item) error {
		items = append(items, item)
		if text, err := asJSON(set, item); err == nil {
			_ = known.Add(text, nil) // what is no resource is an error of its own check
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("the input could not be read: %w", err)
	}
	return items, nil
}
