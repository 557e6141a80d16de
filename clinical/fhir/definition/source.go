package definition

import (
	"encoding/json"
	"io/fs"
	"slices"
	"strings"
)

// sources are the files of the definitions that tables are made from.
var sources = []string{"profiles-types.json", "profiles-resources.json", "profiles-others.json", "extension-definitions.json", "search-parameters.json",
	"valuesets.json", "v2-tables.json", "v3-codesystems.json"}

// Tables makes the embedded tables from a folder with the FHIR 4.0.1 definitions: name of the file -> bytes. It is for the generator.
func Tables(from fs.FS) (map[string][]byte, error) {
	r, err := newRepair(from)
	if err != nil {
		return nil, err
	}
	t := tables{}
	for _, name := range sources {
		if err := entries(from, name, func(body []byte) error { return t.add(body, r) }); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(t.structures, func(a, b *Structure) int { return strings.Compare(a.URL, b.URL) })
	slices.SortFunc(t.profiles, func(a, b *Structure) int { return strings.Compare(a.URL, b.URL) })
	slices.SortFunc(t.params, func(a, b *SearchParameter) int { return strings.Compare(a.URL, b.URL) })
	slices.SortFunc(t.compartments, func(a, b *Compartment) int { return strings.Compare(a.Code, b.Code) })
	slices.SortFunc(t.systems, func(a, b *CodeSystem) int { return strings.Compare(a.URL, b.URL) })
	slices.SortFunc(t.composes, func(a, b *compose) int { return strings.Compare(a.url, b.url) })
	return map[string][]byte{"core.bin": pack(t.core), "profiles.bin": pack(t.extra), "terms.bin": pack(t.terms)}, nil
}

// entries calls fn with every resource of a Bundle.
func entries(from fs.FS, name string, fn func([]byte) error) error {
	b, err := fs.ReadFile(from, name)
	if err != nil {
		return err
	}
	var bundle struct {
		Entry []struct {
			Resource json.RawMessage `json:"resource"`
		} `json:"entry"`
	}
	if err := json.Unmarshal(b, &bundle); err != nil {
		return err
	}
	for _, e := range bundle.Entry {
		if err := fn(e.Resource); err != nil {
			return err
		}
	}
	return nil
}

func (t *tables) add(body []byte, r *repair) error {
	var head struct {
		ResourceType string `json:"resourceType"`
		URL          string `json:"url"`
	}
	if err := json.Unmarshal(body, &head); err != nil {
		return err
	}
	if slices.Contains(added, head.URL) {
		return nil
	}
	switch head.ResourceType {
	case "StructureDefinition":
		s, err := ReadStructure(body)
		switch {
		case err != nil:
			return err
		case s.Derived || s.Logical:
			s.withhold()
			t.profiles = append(t.profiles, s)
		default:
			r.structure(s)
			t.structures = append(t.structures, s)
		}
	case "SearchParameter":
		p, err := ReadSearchParameter(body)
		if err != nil {
			return err
		}
		t.params = append(t.params, p)
	case "CompartmentDefinition":
		c, err := readCompartment(body)
		if err != nil {
			return err
		}
		t.compartments = append(t.compartments, c)
	case "CodeSystem":
		c, err := ReadCodeSystem(body)
		if err != nil {
			return err
		}
		if shipped(c.URL) {
			t.systems = append(t.systems, c)
		}
	case "ValueSet":
		c, err := readValueSet(body)
		if err != nil {
			return err
		}
		t.composes = append(t.composes, c.bare())
	}
	return nil
}

// bare takes out the codes of systems that are not HL7's to give away.
func (c *compose) bare() *compose {
	for _, list := range [][]part{c.include, c.exclude, c.expansion} {
		for i := range list {
			if p := &list[i]; p.system != "" && !shipped(p.system) {
				p.hidden, p.concepts = len(p.concepts), nil
				p.filters = nil
				if p.hidden == 0 {
					p.hidden = 1
				}
			}
		}
	}
	return c
}
