package mapping

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
)

//go:embed rules/*.json
var files embed.FS

// ruleFile is one file of rules.
type ruleFile struct {
	Version    string                       `json:"version"`
	Structures []structureRule              `json:"structures"`
	Maps       []mapRule                    `json:"maps"`
	Tables     map[string]map[string]string `json:"tables"` // code -> code, or "system|code|display"; "*" is every other one
	Merge      map[string]map[string]string `json:"merge"`  // type -> element -> how an update joins it with what is stored
}

// structureRule is a message structure.
type structureRule struct {
	ID    string    `json:"id"`
	Kinds []string  `json:"kinds"`
	Group groupRule `json:"group"`
}

// groupRule is a group of segments.
type groupRule struct {
	Name      string         `json:"name"`
	Starts    []string       `json:"starts"`   // segments that open it; an earlier one and a later one stand in one group
	Segments  []string       `json:"segments"` // further segments of it
	Join      *joinRule      `json:"join"`
	Resources []resourceRule `json:"resources"`
	Groups    []groupRule    `json:"groups"`
}

// joinRule lets a starting segment continue the group before it.
type joinRule struct {
	When string   `json:"when"`
	Same []string `json:"same"` // paths that are equal in both
}

// resourceRule says which resource a group makes.
type resourceRule struct {
	Type string            `json:"type"`
	When string            `json:"when"`
	Key  string            `json:"key"`  // name of the maker of its business key
	Maps []string          `json:"maps"` // names of the maps that fill it
	Refs map[string]string `json:"refs"` // element -> type of the nearest candidate that it refers to
	List map[string]string `json:"list"` // element of the nearest candidate of a type that lists this one: type -> element
	Each string            `json:"each"` // a resource for every segment of this name
	IG   string            `json:"ig"`
}

// mapRule maps one segment to one type; its name is that of the guide's segment map.
type mapRule struct {
	Name    string      `json:"map"`
	Segment string      `json:"segment"`
	Item    string      `json:"item"`  // element that gets a new item per segment; the fields then go into it
	Needs   []string    `json:"needs"` // an item has one of these at least, or it is left out
	Fields  []fieldRule `json:"fields"`
}

// fieldRule maps one field.
type fieldRule struct {
	ID     string            `json:"id"`    // of the rule
	From   string            `json:"from"`  // path in the message; empty: Value
	To     string            `json:"to"`    // path in the body
	As     string            `json:"as"`    // converter
	Arg    string            `json:"arg"`   // for the converter
	Table  string            `json:"table"` // vocabulary
	When   string            `json:"when"`
	Value  string            `json:"value"`  // constant
	With   map[string]string `json:"with"`   // constants set beside the value
	Filler bool              `json:"filler"` // the constant is there because FHIR requires one; it replaces nothing that is stored
	IG     string            `json:"ig"`     // row of the guide: "OBX-3 code"; "" is a rule of our own
	Why    string            `json:"why"`    // why it deviates from the guide
}

// readRules reads every file.
func readRules() (ruleFile, error) {
	all := ruleFile{Tables: map[string]map[string]string{}, Merge: map[string]map[string]string{}}
	names, err := fs.Glob(files, "rules/*.json")
	if err != nil {
		return all, err
	}
	for _, name := range names {
		raw, err := files.ReadFile(name)
		if err != nil {
			return all, err
		}
		d := json.NewDecoder(bytes.NewReader(raw))
		d.DisallowUnknownFields()
		var f ruleFile
		if err := d.Decode(&f); err != nil {
			return all, fmt.Errorf("%s: %w", name, err)
		}
		if f.Version != "" {
			all.Version = f.Version
		}
		all.Structures, all.Maps = append(all.Structures, f.Structures...), append(all.Maps, f.Maps...)
		for k, t := range f.Tables {
			all.Tables[k] = t
		}
		for k, t := range f.Merge {
			all.Merge[k] = t
		}
	}
	return all, nil
}
